"""Copied, initialised twice, not initialised, subclassed, used in a second interpreter or from a finaliser."""

import copy
import gc
import importlib.util
import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import ixy
from conftest import BATCH, INLINE, PACKET, RAW, Mark, pattern
from ixy.raw import ffi, lib

COPIES: list[Callable[[Any], object]] = [copy.copy, copy.deepcopy, pickle.dumps, partial(pickle.dumps, protocol=2)]


def made_packet(pool: ixy.Pool) -> ixy.Packet:
    (packet,) = pool.alloc(1)
    packet.resize(60)
    packet[:] = pattern(60)
    return packet


def test_nothing_that_owns_is_copied(mark: Mark, pool: ixy.Pool, loop: ixy.Device) -> None:
    packet, batch, free = made_packet(pool), pool.alloc_batch(4), pool.free_count
    batch.resize(60)
    batch.add(0, 1)
    private = [loop._device, pool._memory, batch._array]
    for thing in (packet, batch, pool, loop, loop.emulated, *private):
        for make in COPIES:
            with pytest.raises(TypeError, match=r"ixy\.\w+ cannot be copied or pickled"):
                make(thing)
    assert (bytes(packet), list(batch.get(0)), pool.free_count) == (pattern(60), list(batch.bulk_read(0)), free)
    assert loop.tx([packet]) == 1
    mark(PACKET, "object copied", "run time", "TypeError of copy, deepcopy and pickle; a second __init__ too")
    mark(BATCH, "object copied", "run time", "TypeError of copy, deepcopy and pickle; a second __init__ too")


