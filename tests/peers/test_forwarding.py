"""Our driver on DPDK's vhost: every ring layout carries every frame there and back, byte for byte."""

import itertools
import time
from collections.abc import Callable

import ixy
import pytest
from conftest import BUFFERS, BackEnd
from traffic import LENGTHS, PATIENCE_SECONDS, Traffic

RINGS = ["split", "packed"]
FRAMES = 3 * len(LENGTHS)  # each length three times, on every queue
RESETS = 5

Serve = Callable[[int], BackEnd]


def agreed(device: ixy.Device, back_end: BackEnd) -> set[str]:
    """The features by name, which must be those that the back end says."""
    bits = {"MRG_RXBUF": 15, "MQ": 22, "EVENT_IDX": 29, "VERSION_1": 32, "RING_PACKED": 34, "IN_ORDER": 35}
    assert back_end.testpmd is not None
    features = back_end.testpmd.features()
    names = set(device.features)
    assert {name for name, bit in bits.items() if features >> bit & 1} == names & bits.keys()
    return names


@pytest.mark.parametrize(
    ("ring", "mergeable", "queues"),
    list(itertools.product(RINGS, ["on", "off"], [1, 2])),
)
def test_every_length_on_every_queue(served: Serve, ring: str, mergeable: str, queues: int) -> None:
    back_end = served(queues)
    assert back_end.testpmd is not None
    back_end.testpmd.ask("clear fwd stats all")
    address = f"vhost-user:{back_end.socket},ring={ring},mrg={mergeable},queues={queues}"
    with ixy.Pool(BUFFERS) as pool:
        with ixy.open(address, pool=pool, rx_queues=queues, tx_queues=queues) as device:
            names = agreed(device, back_end)
            assert "VERSION_1" in names
            assert ("RING_PACKED" in names) == (ring == "packed")
            assert ("MRG_RXBUF" in names) == (mergeable == "on")
            assert ("MQ" in names) == (queues == 2)
            traffic = Traffic(device, pool, queues, seed=queues)
            traffic.exchange(FRAMES)
            assert traffic.received == traffic.sent == [FRAMES] * queues
            stats = device.stats
            assert (stats.rx_packets, stats.tx_packets) == (queues * FRAMES, queues * FRAMES)
            assert (stats.rx_errors, stats.rx_dropped) == (0, 0)
        assert pool.free_count == BUFFERS
    if queues > 1:  # testpmd tells them by queue only where there are several
        every_queue = {f"{way} Q{queue}": FRAMES for way in ("RX", "TX") for queue in range(queues)}
        assert back_end.testpmd.queue_packets() == every_queue


@pytest.mark.parametrize("in_order", ["on", "off"])
@pytest.mark.parametrize("ring", RINGS)
def test_in_order_and_event_index(served: Serve, ring: str, in_order: str) -> None:
    back_end = served(1)
    with ixy.Pool(BUFFERS) as pool:
        with ixy.open(f"vhost-user:{back_end.socket},ring={ring},inorder={in_order}", pool=pool) as device:
            names = agreed(device, back_end)
            assert ("IN_ORDER" in names) == (in_order == "on")
            assert "EVENT_IDX" in names
            traffic = Traffic(device, pool, 1, seed=7)
            traffic.exchange(FRAMES)
            assert traffic.received == [FRAMES]
        assert pool.free_count == BUFFERS


@pytest.mark.parametrize("ring", RINGS)
def test_reset_in_mid_traffic(served: Serve, ring: str) -> None:
    """The back end lives on; what was under way is lost, all that is sent later comes back."""
    back_end = served(2)
    with ixy.Pool(BUFFERS) as pool:
        with ixy.open(
            f"vhost-user:{back_end.socket},ring={ring},queues=2", pool=pool, rx_queues=2, tx_queues=2
        ) as device:
            traffic = Traffic(device, pool, 2, seed=11)
            for _ in range(RESETS):
                traffic.exchange(200)
                traffic.flood()
                device.reset()
                traffic.forget(stragglers=0.05)
            traffic.exchange(200)
            assert device.link.up
        assert pool.free_count == BUFFERS


@pytest.mark.parametrize("ring", RINGS)
def test_frames_longer_than_a_buffer(mortal: BackEnd, ring: str) -> None:
    """With mergeable buffers the back end spreads such a frame over several: it is dropped and counted."""
    testpmd = mortal.start(mode="txonly", options=["--txpkts=1400,1400"])
    with ixy.Pool(BUFFERS) as pool:
        with ixy.open(f"vhost-user:{mortal.socket},ring={ring},mrg=on", pool=pool) as device:
            wait_for(lambda: not device.rx() and device.stats.rx_dropped > 10_000)
            testpmd.ask("stop")
            testpmd.ask("set txpkts 800")
            testpmd.ask("start")
            wait_for(lambda: any(len(packet) == 800 for packet in device.rx()))
        assert pool.free_count == BUFFERS


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
