"""Samples as a forwarder would report them, and a matrix of fake forwarders."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1]
FAKE = Path(__file__).resolve().parent / "fake_forwarder.py"
sys.path.insert(0, str(BENCHMARKS))


def raw_counts(**changes: int) -> dict[str, Any]:
    """A run of 1000 frames at 10 driver cycles a packet: 60,000 cycles, 49,000 of the model, 1,000 of brackets."""
    counts = {
        "frames": 1000,
        "cycles": 60_000,
        "nanoseconds": 20_000,
        "model_cycles": 49_000,
        "steps": 100,
        "idle_steps": 10,
        "bracket_cycles": 10,
        "polls": 50,
        "empty_polls": 10,
        "freed": 0,
        "generated": 1000,
        "verified": 1000,
        "damaged": 0,
        "repeated": 0,
        "foreign": 0,
        "rx_missed": 0,
        "violations": 0,
    }
    return counts | changes


@pytest.fixture
def raw() -> Callable[..., dict[str, Any]]:
    return raw_counts


@pytest.fixture
def fake_matrix(tmp_path: Path) -> Callable[[dict[str, list[dict[str, Any]]]], Path]:
    """Writes a languages.json whose forwarders are fakes; each row may name faults of its fake."""

    def write(languages: dict[str, list[dict[str, Any]]]) -> Path:
        entries = []
        for language, rows in languages.items():
            entry_rows = []
            for row in rows:
                command = row.get("command") or [sys.executable, str(FAKE), language, row["variant"], *row["faults"]]
                entry_rows.append({"boundary": "none", "variant": row["variant"], "level": "batch", "command": command})
            entries.append({"language": language, "needs": [], "folder": ".", "build": [], "rows": entry_rows})
        file = tmp_path / "languages.json"
        file.write_text(json.dumps(entries))
        return file

    return write
