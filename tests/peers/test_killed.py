"""The back end is killed in mid traffic and started again: an error at once, then traffic again, and nothing lost."""

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import ixy
import pytest
from conftest import BUFFERS, BackEnd
from traffic import Traffic

TIMES = 20
FRAMES = 300
AT_ONCE_SECONDS = 0.1
BACK_SECONDS = 20.0


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def fails_within(device: ixy.Device, seconds: float) -> None:
    """Receiving says that the device failed, and says so soon."""
    began = time.monotonic()
    with pytest.raises(ixy.DeviceError):
        while time.monotonic() - began < 10 * seconds:
            for packet in device.rx():  # what came back before the end may still be taken
                packet.free()
    took = time.monotonic() - began
    assert took < seconds, f"the error came {took:.3f} s after the end of the back end"


def reset_until_back(device: ixy.Device) -> None:
    """Resets while the back end starts. DPDK takes up to a second until it looks at a new socket for the first time."""
    end = time.monotonic() + BACK_SECONDS
    while True:
        try:
            return device.reset()
        except ixy.Error:
            if time.monotonic() > end:
                raise


def refused(device: ixy.Device, pool: ixy.Pool) -> None:
    """Every queue says that the device failed, and the link says why; what was to be sent stays the caller's."""
    for queue in range(device.info.rx_queues):
        with pytest.raises(ixy.DeviceError):
            device.rx(queue)
        packets = pool.alloc(1)
        packets[0].resize(60)
        with pytest.raises(ixy.DeviceError):
            device.tx(packets, queue)
        packets[0].free()
    with pytest.raises(ixy.DeviceError, match=re.escape(device.info.address.partition(",")[0])):
        _ = device.link


@pytest.mark.parametrize("ring", ["split", "packed"])
def test_killed_and_started_again(mortal: BackEnd, ring: str) -> None:
    mortal.start()
    address = f"vhost-user:{mortal.socket},ring={ring},queues=2"
    with ixy.Pool(BUFFERS) as pool:
        with ixy.open(address, pool=pool, rx_queues=2, tx_queues=2) as device, ThreadPoolExecutor(1) as other_thread:
            traffic = Traffic(device, pool, 2, seed=3)
            files = open_files()
            for _ in range(TIMES):
                traffic.exchange(FRAMES)
                traffic.flood()
                mortal.kill()
                fails_within(device, AT_ONCE_SECONDS)
                refused(device, pool)
                traffic.forget()
                started = other_thread.submit(mortal.start)
                reset_until_back(device)
                started.result()
                assert open_files() == files
            traffic.exchange(FRAMES)
        assert pool.free_count == BUFFERS


def test_reset_with_nobody_there(mortal: BackEnd) -> None:
    """An error that names the socket, not a hang; closing then still gives every buffer back."""
    mortal.start()
    with ixy.Pool(BUFFERS) as pool:
        with ixy.open(f"vhost-user:{mortal.socket}", pool=pool) as device:
            Traffic(device, pool, 1, seed=5).exchange(FRAMES)
            mortal.kill()
            fails_within(device, AT_ONCE_SECONDS)
            with pytest.raises(ixy.Error, match=re.escape(str(mortal.socket))):
                device.reset()
            refused(device, pool)
        assert pool.free_count == BUFFERS
