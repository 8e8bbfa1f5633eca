"""What a language needs: commands, and the least versions of some."""

import pytest
from runner import toolchain


@pytest.fixture
def lisp(tmp_path, monkeypatch):
    """Puts a command `lisp` on the path that answers --version with a text."""

    def make(text):
        command = tmp_path / "lisp"
        command.write_text(f"#!/bin/sh\necho '{text}'\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return make


def test_commands(lisp):
    lisp("1")
    assert toolchain.lacks(["lisp", "sh"]) is None
    assert toolchain.lacks([]) is None
    assert toolchain.lacks(["no-such-lisp", "lisp", "nor-this"]) == "no-such-lisp not installed, nor-this not installed"


@pytest.mark.parametrize(
    ("text", "least", "right"),
    [
        ("openjdk 17.0.11 2024-04-16", "22", False),
        ("openjdk 25.0.2 2026-01-20", "22", True),
        ("v20.20.2", "20", True),
        ("The Lisp System, version 9.0.2", "9.0.10", False),
        ("The Lisp System, version 9.10", "9.2", True),
    ],
)
def test_least_version(lisp, text, least, right):
    lisp(text)
    told = toolchain.lacks([f"lisp>={least}"])
    assert (told is None) == right
    assert right or f"is older than {least}" in told


def test_no_version(lisp):
    lisp("no numbers")
    assert "expected 3 or newer" in toolchain.lacks(["lisp>=3"])
    assert toolchain.lacks(["no-such-lisp>=3"]) == "no-such-lisp not installed"
