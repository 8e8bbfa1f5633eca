"""The devices that the matrix measures on: each a name and the beginning of an address, which a forwarder completes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    name: str  # as in --devices, matrix.json and bars.json
    label: str
    address: str


DEVICES = (
    Device("82599", "82599", "emu:82599"),
    Device("virtio-split", "VirtIO split", "emu:virtio,ring=split"),
    Device("virtio-packed", "VirtIO packed", "emu:virtio,ring=packed"),
)


def select(names: list[str]) -> tuple[Device, ...]:
    """Those named, in the order above. Raises ValueError for an unknown name, or for none at all."""
    known = [device.name for device in DEVICES]
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"no device {', '.join(unknown)}; there are: {', '.join(known)}")
    if not names:
        raise ValueError(f"--devices names none; there are: {', '.join(known)}")
    return tuple(device for device in DEVICES if device.name in names)


def label(name: str) -> str:
    return next((device.label for device in DEVICES if device.name == name), name)
