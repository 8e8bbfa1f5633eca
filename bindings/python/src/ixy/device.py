"""Devices: a NIC with its receive and transmit queues."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from . import _packet
from ._native import ffi, lib
from ._packet import Memory, Packet
from .batch import Batch
from .errors import Error, check, error_of, u32
from .pool import Pool

__all__ = ["Counters", "Device", "Emulated", "Info", "Link", "Meter", "Stats", "open"]


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


def _filled(kind: str, function: Any, device: int) -> Any:
    """What one of the ABI's functions tells of a device, in a struct of its kind."""
    struct = ffi.new(f"{kind} *")
    struct.struct_size = ffi.sizeof(struct[0])
    check(function(device, struct))
    return struct


class Emulated:
    """The other side of an emulated device: what its wire and its model saw. UnsupportedError if it is a real one."""

    __slots__ = ("_device",)

    def __init__(self, device: int) -> None:
        self._device = device

    @property
    def counters(self) -> Counters:
        """What the wire did; steps a device with timing=inline first."""
        found = _filled("ixy_emu_counters", lib.ixy_emu_counters_get, self._device)
        return Counters(**{name: getattr(found, name) for name in Counters.__slots__})

    @property
    def meter(self) -> Meter:
        """A reading of the clocks, for measurements; the device is not stepped."""
        found = _filled("ixy_emu_meter", lib.ixy_emu_meter_get, self._device)
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


class Device:
    """A NIC, real or emulated. `open` makes one.

    Packets that it receives are the caller's; packets that it takes to transmit are not any more: touching them is a
    HandleError. Its end is `close` or the end of its `with` block; the packets in its rings go back to the pool then.

    Threads: distinct queues may be used by distinct threads at once; a second thread in one queue gets a BusyError.
    Everything else may be called from any thread. In a child process after fork everything raises ForkError.
    """

    __slots__ = ("__weakref__", "_handle", "_memory", "_open", "_own_pool", "_promiscuous", "pool")

    pool: Pool
    """The pool that the device's buffers come from."""

    def __init__(
        self,
        address: str | os.PathLike[str],
        *,
        pool: Pool | None = None,
        rx_queues: int = 1,
        tx_queues: int = 1,
        rx_ring_size: int = 512,
        tx_ring_size: int = 512,
    ) -> None:
        """Opens a device without starting it; see `open`."""
        self._open = False
        text = os.fsencode(address)
        if b"\0" in text:
            raise error_of(lib.IXY_E_ADDRESS, f"address {os.fspath(address)!r} contains a NUL character")
        config = ffi.new(
            "ixy_device_config *",
            {
                "rx_queues": u32("rx_queues", rx_queues, least=1),
                "tx_queues": u32("tx_queues", tx_queues, least=1),
                "rx_ring_size": u32("rx_ring_size", rx_ring_size, least=1),
                "tx_ring_size": u32("tx_ring_size", tx_ring_size, least=1),
            },
        )
        config.struct_size = ffi.sizeof(config[0])
        self._own_pool = pool is None
        if pool is None:
            # A queue holds at most its ring and as much again in its cache; half of the default pool is for the caller.
            rings = min(rx_queues * rx_ring_size + tx_queues * tx_ring_size, lib.IXY_BUFFERS_MAX)
            pool = Pool(min(max(8192, 2 * rings + 4096), lib.IXY_BUFFERS_MAX))
        self.pool = pool
        self._memory: Memory = pool._memory
        config.pool = self._memory.pool
        handle = ffi.new("uint64_t *")
        code = lib.ixy_device_open(text, config, handle)
        try:
            check(code)
        except Error:
            if self._own_pool:
                pool.close()
            raise
        self._handle: int = handle[0]
        self._open = True
        self._promiscuous = True

    def start(self) -> None:
        """Starts all queues; `open` does it unless told not to.

        Raises:
            StateError: it is started.
            NoBuffersError: the pool has too few free buffers to fill the rings.
            TimeoutError, DeviceError: the device does not do as its data sheet says.
        """
        check(lib.ixy_device_start(self._handle))

    def reset(self) -> None:
        """Resets the device, and starts it again if it was started.

        Packets in its rings go back to the pool and statistics begin at zero; the MAC address and promiscuous mode
        stay. Raises as start.
        """
        check(lib.ixy_device_reset(self._handle))

    def close(self) -> None:
        """Stops the device and frees all that it holds, its pool too if it made that itself. Again: does nothing."""
        self._open = False
        code = lib.ixy_device_close(self._handle)
        if code not in (lib.IXY_E_HANDLE, lib.IXY_E_FORK):
            check(code)
        if self._own_pool:
            self.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            self.close()

    def __repr__(self) -> str:
        if not self._open:
            return "<ixy.Device, closed>"
        try:
            return f"<ixy.Device {self.info.address}>"
        except Error as error:
            return f"<ixy.Device, {error.name}>"

    @property
    def handle(self) -> int:
        """The device's handle, for ixy.raw."""
        return self._handle

    # ---- packets ----

    def rx(self, queue: int = 0, count: int = 32) -> list[Packet]:
        """Receives up to `count` (at most 4096) packets, which are the caller's; an empty list if none is there.

        Never waits.

        Raises:
            RangeError: there is no such queue, or `count` is out of range.
            BusyError: another thread is in this queue.
            StateError: the device is not started.
            DeviceError: it failed; `link` says why, and `reset` starts it again.
            HandleError: it is closed.
        """
        return _packet.rx(self._memory, self._handle, queue, count)

    def tx(self, packets: Sequence[Packet], queue: int = 0) -> int:
        """Hands packets to the device and returns how many it took: the first so many, which are stale then.

        The rest stays the caller's; it is less than all when the ring is full or a packet is wrong. Never waits.

        Raises:
            HandleError: the first packet is stale or of another pool, or the device is closed.
            FrameError: the first packet's length cannot be sent (Info.tx_len_min, Info.tx_len_max).
            RangeError: there is no such queue, or there are more than 4096 packets.
            BusyError, StateError, DeviceError: as rx.
        """
        return _packet.tx(self._handle, queue, packets)

    def rx_batch(self, batch: Batch, queue: int = 0) -> int:
        """Receives as many packets as are there and as the batch has room for; appends them and returns how many.

        Raises as rx; ArgumentError if the batch belongs to another pool than the device.
        """
        return batch._rx(self._memory, self._handle, queue)

    def tx_batch(self, batch: Batch, queue: int = 0) -> int:
        """Hands the batch's packets to the device and returns how many it took.

        They leave the batch; the rest stays in it and is the caller's: send it later or `batch.free()` it.
        Raises as tx.
        """
        return batch._tx(self._handle, queue)

    # ---- control ----

    @property
    def info(self) -> Info:
        """What the device is."""
        found = _filled("ixy_info", lib.ixy_device_info, self._handle)
        values = {name: getattr(found, name) for name in Info.__slots__}
        for name in ("driver", "name", "address"):
            values[name] = os.fsdecode(ffi.string(values[name]))
        values["emulated"] = bool(values["emulated"])
        return Info(**values)

    @property
    def link(self) -> Link:
        """Whether the link is up, and its speed; of a device that failed, a DeviceError says why."""
        found = _filled("ixy_link", lib.ixy_device_link, self._handle)
        return Link(bool(found.up), found.speed_mbps)

    @property
    def stats(self) -> Stats:
        """Totals since the device was opened or reset."""
        found = _filled("ixy_stats", lib.ixy_device_stats, self._handle)
        return Stats(**{name: getattr(found, name) for name in Stats.__slots__})

    @property
    def features(self) -> list[str]:
        """What driver and device agreed upon, by the VirtIO specification's names: "VERSION_1", "RING_PACKED".

        Empty for a device that negotiates nothing, as Intel's.
        """
        text = ffi.new("char[]", lib.IXY_TEXT_MAX)
        names: list[str] = []
        while check(lib.ixy_device_feature(self._handle, len(names), text, lib.IXY_TEXT_MAX)) > len(names):
            names.append(ffi.string(text).decode("ascii"))
        return names

    @property
    def mac(self) -> str:
        """The station address, "02:00:00:00:00:09"; ArgumentError on setting a multicast, zero or malformed one."""
        mac = ffi.new("uint8_t[6]")
        check(lib.ixy_device_mac(self._handle, mac))
        return bytes(ffi.buffer(mac)).hex(":")

    @mac.setter
    def mac(self, address: str) -> None:
        try:
            octets = [int(octet, 16) if len(octet) == 2 else -1 for octet in address.split(":")]
            mac = bytes(octets)
        except ValueError:
            mac = b""
        if len(mac) != 6:
            raise error_of(lib.IXY_E_ARGUMENT, f'MAC address {address!r}; right is six octets, "02:00:00:00:00:09"')
        check(lib.ixy_device_mac_set(self._handle, mac))

    @property
    def promiscuous(self) -> bool:
        """Whether every frame is received (so after open), or only broadcast and those for the station address."""
        return self._promiscuous

    @promiscuous.setter
    def promiscuous(self, on: bool) -> None:
        check(lib.ixy_device_promiscuous_set(self._handle, 1 if on else 0))
        self._promiscuous = bool(on)

    @property
    def emulated(self) -> Emulated:
        """The other side of an emulated device: counters, meter, violations."""
        return Emulated(self._handle)


