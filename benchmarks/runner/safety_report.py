"""The safety table as HTML: what each language catches, every mark with what its test told."""

from html import escape
from typing import Any

from .safety import NOT_CAUGHT, NOT_RUN

KIND = {NOT_CAUGHT: "bad", NOT_RUN: "faint"}

ABOUT = """
<p>Each mark is a test that ran in that language in this run, made the mistake and asserted what came of it: refused at
compile time, or an error of the language's own at run time, or contained (no error, and nothing but the packet's own
bytes is touched), or not caught, or a mistake that the language has no way to write. Where a mistake can be made in
several ways the weakest mark counts. Bold rows are each language's default packet type; the others reach memory as the
language itself gives it (a pointer, slice, memoryview, Bigarray), and make all calls through the same checked
interface.</p>
"""


def _mark(cell: dict[str, Any]) -> str:
    told = "; ".join(f"{told['mark']}: {told['detail']}" for told in cell["told"]) or NOT_RUN
    return f'<span class="{KIND.get(cell["mark"], "good")}" title="{escape(told)}">{escape(cell["mark"])}</span>'


def table(result: dict[str, Any]) -> str:
    """The marks; what the tests told is in each mark's title and in the list below."""
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", *result["columns"]))
    lines = []
    for row in result["rows"]:
        name = escape(row["row"])
        cells = [f"<b>{name}</b>" if row["default"] else name, *map(_mark, row["cells"].values())]
        lines.append("".join(f"<td>{cell}</td>" for cell in cells))
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div class="scroll"><table class="safety"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def details(result: dict[str, Any]) -> str:
    """What each test told, a row of the table after the other."""
    lists = []
    for row in result["rows"]:
        items = "".join(
            f"<li>{escape(column)}: {escape(told['mark'])}: {escape(told['detail'])}</li>"
            for column, cell in row["cells"].items()
            for told in cell["told"]
        )
        lists.append(f"<details><summary>{escape(row['row'])}: what each test told</summary><ul>{items}</ul></details>")
    return "".join(lists)


def body(result: dict[str, Any] | None) -> str:
    """All of the section that is ours."""
    if result is None:
        return '<p class="faint">Not run in this run: ./dev safety prints the table, ./dev matrix --safety adds it.</p>'
    missing = "".join(f"<li>{escape(name)}: not run: {escape(why)}</li>" for name, why in result["missing"].items())
    return ABOUT + table(result) + (f"<ul>{missing}</ul>" if missing else "") + details(result)
