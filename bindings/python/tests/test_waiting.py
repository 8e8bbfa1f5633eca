"""Waiting for packets: threads and signals, event loops, asyncio."""

import asyncio
import math
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

import ixy

Frames = Callable[..., list[ixy.Packet]]

FAMILIES = ["emu:82599", "emu:x550", "emu:virtio", "emu:virtio,ring=packed"]
LONG = 20.0  # seconds in which anything comes on a busy machine
SOON = 0.05


@pytest.fixture
def card(pool: ixy.Pool) -> Iterator[ixy.Device]:
    """A device with a thread of its own, whose wire brings back what it sends."""
    with ixy.open("emu:82599", pool=pool) as made:
        made.fileno()  # is made once, and there until close
        yield made


@contextmanager
def later(action: Callable[[], object]) -> Iterator[None]:
    """Does something in another thread, soon."""
    timer = threading.Timer(SOON, action)
    timer.start()
    try:
        yield
    finally:
        timer.join()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


# ---- threads ----


@pytest.mark.parametrize("address", FAMILIES)
def test_a_packet_ends_the_wait(pool: ixy.Pool, frames: Frames, address: str) -> None:
    with ixy.open(address, pool=pool) as device:
        assert ixy.Capability.RX_WAIT in device.info.capabilities
        for _ in range(3):
            with later(lambda: device.tx(frames(1))):
                assert device.wait(timeout=LONG)
            assert len(device.rx()) == 1


def test_time_is_over(card: ixy.Device, frames: Frames) -> None:
    begin = time.monotonic()
    assert card.wait(timeout=SOON) is False
    assert SOON <= time.monotonic() - begin < LONG
    begin = time.monotonic()
    assert card.wait(timeout=0) is False
    assert card.wait(timeout=1e-9) is False
    assert time.monotonic() - begin < LONG
    card.tx(frames(1))
    assert card.wait(timeout=LONG)
    assert card.wait(timeout=0) is True  # nothing was received yet
    assert card.wait() is True
    card.rx()
    for wrong in (-1, -1e-9, math.nan, -math.inf):
        with pytest.raises(ixy.ArgumentError, match="timeout"):
            card.wait(timeout=wrong)
    with later(lambda: card.tx(frames(1))):
        assert card.wait(timeout=math.inf)


def test_other_threads_run(card: ixy.Device) -> None:
    stop, ticks = threading.Event(), [0]

    def tick() -> None:
        while not stop.is_set():
            ticks[0] += 1

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        before = ticks[0]
        card.wait(timeout=0.2)
        assert ticks[0] > before
    finally:
        stop.set()
        thread.join()


def test_close_ends_the_wait(pool: ixy.Pool) -> None:
    before = descriptors()
    for _ in range(5):
        device = ixy.open("emu:82599", pool=pool)
        with later(device.close), pytest.raises(ixy.HandleError):
            device.wait()
        with pytest.raises(ixy.HandleError):
            device.wait(timeout=0)
    assert descriptors() == before


def test_failure_ends_the_wait(pool: ixy.Pool) -> None:
    """Who polls one queue finds that the device is gone; who sleeps on another is told."""
    with ixy.open("emu:82599,hostile=gone,every=1000,seed=3", pool=pool, rx_queues=2, tx_queues=2) as device:
        told: list[Exception] = []

        def wait() -> None:
            try:
                device.wait(1)
            except ixy.Error as error:
                told.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        end = time.monotonic() + LONG
        with pytest.raises(ixy.DeviceError):
            while time.monotonic() < end:
                device.rx()
        thread.join()
        assert [type(error) for error in told] == [ixy.DeviceError]
        with pytest.raises(ixy.DeviceError):
            device.wait()


