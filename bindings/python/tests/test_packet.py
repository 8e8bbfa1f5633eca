"""Packets: reading, writing, bounds, ownership."""

import gc
import pickle
from collections.abc import Callable

import pytest

import ixy
from conftest import pattern

Frames = Callable[..., list[ixy.Packet]]


def test_read_and_write(frames: Frames) -> None:
    (packet,) = frames(1, 60)
    assert len(packet) == 60
    assert bytes(packet) == pattern(60) == bytes(iter(packet))
    assert packet[0] == 1
    assert packet[-1] == packet[59] == pattern(60)[59]
    assert packet[3:7] == pattern(60)[3:7]
    assert packet[50:100] == pattern(60)[50:]
    assert packet[::-2] == pattern(60)[::-2]
    packet[5] = 255
    packet[-2] = 0
    packet[10:13] = b"abc"
    packet[20:26:2] = memoryview(b"xyz")
    expected = bytearray(pattern(60))
    expected[5], expected[-2], expected[10:13], expected[20:26:2] = 255, 0, b"abc", b"xyz"
    assert bytes(packet) == expected
    packet.write(57, b"end")
    assert packet.read(57, 3) == b"end"
    assert packet.read(60, 0) == b""


@pytest.mark.parametrize("index", [60, -61, 1 << 31, 1 << 80, -(1 << 80)])
def test_index_outside(frames: Frames, index: int) -> None:
    (packet,) = frames(1, 60)
    with pytest.raises(IndexError) as caught:
        packet[index]
    assert isinstance(caught.value, ixy.RangeError)
    assert (caught.value.name, caught.value.code) == ("IXY_E_RANGE", -3)
    with pytest.raises(ixy.RangeError):
        packet[index] = 1
    assert bytes(packet) == pattern(60)


@pytest.mark.parametrize(("at", "size"), [(59, 2), (60, 1), (-1, 1), (0, 61), (0, -1), (1 << 62, 1 << 62)])
def test_read_outside(frames: Frames, at: int, size: int) -> None:
    (packet,) = frames(1, 60)
    with pytest.raises(ixy.RangeError):
        packet.read(at, size)


def test_write_outside(frames: Frames) -> None:
    (packet,) = frames(1, 60)
    for at in (58, -1, 61, 1 << 62):
        with pytest.raises(ixy.RangeError):
            packet.write(at, b"abc")
    with pytest.raises(ixy.RangeError, match="resize"):
        packet[0:2] = b"abc"
    with pytest.raises(ixy.RangeError):
        packet[58:70] = b"abc"
    assert bytes(packet) == pattern(60)


def test_wrong_types(frames: Frames) -> None:
    (packet,) = frames(1)
    untyped: list[tuple[type[Exception], Callable[[], object]]] = [
        (ValueError, lambda: packet.__setitem__(0, 256)),
        (ValueError, lambda: packet.__setitem__(0, -1)),
        (ValueError, lambda: packet.__setitem__(0, 1 << 70)),
        (TypeError, lambda: packet.__setitem__(0, "a")),  # type: ignore[call-overload]
        (TypeError, lambda: packet["a"]),  # type: ignore[call-overload]
        (TypeError, lambda: packet.__setitem__(slice(0, 1), "a")),  # type: ignore[call-overload]
        (TypeError, lambda: packet.__delitem__(0)),  # type: ignore[attr-defined]
        (TypeError, lambda: packet.resize("a")),  # type: ignore[arg-type]
        (TypeError, ixy.Packet),
    ]
    for kind, action in untyped:
        with pytest.raises(kind):
            action()
    assert bytes(packet) == pattern(60)


def test_resize(pool: ixy.Pool) -> None:
    (packet,) = pool.alloc(1)
    assert len(packet) == 0
    packet.resize(1514)
    packet[:] = pattern(1514)
    packet.resize(100)
    assert bytes(packet) == pattern(100)
    for size in (-1, 5000, 65536, 1 << 70):
        with pytest.raises(ixy.FrameError):
            packet.resize(size)
    assert len(packet) == 100
    packet.resize(2048)
    assert packet[-1] == packet[2047]


