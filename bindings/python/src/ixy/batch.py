"""Batches: many packets as one object, without a Python object for each."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._native import ffi, lib
from ._packet import Frames
from .errors import Error, check, error_of, u32

if TYPE_CHECKING:
    import numpy
    from numpy.typing import ArrayLike, DTypeLike, NDArray
    from typing_extensions import Buffer

    from .pool import Pool

__all__ = ["Batch"]


class Batch(Frames):
    """Up to `capacity` packets of one pool, in one preallocated array: a queue of packets that the caller owns.

    `Device.rx_batch` and `alloc` append, `Device.tx_batch` takes from the front what it could send, `free` gives back
    what is there. So nothing is lost: a batch that is collected gives its packets back.

    Two families of operations work on all its packets:
        get, put, add, lengths, frames, metadata: NumPy over the pool's memory and the batch's own array, without copies
            of packets (they need NumPy, `pip install libixy[numpy]`);
        bulk_add_u8, bulk_read, bulk_write, bulk_fill, resize: one call into C each.
    Both check each packet on each operation: its ownership and the position against its length. The NumPy family
    checks all packets first and changes none if one fails; the bulk family stops at the one that fails.

    Args:
        pool: where the packets live; a device whose packets it receives must use the same.
        capacity: most packets, 1 to 4096.

    Threads: one at a time.
    """

    __slots__ = ("__weakref__", "_arrays", "_frames", "_memory", "_view")

    def __init__(self, pool: Pool, capacity: int = 256) -> None:
        if not 1 <= capacity <= lib.IXY_BATCH_MAX:
            raise error_of(lib.IXY_E_RANGE, f"capacity is {capacity}; a batch holds 1 to {lib.IXY_BATCH_MAX} packets")
        self._memory = pool._memory
        self._view = ffi.cast("ixy_view *", self._memory.view_address)
        self._frames = ffi.new("ixy_frame[]", capacity)
        self._arrays: _Arrays | None = None
        super().__init__(self._memory, ffi.buffer(self._frames))

    def __repr__(self) -> str:
        return f"<ixy.Batch of {len(self)} packets, capacity {self.capacity}>"

    @property
    def capacity(self) -> int:
        """Most packets that it holds."""
        return len(self._frames)

    # ---- bulk operations, in C ----

    def bulk_read(self, at: int, size: int = 1) -> bytes:
        """Bytes [at, at + size) of each packet, one packet's after the other's. Raises as bulk_add_u8."""
        count = len(self)
        u32("at", at)
        if not 0 <= size <= 0xFFFF:
            raise error_of(lib.IXY_E_RANGE, f"size is out of range: {size}")
        out = bytearray(count * size)
        done = lib.ixy_bulk_read(self._view, self._frames, count, at, size, ffi.from_buffer("uint8_t[]", out))
        if done != count:
            raise self._failed(done, at, size)
        return bytes(out)

    def bulk_write(self, at: int, size: int, data: Buffer) -> None:
        """Writes bytes [at, at + size) of each packet from `data`, which holds `size` bytes for each.

        Raises as bulk_add_u8; RangeError too if `data` does not hold that many.
        """
        count = len(self)
        source = ffi.from_buffer("uint8_t[]", data)
        if not 0 <= size <= 0xFFFF or len(source) != count * size:
            raise error_of(lib.IXY_E_RANGE, f"{len(source)} bytes of data are not {size} for each of {count} packets")
        self._write(at, size, source, size)

    def bulk_fill(self, at: int, data: Buffer) -> None:
        """Writes the same `data` into each packet, from byte `at` on. Raises as bulk_add_u8."""
        source = ffi.from_buffer("uint8_t[]", data)
        self._write(at, min(len(source), 1 << 16), source, 0)

    def _write(self, at: int, size: int, source: Any, step: int) -> None:
        count = len(self)
        done = lib.ixy_bulk_write(self._view, self._frames, count, u32("at", at), size, source, step)
        if done != count:
            raise self._failed(done, at, size)

    def resize(self, size: int | ArrayLike) -> None:
        """Sets the packets' lengths in bytes: one for all, or one for each (an array or a sequence).

        Bytes that a packet gains are what its buffer held before.

        Raises:
            FrameError: a packet does not fit its buffer; those before it are changed.
            HandleError: a packet is stale.
            RangeError: the number of lengths is not that of packets.
        """
        count = len(self)
        one = isinstance(size, int)
        values: list[int] = [size] if isinstance(size, int) else [int(value) for value in size]  # type: ignore[union-attr, arg-type]
        if not one and len(values) != count:
            raise error_of(lib.IXY_E_RANGE, f"{len(values)} lengths for {count} packets")
        try:
            lengths = ffi.new("uint16_t[]", values)
        except OverflowError:
            raise error_of(
                lib.IXY_E_FRAME, "a packet has 0 to 65535 bytes, and at most what its buffer holds"
            ) from None
        done = lib.ixy_bulk_resize(self._view, self._frames, count, lengths, 0 if one else 1)
        if done != count:
            wanted = values[0 if one else done]
            code = lib.ixy_bulk_check(self._view, self._frames + done, 0, 0)
            if code == 0:
                raise error_of(lib.IXY_E_FRAME, f"packet {done} of the batch cannot have {wanted} bytes")
            raise self._failed(done, 0, 0)

    def _failed(self, position: int, at: int, size: int) -> Error:
        """Why bytes [at, at + size) of the packet at `position` may not be touched."""
        frame = self._frames + position
        code = lib.ixy_bulk_check(self._view, frame, at, size)
        if code == lib.IXY_E_RANGE:
            text = f"bytes {at} to {at + size} are not in packet {position} of the batch, which has {frame.len}"
            return error_of(code, text)
        unused = ffi.new("uint8_t *")
        if lib.ixy_buf_read(self._memory.pool, frame, 0, unused, 0) == lib.IXY_E_FORK:
            return error_of(lib.IXY_E_FORK)
        if code == 0:  # another thread changed the batch meanwhile
            code = lib.IXY_E_HANDLE
        return error_of(code, f"packet {position} of the batch is stale: it was freed, or its pool was closed")

    # ---- NumPy ----

    @property
    def frames(self) -> NDArray[numpy.void]:
        """The frames as a structured array (buf, offset, len, flags; see ixy_frame), read-only, without a copy.

        It shows the batch's own memory: what it shows changes with the batch.
        """
        arrays = self._arrays or self._numpy()
        return arrays.frames[: len(self)]

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
        views = self._positions(arrays, 0, 0)
        records: NDArray[numpy.void] = arrays.metadata[views.index]
        records[(arrays.frames["flags"][: len(self)] & lib.IXY_FRAME_METADATA) == 0] = 0
        return records

    def get(self, at: int, dtype: DTypeLike = "u1") -> NDArray[Any]:
        """The value at byte `at` of each packet, as a new array. dtype: any of fixed size, such as ">u2".

        Raises:
            HandleError: a packet is stale.
            RangeError: the value does not lie in one of the packets.
            ImportError: NumPy is not installed.
        """
        arrays = self._arrays or self._numpy()
        if dtype == "u1":
            octets: NDArray[Any] = arrays.memory[self._positions(arrays, at, 1).position]
            return octets
        kind, span = arrays.span(dtype)
        position = self._positions(arrays, at, kind.itemsize).position
        found: NDArray[Any] = arrays.memory[position[:, None] + span].view(kind)[:, 0]
        return found

    def put(self, at: int, values: ArrayLike, dtype: DTypeLike = "u1") -> None:
        """Writes values to byte `at` of each packet: one for all, or one for each. Raises as get."""
        arrays = self._arrays or self._numpy()
        if dtype == "u1":
            arrays.memory[self._positions(arrays, at, 1).position] = values
            return
        kind, span = arrays.span(dtype)
        position = self._positions(arrays, at, kind.itemsize).position
        source = arrays.numpy.empty((len(position), 1), kind)
        source[:, 0] = values
        arrays.memory[position[:, None] + span] = source.view("u1")

    def add(self, at: int, delta: int) -> None:
        """Adds `delta` to byte `at` of each packet, modulo 256. Raises as get."""
        arrays = self._arrays or self._numpy()
        views = self._positions(arrays, at, 1)
        memory = arrays.memory
        values = memory[views.position]
        values += delta & 255
        memory[views.position] = values

    def _positions(self, arrays: _Arrays, at: int, size: int) -> _Views:
        """Where in the pool's memory byte `at` of each packet is, once ownership and bounds were checked."""
        if not 0 <= at <= 0xFFFF:
            raise _bad_position(at)
        count = len(self)
        views = arrays.by_count.get(count) or arrays.views(count)
        # Ownership: the table's entry of each handle equals the handle. The mask keeps the index in the table, which
        # has as many entries, so that "wrap" never wraps; it only spares NumPy a copy.
        arrays.bitwise_and(views.buf, arrays.index_mask, views.index)
        arrays.take_owner(views.index, None, views.owner, "wrap")
        arrays.equal(views.owner, views.buf, views.good)
        if 0 in views.good_bytes:
            raise self._failed(views.good_bytes.index(0), 0, 0)
        # Bounds: the frames lie in their buffers, because the library made them and only a checked resize changes them
        # (the array that callers see is read-only); what remains is the packet's length.
        arrays.greater_equal(views.len, at + size, views.good)
        if 0 in views.good_bytes:
            raise self._failed(views.good_bytes.index(0), at, size)
        arrays.add(views.offset, at, views.position)
        return views

    def _numpy(self) -> _Arrays:
        self._arrays = _Arrays(self)
        return self._arrays


