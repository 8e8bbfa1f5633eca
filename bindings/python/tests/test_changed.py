"""Memory that changes while a call uses it: by other threads, by raw views, by a device that goes on writing.

Nothing is touched but the bytes of packets that are the caller's: all other packets are as they were, and every buffer
is accounted for.
"""

import array
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import numpy as np
import pytest

import ixy
from conftest import BATCH, INLINE, PACKET, RAW, Mark, pattern
from ixy.raw import ffi, lib

SECONDS = 2.0


@pytest.fixture(autouse=True)
def switches() -> Iterator[None]:
    """Threads of Python take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def others(pool: ixy.Pool) -> Iterator[list[ixy.Packet]]:
    """Packets between those of the tests, which may not change."""
    made = pool.alloc(256)
    for number, packet in enumerate(made):
        packet.resize(2048)
        packet[:] = pattern(2048, number)
    for packet in made[::2]:
        packet.free()
    del packet
    kept = made[1::2]
    del made
    yield kept
    assert all(bytes(packet) == pattern(2048, 1 + 2 * number) for number, packet in enumerate(kept))
    kept.clear()


@contextmanager
def meanwhile(*acts: Callable[[], object]) -> Iterator[None]:
    """Does these things over and over in threads of their own; what they raise must be an error of the package."""
    stop, wrong = threading.Event(), list[BaseException]()

    def work(act: Callable[[], object]) -> None:
        while not stop.is_set():
            try:
                act()
            except ixy.Error:
                continue
            except BaseException as error:
                wrong.append(error)
                return

    threads = [threading.Thread(target=work, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert wrong == []


def for_a_while(*acts: Callable[[], object]) -> None:
    """Does these things in turn, until some were no error."""
    begin, good = time.monotonic(), 0
    while time.monotonic() < begin + SECONDS or good < 20:
        assert time.monotonic() < begin + 60
        for act in acts:
            try:
                act()
                good += 1
            except ixy.Error:
                continue


def refill(batch: ixy.Batch) -> None:
    batch.alloc(32)
    batch.resize(60)


def shape_error(act: Callable[[], object]) -> Callable[[], object]:
    """NumPy's error when a batch has another number of packets by the time that its values are stored."""

    def tried() -> None:
        with suppress(ValueError):
            act()

    return tried


def test_a_batch_in_several_threads(mark: Mark, pool: ixy.Pool, loop: ixy.Device, others: list[ixy.Packet]) -> None:
    batch = ixy.Batch(pool, 64)
    refill(batch)
    acts: list[Callable[[], object]] = [
        lambda: batch.get(56, ">u4"),
        shape_error(lambda: batch.put(58, range(len(batch)), ">u2")),
        lambda: batch.add(59, 1),
        lambda: batch.metadata["flags"].sum(),
        lambda: batch.frames["len"].sum(),
        lambda: batch.bulk_read(0, 60),
        lambda: batch.bulk_add_u8(59, 1),
    ]
    changes: list[Callable[[], object]] = [
        lambda: loop.tx_batch(batch),
        lambda: loop.rx_batch(batch),
        lambda: batch.resize(14),
        lambda: batch.resize(1500),
        lambda: batch.resize(60),
        lambda: refill(batch),
        batch.free,
    ]
    with meanwhile(*changes):
        for_a_while(*acts)
    loop.close()
    batch.free()
    assert pool.free_count == 4096 - len(others)
    detail = "packets of one moment or the other, or HandleError or RangeError: one call into C checks and copies"
    mark(BATCH, "changed during a call", "contained", detail)


def test_packets_in_several_threads(mark: Mark, pool: ixy.Pool, loop: ixy.Device, others: list[ixy.Packet]) -> None:
    packets = pool.alloc(8)
    data = bytearray(60)

    def change() -> None:
        packets.reverse()
        packets[0:1] = pool.alloc(1)
        packets[0].resize(60)

    def grow() -> None:
        try:
            data.append(1)
            del data[60:]
        except BufferError:  # while a call reads it
            time.sleep(0)

    acts: list[Callable[[], object]] = [
        lambda: loop.tx(packets),
        lambda: pool.free(packets),
        lambda: packets[0].write(0, data),
        lambda: packets[0].__setitem__(slice(0, 60), data),
        lambda: bytes(packets[1]),
        lambda: packets[0].set_checksum(),
    ]
    with meanwhile(change, grow, lambda: loop.rx(0, 64), lambda: packets[0].resize(14)):
        for_a_while(*acts)
    detail = "a list, a packet or data that other threads change: the call sees one state of it, and checks that"
    mark(PACKET, "changed during a call", "contained", detail)


