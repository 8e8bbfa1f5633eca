"""What `./dev wake` makes of its samples."""

import importlib.util
import math
import pathlib

_PATH = pathlib.Path(__file__).resolve().parent.parent / "wake" / "wake.py"
_SPEC = importlib.util.spec_from_file_location("wake", _PATH)
assert _SPEC is not None and _SPEC.loader is not None
wake = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(wake)


def test_percentiles() -> None:
    values = list(range(1, 101))
    assert wake.percentile(values, 50) == 50
    assert wake.percentile(values, 99) == 99
    assert wake.percentile(values, 99.9) == 100
    assert wake.percentile(values, 100) == 100
    assert wake.percentile([7], 50) == 7
    assert math.isnan(wake.percentile([], 50))


def test_what_fails() -> None:
    good = {"violations": 0, "damaged": 0, "share": 0.0099}
    assert wake.wrong(good, idle=True) == ""
    assert "1.00% of a core" in wake.wrong(good | {"share": 0.01}, idle=True)
    assert wake.wrong(good | {"share": 1.0}, idle=False) == ""
    assert "1 violations" in wake.wrong(good | {"violations": 1}, idle=False)
    assert "2 damaged" in wake.wrong(good | {"damaged": 2}, idle=True)
