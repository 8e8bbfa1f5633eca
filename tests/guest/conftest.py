"""What the guest tests share: the guest's files, two machines with their cards, and the run of a forwarder."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from initramfs import BUILD, HERE, Files, kernel
from machine import Card, Machine
from peer import Exchange

LANGUAGES = ["c", "rust", "go", "python", "ocaml"]
HUGE_PAGES = 64


@pytest.fixture(scope="session")
def initramfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One archive for all machines: the command and every language's forwarder."""
    files = Files(tmp_path_factory.mktemp("guest") / "root")
    files.modules("virtio_pci", "virtio_net", "vfio_iommu_type1", "vfio-pci")
    files.program(BUILD / "prefix/bin/ixy", "ixy")
    files.program(BUILD / "guest/stray", "stray")
    for language in LANGUAGES:
        if language == "python":
            files.python(HERE / "forwarders/python/forward.py", "forward-python", "asyncio")
        else:
            files.program(BUILD / f"guest/forward-{language}", f"forward-{language}")
    return files.pack(files.folder.with_suffix(".cpio"))


# ---- the two machines; all tests share them ----

LAYOUTS = {
    "legacy": "disable-modern=on,disable-legacy=off",
    "split": "disable-legacy=on,packed=off",
    "packed": "disable-legacy=on,packed=on",
}
MERGEABLE = ["on", "off"]


def plain_pairs() -> dict[tuple[str, str], list[Card]]:
    slots = iter(range(4, 32))
    return {
        (layout, mergeable): [Card(next(slots), f"{options},mrg_rxbuf={mergeable}") for _ in range(2)]
        for layout, options in LAYOUTS.items()
        for mergeable in MERGEABLE
    }


PLAIN_PAIRS = plain_pairs()


@pytest.fixture(scope="session")
def plain(initramfs: Path) -> Iterator[Machine]:
    """A machine without an IOMMU, with huge pages and without kernel drivers; PLAIN_PAIRS are its cards."""
    cards = [card for pair in PLAIN_PAIRS.values() for card in pair]
    with Machine(kernel(), initramfs, cards=cards, append=f"hugepages={HUGE_PAGES}") as machine:
        yield machine


PROTECTED = "disable-legacy=on,iommu_platform=on"
PROTECTED_PAIRS = {
    "split": [Card(4, f"{PROTECTED},ats=on"), Card(5, f"{PROTECTED},ats=on")],
    "packed": [Card(6, f"{PROTECTED},ats=on,packed=on"), Card(7, f"{PROTECTED},ats=on,packed=on")],
}
PAST_IOMMU = Card(8, "disable-legacy=on")
UNKNOWN = Card(9, model="e1000e")
SHARED_GROUP = [Card(1, PROTECTED, bridge=10), Card(2, PROTECTED, bridge=10)]
REMOVABLE = {language: Card(0, f"{PROTECTED},ats=on", bridge=16 + i) for i, language in enumerate(LANGUAGES)}


@pytest.fixture(scope="session")
def protected(initramfs: Path) -> Iterator[Machine]:
    """A machine with an IOMMU, whose cards the kernel's drivers have taken."""
    devices = ["-device", "intel-iommu,intremap=on,device-iotlb=on"]
    devices += ["-device", "pcie-pci-bridge,id=bridge10,addr=0xa"]
    for card in REMOVABLE.values():
        slot = card.bridge
        devices += ["-device", f"pcie-root-port,id=bridge{slot},chassis={slot},slot={slot},addr={slot:#x}"]
    cards = [card for pair in PROTECTED_PAIRS.values() for card in pair]
    cards += [PAST_IOMMU, UNKNOWN, *SHARED_GROUP, *REMOVABLE.values()]
    with Machine(
        kernel(), initramfs, machine="q35", devices=devices, cards=cards, append="intel_iommu=on", memory=1024
    ) as machine:
        for module in ["virtio_pci", "virtio_net", "vfio_iommu_type1", "vfio-pci"]:
            machine.must(f"load-{module}")
        yield machine


# ---- what they do ----

MEMLOCK_KIB = 64 << 10


def as_user(command: str, memlock_kib: int = MEMLOCK_KIB) -> str:
    """The command as an ordinary user would give it."""
    assert "'" not in command
    return f"ulimit -l {memlock_kib}; exec su user -c 'exec {command}'"


def bind(machine: Machine, cards: Sequence[Card]) -> None:
    """As root, once; a card that is bound stays so."""
    for card in cards:
        if machine.address(card) not in machine.must("ls /sys/bus/pci/drivers/vfio-pci"):
            machine.must(f"ixy bind {machine.address(card)} --user user")


def forwards(
    machine: Machine, language: str, cards: Sequence[Card], *, options: str = "", how: Callable[[str], str] = str
) -> None:
    """A forwarder between these cards passes on frames of every length, each compared byte for byte.

    Args:
        options: the forwarder's.
        how: makes the guest's command of the forwarder's.
    """
    wires = [machine.wires[card] for card in cards]
    for wire in wires:
        wire.drain()
    exchange = Exchange(wires, seed=len(language))
    # One more than the exchange has: what it forwards last may not leave before it ends.
    words = [f"forward-{language}", options, str(exchange.frames + 1), *(f"pci:{machine.address(c)}" for c in cards)]
    machine.begin(how(" ".join(filter(None, words))), until="forwarding")
    exchange.run()
    assert wires[0].send(bytes(64))
    done = machine.end()
    assert (done.code, done.text.splitlines()) == (0, [f"{exchange.frames + 1} frames", "closed cleanly"])
