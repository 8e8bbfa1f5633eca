"""The package: what it carries, and that it agrees with the repository."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import ixy
from ixy import errors
from ixy.raw import ffi, lib

FOLDER = Path(__file__).resolve().parents[1]


def test_version(repository: Path) -> None:
    version = (repository / "VERSION").read_text().strip()
    assert ixy.__version__ == version == importlib.metadata.version("libixy")


def test_license(repository: Path) -> None:
    assert (FOLDER / "LICENSE").read_text() == (repository / "LICENSE").read_text()


def test_abi_version(repository: Path) -> None:
    header = (repository / "abi/include/ixy_abi.h").read_text()
    found = re.search(r"#define IXY_ABI_VERSION (\d+)", header)
    assert found
    assert lib.ixy_abi_version() == int(found[1])


def test_typed() -> None:
    assert (Path(ixy.__file__).parent / "py.typed").is_file()


def test_every_error_has_a_class(repository: Path) -> None:
    header = (repository / "abi/include/ixy_errors.h").read_text()
    codes = dict(re.findall(r"#define (IXY_E_\w+) (-\d+)", header))
    assert len(codes) > 10
    classes = set()
    for name, code in codes.items():
        error = errors.error_of(int(code))
        assert error.name == name
        assert error.code == int(code)
        assert error.text == ffi.string(lib.ixy_strerror(int(code))).decode() == str(error)
        assert type(error) is not ixy.Error
        assert getattr(ixy, type(error).__name__) is type(error)
        classes.add(type(error))
    assert len(classes) == len(codes)
    assert type(errors.error_of(-9999)) is ixy.Error


def test_the_command_is_installed() -> None:
    command = Path(sysconfig.get_path("scripts")) / "ixy"
    found = str(command) if command.exists() else shutil.which("ixy")
    assert found, "the wheel has no ixy command"
    shown = subprocess.run([found, "--help"], capture_output=True, text=True, check=True)
    assert "pktgen" in shown.stdout


@pytest.mark.parametrize("readme", [FOLDER / "README.md"])
def test_readme_examples(readme: Path) -> None:
    programs = re.findall(r"```python\n(.*?)```", readme.read_text(), re.S)
    assert programs
    for program in programs:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "10000 frames forwarded, 10000 verified, 0 missed" in done.stdout


def test_docstring_example() -> None:
    assert ixy.__doc__
    program = "\n".join(line[4:] for line in ixy.__doc__.splitlines() if line.startswith("    "))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
