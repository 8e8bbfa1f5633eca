"""The back end that the tests drive: testpmd over a socket in a folder of its own."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from testpmd import Testpmd, usable_cpus

BUFFERS = 8192


class BackEnd:
    """A vhost-user socket and the testpmd that serves it; it can be killed and started again."""

    def __init__(self, queues: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ixy-peer-")  # short: a socket's path has at most 107 bytes
        self.socket = Path(self._folder.name) / "socket"
        self.queues = queues
        self.testpmd: Testpmd | None = None

    def start(self, mode: str = "macswap", options: Sequence[str] = ()) -> Testpmd:
        self.socket.unlink(missing_ok=True)  # DPDK binds no socket that a killed process left behind
        vdev = f"net_vhost0,iface={self.socket},queues={self.queues}"
        self.testpmd = Testpmd(vdev, cpu=usable_cpus()[-1], queues=self.queues, mode=mode, options=options)
        return self.testpmd

    def kill(self) -> None:
        assert self.testpmd is not None
        self.testpmd.kill()
        self.testpmd = None

    def close(self) -> None:
        if self.testpmd is not None:
            self.testpmd.close()
        self._folder.cleanup()


@pytest.fixture(scope="module")
def served() -> Iterator[Callable[[int], BackEnd]]:
    """Running back ends by their number of queue pairs, each started once."""
    started: dict[int, BackEnd] = {}

    def serve(queues: int) -> BackEnd:
        if queues not in started:
            started[queues] = BackEnd(queues)
            started[queues].start()
        return started[queues]

    yield serve
    for back_end in started.values():
        back_end.close()


@pytest.fixture
def mortal() -> Iterator[BackEnd]:
    """A back end of two queue pairs for one test alone, not started."""
    back_end = BackEnd(2)
    yield back_end
    back_end.close()
