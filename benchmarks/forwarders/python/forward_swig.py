#!/usr/bin/env python3
"""The benchmark's forwarder in Python, over the module that SWIG makes: see benchmarks/README.md for the protocol.

forward_swig.py FOLDER    FOLDER holds the module, ixy_swig

Two variants: "swig" (NumPy over the memory of the frames and of the packets, which nothing checks but transmit) and
"swig-packet" (each byte got and set by a checked call).
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack

import numpy
from workload import CALLS_ADDRESS, CHECK_EVERY, Run, address, measure, measure_calls, serve

sys.path.insert(0, sys.argv[1])
import ixy_swig as ixy  # noqa: E402 - its folder is an argument

BYTE = 48  # of each frame, incremented
FRAME = numpy.dtype([("buf", "u8"), ("offset", "u4"), ("len", "u2"), ("flags", "u2")])  # struct ixy_frame


class Port:
    """A device as workload.Port."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    @property
    def meter(self) -> ixy.EmuMeter:
        return ixy.emu_meter_get(self.handle)

    @property
    def counters(self) -> ixy.EmuCounters:
        return ixy.emu_counters_get(self.handle)

    @property
    def stats(self) -> ixy.Stats:
        return ixy.device_stats(self.handle)


def started(stack: ExitStack, pool: int, place: str) -> Port:
    config = ixy.DeviceConfig()
    config.pool = pool
    device = ixy.device_open(place, config)
    stack.callback(ixy.device_close, device)
    ixy.device_start(device)
    return Port(device)


class Forwarding:
    """What a run needs, made before the clock runs."""

    def __init__(self, run: Run, pool: int, batch: int) -> None:
        self.run, self.pool, self.batch = run, pool, batch
        self.frames, self.memory = ixy.Frames(batch), ixy.Memory(pool)
        self.bytes = numpy.frombuffer(memoryview(self.memory), "u1")
        self.offsets = numpy.frombuffer(memoryview(self.frames), FRAME)["offset"]
        self.positions = numpy.zeros(batch, "u8")

    def touch_batch(self, got: int) -> None:
        place = self.positions[:got]
        numpy.add(self.offsets[:got], BYTE, out=place)
        self.bytes[place] += 1

    def touch_packets(self, got: int) -> None:
        frames, byte, set_byte = self.frames, self.memory.byte, self.memory.set_byte
        for index in range(got):
            set_byte(frames, index, BYTE, (byte(frames, index, BYTE) + 1) & 255)

    def forward(self, touch: Callable[[int], None]) -> None:
        """Both ways until all frames came."""
        run, frames, count = self.run, self.frames, self.batch
        rx_batch, tx_batch = ixy.rx_batch, ixy.tx_batch
        a, b = (port.handle for port in run.ports)
        received, goal = 0, run.frames
        polls = empty = 0
        while received < goal:
            for source, sink in ((a, b), (b, a)):
                got = rx_batch(source, 0, frames, count)
                polls += 1
                if got:
                    touch(got)
                    received += got
                    sent = tx_batch(sink, 0, frames, got)
                    if sent < got:
                        frames.drop(sent)
                        run.freed += ixy.buf_free(self.pool, frames, got - sent)
                    run.waiting_since = None
                else:
                    empty += 1
                    if empty % CHECK_EVERY == 0 and run.finished(received):
                        goal = received
        run.received, run.polls, run.empty_polls = received, polls, empty


def forward(variant: str, batch: int, timing: str, frames: int, device: str) -> dict[str, int]:
    """One run."""
    with ExitStack() as stack:
        pool = ixy.pool_open(None)
        stack.callback(ixy.pool_close, pool)
        place = address(device, batch, timing, frames)
        run = Run([started(stack, pool, place), started(stack, pool, place)], frames)
        forwarding = Forwarding(run, pool, batch)
        touch = forwarding.touch_batch if variant == "swig" else forwarding.touch_packets
        return measure(run, lambda: forwarding.forward(touch))


def call(_variant: str, count: int) -> dict[str, int]:
    """ixy_rx_batch with 0 frames."""
    with ExitStack() as stack:
        pool = ixy.pool_open(None)
        stack.callback(ixy.pool_close, pool)
        port = started(stack, pool, CALLS_ADDRESS)
        device, frames, rx_batch = port.handle, ixy.Frames(1), ixy.rx_batch

        def calls() -> None:
            for _ in range(count):
                rx_batch(device, 0, frames, 0)

        return measure_calls(port, calls, count)


if __name__ == "__main__":
    serve(["swig", "swig-packet"], f"NumPy {numpy.__version__}", forward, call)
