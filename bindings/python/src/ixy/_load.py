"""Loads the extension: ixy._native (cffi) and ixy._packet, which lie in one shared object with one libixy."""

import importlib.machinery
import importlib.util
import sys

if "ixy._packet" not in sys.modules:
    # Before ixy._native: ixy._packet is what refuses to be loaded where it cannot work.
    _native_spec = importlib.util.find_spec("ixy._native")
    assert _native_spec is not None
    _loader = importlib.machinery.ExtensionFileLoader("ixy._packet", str(_native_spec.origin))
    _spec = importlib.util.spec_from_loader("ixy._packet", _loader)
    assert _spec is not None
    _module = importlib.util.module_from_spec(_spec)
    _loader.exec_module(_module)
    sys.modules["ixy._packet"] = _module

from . import _native

_loaded = _native.lib.ixy_abi_version()
if _loaded != _native.lib.IXY_ABI_VERSION:
    raise ImportError(
        f"ixy was built for version {_native.lib.IXY_ABI_VERSION} of the libixy ABI, but the libixy that was loaded "
        f"has version {_loaded}; reinstall the Python package libixy or the system's libixy so that they match"
    )