def _bad_position(at: int) -> Error:
    return error_of(lib.IXY_E_RANGE, f"position {at} is in no packet")


class _Views:
    """The first so many frames of a batch, column by column, and room for what is computed from them."""

    __slots__ = ("buf", "good", "good_bytes", "index", "len", "offset", "owner", "position")

    def __init__(self, numpy: ModuleType, frames: Any, count: int) -> None:
        self.buf = frames["buf"][:count].view("i8")  # handles have 53 bits; indices want int64
        self.offset = frames["offset"][:count]
        self.len = frames["len"][:count]
        self.index = numpy.empty(count, "i8")
        self.owner = numpy.empty(count, "i8")
        self.position = numpy.empty(count, "i8")
        self.good_bytes = bytearray(count)  # NumPy writes it, and `0 in` finds a bad packet at the speed of memchr
        self.good = numpy.frombuffer(self.good_bytes, "?")


class _Arrays:
    """NumPy's view of a batch, made when it is first wanted."""

    __slots__ = (
        "add",
        "bitwise_and",
        "by_count",
        "equal",
        "frames",
        "greater_equal",
        "index_mask",
        "memory",
        "metadata",
        "numpy",
        "take_owner",
    )

    def __init__(self, batch: Batch) -> None:
        try:
            import numpy
        except ImportError as error:
            raise ImportError(
                "this operation of ixy.Batch needs NumPy: pip install 'libixy[numpy]'; the bulk_* operations do without"
            ) from error
        view = batch._view
        check(lib.ixy_pool_free_count(batch._memory.pool))
        self.numpy = numpy
        self.add, self.bitwise_and = numpy.add, numpy.bitwise_and
        self.equal, self.greater_equal = numpy.equal, numpy.greater_equal
        kind = numpy.dtype([("buf", "<u8"), ("offset", "<u4"), ("len", "<u2"), ("flags", "<u2")])
        self.frames = numpy.frombuffer(memoryview(ffi.buffer(batch._frames)).toreadonly(), kind)
        self.memory: Any = numpy.frombuffer(memoryview(batch._memory), "u1")
        # The batch holds the Memory, and with it these pages, longer than anything here lives.
        self.take_owner = numpy.frombuffer(ffi.buffer(view.owner, (view.index_mask + 1) * 8), "i8").take
        self.index_mask = numpy.int64(view.index_mask)
        record = numpy.dtype(
            [("timestamp", "<u8"), ("flags", "<u4"), ("vlan_tci", "<u2"), ("l2_len", "u1"), ("l3_len", "u1")]
        )
        records = ffi.buffer(view.metadata, (view.index_mask + 1) * record.itemsize)
        self.metadata: Any = numpy.frombuffer(records, record)
        self.by_count: dict[int, _Views] = {}

    def views(self, count: int) -> _Views:
        views = self.by_count[count] = _Views(self.numpy, self.frames, count)
        return views

    def span(self, dtype: DTypeLike) -> tuple[numpy.dtype[Any], Any]:
        kind = self.numpy.dtype(dtype)
        if kind.itemsize == 0 or kind.hasobject:
            raise TypeError(f"packets hold no values of type {kind}")
        return kind, self.numpy.arange(kind.itemsize)
