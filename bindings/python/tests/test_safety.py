"""The safety table: each mistake is made, what comes of it asserted, and then printed (docs/safety.md)."""

import multiprocessing
import operator
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest

import ixy
from conftest import BATCH, INLINE, PACKET, RAW, Mark, pattern
from ixy.raw import ffi, lib

FAR = (1 << 31, (1 << 32) - 1, 1 << 32, 1 << 63, (1 << 64) - 1, 1 << 70, -(1 << 31), -(1 << 64))


@pytest.fixture
def packet(pool: ixy.Pool) -> ixy.Packet:
    return made(pool)


@pytest.fixture
def batch(pool: ixy.Pool) -> ixy.Batch:
    return made_batch(pool)


def made(pool: ixy.Pool) -> ixy.Packet:
    (packet,) = pool.alloc(1)
    packet.resize(60)
    packet[:] = pattern(60)
    return packet


def made_batch(pool: ixy.Pool) -> ixy.Batch:
    batch = pool.alloc_batch(4)
    batch.resize(60)
    batch.put(0, range(4))
    return batch


def frame_of(packet: ixy.Packet) -> Any:
    return ffi.new("ixy_frame *", (packet.handle, packet.offset, len(packet), packet.flags))


def each_raises(error: type[BaseException], *actions: Callable[[], object]) -> None:
    for action in actions:
        with pytest.raises(error):
            action()


def packet_uses(packet: ixy.Packet) -> list[Callable[[], object]]:
    return [
        lambda: packet[0],
        lambda: packet[0:4],
        lambda: bytes(packet),
        lambda: len(packet),
        lambda: packet.read(0, 1),
        lambda: packet.write(0, b"x"),
        lambda: packet.__setitem__(0, 1),
        lambda: packet.resize(61),
    ]


def batch_uses(batch: ixy.Batch) -> list[Callable[[], object]]:
    return [
        lambda: batch.get(0),
        lambda: batch.get(0, ">u4"),
        lambda: batch.put(0, 1),
        lambda: batch.add(0, 1),
        lambda: batch.resize(61),
    ]


# ---- bounds ----


def test_packet_bounds(mark: Mark, packet: ixy.Packet) -> None:
    for at in (60, -61, 2048, *FAR):
        each_raises(ixy.RangeError, partial(operator.getitem, packet, at), partial(operator.setitem, packet, at, 1))
    each_raises(ixy.RangeError, lambda: packet.read(58, 3), lambda: packet.read(-1, 1))
    mark(PACKET, "out of bounds read", "run time", "ixy.RangeError, an IndexError")
    each_raises(ixy.RangeError, lambda: packet.write(58, b"abc"), lambda: packet.__setitem__(slice(0, 60), bytes(61)))
    assert bytes(packet) == pattern(60)
    mark(PACKET, "out of bounds write", "run time", "ixy.RangeError, an IndexError")


def test_batch_bounds(mark: Mark, batch: ixy.Batch) -> None:
    for at in (60, -1, 2048, *FAR):
        each_raises(ixy.RangeError, partial(batch.get, at))
    each_raises(ixy.RangeError, lambda: batch.get(57, ">u4"), lambda: batch.get(0, "S61"))
    mark(BATCH, "out of bounds read", "run time", "ixy.RangeError, an IndexError")
    before = batch.bulk_read(0, 60)
    for at in (60, -1, 2048, *FAR):
        each_raises(ixy.RangeError, partial(batch.put, at, 1), partial(batch.add, at, 1))
    each_raises(ixy.RangeError, lambda: batch.put(57, 1, ">u4"))
    assert batch.bulk_read(0, 60) == before
    mark(BATCH, "out of bounds write", "run time", "ixy.RangeError, an IndexError; no packet of the batch has changed")


