"""Bad input: the documented error in Python's own form, no crash, nothing leaked."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ixy
from conftest import INLINE
from ixy.errors import error_of
from ixy.raw import ffi, lib


@pytest.fixture(autouse=True)
def nothing_leaked(pool: ixy.Pool) -> Iterator[None]:
    """Every buffer is back, and as many devices can be opened as before."""
    before = pool.free_count
    yield
    assert pool.free_count == before


@pytest.mark.parametrize(
    "address",
    [
        "",
        "emu",
        "emu:",
        "nonsense",
        "usb:82599",
        "emu:e1000",
        "emu:82599,colour=blue",
        "emu:82599,timing",
        "emu:82599,timing=sometimes",
        "emu:82599,wire=gen,size=20",
        "emu:82599\0,timing=inline",
        "emu:82599,timing=\u00fc",
    ],
)
def test_wrong_address(pool: ixy.Pool, address: str) -> None:
    for _ in range(70):  # more than there can be devices: nothing stays open
        with pytest.raises(ixy.AddressError) as caught:
            ixy.open(address, pool=pool)
        assert isinstance(caught.value, ValueError)
        assert caught.value.name == "IXY_E_ADDRESS"
    assert caught.value.text == str(caught.value) != ""


def test_missing_file(pool: ixy.Pool, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.pcap") as caught:
        ixy.open(f"emu:82599,wire=pcap,in={tmp_path}/missing.pcap", pool=pool)
    assert isinstance(caught.value, ixy.NotFoundError)
    assert caught.value.errno == 2


def test_tap_without_permission() -> None:
    """In a child without the right, as root has it always."""
    program = """
import os, ixy
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    ixy.open("emu:82599,tap=ixytest0")
except (ixy.PermissionDeniedError, ixy.NotFoundError) as error:
    assert isinstance(error, OSError), error
    print(error.name)
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    # IXY_E_NOT_FOUND where the machine has no /dev/net/tun at all.
    wanted = "IXY_E_PERMISSION" if os.path.exists("/dev/net/tun") else "IXY_E_NOT_FOUND"
    assert shown.stdout.strip() == wanted, shown.stderr


def test_closed_device(pool: ixy.Pool) -> None:
    device = ixy.open(INLINE, pool=pool)
    device.close()
    device.close()
    packets = pool.alloc(1)
    batch = ixy.Batch(pool, 4)
    packets[0].resize(60)
    actions: list[Callable[[], object]] = [
        device.rx,
        lambda: device.tx(packets),
        lambda: device.rx_batch(batch),
        lambda: device.tx_batch(batch),
        device.start,
        device.reset,
        lambda: device.info,
        lambda: device.link,
        lambda: device.stats,
        lambda: device.mac,
        lambda: setattr(device, "mac", "02:00:00:00:00:09"),
        lambda: setattr(device, "promiscuous", False),
        lambda: device.emulated.counters,
        lambda: device.emulated.meter,
        lambda: device.emulated.violations,
    ]
    for action in actions:
        with pytest.raises(ixy.HandleError):
            action()
    assert repr(device) == "<ixy.Device, closed>"
    assert packets[0].owned


def test_closed_pool() -> None:
    pool = ixy.Pool(64)
    pool.close()
    pool.close()
    actions: list[Callable[[], object]] = [
        lambda: pool.alloc(1),
        lambda: pool.alloc_batch(1),
        lambda: pool.free_count,
        lambda: pool.unsafe_view(),
        lambda: ixy.Batch(pool, 4).alloc(1),
        lambda: ixy.open(INLINE, pool=pool),
    ]
    for action in actions:
        with pytest.raises(ixy.HandleError):
            action()
    assert repr(pool) == "<ixy.Pool, closed>"


def test_pool_in_use(pool: ixy.Pool, loop: ixy.Device) -> None:
    with pytest.raises(ixy.BusyError, match="82599"):
        pool.close()
    assert loop.rx() == []


@pytest.mark.parametrize("handle", [0, 1, 1 << 24, (1 << 53) - 1, (1 << 64) - 1, 1 << 63])
def test_forged_handles(pool: ixy.Pool, loop: ixy.Device, handle: int) -> None:
    """The classes cannot hold one; the raw layer refuses it."""
    frame = ffi.new("ixy_frame *", {"buf": handle, "offset": 128, "len": 60})
    for code in (
        lib.ixy_tx_batch(loop.handle, 0, frame, 1),
        lib.ixy_buf_free(pool.handle, frame, 1),
        lib.ixy_buf_read(pool.handle, frame, 0, ffi.new("char[1]"), 1),
        lib.ixy_rx_batch(handle, 0, frame, 1),
        lib.ixy_pool_close(handle),
        lib.ixy_device_close(handle),
    ):
        assert code == lib.IXY_E_HANDLE
        assert isinstance(error_of(code), ixy.HandleError)


def test_packet_of_another_pool(loop: ixy.Device) -> None:
    with ixy.Pool(64) as other:
        (packet,) = other.alloc(1)
        packet.resize(60)
        with pytest.raises(ixy.HandleError):
            loop.tx([packet])
        with pytest.raises(ixy.HandleError):
            loop.pool.free([packet])
        assert packet.owned


