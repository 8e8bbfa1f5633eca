"""Waiting for packets: asleep on a queue's file descriptor, in a thread or in a task of asyncio.

The library signals the descriptor once: with the next packet after `arm`, when the device fails, when it is closed. So
there is one waiter a queue at a time: a second would take the signal that the first sleeps on. A Waiter is that place,
and gives it up however the wait ends. A waiter sleeps on a duplicate of the descriptor: should the device be closed
meanwhile, the number of the library's own may already be another file's, while the duplicate stays readable.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from ._native import lib
from ._packet import OpenDevice, Waiter, number, seconds
from .errors import check, error_of

if TYPE_CHECKING:
    from asyncio import Future

__all__ = ["arm", "sleep", "sleep_async"]

_MILLISECONDS_MAX = 0x7FFFFFFF
_MOMENT = 1  # milliseconds that a thread waits in the library, which polls if packets have been coming fast


def arm(device: OpenDevice, queue: int) -> bool:
    """Whether there is something to receive; if not, the descriptor will be signalled."""
    queue = number("queue", queue)
    return _told(lib.ixy_rx_arm(device.handle, queue), device, queue)


def sleep(device: OpenDevice, queue: int, timeout: float | None) -> bool:
    """Sleeps until there is something to receive (True) or `timeout` seconds are over (False)."""
    queue = number("queue", queue)
    if timeout is not None:
        timeout = seconds(timeout)
    end = None if timeout is None else time.monotonic() + timeout
    with Waiter(device, queue):
        if _look(device, queue, 0 if timeout == 0 else _MOMENT):
            return True
        if timeout == 0:
            return False
        poll = select.poll()  # Python's own: it runs signal handlers, and goes on sleeping after them
        poll.register(device.sleeping(queue), select.POLLIN)
        while not arm(device, queue):
            left = None if end is None else max(0.0, end - time.monotonic()) * 1000
            poll.poll(left if left is None else min(left, _MILLISECONDS_MAX))
            if left == 0:  # also where something else is always readable there, as after os.closerange
                return False
        return True


async def sleep_async(device: OpenDevice, queue: int) -> None:
    """Lets other tasks run, until there is something to receive."""
    import asyncio  # there is a loop, so it was imported before

    queue = number("queue", queue)
    with Waiter(device, queue):
        await asyncio.sleep(0)  # under load nothing else here would wait, and no other task run
        if _look(device, queue, 0):
            return
        loop = asyncio.get_running_loop()
        descriptor = device.sleeping(queue)
        while not arm(device, queue):
            signal: Future[None] = loop.create_future()
            try:
                loop.add_reader(descriptor, _signal, signal)
                await signal
            finally:
                loop.remove_reader(descriptor)


def _look(device: OpenDevice, queue: int, milliseconds: int) -> bool:
    return _told(lib.ixy_rx_wait(device.handle, queue, milliseconds), device, queue)


def _told(code: int, device: OpenDevice, queue: int) -> bool:
    if code < 0:
        check(lib.ixy_rx_fd(device.handle, queue))  # a control call: where it fails too, its error has a text
        raise error_of(code)
    return code > 0


def _signal(future: Future[None]) -> None:
    if not future.done():  # the loop calls this until remove_reader
        future.set_result(None)