def test_raw_bounds(mark: Mark, pool: ixy.Pool) -> None:
    first, second = sorted((made(pool), made(pool)), key=lambda packet: packet.offset)
    view = pool.unsafe_view()
    array = np.frombuffer(view, "u1")
    assert view[second.offset] == array[second.offset] == second[0]  # "past the first's end"
    assert first.offset + len(first) < second.offset
    each_raises(IndexError, lambda: view[len(view)], lambda: array[len(array)], lambda: view[1 << 64])
    mark(RAW, "out of bounds read", "not caught", "other packets of the pool are read; past its memory IndexError")
    view[second.offset] = 99
    assert second[0] == 99
    each_raises(IndexError, lambda: view.__setitem__(len(view), 0), lambda: array.__setitem__(len(array), 0))
    mark(RAW, "out of bounds write", "not caught", "other packets of the pool are changed; past its memory IndexError")


# ---- ownership ----


def test_packet_after_transmit(mark: Mark, loop: ixy.Device, packet: ixy.Packet) -> None:
    assert loop.tx([packet]) == 1
    each_raises(ixy.HandleError, *packet_uses(packet), packet.free, lambda: loop.pool.free([packet]))
    mark(PACKET, "use after transmit", "run time", "ixy.HandleError")
    each_raises(ixy.HandleError, lambda: loop.tx([packet]))
    again = made(loop.pool)
    assert loop.tx([again, again]) == 1
    assert len(loop.rx()) == 2
    mark(PACKET, "double transmit", "run time", "ixy.HandleError; twice in one call: it ends at the second")


def test_packet_after_free(mark: Mark, pool: ixy.Pool, packet: ixy.Packet) -> None:
    packet.free()
    each_raises(ixy.HandleError, *packet_uses(packet))
    holders = pool.alloc(4096)  # all buffers: that of the packet too, under a new handle
    each_raises(ixy.HandleError, *packet_uses(packet))
    mark(PACKET, "use after free", "run time", "ixy.HandleError, also once the buffer is another packet's")
    free = pool.free_count
    each_raises(ixy.HandleError, packet.free, lambda: pool.free([packet]))
    assert pool.free([holders[0], holders[0]]) == 1
    assert pool.free_count == free + 1
    mark(PACKET, "double free", "run time", "ixy.HandleError; twice in one call: it ends at the second")


def behind_its_back(batch: ixy.Batch, give: Callable[[Any], int]) -> None:
    """Gives the batch's third packet away through the raw layer: by itself a batch takes out what it gives away."""
    frames = batch.frames[2]
    assert give(ffi.new("ixy_frame *", [int(frames[name]) for name in ("buf", "offset", "len", "flags")])) == 1


def test_batch_after_transmit(mark: Mark, loop: ixy.Device, batch: ixy.Batch) -> None:
    behind_its_back(batch, lambda frame: lib.ixy_tx_batch(loop.handle, 0, frame, 1))
    each_raises(ixy.HandleError, *batch_uses(batch))
    detail = "ixy.HandleError, after a transmit through ixy.raw; a batch itself takes out what it sends"
    mark(BATCH, "use after transmit", "run time", detail)
    assert loop.tx_batch(batch) == 2  # the batch begins with the stale packet then
    each_raises(ixy.HandleError, lambda: loop.tx_batch(batch))
    assert (len(batch), len(loop.rx())) == (2, 3)
    mark(BATCH, "double transmit", "run time", detail)


def test_batch_after_free(mark: Mark, pool: ixy.Pool, batch: ixy.Batch) -> None:
    free = pool.free_count
    behind_its_back(batch, lambda frame: lib.ixy_buf_free(pool.handle, frame, 1))
    each_raises(ixy.HandleError, *batch_uses(batch))
    holders = pool.alloc(4096)
    each_raises(ixy.HandleError, *batch_uses(batch))
    detail = "ixy.HandleError, after a free through ixy.raw; a batch itself takes out what it frees"
    mark(BATCH, "use after free", "run time", detail)
    del holders
    batch.free()
    batch.free()
    assert (len(batch), pool.free_count) == (0, free + 4)
    detail = "a batch is empty once it was freed; what was freed through ixy.raw meanwhile it does not free again"
    mark(BATCH, "double free", "cannot be written", detail)