def open(
    address: str | os.PathLike[str],
    *,
    pool: Pool | None = None,
    rx_queues: int = 1,
    tx_queues: int = 1,
    rx_ring_size: int = 512,
    tx_ring_size: int = 512,
    start: bool = True,
) -> Device:
    """Opens a device and starts it.

    Args:
        address: where it is: "emu:82599" is an emulated one, "emu:82599,wire=gen,rate=1000000" one whose other end
            sends a million frames a second.
        pool: where its buffers come from; several devices may share one, and must to forward packets between them.
            Without it the device makes one of its own (`Device.pool`), and closes it when it is closed.
        rx_queues: receive queues, 1 to 16.
        tx_queues: transmit queues, 1 to 16; on a VirtIO device as many as rx_queues.
        rx_ring_size: descriptors of each receive queue, a power of two, 64 to 4096.
        tx_ring_size: descriptors of each transmit queue, a power of two, 64 to 4096.
        start: False leaves it stopped; `Device.start` starts it.

    Raises:
        AddressError: the address is malformed, or no such scheme, device or option is known.
        NotFoundError, PermissionDeniedError: there is no such device or file; it may not be opened.
        RangeError: a queue count or ring size is out of range.
        PoolSizeError: the pool is too small for the rings.
        HandleError: the pool is closed.
        StateError: a vhost-user device was opened on a pool whose buffers are in use.
        BusyError, IOError, TimeoutError, DeviceError, UnsupportedError, OutOfMemoryError, LimitError: as their
            documentation says.
    """
    device = Device(
        address,
        pool=pool,
        rx_queues=rx_queues,
        tx_queues=tx_queues,
        rx_ring_size=rx_ring_size,
        tx_ring_size=tx_ring_size,
    )
    if start:
        try:
            device.start()
        except BaseException:
            device.close()
            raise
    return device
