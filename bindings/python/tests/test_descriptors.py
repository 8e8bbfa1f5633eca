"""Descriptors that are given out: the program may do with them what it likes, and takes nothing from the library."""

import os
import select
import socket

import pytest

import ixy
from conftest import BATCH, PACKET, RAW, Mark
from ixy.raw import lib

LONG = 20.0


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def readable(number: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def test_closed_by_the_program(mark: Mark, pool: ixy.Pool) -> None:
    """The number becomes another file's: the library neither writes to it, reads from it nor closes it."""
    with ixy.open("emu:82599,wire=gen,rate=1000", pool=pool) as device:
        number = device.fileno()
        os.close(number)
        left, right = socket.socketpair()
        assert left.fileno() == number
        right.send(b"a message for left, longer than eight bytes")
        for _ in range(30):
            assert device.wait(timeout=LONG)
            device.rx()
            device.arm()
        batch = ixy.Batch(pool, 64)
        assert device.wait(timeout=LONG)
        assert device.rx_batch(batch) > 0
        again = device.fileno()  # another, that is the queue's
        assert again not in (left.fileno(), right.fileno())
        assert device.fileno() == again
        batch.free()
    del device
    right.setblocking(False)
    assert left.recv(100) == b"a message for left, longer than eight bytes"
    with pytest.raises(BlockingIOError):
        right.recv(100)
    assert left.send(b"x") == 1
    left.close()
    right.close()
    detail = "fileno() gives a duplicate: waiting goes on, and the file that gets its number next is left alone"
    mark(PACKET, "descriptor closed", "contained", detail)
    mark(BATCH, "descriptor closed", "contained", detail)


def test_closed_and_opened_again_under_its_number(pool: ixy.Pool) -> None:
    with ixy.open("emu:82599", pool=pool) as device:
        number = device.fileno()
        os.close(number)
        assert device.fileno() == number  # the first free number, as it happens: an event of the queue again
        assert device.arm() is False
        assert not readable(number, 0)
        os.close(number)
        device.close()
        with pytest.raises(ixy.HandleError):
            device.fileno()


def test_the_same_number_each_time(pool: ixy.Pool) -> None:
    before = descriptors()
    device = ixy.open("emu:82599", pool=pool, rx_queues=2, tx_queues=2)
    numbers = device.fileno(0), device.fileno(1)
    assert numbers[0] != numbers[1]
    assert not any(os.get_inheritable(number) for number in numbers)
    for _ in range(100):
        assert (device.fileno(0), device.fileno(1)) == numbers
    device.reset()
    assert (device.fileno(0), device.fileno(1)) == numbers
    device.close()
    assert descriptors() == before


def test_in_a_child(pool: ixy.Pool) -> None:
    """A child that ends or closes the device takes nothing from its parent."""
    with ixy.open("emu:82599", pool=pool) as device:
        number = device.fileno()
        child = os.fork()
        if child == 0:
            try:
                device.close()
                del device
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert device.fileno() == number
        assert device.arm() is False
        (packet,) = pool.alloc(1)
        packet.resize(60)
        device.tx([packet])
        assert readable(number, LONG)


def test_raw_descriptor(mark: Mark) -> None:
    with ixy.open("emu:82599") as device:
        number = lib.ixy_rx_fd(device.handle, 0)
        os.close(number)
        left, right = socket.socketpair()
        assert left.fileno() == number
        assert lib.ixy_rx_fd(device.handle, 0) not in (-1, number)
        assert lib.ixy_rx_arm(device.handle, 0) == lib.ixy_rx_wait(device.handle, 0, 1) == 0
    assert right.send(b"x") == left.send(b"x") == 1
    left.close()
    right.close()
    mark(
        RAW,
        "descriptor closed",
        "contained",
        "ixy_rx_fd tells a number that the library does not need, and then another",
    )
