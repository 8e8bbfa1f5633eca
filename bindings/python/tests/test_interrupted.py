"""Interrupted at any moment: by signal handlers that raise, and by an exception at every line of the package in turn.

Nothing may be lost: devices and pools close, queues can be waited for, no descriptor and no buffer is left.
"""

import asyncio
import ctypes
import gc
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import ixy
from conftest import BATCH, INLINE, PACKET, RAW, Mark
from ixy.raw import ffi, lib

PACKAGE = str(Path(ixy.__file__).parent)
SMALL = {"rx_ring_size": 64, "tx_ring_size": 64}
BUFFERS = 1024
LONG = 20.0


class Interrupt(BaseException):
    """What the handlers here raise, as Ctrl-C raises KeyboardInterrupt."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A device that nobody could close warns when it is collected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def open_and_close(pool: ixy.Pool) -> None:
    with ixy.open(INLINE, pool=pool, **SMALL) as device:  # type: ignore[arg-type]
        device.rx()


def make_and_close(pool: ixy.Pool) -> None:
    device = ixy.Device(INLINE, pool=pool, **SMALL)  # type: ignore[arg-type]
    device.start()
    device.close()


def make_pools(pool: ixy.Pool) -> None:
    with ixy.Pool(8) as other:
        other.alloc(1)
    with ixy.open(INLINE) as device:  # with a pool of its own
        assert device.pool is not pool


def use_batches(pool: ixy.Pool) -> None:
    with ixy.open(INLINE, pool=pool, **SMALL) as device:  # type: ignore[arg-type]
        batch = pool.alloc_batch(8)
        batch.resize(60)
        batch.add(0, 1)
        batch.put(4, range(8))
        assert len(batch.get(8, ">u2")) == len(batch.metadata) == len(batch.frames) == 8
        device.tx_batch(batch)
        device.rx_batch(batch)
        packets = pool.alloc(4)
        packets[0].resize(60)
        assert device.tx(packets) == 1


ACTIONS: list[Callable[[ixy.Pool], None]] = [open_and_close, make_and_close, make_pools, use_batches]


def interrupted_at(line: int, action: Callable[[], object]) -> bool:
    """Runs the action with an Interrupt at the line-th line of the package; whether it has so many."""
    lines = 0

    def trace_line(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        if event in ("line", "return"):
            lines += 1
            if lines == line:
                sys.settrace(None)
                raise Interrupt
        return trace_line

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        return trace_line if frame.f_code.co_filename.startswith(PACKAGE) else None

    sys.settrace(trace)
    try:
        action()
    except Interrupt:
        pass
    finally:
        sys.settrace(None)
    return lines >= line


@contextmanager
def nothing_left(pool: ixy.Pool) -> Iterator[None]:
    before = pool.free_count, descriptors()
    yield
    assert (pool.free_count, descriptors()) == before


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_at_every_line(action: Callable[[ixy.Pool], None]) -> None:
    action(ixy.Pool(BUFFERS))  # what is made once for a process
    line = 1
    while True:
        pool = ixy.Pool(BUFFERS)
        with nothing_left(pool):
            more = interrupted_at(line, lambda pool=pool: action(pool))  # type: ignore[misc]
        pool.close()  # no device is open on it that nobody can close
        if not more:
            break
        line += 1
    assert line > 10


def test_at_every_line_of_a_wait(mark: Mark, pool: ixy.Pool) -> None:
    async def asleep() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.002):
                await device.wait_async()

    with ixy.open("emu:82599", pool=pool) as device:
        for wait in (lambda: device.wait(timeout=0.002), lambda: asyncio.run(asleep())):
            wait()
            line = 1
            with nothing_left(pool):
                while interrupted_at(line, wait):
                    gc.collect()  # a task and what ended it are a cycle
                    assert device.wait(timeout=0) is False  # the queue is nobody's
                    line += 1
            assert line > 10
    detail = "an exception at every line and at random moments: all closes, no queue stays taken, no buffer is lost"
    mark(PACKET, "interrupted", "contained", detail)


@contextmanager
def alarms(seconds: float) -> Iterator[Callable[[Callable[[], object], float], bool]]:
    """Gives what runs an action that a signal handler's exception ends after so many seconds, unless it was faster."""

    armed = True

    def handler(number: int, frame: FrameType | None) -> None:
        if armed:  # else it is late, and the action is over
            raise Interrupt

    def interrupt(action: Callable[[], object], delay: float) -> bool:
        nonlocal armed
        try:
            armed = True
            signal.setitimer(signal.ITIMER_REAL, delay)
            action()
            armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupt:
            armed = False
            return True
        return False

    before = signal.signal(signal.SIGALRM, handler)
    try:
        yield interrupt
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def sweep(most: float) -> Iterator[float]:
    """Delays from a microsecond on, until the time of the test is over."""
    end, number = time.monotonic() + 3, 0
    while time.monotonic() < end or number < 50:
        number += 1
        yield 1e-6 + most * (number * 0.6180339887 % 1)  # spread evenly, however many there come to be


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("action", ACTIONS)
def test_signals(mark: Mark, action: Callable[[ixy.Pool], None]) -> None:
    hits = 0
    warm = ixy.Pool(BUFFERS)
    begin = time.monotonic()
    action(warm)
    took = time.monotonic() - begin
    with alarms(took) as interrupt:
        for delay in sweep(2 * took):
            pool = ixy.Pool(BUFFERS)
            with nothing_left(pool):
                hits += interrupt(lambda pool=pool: action(pool), delay)  # type: ignore[misc]
            pool.close()
    assert hits > 10
    if action is use_batches:
        mark(BATCH, "interrupted", "contained", "a batch that nobody has any more gives its packets back")


