"""Frames that come back with their addresses swapped, and the check that each did, byte for byte and in order."""

import random
import time
from collections import deque

import ixy

LENGTHS = range(60, 1515)
WINDOW = 192  # frames under way on a queue: fewer than any ring holds, so that nobody has to drop one
BATCH = 32
PATIENCE_SECONDS = 10.0


def swapped(frame: bytes) -> bytes:
    """As testpmd's macswap mode returns it."""
    return frame[6:12] + frame[:6] + frame[12:]


class Traffic:
    """Sends frames of seeded random lengths and content and awaits them, each queue by itself."""

    def __init__(self, device: ixy.Device, pool: ixy.Pool, queues: int, seed: int) -> None:
        self.device = device
        self.pool = pool
        self.queues = queues
        self.sent = [0] * queues
        self.received = [0] * queues
        self._random = random.Random(seed)
        self._under_way: list[deque[bytes]] = [deque() for _ in range(queues)]
        self._lengths: list[list[int]] = [[] for _ in range(queues)]

    def _length(self, queue: int) -> int:
        """Every length comes once before any comes again."""
        lengths = self._lengths[queue]
        if not lengths:
            lengths.extend(LENGTHS)
            self._random.shuffle(lengths)
        return lengths.pop()

    def send(self, queue: int, count: int) -> int:
        """Hands up to `count` frames to the device and returns how many it took."""
        packets = self.pool.alloc(count)
        frames = []
        for packet in packets:
            frame = self._random.randbytes(self._length(queue))
            packet.resize(len(frame))
            packet[:] = frame
            frames.append(frame)
        took = self.device.tx(packets, queue)
        self._under_way[queue].extend(swapped(frame) for frame in frames[:took])
        self._lengths[queue].extend(len(frame) for frame in frames[took:])
        self.sent[queue] += took
        for packet in packets[took:]:
            packet.free()
        return took

    def receive(self, queue: int) -> int:
        """Takes what is there; each frame must be the next that is under way."""
        packets = self.device.rx(queue, BATCH)
        for packet in packets:
            assert self._under_way[queue], f"queue {queue}: a frame that nobody sent: {bytes(packet).hex()}"
            expected = self._under_way[queue].popleft()
            assert bytes(packet) == expected, f"queue {queue}: frame {self.received[queue]} is not the one sent"
            self.received[queue] += 1
            packet.free()
        return len(packets)

    def exchange(self, frames: int) -> None:
        """Sends so many frames on every queue, all queues at once, and receives every one."""
        left = [frames] * self.queues
        progress = time.monotonic()
        while any(left) or any(self._under_way):
            moved = 0
            for queue in range(self.queues):
                room = min(BATCH, left[queue], WINDOW - len(self._under_way[queue]))
                if room > 0:
                    took = self.send(queue, room)
                    left[queue] -= took
                    moved += took
                moved += self.receive(queue)
            if moved:
                progress = time.monotonic()
            waiting = [len(frames) for frames in self._under_way]
            assert time.monotonic() - progress < PATIENCE_SECONDS, f"frames left to send {left}, under way {waiting}"

    def flood(self) -> None:
        """Leaves every queue in mid traffic: frames on their way there, on their way back, waiting to be received."""
        for queue in range(self.queues):
            for _ in range(4):
                self.send(queue, BATCH)
            self.receive(queue)
            self.send(queue, BATCH)

    def forget(self, stragglers: float = 0.0) -> int:
        """What was under way is lost: its device was reset. Frames that the back end still held may come within so many
        seconds; each must be one that was sent. Returns how many came."""
        lost = [set(frames) for frames in self._under_way]
        came = 0
        end = time.monotonic() + stragglers
        while time.monotonic() < end:
            for queue in range(self.queues):
                for packet in self.device.rx(queue, BATCH):
                    assert bytes(packet) in lost[queue], f"queue {queue}: a frame that nobody sent"
                    came += 1
                    packet.free()
        for frames in self._under_way:
            frames.clear()
        return came
