"""Whether the figures reach what bars.json asks for. A bar is a goal of the project, not a condition of a run."""

import json
from pathlib import Path
from typing import Any

from . import devices

BARS_FILE = Path(__file__).resolve().parents[1] / "bars.json"

KEYS = ("device", "batch", "timing")  # what a bar and its row have in common


def _find(result: dict[str, Any], name: str, bar: dict[str, Any]) -> dict[str, Any] | None:
    rows: list[dict[str, Any]] = result["rows"]
    for row in rows:
        if f"{row['language']} {row['variant']}" == name and all(row[key] == bar[key] for key in KEYS):
            return row
    return None


def _value(result: dict[str, Any], bar: dict[str, Any]) -> tuple[float | None, str]:
    """The figure that a bar is about, or why there is none."""
    row = _find(result, bar["row"], bar)
    if row is None:
        return None, "not selected"
    if row["missing"]:
        return None, str(row["missing"]).splitlines()[0]
    if not row["verified"]:
        return None, "the row failed"
    if bar["figure"] == "instructions":
        return row["instructions_per_packet"], "instructions were not counted"
    if bar["figure"] == "mpps":
        if bar["timing"] == "threaded" and not row.get("better_state"):
            return None, "not in the better state"
        return row["mpps"], "no sample"
    why = "; ".join(row["notes"]) or "no pair of samples that may be compared"
    if "to" not in bar:
        return row["ratio_for_bars"], why
    other = _find(result, bar["to"], bar)
    if other is None or not other["ratio_for_bars"] or row["ratio_for_bars"] is None:
        return None, why
    return row["ratio_for_bars"] / other["ratio_for_bars"], why


def _goal(bar: dict[str, Any]) -> str:
    what = {"instructions": "instructions a packet", "mpps": "Mpps", "ratio": f"of {bar.get('to', 'C static')}"}
    limit = f"at most {bar['at_most']}" if "at_most" in bar else f"at least {bar['at_least']}"
    return f"{bar['row']}, {bar['timing']}, batch {bar['batch']}: {limit} {what[bar['figure']]}"


def judge(result: dict[str, Any], file: Path = BARS_FILE) -> list[dict[str, Any]]:
    judged = []
    for bar in json.loads(file.read_text()):
        value, why = _value(result, bar)
        if value is None:
            verdict, reached = f"not measured: {why}", None
        else:
            reached = value <= bar["at_most"] if "at_most" in bar else value >= bar["at_least"]
            verdict = f"{value:.{3 if bar['figure'] == 'ratio' else 1}f}, {'reached' if reached else 'NOT reached'}"
        goal = _goal(bar)
        texts = {"goal": goal, "text": f"{devices.label(bar['device'])}, {goal}", "verdict": verdict}
        judged.append(bar | texts | {"value": value, "reached": reached})
    return judged
