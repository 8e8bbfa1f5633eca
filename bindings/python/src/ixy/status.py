"""What is told of devices: what they are and can do, their link, their counters, and which ones this machine has."""

import enum
import os
from dataclasses import dataclass
from typing import Any, NoReturn

from ._native import ffi, lib
from ._packet import no_copy, number
from .errors import check

__all__ = ["Capability", "Counters", "Emulated", "Found", "Info", "Link", "Meter", "QueueStats", "Stats", "devices"]


class Capability(enum.IntFlag):
    """What a device may be able to do. Those up to RX_TIMESTAMP are asked for by `open(offloads=...)`.

    Attributes:
        RX_CHECKSUM: verifies IPv4, TCP and UDP checksums of received packets: `Packet.ip_good`, `Packet.l4_good`.
        TX_CHECKSUM: fills in checksums of sent packets: `Packet.set_checksum`.
        VLAN_STRIP: takes the VLAN tag out of received packets, into `Packet.vlan`.
        VLAN_INSERT: puts `Packet.vlan` into sent packets.
        RX_TIMESTAMP: stamps received packets with its clock: `Packet.timestamp`.
        JUMBO: frames longer than 1514 bytes: `open(frame_len_max=...)`, `Packet.more`.
        QUEUE_STATS: counts by queue: `Device.queue_stats`.
        RX_WAIT: can be waited for: `Device.wait`, `Device.rx_async`, `Device.fileno`.
    """

    RX_CHECKSUM = lib.IXY_CAN_RX_CHECKSUM
    TX_CHECKSUM = lib.IXY_CAN_TX_CHECKSUM
    VLAN_STRIP = lib.IXY_CAN_VLAN_STRIP
    VLAN_INSERT = lib.IXY_CAN_VLAN_INSERT
    RX_TIMESTAMP = lib.IXY_CAN_RX_TIMESTAMP
    JUMBO = lib.IXY_CAN_JUMBO
    QUEUE_STATS = lib.IXY_CAN_QUEUE_STATS
    RX_WAIT = lib.IXY_CAN_RX_WAIT


@dataclass(frozen=True, slots=True)
class Found:
    """A network device of this machine that libixy has a driver for.

    Attributes:
        address: for `open`: "pci:0000:03:00.0".
        name: the device's name, "Intel 82599".
        driver: the kernel driver that it is bound to, "" if none.
        vendor: PCI vendor id.
        device_id: PCI device id.
        usable: whether this process could open it now.
        missing: what has to be done first, and by which command; "" if it is usable.
    """

    address: str
    name: str
    driver: str
    vendor: int
    device_id: int
    usable: bool
    missing: str


def devices() -> list[Found]:
    """The network devices on this machine's PCI bus that libixy has drivers for, by address. Nothing is opened.

    Raises:
        IOError: the operating system does not tell.
    """
    found: list[Found] = []
    struct = ffi.new("ixy_found *")
    struct.struct_size = ffi.sizeof(struct[0])
    while check(lib.ixy_device_find(len(found), struct)) > len(found):
        texts = {name: os.fsdecode(ffi.string(getattr(struct, name))) for name in _FOUND_TEXTS}
        found.append(Found(vendor=struct.vendor, device_id=struct.device_id, usable=bool(struct.usable), **texts))
    return found


_FOUND_TEXTS = ("address", "name", "driver", "missing")


@dataclass(frozen=True, slots=True)
class Info:
    """What a device is.

    Attributes:
        vendor: PCI vendor id.
        device_id: PCI device id.
        rx_queues: receive queues as opened.
        tx_queues: transmit queues as opened.
        rx_ring_size: descriptors of each receive queue.
        tx_ring_size: descriptors of each transmit queue.
        tx_len_min: the shortest packet that can be sent, bytes.
        tx_len_max: the longest, bytes.
        emulated: whether it is an emulated device.
        driver: the driver's name, "ixgbe".
        name: the device's name, "Intel 82599".
        address: as given to open.
        capabilities: what the device and its driver can do.
        offloads: those that were asked for.
        rx_len_max: the longest packet that is received, bytes.
        rx_frames_max: the most buffers that one received packet takes; `Device.rx` wants a count of at least this.
    """

    vendor: int
    device_id: int
    rx_queues: int
    tx_queues: int
    rx_ring_size: int
    tx_ring_size: int
    tx_len_min: int
    tx_len_max: int
    emulated: bool
    driver: str
    name: str
    address: str
    capabilities: Capability
    offloads: Capability
    rx_len_max: int
    rx_frames_max: int


