"""A number is a number: every number that a public function takes, given as numbers of all kinds.

The table CALLS says how each function is called; what it has to hold is found by looking at the package, so a function,
parameter or settable attribute that is new is a failure here until it is in the table.
"""

import asyncio
import dataclasses
import enum
import inspect
import operator
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest

import ixy
from conftest import BATCH, INLINE, PACKET, RAW, Mark, pattern
from ixy.raw import ffi, lib

BUFFERS = 512


class World:
    """A pool with a device, a batch and packets, the same each time; everything in it is accounted for at the end."""

    def __init__(self) -> None:
        self.pool = ixy.Pool(BUFFERS)
        self.total = self.pool.free_count
        self.device = ixy.open(INLINE, pool=self.pool, rx_ring_size=64, tx_ring_size=64)
        self.batch = ixy.Batch(self.pool, 32)
        self.batch.alloc(8)
        self.batch.resize(60)
        self.batch.bulk_fill(0, pattern(60))
        self.packets = self.pool.alloc(4)
        self.others = self.pool.alloc(16)  # which nobody names: they may not change
        for number, packet in enumerate(self.packets + self.others):
            packet.resize(60)
            packet[:] = pattern(60, number)
        self.packet = self.packets[0]

    def end(self) -> None:
        for number, packet in enumerate(self.others):
            assert bytes(packet) == pattern(60, 4 + number), "a packet that nobody named has changed"
        self.device.close()
        self.batch.free()
        for packet in self.packets + self.others:
            if packet.owned:
                packet.free()
        assert self.pool.free_count == self.total, "buffers are lost, or were given back twice"
        self.pool.close()


@contextmanager
def world() -> Iterator[World]:
    made = World()
    yield made
    made.end()


def opened(world: World, **numbers: Any) -> Any:
    with ixy.open(INLINE, pool=world.pool, **numbers) as device:
        return dataclasses.replace(device.info, address="")


def made_device(world: World, **numbers: Any) -> Any:
    device = ixy.Device(INLINE, pool=world.pool, **numbers)
    try:
        return dataclasses.replace(device.info, address="")
    finally:
        device.close()


def made_pool(world: World, **numbers: Any) -> int:
    with ixy.Pool(**numbers) as pool:
        return pool.free_count


CARDS: list[ixy.Device] = []


@pytest.fixture(scope="module", autouse=True)
def card() -> Iterator[None]:
    """A device that can be waited for."""
    with ixy.open("emu:82599") as made:
        CARDS.append(made)
        yield
        CARDS.clear()


def waited(world: World, act: Callable[..., Any], **numbers: Any) -> Any:
    """A call on a device that has something to receive, so that no wait takes time."""
    (device,) = CARDS
    if not device.wait(timeout=0):
        (packet,) = device.pool.alloc(1)
        packet.resize(60)
        assert device.tx([packet]) == 1
        assert device.wait(timeout=20)
    result = act(device, **numbers)
    return asyncio.run(result) if inspect.iscoroutine(result) else result


def assigned(name: str) -> Callable[..., None]:
    def act(world: World, **numbers: Any) -> None:
        setattr(world.packet, name, numbers["value"])

    return act


Call = tuple[Callable[..., Any], dict[str, Any]]
DEVICE = {
    "rx_queues": 1,
    "tx_queues": 1,
    "rx_ring_size": 64,
    "tx_ring_size": 64,
    "offloads": 1,
    "frame_len_max": 1514,
}