def test_signals_while_waiting(pool: ixy.Pool) -> None:
    hits = 0
    with ixy.open("emu:82599", pool=pool) as device:
        device.fileno()
        with nothing_left(pool), alarms(0.001) as interrupt:
            for delay in sweep(0.0006):
                hits += interrupt(lambda: device.wait(timeout=0.0003), delay)
                assert device.wait(timeout=0) is False
        assert hits > 10


def test_exceptions_sent_to_a_thread(pool: ixy.Pool) -> None:
    """Debuggers and test runners end other threads so, at any of their instructions."""
    hits, stop = [0], threading.Event()

    def work() -> None:
        while True:
            try:
                while not stop.is_set():
                    device.wait(timeout=0.0003)
                    open_and_close(pool)
                return
            except Interrupt:
                hits[0] += 1

    with ixy.open("emu:82599", pool=pool, **SMALL) as device:  # type: ignore[arg-type]
        device.fileno()  # is made once, and there until close
        with nothing_left(pool):
            thread = threading.Thread(target=work)
            thread.start()
            send, end = ctypes.pythonapi.PyThreadState_SetAsyncExc, time.monotonic() + LONG
            assert thread.ident is not None
            while hits[0] < 1000 and time.monotonic() < end:
                before = hits[0]
                time.sleep(1e-4 + 2e-3 * (before * 0.6180339887 % 1))
                send(ctypes.c_ulong(thread.ident), ctypes.py_object(Interrupt))
                while hits[0] == before and time.monotonic() < end and thread.is_alive():
                    time.sleep(0.0001)
            stop.set()
            thread.join(LONG)
            assert not thread.is_alive()
        assert hits[0] > 10
        assert device.wait(timeout=0) is False


def test_in_the_handler_of_the_interrupt(pool: ixy.Pool) -> None:
    """While the exception is handled its traceback still holds the frames that it ended."""
    with ixy.open("emu:82599", pool=pool) as device, alarms(0.02) as interrupt:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            device.wait()
        except Interrupt:
            waited = device.wait(timeout=0)
        assert waited is False
        assert interrupt(device.wait, 0.02)


def test_raw_interrupted(mark: Mark) -> None:
    device = ffi.new("uint64_t *")

    def opened() -> None:
        assert lib.ixy_device_open(b"emu:82599,timing=inline", ffi.NULL, device) == 0
        raise Interrupt

    with pytest.raises(Interrupt):
        opened()
    assert lib.ixy_device_close(device[0]) == 0
    mark(
        RAW, "interrupted", "not caught", "handles of ixy.raw are numbers: what is interrupted has to close them itself"
    )
