"""A card is taken out in mid traffic: an error, a clean end, and only then is it gone."""

import pytest
from conftest import LANGUAGES, REMOVABLE, as_user, bind
from machine import Card, Machine
from peer import Flood


def plugged_in(machine: Machine, card: Card) -> None:
    """Another card in the place of one that an earlier test took out."""
    folder = f"/sys/bus/pci/devices/0000:00:{card.bridge:02x}.0"
    if machine.run(f"ls -d {folder}/0000:*:00.0").code != 0:
        machine.plug_in(card)
    machine.must(f"for i in $(seq 50); do ls -d {folder}/0000:*/driver && exit; usleep 100000; done; exit 1")


@pytest.mark.parametrize("options", ["", "--wait "], ids=["polling", "waiting"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_surprise(protected: Machine, language: str, options: str) -> None:
    card = REMOVABLE[language]
    plugged_in(protected, card)
    bind(protected, [card])
    address = protected.address(card)
    with Flood(protected.wires[card]) as flood:
        protected.begin(as_user(f"forward-{language} {options}1000000000 pci:{address}"), until="forwarding")
        flood.wait_for_echo()
        protected.monitor("device_del", id=card.name)
        done = protected.end()
    error, frames, closed = done.text.splitlines()
    assert error.startswith(f"IXY_E_DEVICE: pci:{address}: the device is being removed")
    assert int(frames.removesuffix(" frames")) > 0
    assert closed == "closed cleanly"
    assert done.code == 3
    while protected.event("DEVICE_DELETED")["data"].get("device") != card.name:
        pass
    assert protected.run(f"test -e /sys/bus/pci/devices/{address}").code == 1