def test_raw_after_transmit(mark: Mark, loop: ixy.Device, packet: ixy.Packet) -> None:
    view, at, frame = loop.pool.unsafe_view(), packet.offset, frame_of(packet)
    assert lib.ixy_tx_batch(loop.handle, 0, frame, 1) == 1
    assert bytes(view[at : at + 60]) == pattern(60)
    mark(RAW, "use after transmit", "not caught", "a memoryview cannot be taken back: it shows what the buffer holds")
    twice = ffi.new("ixy_frame[2]", [frame_of(made(loop.pool))[0]] * 2)
    assert lib.ixy_tx_batch(loop.handle, 0, frame, 1) == lib.IXY_E_HANDLE
    assert lib.ixy_tx_batch(loop.handle, 0, twice, 2) in (1, lib.IXY_E_HANDLE)
    mark(RAW, "double transmit", "run time", "IXY_E_HANDLE from ixy.raw.lib")


def test_raw_after_free(mark: Mark, pool: ixy.Pool, packet: ixy.Packet) -> None:
    view, at, frame = pool.unsafe_view(), packet.offset, frame_of(packet)
    packet.free()
    assert bytes(view[at : at + 60]) == pattern(60)
    view[at] = 200
    assert view[at] == 200
    mark(RAW, "use after free", "not caught", "a memoryview cannot be taken back: it shows what the buffer holds")
    assert lib.ixy_buf_free(pool.handle, frame, 1) == lib.IXY_E_HANDLE
    mark(RAW, "double free", "run time", "IXY_E_HANDLE from ixy.raw.lib")


# ---- handles ----


def test_foreign(mark: Mark, loop: ixy.Device) -> None:
    with ixy.Pool(64) as other:
        packet, batch = made(other), made_batch(other)
        each_raises(ixy.HandleError, lambda: loop.tx([packet]), lambda: loop.pool.free([packet]))
        assert bytes(packet) == pattern(60)
        mark(PACKET, "foreign handle", "run time", "ixy.HandleError; the packet stays the caller's")
        each_raises(ixy.HandleError, lambda: loop.tx_batch(batch))
        each_raises(ixy.ArgumentError, lambda: loop.rx_batch(batch))
        assert list(batch.get(0)) == [0, 1, 2, 3]
        mark(BATCH, "foreign handle", "run time", "ixy.HandleError, receiving ixy.ArgumentError")
        frame = frame_of(packet)
        for code in (
            lib.ixy_tx_batch(loop.handle, 0, frame, 1),
            lib.ixy_buf_free(loop.pool.handle, frame, 1),
            lib.ixy_buf_read(loop.pool.handle, frame, 0, ffi.new("char[1]"), 1),
            lib.ixy_pool_close(loop.handle),
            lib.ixy_device_close(other.handle),
        ):
            assert code == lib.IXY_E_HANDLE
        mark(RAW, "foreign handle", "run time", "IXY_E_HANDLE from ixy.raw.lib, also for a handle of another kind")


