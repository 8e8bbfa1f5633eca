"""Our drivers on QEMU's virtio-net-pci without an IOMMU: as root, over sysfs and huge pages."""

import pytest
from conftest import LANGUAGES, LAYOUTS, MERGEABLE, PLAIN_PAIRS, forwards
from machine import Machine


@pytest.mark.parametrize("mergeable", MERGEABLE)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_length(plain: Machine, language: str, layout: str, mergeable: str) -> None:
    forwards(plain, language, PLAIN_PAIRS[layout, mergeable])
