#!/usr/bin/env python3
"""The benchmark's forwarder in Python: see benchmarks/README.md for the protocol.

Three variants, named for what they are: "packet" (one Python object a packet), "numpy" (the binding gathers a byte of
each packet into a NumPy array and scatters it back, by copies that check ownership and bounds; the arithmetic is
NumPy's), "bulk" (the binding's general bulk operation, which runs in C).
"""

from collections.abc import Callable

import ixy
from workload import CALLS_ADDRESS, CHECK_EVERY, Run, address, measure, measure_calls, serve


class Port:
    """A device as workload.Port."""

    def __init__(self, device: ixy.Device) -> None:
        self.device = device

    @property
    def meter(self) -> ixy.Meter:
        return self.device.emulated.meter

    @property
    def counters(self) -> ixy.Counters:
        return self.device.emulated.counters

    @property
    def stats(self) -> ixy.Stats:
        return self.device.stats


def forward_packet(run: Run, a: ixy.Device, b: ixy.Device, count: int) -> None:
    """Packet by packet."""
    received, goal = 0, run.frames
    polls = empty = 0
    while received < goal:
        for source, sink in ((a, b), (b, a)):
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
                if empty % CHECK_EVERY == 0 and run.finished(received):
                    goal = received
    run.received, run.polls, run.empty_polls = received, polls, empty


def forward_batch(run: Run, a: ixy.Device, b: ixy.Device, touch: Callable[[int, int], None], batch: ixy.Batch) -> None:
    """A batch at a time; touch is the operation of the batch that adds to a byte of each packet."""
    received, goal = 0, run.frames
    polls = empty = 0
    ways = (
        (a.rx_batch, b.tx_batch),
        (b.rx_batch, a.tx_batch),
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
                if empty % CHECK_EVERY == 0 and run.finished(received):
                    goal = received
    run.received, run.polls, run.empty_polls = received, polls, empty


def forward(variant: str, batch: int, timing: str, frames: int, device: str) -> dict[str, int]:
    """One run."""
    place = address(device, batch, timing, frames)
    with (
        ixy.Pool(8192) as pool,
        ixy.open(place, pool=pool, start=False) as a,
        ixy.open(place, pool=pool, start=False) as b,
    ):
        work = ixy.Batch(pool, batch)
        if variant == "numpy":
            prepare_numpy(work)
        a.start()
        b.start()
        run = Run((Port(a), Port(b)), frames)
        if variant == "packet":
            return measure(run, lambda: forward_packet(run, a, b, batch))
        touch = work.add if variant == "numpy" else work.bulk_add_u8
        return measure(run, lambda: forward_batch(run, a, b, touch, work))


def prepare_numpy(batch: ixy.Batch) -> None:
    """Makes the batch's arrays, which it makes when they are first wanted, before the clock runs."""
    batch.alloc(batch.capacity)
    batch.resize(60)
    batch.add(48, 1)
    batch.free()


def call(variant: str, count: int) -> dict[str, int]:
    """Receives into a batch that has no room: ixy_rx_batch with 0 frames."""
    with ixy.Pool(8192) as pool, ixy.open(CALLS_ADDRESS, pool=pool) as device:
        full = ixy.Batch(pool, 1)
        full.alloc(1)
        receive, receive_packets = device.rx_batch, device.rx

        def batches() -> None:
            for _ in range(count):
                receive(full)

        def packets() -> None:
            for _ in range(count):
                receive_packets(0, 0)

        return measure_calls(Port(device), packets if variant == "packet" else batches, count)


def main() -> None:
    """Answers requests."""
    try:
        import numpy
    except ImportError:
        serve(["packet", "bulk"], "", forward, call)
    else:
        serve(["packet", "numpy", "bulk"], f"NumPy {numpy.__version__}", forward, call)


if __name__ == "__main__":
    main()