def test_forged(mark: Mark, loop: ixy.Device, packet: ixy.Packet, batch: ixy.Batch) -> None:
    each_raises(TypeError, ixy.Packet, lambda: object.__new__(ixy.Packet), partial(ixy.Packet.__new__, ixy.Packet))
    each_raises(AttributeError, lambda: setattr(packet, "handle", 1), lambda: setattr(packet, "offset", 0))
    mark(PACKET, "forged handle", "run time", "TypeError or AttributeError: packets are made by the library alone")
    each_raises(ValueError, lambda: batch.frames["buf"].fill(1), lambda: batch.frames.setflags(write=True))
    each_raises(AttributeError, lambda: setattr(batch, "frames", np.zeros(4)))
    mark(BATCH, "forged handle", "run time", "ValueError or AttributeError: the frames are read-only")
    frame = frame_of(packet)
    for handle in (0, 1, packet.handle ^ 1 << 30, packet.handle ^ 1 << 18, (1 << 53) - 1, 1 << 63, (1 << 64) - 1):
        frame.buf = handle
        assert lib.ixy_tx_batch(loop.handle, 0, frame, 1) == lib.IXY_E_HANDLE
        assert lib.ixy_buf_free(loop.pool.handle, frame, 1) == lib.IXY_E_HANDLE
        assert lib.ixy_rx_batch(handle, 0, frame, 1) == lib.IXY_E_HANDLE
        assert lib.ixy_pool_close(handle) == lib.ixy_device_close(handle) == lib.IXY_E_HANDLE
    mark(RAW, "forged handle", "run time", "IXY_E_HANDLE from ixy.raw.lib")


def test_closed_device(mark: Mark, pool: ixy.Pool, packet: ixy.Packet, batch: ixy.Batch) -> None:
    device = ixy.open(INLINE, pool=pool)
    handle = device.handle
    device.close()
    each_raises(ixy.HandleError, device.rx, lambda: device.tx([packet]), device.start, lambda: device.stats)
    assert bytes(packet) == pattern(60)
    mark(PACKET, "use after device close", "run time", "ixy.HandleError; the packets stay the caller's")
    each_raises(ixy.HandleError, lambda: device.rx_batch(batch), lambda: device.tx_batch(batch))
    assert list(batch.get(0)) == [0, 1, 2, 3]
    mark(BATCH, "use after device close", "run time", "ixy.HandleError; the batch keeps its packets")
    frame = frame_of(packet)
    with ixy.open(INLINE, pool=pool):  # takes the slot again
        assert lib.ixy_tx_batch(handle, 0, frame, 1) == lib.IXY_E_HANDLE
        assert lib.ixy_rx_batch(handle, 0, frame, 1) == lib.ixy_device_close(handle) == lib.IXY_E_HANDLE
    mark(RAW, "use after device close", "run time", "IXY_E_HANDLE from ixy.raw.lib, also once the slot is used again")


# ---- numbers ----


def test_numbers(mark: Mark, loop: ixy.Device, packet: ixy.Packet, batch: ixy.Batch) -> None:
    pool = loop.pool
    for number in FAR:
        each_raises(ixy.RangeError, partial(pool.alloc, number), partial(loop.rx, 0, number))
        each_raises(ixy.RangeError, partial(operator.getitem, packet, number), partial(loop.rx, number))
        each_raises(ixy.FrameError, partial(packet.resize, number))
    each_raises(ixy.FrameError, lambda: packet.resize(1 << 16), lambda: packet.resize(-1))
    each_raises(ixy.RangeError, lambda: packet.read(1, (1 << 63) - 1), lambda: packet.read((1 << 63) - 1, 1))
    assert bytes(packet) == pattern(60)
    mark(PACKET, "integer overflow", "run time", "ixy.RangeError or ixy.FrameError: Python's numbers do not wrap")
    for number in FAR:
        each_raises(ixy.RangeError, partial(batch.get, number), partial(loop.rx_batch, batch, number))
        each_raises(ixy.RangeError, partial(ixy.Batch, pool, number), partial(pool.alloc_batch, number))
        each_raises(ixy.FrameError, partial(batch.resize, number))
    each_raises(ixy.FrameError, lambda: batch.resize(1 << 16), lambda: batch.resize([60, 60, 60, -1]))
    assert list(batch.get(0)) == [0, 1, 2, 3]
    mark(BATCH, "integer overflow", "run time", "ixy.RangeError or ixy.FrameError: Python's numbers do not wrap")
    frame, text = frame_of(packet), ffi.new("char[64]")
    for place, count in ((59, 2), (60, 1), ((1 << 32) - 1, 1), (1, (1 << 32) - 1)):
        assert lib.ixy_buf_read(pool.handle, frame, place, text, count) == lib.IXY_E_RANGE
    for field, value in (("offset", (1 << 32) - 1), ("offset", packet.offset - 4096), ("len", 65535)):
        bad = ffi.new("ixy_frame *", frame[0])
        setattr(bad, field, value & 0xFFFFFFFF)
        assert lib.ixy_tx_batch(loop.handle, 0, bad, 1) == lib.IXY_E_FRAME
    assert lib.ixy_tx_batch(loop.handle, 0, frame, (1 << 32) - 1) == lib.IXY_E_RANGE
    each_raises(OverflowError, lambda: lib.ixy_tx_batch(loop.handle, 0, frame, 1 << 32))
    each_raises(OverflowError, lambda: setattr(frame, "len", 1 << 16), lambda: setattr(frame, "offset", -1))
    mark(RAW, "integer overflow", "run time", "IXY_E_RANGE, IXY_E_FRAME, or OverflowError of cffi")


