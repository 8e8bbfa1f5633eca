"""What `ixy devices`, `ixy bind` and `ixy unbind` say of real cards, and what they do."""

import json
from typing import Any

from conftest import PAST_IOMMU, PLAIN_PAIRS, UNKNOWN, as_user
from machine import Machine


def listed(machine: Machine) -> dict[str, dict[str, Any]]:
    """What an ordinary user sees, by address."""
    devices = map(json.loads, machine.must(as_user("ixy devices --json")).splitlines())
    return {device["address"]: device for device in devices}


def test_bind_and_unbind(protected: Machine) -> None:
    address = protected.address(PAST_IOMMU)
    interface = f"/sys/bus/pci/devices/{address}/virtio*/net"
    protected.must(f"ls {interface}")
    before = listed(protected)[f"pci:{address}"]
    assert (before["driver"], before["usable"]) == ("virtio-pci", False)
    assert f"ixy bind {address}" in before["missing"]

    said = protected.must(f"ixy bind {address} --user user")
    group = protected.must(f"basename $(readlink /sys/bus/pci/devices/{address}/iommu_group)")
    for line in [
        f"{address}: driver_override is vfio-pci",
        f"{address}: unbound from virtio-pci",
        f"{address}: bound to vfio-pci",
        f"{address}: /dev/vfio/{group} belongs to user",
    ]:
        assert line in said.splitlines()
    assert "memlock" in said
    assert protected.must(f"stat -c %U:%a /dev/vfio/{group}") == "user:600"
    bound = listed(protected)[f"pci:{address}"]
    assert (bound["driver"], bound["usable"], bound["missing"]) == ("vfio-pci", True, "")

    said = protected.must(f"ixy unbind {address}")
    assert f"{address}: bound to virtio-pci" in said.splitlines()
    protected.must(f"ls {interface}")
    assert protected.must(f"cat /sys/bus/pci/devices/{address}/driver_override") == "(null)"
    assert listed(protected)[f"pci:{address}"] == before


def test_interface_in_use(protected: Machine) -> None:
    """Binding would cut somebody off, so it is refused."""
    address = protected.address(PAST_IOMMU)
    name = protected.must(f"ls /sys/bus/pci/devices/{address}/virtio*/net")
    protected.must(f"ip link set {name} up")
    try:
        done = protected.run(f"ixy bind {address} --user user")
    finally:
        protected.must(f"ip link set {name} down")
    assert done.code != 0
    assert name in done.text
    assert listed(protected)[f"pci:{address}"]["driver"] == "virtio-pci"


def test_only_devices_with_a_driver_of_ours_are_listed(protected: Machine) -> None:
    addresses = listed(protected)
    assert f"pci:{protected.address(PAST_IOMMU)}" in addresses
    assert f"pci:{protected.address(UNKNOWN)}" not in addresses


def test_devices_for_people(plain: Machine) -> None:
    text = plain.must("ixy devices")
    for pair in PLAIN_PAIRS.values():
        for card in pair:
            (line,) = [line for line in text.splitlines() if line.startswith(f"pci:{plain.address(card)} ")]
            assert "VirtIO network device" in line
            assert line.endswith(" usable")
