#!/usr/bin/env python3
"""What waiting costs: processor time of an idle process, and the time to the first forwarded packet after idle.

  ./dev wake [--seconds 10] [--rate 50] [--devices 82599,virtio-split] [--out FILE]

Each device runs asleep (ixy_rx_wait) and polling (ixy_rx_batch), with a few frames a second, each after a pause that is
long for a processor; asleep also with none at all. It ends with 1 when a process that sleeps took 1 % of a core or more
while idle, or the device model found something wrong.
"""

import argparse
import json
import pathlib
import subprocess
import sys
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from runner import machine  # noqa: E402

DEVICES = {
    "82599": "emu:82599",
    "virtio-split": "emu:virtio,ring=split",
    "virtio-split-events": "emu:virtio,ring=split,events=on",
    "virtio-packed": "emu:virtio,ring=packed",
    "virtio-packed-events": "emu:virtio,ring=packed,events=on",
}
PERCENTILES = (50, 90, 99, 99.9, 100)
IDLE_MAX = 0.01  # of a core


def percentile(values: list[int], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return float(ordered[max(int(rank), 1) - 1]) if ordered else float("nan")


def measure(program: pathlib.Path, address: str, mode: str, seconds: float) -> dict[str, Any]:
    done = subprocess.run(
        [program, address, mode, str(seconds)], capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"wake: {address} {mode}: {done.stderr.strip() or done.returncode}")
    sample: dict[str, Any] = json.loads(done.stdout)
    sample["share"] = sample["processor"] / sample["seconds"]
    return sample


def wrong(sample: dict[str, Any], idle: bool) -> str:
    if sample["violations"] or sample["damaged"]:
        return f"{sample['violations']} violations, {sample['damaged']} damaged frames"
    if idle and sample["share"] >= IDLE_MAX:
        return f"idle, it took {sample['share']:.2%} of a core; right is less than {IDLE_MAX:.0%}"
    return ""


def row(name: str, mode: str, what: str, sample: dict[str, Any]) -> str:
    times = sample["nanoseconds"]
    figures = "".join(f"{percentile(times, p) / 1000:9.1f}" for p in PERCENTILES) if times else ""
    return f"{name:22}{mode:7}{what:10}{100 * sample['share']:8.3f}{len(times):8}{figures}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"), help="where c/benchmarks lies")
    parser.add_argument("--seconds", type=float, default=10, help="of each run (default 10)")
    parser.add_argument("--rate", type=int, default=50, help="frames a second (default 50)")
    parser.add_argument("--devices", default=",".join(DEVICES), help=f"of {', '.join(DEVICES)}")
    parser.add_argument("--out", type=pathlib.Path, help="every sample as JSON (default BUILD/wake/wake.json)")
    options = parser.parse_args()
    names = options.devices.split(",")
    for name in names:
        if name not in DEVICES:
            parser.error(f'no device "{name}"; there are {", ".join(DEVICES)}')
    program = options.build / "c" / "benchmarks" / "wake" / "wake"
    runs = [("sleep", "", "idle"), ("sleep", f",wire=gen,rate={options.rate}", f"{options.rate}/s")]
    runs.append(("poll", runs[1][1], runs[1][2]))
    percentiles = "".join(f"{'max' if p == 100 else f'p{p}':>9}" for p in PERCENTILES)
    print(f"{'device':22}{'waits':7}{'frames':10}{'core, %':>8}{'frames':>8}{percentiles}  (microseconds)")
    samples, failed = [], False
    for name in names:
        for mode, wire, what in runs:
            sample = measure(program, DEVICES[name] + wire, mode, options.seconds)
            fault = wrong(sample, idle=not wire)
            failed = failed or bool(fault)
            print(row(name, mode, what, sample) + (f"  {fault}" if fault else ""), flush=True)
            samples.append({"device": name, "mode": mode, "frames": what} | sample)
    out = options.out or options.build / "wake" / "wake.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    facts = {"machine": machine.facts(), "versions": machine.versions(), "commit": machine.commit()}
    out.write_text(json.dumps(facts | {"samples": samples}) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
