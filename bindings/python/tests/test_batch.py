"""Batches: the NumPy family, the bulk family, ownership and bounds in both."""

import gc
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

import ixy
from conftest import pattern


@pytest.fixture
def batch(pool: ixy.Pool) -> ixy.Batch:
    """Ten packets of 60 bytes; byte 48 of packet i is 250 + i."""
    made = ixy.Batch(pool, 16)
    assert made.alloc(10) == 10
    made.resize(60)
    made.bulk_fill(0, pattern(60))
    made.bulk_write(48, 1, bytes((250 + i) & 255 for i in range(10)))
    return made


EXPECTED = [(250 + i) & 255 for i in range(10)]


def test_both_families_see_the_same_bytes(batch: ixy.Batch) -> None:
    assert list(batch.get(48)) == list(batch.bulk_read(48)) == EXPECTED
    batch.add(48, 7)
    assert list(batch.bulk_read(48)) == [(v + 7) & 255 for v in EXPECTED]
    batch.bulk_add_u8(48, -7)
    assert list(batch.get(48)) == EXPECTED
    batch.add(48, -1)
    batch.bulk_add_u8(48, 257)
    assert list(batch.get(48)) == EXPECTED
    assert batch.bulk_read(0, 48) == pattern(48) * 10  # the rest is untouched
    assert batch.bulk_read(49, 11) == pattern(60)[49:] * 10


def test_put(batch: ixy.Batch) -> None:
    batch.put(3, 9)
    assert list(batch.get(3)) == [9] * 10
    batch.put(3, range(10))
    assert batch.bulk_read(3) == bytes(range(10))
    batch.put(12, 0x0800, ">u2")
    assert batch.bulk_read(12, 2) == b"\x08\x00" * 10
    batch.put(26, np.arange(10) + 0x0A000000, ">u4")
    assert list(batch.get(26, ">u4")) == [0x0A000000 + i for i in range(10)]
    assert batch.get(26, "S4")[3] == b"\x0a\0\0\x03"
    with pytest.raises(ValueError, match="broadcast"):
        batch.put(3, [1, 2, 3])
    with pytest.raises(TypeError, match="no values"):
        batch.get(0, object)


def test_frames_show_the_batch_without_a_copy(batch: ixy.Batch, pool: ixy.Pool) -> None:
    frames = batch.frames
    assert frames.dtype.names == ("buf", "offset", "len", "flags")
    assert len(frames) == len(batch) == 10
    assert list(batch.lengths) == [60] * 10
    batch.resize(range(50, 60))
    assert list(frames["len"]) == list(range(50, 60))
    memory = np.frombuffer(pool.unsafe_view(), "u1")
    assert [memory[offset + 48] for offset in frames["offset"]] == EXPECTED
    with pytest.raises(ValueError, match="read-only"):
        frames["len"][0] = 2000
    with pytest.raises(ValueError, match="WRITEABLE"):
        frames.setflags(write=True)


NUMPY: list[Callable[[ixy.Batch, int], object]] = [
    lambda batch, at: batch.get(at),
    lambda batch, at: batch.put(at, 1),
    lambda batch, at: batch.add(at, 1),
]
BULK: list[Callable[[ixy.Batch, int], object]] = [
    lambda batch, at: batch.bulk_read(at),
    lambda batch, at: batch.bulk_write(at, 1, bytes(len(batch))),
    lambda batch, at: batch.bulk_fill(at, b"a"),
    lambda batch, at: batch.bulk_add_u8(at, 1),
]


@pytest.mark.parametrize("operation", NUMPY + BULK)
@pytest.mark.parametrize("at", [60, 65535, 65536, 1 << 31, 1 << 32, 1 << 70, -1, -(1 << 70)])
def test_position_outside(batch: ixy.Batch, operation: Callable[[ixy.Batch, int], object], at: int) -> None:
    with pytest.raises(ixy.RangeError):
        operation(batch, at)
    assert batch.bulk_read(0, 48) == pattern(48) * 10


@pytest.mark.parametrize("operation", NUMPY + BULK)
def test_one_packet_too_short(batch: ixy.Batch, operation: Callable[[ixy.Batch, int], object]) -> None:
    batch.resize([60] * 6 + [59] + [60] * 3)
    with pytest.raises(ixy.RangeError, match="packet 6 "):
        operation(batch, 59)
    operation(batch, 58)


@pytest.mark.parametrize("operation", NUMPY)
def test_numpy_changes_none_if_one_fails(batch: ixy.Batch, operation: Callable[[ixy.Batch, int], object]) -> None:
    batch.resize([60] * 9 + [59])
    before = batch.bulk_read(0, 59)
    with pytest.raises(ixy.RangeError):
        operation(batch, 59)
    batch.resize(60)
    assert batch.bulk_read(59) == bytes([pattern(60)[59]]) * 10
    assert batch.bulk_read(0, 59) == before


def make_stale(batch: ixy.Batch, position: int, pool: ixy.Pool) -> None:
    """Frees one packet of the batch behind its back, through the raw layer."""
    from ixy.raw import ffi, lib

    frame = ffi.new("ixy_frame *", {"buf": int(batch.frames["buf"][position])})
    assert lib.ixy_buf_free(pool.handle, frame, 1) == 1