def test_frames_that_are_written_behind_a_batch(pool: ixy.Pool, others: list[ixy.Packet]) -> None:
    """Through ixy.raw any memory can be written: what a batch then holds is checked, never believed."""
    batch, victim = ixy.Batch(pool, 8), others[0]
    refill(batch)
    frames = ffi.cast("ixy_frame *", ffi.from_buffer("ixy_frame[]", batch.frames))
    good = [(frame.buf, frame.offset, frame.len, frame.flags) for frame in frames[0:8]]
    acts: list[Callable[[], object]] = [
        lambda: batch.get(0),
        lambda: batch.add(0, 1),
        lambda: batch.metadata,
        lambda: batch.bulk_add_u8(0, 1),
        lambda: batch.bulk_read(0, 1),
        lambda: batch.bulk_fill(0, b"x"),
        lambda: batch.resize(60),
    ]
    for member, value in (
        ("offset", victim.offset),
        ("offset", (1 << 32) - 1),
        ("len", 65535),
        ("buf", 0),
        ("buf", (1 << 53) - 1),
        ("buf", good[0][0] ^ 1 << 20),
    ):
        setattr(frames[5], member, value)
        for act in acts if member != "len" else acts[:0]:
            with pytest.raises((ixy.HandleError, ixy.FrameError), match="packet 5 "):
                act()
        frames[5].buf, frames[5].offset, frames[5].len, frames[5].flags = good[5]
    assert batch.get(0).size == 8


def rounds(memory: Any, places: list[int], seconds: float = SECONDS) -> Callable[[], None]:
    """Writes to packets as a device does that goes on writing into buffers that it has given up."""
    values = iter(range(1 << 62))

    def write() -> None:
        value = next(values) & 255
        for place in places:
            memory[place : place + 60] = value

    return write


def test_a_device_that_writes_on(mark: Mark, pool: ixy.Pool, others: list[ixy.Packet]) -> None:
    packets, batch = pool.alloc(4), ixy.Batch(pool, 8)
    refill(batch)
    for packet in packets:
        packet.resize(60)
    view = pool.unsafe_view()
    memory = np.frombuffer(view, "u1")
    own = [packet.offset for packet in packets] + [int(offset) for offset in batch.frames["offset"]]
    seen: set[int] = set()
    packet = packets[0]
    with meanwhile(rounds(memory, own)):
        for_a_while(
            lambda: seen.update(bytes(packet)),
            lambda: bytes(packet[0:60]).decode("latin-1").encode(),
            lambda: packet.write(0, packet.read(30, 30)),
            lambda: packet.set_checksum(ip=True, l4="udp"),
        )
        assert (len(packet), packet.owned, packet.offset) == (60, True, own[0])
    assert len(seen) > 1  # it does change
    mark(
        PACKET,
        "device writes on",
        "contained",
        "the content changes; what is read is a copy, length and place are not its",
    )
    with meanwhile(rounds(memory, own)):
        for_a_while(
            lambda: batch.get(0, ">u8"),
            lambda: batch.add(59, 1),
            lambda: batch.put(0, 1),
            lambda: batch.bulk_read(0, 60),
        )
        assert list(batch.lengths) == [60] * 8
    mark(
        BATCH,
        "device writes on",
        "contained",
        "the content changes; what is read is a copy, lengths and places are not its",
    )
    with meanwhile(rounds(memory, own)):
        for_a_while(lambda: bytes(view[own[0] : own[0] + 60]), lambda: memory[own[0] : own[0] + 60].sum())
    mark(RAW, "device writes on", "contained", "the content changes; copy it before it is decoded or parsed")


