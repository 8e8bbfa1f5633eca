#!/usr/bin/env python3
"""The safety table: what each language catches, of mistakes that its tests make now. See docs/safety.md."""

import argparse
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from runner import safety  # noqa: E402
from runner.languages import TOP  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="safety", description="Runs every language's safety tests; prints the table.")
    parser.add_argument("--build", type=Path, default=TOP / "build", help="where things were built (build)")
    options = parser.parse_args()
    build = options.build.resolve()
    result = safety.measure(build, None, os.environ.get("CI") == "true", lambda text: print(text, flush=True))
    (build / "safety.json").write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(["", "safety table", *safety.lines_of(result)]))
    cells = [cell["mark"] for row in result["rows"] for cell in row["cells"].values()]
    failed = len(result["faults"])
    not_run = cells.count(safety.NOT_RUN)
    print(f"{len(cells) - not_run} passed, {failed} failed; {not_run} cells not run")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
