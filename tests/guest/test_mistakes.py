"""What a person forgets before a card can be opened: each has its own error, which names the command that mends it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from conftest import HUGE_PAGES, PAST_IOMMU, PLAIN_PAIRS, PROTECTED_PAIRS, SHARED_GROUP, UNKNOWN, as_user
from machine import Card, Machine

PLAIN = PLAIN_PAIRS["split", "on"][0]
PROTECTED = PROTECTED_PAIRS["split"][0]


def refused(machine: Machine, card: Card, *texts: str, how: Callable[[str], str] = str) -> None:
    """A forwarder cannot open the card, and says all this."""
    address = machine.address(card)
    done = machine.run(how(f"forward-c 1 pci:{address}"))
    assert done.code != 0, done.text
    for text in texts:
        assert text in done.text, f"{text!r} is not in: {done.text}"


@contextmanager
def bound(machine: Machine, *cards: Card, user: str = "user") -> Iterator[None]:
    addresses = " ".join(map(machine.address, cards))
    whole = " --group" if len(cards) > 1 else ""
    machine.must(f"ixy bind {addresses} --user {user}{whole}")
    yield
    machine.must(f"ixy unbind {addresses}")


def test_still_bound_to_the_kernel_driver(protected: Machine) -> None:
    with bound(protected, PROTECTED):
        pass  # unbind gave it back, whatever the tests before had done
    for how in (str, as_user):
        refused(protected, PROTECTED, "IXY_E_BUSY", "virtio-pci", f"ixy bind {protected.address(PROTECTED)}", how=how)


def test_group_of_another_user(protected: Machine) -> None:
    with bound(protected, PROTECTED, user="other"):
        command = f"ixy bind {protected.address(PROTECTED)} --user"
        refused(protected, PROTECTED, "IXY_E_PERMISSION", "/dev/vfio/", command, how=as_user)


def test_group_is_not_taken_from_another_user(protected: Machine) -> None:
    address = protected.address(PROTECTED)
    with bound(protected, PROTECTED, user="other"):
        done = protected.run(f"ixy bind {address} --user user")
        assert done.code != 0
        assert "belongs to other" in done.text
        assert f"ixy unbind {address}" in done.text


def test_memlock_too_small(protected: Machine) -> None:
    with bound(protected, PROTECTED):
        refused(protected, PROTECTED, "RLIMIT_MEMLOCK", "16384", "ulimit -l", how=lambda c: as_user(c, memlock_kib=16))


def test_virtio_past_the_iommu(protected: Machine) -> None:
    """It would take every mapping and nothing would move."""
    with bound(protected, PAST_IOMMU):
        refused(protected, PAST_IOMMU, "IXY_E_UNSUPPORTED", "ACCESS_PLATFORM", "iommu_platform=on", how=as_user)


def test_group_shared_with_a_kernel_driver(protected: Machine) -> None:
    """Two cards behind a conventional bridge: the IOMMU cannot tell them apart."""
    first, second = map(protected.address, SHARED_GROUP)
    done = protected.run(f"ixy bind {first} --user user")
    assert second in done.text
    protected.run(f"echo vfio-pci >/sys/bus/pci/devices/{first}/driver_override")
    protected.run(f"echo {first} >/sys/bus/pci/devices/{first}/driver/unbind")
    protected.run(f"echo {first} >/sys/bus/pci/drivers_probe")
    refused(protected, SHARED_GROUP[0], "group", f"ixy bind {first} {second} --user NAME --group")
    done = protected.run(f"ixy bind {first} {second} --user user")
    assert done.code != 0
    assert f"{second}, driver virtio-pci" in done.text
    assert f"ixy bind {first} {second} --user user --group" in done.text
    with bound(protected, *SHARED_GROUP):
        protected.must(as_user(f"ixy info pci:{first}"))


def test_device_that_no_driver_knows(protected: Machine) -> None:
    refused(protected, UNKNOWN, "IXY_E_UNSUPPORTED", "8086:10d3")


def test_no_such_device(protected: Machine) -> None:
    refused(protected, Card(30), "IXY_E_NOT_FOUND", "no such PCI device")


def test_no_huge_pages(plain: Machine) -> None:
    plain.must("echo 0 >/proc/sys/vm/nr_hugepages")
    try:
        refused(plain, PLAIN, "IXY_E_NO_MEMORY", "huge pages", "/proc/sys/vm/nr_hugepages")
    finally:
        plain.must(f"echo {HUGE_PAGES} >/proc/sys/vm/nr_hugepages")


def test_user_without_an_iommu(plain: Machine) -> None:
    refused(plain, PLAIN, "IXY_E_PERMISSION", "root", "intel_iommu=on", how=as_user)


def test_bind_without_an_iommu(plain: Machine) -> None:
    plain.must("load-vfio_iommu_type1; load-vfio-pci")
    done = plain.run(f"ixy bind {plain.address(PLAIN)} --user user")
    assert done.code != 0
    assert "intel_iommu=on" in done.text


def test_bind_by_an_ordinary_user(protected: Machine) -> None:
    done = protected.run(as_user(f"ixy bind {protected.address(PROTECTED)} --user user"))
    assert done.code != 0
    assert "root" in done.text


def test_waiting_without_interrupts(plain: Machine) -> None:
    """sysfs has none."""
    done = plain.run(f"forward-c --wait 1 pci:{plain.address(PLAIN)}")
    assert done.code == 1
    assert "IXY_E_UNSUPPORTED" in done.text