def test_raw_frames_that_change(mark: Mark, pool: ixy.Pool, loop: ixy.Device, others: list[ixy.Packet]) -> None:
    frames = ffi.new("ixy_frame[8]")
    assert lib.ixy_buf_alloc(pool.handle, frames, 8) == 8
    good = [(frame.buf, frame.offset, 60, 0) for frame in frames]

    def change() -> None:
        for index in range(8):
            frames[index].offset = (1 << 32) - 12
            frames[index].len = 65535
            frames[index].buf, frames[index].offset, frames[index].len, frames[index].flags = good[index]

    text = ffi.new("char[64]")
    with meanwhile(change):
        codes = {0}
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            codes.add(lib.ixy_buf_read(pool.handle, frames, 0, text, 60))
            codes.add(lib.ixy_buf_write(pool.handle, frames, 0, text, 60))
    assert codes <= {0, 60, lib.IXY_E_FRAME, lib.IXY_E_RANGE}
    for index in range(8):
        frames[index].buf = good[index][0]
    assert lib.ixy_buf_free(pool.handle, frames, 8) == 8
    mark(RAW, "changed during a call", "contained", "ixy.raw.lib reads each frame once, and checks what it read")


# ---- what is handed over as data ----


class Text(ctypes.Structure):
    _fields_ = (("bytes", ctypes.c_uint8 * 4),)


def test_data_of_all_kinds(pool: ixy.Pool) -> None:
    """Contiguous buffers are taken as their bytes, whatever their items are; all others are refused."""
    batch, (packet,) = pool.alloc_batch(1), pool.alloc(1)
    batch.resize(60)
    packet.resize(60)
    released = memoryview(b"abcd")
    released.release()
    data: Any
    writes: list[Callable[[Any], object]] = [
        lambda data: packet.write(0, data),
        lambda data: packet.__setitem__(slice(0, 4), data),
        lambda data: batch.bulk_write(0, 4, data),
        lambda data: batch.bulk_fill(0, data),
    ]
    for data in (
        b"\1\2\3\4",
        bytearray(b"\1\2\3\4"),
        memoryview(b"\1\2\3\4"),
        array.array("H", [0x0201, 0x0403]),
        np.array([0x04030201], "<u4"),
        np.array([[1, 2], [3, 4]], "u1"),
        Text((1, 2, 3, 4)),
        (ctypes.c_uint16 * 2)(0x0201, 0x0403),
    ):
        for write in writes:
            packet[0:4] = bytes(4)
            batch.bulk_fill(0, bytes(4))
            write(data)
            assert b"\1\2\3\4" in (packet[0:4], batch.bulk_read(0, 4))
    for data in (memoryview(b"a.b.c.d.")[::2], np.arange(8, dtype="u1")[::2], np.ones((4, 4), "u1").T[:2], released):
        for write in writes:
            with pytest.raises((BufferError, ValueError)):
                write(data)
    for data in (None, 4, "text", [1, 2, 3, 4]):
        for write in writes:
            with pytest.raises(TypeError):
                write(data)


def test_values_of_all_kinds(pool: ixy.Pool, others: list[ixy.Packet]) -> None:
    """Arrays that NumPy makes of anything, and such as lie in the packets' own memory."""
    batch = pool.alloc_batch(4)
    batch.resize(60)
    batch.bulk_fill(0, pattern(60))
    memory = np.frombuffer(pool.unsafe_view(), "u1")
    first = int(batch.frames["offset"][0])
    own = memory[first : first + 8]
    batch.put(1, own[:4])  # which the call itself changes
    assert list(batch.get(1)) == list(pattern(4))
    batch.put(0, own[3::-1])
    batch.put(0, np.broadcast_to(np.uint8(3), 4))
    values: Any = [1, 2.7, True, np.int8(4)]
    batch.put(0, values)
    assert list(batch.get(0)) == [1, 2, 1, 4]
    for values in ([1, 2, 3], np.ones((2, 4)), np.ones((4, 1)), [[1], [2]]):
        with pytest.raises(ValueError):
            batch.put(0, values)
    for values in ("x", [None] * 4, b"ab", object()):
        with pytest.raises((TypeError, ValueError)):
            batch.put(0, values)
    with pytest.raises(ixy.RangeError):
        batch.put(0, 1 << 64)
    for dtype in ("O", "S0", "V0", [("a", "O")], "V65536", "S2147483647"):
        with pytest.raises((TypeError, ixy.RangeError)):
            batch.get(0, dtype)
        with pytest.raises((TypeError, ixy.RangeError)):
            ixy.Batch(pool, 1).put(0, b"", dtype)
    assert batch.get(0, [("a", "u1"), ("b", ">u2")])["b"].size == 4
    assert batch.get(0, "M8[s]").size == batch.get(0, "f8").size == 4


