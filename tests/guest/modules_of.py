"""modules_of.py PROGRAM MODULE...: the files of all Python modules that a program imports, and these, one a line: the
folder of sys.path that it is in, a tab, and its place there."""

import os
import runpy
import sys

program, *modules = sys.argv[1:]
sys.modules["ssl"] = None  # asyncio takes it if it is there; it is large
runpy.run_path(program, run_name="imported")
for module in ["encodings.ascii", "encodings.latin_1", *modules]:
    __import__(module)
own = os.path.dirname(__file__)
paths = sorted((path for path in sys.path if path and path != own), key=len, reverse=True)
for module in list(sys.modules.values()):
    file = getattr(module, "__file__", None) or ""
    root = next((path for path in paths if file.startswith(path + os.sep)), None)
    if root is not None:
        print(root, os.path.relpath(file, root), sep="\t")
