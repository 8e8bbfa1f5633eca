"""The safety table from made-up lines: what is read, which mark a cell shows, what is a fault, what the report says."""

import json
import os
import subprocess
import sys

import pytest
from conftest import BENCHMARKS
from runner import safety, safety_report

COLUMNS = ["double free", "use after free"]


@pytest.fixture
def table(tmp_path):
    """Runs a plan of one language, Lisp, whose test prints what it is given; returns the result."""

    def run(*lines, status=0, default=True, uncaught=None, needs=(), in_ci=False, names=None):
        (tmp_path / "said").write_text("".join(f"{line}\n" for line in lines))
        script = f"print(open({str(tmp_path / 'said')!r}).read()); raise SystemExit({status})"
        row = {"row": "Lisp/cons", "default": default, "uncaught": uncaught or {}}
        language = {
            "language": "Lisp",
            "needs": list(needs),
            "folder": ".",
            "commands": [["{python}", "-c", script]],
            "rows": [row],
        }
        file = tmp_path / "safety.json"
        file.write_text(json.dumps({"columns": COLUMNS, "languages": [language]}))
        return safety.measure(tmp_path, names, in_ci, lambda text: None, file)

    return run


def line(column, mark, detail="an error", row="Lisp/cons"):
    return f"safety: {row} | {column} | {mark} | {detail}"


BOTH = [line(column, "run time") for column in COLUMNS]


def marks(result):
    return [cell["mark"] for row in result["rows"] for cell in row["cells"].values()]


def test_lines_are_found_in_what_runners_print():
    text = "12: safety: C/raw view | double free | run time | -1\r\n\x1b[32mtest a ... \x1b[0m"
    text += "safety: Go/x | b | c | d d  \n"
    text += "safety: Go/x | b\n | c | d\n"
    assert safety.marks_of(text) == [
        {"row": "C/raw view", "column": "double free", "mark": "run time", "detail": "-1"},
        {"row": "Go/x", "column": "b", "mark": "c", "detail": "d d"},
    ]
    assert safety.marks_of("safety: Go | a | b | c\nsafety tests: Go\nsafety: Go/x | a | b\n") == []


def test_every_cell_has_a_mark(table):
    result = table(*BOTH)
    assert (marks(result), result["faults"]) == (["run time", "run time"], [])


def test_the_weakest_mark_counts(table):
    result = table(*BOTH, line("double free", "compile time"), line("use after free", "cannot be written"))
    assert marks(result) == ["run time", "run time"]
    assert marks(table(*BOTH, line("double free", "contained"))) == ["contained", "run time"]
    result = table(*[line(column, "cannot be written") for column in COLUMNS], line("double free", "compile time"))
    assert marks(result) == ["compile time", "cannot be written"]
    assert [told["mark"] for told in result["rows"][0]["cells"]["double free"]["told"]] == [
        "cannot be written",
        "compile time",
    ]


def test_a_cell_without_a_test_is_a_fault(table):
    result = table(BOTH[0])
    assert marks(result) == ["run time", "not run"]
    assert result["faults"] == ["Lisp/cons, use after free: not run; no test told a mark"]
    assert table()["faults"] == ["Lisp/cons: not run; no test told a mark"]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (line("double fee", "run time"), 'column "double fee"'),
        (line("double free", "somehow"), 'mark "somehow"'),
        (line("double free", "run time", row="Lisp/car"), 'row "Lisp/car"'),
    ],
)
def test_an_unknown_word_is_a_fault(table, wrong, word):
    (fault,) = table(*BOTH, wrong)["faults"]
    assert word in fault


def test_not_caught_needs_a_reason_in_a_default_type(table):
    lines = [*BOTH, line("double free", "not caught", "why not")]
    (fault,) = table(*lines)["faults"]
    assert fault.startswith("Lisp/cons, double free: not caught")
    assert table(*lines, default=False)["faults"] == []
    assert table(*lines, uncaught={"double free": "no way to"})["faults"] == []
    (fault,) = table(*BOTH, uncaught={"double free": "no way to"})["faults"]
    assert "still has a reason" in fault