@pytest.mark.parametrize("operation", NUMPY + BULK)
@pytest.mark.parametrize("position", [0, 4, 9])
def test_stale_packet(
    batch: ixy.Batch, pool: ixy.Pool, operation: Callable[[ixy.Batch, int], object], position: int
) -> None:
    before = pool.free_count
    make_stale(batch, position, pool)
    with pytest.raises(ixy.HandleError, match=f"packet {position} "):
        operation(batch, 48)
    with pytest.raises(ixy.HandleError):
        batch.resize(61)
    batch.free()  # the others return
    assert pool.free_count == before + 10
    assert len(batch) == 0


@pytest.mark.parametrize("operation", NUMPY + BULK)
def test_pool_closed(operation: Callable[[ixy.Batch, int], object]) -> None:
    with ixy.Pool(64) as pool:
        batch = pool.alloc_batch(4)
        batch.resize(60)
        batch.add(0, 1)
    with pytest.raises(ixy.HandleError):
        operation(batch, 0)
    with pytest.raises(ixy.HandleError):
        batch.alloc(1)
    batch.free()


def test_empty_batch(pool: ixy.Pool) -> None:
    batch = ixy.Batch(pool, 4)
    batch.add(48, 1)
    batch.bulk_add_u8(48, 1)
    batch.resize(60)
    assert list(batch.get(48)) == []
    assert batch.bulk_read(48, 4) == b""
    assert len(batch.frames) == 0
    batch.free()
    assert not batch


def test_resize(batch: ixy.Batch) -> None:
    for wrong in (-1, 4000, 65536):
        with pytest.raises(ixy.FrameError):
            batch.resize(wrong)
    with pytest.raises(ixy.RangeError, match="3 lengths for 10"):
        batch.resize([1, 2, 3])
    assert list(batch.lengths) == [60] * 10


def test_capacity(pool: ixy.Pool) -> None:
    for wrong in (0, -1, 4097, 1 << 70):
        with pytest.raises(ixy.RangeError):
            ixy.Batch(pool, wrong)
    batch = ixy.Batch(pool, 4)
    assert batch.capacity == 4
    assert batch.alloc(100) == 4
    assert batch.alloc(1) == 0
    for wrong in (-1, 1 << 32):
        with pytest.raises(ixy.RangeError):
            batch.alloc(wrong)


def test_data_of_wrong_size(batch: ixy.Batch) -> None:
    with pytest.raises(ixy.RangeError):
        batch.bulk_write(0, 2, bytes(19))
    with pytest.raises(ixy.RangeError):
        batch.bulk_fill(0, bytes(61))
    with pytest.raises(ixy.RangeError):
        batch.bulk_read(0, -1)
    with pytest.raises(ixy.RangeError):
        batch.bulk_read(0, 1 << 40)


def test_collected_batch_returns_its_packets(pool: ixy.Pool) -> None:
    before = pool.free_count
    batch = pool.alloc_batch(100)
    assert pool.free_count == before - 100
    batch.resize(60)
    batch.add(0, 1)
    frames = batch.frames
    del batch
    gc.collect()
    assert pool.free_count == before
    assert len(frames) == 100  # still valid memory


def test_devices_and_batches(pool: ixy.Pool) -> None:
    """Receive appends, transmit takes from the front, and what a full ring leaves stays."""
    with ixy.open("emu:82599,timing=inline", pool=pool, tx_ring_size=64) as loop:
        batch = ixy.Batch(pool, 256)
        batch.alloc(100)
        batch.resize(60)
        batch.put(0, range(100))
        sent = loop.tx_batch(batch)
        assert 0 < sent < 100
        assert len(batch) == 100 - sent
        assert list(batch.get(0)) == list(range(sent, 100))
        received = ixy.Batch(pool, 256)
        total = loop.rx_batch(received)
        while total < 100:
            loop.tx_batch(batch)
            got = loop.rx_batch(received)
            total += got
            assert len(received) == total
        assert not batch
        assert list(received.get(0)) == list(range(100))
        assert loop.rx_batch(received) == 0
        assert loop.tx_batch(batch) == 0


def test_batch_of_another_pool(loop: ixy.Device) -> None:
    with ixy.Pool(64) as other:
        batch = other.alloc_batch(4)
        batch.resize(60)
        with pytest.raises(ixy.ArgumentError):
            loop.rx_batch(batch)
        with pytest.raises(ixy.HandleError):
            loop.tx_batch(batch)
        assert len(batch) == 4
        assert other.free_count == 60
        batch.free()
        assert other.free_count == 64


def test_without_numpy() -> None:
    """Everything but the NumPy family works without NumPy, and that says what is missing."""
    program = """
import sys
sys.modules["numpy"] = None
import ixy
pool = ixy.Pool(64)
batch = pool.alloc_batch(4)
batch.resize(60)
batch.bulk_fill(0, bytes(60))
batch.bulk_add_u8(0, 5)
assert batch.bulk_read(0) == b"\\5" * 4
for action in (lambda: batch.get(0), lambda: batch.frames, lambda: batch.add(0, 1), lambda: batch.put(0, 1)):
    try:
        action()
    except ImportError as error:
        assert "libixy[numpy]" in str(error)
    else:
        raise AssertionError("no ImportError")
print("done")
"""
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout == b"done\n"
