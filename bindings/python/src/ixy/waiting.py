"""Waiting for packets: asleep on a queue's file descriptor, in a thread or in a task of asyncio.

The library signals the descriptor once: with the next packet after `arm`, when the device fails, when it is closed. So
there is one waiter a queue at a time: a second would take the signal that the first sleeps on. A waiter sleeps on a
duplicate of the descriptor: should the device be closed meanwhile, the number of the library's own may already be
another file's, while the duplicate stays readable.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ._native import lib
from .errors import check, error_of, u32

if TYPE_CHECKING:
    from asyncio import Future

__all__ = ["Waits"]

_MILLISECONDS_MAX = 0x7FFFFFFF
_MOMENT = 1  # milliseconds that a thread waits in the library, which polls if packets have been coming fast


class Waits:
    """Who waits on which queue of a device, and how."""

    __slots__ = ("_device", "_taken")

    def __init__(self, device: int) -> None:
        self._device = device
        self._taken: dict[int, object] = {}

    def descriptor(self, queue: int) -> int:
        """The queue's file descriptor, the library's own."""
        return check(lib.ixy_rx_fd(self._device, u32("queue", queue)))

    def arm(self, queue: int) -> bool:
        """Whether there is something to receive; if not, the descriptor will be signalled."""
        return self._told(lib.ixy_rx_arm(self._device, u32("queue", queue)), queue)

    def sleep(self, queue: int, timeout: float | None) -> bool:
        """Sleeps until there is something to receive (True) or `timeout` seconds are over (False)."""
        if timeout is not None and not timeout >= 0:
            raise error_of(lib.IXY_E_ARGUMENT, f"timeout is {timeout}; right is None or seconds from 0 on")
        end = None if timeout is None else time.monotonic() + timeout
        with self._taking(queue):
            if self._look(queue, 0 if timeout == 0 else _MOMENT):
                return True
            if timeout == 0:
                return False
            with self._duplicate(queue) as descriptor:
                poll = select.poll()  # Python's own: it runs signal handlers, and goes on sleeping after them
                poll.register(descriptor, select.POLLIN)
                while not self.arm(queue):
                    left = None if end is None else max(0.0, end - time.monotonic()) * 1000
                    if not poll.poll(left if left is None else min(left, _MILLISECONDS_MAX)) and left == 0:
                        return False
                return True

    async def sleep_async(self, queue: int) -> None:
        """Lets other tasks run, until there is something to receive."""
        import asyncio  # there is a loop, so it was imported before

        with self._taking(queue):
            await asyncio.sleep(0)  # under load nothing else here would wait, and no other task run
            if self._look(queue, 0):
                return
            loop = asyncio.get_running_loop()
            with self._duplicate(queue) as descriptor:
                while not self.arm(queue):
                    signal: Future[None] = loop.create_future()
                    loop.add_reader(descriptor, _signal, signal)
                    try:
                        await signal
                    finally:
                        loop.remove_reader(descriptor)

    def _look(self, queue: int, milliseconds: int) -> bool:
        return self._told(lib.ixy_rx_wait(self._device, u32("queue", queue), milliseconds), queue)

    def _told(self, code: int, queue: int) -> bool:
        if code < 0:
            self.descriptor(queue)  # a control call: where it fails too, its error has a text with names and values
            raise error_of(code)
        return code > 0

    @contextmanager
    def _taking(self, queue: int) -> Iterator[None]:
        mark = object()
        if self._taken.setdefault(queue, mark) is not mark:
            raise error_of(lib.IXY_E_BUSY, f"another task or thread waits on receive queue {queue}; one may at a time")
        try:
            yield
        finally:
            del self._taken[queue]

    @contextmanager
    def _duplicate(self, queue: int) -> Iterator[int]:
        # The caller arms the queue after this. That succeeds only if the device is still open, and then what was
        # duplicated is the queue's descriptor.
        number = self.descriptor(queue)
        try:
            descriptor = os.dup(number)
        except OSError:
            self.descriptor(queue)  # the device was closed meanwhile: that is the error to tell
            raise
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _signal(future: Future[None]) -> None:
    if not future.done():  # the loop calls this until remove_reader
        future.set_result(None)