# How a function is called with numbers by name, and numbers that are right. Positional ones are in their order.
CALLS: dict[str, Call] = {
    "open": (opened, DEVICE),
    "devices": (lambda world: None, {}),
    "Pool.__init__": (made_pool, {"buffers": 64, "buffer_size": 2048}),
    "Pool.alloc": (lambda world, count: world.pool.alloc(count), {"count": 4}),
    "Pool.alloc_batch": (lambda world, count: world.pool.alloc_batch(count), {"count": 4}),
    "Pool.free": (lambda world: world.pool.free(world.packets), {}),
    "Pool.unsafe_view": (lambda world: None, {}),
    "Pool.close": (lambda world: None, {}),
    "Device.__init__": (made_device, DEVICE),
    "Device.rx": (lambda world, queue, count: world.device.rx(queue, count), {"queue": 0, "count": 4}),
    "Device.tx": (lambda world, queue: world.device.tx(world.packets, queue), {"queue": 0}),
    "Device.rx_batch": (lambda world, queue: world.device.rx_batch(world.batch, queue), {"queue": 0}),
    "Device.tx_batch": (lambda world, queue: world.device.tx_batch(world.batch, queue), {"queue": 0}),
    "Device.wait": (partial(waited, act=ixy.Device.wait), {"queue": 0, "timeout": 0}),
    "Device.wait_async": (partial(waited, act=ixy.Device.wait_async), {"queue": 0}),
    "Device.rx_async": (partial(waited, act=ixy.Device.rx_async), {"queue": 0, "count": 4}),
    "Device.fileno": (partial(waited, act=lambda device, queue: type(device.fileno(queue))), {"queue": 0}),
    "Device.arm": (partial(waited, act=ixy.Device.arm), {"queue": 0}),
    "Device.queue_stats": (lambda world, queue: world.device.queue_stats(queue), {"queue": 0}),
    "Device.start": (lambda world: None, {}),
    "Device.reset": (lambda world: None, {}),
    "Device.close": (lambda world: None, {}),
    "Device.mac=": (lambda world: None, {}),
    "Device.promiscuous=": (lambda world: None, {}),
    "Emulated.__init__": (lambda world, device: ixy.Emulated(device).counters, {"device": 1}),
    "Batch.__init__": (lambda world, capacity: ixy.Batch(world.pool, capacity), {"capacity": 4}),
    "Batch.alloc": (lambda world, count: world.batch.alloc(count), {"count": 4}),
    "Batch.free": (lambda world: world.batch.free(), {}),
    "Batch.bulk_add_u8": (lambda world, at, delta: world.batch.bulk_add_u8(at, delta), {"at": 48, "delta": 1}),
    "Batch.bulk_read": (lambda world, at, size: world.batch.bulk_read(at, size), {"at": 48, "size": 4}),
    "Batch.bulk_write": (
        lambda world, at, size: world.batch.bulk_write(at, size, bytes(32)),
        {"at": 48, "size": 4},
    ),
    "Batch.bulk_fill": (lambda world, at: world.batch.bulk_fill(at, b"abcd"), {"at": 48}),
    "Batch.resize": (lambda world, size: world.batch.resize(size), {"size": 64}),
    "Batch.get": (lambda world, at: world.batch.get(at, ">u4"), {"at": 48}),
    "Batch.put": (lambda world, at: world.batch.put(at, 7, ">u2"), {"at": 48}),
    "Batch.add": (lambda world, at, delta: world.batch.add(at, delta), {"at": 48, "delta": 1}),
    "Packet.__getitem__": (lambda world, key: world.packet[key], {"key": 4}),
    "Packet.__setitem__": (
        lambda world, key, value: operator.setitem(world.packet, key, value),
        {"key": 4, "value": 5},
    ),
    "Packet.read": (lambda world, at, size: world.packet.read(at, size), {"at": 4, "size": 5}),
    "Packet.write": (lambda world, at: world.packet.write(at, b"abcd"), {"at": 4}),
    "Packet.resize": (lambda world, size: world.packet.resize(size), {"size": 64}),
    "Packet.set_checksum": (
        lambda world, l2_len, l3_len: world.packet.set_checksum(l2_len=l2_len, l3_len=l3_len),
        {"l2_len": 14, "l3_len": 20},
    ),
    "Packet.free": (lambda world: world.packet.free(), {}),
    "Packet.vlan=": (assigned("vlan"), {"value": 5}),
    "Packet.more=": (lambda world: None, {}),
}
NOT_NUMBERS = {"self", "pool", "packets", "batch", "address", "start", "data", "values", "dtype", "ip", "l4"}
NOT_NUMBERS_EITHER = {"Device.mac=", "Device.promiscuous=", "Packet.more="}
SLOTS = ("__init__", "__getitem__", "__setitem__")


