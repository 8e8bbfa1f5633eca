"""The table on the terminal."""

import sys
from typing import Any

HEAD = ("language", "boundary", "variant", "timing", "batch", "ns", "Mpps", "ratio to C static", "verified", "notes")
RIGHT = {"batch", "ns", "Mpps", "ratio to C static"}


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def ratio_text(row: dict[str, Any]) -> str:
    spread = row.get("ratio_to_c_spread")
    if row.get("ratio_to_c") is None or spread is None:
        return "-"
    return f"{row['ratio_to_c']:.3f} [{spread['p25']:.3f}..{spread['p75']:.3f}]"


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    names = (row["language"], row["boundary"], row["variant"], row["timing"] or "", str(row["batch"] or ""))
    if row["missing"]:
        return (*names, "-", "-", "-", "missing", row["missing"].splitlines()[0])
    figures = (_number(row["ns_per_packet"], 2), _number(row["mpps"], 2), ratio_text(row))
    return (*names, *figures, "yes" if row["verified"] else "NO", "; ".join(row["notes"]))


def show(rows: list[dict[str, Any]]) -> None:
    lines = [cells(row) for row in rows]
    if sys.stdout.isatty():
        try:
            from rich.console import Console
            from rich.table import Table
        except ImportError:
            pass
        else:
            table = Table(header_style="bold", pad_edge=False)
            for name in HEAD:
                table.add_column(name, justify="right" if name in RIGHT else "left", no_wrap=name != "notes")
            for row, line in zip(rows, lines, strict=True):
                table.add_row(*line, style=None if row["verified"] else "red")
            Console().print(table)
            return
    widths = [max(len(line[column]) for line in (HEAD, *lines)) for column in range(len(HEAD))]
    for line in (HEAD, *lines):
        padded = (
            cell.rjust(width) if name in RIGHT else cell.ljust(width)
            for cell, width, name in zip(line, widths, HEAD, strict=True)
        )
        print("  ".join(padded).rstrip())
