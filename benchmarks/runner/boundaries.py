"""What a call costs over each boundary: a receive that moves nothing, made many times by each row's forwarder.

The device is threaded, so that the call does nothing but ask it, and idle. Rows take turns in rounds, as for packets;
each is compared with C static, which has no boundary, of the same round.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import figures
from .forwarder import ForwarderError
from .languages import REFERENCE, Row
from .measure import Measurement
from .placement import Watch

CALLS_MIN = 1000
CALLS_MAX = 20_000_000
SAMPLE_NS = 8e6  # short: the likelier is it that nothing disturbs it
CALIBRATION_RUNS = 4
FAILURES_MAX = 3
PACKET_BATCHES = (32, 256)  # where the table tells what a packet costs


@dataclass
class Crossing:
    """One row's calls."""

    row: Row
    calls: int = CALLS_MIN
    samples: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def verify(raw: dict[str, Any], calls: int) -> str | None:
    """Why a reply is none, or None."""
    if any(not isinstance(raw.get(name), int) for name in ("calls", "cycles", "nanoseconds")):
        return "the forwarder did not report calls, cycles and nanoseconds"
    if raw["calls"] != calls:
        return f"{raw['calls']} calls instead of {calls}"
    return None if raw["cycles"] > 0 and raw["nanoseconds"] > 0 else "the clock stood still"


def sample_of(raw: dict[str, Any], number: int, watch: Watch) -> dict[str, Any]:
    sample = {
        "round": number,
        "timing": "threaded",
        "raw": raw,
        "ns_per_call": raw["nanoseconds"] / raw["calls"],
        "cycles_per_call": raw["cycles"] / raw["calls"],
        "driver_waited_share": watch.account.waited(model=False),
        "pinned": watch.pinned,
    }
    sample["reasons"] = figures.judge(sample)
    sample["counts"] = not sample["reasons"]
    return sample


class Calls:
    """Takes the samples, with the forwarders of a measurement."""

    def __init__(self, measurement: Measurement):
        self._measurement = measurement
        known = {cell.row.name: cell.row for cell in measurement.cells}
        self.crossings = [Crossing(row) for row in known.values()] if measurement.cores else []

    def _run(self, crossing: Crossing) -> tuple[dict[str, Any], Watch] | None:
        row, calls = crossing.row, crossing.calls
        try:
            forwarder = self._measurement.forwarder(row)
            watch = Watch(forwarder.process.pid, self._measurement.cores)
            try:
                raw = forwarder.call(row.variant, calls, watch)
            finally:
                watch.finish()
            problem = verify(raw, calls)
        except ForwarderError as error:
            problem = str(error)
        if problem:
            crossing.failures.append(problem)
            self._measurement.failures.append(f"{row.name}, calls: {problem}")
            return None
        fitting = int(calls * SAMPLE_NS / raw["nanoseconds"])
        crossing.calls = max(CALLS_MIN, min(CALLS_MAX, calls * 20, fitting))
        return raw, watch

    def take(self, rounds: int, show: Callable[[str], None]) -> None:
        for crossing in self.crossings:
            show(f"calibrating the calls of {crossing.row.name}")
            for _ in range(CALIBRATION_RUNS):
                self._run(crossing)
        for number in range(rounds):
            first = number % max(1, len(self.crossings))
            for crossing in self.crossings[first:] + self.crossings[:first]:
                show(f"calls, round {number + 1}: {crossing.row.name}")
                if len(crossing.failures) < FAILURES_MAX and (done := self._run(crossing)):
                    crossing.samples.append(sample_of(done[0], number, done[1]))


def over_reference(samples: list[dict[str, Any]], references: list[dict[str, Any]]) -> list[float]:
    """How much longer each sample's call took than the reference's of the same round."""
    by_round = {sample["round"]: sample["ns_per_call"] for sample in references}
    return [sample["ns_per_call"] - by_round[sample["round"]] for sample in samples if sample["round"] in by_round]


def summarise(samples: list[dict[str, Any]], references: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians and spreads of a row's calls, and of what each is over the reference's of the same round."""
    notes = []
    used = [sample for sample in samples if sample["counts"]]
    if samples and not used:
        notes.append("disturbed: in no sample did the threads have their CPUs to themselves")
        used = samples
    over = over_reference(used, [sample for sample in references if sample["counts"]])
    if used and not over:
        over = over_reference(samples, references)
        if over and not notes:
            notes.append("over C static from rounds that were disturbed")
    entry: dict[str, Any] = {}
    for name, values in (
        ("ns_per_call", [sample["ns_per_call"] for sample in used]),
        ("cycles_per_call", [sample["cycles_per_call"] for sample in used]),
        ("ns_over_reference", over),
    ):
        entry[name], entry[f"{name}_spread"] = figures.median(values), figures.spread(values)
    return entry | {"samples_used": len(used), "notes": notes}


def table_of(crossings: list[Crossing], rows: list[dict[str, Any]], cores: bool) -> list[dict[str, Any]]:
    """An entry for each row of the matrix: a call, and a packet inline on the first device."""
    by_name = {crossing.row.name: crossing for crossing in crossings}
    reference = by_name[REFERENCE].samples if REFERENCE in by_name else []
    first = [row for row in rows if row["timing"] == "inline" and row["device"] == rows[0]["device"]]
    entries = []
    for name in dict.fromkeys(f"{row['language']} {row['variant']}" for row in rows):
        of = [row for row in rows if f"{row['language']} {row['variant']}" == name]
        crossing = by_name.get(name)
        missing = of[0]["missing"] if crossing is None else None
        if crossing is None and missing is None:
            missing = "not measured" if cores else "not measured: calls need two cores"
        entries.append(
            {member: of[0][member] for member in ("language", "boundary", "variant", "level")}
            | summarise(crossing.samples if crossing else [], reference)
            | {
                "ns_per_packet": {
                    str(row["batch"]): row["ns_per_packet"]
                    for row in first
                    if row in of and row["batch"] in PACKET_BATCHES
                },
                "missing": missing,
                "failures": crossing.failures if crossing else [],
                "samples": crossing.samples if crossing else [],
            }
        )
    return entries


def batches(entries: list[dict[str, Any]]) -> list[str]:
    """Those that packets were measured at."""
    return list(dict.fromkeys(batch for entry in entries for batch in entry["ns_per_packet"]))


def head(entries: list[dict[str, Any]]) -> list[str]:
    return [
        "language",
        "variant",
        "boundary",
        "ns a call [middle half]",
        "least",
        "over C static",
        *(f"ns a packet, batch {batch}" for batch in batches(entries)),
        "notes",
    ]


def cells(entry: dict[str, Any], known: list[str]) -> list[str]:
    """Texts; the last is what a reader must know."""

    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:,.1f}"

    spread = entry["ns_per_call_spread"]
    call = number(entry["ns_per_call"])
    if spread:
        call += f" [{number(spread['p25'])}..{number(spread['p75'])}]"
    missing = [entry["missing"].splitlines()[0]] if entry["missing"] else []
    return [
        entry["language"],
        entry["variant"],
        entry["boundary"],
        call,
        number(spread["min"] if spread else None),
        number(entry["ns_over_reference"]),
        *(number(entry["ns_per_packet"].get(batch)) for batch in known),
        "; ".join(missing + entry["notes"] + entry["failures"]),
    ]
