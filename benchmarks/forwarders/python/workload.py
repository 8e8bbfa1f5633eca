"""What the Python forwarders share: one run of the matrix's workload, its figures, and the protocol.

Packets move in the forwarder's own way; all else goes through a Port, which the forwarder makes of its devices.
"""

import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

PATIENCE = 5.0  # seconds without a frame before a run has failed
CHECK_EVERY = 4096  # empty polls between two looks at the clock and the counters
TIMINGS = ("inline", "threaded")
CALLS_ADDRESS = "emu:82599,wire=loop,timing=threaded"  # where calls that move nothing are measured


class Port(Protocol):
    """A device, as far as measuring goes: records with the members of ixy.h."""

    @property
    def meter(self) -> Any: ...
    @property
    def counters(self) -> Any: ...
    @property
    def stats(self) -> Any: ...


class Run:
    """The state of one run, and what it counts."""

    def __init__(self, ports: Sequence[Port], frames: int) -> None:
        self.ports, self.frames = ports, frames
        self.received = self.polls = self.empty_polls = self.freed = 0
        self.waiting_since: float | None = None

    def missed(self) -> int:
        return sum(port.stats.rx_missed for port in self.ports)

    def finished(self, received: int) -> bool:
        """Looks at the counters after many empty polls; an error if nothing has come for too long."""
        if received + self.missed() >= self.frames:
            return True
        now = time.monotonic()
        if self.waiting_since is None:
            self.waiting_since = now
        if now - self.waiting_since > PATIENCE:
            raise RuntimeError(f"{received} of {self.frames} frames arrived, then none for {PATIENCE:.0f} s")
        return False

    def settle(self) -> None:
        """Waits until the sinks have seen all that was sent, or nothing more comes."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            seen = self.freed + self.missed()
            for port in self.ports:
                counters = port.counters
                seen += counters.verified + counters.damaged + counters.repeated + counters.foreign
            if seen >= self.frames:
                return
            time.sleep(0.0005)


def address(device: str, batch: int, timing: str, frames: int) -> str:
    """Of both ports."""
    return f"{device},wire=gen,limit={frames // 2},burst={max(batch, 8)},timing={timing}"


def between(starts: Sequence[Any], ends: Sequence[Any]) -> dict[str, int]:
    """What passed between two readings of the ports' meters. The first port's clock is the sample's."""
    figures = {
        "cycles": int(ends[0].cycles - starts[0].cycles),
        "nanoseconds": int(ends[0].nanoseconds - starts[0].nanoseconds),
        "bracket_cycles": int(ends[0].bracket_cycles),
    }
    for name in ("model_cycles", "steps", "idle_steps"):
        figures[name] = int(
            sum(getattr(end, name) - getattr(start, name) for end, start in zip(ends, starts, strict=True))
        )
    return figures


def measure(run: Run, forward: Callable[[], None]) -> dict[str, int]:
    """Forwards everything; returns what the protocol wants to know."""
    a, b = run.ports
    start_b = b.meter
    start_a = a.meter
    forward()
    end_a = a.meter
    end_b = b.meter
    run.settle()
    result = {
        "frames": run.frames,
        "polls": run.polls,
        "empty_polls": run.empty_polls,
        "freed": run.freed,
        "rx_missed": int(run.missed()),
    } | between((start_a, start_b), (end_a, end_b))
    for name in ("generated", "verified", "damaged", "repeated", "foreign", "violations"):
        result[name] = int(sum(getattr(port.counters, name) for port in run.ports))
    return result


def measure_calls(port: Port, call: Callable[[], None], count: int) -> dict[str, int]:
    """call() makes `count` calls on the port."""
    start = port.meter
    call()
    end = port.meter
    return {
        "calls": count,
        "cycles": int(end.cycles - start.cycles),
        "nanoseconds": int(end.nanoseconds - start.nanoseconds),
    }


def serve(
    variants: Sequence[str],
    toolchain: str,
    forward: Callable[[str, int, str, int, str], dict[str, int]],
    call: Callable[[str, int], dict[str, int]],
) -> None:
    """Answers requests, one JSON line each. forward: of variant, batch, timing, frames and device; call: of variant and
    count."""
    request = (
        f"a request is: run {'|'.join(variants)} BATCH {'|'.join(TIMINGS)} FRAMES [DEVICE], or: call VARIANT CALLS, "
        "or: quit"
    )

    def answer(words: list[str]) -> dict[str, int]:
        match words:
            case ["call", variant, calls] if variant in variants and int(calls) >= 1:
                return call(variant, int(calls))
            case ["run", variant, batch, timing, frames, *device] if variant in variants and len(device) <= 1:
                if timing in TIMINGS and 1 <= int(batch) <= 4096 and int(frames) >= 2:
                    return forward(variant, int(batch), timing, int(frames) // 2 * 2, *(device or ["emu:82599"]))
        raise ValueError(request)

    toolchain = f"Python {platform.python_version()}, {toolchain}".removesuffix(", ")
    greeting = {"ready": True, "language": "python", "variants": list(variants), "toolchain": toolchain}
    print(json.dumps(greeting), flush=True)
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        if words == ["quit"]:
            break
        try:
            reply: dict[str, object] = dict(answer(words))
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
