#!/usr/bin/env python3
"""What the checks of the packet path cost: libixy.so against the static core without any, and the split by kind.

  ./dev checks [--rounds 200] [--batch 32] [--devices 82599,virtio-split] [--timings inline,threaded] [--out FILE]

The matrix's C forwarder over copies of the library that lack one kind of check more each (core/device/checks.h): the
difference of two neighbours is what that kind costs. Samples are taken as the matrix takes them, all copies in turns in
each round; of each the lowest decile counts. Instructions are callgrind's: exact, and the same on a machine that is
busy. It ends with 1 when a run was not verified or could not be measured.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from runner import devices, figures, instructions, machine  # noqa: E402
from runner.devices import DEVICES, Device  # noqa: E402
from runner.languages import TOP, Row  # noqa: E402
from runner.measure import Cell, Measurement, Plan  # noqa: E402

# From all checks to none: the program, its variant, and what it costs more than the next.
COPIES = (
    ("forwarders/c/forward_shared", "shared", "handle, counts and gate of each call"),
    ("checks/forward_without_entry", "shared", "place and length of sent frames"),
    ("checks/forward_without_place", "shared", "ownership of sent frames"),
    ("checks/forward_without_owner", "shared", "handing out received frames"),
    ("checks/forward_without_hand_out", "shared", "what the device wrote"),
    ("checks/forward_without_any", "shared", "the boundary: libixy.so without checks"),
    ("checks/forward_unchecked", "static", ""),
)
# A threaded device's ring may be full, and a copy that hands nothing out cannot give back what it did not take.
HANDING_OUT = 3
COPIES_THREADED = (
    *COPIES[:HANDING_OUT],
    (*COPIES[HANDING_OUT][:2], "handing out, what the device wrote, the boundary"),
    COPIES[-1],
)
STATIC = ("forwarders/c/forward_static", "static", "")  # the matrix's C static: with the checks against the device
BARS = {"inline": 0.10, "threaded": 0.02}
# Short: on a shared machine many fit between two disturbances.
SAMPLE_MS = {"inline": 2.0, "threaded": 20.0}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="checks", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200, help="samples of each copy (default 200)")
    parser.add_argument("--batch", type=int, default=32, help="frames a call (default 32)")
    parser.add_argument("--devices", default=",".join(device.name for device in DEVICES), help="default: %(default)s")
    parser.add_argument("--timings", default="inline", help="inline, threaded or both (default: %(default)s)")
    parser.add_argument("--instructions", action=argparse.BooleanOptionalAction, default=True, help="count them, too")
    parser.add_argument("--build", type=Path, default=TOP / "build", help="where c/benchmarks lies")
    parser.add_argument("--out", type=Path, help="all samples as JSON (default BUILD/checks/checks.json)")
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.out = options.out or options.build / "checks" / "checks.json"
    options.timings = options.timings.split(",")
    if unknown := set(options.timings) - set(BARS):
        parser.error(f"no timing {', '.join(sorted(unknown))}; there are: {', '.join(BARS)}")
    try:
        options.devices = devices.select(options.devices.split(","))
    except ValueError as error:
        parser.error(str(error))
    return options


def row_of(copy: tuple[str, str, str], build: Path) -> Row:
    program, variant, _ = copy
    return Row("C", program, variant, "batch", (str(build / "c/benchmarks" / program),))


def over(cell: Cell, base: Cell) -> dict[str, Any]:
    """What a copy costs more than another, as a share of the other's time: by pairs of neighbours in time."""
    pairs = figures.pair_ratios(cell.samples, base.samples)
    shares = [1 / ratio - 1 for ratio, _, _ in pairs]
    return {"median": figures.median(shares), "spread": figures.spread(shares)}


def least(cell: Cell) -> float | None:
    """The lowest decile of a copy's ns a packet: a disturbance only ever adds, and some samples had none."""
    times = [sample["ns_per_packet"] for sample in cell.samples if sample["verified"]]
    return figures.quantile(times, 0.1) if times else None


def percent(share: float) -> str:
    return f"{100 * share:7.1f}%"


def figure(line: dict[str, Any], name: str) -> str:
    return f"{line[name]:8.2f}{percent(line[f'{name}_share'])}" if name in line else ""


def copies_of(timing: str) -> tuple[tuple[str, str, str], ...]:
    return COPIES if timing == "inline" else COPIES_THREADED


def report(device: Device, timing: str, cells: dict[str, Cell], counts: dict[str, float]) -> dict[str, Any]:
    """Prints one device's table at one timing, returns it."""
    copies = copies_of(timing)
    first, last = copies[0][0], copies[-1][0]
    time = {program: least(cell) for program, cell in cells.items()}
    print(f"\n{device.label}, {timing}: ns and instructions a packet, and what that is of the unchecked core's")
    lines = []
    for (program, _, what), following in [
        *zip(copies, [copy[0] for copy in copies[1:]], strict=False),
        ((first, "", "all of it"), last),
    ]:
        line: dict[str, Any] = {"check": what}
        for name, table in ("ns", time), ("instructions", counts):
            more, fewer, base = table.get(program), table.get(following), table.get(last)
            if more is not None and fewer is not None and base is not None:
                line |= {name: more - fewer, f"{name}_share": (more - fewer) / base}
        lines.append(line)
        print(f"  {what:40}" + "".join(figure(line, name) for name in ("ns", "instructions")))
    whole = over(cells[first], cells[last])
    if (share := lines[-1].get("ns_share")) is not None:
        spread, bar = whole["spread"], BARS[timing]
        print(f"  goal: at most {bar:.0%}: {'reached' if share <= bar else 'NOT reached'}")
        print(
            f"  by {spread['count']} pairs of neighbours: median{percent(whole['median'])}, quartiles"
            f"{percent(spread['p25'])} to{percent(spread['p75'])}"
        )
    for program, ns in time.items():
        if ns is not None:
            print(f"    {program:36}{ns:8.2f} ns" + (f"{counts[program]:9.2f} instructions" if counts else ""))
    return {
        "device": device.name,
        "timing": timing,
        "split": lines,
        "pairs": whole,
        "ns_per_packet": time,
        "instructions_per_packet": counts,
        "samples": {program: cell.samples for program, cell in cells.items()},
    }


def count(options: argparse.Namespace, device: Device) -> dict[str, float]:
    if not options.instructions:
        return {}
    return {
        copy[0]: instructions.measure(row_of(copy, options.build), device, options.batch, options.build)
        for copy in (*COPIES, STATIC)
    }


def main() -> int:
    options = arguments()
    try:
        counts = {device.name: count(options, device) for device in options.devices}
    except (instructions.ProfileError, OSError) as error:
        print(f"checks: instructions could not be counted: {error}", file=sys.stderr)
        return 1
    tables, problems = [], []
    for timing in options.timings:
        rows = [row_of(copy, options.build) for copy in (*copies_of(timing), STATIC)]
        plan = Plan(options.devices, (options.batch,), (timing,), options.rounds, None, SAMPLE_MS)
        measurement = Measurement(rows, plan, options.build, lambda text: print(text, file=sys.stderr))
        try:
            measurement.take(lambda _share, _text: None)
        finally:
            measurement.close()
        for device in options.devices:
            cells = {cell.row.boundary: cell for cell in measurement.cells if cell.device == device}
            if len(cells) == len(rows):
                tables.append(report(device, timing, cells, counts[device.name]))
        problems += measurement.failures
        problems += [f"{name} {at}: {why}".replace("  ", " ") for (name, at), why in measurement.gaps.items()]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine.facts(), "tables": tables, "problems": problems}, indent=1))
    for problem in problems:
        print(f"checks: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
