"""The guest's files: an archive that its kernel unpacks into memory, with busybox, modules, programs and libraries.

It is not compressed: the emulated processor copies faster than it unpacks, and the file never leaves this machine.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("IXY_BUILD_FOLDER", HERE.parent.parent / "build"))
KERNEL_TREE = BUILD / "guest/kernel"
PYTHON_LIB = f"usr/lib/python{sys.version_info.major}.{sys.version_info.minor}"
PASSWD = "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\nother:x:1001:1001::/:/bin/sh\n"
GROUP = "root:x:0:\nuser:x:1000:\nother:x:1001:\n"


def kernel() -> Path:
    (image,) = (KERNEL_TREE / "boot").glob("vmlinuz-*")
    return image


def output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, timeout=60).stdout


class Files:
    """A folder that becomes the root of a guest."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder
        for name in ["bin", "dev", "etc", "lib/modules", "lib64", "proc", "sys", "tmp", "usr/lib"]:
            (folder / name).mkdir(parents=True)
        (folder / "tmp").chmod(0o1777)
        (folder / "etc/passwd").write_text(PASSWD)
        (folder / "etc/group").write_text(GROUP)
        self.program(Path("/bin/busybox"), "busybox")
        shutil.copy(HERE / "init", folder / "init")

    def modules(self, *names: str) -> None:
        """Kernel modules with those that they need; in the guest `load-NAME` loads one."""
        version = kernel().name.removeprefix("vmlinuz-")
        if not (KERNEL_TREE / "lib/modules" / version / "modules.dep").exists():
            output("depmod", "-b", KERNEL_TREE, version)
        for name in names:
            shown = output("modprobe", "-d", KERNEL_TREE, "-S", version, "--show-depends", name)
            lines = ["#!/bin/sh"]
            for path in map(Path, re.findall(r"(?m)^insmod (\S+)", shown)):
                shutil.copy(path, self.folder / "lib/modules")
                module = path.name.removesuffix(".ko").replace("-", "_")
                lines.append(f"test -d /sys/module/{module} || insmod /lib/modules/{path.name} || exit 1")
            script = self.folder / f"bin/load-{name}"
            script.write_text("\n".join([*lines, ""]))
            script.chmod(0o755)

    def program(self, path: Path, name: str) -> None:
        shutil.copy(path, self.folder / "bin" / name)
        self.libraries(path)

    def libraries(self, path: Path) -> None:
        """What a program or library is linked against, where the loader looks for it."""
        shown = subprocess.run(["ldd", path], text=True, capture_output=True, timeout=60)
        if "not a dynamic executable" in shown.stderr:
            return
        assert "not found" not in shown.stdout, shown.stdout
        for library in re.findall(r"(/\S+) \(0x", shown.stdout):
            target = "lib64" if Path(library).name.startswith("ld-linux") else "lib"
            if not (self.folder / target / Path(library).name).exists():
                shutil.copy(library, self.folder / target)

    def python(self, program: Path, name: str, *modules: str) -> None:
        """The interpreter with exactly those modules that the program imports, and these, compiled; and the program."""
        library = self.folder / PYTHON_LIB
        for line in output(sys.executable, HERE / "modules_of.py", program, *modules).splitlines():
            root, relative = line.split("\t")
            source, target = Path(root) / relative, library / relative
            if ".so" in source.name:
                self.libraries(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        (library / "lib-dynload").mkdir(exist_ok=True)
        output(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", library)
        self.program(Path(sys.executable).resolve(), "python3")
        script = self.folder / "bin" / name
        script.write_text("#!/bin/python3 -S\n" + program.read_text())
        script.chmod(0o755)

    def pack(self, archive: Path) -> Path:
        names = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))
        with archive.open("wb") as file:
            subprocess.run(
                ["cpio", "--create", "--format=newc", "--owner=0:0", "--quiet"],
                cwd=self.folder,
                input="\n".join([".", *names]).encode(),
                stdout=file,
                check=True,
                timeout=60,
            )
        return archive
