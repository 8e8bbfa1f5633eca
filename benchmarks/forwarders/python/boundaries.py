"""Ways for Python to call libixy.so as its header declares it, without a binding's classes.

What they declare is what cffi parses from the installed header, so they follow it. All are used alike: a function takes
integers, and pointers that Boundary.pointer makes of addresses.
"""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cffi

LIBRARY = "libixy.so.1"


class CffiAbi:
    """cffi in ABI mode: nothing is compiled, each call goes through libffi."""

    name = "cffi-abi"

    def __init__(self) -> None:
        self.ffi: Any = cffi.FFI()
        self.ffi.cdef((Path(os.environ["IXY_PREFIX"]) / "include/ixy_abi.h").read_text())
        self.library: Any = self.ffi.dlopen(LIBRARY)

    def function(self, name: str) -> Callable[..., Any]:
        return getattr(self.library, name)

    def pointer(self, address: int) -> Any:
        return self.ffi.cast("void *", address)

    def text(self, name: str) -> str:
        """What a function without arguments says."""
        return self.ffi.string(self.function(name)()).decode()


class CffiApi(CffiAbi):
    """cffi in API mode: the compiled module under the Python binding."""

    name = "cffi-api"

    def __init__(self) -> None:
        from ixy.raw import ffi, lib

        self.ffi, self.library = ffi, lib


class Ctypes(CffiAbi):
    """The standard library's ctypes: each call goes through libffi."""

    name = "ctypes"

    def __init__(self) -> None:
        super().__init__()
        self.loaded = ctypes.CDLL(LIBRARY)

    def function(self, name: str) -> Callable[..., Any]:
        declared = self.ffi.typeof(getattr(self.library, name))
        function = getattr(self.loaded, name)
        function.argtypes = [self.type(argument, ctypes.c_void_p) for argument in declared.args]
        function.restype = self.type(declared.result, ctypes.c_char_p)
        return function

    @staticmethod
    def type(declared: Any, pointer: Any) -> Any:
        """ctypes' name of a type that cffi parsed. The pointers that functions return are all to text."""
        return pointer if declared.kind == "pointer" else getattr(ctypes, "c_" + declared.cname.removesuffix("_t"))

    def pointer(self, address: int) -> Any:
        return ctypes.c_void_p(address)

    def text(self, name: str) -> str:
        return self.function(name)().decode()


BOUNDARIES = {boundary.name: boundary for boundary in (Ctypes, CffiAbi, CffiApi)}
