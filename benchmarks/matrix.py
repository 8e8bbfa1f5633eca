#!/usr/bin/env python3
"""The matrix: the same forwarder in every language, on the same emulated devices, measured side by side.

Starts the forwarder of each language, takes samples of all of them in rounds, checks that every frame arrived, prints a
table and writes matrix.json and report.html. See benchmarks/README.md for the method and the files.
"""

import argparse
import datetime
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from runner import bars, boundaries, devices, figures, instructions, machine, safety, table  # noqa: E402
from runner.devices import DEVICES, Device  # noqa: E402
from runner.languages import REFERENCE, TOP, Language, Row, absent, load, prepare, select  # noqa: E402
from runner.measure import Cell, Measurement, Plan  # noqa: E402
from runner.progress import Progress, clock  # noqa: E402

SCHEMA = 2
ALL_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
QUICK_BATCHES = (32, 256)
TIMINGS = ("inline", "threaded")
ROUNDS = 11
CALL_ROUNDS = 21
QUICK_CALL_ROUNDS = 7
QUICK_SECONDS = 50.0
SAMPLE_MS = {"inline": 60.0, "threaded": 100.0}
QUICK_SAMPLE_MS = {"inline": 30.0, "threaded": 60.0}
INSTRUCTIONS_BATCH = 32
INSTRUCTIONS_ROWS = ("C static", "C shared", "C libffi", "Rust safe")