@pytest.mark.parametrize("step", [-3, -2, -1, 1, 2, 3])
@pytest.mark.parametrize("shift", range(-12, 13, 3))
def test_a_slice_of_itself(pool: ixy.Pool, others: list[ixy.Packet], step: int, shift: int) -> None:
    """Data that overlaps what it is written to: as bytearray has it."""
    (packet,) = pool.alloc(1)
    packet.resize(120)
    packet[:] = pattern(120)
    expected = bytearray(pattern(120))
    target = slice(40, 80, step) if step > 0 else slice(80, 40, step)
    source = slice(40 + shift, 40 + shift + len(expected[target]))
    expected[target] = pattern(120)[source]
    packet[target] = pool.unsafe_view()[packet.offset : packet.offset + 120][source]
    assert bytes(packet) == expected


def test_a_batch_of_itself(pool: ixy.Pool, others: list[ixy.Packet]) -> None:
    """The same for all packets of a batch: each gets what the data was when the call began."""
    batch, view = ixy.Batch(pool, 4), pool.unsafe_view()
    for at in (0, 1, 3):
        for number in range(4):
            batch.free()
            refill_some(batch, 4)
            first = int(batch.frames["offset"][number])
            batch.bulk_fill(at, view[first : first + 8])
            assert batch.bulk_read(at, 8) == pattern(8) * 4
            batch.bulk_fill(0, pattern(60))
            batch.bulk_write(at, 4, view[first : first + 16])
            assert batch.bulk_read(at, 4) == pattern(16)


def refill_some(batch: ixy.Batch, count: int) -> None:
    batch.alloc(count)
    batch.resize(60)
    batch.bulk_fill(0, pattern(60))


USES: list[Callable[[ixy.Batch], object]] = [
    lambda batch: batch.get(10, ">u2"),
    lambda batch: batch.put(10, 0xEEEE, "<u2"),
    lambda batch: batch.put(10, range(len(batch))),
    lambda batch: batch.add(10, 1),
]


class Taker:
    """Gives a batch's packets back and has its buffers taken again, by packets that the batch's calls may not touch."""

    def __init__(self, pool: ixy.Pool, capacity: int) -> None:
        self.batch, self.foreign, self.turns = ixy.Batch(pool, capacity), ixy.Batch(pool, capacity), 0
        self.expected = pattern(60) * capacity

    def take(self) -> None:
        self.batch.free()
        refill_some(self.foreign, self.foreign.capacity)
        for _ in range(10):
            time.sleep(0)
            assert self.foreign.bulk_read(0, 60) == self.expected
        self.foreign.free()
        refill_some(self.batch, self.batch.capacity)
        self.turns += 1


@pytest.mark.parametrize("use", USES)
def test_buffers_that_another_thread_takes(use: Callable[[ixy.Batch], object]) -> None:
    with ixy.Pool(256) as pool:
        taker = Taker(pool, 256)
        with meanwhile(taker.take):
            for_a_while(shape_error(lambda: use(taker.batch)))
        assert taker.turns > 0
        taker.batch.free()
        assert pool.free_count == 256


