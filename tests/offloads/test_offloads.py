"""Checksums and tags of emulated devices, judged by Scapy.

Scapy makes the frames and says what each must become; a program takes them from one capture file through a device to
another (through.c). Nothing here knows how the device or its driver works.
"""

import os
import pathlib
import random
import struct
import subprocess

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption, in4_chksum
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw
from scapy.utils import RawPcapReader, RawPcapWriter

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("IXY_OFFLOADS_THROUGH", str(TOP / "build/c/tests/offloads_through"))
DEVICES = ["82599", "x540", "x550"]
VIRTIO = ["virtio,csum=on", "virtio,csum=partial", "virtio,csum=on,ring=packed", "virtio,csum=partial,ring=packed"]
VIRTIO_HEADER = 12  # bytes, before the packet in its first buffer
PACKETS = 200

RX_CHECKSUM, TX_CHECKSUM, VLAN_STRIP, VLAN_INSERT, RX_TIMESTAMP = 1, 2, 4, 8, 16
META_TIMESTAMP, META_VLAN, IP_GOOD, IP_BAD, L4_GOOD, L4_BAD, TX_IP, TX_TCP, TX_UDP = (1 << bit for bit in range(9))

MACS = {"dst": "02:00:00:00:00:02", "src": "02:00:00:00:00:01"}


class Made:
    """A frame that Scapy made, and what is in it."""

    def __init__(self, chance: random.Random, longest: int) -> None:
        self.tci = chance.choice([None, None, chance.randrange(1 << 16)])
        self.ip = chance.choice([4, 4, 6])
        self.transport = chance.choice(["tcp", "udp", "udp", "none"])
        ether = Ether(**MACS)
        if self.ip == 4:
            options = [IPOption(bytes([1] * (4 * chance.randrange(1, 10))))] if chance.random() < 0.4 else []
            network: Packet = IP(src="10.1.2.3", dst="10.3.2.1", id=chance.randrange(1 << 16), options=options)
        else:
            network = IPv6(src="fe80::1:2", dst="fe80::2:1", fl=chance.randrange(1 << 20))
        payload = Raw(chance.randbytes(chance.randrange(longest - 14 - 4 - 60 - 60)))
        ports = {"sport": chance.randrange(1 << 16), "dport": 40000 + chance.randrange(9)}
        if self.transport == "tcp":
            options = [("NOP", None)] * (4 * chance.randrange(3))
            packet = network / TCP(**ports, seq=chance.randrange(1 << 32), flags="PA", options=options) / payload
        elif self.transport == "udp":
            packet = network / UDP(**ports) / payload
        elif self.ip == 4:
            packet = network / ICMP() / payload
        else:
            packet = IPv6(src="fe80::1:2", dst="fe80::2:1", nh=59) / payload
        self.packet = ether / packet
        plain = bytes(self.packet)
        self.bytes = plain + bytes(max(0, 60 - len(plain)))
        self.l3_len = (plain[14] & 15) * 4 if self.ip == 4 else 40

    def tagged(self, tci: int) -> bytes:
        """With the tag among its bytes: Scapy puts it there. Padded as the sender would."""
        packet = Ether(**MACS) / Dot1Q(prio=tci >> 13, dei=tci >> 12 & 1, vlan=tci & 0xFFF) / self.packet.payload
        made = bytes(packet)
        return made + bytes(max(0, 60 - len(made)))

    def field(self) -> int | None:
        """Where the TCP or UDP checksum stands."""
        return {"tcp": 14 + self.l3_len + 16, "udp": 14 + self.l3_len + 6, "none": None}[self.transport]