def test_one_waiter_a_queue(pool: ixy.Pool, frames: Frames) -> None:
    with ixy.open("emu:82599", pool=pool, rx_queues=2, tx_queues=2) as device:
        found: list[bool] = []

        def wait() -> None:
            while not found:
                try:
                    found.append(device.wait(timeout=LONG))
                except ixy.BusyError:  # the other was first, for a moment
                    continue

        thread = threading.Thread(target=wait)
        thread.start()
        end = time.monotonic() + LONG
        with pytest.raises(ixy.BusyError, match="queue 0"):
            while time.monotonic() < end:
                device.fileno()  # gives the GIL up, which a wait of no time may not
                device.wait(timeout=0)
        assert device.wait(1, timeout=0) is False
        device.tx(frames(1))
        thread.join()
        assert found == [True]
        assert device.wait(timeout=0) is True  # and the queue is free again


def test_what_cannot_be_waited_for(loop: ixy.Device, pool: ixy.Pool) -> None:
    assert ixy.Capability.RX_WAIT not in loop.info.capabilities
    actions: list[Callable[[], object]] = [loop.wait, loop.arm, loop.fileno, lambda: asyncio.run(rx(loop))]
    for action in actions:
        with pytest.raises(ixy.UnsupportedError, match="timing=threaded"):
            action()
    with ixy.open("emu:82599", pool=pool, start=False) as device:
        for call in (device.wait, device.arm, device.fileno):
            for queue in (1, -1, 1 << 32):
                with pytest.raises(ixy.RangeError, match="queue"):
                    call(queue)
        for early in (device.wait, device.arm):
            with pytest.raises(ixy.StateError):
                early()


# ---- signals ----


@contextmanager
def alarm(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, SOON)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def test_a_signal_handler_may_end_the_wait(card: ixy.Device) -> None:
    before = descriptors()
    with alarm(interrupt), pytest.raises(KeyboardInterrupt):
        card.wait()
    assert descriptors() == before
    assert card.wait(timeout=0) is False  # the queue is free


def test_the_wait_goes_on_after_a_signal_handler(card: ixy.Device, frames: Frames) -> None:
    calls: list[int] = []
    with alarm(lambda number, frame: calls.append(number)):
        begin = time.monotonic()
        assert card.wait(timeout=4 * SOON) is False
        assert time.monotonic() - begin >= 4 * SOON
    assert calls == [signal.SIGALRM]


def test_a_signal_handler_may_bring_what_is_waited_for(card: ixy.Device, frames: Frames) -> None:
    def send(number: int, frame: FrameType | None) -> None:
        card.tx(frames(1))

    with alarm(send):
        assert card.wait()


# ---- other event loops ----


def test_selectors(pool: ixy.Pool, frames: Frames) -> None:
    """Receive until nothing is left, arm, and sleep only if that found nothing."""
    with (
        ixy.open("emu:82599,pair=selected", pool=pool) as left,
        ixy.open("emu:82599,pair=selected", pool=pool) as right,
        selectors.DefaultSelector() as selector,
    ):
        assert left.fileno() != right.fileno()
        assert not os.get_blocking(left.fileno())
        selector.register(left, selectors.EVENT_READ)
        selector.register(right, selectors.EVENT_READ)
        received = {left: 0, right: 0}
        for device in (left, right):
            assert device.arm() is False
        with later(lambda: (left.tx(frames(3)), right.tx(frames(4)))):
            while received != {left: 4, right: 3}:
                ready = selector.select(LONG)
                assert ready, received
                for key, _ in ready:
                    device = left if key.fileobj is left else right
                    while not received[device] or device.arm():
                        received[device] += len(device.rx())
        number = left.fileno()
        left.reset()
        assert left.fileno() == number


# ---- asyncio ----


async def rx(device: ixy.Device, queue: int = 0) -> list[ixy.Packet]:
    return await device.rx_async(queue)


def tasks(main: Callable[[], object]) -> None:
    """Runs a coroutine function; no file descriptor may be left behind."""
    before = descriptors()
    asyncio.run(main())  # type: ignore[arg-type]
    assert descriptors() == before


