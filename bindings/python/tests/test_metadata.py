"""What is known of packets beside their bytes, and what a device does for them."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

import ixy
from ixy.raw import lib

Frames = Callable[..., list[ixy.Packet]]

CAN = ixy.Capability
INTEL = ["emu:82599,timing=inline", "emu:x540,timing=inline", "emu:x550,timing=inline"]


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(int.from_bytes(data[i : i + 2].ljust(2, b"\0"), "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def datagram(payload: bytes, filled: bool) -> bytes:
    """A UDP packet, its two checksums filled in or 0."""
    addresses = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    udp = struct.pack("!4H", 1000, 2000, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + addresses
    if filled:
        pseudo = addresses + struct.pack("!HH", 17, len(udp))
        udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xFFFF) + udp[8:]
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return bytes.fromhex("020000000001020000000002 0800") + ip + udp


def packet_of(pool: ixy.Pool, data: bytes) -> ixy.Packet:
    packet = pool.alloc(1)[0]
    packet.resize(len(data))
    packet[:] = data
    return packet


def test_capabilities_are_the_headers(repository: Path) -> None:
    for capability in CAN:
        assert capability == getattr(lib, f"IXY_CAN_{capability.name}")
    header = (repository / "abi/include/ixy_abi.h").read_text()
    assert header.count("#define IXY_CAN_") == len(CAN)


@pytest.mark.parametrize("address", INTEL)
def test_info(address: str) -> None:
    with ixy.open(address) as device:
        info = device.info
        assert isinstance(info.capabilities, CAN)
        assert CAN.RX_CHECKSUM | CAN.TX_CHECKSUM | CAN.VLAN_STRIP | CAN.VLAN_INSERT | CAN.JUMBO in info.capabilities
        assert (CAN.RX_TIMESTAMP in info.capabilities) is ("x550" in address)
        assert (info.offloads, info.rx_frames_max) == (CAN(0), 1)
    offloads = CAN.VLAN_STRIP | CAN.TX_CHECKSUM
    with ixy.open(address, offloads=offloads, frame_len_max=9000) as device:
        info = device.info
        assert info.offloads == offloads
        assert info.tx_len_max == 9000
        assert info.rx_len_max >= 9000
        assert info.rx_frames_max > 1


def test_what_cannot_be_asked_for() -> None:
    with pytest.raises(ixy.UnsupportedError, match="RX_TIMESTAMP"):
        ixy.open("emu:82599,timing=inline", offloads=CAN.RX_TIMESTAMP)
    for offloads in (CAN.JUMBO, CAN.RX_WAIT | CAN.RX_CHECKSUM, CAN(1 << 20)):
        with pytest.raises(ixy.ArgumentError, match="offloads"):
            ixy.open("emu:82599,timing=inline", offloads=offloads)
    for wrong in (1000, 20_000, 0, -1, 1 << 32):
        with pytest.raises(ixy.RangeError, match="frame_len_max"):
            ixy.open("emu:82599,timing=inline", frame_len_max=wrong)


def test_set_and_read(pool: ixy.Pool) -> None:
    packet = pool.alloc(1)[0]
    assert (packet.timestamp, packet.vlan, packet.ip_good, packet.l4_good, packet.more) == (None,) * 4 + (False,)
    assert packet.flags == 0
    packet.vlan = 0xFFFF
    packet.set_checksum(l4="udp")
    assert packet.vlan == 0xFFFF
    packet.vlan = None
    assert packet.vlan is None
    packet.more = True
    assert packet.more is True
    assert packet.flags == lib.IXY_FRAME_MORE | lib.IXY_FRAME_METADATA
    packet.more = False
    assert packet.flags == lib.IXY_FRAME_METADATA
    for wrong in (-1, 0x10000, 1 << 40):
        with pytest.raises(ixy.RangeError, match="vlan"):
            packet.vlan = wrong
        with pytest.raises(ixy.RangeError, match="l2_len"):
            packet.set_checksum(l2_len=wrong)
        with pytest.raises(ixy.RangeError, match="l3_len"):
            packet.set_checksum(l3_len=wrong)
    with pytest.raises(ixy.ArgumentError, match="sctp"):
        packet.set_checksum(l4="sctp")  # type: ignore[arg-type]
    for name in ("vlan", "more"):
        with pytest.raises(TypeError, match="deleted"):
            delattr(packet, name)
    with pytest.raises(TypeError):
        packet.vlan = "5"  # type: ignore[assignment]
    for name in ("timestamp", "ip_good", "l4_good", "flags"):
        with pytest.raises(AttributeError):
            setattr(packet, name, 1)


def test_stale_packets(pool: ixy.Pool) -> None:
    packet = pool.alloc(1)[0]
    packet.vlan = 5
    packet.free()
    for name in ("timestamp", "vlan", "ip_good", "l4_good", "more"):
        with pytest.raises(ixy.HandleError, match="stale"):
            getattr(packet, name)
    for name in ("vlan", "more"):
        with pytest.raises(ixy.HandleError, match="stale"):
            setattr(packet, name, 1)
    with pytest.raises(ixy.HandleError, match="stale"):
        packet.set_checksum()
    assert pool.alloc(1)[0].vlan is None


@pytest.mark.parametrize("address", INTEL)
def test_vlan(pool: ixy.Pool, frames: Frames, address: str) -> None:
    with ixy.open(address, pool=pool, offloads=CAN.VLAN_INSERT | CAN.VLAN_STRIP) as device:
        tagged, plain = frames(2)
        tagged.vlan = 5
        assert device.tx([tagged, plain]) == 2
        first, second = device.rx()
        assert (first.vlan, second.vlan) == (5, None)
        assert bytes(first) == bytes(second)
        assert device.tx([first]) == 1  # sent on as it is, it keeps its tag
        assert device.rx()[0].vlan == 5
        assert device.emulated.violations == []
    with ixy.open(address, pool=pool, offloads=CAN.VLAN_INSERT) as device:
        packet = frames(1)[0]
        before = bytes(packet)
        packet.vlan = 0xA005
        device.tx([packet])
        assert bytes(device.rx()[0]) == before[:12] + bytes.fromhex("8100a005") + before[12:]


@pytest.mark.parametrize("address", INTEL)
def test_checksums(pool: ixy.Pool, address: str) -> None:
    right = datagram(b"an odd number of bytes!", filled=True)
    with ixy.open(address, pool=pool, offloads=CAN.TX_CHECKSUM | CAN.RX_CHECKSUM) as device:
        packet = packet_of(pool, datagram(b"an odd number of bytes!", filled=False))
        packet.set_checksum(l4="udp")
        wrong_ip = packet_of(pool, right[:24] + bytes([right[24] ^ 1]) + right[25:])
        wrong_udp = packet_of(pool, right[:-1] + b"?")
        arp = packet_of(pool, bytes.fromhex("020000000001020000000002 0806").ljust(60, b"\0"))
        assert device.tx([packet, wrong_ip, wrong_udp, arp]) == 4
        received = device.rx()
        assert bytes(received[0]) == right
        told = [(packet.ip_good, packet.l4_good) for packet in received]
        assert told == [(True, True), (False, True), (True, False), (None, None)]

        packet = packet_of(pool, right)
        packet.set_checksum(l4="tcp")
        with pytest.raises(ixy.FrameError):
            device.tx([packet])
        packet.set_checksum(l4="udp", l2_len=18)
        with pytest.raises(ixy.FrameError):
            device.tx([packet])
        packet.set_checksum(ip=False)
        assert device.tx([packet]) == 1
        assert device.emulated.violations == []


def test_what_was_not_asked_for(loop: ixy.Device, pool: ixy.Pool) -> None:
    packet = packet_of(pool, datagram(b"payload", filled=True))
    packet.vlan = 5
    with pytest.raises(ixy.UnsupportedError):
        loop.tx([packet])
    packet.vlan = None
    packet.set_checksum(l4="udp")
    with pytest.raises(ixy.UnsupportedError):
        loop.tx([packet])
    packet.set_checksum(ip=False)
    assert loop.tx([packet]) == 1


def test_timestamps(pool: ixy.Pool, frames: Frames) -> None:
    with ixy.open("emu:x550,timing=inline", pool=pool, offloads=CAN.RX_TIMESTAMP) as device:
        stamps = []
        for _ in range(3):
            device.tx(frames(2))
            stamps += [packet.timestamp for packet in device.rx()]
        assert len(stamps) == 6
        assert all(isinstance(stamp, int) for stamp in stamps)
        assert stamps == sorted(stamps)  # type: ignore[type-var]
        assert device.emulated.violations == []


@pytest.mark.parametrize("address", INTEL)
def test_jumbo(pool: ixy.Pool, frames: Frames, address: str) -> None:
    with ixy.open(address, pool=pool, frame_len_max=9000) as device:
        parts = frames(3, size=2000)
        sent = b"".join(map(bytes, parts))
        parts[0].more = parts[1].more = True
        with pytest.raises(ixy.FrameError):
            device.tx(parts[:2])
        assert device.tx(parts) == 3
        with pytest.raises(ixy.RangeError):
            device.rx(count=device.info.rx_frames_max - 1)
        received = device.rx()
        assert [packet.more for packet in received] == [True] * (len(received) - 1) + [False]
        assert b"".join(map(bytes, received)) == sent

        batch = ixy.Batch(pool, 64)
        assert device.tx(received) == len(received)  # as they came
        assert device.rx_batch(batch) == len(received)
        assert sum(batch.lengths) == 6000
        assert device.tx_batch(batch) == len(received)
        assert device.emulated.violations == []


def test_batch_metadata(pool: ixy.Pool, frames: Frames) -> None:
    offloads = CAN.RX_TIMESTAMP | CAN.VLAN_INSERT | CAN.VLAN_STRIP
    with ixy.open("emu:x550,timing=inline", pool=pool, offloads=offloads) as device:
        packets = frames(10)
        for number, packet in enumerate(packets):
            packet.vlan = 100 + number
        assert device.tx(packets) == 10
        batch = ixy.Batch(pool, 64)
        assert device.rx_batch(batch) == 10
        known = batch.metadata
        assert list(known["vlan_tci"]) == list(range(100, 110))
        assert set(known["flags"]) == {lib.IXY_META_TIMESTAMP | lib.IXY_META_VLAN}
        assert list(known["timestamp"]) == sorted(known["timestamp"])
        batch.alloc(2)
        assert not batch.metadata[10:].tobytes().strip(b"\0")
        batch.free()
        assert len(batch.metadata) == 0
        assert len(known) == 10  # a copy


def test_queue_stats(pool: ixy.Pool, frames: Frames) -> None:
    with ixy.open("emu:82599,timing=inline", pool=pool, rx_queues=2, tx_queues=3) as device:
        assert CAN.QUEUE_STATS in device.info.capabilities
        device.tx(frames(3), queue=1)
        device.tx(frames(2), queue=2)
        device.rx(0)
        device.rx(1)
        stats = [device.queue_stats(queue) for queue in range(3)]
        assert [one.tx_packets for one in stats] == [0, 3, 2]
        assert sum(one.rx_packets for one in stats) == 5
        assert stats[2].rx_packets == 0
        for wrong in (3, -1, 1 << 32):
            with pytest.raises(ixy.RangeError, match="queue"):
                device.queue_stats(wrong)
    with pytest.raises(ixy.HandleError):
        device.queue_stats(0)


def test_devices() -> None:
    """Those that the machine's own tree of files shows."""
    intel = {0x10F7, 0x10F8, 0x10FB, 0x10FC, 0x154D, 0x1557, 0x1558, 0x1528, 0x1560, 0x1563, 0x15D1}
    drivers = {0x8086: intel, 0x1AF4: {0x1000, 0x1041}}
    expected = {}
    for function in Path("/sys/bus/pci/devices").glob("*"):
        vendor, device_id = (int((function / name).read_text(), 16) for name in ("vendor", "device"))
        if device_id in drivers.get(vendor, ()):
            driver = (function / "driver").resolve().name if (function / "driver").exists() else ""
            expected[f"pci:{function.name}"] = (vendor, device_id, driver)
    found = ixy.devices()
    assert {one.address: (one.vendor, one.device_id, one.driver) for one in found} == expected
    assert [one.address for one in found] == sorted(expected)
    for one in found:
        assert one.name
        assert one.usable is (one.missing == "")
