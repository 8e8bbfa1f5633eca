"""Instructions per packet, counted by callgrind: what the forwarding loop executed without the device model's steps.

The forwarders that are compiled give their loop a name of its own, forward_all. Callgrind's profile says what each
function executed with all it called; the steps of the model are reached through one function pointer, so they are calls
of their own in the profile. (loop - steps) / frames is then exact and the same in every run.

Valgrind knows no AVX-512, so vector paths that need it do not run here; it counts instructions, not what they cost.
"""

import re
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

from .devices import Device
from .languages import TOP, Row, environment

LOOP = re.compile(r"\bforward_all\b")
STEP = re.compile(r"^emu_\w*step\w*$")
FRAMES = 40_000
SECONDS = 180


class ProfileError(Exception):
    """The profile does not hold what was looked for."""


def _name(names: dict[str, str], text: str) -> str:
    """ "(12) name" gives number 12 its name, "(12)" is that name again."""
    number, _, name = text.partition(" ")
    if name:
        names[number] = name
    return names.get(number, number)


def inclusive(profile: str) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """Of a callgrind profile: each function's own cost, and the inclusive cost of each caller's calls of a callee."""
    names: dict[str, str] = {}
    own: dict[str, int] = defaultdict(int)
    calls: dict[tuple[str, str], int] = defaultdict(int)
    function = callee = ""
    next_is_call = False
    for line in profile.splitlines():
        if line.startswith("fn="):
            function = _name(names, line[3:])
        elif line.startswith("cfn="):
            callee = _name(names, line[4:])
        elif line.startswith("calls="):
            next_is_call = True
        elif line[:1] in "+-*0123456789" and line:
            words = line.split()
            cost = int(words[1]) if len(words) > 1 else 0
            if next_is_call:
                calls[function, callee] += cost
                next_is_call = False
            else:
                own[function] += cost
    return own, calls


def per_packet(profile: str, frames: int) -> float:
    own, calls = inclusive(profile)
    loops = [name for name in own if LOOP.search(name)]
    if not loops:
        raise ProfileError("the profile has no function forward_all")
    loop = sum(own[name] for name in loops)
    loop += sum(cost for (caller, callee), cost in calls.items() if caller in loops and callee not in loops)
    # Steps begin where something that is not a step calls one; only those under the loop count.
    below = _reachable(loops, calls)
    steps = [
        (caller, cost) for (caller, callee), cost in calls.items() if STEP.match(callee) and not STEP.match(caller)
    ]
    if not steps:
        raise ProfileError("the profile has no call of the model's step")
    model = sum(cost for caller, cost in steps if caller in below)
    return (loop - model) / frames


def _reachable(roots: list[str], calls: dict[tuple[str, str], int]) -> set[str]:
    callees: dict[str, list[str]] = defaultdict(list)
    for caller, callee in calls:
        callees[caller].append(callee)
    found, waiting = set(roots), list(roots)
    while waiting:
        for callee in callees[waiting.pop()]:
            if callee not in found and not STEP.match(callee):
                found.add(callee)
                waiting.append(callee)
    return found


def measure(row: Row, device: Device, batch: int, build: Path, frames: int = FRAMES) -> float:
    """Runs a row's forwarder under callgrind once."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "profile"
        command = [
            "valgrind",
            "--tool=callgrind",
            "--compress-pos=no",
            "--toggle-collect=*forward_all*",
            f"--callgrind-out-file={out}",
            *row.command,
        ]
        try:
            done = subprocess.run(
                command,
                cwd=TOP,
                env=environment(build),
                input=f"run {row.variant} {batch} inline {frames} {device.address}\nquit\n",
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise ProfileError(f"not done in {SECONDS} s") from error
        answers = done.stdout.splitlines()
        if done.returncode != 0 or len(answers) != 2 or '"error"' in answers[1]:
            raise ProfileError(f"the run failed: {' / '.join((answers + done.stderr.splitlines())[-2:])}")
        return per_packet(out.read_text(), frames)
