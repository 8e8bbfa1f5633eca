"""libixy: a user-space network driver, and an emulated NIC to try it on.

    import ixy

    with ixy.open("emu:82599") as nic:            # what is sent comes back: the default wire is a loop
        packets = nic.pool.alloc(1)
        packets[0].resize(60)
        packets[0][0:12] = bytes.fromhex("ffffffffffff020000000001")
        nic.tx(packets)

Classes: Device (made by `open`), Pool, Packet, Batch, Error and its subclasses. A packet has one owner at each moment,
the caller, a device or the pool, and every access checks that it is the caller. The C ABI as it is: ixy.raw.
"""

from . import _load as _load
from ._native import ffi as _ffi
from ._native import lib as _lib
from ._packet import Packet
from .batch import Batch
from .device import Counters, Device, Emulated, Info, Link, Meter, Stats, open
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

__all__ = [
    "AddressError",
    "ArgumentError",
    "Batch",
    "BusyError",
    "Counters",
    "Device",
    "DeviceError",
    "Emulated",
    "Error",
    "ForkError",
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
    "RangeError",
    "StateError",
    "Stats",
    "StructError",
    "TimeoutError",
    "UnsupportedError",
    "open",
]

__version__: str = _ffi.string(_lib.ixy_version()).decode()
