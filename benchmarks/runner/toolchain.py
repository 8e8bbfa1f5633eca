"""What of a language's toolchain this machine has: `needs` of languages.json and safety.json."""

import re
import shutil
import subprocess


def lacks(needs: list[str]) -> str | None:
    """What is missing, None if nothing is. A need is a command, "go", or one with its least version, "java>=22", which
    is the first number that `java --version` prints."""
    told = [problem for need in needs if (problem := _lack(need))]
    return ", ".join(told) or None


def _lack(need: str) -> str | None:
    tool, _, least = need.partition(">=")
    if shutil.which(tool) is None:
        return f"{tool} not installed"
    if not least:
        return None
    done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)*", done.stdout + done.stderr)
    if found is None:
        return f"{tool} --version tells no version (expected {least} or newer)"
    return None if _numbers(found[0]) >= _numbers(least) else f"{tool} {found[0]} is older than {least}"


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
