"""DPDK's testpmd as a child: a peer that no one here wrote, steered through its prompt.

A Testpmd is started by its constructor, which returns once the prompt is there, and ended by `close` (in good order) or
`kill` (SIGKILL, as a crash would end it). It leaves no files behind, takes ordinary pages instead of huge ones, and
ends with its parent, as its input is closed then; after LIFETIME_SECONDS `timeout` ends it at the latest.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

PROGRAM = "dpdk-testpmd"
PROMPT = b"testpmd> "
LIFETIME_SECONDS = 3600
ANSWER_SECONDS = 30.0
END_SECONDS = 10.0


class TestpmdError(Exception):
    """It did not start, died, or did not answer; the text ends with its last lines."""


def installed() -> bool:
    return shutil.which(PROGRAM) is not None


def usable_cpus() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def lcores(cpu: int) -> str:
    """The core that forwards, on this CPU, and the one of the prompt, on any other. There its vhost answers messages,
    under a spin lock that the forwarding core holds nearly always: on one CPU with that it could spin for long."""
    others = [other for other in usable_cpus() if other != cpu] or [cpu]
    return f"0@({','.join(map(str, others))}),1@{cpu}"


class Testpmd:
    """A running testpmd with one port.

    Args:
        vdev: the port: "net_vhost0,iface=SOCKET" is a VirtIO device, "net_virtio_user0,path=SOCKET" drives one.
        cpu: where its forwarding thread runs, which never sleeps.
        queues: queue pairs of the port.
        ring: descriptors of each queue.
        mode: what it forwards: "macswap", "io", "rxonly", "txonly".
        start: whether it begins at once.
        mbufs: its pool.
        eal: further options of the DPDK environment.
        options: further options of testpmd itself.
    """

    __test__ = False  # no test case, whatever pytest makes of the name

    def __init__(
        self,
        vdev: str,
        *,
        cpu: int,
        queues: int = 1,
        ring: int = 1024,
        mode: str = "macswap",
        start: bool = True,
        mbufs: int = 8192,
        eal: Sequence[str] = (),
        options: Sequence[str] = (),
    ) -> None:
        memory = ["--no-huge", "--no-shconf", "--single-file-segments", "-m", str(32 + mbufs * 3 // 1024)]
        self._folder = tempfile.TemporaryDirectory(prefix="ixy-testpmd-")  # what DPDK keeps of each process
        self.command = [
            *("timeout", "-s", "INT", "-k", "5", str(LIFETIME_SECONDS), "stdbuf", "-oL", PROGRAM),
            *("--lcores", lcores(cpu), *memory, "--no-pci", "--no-telemetry", "--file-prefix=ixy"),
            *("--vdev", vdev, *eal, "--", "-i", *(["--auto-start"] if start else []), f"--forward-mode={mode}"),
            *(f"--rxq={queues}", f"--txq={queues}", f"--rxd={ring}", f"--txd={ring}", "--burst=32"),
            *(f"--total-num-mbufs={mbufs}", "--disable-link-check", *options),
        ]
        self.log = b""
        # A file and no pipe: it logs each message of the handshake, and must never wait for somebody to read that.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            self.command,
            env=os.environ | {"RUNTIME_DIRECTORY": self._folder.name},
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for whoever started it, who ends it
        )
        try:
            self._await_prompt(0)
            self.pid = self._find()
        except BaseException:
            self._finish(0.0)
            raise

    def _find(self) -> int:
        """The process id of testpmd itself, the only child of `timeout`; `stdbuf` became it."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if len(children) != 1:
            raise TestpmdError(self._story("it has no process"))
        return int(children[0])

    # ---- its prompt ----

    def _story(self, text: str) -> str:
        last = self._read().decode(errors="replace").strip().splitlines()[-8:]
        return "\n    ".join([f"{PROGRAM}: {text}; its last lines:", *last])

    def _read(self) -> bytes:
        """All that it said so far."""
        self.log += os.pread(self._output.fileno(), 1 << 24, len(self.log))
        return self.log

    def _await_prompt(self, begin: int) -> None:
        end = time.monotonic() + ANSWER_SECONDS
        while PROMPT not in self._read()[begin:]:
            if self._process.poll() is not None:
                raise TestpmdError(self._story(f"ended with code {self._process.returncode}"))
            if time.monotonic() > end:
                raise TestpmdError(self._story(f"no prompt within {ANSWER_SECONDS:.0f} s"))
            time.sleep(0.002)

    def ask(self, command: str) -> str:
        """Sends a command, waits for the next prompt, and returns what was said until then."""
        begin = len(self._read())
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(command.encode() + b"\n")
        except OSError as error:
            raise TestpmdError(self._story(f'could not be told "{command}"')) from error
        self._await_prompt(begin)
        return self.log[begin:].decode(errors="replace")

    def statistics(self) -> dict[str, int]:
        """Totals and rates of the port, by testpmd's own names and clock: "RX-packets", "Tx-pps" and so on. A rate is
        the mean since they were asked for the time before."""
        text = self.ask("show port stats 0")
        found = {name: int(value) for name, value in re.findall(r"\b([RT][Xx]-\w+): +(\d+)", text)}
        if "RX-packets" not in found:
            raise TestpmdError(self._story("told no statistics"))
        return found

    def queue_packets(self) -> dict[str, int]:
        """Frames by queue that were received and sent since it began: {"RX Q0": 5, ...}."""
        text = self.ask("show fwd stats all")
        found: dict[str, int] = {}
        for queue, received, sent in re.findall(
            r"RX Port= *0/Queue= *(\d+) .*?\n\s+RX-packets: (\d+)\s+TX-packets: (\d+)", text
        ):
            found[f"RX Q{queue}"], found[f"TX Q{queue}"] = int(received), int(sent)
        return found

    def features(self) -> int:
        """The VirtIO features that it and its last front end agreed upon."""
        found = re.findall(rb"negotiated Virtio features: 0x([0-9a-f]+)", self._read())
        return int(found[-1], 16) if found else 0

    # ---- its end ----

    def kill(self) -> None:
        """SIGKILL, as a crash would end it; on return it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self._finish(END_SECONDS)

    def close(self) -> None:
        """In good order; by force if it does not go."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it died before, or was closed before
            self._process.stdin.write(b"quit\n")
        self._finish(END_SECONDS)

    def _finish(self, patience: float) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        with contextlib.suppress(ProcessLookupError):  # the session of its own, if anything is left of it
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdin.close()
        self._output.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
