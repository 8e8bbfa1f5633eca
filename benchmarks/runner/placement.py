"""Where threads run, and whether they really ran: CPU affinity and the scheduler's own account of waiting."""

import contextlib
import os
import time
from pathlib import Path

MODEL_THREAD = "ixy-emu"  # the name that the library gives the thread of threaded device models
PIN_SECONDS = 0.0005  # between looks for that thread
PIN_PATIENCE = 0.25  # how long it is looked for
READ_SECONDS = 0.025  # between readings of the scheduler's account


def _siblings(cpu: int) -> set[int]:
    file = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    found = {cpu}
    with contextlib.suppress(OSError, ValueError):
        for part in file.read_text().strip().split(","):
            first, _, last = part.partition("-")
            found |= set(range(int(first), int(last or first) + 1))
    return found


def two_cores() -> tuple[int, int] | None:
    """Two CPUs of different cores that this process may use, or None."""
    usable = sorted(os.sched_getaffinity(0))
    for other in usable[1:]:
        if other not in _siblings(usable[0]):
            return usable[0], other
    return None


class Account:
    """Run and wait time of a process's threads while a sample is taken (/proc/PID/task/TID/schedstat)."""

    def __init__(self, pid: int):
        self._tasks = Path(f"/proc/{pid}/task")
        self._began = time.monotonic()
        self._ended = self._began
        self._first: dict[str, tuple[int, int]] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self.names: dict[str, str] = {}

    def read(self) -> None:
        self._ended = time.monotonic()
        with contextlib.suppress(OSError):
            for thread in os.listdir(self._tasks):
                with contextlib.suppress(OSError, ValueError, IndexError):
                    if thread not in self.names:
                        self.names[thread] = (self._tasks / thread / "comm").read_text().strip()
                    run, wait = (self._tasks / thread / "schedstat").read_text().split()[:2]
                    self._first.setdefault(thread, (int(run), int(wait)))
                    self._last[thread] = (int(run), int(wait))

    def waited(self, model: bool) -> float | None:
        """The share of the time that the busiest thread (of the model, or of the rest) was ready but had no CPU."""
        elapsed = (self._ended - self._began) * 1e9
        threads = [
            (self._last[thread][0] - self._first[thread][0], self._last[thread][1] - self._first[thread][1])
            for thread in self._last
            if (self.names.get(thread) == MODEL_THREAD) == model
        ]
        if not threads or elapsed <= 0:
            return None
        return max(0.0, max(threads)[1] / elapsed)


class Watch:
    """Called while a sample runs: keeps the account; of a threaded one also pins the model to one CPU, all else of the
    forwarder to another. Threads are free again afterwards, or the next run's model would begin on the driver's CPU."""

    def __init__(self, pid: int, cores: tuple[int, int] | None):
        self.account = Account(pid)
        self.pinned = False
        self._pid = pid
        self._cores = cores
        self._until = time.monotonic() + PIN_PATIENCE
        self.account.read()

    def __call__(self) -> float:
        if self._cores is not None and not self.pinned and time.monotonic() < self._until:
            self.pinned = self._pin()
            if not self.pinned:
                return PIN_SECONDS
        self.account.read()
        return READ_SECONDS if self._cores is not None else 60.0

    def _threads(self) -> dict[int, str]:
        threads = {}
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{self._pid}/task"):
                with contextlib.suppress(OSError):
                    threads[int(thread)] = Path(f"/proc/{self._pid}/task/{thread}/comm").read_text().strip()
        return threads

    def _pin(self) -> bool:
        assert self._cores is not None
        threads = self._threads()
        if MODEL_THREAD not in threads.values():
            return False
        for thread, name in threads.items():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(thread, {self._cores[1 if name == MODEL_THREAD else 0]})
        return True

    def finish(self) -> None:
        if self._cores is None:
            self.account.read()
            return
        everywhere = os.sched_getaffinity(0)
        for thread in self._threads():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(thread, everywhere)
