"""The same behind an IOMMU: over VFIO, as an ordinary user, after root has bound the cards; polling and waiting."""

import pytest
from conftest import LANGUAGES, PROTECTED_PAIRS, as_user, bind, forwards
from machine import Machine


@pytest.mark.parametrize("options", ["", "--wait"], ids=["polling", "waiting"])
@pytest.mark.parametrize("layout", PROTECTED_PAIRS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_length(protected: Machine, language: str, layout: str, options: str) -> None:
    bind(protected, PROTECTED_PAIRS[layout])
    forwards(protected, language, PROTECTED_PAIRS[layout], options=options, how=as_user)