def arguments() -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return [part for part in text.split(",") if part]

    def batches(text: str) -> tuple[int, ...]:
        sizes = tuple(sorted({int(part) for part in names(text)}))
        if not sizes or sizes[0] < 1 or sizes[-1] > 4096:
            raise argparse.ArgumentTypeError("batch sizes lie between 1 and 4096, as in 32,256")
        return sizes

    parser = argparse.ArgumentParser(
        prog="matrix", description="The same forwarder in every language, measured side by side."
    )
    parser.add_argument("--quick", action="store_true", help="batches 32 and 256 in about a minute")
    parser.add_argument("--languages", type=names, metavar="LIST", help="as in c,rust,go (default: all)")
    parser.add_argument(
        "--devices",
        type=names,
        default=[device.name for device in DEVICES],
        metavar="LIST",
        help=f"as in {DEVICES[0].name},{DEVICES[1].name} (default: {','.join(device.name for device in DEVICES)})",
    )
    parser.add_argument("--batches", type=batches, metavar="LIST", help="as in 32,256 (default: 1,2,4,...,256)")
    parser.add_argument("--timings", type=names, default=list(TIMINGS), metavar="LIST", help="inline, threaded or both")
    parser.add_argument("--rounds", type=int, help=f"samples a row (default: {ROUNDS}, or what fits with --quick)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="for matrix.json and report.html (BUILD/matrix)")
    parser.add_argument(
        "--build", type=Path, default=TOP / "build", metavar="BUILD", help="where forwarders were built"
    )
    parser.add_argument("--prepare", action="store_true", help="build the forwarders first")
    parser.add_argument(
        "--instructions",
        action=argparse.BooleanOptionalAction,
        help="count instructions a packet with callgrind (default: unless --quick)",
    )
    parser.add_argument(
        "--calls",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="measure what a call costs over each boundary (default: yes)",
    )
    parser.add_argument(
        "--safety",
        action=argparse.BooleanOptionalAction,
        help="run each language's safety tests for the safety table (default: unless --quick)",
    )
    options = parser.parse_args()
    if unknown := set(options.timings) - set(TIMINGS):
        parser.error(f"no timing {', '.join(sorted(unknown))}; there are: {', '.join(TIMINGS)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds wants 1 or more")
    options.timings = tuple(timing for timing in TIMINGS if timing in options.timings)
    options.build = options.build.resolve()
    options.out = options.out or options.build / "matrix"
    options.batches = options.batches or (QUICK_BATCHES if options.quick else ALL_BATCHES)
    if options.instructions is None:
        options.instructions = not options.quick
    if options.safety is None:
        options.safety = not options.quick
    try:
        options.devices = devices.select(options.devices)
        options.chosen = select(load(options.build), options.languages)
    except ValueError as error:
        parser.error(str(error))
    return options


def plan_of(options: argparse.Namespace) -> Plan:
    if options.quick:
        seconds = None if options.rounds else QUICK_SECONDS
        return Plan(options.devices, options.batches, options.timings, options.rounds, seconds, QUICK_SAMPLE_MS)
    return Plan(options.devices, options.batches, options.timings, options.rounds or ROUNDS, None, SAMPLE_MS)


def find_rows(languages: list[Language], build: Path, first_prepare: bool) -> tuple[list[Row], dict[str, str]]:
    """The rows that can run, and why the others cannot."""
    rows, gaps = [], {}
    for language in languages:
        failed = None
        if first_prepare:
            print(f"building the forwarder: {language.language}", flush=True)
            failed = prepare(language, build)
        for row in language.rows:
            reason = failed or absent(language, row)
            if reason:
                gaps[row.name] = reason
            else:
                rows.append(row)
    return rows, gaps


def identity(row: Row, device: Device, batch: int, timing: str) -> dict[str, Any]:
    return {
        "language": row.language,
        "boundary": row.boundary,
        "variant": row.variant,
        "level": row.level,
        "device": device.name,
        "batch": batch,
        "timing": timing,
    }


def rows_of(options: argparse.Namespace, gaps: dict[str, str], measurement: Measurement) -> list[dict[str, Any]]:
    """All rows by device, in the order of languages.json, those that have no figures among them."""
    cells = {(cell.row.name, cell.device, cell.timing, cell.batch): cell for cell in measurement.cells}
    rows = []
    places = itertools.product(options.devices, every_row(options), options.timings, options.batches)
    for device, row, timing, batch in places:
        cell = cells.get((row.name, device, timing, batch)) or Cell(row, device, batch, timing)
        reference = cells.get((REFERENCE, device, timing, batch))
        summary = figures.summarise(cell.samples, reference.samples if reference else [], timing)
        reason = gaps.get(row.name) or measurement.gaps.get((row.name, ""))
        reason = reason or measurement.gaps.get((row.name, timing))
        rows.append(
            identity(row, device, batch, timing)
            | summary
            | {
                "verified": summary["verified"] and not cell.failures,
                "missing": reason,
                "failures": cell.failures,
                "toolchain": measurement.toolchains.get(row.language),
                "frames_per_sample": cell.frames or None,
                "empty_poll_cycles": cell.empty_poll_cycles,
                "instructions_per_packet": None,
                "samples": cell.samples,
            }
        )
    return rows


def every_row(options: argparse.Namespace) -> list[Row]:
    return [row for language in options.chosen for row in language.rows]


def count_instructions(
    options: argparse.Namespace, rows: list[dict[str, Any]], measurement: Measurement, say: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Adds instructions_per_packet to the rows that callgrind can tell about; returns the result by device and row."""
    known = {cell.row.name: cell.row for cell in measurement.cells}
    names = [name for name in INSTRUCTIONS_ROWS if name in known]
    results: dict[str, dict[str, Any]] = {}
    for device, name in itertools.product(options.devices, names):
        result = results.setdefault(device.name, {})
        try:
            value = instructions.measure(known[name], device, INSTRUCTIONS_BATCH, options.build)
        except FileNotFoundError:
            result[name] = {"not_measured": "valgrind is missing"}
            continue
        except instructions.ProfileError as error:
            result[name] = {"not_measured": str(error)}
            say(f"instructions of {name}, {device.label}: not measured: {error}")
            continue
        result[name] = {"batch": INSTRUCTIONS_BATCH, "instructions_per_packet": value}
        for row in rows:
            same = f"{row['language']} {row['variant']}" == name and row["device"] == device.name
            if same and row["timing"] == "inline" and row["batch"] == INSTRUCTIONS_BATCH:
                row["instructions_per_packet"] = value
    return results


def main() -> int:
    options = arguments()
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC)
    ticks = machine.stolen_and_total()
    rows, gaps = find_rows(options.chosen, options.build, options.prepare)
    counted: dict[str, dict[str, Any]] = {}
    crossings: list[boundaries.Crossing] = []
    interrupted = False
    with Progress() as progress:
        measurement = Measurement(rows, plan_of(options), options.build, progress.say)
        try:
            measurement.take(progress.show)
            if options.calls:
                calls = boundaries.Calls(measurement)
                calls.take(QUICK_CALL_ROUNDS if options.quick else CALL_ROUNDS, lambda text: progress.show(1.0, text))
                crossings = calls.crossings
        except KeyboardInterrupt:
            interrupted = True
            measurement.failures.append("interrupted: figures are from the rounds until then")
        finally:
            measurement.close()
        result_rows = rows_of(options, gaps, measurement)
        if options.instructions and not interrupted:
            progress.show(1.0, "counting instructions")
            counted = count_instructions(options, result_rows, measurement, progress.say)
        in_ci = os.environ.get("CI") == "true"
        marks: dict[str, Any] | None = None
        if options.safety and not interrupted:
            marks = safety.measure(options.build, options.languages, in_ci, lambda text: progress.show(1.0, text))

    failures = list(measurement.failures) + (marks["faults"] if marks else [])
    missing = gaps | {name: reason for (name, timing), reason in measurement.gaps.items() if not timing}
    if in_ci:
        failures += [f"{name} is missing: {reason}" for name, reason in missing.items()]
    stolen, total = (now - then for now, then in zip(machine.stolen_and_total(), ticks, strict=True))
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - began, 1),
        "commit": machine.commit(),
        "machine": machine.facts() | {"stolen_share": stolen / total if total else None},
        "versions": machine.versions() | measurement.toolchains,
        "quick": options.quick,
        "rounds": measurement.rounds_done,
        "devices": [device.name for device in options.devices],
        "reference": REFERENCE,
        "thresholds": {
            "better_state_ns": figures.BETTER_STATE_NS,
            "waited_share_max": figures.WAITED_MAX,
            "empty_time_share_max": figures.EMPTY_TIME_MAX,
            "batch_fill_min": figures.FILL_MIN,
        },
        "missing": missing,
        "failures": failures,
        "instructions": counted,
        "boundaries": boundaries.table_of(crossings, result_rows, measurement.cores is not None)
        if options.calls
        else [],
        "safety": marks,
        "rows": result_rows,
    }
    result["bars"] = bars.judge(result)

    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "matrix.json").write_text(json.dumps(result, indent=1) + "\n")
    table.show(result)
    try:
        from runner import report
    except ImportError as error:
        failures.append(f"no report: {error}; pip install -r benchmarks/requirements.txt")
        print(f"FAILED: {failures[-1]}")
    else:
        (options.out / "report.html").write_text(report.page(result))
    print(f"{measurement.rounds_done} rounds in {clock(time.monotonic() - began)}; written to {options.out}")
    if interrupted:
        return 130
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