def through(
    folder: pathlib.Path,
    device: str,
    offloads: int,
    frames: list[bytes],
    requests: list[tuple[int, int, int, int]],
    frame_len_max: int = 0,
    buffer_size: int = 2048,
) -> tuple[list[list[int]], list[bytes]]:
    """What each frame was received with, and what came out."""
    came, gone = folder / "in.pcap", folder / "out.pcap"
    with RawPcapWriter(str(came), linktype=1, nano=True) as writer:
        writer.write_header(None)
        for number, frame in enumerate(frames):
            writer.write_packet(frame, sec=number, usec=0)
    address = f"emu:{device},timing=inline,wire=pcap,in={came},out={gone}"
    done = subprocess.run(
        [PROGRAM, address, str(offloads), str(frame_len_max), str(buffer_size)],
        input="".join(f"{flags} {tci} {l2} {l3}\n" for flags, tci, l2, l3 in requests),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    sent = [bytes(frame) for frame, _ in RawPcapReader(str(gone))]
    assert len(told) == len(sent) == len(frames)
    return told, sent


def made(seed: int, longest: int = 1514, count: int = PACKETS) -> list[Made]:
    chance = random.Random(seed)
    return [Made(chance, longest) for _ in range(count)]


def request(one: Made, tag: bool = True) -> tuple[int, int, int, int]:
    flags = {"tcp": TX_TCP, "udp": TX_UDP, "none": 0}[one.transport]
    if one.ip == 4:
        flags |= TX_IP
    l2, l3 = (14, one.l3_len) if flags else (0, 0)
    tci = one.tci if tag and one.tci is not None else 0
    return flags | (META_VLAN if tag and one.tci is not None else 0), tci, l2, l3


def without_checksums(one: Made, chance: random.Random) -> bytes:
    """Garbage where the device is to put a checksum."""
    frame = bytearray(one.bytes)
    if one.ip == 4:
        frame[24:26] = chance.randbytes(2)
    if one.field() is not None:
        frame[one.field() : one.field() + 2] = chance.randbytes(2)
    return bytes(frame)


def check_sent(packets: list[Made], sent: list[bytes]) -> None:
    for number, (one, frame) in enumerate(zip(packets, sent, strict=True)):
        right = one.bytes if one.tci is None else one.tagged(one.tci)
        if one.tci is not None and len(one.bytes) > len(bytes(one.packet)):
            right = right[: len(frame)].ljust(len(frame), b"\0")  # padded before the tag came, and not again
        assert frame == right, f"packet {number}: {one.packet.summary()}"
        parsed = Ether(frame)
        assert (Dot1Q in parsed) == (one.tci is not None)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("seed", [1, 2])
def test_sent(tmp_path: pathlib.Path, device: str, seed: int) -> None:
    """Garbage in each checksum field and no tag go in; what Scapy makes of the same packet comes out."""
    packets = made(seed)
    chance = random.Random(seed)
    frames = [without_checksums(one, chance) for one in packets]
    _, sent = through(tmp_path, device, TX_CHECKSUM | VLAN_INSERT, frames, [request(one) for one in packets])
    check_sent(packets, sent)


@pytest.mark.parametrize("device", VIRTIO)
def test_sent_virtio(tmp_path: pathlib.Path, device: str) -> None:
    """The same without tags, which such a device does not know."""
    packets = made(1)
    chance = random.Random(1)
    frames = [without_checksums(one, chance) for one in packets]
    _, sent = through(tmp_path, device, TX_CHECKSUM, frames, [request(one, tag=False) for one in packets])
    assert sent == [one.bytes for one in packets]


@pytest.mark.parametrize("device", DEVICES + VIRTIO)
def test_sent_padded_with_garbage(tmp_path: pathlib.Path, device: str) -> None:
    """What lies behind the IP packet is no part of its checksum."""
    packets = made(3, longest=160)
    chance = random.Random(3)
    behind = [chance.randbytes(chance.randrange(1, 30)) for _ in packets]
    frames = [without_checksums(one, chance) + more for one, more in zip(packets, behind, strict=True)]
    requests = [request(one, tag=False) for one in packets]
    _, sent = through(tmp_path, device, TX_CHECKSUM, frames, requests)
    for one, more, frame in zip(packets, behind, sent, strict=True):
        assert frame == one.bytes + more, one.packet.summary()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("buffer_size", [1024, 2048])
def test_sent_jumbo(tmp_path: pathlib.Path, device: str, buffer_size: int) -> None:
    """The same over several buffers."""
    packets = made(4, longest=9000, count=100)
    chance = random.Random(4)
    frames = [without_checksums(one, chance) for one in packets]
    requests = [request(one) for one in packets]
    told, sent = through(tmp_path, device, TX_CHECKSUM | VLAN_INSERT, frames, requests, 9000, buffer_size)
    check_sent(packets, sent)
    for frame, (*_, buffers, length) in zip(frames, told, strict=True):
        assert length == len(frame)
        assert buffers == -(-length // buffer_size)


@pytest.mark.parametrize("device", VIRTIO)
@pytest.mark.parametrize("buffer_size", [1024, 2048])
def test_jumbo_virtio(tmp_path: pathlib.Path, device: str, buffer_size: int) -> None:
    """Received with their checksums, which are right, and sent with garbage in their place."""
    packets = made(4, longest=9000, count=100)
    for direction in (RX_CHECKSUM, TX_CHECKSUM):
        chance = random.Random(4)
        sends = direction == TX_CHECKSUM
        frames = [without_checksums(one, chance) if sends else one.bytes for one in packets]
        requests = [request(one, tag=False) if sends else (0, 0, 0, 0) for one in packets]
        address = device + ",mrg=on,mtu=9000"
        told, sent = through(tmp_path, address, direction, frames, requests, 9000, buffer_size)
        assert sent == [one.bytes for one in packets]
        for one, (flags, *_, buffers, length) in zip(packets, told, strict=True):
            assert length == len(one.bytes)
            assert buffers == -(-(length + VIRTIO_HEADER) // buffer_size)
            assert flags == (0 if sends or one.field() is None else L4_GOOD)


def spoiled(one: Made, chance: random.Random) -> tuple[bytes, int]:
    """The frame, right or with a bit changed, and what the device must say of it: Scapy computes each checksum anew."""
    frame = bytearray(one.bytes)
    end = len(bytes(one.packet))
    kind = chance.choice(["right", "ip", "transport"])
    if kind == "ip" and one.ip == 4:
        frame[chance.choice([15, 18, 19, 22, 24, 25])] ^= 1 << chance.randrange(8)
    if kind == "transport" and one.field() is not None:
        frame[chance.randrange(14 + one.l3_len, end)] ^= 1 << chance.randrange(8)
    flags = 0
    parsed = Ether(bytes(frame[:end]))
    again = parsed.copy()
    if one.ip == 4:
        del again[IP].chksum
        flags |= IP_GOOD if Ether(bytes(again))[IP].chksum == parsed[IP].chksum else IP_BAD
    if one.field() is not None:
        found = struct.unpack_from(">H", frame, one.field())[0]
        fresh = bytearray(frame[:end])
        fresh[one.field() : one.field() + 2] = b"\0\0"
        fresh_packet = Ether(bytes(one.packet)[: 14 + one.l3_len])  # the pseudo header is never spoiled
        right = checksum_of(fresh_packet, one, bytes(fresh[14 + one.l3_len :]))
        flags |= L4_GOOD if found == right else L4_BAD
        if one.transport == "udp" and one.ip == 4 and found == 0:
            flags &= ~(L4_GOOD | L4_BAD)  # there is none
    return bytes(frame), flags


def checksum_of(header: Packet, one: Made, segment: bytes) -> int:
    """By Scapy."""
    protocol = 6 if one.transport == "tcp" else 17
    summed = in4_chksum if one.ip == 4 else in6_chksum
    value = summed(protocol, header[IP] if one.ip == 4 else header[IPv6], segment)
    return 0xFFFF if value == 0 and protocol == 17 else value


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("seed", [5, 6])
def test_received(tmp_path: pathlib.Path, device: str, seed: int) -> None:
    """Right checksums are told good and wrong ones bad; no byte changes."""
    chance = random.Random(seed)
    pairs = [spoiled(one, chance) for one in made(seed)]
    frames = [frame for frame, _ in pairs]
    told, sent = through(tmp_path, device, RX_CHECKSUM, frames, [(0, 0, 0, 0)] * len(frames))
    assert sent == frames
    for number, ((_, right), (flags, *_)) in enumerate(zip(pairs, told, strict=True)):
        assert flags == right, f"packet {number}"
    seen = [sum(right & flag != 0 for _, right in pairs) for flag in (IP_GOOD, IP_BAD, L4_GOOD, L4_BAD)]
    assert min(seen) >= PACKETS // 20, seen  # each was there often enough to mean something


@pytest.mark.parametrize("device", VIRTIO)
@pytest.mark.parametrize("seed", [5, 6])
def test_received_virtio(tmp_path: pathlib.Path, device: str, seed: int) -> None:
    """Such a device tells only of TCP and UDP, and only of right checksums; some it leaves to its driver."""
    chance = random.Random(seed)
    pairs = [spoiled(one, chance) for one in made(seed)]
    frames = [frame for frame, _ in pairs]
    told, sent = through(tmp_path, device, RX_CHECKSUM, frames, [(0, 0, 0, 0)] * len(frames))
    assert sent == frames
    for number, ((_, right), (flags, *_)) in enumerate(zip(pairs, told, strict=True)):
        assert flags == right & L4_GOOD, f"packet {number}"


@pytest.mark.parametrize("device", DEVICES)
def test_received_without_checksum(tmp_path: pathlib.Path, device: str) -> None:
    """A UDP packet over IPv4 without checksum is neither good nor bad, on an 82599 too; ARP has none."""
    frames = [
        bytes(Ether(**MACS) / IP(options=[IPOption(b"\1\1\1\1")] * many) / UDP(chksum=0) / Raw(bytes(80)))
        for many in range(5)
    ]
    frames += [bytes(Ether(**MACS) / Dot1Q(vlan=5) / IP() / UDP(chksum=0) / Raw(bytes(80)))]
    frames += [bytes(Ether(**MACS) / ARP()).ljust(60, b"\0")]
    told, sent = through(tmp_path, device, RX_CHECKSUM, frames, [(0, 0, 0, 0)] * len(frames))
    assert sent == frames
    assert [flags for flags, *_ in told] == [IP_GOOD] * 6 + [0]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("strip", [True, False])
def test_received_tags(tmp_path: pathlib.Path, device: str, strip: bool) -> None:
    """The tag that Scapy put in is told, and taken out."""
    packets = made(7)
    frames = [one.bytes if one.tci is None else one.tagged(one.tci) for one in packets]
    told, sent = through(tmp_path, device, VLAN_STRIP if strip else 0, frames, [(0, 0, 0, 0)] * len(frames))
    for one, frame, (flags, tci, *_), gone in zip(packets, frames, told, sent, strict=True):
        if strip and one.tci is not None:
            assert (flags, tci) == (META_VLAN, one.tci)
            assert gone == one.bytes[: len(gone)].ljust(60, b"\0")
        else:
            assert (flags, tci) == (0, 0)
            assert gone == frame


@pytest.mark.parametrize("device", ["x550"])
@pytest.mark.parametrize("longest, buffer_size", [(1514, 2048), (9000, 1024)])
def test_time_stamps(tmp_path: pathlib.Path, device: str, longest: int, buffer_size: int) -> None:
    """Stamps rise, and leave no trace in the packet; whatever its length, and where in a buffer it ends."""
    packets = made(8, longest)
    frames = [one.bytes for one in packets]
    frames += [bytes(Ether(**MACS)) + bytes(range(200)) * 20 for _ in range(1)] if longest > 1514 else []
    for end in range(1010, 1030) if longest > 1514 else []:
        frames.append((bytes(Ether(**MACS)) + bytes(2000))[: 1024 + end])
    offloads = RX_TIMESTAMP | VLAN_STRIP | RX_CHECKSUM
    wanted = longest if longest > 1514 else 0
    told, sent = through(tmp_path, device, offloads, frames, [(0, 0, 0, 0)] * len(frames), wanted, buffer_size)
    assert sent == frames
    stamps = [stamp for _, _, stamp, *_ in told]
    assert all(flags & META_TIMESTAMP for flags, *_ in told)
    assert stamps == sorted(stamps) and 0 < stamps[0] < 60_000_000_000
    for frame, (*_, buffers, length) in zip(frames, told, strict=True):
        assert (buffers, length) == (-(-len(frame) // buffer_size), len(frame))
