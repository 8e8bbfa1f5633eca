"""Which rows the matrix has: languages.json is the one place that names a language's forwarder and its build."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import toolchain

TOP = Path(__file__).resolve().parents[2]
LANGUAGES_FILE = TOP / "benchmarks" / "languages.json"


@dataclass(frozen=True)
class Row:
    """One way of reaching the driver. Batch size and timing come on top of it."""

    language: str
    boundary: str
    variant: str
    level: str
    command: tuple[str, ...]
    if_absent: str = ""

    @property
    def name(self) -> str:
        return f"{self.language} {self.variant}"


# Ratios are to this row.
REFERENCE = "C static"


@dataclass
class Language:
    language: str
    needs: list[str]
    folder: str
    build: list[list[str]]
    rows: list[Row]
    environment: dict[str, str] = field(default_factory=dict)

    def lacks(self) -> str | None:
        """What of the toolchain is not installed."""
        return toolchain.lacks(self.needs)


def load(build: Path, file: Path = LANGUAGES_FILE) -> list[Language]:
    places = {"build": str(build), "prefix": str(build / "prefix"), "python": sys.executable}

    def fill(words: list[str]) -> list[str]:
        return [word.format(**places) for word in words]

    languages = []
    for entry in json.loads(file.read_text()):
        rows = [
            Row(
                entry["language"],
                row["boundary"],
                row["variant"],
                row["level"],
                tuple(fill(row["command"])),
                row.get("if_absent", ""),
            )
            for row in entry["rows"]
        ]
        environment = {name: value.format(**places) for name, value in entry.get("environment", {}).items()}
        build_commands = [fill(command) for command in entry["build"]]
        languages.append(
            Language(entry["language"], entry["needs"], entry["folder"], build_commands, rows, environment)
        )
    return languages


def select(languages: list[Language], names: list[str] | None) -> list[Language]:
    """The languages named, and always the one that ratios are to. Raises ValueError for an unknown name."""
    if names is None:
        return languages
    known = {language.language.lower() for language in languages}
    wanted = {name.lower() for name in names}
    if unknown := wanted - known:
        raise ValueError(f"no language {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}")
    chosen = []
    for language in languages:
        reference = [row for row in language.rows if row.name == REFERENCE]
        if language.language.lower() in wanted:
            chosen.append(language)
        elif reference:
            chosen.append(
                Language(
                    language.language,
                    language.needs,
                    language.folder,
                    language.build,
                    reference,
                    language.environment,
                )
            )
    return chosen


def environment(build: Path) -> dict[str, str]:
    """The environment with the installed library in front."""
    prefix = build / "prefix"
    changed = dict(os.environ, IXY_PREFIX=str(prefix), GOTOOLCHAIN="local")
    for name, folder in (("PKG_CONFIG_PATH", prefix / "lib/pkgconfig"), ("LD_LIBRARY_PATH", prefix / "lib")):
        rest = [part for part in os.environ.get(name, "").split(":") if part and part != str(folder)]
        changed[name] = ":".join([str(folder), *rest])
    return changed


def absent(language: Language, row: Row) -> str | None:
    """Why a row cannot run at all, or None. What fails only when it starts is seen then."""
    files = [word for word in row.command if "/" in word and word != sys.executable]
    if all((TOP / file).exists() for file in files):
        return None
    return language.lacks() or row.if_absent or f"not built: {files[-1]} (./dev matrix builds it)"


def prepare(language: Language, build: Path) -> str | None:
    """Builds a language's forwarder. Returns what went wrong."""
    if lacks := language.lacks():
        return lacks
    if not (TOP / language.folder).is_dir():
        return f"no folder {language.folder}"
    changed = environment(build) | language.environment
    for command in language.build:
        done = subprocess.run(
            command,
            cwd=TOP / language.folder,
            env=changed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if done.returncode != 0:
            return f"{' '.join(command)} failed:\n{done.stdout[-3000:]}"
    return None