def test_what_tells_can_be_copied(loop: ixy.Device) -> None:
    for thing in (loop.info, loop.stats, loop.link, loop.emulated.counters, ixy.Capability.JUMBO):
        assert copy.deepcopy(thing) == pickle.loads(pickle.dumps(thing)) == thing
    with pytest.raises(ixy.RangeError) as caught:
        loop.rx(7)
    for error in (copy.copy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        assert (type(error), error.code, error.text) == (ixy.RangeError, caught.value.code, caught.value.text)


def test_a_second_init_changes_nothing(pool: ixy.Pool) -> None:
    batch = pool.alloc_batch(64)
    batch.resize([60] * 63 + [10])
    batch.add(0, 1)
    with ixy.open(INLINE, pool=pool) as device, ixy.Pool(8) as other:
        seconds: list[Callable[[], None]] = [
            lambda: batch.__init__(pool, 1),  # type: ignore[misc]
            lambda: batch.__init__(other, 4096),  # type: ignore[misc]
            lambda: pool.__init__(8),  # type: ignore[misc]
            lambda: device.__init__(INLINE, pool=other),  # type: ignore[misc]
            lambda: device.__init__("nonsense"),  # type: ignore[misc]
        ]
        for _ in range(70):  # more than there can be devices and pools
            for second in seconds:
                with pytest.raises(TypeError, match="initialised once"):
                    second()
        assert (len(batch), batch.capacity, device.pool) == (64, 64, pool)
        with pytest.raises(ixy.RangeError, match="packet 63"):
            batch.bulk_add_u8(50, 1)
        assert device.tx_batch(batch) > 0


def test_made_without_init(pool: ixy.Pool, loop: ixy.Device) -> None:
    batch = ixy.Batch.__new__(ixy.Batch)
    assert (len(batch), batch.capacity, batch.alloc(4), batch.bulk_read(0, 4)) == (0, 0, 0, b"")
    batch.bulk_add_u8(0, 1)
    batch.bulk_fill(0, b"x")
    batch.resize(60)
    batch.free()
    for act in (lambda: loop.rx_batch(batch), lambda: batch._memory, lambda: batch.get(0), lambda: batch.frames):
        with pytest.raises((TypeError, AttributeError, ixy.ArgumentError)):
            act()
    assert loop.tx_batch(batch) == 0
    for bare in (ixy.Pool.__new__(ixy.Pool), ixy.Device.__new__(ixy.Device)):
        for name in ("close", "handle", "free_count", "rx"):
            with pytest.raises(AttributeError):
                getattr(bare, name)()
        with pytest.raises((TypeError, AttributeError)):
            ixy.Batch(bare)  # type: ignore[arg-type]
    for kind in (ixy.Packet, type(loop._device), type(pool._memory)):
        with pytest.raises(TypeError):
            object.__new__(kind)


def test_other_types_are_refused(pool: ixy.Pool, loop: ixy.Device) -> None:
    thing: Any
    for thing in (None, 1, "x", loop, object()):
        with pytest.raises(TypeError, match=r"expected an ixy\.Pool"):
            ixy.Batch(thing)
    for thing in (1, "x", object()):
        with pytest.raises(TypeError, match=r"expected an ixy\.Pool"):
            ixy.open(INLINE, pool=thing)
    for thing in (None, 1, [], loop, pool):
        for act in (loop.rx_batch, loop.tx_batch):
            with pytest.raises(TypeError, match=r"expected ixy\.Batch"):
                act(thing)


class Liar(ixy.Batch):
    """A batch that lies about itself wherever Python asks."""

    def __len__(self) -> int:
        return 1 << 20

    def __getitem__(self, index: object) -> object:
        return 0

    def __iter__(self) -> Any:
        return iter([0] * 5000)

    capacity: Any = 1 << 20
    count = 1 << 20


def test_a_subclass_that_lies(pool: ixy.Pool, loop: ixy.Device) -> None:
    others = [made_packet(pool) for _ in range(64)]
    liar = Liar(pool, 4)
    assert liar.alloc(64) == 4
    liar.resize(60)
    acts: list[Callable[[], object]] = [
        lambda: liar.bulk_add_u8(0, 1),
        lambda: liar.bulk_fill(0, b"abc"),
        lambda: liar.bulk_write(0, 1, b"abcd"),
        lambda: liar.add(0, 1),
        lambda: liar.put(0, 1),
    ]
    for act in acts:
        act()
    assert len(liar.bulk_read(0, 60)) == 240
    assert loop.tx_batch(liar) == 4
    assert loop.rx_batch(liar) == 4
    liar.free()
    loop.close()
    assert all(bytes(packet) == pattern(60) for packet in others)
    assert pool.free_count == 4096 - len(others)


def test_another_class(pool: ixy.Pool, loop: ixy.Device) -> None:
    class Plain:
        pass

    packet, batch = made_packet(pool), pool.alloc_batch(4)
    others: tuple[Any, ...] = (Plain, ixy.Emulated, ixy.Pool, ixy.Device, ixy.Batch, ixy.Packet)
    thing: Any
    for thing in (packet, batch, pool, loop):
        for other in others:
            if other is not type(thing):
                with pytest.raises(TypeError):
                    thing.__class__ = other


def test_finalisers_and_resurrection(pool: ixy.Pool) -> None:
    kept: list[Any] = []

    class Late(ixy.Batch):
        def __del__(self) -> None:
            self.bulk_fill(0, b"late")
            kept.append(self)

    free = pool.free_count
    for _ in range(8):
        batch = Late(pool, 8)
        batch.alloc(8)
        batch.resize(60)
        batch.me = batch  # type: ignore[attr-defined]
        del batch
    gc.collect()
    assert len(kept) == 8
    assert all(late.bulk_read(0, 4) == b"late" * 8 for late in kept)
    for late in kept:
        del late.me
    del late
    kept.clear()
    gc.collect()  # collected again, and not finalised again
    assert pool.free_count == free


def sub_interpreters() -> str:
    """The module that makes them: without a name of its own before Python 3.14."""
    return next(name for name in ("_interpreters", "_xxsubinterpreters") if importlib.util.find_spec(name))


def test_a_sub_interpreter_is_refused() -> None:
    """In a process of its own; the main interpreter is none the worse."""
    program = f"""
import ixy
import {sub_interpreters()} as interpreters
pool = ixy.Pool(64)
(packet,) = pool.alloc(1)
for _ in range(3):
    number = interpreters.create()
    text = "try:\\n import ixy\\nexcept ImportError as error:\\n assert 'main interpreter' in str(error) or " \\
           "'subinterpreter' in str(error)\\nelse:\\n raise SystemError"
    assert interpreters.run_string(number, text) is None
    interpreters.destroy(number)
    try:
        packet[0]
    except ixy.RangeError as error:
        assert isinstance(error, IndexError) and "not in a packet" in str(error)
    else:
        raise SystemError
    with ixy.open("emu:82599") as device:
        assert device.rx() == []
packet.free()
pool.close()
print("good")
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "good\n", "")


def test_three_thousand_pools(pool: ixy.Pool) -> None:
    """The library holds 64 pools and 1024 views: what nobody refers to any more does not count, in cycles neither."""
    for number in range(3000):
        one = ixy.Pool(8)
        (packet,) = one.alloc(1)
        view = one.unsafe_view()
        if number % 2:
            one.close()
            cycle: list[Any] = [one, packet, view]
            cycle.append(cycle)
            del cycle
        del one, packet, view
    for _ in range(200):  # none of them is closed, and all are cycles
        cycle = [ixy.Pool(8)]
        cycle.append(cycle)
        del cycle
    gc.collect()
    assert pool.free_count == 4096


def test_raw_copied(mark: Mark, pool: ixy.Pool) -> None:
    view = pool.unsafe_view()
    for make in COPIES:
        with pytest.raises(TypeError):
            make(view)
    device = ffi.new("uint64_t *")
    assert lib.ixy_device_open(b"emu:82599,timing=inline", ffi.NULL, device) == 0
    twin = copy.copy(int(device[0]))
    assert lib.ixy_device_close(twin) == 0
    assert lib.ixy_device_close(device[0]) == lib.IXY_E_HANDLE
    mark(RAW, "object copied", "run time", "TypeError of a memoryview; a handle closed by its copy is IXY_E_HANDLE")
