"""What is printed at the end: a table for each device and timing, notes, instructions, goals and failures."""

import sys
from collections.abc import Sequence
from typing import Any

from . import boundaries, devices

HEAD = ("language", "variant", "boundary", "batch", "ns", "Mpps", "ratio to C static", "verified", "notes")
TEXTS = {"language", "variant", "boundary", "verified", "notes"}


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def ratio_text(row: dict[str, Any]) -> str:
    spread = row["ratio_to_c_spread"]
    if row["ratio_to_c"] is None or spread is None:
        return "-"
    return f"{row['ratio_to_c']:.3f} [{spread['p25']:.3f}..{spread['p75']:.3f}]"


class Notes:
    """Notes are long and repeat: rows carry a number, the text stands once below."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, texts: list[str]) -> str:
        return " ".join(str(self._numbers.setdefault(text, len(self._numbers) + 1)) for text in texts)

    def texts(self) -> list[str]:
        """In the order of their numbers, from 1."""
        return list(self._numbers)


def cells(row: dict[str, Any], notes: Notes) -> tuple[str, ...]:
    names = (row["language"], row["variant"], row["boundary"])
    if row["missing"]:
        return (*names, "-", "-", "-", "-", "missing", notes.mark([row["missing"].splitlines()[0]]))
    return (
        *names,
        str(row["batch"]),
        _number(row["ns_per_packet"]),
        _number(row["mpps"]),
        ratio_text(row),
        "yes" if row["verified"] else "NO",
        notes.mark(row["notes"]),
    )


def rows_lines(rows: list[dict[str, Any]], notes: Notes) -> list[str]:
    """Padded lines, the head first. A missing row stands once, not once a batch size."""
    return padded([HEAD, *dict.fromkeys(cells(row, notes) for row in rows)])


def padded(table: Sequence[Sequence[str]]) -> list[str]:
    """The first line is the head, which says by its names what is text."""
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    return [
        " ".join(
            cell.ljust(width) if name in TEXTS else cell.rjust(width)
            for cell, width, name in zip(line, widths, table[0], strict=True)
        ).rstrip()
        for line in table
    ]


def _style(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() else text


def show(result: dict[str, Any]) -> None:
    notes = Notes()
    for device, timing in dict.fromkeys((row["device"], row["timing"]) for row in result["rows"]):
        rows = [row for row in result["rows"] if (row["device"], row["timing"]) == (device, timing)]
        head, *lines = rows_lines(rows, notes)
        print(f"\n{devices.label(device)}, {timing}\n{_style('1', head)}")
        for line in lines:
            print(_style("31", line) if " NO" in line else line)
    for number, text in enumerate(notes.texts(), 1):
        print(f"  {number}  {text}")
    if entries := result["boundaries"]:
        known = boundaries.batches(entries)
        head, *lines = padded([boundaries.head(entries), *(boundaries.cells(entry, known) for entry in entries)])
        print(f"\nboundaries: a call that moves nothing; a packet inline, {devices.label(result['devices'][0])}")
        print("\n".join([_style("1", head), *lines]))
    if result["instructions"]:
        print("\ninstructions a packet")
    for device, counted in result["instructions"].items():
        for name, value in counted.items():
            text = f"not measured: {value['not_measured']}" if "not_measured" in value else ""
            text = text or f"{value['instructions_per_packet']:.1f} at batch {value['batch']}"
            print(f"  {devices.label(device):<14} {name:<14} {text}")
    bars = [bar for bar in result["bars"] if bar["verdict"] != "not measured: not selected"]
    if bars:
        print("\ngoals")
    width = max((len(bar["text"]) for bar in bars), default=0)
    for bar in bars:
        print(f"  {bar['text']:<{width}}  {bar['verdict']}")
    for failure in result["failures"]:
        print(_style("31", f"FAILED: {failure}"))
