"""A driver that gives its card addresses where nothing is mapped (stray.c): the IOMMU stops it, and all are told."""

import re

import pytest
from conftest import PROTECTED_PAIRS, as_user, bind
from machine import Card, Machine


def faults(machine: Machine, card: Card) -> list[str]:
    """What the guest's kernel logged of this card's DMA."""
    device = machine.address(card).removeprefix("0000:")
    return re.findall(rf"DMAR: \[DMA \w+.*\] Request device \[{device}\] fault addr.*", machine.must("dmesg"))


@pytest.mark.parametrize("layout", PROTECTED_PAIRS)
@pytest.mark.parametrize("way", ["transmit", "receive"])
def test_stray_address(protected: Machine, way: str, layout: str) -> None:
    card = PROTECTED_PAIRS[layout][0]
    wire = protected.wires[card]
    bind(protected, [card])
    address = protected.address(card)
    wire.drain()
    before = len(faults(protected, card))
    protected.begin(as_user(f"stray {way} stray:{address}"), until="started\n")
    if way == "receive":
        assert wire.send(bytes(60))
    done = protected.end()
    story, closed = done.text.splitlines()
    assert "NEEDS_RESET" in story
    assert (closed, done.code) == ("closed cleanly", 3)
    assert wire.drain() == 0, "a frame left by an address that is not mapped"
    assert len(faults(protected, card)) > before