def test_frame_past_its_buffer(pool: ixy.Pool, loop: ixy.Device) -> None:
    (packet,) = pool.alloc(1)
    with pytest.raises(ixy.FrameError):
        packet.resize(40000)
    packet.resize(2048)
    loop_max = loop.info.tx_len_max
    assert loop_max < 2048
    with pytest.raises(ixy.FrameError):
        loop.tx([packet])
    frame = ffi.new("ixy_frame *", {"buf": packet.handle, "offset": packet.offset + 2000, "len": 1514})
    assert lib.ixy_tx_batch(loop.handle, 0, frame, 1) == lib.IXY_E_FRAME
    assert packet.owned


def test_null(pool: ixy.Pool, loop: ixy.Device) -> None:
    """Python has no NULL; None is a TypeError, and the raw layer refuses NULL."""
    with pytest.raises(TypeError):
        loop.tx(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        loop.tx([None])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        ixy.open(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        loop.rx(None)  # type: ignore[arg-type]
    assert lib.ixy_rx_batch(loop.handle, 0, ffi.NULL, 1) == lib.IXY_E_ARGUMENT
    assert lib.ixy_device_open(ffi.NULL, ffi.NULL, ffi.NULL) == lib.IXY_E_ARGUMENT
    assert lib.ixy_pool_open(ffi.NULL, ffi.NULL) == lib.IXY_E_ARGUMENT


def test_structs_of_a_wrong_size(loop: ixy.Device) -> None:
    """The classes cannot pass one; the raw layer refuses it."""
    handle = ffi.new("uint64_t *")
    for size in (0, 1, 7):
        pool = ffi.new("ixy_pool_config *", {"struct_size": size})
        device = ffi.new("ixy_device_config *", {"struct_size": size})
        stats = ffi.new("ixy_stats *", {"struct_size": size})
        assert lib.ixy_pool_open(pool, handle) == lib.IXY_E_STRUCT
        assert lib.ixy_device_open(b"emu:82599", device, handle) == lib.IXY_E_STRUCT
        assert lib.ixy_device_stats(loop.handle, stats) == lib.IXY_E_STRUCT
    pool = ffi.new("ixy_pool_config *", {"struct_size": ffi.sizeof("ixy_pool_config"), "reserved": 1})
    assert lib.ixy_pool_open(pool, handle) < 0
    assert handle[0] == 0


@pytest.mark.parametrize("count", [4097, 1 << 31, 1 << 32, 1 << 70, -1])
def test_count_out_of_range(pool: ixy.Pool, loop: ixy.Device, count: int) -> None:
    for action in (lambda: loop.rx(0, count), lambda: pool.alloc(count), lambda: pool.alloc_batch(count)):
        with pytest.raises(ixy.RangeError):
            action()
    with pytest.raises(ixy.RangeError):
        loop.tx([pool.alloc(1)[0]] * 4097)


@pytest.mark.parametrize("queue", [1, 16, 1 << 31, 1 << 32, 1 << 70, -1])
def test_queue_out_of_range(pool: ixy.Pool, loop: ixy.Device, queue: int) -> None:
    batch = pool.alloc_batch(1)
    batch.resize(60)
    packets = pool.alloc(1)
    actions: list[Callable[[], object]] = [
        lambda: loop.rx(queue),
        lambda: loop.tx(packets, queue),
        lambda: loop.rx_batch(batch, queue),
        lambda: loop.tx_batch(batch, queue),
    ]
    for action in actions:
        with pytest.raises(ixy.RangeError):
            action()
    assert len(batch) == 1


@pytest.mark.parametrize("name", ["rx_queues", "tx_queues", "rx_ring_size", "tx_ring_size"])
@pytest.mark.parametrize("value", [0, -1, 17, 1 << 31, 1 << 40])
def test_device_options_out_of_range(pool: ixy.Pool, name: str, value: int) -> None:
    options = {name: value}
    with pytest.raises(ixy.RangeError):
        ixy.open(INLINE, pool=pool, **options)  # type: ignore[arg-type]
    with pytest.raises(ixy.RangeError):
        ixy.open(INLINE, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [{"buffers": 0}, {"buffers": -1}, {"buffers": 300_000}, {"buffers": 1 << 40}, {"buffer_size": 1000}]
)
def test_pool_options_out_of_range(options: dict[str, int]) -> None:
    with pytest.raises(ValueError) as caught:
        ixy.Pool(**options)
    assert isinstance(caught.value, ixy.RangeError | ixy.ArgumentError)


def test_pool_too_small() -> None:
    with ixy.Pool(64) as small:
        for _ in range(70):
            with pytest.raises(ixy.PoolSizeError):
                ixy.open(INLINE, pool=small)
        assert small.free_count == 64


def test_too_many() -> None:
    """The limit is an error, and what was open before stays."""
    pools: list[ixy.Pool] = []
    with pytest.raises(ixy.LimitError):
        for _ in range(lib.IXY_POOLS_MAX + 1):
            pools.append(ixy.Pool(1))
    assert len(pools) >= lib.IXY_POOLS_MAX - 8
    assert all(pool.free_count == 1 for pool in pools)
    for pool in pools:
        pool.close()
