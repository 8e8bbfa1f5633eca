"""The same behind an IOMMU: over VFIO, as an ordinary user, after root has bound the cards; polling and waiting."""

import select
import time

import pytest
from conftest import LANGUAGES, PROTECTED_PAIRS, as_user, bind, forwards
from machine import Machine
from peer import PATIENCE_SECONDS

FRAMES = 40
PAUSE_SECONDS = 0.02
INTERRUPTS = 10  # at least: a frame that is there when the queue is armed needs none


@pytest.mark.parametrize("options", ["", "--wait"], ids=["polling", "waiting"])
@pytest.mark.parametrize("layout", PROTECTED_PAIRS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_length(protected: Machine, language: str, layout: str, options: str) -> None:
    bind(protected, PROTECTED_PAIRS[layout])
    forwards(protected, language, PROTECTED_PAIRS[layout], options=options, how=as_user)


@pytest.mark.parametrize("layout", PROTECTED_PAIRS)
def test_interrupts_come(protected: Machine, layout: str) -> None:
    """Frames with pauses between them: the kernel counts interrupts of the card."""
    card = PROTECTED_PAIRS[layout][0]
    wire = protected.wires[card]
    bind(protected, [card])
    wire.drain()
    forwarder = as_user(f"forward-c --wait {FRAMES + 1} pci:{protected.address(card)}")
    enough = f"awk '/vfio-msix/ {{ n += $2 }} END {{ exit n < {INTERRUPTS} }}' /proc/interrupts"
    counted = f"until {enough}; do usleep 50000; done; echo interrupted"
    protected.begin(f"({forwarder}) & {counted}; wait", until="forwarding")
    for _ in range(FRAMES):
        time.sleep(PAUSE_SECONDS)
        assert wire.send(bytes(60))
        assert select.select([wire], [], [], PATIENCE_SECONDS)[0], "a frame did not come back"
        assert wire.receive() is not None
    protected.hear("interrupted")
    assert wire.send(bytes(60))
    assert protected.end().text.splitlines() == [f"{FRAMES + 1} frames", "closed cleanly"]
