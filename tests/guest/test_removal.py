"""A card is taken out in mid traffic: an error, a clean end, and only then is it gone."""

import pytest
from conftest import LANGUAGES, REMOVABLE, as_user, bind
from machine import Machine
from peer import Flood


@pytest.mark.parametrize("language", LANGUAGES)
def test_surprise(protected: Machine, language: str) -> None:
    card = REMOVABLE[language]
    bind(protected, [card])
    address = protected.address(card)
    with Flood(protected.wires[card]) as flood:
        protected.begin(as_user(f"forward-{language} 1000000000 pci:{address}"), until="forwarding\n")
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
