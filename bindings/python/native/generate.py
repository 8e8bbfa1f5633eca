"""Writes the C source of ixy._native: cffi in API mode over libixy's headers as they are.

generate.py OUT.c HEADER...
"""

import sys
from pathlib import Path

import cffi


def main(out: str, headers: list[str]) -> None:
    """Writes the module's C source to `out`, declaring what the headers declare."""
    ffi = cffi.FFI()
    for header in headers:
        ffi.cdef(Path(header).read_text(encoding="utf-8"))
    ffi.set_source("ixy._native", '#include "ixy.h"\n', py_limited_api=True)
    ffi.emit_c_code(out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
