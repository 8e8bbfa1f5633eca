"""Batches: many packets as one object, without a Python object for each."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from ._native import lib
from ._packet import Frames
from .errors import check, error_of, memory_of

if TYPE_CHECKING:
    import numpy
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from .pool import Pool

__all__ = ["Batch"]


class Batch(Frames):
    """Up to `capacity` packets of one pool, in one preallocated array: a queue of packets that the caller owns.

    `Device.rx_batch` and `alloc` append, `Device.tx_batch` takes from the front what it could send, `free` gives back
    what is there. So nothing is lost: a batch that is collected gives its packets back.

    Two families of operations work on all its packets:
        get, put, add, lengths, frames, metadata: NumPy arrays of a value of each packet, which one call into C copies
            out of the packets or into them, and of the batch's own array (they need NumPy, `pip install
            libixy[numpy]`);
        bulk_add_u8, bulk_read, bulk_write, bulk_fill, resize: one call into C each.
    Both check each packet in the call that touches it: its ownership and the position against its length. The NumPy
    family checks all packets first and changes none if one fails; the bulk family stops at the one that fails.

    Args:
        pool: where the packets live; a device whose packets it receives must use the same.
        capacity: most packets, 1 to 4096.

    Raises:
        RangeError: `capacity` is out of range.

    Threads: one at a time. A second one at the same time finds the packets of one moment or the other, or a HandleError
    or RangeError; so does a signal handler. No packet is touched that is not in the batch at that moment.
    """

    __slots__ = ("__weakref__", "_arrays")

    def __init__(self, pool: Pool, capacity: int = 256) -> None:
        super().__init__(memory_of(pool), capacity)
        self._arrays: _Arrays | None = None

    def __repr__(self) -> str:
        return f"<ixy.Batch of {Frames.__len__(self)} packets, capacity {self.capacity}>"

    # ---- NumPy ----

    @property
    def frames(self) -> NDArray[numpy.void]:
        """The frames as a structured array (buf, offset, len, flags; see ixy_frame), read-only, without a copy.

        It shows the batch's own memory: what it shows changes with the batch.
        """
        arrays = self._arrays or self._numpy()
        return arrays.frames[: Frames.__len__(self)]

    @property
    def lengths(self) -> NDArray[numpy.uint16]:
        """The packets' lengths, read-only, without a copy; `resize` changes them."""
        result: NDArray[numpy.uint16] = self.frames["len"]
        return result

    @property
    def metadata(self) -> NDArray[numpy.void]:
        """What is known of each packet beside its bytes, as a new structured array: timestamp, flags, vlan_tci, ...

        The fields are those of ixy_metadata, the bits of flags IXY_META_* of ixy.raw.lib; all zeroes where nothing is
        known. Raises as get.
        """
        arrays = self._arrays or self._numpy()
        records: NDArray[numpy.void] = arrays.numpy.frombuffer(self._metadata(), arrays.record)
        return records

    def get(self, at: int, dtype: DTypeLike = "u1") -> NDArray[Any]:
        """The value at byte `at` of each packet, as a new array. dtype: any of fixed size, such as ">u2".

        Raises:
            HandleError: a packet is stale.
            RangeError: the value does not lie in one of the packets.
            ImportError: NumPy is not installed.
        """
        arrays = self._arrays or self._numpy()
        kind = arrays.kind(dtype)
        values = arrays.numpy.empty(Frames.__len__(self), kind)
        self._gather(at, kind.itemsize, values.view("u1"))
        found: NDArray[Any] = values
        return found

    def put(self, at: int, values: ArrayLike, dtype: DTypeLike = "u1") -> None:
        """Writes values to byte `at` of each packet: one for all, or one for each. Raises as get.

        The values are converted as NumPy converts them; RangeError too for an integer that dtype does not hold.
        """
        arrays = self._arrays or self._numpy()
        kind, at = arrays.kind(dtype), operator.index(at)
        # Converting them may run code of the caller's, so the packets are looked at after it; and they may lie in the
        # packets' own memory, so this is a copy. Zeroes, as a type may have padding, which goes into the packets too.
        source = arrays.numpy.zeros(Frames.__len__(self), kind)
        try:
            source[:] = values
        except OverflowError as error:
            raise error_of(lib.IXY_E_RANGE, f"values are out of range: expected those that {kind} holds") from error
        self._scatter(at, kind.itemsize, source.view("u1"))

    def add(self, at: int, delta: int) -> None:
        """Adds `delta` to byte `at` of each packet, modulo 256. Raises as get.

        It is get, NumPy's addition, and put: what another thread writes between them is lost.
        """
        arrays = self._arrays or self._numpy()
        octet, at = operator.index(delta) & 255, operator.index(at)
        values = arrays.numpy.empty(Frames.__len__(self), "u1")
        self._gather(at, 1, values)
        values += octet
        self._scatter(at, 1, values)

    def _numpy(self) -> _Arrays:
        self._arrays = _Arrays(self)
        return self._arrays


class _Arrays:
    """NumPy's view of a batch, made when it is first wanted."""

    __slots__ = ("frames", "numpy", "record")

    frames: NDArray[numpy.void]

    def __init__(self, batch: Batch) -> None:
        try:
            import numpy
        except ImportError as error:
            raise ImportError(
                "this operation of ixy.Batch needs NumPy: pip install 'libixy[numpy]'; the bulk_* operations do without"
            ) from error
        check(lib.ixy_pool_free_count(batch._memory.pool))
        self.numpy = numpy
        frame = numpy.dtype([("buf", "<u8"), ("offset", "<u4"), ("len", "<u2"), ("flags", "<u2")])
        self.frames = numpy.frombuffer(memoryview(batch._array), frame)
        self.record = numpy.dtype(
            [("timestamp", "<u8"), ("flags", "<u4"), ("vlan_tci", "<u2"), ("l2_len", "u1"), ("l3_len", "u1")]
        )

    def kind(self, dtype: DTypeLike) -> numpy.dtype[Any]:
        kind = self.numpy.dtype(dtype)
        if kind.itemsize == 0 or kind.hasobject:
            raise TypeError(f"packets hold no values of type {kind}")
        if kind.itemsize > 0xFFFF:
            raise error_of(lib.IXY_E_RANGE, f"a value of type {kind} is longer than any packet")
        return kind
