#!/usr/bin/env python3
"""The benchmark's forwarder in Python without a binding: the ABI's functions over each boundary of boundaries.py.

The variants differ in nothing but the boundary. Frames and packet memory are NumPy arrays over the same memory in all;
as in C, the packet is written where the frame says, and transmit checks ownership and bounds.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy
from boundaries import BOUNDARIES, CffiAbi
from workload import CALLS_ADDRESS, CHECK_EVERY, Run, address, measure, measure_calls, serve

BYTE = 48  # of each frame, incremented
POOL_BUFFERS = 8192


def dtype_of(boundary: CffiAbi, name: str) -> numpy.dtype:
    """A struct of the header as NumPy has it; its pointers are addresses."""

    def kind(member: Any) -> str:
        if member.kind == "array":
            return f"S{boundary.ffi.sizeof(member)}"
        return "u8" if member.kind == "pointer" else f"u{boundary.ffi.sizeof(member)}"

    fields = boundary.ffi.typeof(name).fields
    return numpy.dtype(
        {
            "names": [member for member, _ in fields],
            "formats": [kind(field.type) for _, field in fields],
            "offsets": [field.offset for _, field in fields],
            "itemsize": boundary.ffi.sizeof(name),
        }
    )


class Library:
    """Control calls: structs and results are NumPy records, a negative code is an exception."""

    def __init__(self, boundary: CffiAbi) -> None:
        self.boundary = boundary
        self._known: dict[str, Any] = {}

    def function(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self.boundary.function(name)
        return self._known[name]

    def call(self, name: str, *arguments: Any) -> int:
        code = self.function(name)(*arguments)
        if code < 0:
            raise RuntimeError(f"{name}: {self.boundary.text('ixy_last_error')}")
        return int(code)

    def address(self, array: numpy.ndarray) -> Any:
        return self.boundary.pointer(array.ctypes.data)

    def record(self, name: str, **members: int) -> numpy.recarray:
        """One struct that begins with struct_size."""
        record = numpy.zeros(1, dtype_of(self.boundary, name)).view(numpy.recarray)
        record.struct_size = record.itemsize
        for member, value in members.items():
            record[member] = value
        return record

    def filled(self, name: str, struct: str, handle: int) -> numpy.record:
        """What a call says of a handle."""
        record = self.record(struct)
        self.call(name, handle, self.address(record))
        return record[0]

    def opened(self, name: str, *arguments: Any) -> int:
        handle = numpy.zeros(1, "u8")
        self.call(name, *arguments, self.address(handle))
        return int(handle[0])


class Port:
    """A device as workload.Port."""

    def __init__(self, library: Library, handle: int) -> None:
        self.library, self.handle = library, handle

    @property
    def meter(self) -> numpy.record:
        return self.library.filled("ixy_emu_meter_get", "ixy_emu_meter", self.handle)

    @property
    def counters(self) -> numpy.record:
        return self.library.filled("ixy_emu_counters_get", "ixy_emu_counters", self.handle)

    @property
    def stats(self) -> numpy.record:
        return self.library.filled("ixy_device_stats", "ixy_stats", self.handle)


@contextmanager
def opened(library: Library, place: str, count: int) -> Iterator[tuple[int, numpy.record, list[Port]]]:
    """A pool, its view, and `count` started devices."""
    with ExitStack() as stack:
        pool = library.opened("ixy_pool_open", library.address(library.record("ixy_pool_config")))
        stack.callback(library.call, "ixy_pool_close", pool)
        view = library.filled("ixy_pool_view", "ixy_view", pool)
        stack.callback(library.call, "ixy_pool_view_release", int(view["view"]))
        config = library.record("ixy_device_config", pool=pool)
        name = numpy.frombuffer(place.encode() + b"\0", "u1")
        ports = []
        for _ in range(count):
            handle = library.opened("ixy_device_open", library.address(name), library.address(config))
            stack.callback(library.call, "ixy_device_close", handle)
            ports.append(Port(library, handle))
        for port in ports:
            library.call("ixy_device_start", port.handle)
        yield pool, view, ports


class Forwarding:
    """The arrays of a run, made before the clock runs."""

    def __init__(self, library: Library, view: numpy.record, pool: int, batch: int) -> None:
        frame = dtype_of(library.boundary, "ixy_frame")
        self.pool, self.batch = pool, batch
        self.frames = numpy.zeros(batch, frame)
        self.frame_size = frame.itemsize
        self.offsets = self.frames["offset"]
        self.positions = numpy.zeros(batch, "u8")
        memory = library.boundary.ffi.buffer(
            library.boundary.ffi.cast("uint8_t *", int(view["base"])), int(view["size"])
        )
        self.memory = numpy.frombuffer(memory, "u1")
        self.library = library

    def forward(self, run: Run, a: int, b: int) -> None:
        """Both ways until all frames came."""
        library, memory, offsets, positions = self.library, self.memory, self.offsets, self.positions
        receive, transmit = library.function("ixy_rx_batch"), library.function("ixy_tx_batch")
        frames, count = library.address(self.frames), self.batch
        received, goal = 0, run.frames
        polls = empty = 0
        while received < goal:
            for source, sink in ((a, b), (b, a)):
                got = receive(source, 0, frames, count)
                polls += 1
                if got > 0:
                    place = positions[:got]
                    numpy.add(offsets[:got], BYTE, out=place)
                    memory[place] += 1
                    received += got
                    sent = transmit(sink, 0, frames, got)
                    if sent < got:
                        run.freed += self.free(sent, got)
                    run.waiting_since = None
                elif got < 0:
                    raise RuntimeError(f"ixy_rx_batch: {got}")
                else:
                    empty += 1
                    if empty % CHECK_EVERY == 0 and run.finished(received):
                        goal = received
        run.received, run.polls, run.empty_polls = received, polls, empty

    def free(self, sent: int, got: int) -> int:
        """What transmit did not take."""
        if sent < 0:
            raise RuntimeError(f"ixy_tx_batch: {sent}")
        rest = self.library.boundary.pointer(self.frames.ctypes.data + sent * self.frame_size)
        return self.library.call("ixy_buf_free", self.pool, rest, got - sent)


LIBRARIES: dict[str, Library] = {}


def library_of(variant: str) -> Library:
    """Loaded when it is first asked for."""
    if variant not in LIBRARIES:
        LIBRARIES[variant] = Library(BOUNDARIES[variant]())
    return LIBRARIES[variant]


def forward(variant: str, batch: int, timing: str, frames: int, device: str) -> dict[str, int]:
    """One run."""
    library = library_of(variant)
    with opened(library, address(device, batch, timing, frames), 2) as (pool, view, ports):
        forwarding = Forwarding(library, view, pool, batch)
        run = Run(ports, frames)
        a, b = (port.handle for port in ports)
        return measure(run, lambda: forwarding.forward(run, a, b))


def call(variant: str, count: int) -> dict[str, int]:
    """ixy_rx_batch with 0 frames."""
    library = library_of(variant)
    with opened(library, CALLS_ADDRESS, 1) as (_, _, ports):
        receive, device = library.function("ixy_rx_batch"), ports[0].handle
        frames = library.address(numpy.zeros(1, dtype_of(library.boundary, "ixy_frame")))

        def calls() -> None:
            for _ in range(count):
                receive(device, 0, frames, 0)

        return measure_calls(ports[0], calls, count)


if __name__ == "__main__":
    serve(list(BOUNDARIES), f"NumPy {numpy.__version__}", forward, call)
