"""The machine, the versions and the commit that figures belong to."""

import contextlib
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from .languages import TOP


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, cwd=TOP)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _lscpu() -> dict[str, str]:
    lines = (line.partition(":") for line in _output("lscpu").splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def _memory_gib() -> float | None:
    with contextlib.suppress(OSError):
        found = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
        if found:
            return round(int(found[1]) / 1024**2, 1)
    return None


def facts() -> dict[str, Any]:
    cpu = _lscpu()
    return {
        "cpu": cpu.get("Model name", platform.processor()),
        "cpus": len(os.sched_getaffinity(0)),
        "threads_per_core": cpu.get("Thread(s) per core"),
        "hypervisor": cpu.get("Hypervisor vendor"),
        "caches": {name: cpu[name] for name in ("L1d cache", "L2 cache", "L3 cache") if name in cpu},
        "memory_gib": _memory_gib(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
    }


def versions() -> dict[str, str]:
    found = {"python of the runner": platform.python_version(), "libixy": (TOP / "VERSION").read_text().strip()}
    os_release = Path("/etc/os-release")
    if os_release.exists():
        name = re.search(r'PRETTY_NAME="?([^"\n]+)', os_release.read_text())
        found["system"] = name[1] if name else ""
    found["libc"] = " ".join(platform.libc_ver())
    return found


def commit() -> str:
    """The commit, with "-dirty" when files differ from it."""
    return _output("git", "describe", "--always", "--abbrev=40", "--dirty")


def stolen_and_total() -> tuple[int, int]:
    """Clock ticks that the host took from this machine's CPUs, and all of them."""
    with contextlib.suppress(OSError, ValueError):
        ticks = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return ticks[7], sum(ticks)
    return 0, 0