@dataclass(frozen=True, slots=True)
class Link:
    """The link: whether it is up, and its speed in megabits a second (0 while it is down)."""

    up: bool
    speed_mbps: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Totals since the device was opened or reset.

    Attributes:
        rx_packets: frames that the device received well, with those that it then had to drop.
        rx_bytes: their bytes, with the 4 of each checksum.
        tx_packets: frames that the device sent.
        tx_bytes: their bytes, padding and checksum included.
        rx_missed: dropped by the device: no descriptor or no room for them.
        rx_errors: dropped by the device: checksum, length or other link errors.
        rx_dropped: dropped by the driver: completions that no correct device writes.
        rx_starved: receive calls that could not repost every buffer because the pool was empty.
    """

    rx_packets: int
    rx_bytes: int
    tx_packets: int
    tx_bytes: int
    rx_missed: int
    rx_errors: int
    rx_dropped: int
    rx_starved: int


@dataclass(frozen=True, slots=True)
class QueueStats:
    """What one receive queue and the transmit queue of its number did; 0 for one that is not there.

    Attributes are those of Stats.
    """

    rx_packets: int
    rx_bytes: int
    rx_missed: int
    rx_dropped: int
    rx_starved: int
    tx_packets: int
    tx_bytes: int


@dataclass(frozen=True, slots=True)
class Counters:
    """What an emulated device's wire did; a generator's sink verifies the frames that come to it.

    Attributes:
        violations: things the driver did that the data sheet forbids.
        generated: frames that the generator sent and the device took in.
        verified: frames that came to the sink right, each once.
        damaged: frames with a wrong byte.
        repeated: frames that came again.
        reordered: frames that came after a later one of their stream; they are among the verified.
        foreign: frames that no generator sent.
        wire_dropped: frames that the wire itself had no room for.
    """

    violations: int
    generated: int
    verified: int
    damaged: int
    repeated: int
    reordered: int
    foreign: int
    wire_dropped: int


@dataclass(frozen=True, slots=True)
class Meter:
    """A reading of the clocks and of the model's own time; differences of two readings count.

    Attributes:
        bracket_cycles: what an empty pair of time stamps costs, cycles.
        cycles: the processor's time-stamp counter.
        nanoseconds: the monotonic clock.
        model_cycles: cycles spent in the model of this device.
        steps: times that the model was stepped.
        idle_steps: steps that found nothing to do.
    """

    bracket_cycles: int
    cycles: int
    nanoseconds: int
    model_cycles: int
    steps: int
    idle_steps: int


def filled(kind: str, function: Any, *of: int) -> Any:
    """What one of the ABI's functions tells of a device (and queue), in a struct of its kind."""
    struct = ffi.new(f"{kind} *")
    struct.struct_size = ffi.sizeof(struct[0])
    check(function(*of, struct))
    return struct


class Emulated:
    """The other side of an emulated device: what its wire and its model saw. UnsupportedError if it is a real one."""

    __slots__ = ("_device",)

    def __init__(self, device: int) -> None:
        self._device = number("device", device, 0, (1 << 64) - 1)

    def __reduce__(self) -> NoReturn:
        no_copy(self)

    @property
    def counters(self) -> Counters:
        """What the wire did; steps a device with timing=inline first."""
        found = filled("ixy_emu_counters", lib.ixy_emu_counters_get, self._device)
        return Counters(**{name: getattr(found, name) for name in Counters.__slots__})

    @property
    def meter(self) -> Meter:
        """A reading of the clocks, for measurements; the device is not stepped."""
        found = filled("ixy_emu_meter", lib.ixy_emu_meter_get, self._device)
        return Meter(**{name: getattr(found, name) for name in Meter.__slots__})

    @property
    def violations(self) -> list[str]:
        """What the driver did that the data sheet forbids, one sentence each; the first 64 are kept."""
        text = ffi.new("char[]", lib.IXY_TEXT_MAX)
        count = check(lib.ixy_emu_violation(self._device, 0, text, lib.IXY_TEXT_MAX))
        texts = []
        for index in range(min(count, 64)):
            check(lib.ixy_emu_violation(self._device, index, text, lib.IXY_TEXT_MAX))
            texts.append(ffi.string(text).decode("utf-8", "replace"))
        return texts
