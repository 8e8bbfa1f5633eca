"""Life and death: order of collection, views after close, fork, threads, leaks."""

import gc
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable

import numpy as np
import pytest

import ixy
from conftest import INLINE, pattern

Frames = Callable[..., list[ixy.Packet]]


def run(program: str, *options: str) -> str:
    """Runs a program in an interpreter of its own; a crash or an exception that nobody saw is a failure."""
    done = subprocess.run([sys.executable, *options, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_views_outlive_their_pool() -> None:
    pool = ixy.Pool(64)
    (packet,) = pool.alloc(1)
    packet.resize(60)
    packet[:] = pattern(60)
    view = pool.unsafe_view()
    array = np.frombuffer(view, "u1")
    assert bytes(view[packet.offset : packet.offset + 60]) == pattern(60)
    array[packet.offset] = 99
    assert packet[0] == 99
    pool.close()
    del pool, packet
    gc.collect()
    assert not array.any()
    assert bytes(view[0:100]) == bytes(100)
    view[5] = 7
    assert array[5] == 7
    view.release()
    part = array[1000:2000]
    del array, view
    gc.collect()
    assert not part.any()


def test_collected_pool_is_closed() -> None:
    for _ in range(200):  # more than there can be
        pool = ixy.Pool(16)
        packets = pool.alloc(3)
        del pool
        assert packets[0].owned  # its packets keep it
        packets[0].resize(60)
        packets[0][59] = 1


def test_collected_device_is_closed(pool: ixy.Pool) -> None:
    for _ in range(70):
        device = ixy.open(INLINE, pool=pool)
        with pytest.warns(ResourceWarning, match="unclosed <ixy.Device emu:82599"):
            del device
            gc.collect()


def test_cycles_are_collected() -> None:
    class Holder:
        pass

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for _ in range(70):
            holder = Holder()
            pool = ixy.Pool()
            device = ixy.open(INLINE, pool=pool)
            vars(holder).update(me=holder, pool=pool, device=device, packets=pool.alloc(8), batch=pool.alloc_batch(8))
            del pool, device
            del holder
            gc.collect()


def test_interpreter_exit_with_everything_open() -> None:
    run(
        """
import ixy
pool = ixy.Pool()
device = ixy.open("emu:82599", pool=pool)
other = ixy.open("emu:82599,timing=inline")
packets = pool.alloc(10) + other.pool.alloc(10)
batch = pool.alloc_batch(10)
batch.resize(60)
batch.add(0, 1)
view = pool.unsafe_view()
class Late:
    def __del__(self, packet=packets[0], device=device):
        try:
            packet[0]
            device.rx()
        except ixy.Error:
            pass
late = Late()
ixy.late = late
"""
    )


def test_exceptions_in_the_middle_lose_nothing(pool: ixy.Pool, frames: Frames) -> None:
    before = pool.free_count
    with pytest.raises(ZeroDivisionError), ixy.open(INLINE, pool=pool) as device:
        device.tx(frames(8))
        packets = device.rx()
        assert len(packets) == 8
        batch = pool.alloc_batch(5)
        raise ZeroDivisionError
    del packets, batch
    gc.collect()
    assert pool.free_count == before


def test_nothing_leaks() -> None:
    """Memory, mappings and descriptors after many rounds are those after a few."""
    out = run(
        """
import gc, os, resource, ixy
def round():
    with ixy.Pool(2048) as pool, ixy.open("emu:82599,timing=inline", pool=pool) as device:
        view = pool.unsafe_view()
        batch = pool.alloc_batch(64)
        batch.resize(60)
        for _ in range(20):
            device.tx_batch(batch)
            device.rx_batch(batch)
            batch.add(48, 1)
            batch.bulk_add_u8(48, 1)
            packets = pool.alloc(32)
            for packet in packets:
                packet.resize(60)
                packet[48] = 1
            device.tx(packets)
            for packet in device.rx(0, 32):
                bytes(packet)
            try:
                packets[0][0]
            except ixy.HandleError:
                pass
    try:
        ixy.open("emu:82599,wire=nothing")
    except ixy.AddressError:
        pass
def state():
    gc.collect()
    rss = int(open("/proc/self/statm").read().split()[1]) * 4
    return rss, len(open("/proc/self/maps").readlines()), len(os.listdir("/proc/self/fd"))
for _ in range(20):
    round()
first = state()
for _ in range(100):
    round()
second = state()
print(first, second)
assert second[0] - first[0] < 2000, (first, second)
assert second[1] <= first[1] + 2, (first, second)
assert second[2] == first[2], (first, second)
"""
    )
    assert out


def test_fork(pool: ixy.Pool, loop: ixy.Device, frames: Frames) -> None:
    packets = frames(2)
    batch = pool.alloc_batch(3)
    batch.resize(60)
    batch.add(0, 1)
    view = pool.unsafe_view()
    actions: list[Callable[[], object]] = [
        loop.rx,
        lambda: loop.tx(packets),
        lambda: loop.rx_batch(batch),
        lambda: loop.tx_batch(batch),
        lambda: loop.stats,
        loop.start,
        loop.reset,
        lambda: pool.alloc(1),
        lambda: pool.free_count,
        lambda: packets[0][0],
        lambda: packets[0].__setitem__(0, 1),
        lambda: packets[0].free(),
        lambda: batch.get(0),
        lambda: batch.bulk_add_u8(0, 1),
        lambda: batch.metadata,
        lambda: packets[0].vlan,
        lambda: packets[0].more,
        lambda: packets[0].set_checksum(),
        lambda: loop.wait(timeout=0),
        lambda: loop.arm(),
        lambda: loop.fileno(),
        lambda: loop.queue_stats(),
    ]
    child = os.fork()
    if child == 0:
        wrong = 0
        try:
            for number, action in enumerate(actions):
                try:
                    action()
                except ixy.ForkError:
                    continue
                except BaseException as error:
                    print(f"action {number}: {error!r}", file=sys.stderr)
                wrong += 1
            if any(view):
                wrong += 1
            view[packets[0].offset] = 77  # does not reach the parent
            packets.clear()
            batch.free()
            loop.close()
            pool.close()
            with ixy.open(INLINE) as own:  # opening anew works
                (packet,) = own.pool.alloc(1)
                packet.resize(60)
                if own.tx([packet]) != 1 or len(own.rx()) != 1:
                    wrong += 1
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            wrong += 100
        finally:
            sys.stderr.flush()
            os._exit(wrong)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert bytes(packets[0]) == pattern(60)
    assert list(batch.get(0)) == list(batch.bulk_read(0))
    assert loop.tx(packets) == 2


def test_threads_on_queues_of_their_own(pool: ixy.Pool) -> None:
    errors: list[BaseException] = []
    received = [0] * 4

    def work(device: ixy.Device, queue: int) -> None:
        try:
            batch = ixy.Batch(pool, 32)
            arrived = ixy.Batch(pool, 32)
            for _ in range(200):
                batch.alloc(32 - len(batch))
                batch.resize(60)
                batch.bulk_fill(0, bytes(range(60)))
                device.tx_batch(batch, queue)
                received[queue] += device.rx_batch(arrived, queue)
                arrived.add(48, 1)
                for packet in pool.alloc(4):
                    packet.resize(60)
                    packet[0] = 1
                arrived.free()
        except BaseException as error:
            errors.append(error)

    with ixy.open("emu:82599", pool=pool, rx_queues=4, tx_queues=4, rx_ring_size=64, tx_ring_size=64) as device:
        threads = [threading.Thread(target=work, args=(device, queue)) for queue in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        end = time.monotonic() + 20  # on a busy machine the device may have had no turn yet
        while sum(received) == 0 and time.monotonic() < end:
            received = [len(device.rx(queue)) for queue in range(4)]
        assert sum(received) > 0


def test_threads_in_one_queue_get_busy_or_packets(pool: ixy.Pool) -> None:
    """Two threads in a queue: each call works or is a BusyError, and every packet comes once."""
    surprises: list[BaseException] = []
    stop = time.monotonic() + 1

    def work(device: ixy.Device) -> None:
        batch = ixy.Batch(pool, 64)
        while time.monotonic() < stop:
            try:
                device.rx_batch(batch)
                device.tx_batch(batch)
            except ixy.BusyError:
                pass
            except BaseException as error:
                surprises.append(error)
                return
            batch.free()

    with ixy.open("emu:82599", pool=pool) as device:
        device.tx_batch(pool_batch(pool, 64))
        threads = [threading.Thread(target=work, args=(device,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert surprises == []
    assert device.pool is pool


def pool_batch(pool: ixy.Pool, count: int) -> ixy.Batch:
    batch = pool.alloc_batch(count)
    batch.resize(60)
    return batch


def test_close_while_another_thread_receives(pool: ixy.Pool) -> None:
    before = pool.free_count
    ended: list[str] = []

    def work(device: ixy.Device) -> None:
        batch = ixy.Batch(pool, 64)
        try:
            while True:
                device.rx_batch(batch)
                batch.bulk_add_u8(48, 1)
                batch.free()
        except ixy.HandleError as error:
            ended.append(error.name)

    for _ in range(5):
        device = ixy.open("emu:82599,wire=gen", pool=pool)
        thread = threading.Thread(target=work, args=(device,))
        thread.start()
        time.sleep(0.02)
        device.close()
        thread.join(10)
        assert not thread.is_alive()
    assert ended == ["IXY_E_HANDLE"] * 5
    gc.collect()
    assert pool.free_count == before
