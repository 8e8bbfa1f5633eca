"""Pools: packet memory cut into buffers."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from . import _packet
from ._native import ffi, lib
from ._packet import Memory, Packet
from .batch import Batch
from .errors import check, u32

__all__ = ["Pool"]


class Pool:
    """Packet memory, cut into buffers of one size.

    A buffer belongs to the pool, to a device or to the caller. `alloc`, `alloc_batch` and receiving make it the
    caller's; `free` and transmitting end that.

    The pool lives until `close`, the end of its `with` block, or, without either, until nothing refers to it any more:
    packets, batches, devices and views hold it too.

    Args:
        buffers: how many, 1 to 262144. Each ring of each device keeps some: 8192 serve two devices of one queue.
        buffer_size: bytes of packet that a buffer holds, a multiple of 1024 up to 15360. 1024 serves only devices that
            receive a frame in several buffers, which `frame_len_max` asks for.

    Raises:
        ArgumentError, RangeError: a value is outside what is possible.
        OutOfMemoryError: the operating system gave no memory.
        IOError: it refused something else; the text names it.
        LimitError: too many pools are open.

    Threads: any.
    """

    __slots__ = ("__weakref__", "_memory")

    _memory: Memory

    def __init__(self, buffers: int = 8192, buffer_size: int = 2048) -> None:
        config = ffi.new(
            "ixy_pool_config *",
            {"buffer_count": u32("buffers", buffers, least=1), "buffer_size": u32("buffer_size", buffer_size, least=1)},
        )
        config.struct_size = ffi.sizeof(config[0])
        handle = ffi.new("uint64_t *")
        check(lib.ixy_pool_open(config, handle))
        try:
            self._memory = Memory(handle[0])
        except BaseException:
            lib.ixy_pool_close(handle[0])
            raise

    @property
    def handle(self) -> int:
        """The pool's handle, for ixy.raw."""
        return self._memory.pool

    @property
    def free_count(self) -> int:
        """Buffers that are free now, those in the caches and rings of devices not counted."""
        return check(lib.ixy_pool_free_count(self._memory.pool))

    def alloc(self, count: int) -> list[Packet]:
        """Takes up to `count` (at most 4096) empty packets out of the pool; `Packet.resize` gives them a length.

        Returns fewer than `count` when the pool has no more. The packets are the caller's; one that is collected gives
        its buffer back.

        Raises:
            NoBuffersError: no buffer was free.
            RangeError: `count` is out of range.
            HandleError: the pool is closed.
        """
        return _packet.alloc(self._memory, count)

    def alloc_batch(self, count: int) -> Batch:
        """A new batch of up to `count` (1 to 4096) empty packets; `Batch.resize` gives them lengths. As alloc."""
        batch = Batch(self, count)
        batch.alloc(count)
        return batch

    def free(self, packets: Sequence[Packet]) -> int:
        """Gives the buffers of packets back and returns how many.

        It stops at the first that is not the caller's and returns its position; if that is 0, it is a HandleError.
        """
        return _packet.free(self._memory, packets)

    def unsafe_view(self) -> memoryview:
        """The whole packet memory as writable bytes, UNCHECKED: not revoked by transmit or free.

        Whoever writes here to a buffer that is not theirs damages packets that a device is sending or receiving. Packet
        `p` lies at [p.offset, p.offset + len(p)). numpy.frombuffer(view, "u1") makes it an array, without a copy.
        The memory stays valid as long as a view of it lives, and reads as zeroes once the pool is closed.
        """
        check(lib.ixy_pool_free_count(self._memory.pool))  # a closed pool is an error
        return memoryview(self._memory)

    def close(self) -> None:
        """Ends the pool: its packets are stale at once. Closing it again does nothing.

        Raises:
            BusyError: a device still uses the pool; close that first.
        """
        code = lib.ixy_pool_close(self._memory.pool)
        if code not in (lib.IXY_E_HANDLE, lib.IXY_E_FORK):
            check(code)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        free = lib.ixy_pool_free_count(self._memory.pool)
        return f"<ixy.Pool, {free} buffers free>" if free >= 0 else "<ixy.Pool, closed>"
