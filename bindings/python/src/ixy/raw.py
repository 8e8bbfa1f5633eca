"""The C ABI as it is, through cffi: `ffi` and `lib`.

For what the classes of this package do not offer. Names, ownership, threads and errors are those of ixy_abi.h: the
functions lib.ixy_* take handles and cdata and return negative codes. The library checks each handle and frame that it
is given; what you read and write through pointers yourself (ixy_view.base) is not checked, and what you take here is
yours to give back.

    from ixy.raw import ffi, lib
    frame = ffi.new("ixy_frame *", (packet.handle, packet.offset, len(packet), packet.flags))
    lib.ixy_buf_write(pool.handle, frame, 0, b"abc", 3)
"""

from ._native import ffi, lib

__all__ = ["ffi", "lib"]
