"""What the tests share: pools, devices, frames."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ixy

INLINE = "emu:82599,timing=inline"
Mark = Callable[[str, str, str, str], None]
PACKET, BATCH, RAW = "Packet", "NumPy batch", "raw view"  # the rows of the safety table


@pytest.fixture
def mark(capsys: pytest.CaptureFixture[str]) -> Mark:
    """Tells a mark of the safety table (docs/safety.md): row, column, mark, detail; after what it asserts."""

    def show(row: str, column: str, word: str, detail: str) -> None:
        with capsys.disabled():
            print(f"\nsafety: Python/{row} | {column} | {word} | {detail}", flush=True)

    return show


@pytest.fixture
def repository() -> Path:
    return Path(__file__).resolve().parents[3]


@pytest.fixture
def pool() -> Iterator[ixy.Pool]:
    with ixy.Pool(4096) as made:
        yield made


@pytest.fixture
def loop(pool: ixy.Pool) -> Iterator[ixy.Device]:
    """An emulated device whose wire brings back what it sends."""
    with ixy.open(INLINE, pool=pool) as made:
        yield made


@pytest.fixture
def frames(pool: ixy.Pool) -> Callable[..., list[ixy.Packet]]:
    """Makes packets whose byte i is (seed + 7 * i) & 255."""

    def make(count: int, size: int = 60, seed: int = 1) -> list[ixy.Packet]:
        packets = pool.alloc(count)
        assert len(packets) == count
        for packet in packets:
            packet.resize(size)
            packet[:] = pattern(size, seed)
        return packets

    return make


def pattern(size: int, seed: int = 1) -> bytes:
    return bytes((seed + 7 * i) & 255 for i in range(size))