@pytest.mark.parametrize("address", FAMILIES)
def test_rx_async(pool: ixy.Pool, frames: Frames, address: str) -> None:
    async def main() -> None:
        for count in (1, 5, 40):
            received = asyncio.create_task(device.rx_async())
            await asyncio.sleep(SOON)
            assert not received.done()
            device.tx(frames(count))
            packets = await asyncio.wait_for(received, LONG)
            while len(packets) < count:
                packets += await asyncio.wait_for(device.rx_async(count=count), LONG)
            assert len(packets) == count

    with ixy.open(address, pool=pool) as device:
        device.fileno()
        tasks(main)


def test_wait_async_and_a_batch(card: ixy.Device, frames: Frames) -> None:
    async def main() -> None:
        batch = ixy.Batch(card.pool, 64)
        asyncio.get_running_loop().call_later(SOON, lambda: card.tx(frames(10)))
        async with asyncio.timeout(LONG):
            while len(batch) < 10:
                await card.wait_async()
                card.rx_batch(batch)

    tasks(main)


def test_several_queues_and_devices(pool: ixy.Pool, frames: Frames) -> None:
    async def main() -> None:
        async with asyncio.timeout(LONG), asyncio.TaskGroup() as group:
            waiting = [group.create_task(rx(a)), group.create_task(rx(b))]
            await asyncio.sleep(SOON)
            a.tx(frames(1))
            b.tx(frames(2))
        assert [len(task.result()) for task in waiting] == [1, 2]

    with ixy.open("emu:82599", pool=pool) as a, ixy.open("emu:virtio", pool=pool) as b:
        a.fileno(), b.fileno()
        tasks(main)


@pytest.mark.parametrize("how", ["timeout", "wait_for", "cancel"])
def test_ended_from_outside(card: ixy.Device, frames: Frames, how: str) -> None:
    async def main() -> None:
        for _ in range(3):
            if how == "timeout":
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(SOON):
                        await card.rx_async()
            elif how == "wait_for":
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(card.rx_async(), SOON)
            else:
                waiting = asyncio.create_task(card.rx_async())
                await asyncio.sleep(SOON)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            card.tx(frames(2))  # the next waiter is none the worse for it
            async with asyncio.timeout(LONG):
                packets = await card.rx_async()
                while len(packets) < 2:
                    packets += await card.rx_async()

    tasks(main)


def test_cancelled_at_once_loses_nothing(card: ixy.Device, frames: Frames) -> None:
    async def main() -> None:
        card.tx(frames(1))
        assert card.wait(timeout=LONG)
        waiting = asyncio.create_task(card.rx_async())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(card.rx()) == 1

    tasks(main)


def test_close_and_a_second_task(pool: ixy.Pool) -> None:
    async def main() -> None:
        waiting = asyncio.create_task(device.rx_async())
        await asyncio.sleep(SOON)
        with pytest.raises(ixy.BusyError, match="queue 0"):
            await device.rx_async()
        with pytest.raises(ixy.BusyError, match="queue 0"):
            device.wait(timeout=0)
        assert not waiting.done()
        device.close()
        with pytest.raises(ixy.HandleError):
            await asyncio.wait_for(waiting, LONG)

    before = descriptors()
    device = ixy.open("emu:82599", pool=pool)
    asyncio.run(main())
    assert descriptors() == before


def test_a_task_that_always_finds_packets_lets_others_run() -> None:
    async def main() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(other())
        received = 0
        while received < 20_000:
            received += len(await asyncio.wait_for(device.rx_async(), LONG))
        assert turns > 100
        beside.cancel()

    with ixy.open("emu:82599,wire=gen") as device:
        device.wait(timeout=LONG)
        asyncio.run(main())


def test_asyncio_is_imported_by_who_uses_it() -> None:
    program = "import ixy, sys; assert 'asyncio' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