# ---- threads, close, fork ----


def second_waiter(device: ixy.Device, act: Callable[[], object]) -> bool:
    """Whether act becomes a BusyError while another thread waits on the queue."""
    thread = threading.Thread(target=lambda: device.wait(0, 20))
    thread.start()
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                act()
            except ixy.BusyError:
                return True
        return False
    finally:
        device.tx([made(device.pool)])  # comes back and wakes it
        thread.join(20)
        assert not thread.is_alive()
        assert len(device.rx()) == 1


def take_turns(mark: Mark, row: str, receive: Callable[[ixy.Device], int]) -> None:
    """Receive keeps the GIL: two threads that do nothing else are never in the queue at the same time."""
    counts: list[int] = []
    failures: list[BaseException] = []
    with ixy.open(f"{INLINE},wire=gen,limit=4000") as device:

        def work() -> None:
            try:
                counts.append(sum(receive(device) for _ in range(1000)))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        missed = device.stats.rx_missed
        assert (failures, sum(counts) + missed, device.emulated.counters.violations) == ([], 4000, 0)
    mark(row, "two threads on one queue", "cannot be written", "receive and transmit keep the GIL: threads take turns")


def test_one_queue(mark: Mark, pool: ixy.Pool) -> None:
    with ixy.open("emu:82599", pool=pool) as device:
        assert second_waiter(device, lambda: device.wait(0, 0))
        mark(PACKET, "two threads on one queue", "run time", "ixy.BusyError for the second that waits")
    take_turns(mark, PACKET, lambda device: len(device.rx()))
    batches = threading.local()

    def receive(device: ixy.Device) -> int:
        if not hasattr(batches, "own"):
            batches.own = ixy.Batch(device.pool, 32)
        count = device.rx_batch(batches.own)
        batches.own.free()
        return count

    take_turns(mark, BATCH, receive)


def test_one_queue_raw(mark: Mark) -> None:
    """cffi gives the GIL up, so two threads do get into one queue."""
    busy = threading.Event()
    wrong: list[int] = []
    with ixy.open(f"{INLINE},wire=gen") as device:
        handle, pool, end = device.handle, device.pool.handle, time.monotonic() + 30

        def work() -> None:
            frames = ffi.new("ixy_frame[256]")
            while not busy.is_set() and time.monotonic() < end:
                count = lib.ixy_rx_batch(handle, 0, frames, 256)
                if count == lib.IXY_E_BUSY:
                    busy.set()
                elif count < 0 or lib.ixy_buf_free(pool, frames, count) != count:
                    wrong.append(count)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (busy.is_set(), wrong) == (True, [])
    mark(RAW, "two threads on one queue", "run time", "IXY_E_BUSY from ixy.raw.lib")