def settable(owner: type, name: str, found: object) -> bool:
    """Whether an attribute can be assigned to. What is written in C tells only when it is tried."""
    if isinstance(found, property):
        return found.fset is not None
    if not inspect.isgetsetdescriptor(found) or name.startswith("_") or owner is not ixy.Packet:
        return False
    with world() as made:
        try:
            setattr(made.packet, name, getattr(made.packet, name))
        except AttributeError:
            return False
    return True


def found_calls() -> dict[str, set[str]]:
    """The public functions and settable attributes of the package, with their parameters that may be numbers."""
    found: dict[str, set[str]] = {}
    for name in ixy.__all__:
        thing = getattr(ixy, name)
        if not inspect.isclass(thing):
            found[name] = set(inspect.signature(thing).parameters) - NOT_NUMBERS
        elif not issubclass(thing, Exception | enum.Enum) and not dataclasses.is_dataclass(thing):
            for member in set(dir(thing)) - set(dir(object)) | set(SLOTS) & set(vars(thing)):
                held = inspect.getattr_static(thing, member)
                if settable(thing, member, held):
                    found[f"{name}.{member}="] = set() if f"{name}.{member}=" in NOT_NUMBERS_EITHER else {"value"}
                elif inspect.isroutine(held) and (member in SLOTS or not member.startswith("_")):
                    found[f"{name}.{member}"] = set(inspect.signature(held).parameters) - NOT_NUMBERS
    return found


def test_the_table_is_whole() -> None:
    assert found_calls() == {name: set(numbers) for name, (_, numbers) in CALLS.items()}


class Odd(int):
    """An int subclass whose operators lie."""

    def lie(self, *_: object) -> Any:
        return 1

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __and__ = __rand__ = lie
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __bool__ = __int__ = __index__ = __hash__ = lie
    __str__ = __repr__ = __format__ = lambda self, *_: "odd"  # type: ignore[assignment]


class Index:
    """What is a number by its __index__ alone, and does something before it tells."""

    def __init__(self, value: int, act: Callable[[], object] = lambda: None) -> None:
        self.value, self.act = value, act

    def __index__(self) -> int:
        self.act()
        return self.value


class Level(enum.IntEnum):
    FOUR = 4


NUMBERS: list[Any] = [
    *(np.uint8(value) for value in (0, 4, 64, 255)),
    *(np.int8(value) for value in (1, 60, 127, -1, -128)),
    *(np.uint16(value) for value in (4, 256, 65535)),
    *(np.int64(value) for value in (4, 1 << 32, -1)),
    *(np.uint64(value) for value in (4, (1 << 63) + 4, (1 << 64) - 1)),
    *(Odd(value) for value in (0, 4, 64, 1500, 1 << 32, -1)),
    *(Index(value) for value in (4, 1 << 16, 1 << 64, -1)),
    np.array(4),
    Level.FOUR,
    True,
    *(1 << 16, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 63, 1 << 64, -1, -(1 << 70), 10**5000, -(10**5000)),
]
NONE: list[Any] = [1.0, 4.0, np.float32(4), np.float64(4), Decimal(4), Fraction(4), 4j, "4", b"4", np.array([4, 4])]


def told(result: Any) -> Any:
    """A result in a form that can be compared."""
    if isinstance(result, list):
        return [told(item) for item in result]
    if isinstance(result, ixy.Batch):
        return len(result), result.capacity
    if isinstance(result, ixy.Packet):
        return bytes(result)
    return (str(result.dtype), result.tolist()) if isinstance(result, np.ndarray) else result


def outcome(name: str, parameter: str, number: Any) -> Any:
    """What a call with this number for one parameter comes to: its result or error, and all packet memory after it."""
    call, numbers = CALLS[name]
    with world() as made:
        view = made.pool.unsafe_view()
        try:
            result = told(call(made, **{**numbers, parameter: number}))
        except (ixy.Error, TypeError) as error:
            result = type(error)
        memory = zlib.crc32(view)
        del view
    return result, memory


