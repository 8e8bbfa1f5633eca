#!/usr/bin/env python3
"""The benchmark's forwarder in Python: see benchmarks/README.md for the protocol.

Three variants, named for what they are: "packet" (one Python object a packet), "numpy" (NumPy over the batch, ownership
and bounds checked in NumPy), "bulk" (the binding's general bulk operation, which runs in C).
"""

import json
import platform
import sys
import time
from collections.abc import Callable

import ixy

PATIENCE = 5.0  # seconds without a frame before a run has failed
CHECK_EVERY = 4096  # empty polls between two looks at the clock and the counters


class Run:
    """The state of one run, and what it counts."""

    def __init__(self, a: ixy.Device, b: ixy.Device, batch: int, frames: int) -> None:
        self.a, self.b, self.batch, self.frames = a, b, batch, frames
        self.received = self.missed = self.polls = self.empty_polls = self.freed = 0
        self.waiting_since: float | None = None

    def finished(self) -> bool:
        """Looks at the counters after many empty polls; an error if nothing has come for too long."""
        self.missed = self.a.stats.rx_missed + self.b.stats.rx_missed
        if self.received + self.missed >= self.frames:
            return True
        now = time.monotonic()
        if self.waiting_since is None:
            self.waiting_since = now
        if now - self.waiting_since > PATIENCE:
            raise RuntimeError(f"{self.received} of {self.frames} frames arrived, then none for {PATIENCE:.0f} s")
        return False


def forward_packet(run: Run) -> None:
    """Packet by packet."""
    received, goal, count = 0, run.frames, run.batch
    polls = empty = 0
    while received < goal:
        for source, sink in ((run.a, run.b), (run.b, run.a)):
            packets = source.rx(0, count)
            polls += 1
            if packets:
                for packet in packets:
                    packet[48] = (packet[48] + 1) & 255
                received += len(packets)
                sent = sink.tx(packets)
                if sent < len(packets):
                    run.freed += source.pool.free(packets[sent:])
                run.waiting_since = None
            else:
                empty += 1
                if empty % CHECK_EVERY == 0:
                    run.received = received
                    if run.finished():
                        goal = received
    run.received, run.polls, run.empty_polls = received, polls, empty


def forward_batch(run: Run, touch: Callable[[int, int], None], batch: ixy.Batch) -> None:
    """A batch at a time; touch is the operation of the batch that adds to a byte of each packet."""
    received, goal = 0, run.frames
    polls = empty = 0
    ways = (
        (run.a.rx_batch, run.b.tx_batch),
        (run.b.rx_batch, run.a.tx_batch),
    )
    while received < goal:
        for receive, transmit in ways:
            got = receive(batch)
            polls += 1
            if got:
                touch(48, 1)
                received += got
                sent = transmit(batch)
                if sent < got:
                    run.freed += got - sent
                    batch.free()
                run.waiting_since = None
            else:
                empty += 1
                if empty % CHECK_EVERY == 0:
                    run.received = received
                    if run.finished():
                        goal = received
    run.received, run.polls, run.empty_polls = received, polls, empty


def settle(run: Run) -> None:
    """Waits until the sinks have seen all that was sent, or nothing more comes."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        seen = run.freed
        for device in (run.a, run.b):
            counters = device.emulated.counters
            seen += counters.verified + counters.damaged + counters.repeated + counters.foreign
            seen += device.stats.rx_missed
        if seen >= run.frames:
            return
        time.sleep(0.0005)


def measure(variant: str, batch: int, timing: str, frames: int, device: str = "emu:82599") -> dict[str, int]:
    """One run; returns what the protocol wants to know."""
    if variant not in VARIANTS or timing not in ("inline", "threaded") or not 1 <= batch <= 4096 or frames < 2:
        raise ValueError(REQUEST)
    frames -= frames % 2
    address = f"{device},wire=gen,limit={frames // 2},burst={max(batch, 8)},timing={timing}"
    with (
        ixy.Pool(8192) as pool,
        ixy.open(address, pool=pool, start=False) as a,
        ixy.open(address, pool=pool, start=False) as b,
    ):
        work = ixy.Batch(pool, batch)
        if variant == "numpy":
            prepare_numpy(pool, work)
        a.start()
        b.start()
        run = Run(a, b, batch, frames)
        start_b = b.emulated.meter
        start_a = a.emulated.meter
        if variant == "packet":
            forward_packet(run)
        else:
            forward_batch(run, work.add if variant == "numpy" else work.bulk_add_u8, work)
        end_a = a.emulated.meter
        end_b = b.emulated.meter
        settle(run)
        result = {
            "frames": frames,
            "cycles": end_a.cycles - start_a.cycles,
            "nanoseconds": end_a.nanoseconds - start_a.nanoseconds,
            "bracket_cycles": end_a.bracket_cycles,
            "polls": run.polls,
            "empty_polls": run.empty_polls,
            "freed": run.freed,
            "rx_missed": a.stats.rx_missed + b.stats.rx_missed,
        }
        for name in ("model_cycles", "steps", "idle_steps"):
            result[name] = sum(
                getattr(end, name) - getattr(start, name) for end, start in ((end_a, start_a), (end_b, start_b))
            )
        for name in ("generated", "verified", "damaged", "repeated", "foreign", "violations"):
            result[name] = sum(getattr(device.emulated.counters, name) for device in (a, b))
        return result


def prepare_numpy(pool: ixy.Pool, batch: ixy.Batch) -> None:
    """Makes the batch's arrays, which it makes when they are first wanted, before the clock runs."""
    batch.alloc(batch.capacity)
    batch.resize(60)
    batch.add(48, 1)
    batch.free()


VARIANTS = ["packet", "numpy", "bulk"]
REQUEST = f"a request is: run {'|'.join(VARIANTS)} BATCH inline|threaded FRAMES [DEVICE], or: quit"


def main() -> None:
    """Answers requests, one JSON line each."""
    variants = VARIANTS
    toolchain = f"Python {platform.python_version()}"
    try:
        import numpy

        toolchain += f", NumPy {numpy.__version__}"
    except ImportError:
        variants = ["packet", "bulk"]
    print(json.dumps({"ready": True, "language": "python", "variants": variants, "toolchain": toolchain}), flush=True)
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        if words == ["quit"]:
            break
        try:
            if len(words) not in (5, 6) or words[0] != "run":
                raise ValueError(REQUEST)
            answer: dict[str, object] = dict(measure(words[1], int(words[2]), words[3], int(words[4]), *words[5:]))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