def accesses(packet: ixy.Packet) -> list[Callable[[], object]]:
    return [
        lambda: packet[0],
        lambda: packet[0:2],
        lambda: packet.__setitem__(0, 1),
        lambda: packet.__setitem__(slice(0, 1), b"a"),
        lambda: len(packet),
        lambda: bytes(packet),
        lambda: list(packet),
        lambda: packet.read(0, 1),
        lambda: packet.write(0, b"a"),
        lambda: packet.resize(1),
        lambda: packet.free(),
    ]


def assert_stale(packet: ixy.Packet) -> None:
    assert not packet.owned
    assert repr(packet) == "<ixy.Packet, stale>"
    for access in accesses(packet):
        with pytest.raises(ixy.HandleError, match="stale"):
            access()


def test_stale_after_free(frames: Frames, pool: ixy.Pool) -> None:
    (packet,) = frames(1)
    assert packet.owned
    assert repr(packet) == "<ixy.Packet of 60 bytes>"
    packet.free()
    assert_stale(packet)
    again = pool.alloc(4096)  # among them the same buffer, under a new handle
    assert packet.handle not in {other.handle for other in again}
    assert packet.offset in {other.offset for other in again}
    assert_stale(packet)


def test_stale_after_transmit(frames: Frames, loop: ixy.Device) -> None:
    first, second = frames(2)
    assert loop.tx([first, second]) == 2
    assert_stale(first)
    assert_stale(second)
    with pytest.raises(ixy.HandleError):
        loop.tx([first])


def test_stale_after_pool_close() -> None:
    with ixy.Pool(16) as pool:
        (packet,) = pool.alloc(1)
    assert_stale(packet)


def test_foreign_index_cannot_give_the_buffer_away(frames: Frames) -> None:
    (packet,) = frames(1)

    class Sly:
        def __index__(self) -> int:
            if packet.owned:
                packet.free()
            return 3

    def assert_refused(access: Callable[[ixy.Packet], object]) -> None:
        nonlocal packet
        (packet,) = frames(1)
        with pytest.raises(ixy.HandleError):
            access(packet)

    assert_refused(lambda packet: packet[Sly()])
    assert_refused(lambda packet: packet[Sly() : 5])
    assert_refused(lambda packet: packet.__setitem__(Sly(), 1))
    assert_refused(lambda packet: packet.__setitem__(slice(Sly(), 4), b"a"))


def test_collected_packets_return(pool: ixy.Pool) -> None:
    before = pool.free_count
    packets = pool.alloc(100)
    assert pool.free_count == before - 100
    del packets
    gc.collect()
    assert pool.free_count == before


def test_free_many(pool: ixy.Pool) -> None:
    before = pool.free_count
    packets = pool.alloc(5)
    packets[3].free()
    assert pool.free(packets) == 3
    assert pool.free(packets[4:]) == 1
    assert pool.free_count == before
    with pytest.raises(ixy.HandleError):
        pool.free(packets)
    assert pool.free([]) == 0
    with pytest.raises(TypeError):
        pool.free([1])  # type: ignore[list-item]


def test_empty_pool() -> None:
    with ixy.Pool(4) as pool:
        packets = pool.alloc(10)
        assert len(packets) == 4
        with pytest.raises(ixy.NoBuffersError):
            pool.alloc(1)
        del packets
        assert len(pool.alloc(4)) == 4


def test_errors_survive_pickling() -> None:
    with pytest.raises(ixy.NotFoundError) as caught:
        ixy.open("emu:82599,wire=pcap,in=/no/such/file.pcap")
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is ixy.NotFoundError
    assert (again.code, again.name, again.text) == (caught.value.code, "IXY_E_NOT_FOUND", caught.value.text)