def exact(parameter: str, number: Any) -> Any:
    return float(number) if parameter == "timeout" and abs(int(number)) < 1 << 500 else int.__index__(_index(number))


def _index(number: Any) -> int:
    return operator.index(number) if not isinstance(number, int) else int(int.__pos__(number))


def walk(name: str) -> int:
    """Calls a function with each number in each place; how many calls that were."""
    calls = 0
    for parameter in CALLS[name][1]:
        known: dict[Any, Any] = {}
        for number in NUMBERS:
            right = exact(parameter, number)
            if right not in known:
                known[right] = outcome(name, parameter, right)
            assert outcome(name, parameter, number) == known[right], (name, parameter, type(number), str(right)[:30])
            calls += 1
        for number in NONE:
            if parameter == "timeout" and not isinstance(number, complex | str | bytes | np.ndarray):
                continue
            if (name, parameter) == ("Batch.resize", "size") and isinstance(number, np.ndarray | bytes):
                continue  # lengths, one for each
            assert outcome(name, parameter, number)[0] is TypeError, (name, parameter, repr(number))
            calls += 1
    return calls


def batches(name: str) -> bool:
    return "Batch." in name or "_batch" in name


@pytest.mark.parametrize("row", [PACKET, BATCH])
def test_a_number_is_a_number(mark: Mark, row: str) -> None:
    assert sum(walk(name) for name in CALLS if batches(name) == (row == BATCH)) > 500
    detail = "NumPy scalars, int subclasses and __index__ count as their exact int; fractions and texts are TypeError"
    mark(row, "number of another type", "run time", detail)


ACTS: dict[str, Callable[[World], object]] = {
    "closes the device": lambda world: world.device.close(),
    "frees the packet": lambda world: world.pool.free([world.packet]),
    "cuts the packet": lambda world: world.packet.resize(1),
    "frees the batch": lambda world: world.batch.free(),
    "fills the batch": lambda world: world.batch.alloc(32),
    "cuts the batch": lambda world: world.batch.resize(1),
    "sends the batch": lambda world: world.device.tx_batch(world.batch),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_number_that_acts(act: str) -> None:
    """__index__ changes the very objects that the call is about: a result or an error, and nothing else is touched."""
    for call, numbers in CALLS.values():
        for parameter, value in numbers.items():
            with world() as made:
                try:
                    call(made, **{**numbers, parameter: Index(value, partial(ACTS[act], made))})
                except ixy.Error:
                    pass
                except TypeError:
                    assert parameter == "timeout"  # no float is made of an index that raises


def test_an_index_that_raises_is_heard() -> None:
    def act() -> None:
        raise ZeroDivisionError

    for name, (call, numbers) in CALLS.items():
        for parameter, value in numbers.items():
            with world() as made, pytest.raises(ZeroDivisionError):
                call(made, **{**numbers, parameter: Index(value, act)})
                pytest.fail(f"{name}: {parameter}")


def test_raw_numbers(mark: Mark) -> None:
    with world() as made:
        packet = made.packet
        frame = ffi.new("ixy_frame *", (packet.handle, packet.offset, len(packet), packet.flags))
        text = ffi.new("char[64]")
        for at, size in ((np.uint8(255), np.uint8(1)), (np.int8(60), 1), (Odd(59), Odd(2)), (np.uint16(65535), 1)):
            assert lib.ixy_buf_read(made.pool.handle, frame, at, text, size) == lib.IXY_E_RANGE
        for number in (-1, 1 << 32, np.int8(-1), np.uint64(1 << 63)):
            with pytest.raises(OverflowError):
                lib.ixy_buf_read(made.pool.handle, frame, number, text, 1)
        fraction: Any
        for fraction in (1.0, np.float64(1), "1"):
            with pytest.raises(TypeError):
                lib.ixy_buf_read(made.pool.handle, frame, fraction, text, 1)
        view = made.pool.unsafe_view()
        with pytest.raises(TypeError):
            view[1.0]  # type: ignore[call-overload]
        del view
    detail = "IXY_E_RANGE from ixy.raw.lib, OverflowError or TypeError of cffi and memoryview"
    mark(RAW, "number of another type", "run time", detail)