def test_closed_pool(mark: Mark) -> None:
    pool = ixy.Pool(64)
    packet, batch, view = made(pool), made_batch(pool), pool.unsafe_view()
    at = packet.offset
    batch.get(0)  # makes the arrays, which outlive the pool
    pool.close()
    each_raises(ixy.HandleError, *packet_uses(packet))
    mark(PACKET, "view after pool close", "run time", "ixy.HandleError")
    each_raises(ixy.HandleError, *batch_uses(batch))
    mark(BATCH, "view after pool close", "run time", "ixy.HandleError")
    each_raises(ixy.HandleError, pool.unsafe_view)
    assert not any(view)
    view[at] = 1
    assert view[at] == 1
    detail = "reads zeroes, writes reach nobody; stays mapped while a view lives, so it is never a fault"
    mark(RAW, "view after pool close", "not caught", detail)


@contextmanager
def everything(pool: ixy.Pool) -> Iterator[tuple[list[Callable[[], object]], list[Callable[[], object]]]]:
    with ixy.open(INLINE, pool=pool) as device:
        packet, batch = made(pool), made_batch(pool)
        batch.get(0)
        yield (
            [
                device.rx,
                lambda: device.tx([packet]),
                packet.free,
                *packet_uses(packet),
                lambda: pool.alloc(1),
                lambda: device.stats,
            ],
            [
                lambda: device.rx_batch(batch),
                lambda: device.tx_batch(batch),
                *batch_uses(batch),
                lambda: batch.alloc(1),
            ],
        )


def judged(actions: list[Callable[[], object]]) -> int:
    """How many of the actions are not a ForkError."""
    wrong = 0
    for action in actions:
        try:
            action()
        except ixy.ForkError:
            continue
        wrong += 1
    return wrong


def in_child(work: Callable[[], int]) -> int:
    """What work returns in a child of os.fork, at most 100; 101 if it raises."""
    child = os.fork()
    if child == 0:
        code = 101
        try:
            code = min(work(), 100)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def in_process(work: Callable[[], int]) -> int:
    """The same in a process of multiprocessing's."""
    process = multiprocessing.get_context("fork").Process(target=lambda: os._exit(min(work(), 100)))
    process.start()
    process.join(30)
    assert process.exitcode is not None
    return process.exitcode


def test_forked(mark: Mark, pool: ixy.Pool) -> None:
    view, detail = pool.unsafe_view(), "ixy.ForkError in children of os.fork and of multiprocessing"
    with everything(pool) as (packet_actions, batch_actions):
        assert judged(packet_actions[3:]) == len(packet_actions[3:])  # in the parent none is
        for run in (in_child, in_process):
            assert run(lambda: judged(packet_actions)) == 0
            assert run(lambda: judged(batch_actions)) == 0
        mark(PACKET, "handle after fork", "run time", detail)
        mark(BATCH, "handle after fork", "run time", detail)
        handle, frame = pool.handle, ffi.new("ixy_frame *")
        view[100] = 7
        assert in_child(lambda: int(any(view)) + int(lib.ixy_buf_alloc(handle, frame, 1) != lib.IXY_E_FORK)) == 0
        assert view[100] == 7
    mark(RAW, "handle after fork", "run time", "IXY_E_FORK from ixy.raw.lib")
    mark(RAW, "handle after fork", "not caught", "the child's memoryview reads zeroes of its own, never the parent's")


def test_two_processes(pool: ixy.Pool) -> None:
    """Each process has a device and a pool of its own, at the same time, and every frame comes back."""

    def work() -> int:
        with ixy.open(INLINE) as own:
            returned = 0
            for _ in range(200):
                assert own.tx([made(own.pool) for _ in range(8)]) == 8
                returned += len(own.rx())
            return 0 if returned == 1600 and own.emulated.violations == [] else 1

    with ixy.open(INLINE, pool=pool):
        context = multiprocessing.get_context("fork")
        processes = [context.Process(target=lambda: os._exit(work())) for _ in range(2)]
        for process in processes:
            process.start()
        assert work() == 0
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0]
