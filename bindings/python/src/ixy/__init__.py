"""libixy: a user-space network driver, and an emulated NIC to try it on.

    import ixy

    with ixy.open("emu:82599") as nic:            # what is sent comes back: the default wire is a loop
        packets = nic.pool.alloc(1)
        packets[0].resize(60)
        packets[0][0:12] = bytes.fromhex("ffffffffffff020000000001")
        nic.tx(packets)

`devices` lists what this machine has. Classes: Device (made by `open`), Pool, Packet, Batch, Capability, Error and its
subclasses. A packet has one owner at each moment, the caller, a device or the pool, and every access checks that it is
the caller. The C ABI as it is: ixy.raw.
"""

from . import _load as _load
from ._native import ffi as _ffi
from ._native import lib as _lib
from ._packet import Packet
from .batch import Batch
from .device import Device, open
from .errors import (
    AddressError,
    ArgumentError,
    BusyError,
    DeviceError,
    Error,
    ForkError,
    FrameError,
    HandleError,
    IOError,
    LimitError,
    NoBuffersError,
    NotFoundError,
    OutOfMemoryError,
    PermissionDeniedError,
    PoolSizeError,
    RangeError,
    StateError,
    StructError,
    TimeoutError,
    UnsupportedError,
)
from .pool import Pool
from .status import Capability, Counters, Emulated, Found, Info, Link, Meter, QueueStats, Stats, devices

__all__ = [
    "AddressError",
    "ArgumentError",
    "Batch",
    "BusyError",
    "Capability",
    "Counters",
    "Device",
    "DeviceError",
    "Emulated",
    "Error",
    "ForkError",
    "Found",
    "FrameError",
    "HandleError",
    "IOError",
    "Info",
    "LimitError",
    "Link",
    "Meter",
    "NoBuffersError",
    "NotFoundError",
    "OutOfMemoryError",
    "Packet",
    "PermissionDeniedError",
    "Pool",
    "PoolSizeError",
    "QueueStats",
    "RangeError",
    "StateError",
    "Stats",
    "StructError",
    "TimeoutError",
    "UnsupportedError",
    "devices",
    "open",
]

__version__: str = _ffi.string(_lib.ixy_version()).decode()
