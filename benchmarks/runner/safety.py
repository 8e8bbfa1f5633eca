"""The safety table: runs each language's safety tests, collects the marks they print, and holds them against
safety.json, which lists rows and columns. docs/safety.md says what the lines look like and what is a fault.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import toolchain
from .languages import TOP, environment

PLAN_FILE = TOP / "benchmarks" / "safety.json"
NOT_RUN = "not run"
NOT_CAUGHT = "not caught"
MARKS = (NOT_CAUGHT, "contained", "run time", "compile time", "cannot be written")  # the weakest first
SECONDS = 600
LINE = re.compile(r"safety: ([^|/\s][^|/\n]*/[^|\n]*?) \| ([^|\n]*?) \| ([^|\n]*?) \| ([^|\n]*?)[ \t]*$", re.M)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def load(build: Path, file: Path = PLAN_FILE) -> dict[str, Any]:
    """The plan, with the commands' places filled in."""
    plan: dict[str, Any] = json.loads(file.read_text())
    places = {"build": str(build), "prefix": str(build / "prefix"), "python": sys.executable}
    for language in plan["languages"]:
        language["commands"] = [[word.format(**places) for word in words] for words in language["commands"]]
        changed = language.get("environment", {})
        language["environment"] = {name: value.format(**places) for name, value in changed.items()}
    return plan


def marks_of(text: str) -> list[dict[str, str]]:
    """The marks that a test's output tells, in order."""
    found = (match.groups() for match in LINE.finditer(COLOURS.sub("", text).replace("\r", "")))
    return [{"row": row, "column": column, "mark": mark, "detail": detail} for row, column, mark, detail in found]


def run(language: dict[str, Any], build: Path) -> tuple[list[dict[str, str]], str | None]:
    """The marks of one language, and what went wrong. A test that fails may have told marks before."""
    changed = environment(build) | language["environment"]
    marks: list[dict[str, str]] = []
    for command in language["commands"]:
        try:
            done = subprocess.run(
                command,
                cwd=TOP / language["folder"],
                env=changed,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return marks, f"{' '.join(command)}: {error}"
        marks += marks_of(done.stdout)
        if done.returncode != 0:
            return marks, f"{' '.join(command)} failed:\n{done.stdout[-3000:]}"
    return marks, None


def cell(marks: list[dict[str, str]]) -> dict[str, Any]:
    """One cell: the weakest of its marks, and all of them."""
    told = [{"mark": mark["mark"], "detail": mark["detail"]} for mark in marks]
    known = [mark["mark"] for mark in marks if mark["mark"] in MARKS]
    return {"mark": min(known, key=MARKS.index, default=NOT_RUN), "told": told}


def judge(plan: dict[str, Any], languages: list[dict[str, Any]], marks: list[dict[str, str]]) -> dict[str, Any]:
    """The table of some of the plan's languages, and what is wrong with it."""
    columns = plan["columns"]
    rows, faults = [], []
    names = {row["row"] for language in languages for row in language["rows"]}
    for mark in marks:
        for kind, value, known in (
            ("row", mark["row"], names),
            ("column", mark["column"], columns),
            ("mark", mark["mark"], MARKS),
        ):
            if value not in known:
                faults.append(f'a test tells of the {kind} "{value}", which there is not: {mark}')
    for language in languages:
        for row in language["rows"]:
            cells = {
                column: cell([mark for mark in marks if (mark["row"], mark["column"]) == (row["row"], column)])
                for column in columns
            }
            rows.append({"row": row["row"], "default": row["default"], "cells": cells})
            if all(of["mark"] == NOT_RUN for of in cells.values()):
                faults.append(f"{row['row']}: not run; no test told a mark")
                continue
            excused = row.get("uncaught", {})
            for column, of in cells.items():
                where = f"{row['row']}, {column}"
                if of["mark"] == NOT_RUN:
                    faults.append(f"{where}: not run; no test told a mark")
                elif of["mark"] == NOT_CAUGHT and row["default"] and column not in excused:
                    faults.append(f"{where}: not caught, in a default packet type, and safety.json gives no reason")
                elif column in excused and of["mark"] != NOT_CAUGHT:
                    faults.append(f"{where}: {of['mark']}; safety.json still has a reason why it is not caught")
    return {"columns": columns, "rows": rows, "faults": faults}


def measure(
    build: Path, names: list[str] | None, in_ci: bool, say: Callable[[str], None], file: Path = PLAN_FILE
) -> dict[str, Any]:
    """Runs the tests of all languages, or those named. What is missing here is a fault only in CI."""
    plan = load(build, file)
    marks: list[dict[str, str]] = []
    ran, missing, failed = [], {}, []
    wanted = None if names is None else {name.lower() for name in names}
    for language in plan["languages"]:
        name = language["language"]
        if wanted is not None and name.lower() not in wanted:
            missing[name] = "not selected"
            continue
        lacks = toolchain.lacks(language["needs"])
        if lacks is not None:
            missing[name] = lacks
            continue
        say(f"safety tests: {name}")
        told, problem = run(language, build)
        marks += told
        ran.append(language)
        if problem:
            failed.append(f"{name}: {problem}")
    result = judge(plan, ran, marks)
    for language in plan["languages"]:
        if language["language"] in missing:
            empty = {column: cell([]) for column in plan["columns"]}
            result["rows"] += [row | {"cells": empty} for row in language["rows"]]
    order = [row["row"] for language in plan["languages"] for row in language["rows"]]
    result["rows"].sort(key=lambda row: order.index(row["row"]))
    result["missing"] = missing
    result["faults"] = failed + result["faults"]
    if in_ci:
        result["faults"] += [f"{name} was not run: {why}" for name, why in missing.items() if why != "not selected"]
    return result


# ---- as text ----

SHORT = {"compile time": "compile", "run time": "run", NOT_CAUGHT: "NOT", "cannot be written": "cannot"}
LEGEND = (
    "compile: refused by the compiler; run: the language's own error; contained: no error, and nothing but the "
    "packet's own bytes is touched; NOT: not caught; cannot: cannot be written"
)


def lines_of(result: dict[str, Any]) -> list[str]:
    """The table, a mistake a line, and below it why what is not caught is not."""
    names = [row["row"].partition("/")[::2] for row in result["rows"]]
    table = [["", *(language for language, _ in names)], ["", *(variant for _, variant in names)]]
    for column in result["columns"]:
        marks = [row["cells"][column]["mark"] for row in result["rows"]]
        table.append([column, *(SHORT.get(mark, mark) for mark in marks)])
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    texts = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in table]
    texts.append(LEGEND)
    for row in result["rows"]:
        for column, of in row["cells"].items():
            texts += [
                f"  {row['row']}, {column}: not caught: {told['detail']}"
                for told in of["told"]
                if told["mark"] == NOT_CAUGHT
            ]
    texts += [f"not run: {name}: {why}" for name, why in result["missing"].items()]
    return texts + [f"FAILED: {fault}" for fault in result["faults"]]
