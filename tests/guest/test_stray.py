"""A driver that gives its card addresses where nothing is mapped (stray.c): the IOMMU stops it, and all are told."""

import re

import pytest
from conftest import PROTECTED_PAIRS, as_user, bind
from machine import Card, Machine


def faults(machine: Machine, card: Card) -> int:
    """How often the guest's kernel logged that it stopped this card's DMA."""
    device = machine.address(card).removeprefix("0000:")
    return len(re.findall(rf"DMAR: \[DMA \w+.*\] Request device \[{device}\] fault addr.*", machine.must("dmesg")))


@pytest.mark.parametrize("layout", PROTECTED_PAIRS)
def test_receive(protected: Machine, layout: str) -> None:
    """A fault in the kernel's log, no frame in our memory, an error of receive."""
    card = PROTECTED_PAIRS[layout][0]
    bind(protected, [card])
    before = faults(protected, card)
    protected.begin(as_user(f"stray receive stray:{protected.address(card)}"), until="started")
    assert protected.wires[card].send(b"\x5a" * 60)
    done = protected.end()
    story, closed = done.text.splitlines()
    assert "DEVICE_NEEDS_RESET" in story
    assert (closed, done.code) == ("closed cleanly", 3)
    assert faults(protected, card) > before


@pytest.mark.parametrize("layout", PROTECTED_PAIRS)
def test_transmit(protected: Machine, layout: str) -> None:
    """A fault in the kernel's log; no byte of our memory leaves."""
    card = PROTECTED_PAIRS[layout][0]
    wire = protected.wires[card]
    bind(protected, [card])
    wire.drain()
    before = faults(protected, card)
    done = protected.run(as_user(f"stray transmit stray:{protected.address(card)}"))
    assert (done.code, done.text.splitlines()) == (0, ["started", "the device works", "closed cleanly"])
    while (frame := wire.receive()) is not None:
        assert not any(frame), f"it left by an address that is not mapped: {frame.hex()}"
    assert faults(protected, card) > before
