"""Devices: a NIC with its receive and transmit queues."""

import os
import re
import warnings
from collections.abc import Sequence
from types import TracebackType
from typing import NoReturn, Self

from . import _packet, waiting
from ._native import ffi, lib
from ._packet import OpenDevice, Packet, number
from .batch import Batch
from .errors import Error, check, error_of, memory_of
from .pool import Pool
from .status import Capability, Emulated, Info, Link, QueueStats, Stats, filled

__all__ = ["Device", "open"]

_NO_OFFLOADS = Capability(0)
_FRAME_LEN_MAX = 1514  # Ethernet's, without checksum
_MAC = re.compile(":".join(["([0-9A-Fa-f]{2})"] * 6))


class Device:
    """A NIC, real or emulated. `open` makes one.

    Packets that it receives are the caller's; packets that it takes to transmit are not any more: touching them is a
    HandleError. Its end is `close` or the end of its `with` block; the packets in its rings go back to the pool then.

    Threads: distinct queues may be used by distinct threads at once; a second thread in one queue gets a BusyError, and
    so does a second that waits on it.
    Everything else may be called from any thread. In a child process after fork everything raises ForkError.
    """

    __slots__ = ("__weakref__", "_device", "_own_pool", "_pool", "_promiscuous")

    _device: OpenDevice

    def __init__(
        self,
        address: str | os.PathLike[str],
        *,
        pool: Pool | None = None,
        rx_queues: int = 1,
        tx_queues: int = 1,
        rx_ring_size: int = 512,
        tx_ring_size: int = 512,
        offloads: Capability = _NO_OFFLOADS,
        frame_len_max: int = _FRAME_LEN_MAX,
    ) -> None:
        """Opens a device without starting it; see `open`."""
        if hasattr(self, "_device"):
            raise TypeError("a device is initialised once")
        self._promiscuous = True
        self._own_pool = pool is None
        rings = (
            number("rx_queues", rx_queues, 1),
            number("tx_queues", tx_queues, 1),
            number("rx_ring_size", rx_ring_size, 1),
            number("tx_ring_size", tx_ring_size, 1),
        )
        self._pool = _pool_for(*rings) if pool is None else pool
        try:
            # Last, and in one call of C: the device's handle is never without an owner.
            self._device = OpenDevice(memory_of(self._pool), address, *rings, offloads, frame_len_max)
        except Error:
            if self._own_pool:
                self._pool.close()
            raise

    @property
    def pool(self) -> Pool:
        """The pool that the device's buffers come from."""
        return self._pool

    def start(self) -> None:
        """Starts all queues; `open` does it unless told not to.

        Raises:
            StateError: it is started.
            NoBuffersError: the pool has too few free buffers to fill the rings.
            TimeoutError, DeviceError: the device does not do as its data sheet says.
        """
        check(lib.ixy_device_start(self._device.handle))

    def reset(self) -> None:
        """Resets the device, and starts it again if it was started.

        Packets in its rings go back to the pool and statistics begin at zero; the MAC address and promiscuous mode
        stay. Raises as start.
        """
        check(lib.ixy_device_reset(self._device.handle))

    def close(self) -> None:
        """Stops the device and frees all that it holds, its pool too if it made that itself. Again: does nothing."""
        self._device.close()
        if self._own_pool:
            self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_device") and self._device.open:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            self.close()

    def __reduce__(self) -> NoReturn:
        _packet.no_copy(self)

    def __repr__(self) -> str:
        if not self._device.open:
            return "<ixy.Device, closed>"
        try:
            return f"<ixy.Device {self.info.address}>"
        except Error as error:
            return f"<ixy.Device, {error.name}>"

    @property
    def handle(self) -> int:
        """The device's handle, for ixy.raw."""
        return self._device.handle

    # ---- packets ----

    def rx(self, queue: int = 0, count: int = 32) -> list[Packet]:
        """Receives up to `count` (at most 4096) packets, which are the caller's; an empty list if none is there.

        Never waits; `wait` and `rx_async` do. A packet longer than a buffer comes as several, one after the other, all
        but the last with `Packet.more`.

        Raises:
            RangeError: there is no such queue, or `count` is out of range (at least Info.rx_frames_max).
            BusyError: another thread is in this queue.
            StateError: the device is not started.
            DeviceError: it failed; `link` says why, and `reset` starts it again.
            HandleError: it is closed.
        """
        return _packet.rx(self._device, queue, count)

    def tx(self, packets: Sequence[Packet], queue: int = 0) -> int:
        """Hands packets to the device and returns how many it took: the first so many, which are stale then.

        The rest stays the caller's; it is less than all when the ring is full or a packet is wrong. Never waits.
        Packets with `Packet.more` are sent as one with those after them, or not at all.

        Raises:
            HandleError: the first packet is stale or of another pool, or the device is closed.
            FrameError: the first packet's length cannot be sent (Info.tx_len_min, Info.tx_len_max), its last part is
                missing, or the headers are not where set_checksum says.
            UnsupportedError: the first packet has a `vlan` or set_checksum that `open(offloads=...)` did not ask for.
            RangeError: there is no such queue, or there are more than 4096 packets.
            BusyError, StateError, DeviceError: as rx.
        """
        return _packet.tx(self._device, queue, packets)

    def rx_batch(self, batch: Batch, queue: int = 0) -> int:
        """Receives as many packets as are there and as the batch has room for; appends them and returns how many.

        Raises as rx (RangeError: it has room for fewer than Info.rx_frames_max); ArgumentError if the batch belongs to
        another pool than the device.
        """
        return _packet.rx_batch(self._device, queue, batch)

    def tx_batch(self, batch: Batch, queue: int = 0) -> int:
        """Hands the batch's packets to the device and returns how many it took.

        They leave the batch; the rest stays in it and is the caller's: send it later or `batch.free()` it.
        Raises as tx.
        """
        return _packet.tx_batch(self._device, queue, batch)

    # ---- waiting ----

    def wait(self, queue: int = 0, timeout: float | None = None) -> bool:
        """Waits until there is something to receive: True; or until `timeout` seconds are over: False.

        None waits without end, 0 only looks. Other threads run meanwhile, and signal handlers: Ctrl-C raises
        KeyboardInterrupt as anywhere.

        Raises:
            UnsupportedError: the device has no Capability.RX_WAIT.
            BusyError: another thread or task waits on this queue.
            HandleError: the device is closed, before or meanwhile.
            DeviceError: it failed, before or meanwhile.
            RangeError, StateError: as rx.
            ArgumentError: `timeout` is negative.
        """
        return waiting.sleep(self._device, queue, timeout)

    async def wait_async(self, queue: int = 0) -> None:
        """Waits, as a task of asyncio, until there is something to receive; then call rx or rx_batch.

        Other tasks get a turn even if there is something at once. asyncio.timeout and cancelling end it, and leave
        nothing behind. Raises as wait.
        """
        await waiting.sleep_async(self._device, queue)

    async def rx_async(self, queue: int = 0, count: int = 32) -> list[Packet]:
        """Receives as rx, but waits, as a task of asyncio, until there is at least one packet.

        Raises as rx and wait; RangeError if `count` is 0. A cancelled call has received nothing.
        """
        count = number("count", count, 1, lib.IXY_BATCH_MAX)
        while True:
            await waiting.sleep_async(self._device, queue)
            if packets := self.rx(queue, count):
                return packets

    def fileno(self, queue: int = 0) -> int:
        """A receive queue's file descriptor, for poll, selectors and other event loops; not to be read or closed.

        It becomes readable after `arm`, with the next packet, and when the device fails. It is the same number in each
        call until `close`: take it out of the event loop before that. The library itself uses another, so a program
        that closes it takes nothing from the library, and is given another by the next call. Raises as wait.
        """
        return check(lib.ixy_rx_fd(self._device.handle, number("queue", queue)))

    def arm(self, queue: int = 0) -> bool:
        """For event loops: True if there is something to receive; if not, fileno(queue) becomes readable when there is.

        Call it when rx found nothing more, and sleep only if it returns False. Raises as rx and wait.
        """
        return waiting.arm(self._device, queue)

    # ---- control ----

    @property
    def info(self) -> Info:
        """What the device is."""
        found = filled("ixy_info", lib.ixy_device_info, self._device.handle)
        values = {name: getattr(found, name) for name in Info.__slots__}
        for name in ("driver", "name", "address"):
            values[name] = os.fsdecode(ffi.string(values[name]))
        values["emulated"] = bool(values["emulated"])
        for name in ("capabilities", "offloads"):
            values[name] = Capability(values[name])
        return Info(**values)

    @property
    def link(self) -> Link:
        """Whether the link is up, and its speed; of a device that failed, a DeviceError says why."""
        found = filled("ixy_link", lib.ixy_device_link, self._device.handle)
        return Link(bool(found.up), found.speed_mbps)

    @property
    def stats(self) -> Stats:
        """Totals since the device was opened or reset."""
        found = filled("ixy_stats", lib.ixy_device_stats, self._device.handle)
        return Stats(**{name: getattr(found, name) for name in Stats.__slots__})

    def queue_stats(self, queue: int = 0) -> QueueStats:
        """What receive queue and transmit queue number `queue` did since the device was opened or reset.

        Raises:
            RangeError: there is neither such a receive nor such a transmit queue.
            UnsupportedError: the device has no Capability.QUEUE_STATS.
        """
        found = filled("ixy_queue_stats", lib.ixy_device_queue_stats, self._device.handle, number("queue", queue))
        return QueueStats(**{name: getattr(found, name) for name in QueueStats.__slots__})

    @property
    def features(self) -> list[str]:
        """What driver and device agreed upon, by the VirtIO specification's names: "VERSION_1", "RING_PACKED".

        Empty for a device that negotiates nothing, as Intel's.
        """
        text = ffi.new("char[]", lib.IXY_TEXT_MAX)
        names: list[str] = []
        while check(lib.ixy_device_feature(self._device.handle, len(names), text, lib.IXY_TEXT_MAX)) > len(names):
            names.append(ffi.string(text).decode("ascii"))
        return names

    @property
    def mac(self) -> str:
        """The station address, "02:00:00:00:00:09"; ArgumentError on setting a multicast, zero or malformed one."""
        mac = ffi.new("uint8_t[6]")
        check(lib.ixy_device_mac(self._device.handle, mac))
        return bytes(ffi.buffer(mac)).hex(":")

    @mac.setter
    def mac(self, address: str) -> None:
        octets = _MAC.fullmatch(address)
        if octets is None:
            raise error_of(lib.IXY_E_ARGUMENT, f'MAC address {address!r}; right is six octets, "02:00:00:00:00:09"')
        check(lib.ixy_device_mac_set(self._device.handle, bytes.fromhex("".join(octets.groups()))))

    @property
    def promiscuous(self) -> bool:
        """Whether every frame is received (so after open), or only broadcast and those for the station address."""
        return self._promiscuous

    @promiscuous.setter
    def promiscuous(self, on: bool) -> None:
        on = bool(on)
        check(lib.ixy_device_promiscuous_set(self._device.handle, int(on)))
        self._promiscuous = on

    @property
    def emulated(self) -> Emulated:
        """The other side of an emulated device: counters, meter, violations."""
        return Emulated(self._device.handle)


