"""Errors: one class for each error code of libixy, all below Error."""

import builtins
import errno as _errno

from . import _load, _packet
from ._native import ffi, lib

__all__ = [
    "AddressError",
    "ArgumentError",
    "BusyError",
    "DeviceError",
    "Error",
    "ForkError",
    "FrameError",
    "HandleError",
    "IOError",
    "LimitError",
    "NoBuffersError",
    "NotFoundError",
    "OutOfMemoryError",
    "PermissionDeniedError",
    "PoolSizeError",
    "RangeError",
    "StateError",
    "StructError",
    "TimeoutError",
    "UnsupportedError",
]

assert _load


class Error(Exception):
    """What libixy reports. Catch it to catch everything that this package raises on its own account.

    Attributes:
        code: the number, IXY_E_* of ixy_errors.h, negative.
        name: the code's name, such as "IXY_E_HANDLE".
        text: what was wrong and what would be right.
    """

    code: int
    name: str
    text: str

    def __init__(self, code: int, text: str | None = None) -> None:
        self.code = code
        self.name = _string(lib.ixy_error_name(code))
        self.text = text or _string(lib.ixy_strerror(code))
        super().__init__(self.text)

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type["Error"], tuple[int, str]]:
        return type(self), (self.code, self.text)


class _SystemError(Error, OSError):
    """An error that Python has an OSError for."""

    def __init__(self, code: int, text: str | None = None) -> None:
        super().__init__(code, text)
        self.errno = _ERRNO[code]


class HandleError(Error):
    """A packet, batch, device or pool that is stale (transmitted, freed, closed), or of another pool."""


class ArgumentError(Error, ValueError):
    """A value is outside its documented set."""


class RangeError(Error, IndexError, ValueError):
    """A position in a packet, a queue or a count is out of range."""


class FrameError(Error, ValueError):
    """A packet does not fit its buffer, or its length cannot be sent."""


class BusyError(Error):
    """Another thread is in this queue, or a device still uses this pool."""


class StateError(Error, RuntimeError):
    """Not possible in this state: transmit before start, start twice."""


class OutOfMemoryError(Error, MemoryError):
    """The operating system gave no memory."""


class NoBuffersError(Error):
    """The pool has no free buffer at the moment."""


class PoolSizeError(Error, ValueError):
    """The pool has too few buffers for the rings of its devices, or too small ones."""


class TimeoutError(_SystemError, builtins.TimeoutError):
    """The device did not answer in the time that its data sheet allows."""


class AddressError(Error, ValueError):
    """A malformed device address; an unknown scheme, device or option."""


class NotFoundError(_SystemError, FileNotFoundError):
    """No such device, file or interface."""


class PermissionDeniedError(_SystemError, PermissionError):
    """The operating system refused access."""


class UnsupportedError(Error, NotImplementedError):
    """This device, driver or build cannot do that."""


class StructError(Error):
    """The library does not know a struct of this package: their versions do not fit together."""


class ForkError(Error):
    """The object was inherited over fork(); open devices and pools anew in the child."""


class DeviceError(Error):
    """The device is gone or answers what its data sheet forbids."""


class IOError(_SystemError):
    """A system call failed; the text names it."""


class LimitError(Error):
    """Too many open devices, pools or views."""


_CLASSES: dict[int, type[Error]] = {
    lib.IXY_E_HANDLE: HandleError,
    lib.IXY_E_ARGUMENT: ArgumentError,
    lib.IXY_E_RANGE: RangeError,
    lib.IXY_E_FRAME: FrameError,
    lib.IXY_E_BUSY: BusyError,
    lib.IXY_E_STATE: StateError,
    lib.IXY_E_NO_MEMORY: OutOfMemoryError,
    lib.IXY_E_NO_BUFFERS: NoBuffersError,
    lib.IXY_E_POOL_SIZE: PoolSizeError,
    lib.IXY_E_TIMEOUT: TimeoutError,
    lib.IXY_E_ADDRESS: AddressError,
    lib.IXY_E_NOT_FOUND: NotFoundError,
    lib.IXY_E_PERMISSION: PermissionDeniedError,
    lib.IXY_E_UNSUPPORTED: UnsupportedError,
    lib.IXY_E_STRUCT: StructError,
    lib.IXY_E_FORK: ForkError,
    lib.IXY_E_DEVICE: DeviceError,
    lib.IXY_E_IO: IOError,
    lib.IXY_E_LIMIT: LimitError,
}

_ERRNO: dict[int, int] = {
    lib.IXY_E_TIMEOUT: _errno.ETIMEDOUT,
    lib.IXY_E_NOT_FOUND: _errno.ENOENT,
    lib.IXY_E_PERMISSION: _errno.EACCES,
    lib.IXY_E_IO: _errno.EIO,
}


def _string(text: object) -> str:
    return ffi.string(text).decode("utf-8", "replace")


def error_of(code: int, text: str | None = None) -> Error:
    """The exception for a code; text: what was wrong, the code's general meaning if there is none."""
    return _CLASSES.get(code, Error)(code, text)


def check(code: int) -> int:
    """Returns what a control call returned if it succeeded; raises its error, with the library's text, if not."""
    if code < 0:
        raise error_of(code, _string(lib.ixy_last_error()))
    return code


def u32(name: str, value: int, least: int = 0) -> int:
    """A value for an unsigned 32-bit argument of the ABI; RangeError, not OverflowError, if it is none.

    least=1 is for arguments whose 0 the ABI would replace by a default: who says 0 here means it.
    """
    if not least <= value < 1 << 32:
        raise error_of(lib.IXY_E_RANGE, f"{name} is out of range: {value}")
    return value


_packet.set_error_factory(error_of)