@pytest.mark.parametrize("use", USES)
def test_buffers_that_are_taken_at_any_step(use: Callable[[ixy.Batch], object]) -> None:
    """What a signal handler may do, at every instruction of the package in turn."""
    package = ixy.Batch.get.__code__.co_filename
    with ixy.Pool(16) as pool:
        batch, foreign, steps = ixy.Batch(pool, 16), list[ixy.Packet](), 0

        def take_at(wanted: int) -> None:
            nonlocal steps

            def trace_step(frame: FrameType, event: str, argument: object) -> Any:
                nonlocal steps
                steps += event == "opcode"
                if event == "opcode" and steps == wanted:
                    batch.free()
                    foreign.extend(pool.alloc(16))
                    for packet in foreign:
                        packet.resize(60)
                        packet[:] = pattern(60)
                return trace_step

            def trace(frame: FrameType, event: str, argument: object) -> Any:
                if frame.f_code.co_filename != package:
                    return None
                frame.f_trace_opcodes = True
                return trace_step

            steps = 0
            sys.settrace(trace)
            try:
                shape_error(lambda: use(batch))()
            except ixy.Error:
                pass
            finally:
                sys.settrace(None)

        wanted = 1
        while True:
            refill_some(batch, 16)
            take_at(wanted)
            if steps < wanted:
                break
            assert len(foreign) == 16
            assert all(bytes(packet) == pattern(60) for packet in foreign), f"at step {wanted}"
            pool.free(foreign)
            foreign.clear()
            wanted += 1
        assert wanted > 20


@pytest.mark.parametrize("use", USES)
def test_buffers_that_a_signal_handler_takes(use: Callable[[ixy.Batch], object]) -> None:
    with ixy.Pool(256) as pool:
        batch, foreign = ixy.Batch(pool, 256), ixy.Batch(pool, 256)

        def handler(number: int, frame: FrameType | None) -> None:
            batch.free()
            refill_some(foreign, 256)

        before = signal.signal(signal.SIGALRM, handler)
        try:
            for turn in range(200):
                foreign.free()
                refill_some(batch, 256)
                signal.setitimer(signal.ITIMER_REAL, 1e-5 * (1 + turn % 20))
                end = time.monotonic() + 60
                while not foreign:
                    assert time.monotonic() < end
                    with suppress(ixy.Error, ValueError):
                        use(batch)
                assert foreign.bulk_read(0, 60) == pattern(60) * 256
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


DTYPES: list[Any] = [
    *"?bBhHiIlLqQefdgFDG",
    *("u1", "i1", "S1", "V1", "bool", "b", ">u2", "<i8", ">f4", "S4", "S7", "U1", ">U3", "V3", "M8[s]", ">m8[ns]"),
    *([("a", "u1")], [("a", "i1"), ("b", ">u2")], [("a", "M8[s]"), ("b", "S3")], "(2,3)u1", "(1,)i1", "(2,)>M8[s]"),
    np.dtype((np.record, [("a", "u1"), ("b", "<f8")])),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_values_of_all_fixed_sizes(pool: ixy.Pool, others: list[ixy.Packet], dtype: Any) -> None:
    batch, kind = ixy.Batch(pool, 8), np.dtype(dtype)
    assert batch.get(3, dtype).shape == (0, *kind.shape)
    refill_some(batch, 8)
    source = np.zeros(8, kind)
    if kind.base.kind == "U":
        source[1::2] = "a"
    else:
        source.view("u1").reshape(8, kind.itemsize)[1::2, 0] = 1  # a value of every other type
    batch.put(3, source, dtype)
    assert batch.bulk_read(3, kind.itemsize) == source.tobytes()
    assert batch.bulk_read(0, 3) == pattern(60)[:3] * 8
    after = 3 + kind.itemsize
    assert batch.bulk_read(after, 60 - after) == pattern(60)[after:] * 8
    found = batch.get(3, dtype)
    assert (found.shape, found.dtype) == (source.shape, source.dtype)
    assert found.tobytes() == source.tobytes()
    assert found.flags.writeable
    batch.put(3, found[0], dtype)
    assert batch.get(3, dtype).tolist() == [found[0].tolist()] * 8
    batch.free()


class Acting:
    """Values that, while NumPy converts them, give the batch's packets away."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        self.act()
        return np.arange(4, dtype="u1")


def test_values_that_act(pool: ixy.Pool, others: list[ixy.Packet]) -> None:
    with ixy.open(INLINE, pool=pool) as device:
        for act in (ixy.Batch.free, device.tx_batch, lambda batch: batch.resize(0), lambda batch: batch.alloc(4)):
            batch = ixy.Batch(pool, 8)
            batch.alloc(4)
            batch.resize(60)
            with pytest.raises(ValueError):  # of NumPy, or a RangeError
                batch.put(59, Acting(lambda batch=batch, act=act: act(batch)))  # type: ignore[misc]
