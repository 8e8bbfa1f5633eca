#!/usr/bin/env python3
"""Our VirtIO driver beside DPDK's own, both on DPDK's vhost, on the same two cores in one run.

The back end, testpmd with net_vhost0, keeps one core; the front ends take turns on the other: our driver through
libixy.so and statically linked, and testpmd with net_virtio_user0, vectorised where it can be and not. All agree on the
same ring; rings have 1024 descriptors, batches 32 frames, frames 60 bytes (64 with checksum). Every rate is the back
end's own count by its own clock. Nobody has huge pages, so none are left behind. Forwarding: 512 frames go round, and
both ends send back what they receive.

Beside each sample stands the round trip of a cache line between the two cores; under 200 ns is the near state.
Ratios are of samples of one round and one state. A sample in which the state changed, or one end did not have its core,
is taken again. The bar is for libixy.so against the faster of DPDK's paths.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import results  # noqa: E402
from runner import machine  # noqa: E402
from runner.forwarder import ForwarderError  # noqa: E402
from runner.languages import TOP, environment  # noqa: E402
from runner.measure import CoreToCore  # noqa: E402
from runner.placement import Account, two_cores  # noqa: E402
from sides import LAYOUTS, LAYOUTS_USUAL, MODES, SIDES, Layout, Mode, Side, back_end, dpdk_version  # noqa: E402
from testpmd import TestpmdError, installed  # noqa: E402

SETTLE_SECONDS = 0.3
ATTEMPTS = 3  # at a sample that can be used
READINGS = 4  # of the scheduler's account within a sample


class Bench:
    """The two cores, the back end on one of them, and what was measured so far."""

    def __init__(self, folder: Path, build: Path, seconds: float, cores: tuple[int, int]) -> None:
        self.samples: list[dict[str, Any]] = []
        self.failures: list[str] = []
        self._build = build
        self._seconds = seconds
        self._back_cpu, self._front_cpu = cores
        self._socket = folder / "socket"
        self._back = back_end(self._socket, self._back_cpu)
        self._trip = CoreToCore(build / "c/benchmarks/forwarders/c/c2c", cores, environment(build))

    def close(self) -> None:
        self._trip.close()
        self._back.close()

    def sample(self, number: int, layout: Layout, mode: Mode, side: Side) -> None:
        for _ in range(ATTEMPTS):
            try:
                taken = self._measure(layout, mode, side)
            except (TestpmdError, ForwarderError, ValueError, KeyError) as error:
                self.failures.append(f"round {number}, {layout.name}, {mode.name}, {side.name}: {error}")
                print("FAILED  " + self.failures[-1], flush=True)
                self._back.close()
                self._back = back_end(self._socket, self._back_cpu)
                return
            sample = {"round": number, "layout": layout.name, "mode": mode.name, "side": side.name} | taken
            self.samples.append(sample)
            if results.usable(sample):
                return

    def _measure(self, layout: Layout, mode: Mode, side: Side) -> dict[str, Any]:
        before = self._trip.measure()
        self._back.ask(f"set fwd {mode.back}")
        front = side.start(self._socket, layout, mode, self._front_cpu, self._build)
        problem: str | None = None
        try:
            self._back.ask(mode.start)
            time.sleep(SETTLE_SECONDS)
            accounts = [Account(self._back.pid), Account(front.pid)]
            self._back.statistics()
            for _ in range(READINGS):
                for account in accounts:
                    account.read()
                time.sleep(self._seconds / READINGS)
            for account in accounts:
                account.read()
            rate = self._back.statistics()[mode.rate]
            self._back.ask("stop")
        finally:
            problem = front.end()
        if problem or rate == 0:
            raise ForwarderError(problem or "no frame moved")
        after = self._trip.measure()
        waited = [account.waited(model=False) for account in accounts]
        return {
            "mpps": rate / 1e6,
            "features": f"{self._back.features():#x}",
            "core_to_core_ns": [before, after],
            "state": results.state(before, after),
            "waited_share": waited,
            "disturbed": results.disturbed(waited),
        }


def cells(names: list[str]) -> list[tuple[Layout, Mode]]:
    return [(LAYOUTS[name], mode) for name in names for mode in MODES]


def rounds(bench: Bench, names: list[str], count: int) -> int:
    """Takes the samples, all sides of a cell in direct succession, beginning with another one each round."""
    began = time.monotonic()
    for number in range(count):
        for layout, mode in cells(names):
            turn = [*SIDES[number % len(SIDES) :], *SIDES[: number % len(SIDES)]]
            for side in turn:
                if side.exists(layout):
                    bench.sample(number, layout, mode, side)
        print(f"round {number + 1} of {count}: {time.monotonic() - began:.0f} s", flush=True)
    return count


def pages() -> dict[str, str]:
    """How the kernel gives large pages unasked; nobody here asks for them."""
    files = {"private": "enabled", "shared": "shmem_enabled"}
    found = {}
    for name, file in files.items():
        with contextlib.suppress(OSError):
            text = Path(f"/sys/kernel/mm/transparent_hugepage/{file}").read_text()
            found[name] = text.partition("[")[2].partition("]")[0]
    return found


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often all is measured (5)")
    parser.add_argument("--seconds", type=float, default=0.7, help="length of a sample (0.7)")
    parser.add_argument(
        "--layouts",
        default=",".join(LAYOUTS_USUAL),
        help=f"which rings, of {', '.join(LAYOUTS)} (%(default)s)",
    )
    parser.add_argument("--build", type=Path, default=TOP / "build", help="where the programs were built (build)")
    parser.add_argument("--out", type=Path, help="where peers.json goes (BUILD/peers)")
    chosen = parser.parse_args()
    chosen.layouts = chosen.layouts.split(",")
    if unknown := set(chosen.layouts) - LAYOUTS.keys():
        parser.error(f"no layout {', '.join(sorted(unknown))}; there are: {', '.join(LAYOUTS)}")
    if chosen.rounds < 1 or chosen.seconds <= 0:
        parser.error("--rounds and --seconds are greater than 0")
    return chosen


def main() -> int:
    chosen = options()
    cores = two_cores()
    if not installed():
        print("peers: dpdk-testpmd is missing (./dev setup peers)", file=sys.stderr)
        return 1
    if cores is None:
        print("peers: two cores are needed, one for each end", file=sys.stderr)
        return 1
    build = chosen.build.resolve()
    started = datetime.now().astimezone()
    stolen, total = machine.stolen_and_total()
    done = 0
    with tempfile.TemporaryDirectory(prefix="ixy-peers-") as folder:
        bench = Bench(Path(folder), build, chosen.seconds, cores)
        try:
            done = rounds(bench, chosen.layouts, chosen.rounds)
        except KeyboardInterrupt:
            print("interrupted; what was measured so far:")
        finally:
            bench.close()
    stolen_now, total_now = machine.stolen_and_total()
    rows = [
        results.row(
            layout.name,
            mode.name,
            [one for one in bench.samples if (one["layout"], one["mode"]) == (layout.name, mode.name)],
        )
        for layout, mode in cells(chosen.layouts)
    ]
    report = {
        "schema": 1,
        "started": started.isoformat(timespec="seconds"),
        "rounds": done,
        "commit": machine.commit(),
        "machine": machine.facts() | {"stolen_share": (stolen_now - stolen) / max(1, total_now - total)},
        "versions": machine.versions() | {"dpdk": dpdk_version()},
        "placement": {"back end": cores[0], "front end": cores[1]},
        "pages": {"huge pages": "none, on either side", "transparent": pages()},
        "bar": {"at_least": results.BAR, "aim": results.AIM},
        "rows": rows,
        "samples": bench.samples,
        "failures": bench.failures,
    }
    out = chosen.out or build / "peers"
    out.mkdir(parents=True, exist_ok=True)
    (out / "peers.json").write_text(json.dumps(report, indent=1) + "\n")
    say(report, out / "peers.json")
    return 1 if bench.failures or done == 0 else 0


def say(report: dict[str, Any], file: Path) -> None:
    samples = report["samples"]
    states = [sample["state"] for sample in samples]
    counts = ", ".join(f"{states.count(kind)} {kind}" for kind in (results.NEAR, results.FAR, results.CHANGED))
    print(
        f"\nMpps (middle half), DPDK {report['versions']['dpdk']}, back end on CPU {report['placement']['back end']},"
    )
    print(f"front end on CPU {report['placement']['front end']}; ordinary pages on both sides, no huge pages")
    print(results.table(report["rows"]))
    print("ratios: ours by theirs, each of one round, all of a row in the state that its rounds met most often")
    disturbed = sum(sample["disturbed"] for sample in samples)
    print(f"{len(samples)} samples: {counts}; {disturbed} disturbed; {len(report['failures'])} failed")
    print(f"bar: libixy.so at least {results.BAR} x the faster of DPDK's paths, aim {results.AIM} x")
    print(file)


if __name__ == "__main__":
    sys.exit(main())
