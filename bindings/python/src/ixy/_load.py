"""Loads the extension: ixy._native (cffi) and ixy._packet, which lie in one shared object with one libixy."""

import importlib.machinery
import importlib.util
import sys

from . import _native

if "ixy._packet" not in sys.modules:
    _loader = importlib.machinery.ExtensionFileLoader("ixy._packet", str(_native.__file__))
    _spec = importlib.util.spec_from_loader("ixy._packet", _loader)
    assert _spec is not None
    _module = importlib.util.module_from_spec(_spec)
    _loader.exec_module(_module)
    sys.modules["ixy._packet"] = _module

_loaded = _native.lib.ixy_abi_version()
if _loaded != _native.lib.IXY_ABI_VERSION:
    raise ImportError(
        f"ixy was built for version {_native.lib.IXY_ABI_VERSION} of the libixy ABI, but the libixy that was loaded "
        f"has version {_loaded}; reinstall the Python package libixy or the system's libixy so that they match"
    )
