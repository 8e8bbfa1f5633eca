"""Devices: what they are, their control calls, packets through their wires."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

import ixy
from conftest import INLINE, pattern

Frames = Callable[..., list[ixy.Packet]]


def receive(device: ixy.Device, count: int, queue: int = 0) -> list[ixy.Packet]:
    """Waits until `count` packets came, a second at most."""
    packets: list[ixy.Packet] = []
    deadline = time.monotonic() + 1
    while len(packets) < count and time.monotonic() < deadline:
        packets += device.rx(queue, count - len(packets))
    assert len(packets) == count
    return packets


@pytest.mark.parametrize("timing", ["inline", "threaded"])
def test_loop(pool: ixy.Pool, frames: Frames, timing: str) -> None:
    with ixy.open(f"emu:82599,timing={timing}", pool=pool) as device:
        assert device.rx() == []
        assert device.tx(frames(10)) == 10
        packets = receive(device, 10)
        assert [bytes(packet) for packet in packets] == [pattern(60)] * 10
        stats = device.stats
        assert (stats.tx_packets, stats.rx_packets) == (10, 10)
        assert (stats.tx_bytes, stats.rx_bytes) == (640, 640)
        assert (stats.rx_missed, stats.rx_errors, stats.rx_dropped, stats.rx_starved) == (0, 0, 0, 0)
        assert device.emulated.violations == []


def test_info(loop: ixy.Device) -> None:
    info = loop.info
    assert (info.vendor, info.driver, info.emulated) == (0x8086, "ixgbe", True)
    assert (info.rx_queues, info.tx_queues, info.rx_ring_size, info.tx_ring_size) == (1, 1, 512, 512)
    assert info.address == INLINE
    assert "82599" in info.name
    assert repr(loop) == f"<ixy.Device {INLINE}>"


def test_link(loop: ixy.Device) -> None:
    assert loop.link == ixy.Link(True, 10000)


def test_features(loop: ixy.Device) -> None:
    assert loop.features == []  # Intel's devices negotiate nothing
    with ixy.open("emu:virtio,timing=inline") as device:
        split = device.features
        assert "VERSION_1" in split
        assert "RING_PACKED" not in split
    with pytest.raises(ixy.HandleError):
        _ = device.features
    with ixy.open("emu:virtio,ring=packed,mrg=on,timing=inline") as device:
        packed = device.features
        assert set(packed) - set(split) == {"RING_PACKED", "MRG_RXBUF"}
        assert len(packed) == len(set(packed))


def test_mac(loop: ixy.Device) -> None:
    assert len(loop.mac.split(":")) == 6
    loop.mac = "02:00:00:00:00:09"
    assert loop.mac == "02:00:00:00:00:09"
    for wrong in ("", "02:00:00:00:00", "02:00:00:00:00:00:00", "02:00:00:00:00:0g", "2:0:0:0:0:9", "020000000009"):
        with pytest.raises(ixy.ArgumentError):
            loop.mac = wrong
    for wrong in ("01:00:00:00:00:01", "00:00:00:00:00:00"):
        with pytest.raises(ixy.ArgumentError):
            loop.mac = wrong
    assert loop.mac == "02:00:00:00:00:09"


def test_promiscuous(loop: ixy.Device, frames: Frames) -> None:
    assert loop.promiscuous is True
    loop.mac = "02:00:00:00:00:09"
    loop.promiscuous = False
    assert loop.promiscuous is False
    mine, foreign = frames(2)
    mine[0:6] = bytes.fromhex("020000000009")
    foreign[0:6] = bytes.fromhex("020000000008")
    assert loop.tx([foreign, mine]) == 2
    assert [packet[0:6].hex() for packet in receive(loop, 1)] == ["020000000009"]
    assert loop.rx() == []


def test_reset(loop: ixy.Device, frames: Frames) -> None:
    loop.tx(frames(3))
    receive(loop, 3)
    loop.reset()
    assert loop.stats.tx_packets == 0
    loop.tx(frames(2))
    assert len(receive(loop, 2)) == 2


def test_start_later(pool: ixy.Pool, frames: Frames) -> None:
    with ixy.open(INLINE, pool=pool, start=False) as device:
        packets = frames(1)
        for action in (device.rx, lambda: device.tx(packets), lambda: device.rx_batch(ixy.Batch(pool))):
            with pytest.raises(ixy.StateError):
                action()
        assert packets[0].owned
        device.start()
        with pytest.raises(ixy.StateError):
            device.start()
        assert device.tx(packets) == 1


def test_own_pool() -> None:
    with ixy.open(INLINE) as device:
        packets = device.pool.alloc(4)
        for packet in packets:
            packet.resize(60)
        assert device.tx(packets) == 4
        received = device.rx()
        assert len(received) == 4
    assert not received[0].owned
    with pytest.raises(ixy.HandleError):
        device.pool.alloc(1)


def test_own_pool_serves_the_largest_rings() -> None:
    with ixy.open(INLINE, rx_queues=4, tx_queues=4, rx_ring_size=4096, tx_ring_size=4096) as device:
        assert len(device.pool.alloc(256)) == 256


def test_queues(pool: ixy.Pool, frames: Frames) -> None:
    with ixy.open(INLINE, pool=pool, rx_queues=2, tx_queues=2) as device:
        assert device.tx(frames(4), queue=1) == 4
        assert len(device.rx(0)) + len(device.rx(1)) == 4


def test_unsent_packets_stay(pool: ixy.Pool, frames: Frames) -> None:
    with ixy.open(INLINE, pool=pool, tx_ring_size=64) as device:
        packets = frames(200)
        sent = device.tx(packets)
        assert 0 < sent < 200
        assert not packets[sent - 1].owned
        assert bytes(packets[sent]) == pattern(60)


def test_wrong_packet_ends_the_batch(loop: ixy.Device, frames: Frames) -> None:
    packets = frames(5)
    packets[2].resize(0)
    assert loop.tx(packets) == 2
    with pytest.raises(ixy.FrameError):
        loop.tx(packets[2:])
    assert [packet.owned for packet in packets] == [False, False, True, True, True]
    assert loop.tx((packets[3], packets[3])) == 1  # the same twice is caught
    with pytest.raises(TypeError, match="item 1 "):
        loop.tx([packets[4], b"bytes"])  # type: ignore[list-item]
    assert packets[4].owned


def test_generator() -> None:
    with (
        ixy.Pool() as pool,
        ixy.open("emu:82599,wire=gen,limit=1000,timing=inline", pool=pool) as a,
        ixy.open("emu:82599,wire=gen,limit=1000,timing=inline", pool=pool) as b,
    ):
        batch = ixy.Batch(pool, 64)
        moved = 0
        deadline = time.monotonic() + 10
        while moved < 2000 and time.monotonic() < deadline:
            for source, target in ((a, b), (b, a)):
                moved += source.rx_batch(batch)
                batch.add(48, 1)
                target.tx_batch(batch)
                batch.free()
        for device in (a, b):
            counters = device.emulated.counters
            assert (counters.generated, counters.verified) == (1000, 1000)
            assert (counters.damaged, counters.repeated, counters.foreign, counters.violations) == (0, 0, 0, 0)
        before, after = a.emulated.meter, a.emulated.meter
        assert after.cycles > before.cycles
        assert after.nanoseconds >= before.nanoseconds
        assert after.steps > 0


def test_pcap(pool: ixy.Pool, frames: Frames, tmp_path: Path) -> None:
    file = tmp_path / "packets.pcap"
    with ixy.open(f"emu:82599,wire=pcap,out={file},timing=inline", pool=pool) as device:
        device.tx(frames(3))
        assert device.emulated.counters.violations == 0
    with ixy.open(f"emu:82599,wire=pcap,in={file},timing=inline", pool=pool) as device:
        assert [bytes(packet) for packet in receive(device, 3)] == [pattern(60)] * 3


def test_pair(pool: ixy.Pool, frames: Frames) -> None:
    with (
        ixy.open("emu:82599,pair=cable,timing=inline", pool=pool) as left,
        ixy.open("emu:x540,pair=cable,timing=inline", pool=pool) as right,
    ):
        left.tx(frames(2))
        assert len(receive(right, 2)) == 2