def _pool_for(rx_queues: int, tx_queues: int, rx_ring_size: int, tx_ring_size: int) -> Pool:
    """A pool for one device and its caller."""
    # A queue holds at most its ring and as much again in its cache; half of the default pool is for the caller.
    rings = min(rx_queues * rx_ring_size + tx_queues * tx_ring_size, lib.IXY_BUFFERS_MAX)
    return Pool(min(max(8192, 2 * rings + 4096), lib.IXY_BUFFERS_MAX))


def open(
    address: str | os.PathLike[str],
    *,
    pool: Pool | None = None,
    rx_queues: int = 1,
    tx_queues: int = 1,
    rx_ring_size: int = 512,
    tx_ring_size: int = 512,
    offloads: Capability = _NO_OFFLOADS,
    frame_len_max: int = _FRAME_LEN_MAX,
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
        offloads: what the device shall do for packets: `Capability.RX_CHECKSUM | Capability.VLAN_STRIP`, for example.
        frame_len_max: the longest packet that it sends and receives, bytes; more than 1514 wants Capability.JUMBO.
        start: False leaves it stopped; `Device.start` starts it.

    Raises:
        AddressError: the address is malformed, or no such scheme, device or option is known.
        NotFoundError, PermissionDeniedError: there is no such device or file; it may not be opened.
        RangeError: a queue count, ring size or frame_len_max is out of range.
        UnsupportedError: the device lacks what `offloads` or `frame_len_max` asks for, or something else it needs.
        PoolSizeError: the pool is too small for the rings.
        HandleError: the pool is closed.
        StateError: a vhost-user device was opened on a pool whose buffers are in use.
        BusyError, IOError, TimeoutError, DeviceError, OutOfMemoryError, LimitError: as their documentation says.
    """
    device = Device(
        address,
        pool=pool,
        rx_queues=rx_queues,
        tx_queues=tx_queues,
        rx_ring_size=rx_ring_size,
        tx_ring_size=tx_ring_size,
        offloads=offloads,
        frame_len_max=frame_len_max,
    )
    if start:
        try:
            device.start()
        except BaseException:
            device.close()
            raise
    return device
