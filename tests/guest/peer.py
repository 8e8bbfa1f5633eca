"""The wires of a guest's network cards, as their far end on this machine sees them.

A wire is a pair of datagram sockets, QEMU's and ours; a datagram is a frame. QEMU takes no frame that its card has no
room for and a full socket makes the sender wait, so nothing is lost unless the guest loses it.
"""

import random
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

LENGTHS = range(60, 1515)
TOUCHED_BYTE = 48
WINDOW = 192  # frames under way each way: fewer than any ring holds
PATIENCE_SECONDS = 20.0
QUIET_SECONDS = 0.3


def touched(frame: bytes) -> bytes:
    """As a forwarder sends it on."""
    return frame[:TOUCHED_BYTE] + bytes([(frame[TOUCHED_BYTE] + 1) & 255]) + frame[TOUCHED_BYTE + 1 :]


class Wire:
    """One card's wire. It must be there before QEMU starts; `options` tells QEMU of it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._theirs = str(folder / f"{name}q")
        self._ours = str(folder / f"{name}p")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(self._ours)

    @property
    def options(self) -> list[str]:
        ends = f"local.type=unix,local.path={self._theirs},remote.type=unix,remote.path={self._ours}"
        return ["-netdev", f"dgram,id={self.name},{ends}"]

    def send(self, frame: bytes) -> bool:
        """False: there is no room at the moment."""
        try:
            self._socket.sendto(frame, self._theirs)
        except BlockingIOError:
            return False
        return True

    def receive(self) -> bytes | None:
        try:
            return self._socket.recv(65536)
        except BlockingIOError:
            return None

    def drain(self) -> int:
        """Throws away what has come, until nothing comes for a moment. Returns how many frames it was."""
        count = 0
        while select.select([self._socket], [], [], QUIET_SECONDS)[0]:
            self._socket.recv(65536)
            count += 1
        return count

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


def frames(seed: int) -> Iterator[bytes]:
    """One of every length, in a random order and of random content; no two are equal."""
    source = random.Random(seed)
    lengths = list(LENGTHS)
    source.shuffle(lengths)
    for number, length in enumerate(lengths):
        addresses = b"\x02" + source.randbytes(5) + b"\x02" + source.randbytes(5)
        yield addresses + b"\x88\xb5" + number.to_bytes(4, "big") + source.randbytes(length - 18)


class Exchange:
    """Frames of every length into each wire; each must come out of the wire at the other end of the forwarder, in
    order and byte for byte but for the one that the forwarder touches."""

    def __init__(self, wires: Sequence[Wire], seed: int) -> None:
        self._ways = [_Way(*ends, seed + i) for i, ends in enumerate(zip(wires, reversed(wires), strict=True))]
        self.frames = len(wires) * len(LENGTHS)

    def run(self) -> None:
        progress = time.monotonic()
        while not all(way.done for way in self._ways):
            if sum(way.move() for way in self._ways):
                progress = time.monotonic()
            waited = time.monotonic() - progress
            assert waited < PATIENCE_SECONDS, f"nothing moved for {waited:.0f} s: {', '.join(map(str, self._ways))}"
            select.select([way.sink for way in self._ways], [], [], 0.01)


class _Way:
    def __init__(self, source: Wire, sink: Wire, seed: int) -> None:
        self.source = source
        self.sink = sink
        self._to_send = deque(frames(seed))
        self._under_way: deque[bytes] = deque()
        self.received = 0

    def __str__(self) -> str:
        left, under_way = len(self._to_send), len(self._under_way)
        return (
            f"{self.source.name} to {self.sink.name}: {left} to send, {under_way} under way, {self.received} received"
        )

    @property
    def done(self) -> bool:
        return not self._to_send and not self._under_way

    def move(self) -> int:
        moved = 0
        while self._to_send and len(self._under_way) < WINDOW and self.source.send(self._to_send[0]):
            self._under_way.append(touched(self._to_send.popleft()))
            moved += 1
        while (frame := self.sink.receive()) is not None:
            where = f"{self.source.name} to {self.sink.name}, frame {self.received}"
            assert self._under_way, f"{where}: one that nobody sent: {frame.hex()}"
            expected = self._under_way.popleft()
            assert len(frame) == len(expected), f"{where}: {len(frame)} bytes instead of {len(expected)}"
            assert frame == expected, f"{where}: {frame.hex()} instead of {expected.hex()}"
            self.received += 1
            moved += 1
        return moved


class Flood:
    """Frames into a wire, without end and by a thread of its own; what comes back is counted and thrown away."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._ended = threading.Event()
        self._echo = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        frame = next(frames(0))
        while not self._ended.is_set():
            if not self._wire.send(frame):
                self._ended.wait(0.001)
            while self._wire.receive() is not None:
                self._echo.set()

    def wait_for_echo(self) -> None:
        assert self._echo.wait(PATIENCE_SECONDS), "no frame came back"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