def test_a_test_that_fails_is_a_fault(table):
    (fault,) = table(*BOTH, status=3)["faults"]
    assert "failed" in fault


def test_a_missing_toolchain_is_not_run(table):
    result = table(*BOTH, needs=["no-such-lisp"])
    assert (marks(result), result["faults"]) == (["not run", "not run"], [])
    assert "no-such-lisp" in result["missing"]["Lisp"]
    assert len(table(*BOTH, needs=["no-such-lisp"], in_ci=True)["faults"]) == 1
    assert table(*BOTH, names=["other"], in_ci=True)["faults"] == []


def test_text_and_html_show_all(table):
    result = table(BOTH[0], line("use after free", "not caught", "a <pointer>"))
    text = "\n".join(safety.lines_of(result))
    assert "double free     run\nuse after free  NOT" in text
    assert "Lisp/cons, use after free: not caught: a <pointer>" in text
    assert "FAILED: Lisp/cons, use after free" in text
    page = safety_report.body(result)
    assert "<b>Lisp/cons</b>" in page
    assert 'class="bad"' in page
    assert "a &lt;pointer&gt;" in page
    assert "<pointer>" not in page
    assert "Not run" in safety_report.body(None)


def test_the_plan_is_sound():
    plan = safety.load(BENCHMARKS / "build")
    assert len(plan["columns"]) == len(set(plan["columns"])) == 19
    rows = [row["row"] for language in plan["languages"] for row in language["rows"]]
    assert len(rows) == len(set(rows))
    for language in plan["languages"]:
        assert any(row["default"] for row in language["rows"])
        assert all(row["row"].startswith(f"{language['language']}/") for row in language["rows"])
        assert all(set(row.get("uncaught", {})) <= set(plan["columns"]) for row in language["rows"])


def test_the_page_of_the_contract_names_every_column():
    text = (BENCHMARKS.parent / "docs" / "safety.md").read_text()
    for column in safety.load(BENCHMARKS / "build")["columns"]:
        assert f"| `{column}` |" in text


def test_the_program_says_how_to_use_it():
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "safety.py", "--help"], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 0
    assert "--build" in done.stdout


SUFFIXES = {".rs", ".go", ".py", ".ml"}
LANGUAGES = {
    "Rust": ("bindings/rust/tests", "fn {}("),
    "Go": ("bindings/go", "func {}("),
    "Python": ("bindings/python/tests", "def {}("),
    "OCaml": ("bindings/ocaml/test", "let {} "),
}


def tables_of_languages():
    """The tables of docs/safety.md with a column for each language: each its head, and its lines."""
    text = (BENCHMARKS.parent / "docs" / "safety.md").read_text()
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    tables = []
    for line in lines:
        if set(LANGUAGES) <= set(line):
            tables.append((line, []))
        elif tables and len(line) == len(tables[-1][0]):
            tables[-1][1].append(line)
    return tables


def test_every_test_that_the_page_names_is_there():
    top = BENCHMARKS.parent
    (misuse, columns) = tables_of_languages()
    assert [line[0].split()[0] for line in misuse[1]] == [chr(code) for code in range(ord("a"), ord("u") + 1)]
    assert [line[0] for line in columns[1]] == safety.load(BENCHMARKS / "build")["columns"][13:]
    missing = []
    for head, lines in (misuse, columns):
        for line in lines:
            for language, cell in zip(head[1:], line[1:], strict=True):
                folder, form = LANGUAGES[language]
                sources = [file.read_text() for file in (top / folder).rglob("*") if file.suffix in SUFFIXES]
                for name in cell.split("`")[1::2]:
                    if name.startswith("misuse/"):
                        found = any((top / folder).glob(name))
                    else:
                        found = any(form.format(name) in source for source in sources)
                    if not found:
                        missing.append(f"{line[0]}: {language}: {name}")
                assert cell
    assert missing == []
