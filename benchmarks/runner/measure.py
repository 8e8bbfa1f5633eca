"""Takes the samples: starts every forwarder once, finds how many frames make a sample, takes turns in rounds."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import figures
from .devices import Device
from .forwarder import Forwarder, ForwarderError, LineProcess
from .languages import TOP, Row, environment
from .placement import Watch, two_cores

ROUND_TRIP_FRESH_SECONDS = 0.25  # a round trip measured after one sample serves as the one before the next
FAILURES_MAX = 3  # a cell that failed so often is left alone
FRAMES_MIN = 2000
FRAMES_MAX = 50_000_000
CALIBRATION_RUNS = 6
CALIBRATION_GROWTH = 20.0  # most that a calibrating run grows against the one before
SAMPLE_GROWTH = 2.0  # most that a sample grows or shrinks against the one before
EMPTY_POLL_RUNS = 8
EMPTY_POLLS_MIN = 1000


@dataclass(frozen=True)
class Plan:
    devices: tuple[Device, ...]
    batches: tuple[int, ...]
    timings: tuple[str, ...]
    rounds: int | None  # None: as many as fit into seconds
    seconds: float | None
    sample_ms: dict[str, float]  # by timing


@dataclass
class Cell:
    """A row on one device, at one batch size and timing."""

    row: Row
    device: Device
    batch: int
    timing: str
    frames: int = 0
    empty_poll_cycles: float | None = None
    samples: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.row.name}, {self.device.label}, batch {self.batch}, {self.timing}"

    @property
    def given_up(self) -> bool:
        return len(self.failures) >= FAILURES_MAX


class CoreToCore:
    """The round trip between the two cores, from a program that stays alive."""

    def __init__(self, program: Path, cores: tuple[int, int], changed: dict[str, str]):
        self._process = LineProcess([str(program), str(cores[0]), str(cores[1])], TOP, changed)
        self._last: float | None = None
        self._when = 0.0

    def measure(self) -> float:
        self._process.send("go")
        self._last = float(self._process.receive(10.0))
        self._when = time.monotonic()
        return self._last

    def fresh(self) -> float:
        """The last one if it is recent enough, else a new one."""
        recent = self._last is not None and time.monotonic() - self._when < ROUND_TRIP_FRESH_SECONDS
        return self._last if recent and self._last is not None else self.measure()

    def close(self) -> None:
        self._process.close()


class Measurement:
    def __init__(self, rows: list[Row], plan: Plan, build: Path, say: Callable[[str], None]):
        self.plan = plan
        self.say = say
        self.cells: list[Cell] = []
        self.gaps: dict[tuple[str, str], str] = {}  # (row, timing): why it has no figures
        self.failures: list[str] = []
        self.toolchains: dict[str, str] = {}
        self.rounds_done = 0
        self.cores = two_cores()
        self._environment = environment(build)
        self._forwarders: dict[tuple[str, ...], Forwarder] = {}
        self._round_trip: CoreToCore | None = None
        self._open(rows, build)

    def _open(self, rows: list[Row], build: Path) -> None:
        for row in rows:
            if row.command not in self._forwarders:
                try:
                    self._forwarders[row.command] = Forwarder(list(row.command), TOP, self._environment)
                except ForwarderError as error:
                    self.gaps[row.name, ""] = f"its forwarder does not start: {error}"
                    continue
            forwarder = self._forwarders[row.command]
            self.toolchains[row.language] = forwarder.toolchain
            if row.variant not in forwarder.variants:
                self.gaps[row.name, ""] = f"its forwarder has no variant {row.variant}"
                continue
            for timing in self.plan.timings:
                if timing == "threaded" and self.cores is None:
                    self.gaps[row.name, timing] = "not measured: threaded rows need two cores"
                    continue
                self.cells += [
                    Cell(row, device, batch, timing) for device in self.plan.devices for batch in self.plan.batches
                ]
        if self.cores is not None and "threaded" in self.plan.timings:
            program = build / "c/benchmarks/forwarders/c/c2c"
            try:
                self._round_trip = CoreToCore(program, self.cores, self._environment)
            except ForwarderError as error:
                self.failures.append(f"core-to-core round trip: {error}")

    def close(self) -> None:
        for forwarder in self._forwarders.values():
            forwarder.process.close()
        if self._round_trip is not None:
            self._round_trip.close()

    # ---- one run ----

    def forwarder(self, row: Row) -> Forwarder:
        """The row's process; a new one if it died in a sample before."""
        forwarder = self._forwarders[row.command]
        if not forwarder.process.alive:
            forwarder.process.close()
            forwarder = self._forwarders[row.command] = Forwarder(list(row.command), TOP, self._environment)
        return forwarder

    def _run(self, cell: Cell, frames: int) -> tuple[dict[str, Any], Watch]:
        forwarder = self.forwarder(cell.row)
        watch = Watch(forwarder.process.pid, self.cores if cell.timing == "threaded" else None)
        try:
            raw = forwarder.run(cell.row.variant, cell.batch, cell.timing, frames, cell.device.address, watch)
        finally:
            watch.finish()
        return raw, watch

    def _fail(self, cell: Cell, text: str) -> None:
        cell.failures.append(text)
        self.failures.append(f"{cell.name}: {text}")
        self.say(f"FAILED  {cell.name}: {text}")

    # ---- how many frames make a sample ----

    def calibrate(self, cell: Cell) -> None:
        """Grows the number of frames until a run is long enough to tell how many fill a sample."""
        cell.frames = FRAMES_MIN
        try:
            for _ in range(CALIBRATION_RUNS):
                raw, _ = self._run(cell, cell.frames)
                if problem := figures.verify(raw, cell.frames):
                    self._fail(cell, f"calibration: {problem}")
                    return
                if not self._resize(cell, raw, CALIBRATION_GROWTH):
                    break
            if cell.timing == "threaded":
                self._empty_poll(cell)
        except ForwarderError as error:
            self._fail(cell, f"calibration: {error}")

    def _resize(self, cell: Cell, raw: dict[str, Any], most: float) -> bool:
        """Sets the frames of the next run so that it fills a sample, from how long the last one took. Whether they
        changed by much: a short run is mostly its beginning, so what it tells is to be tried again."""
        change = self.plan.sample_ms[cell.timing] * 1e6 / raw["nanoseconds"]
        frames = int(raw["frames"] * min(most, max(1 / most, change)))
        cell.frames = max(FRAMES_MIN, min(FRAMES_MAX, frames)) // 2 * 2
        return bool(cell.frames > 3 * raw["frames"])

    def _empty_poll(self, cell: Cell) -> None:
        """What a poll that finds nothing costs: from runs of two frames, of which nearly all polls are empty. The least
        of a row's runs on one device at any batch size, because a disturbance only ever adds."""
        same = [other for other in self.cells if (other.row, other.device) == (cell.row, cell.device)]
        for _ in range(EMPTY_POLL_RUNS):
            raw, _ = self._run(cell, 2)
            if raw.get("empty_polls", 0) >= EMPTY_POLLS_MIN:
                cost = raw["cycles"] / raw["polls"]
                for other in same:
                    other.empty_poll_cycles = min(cost, other.empty_poll_cycles or cost)

    # ---- samples ----

    def sample(self, cell: Cell, number: int) -> None:
        trips: list[float | None] = []
        threaded = cell.timing == "threaded"
        try:
            if threaded and self._round_trip is not None:
                trips.append(self._round_trip.fresh())
            frames = cell.frames
            raw, watch = self._run(cell, frames)
            if threaded and self._round_trip is not None:
                trips.append(self._round_trip.measure())
        except ForwarderError as error:
            self._fail(cell, str(error))
            return
        sample: dict[str, Any] = {
            "round": number,
            "device": cell.device.name,
            "batch": cell.batch,
            "timing": cell.timing,
            "raw": raw,
        }
        cell.samples.append(sample)
        problem = figures.verify(raw, frames)
        sample["verified"], sample["failure"], sample["counts"] = problem is None, problem, False
        if problem:
            self._fail(cell, problem)
            return
        self._resize(cell, raw, SAMPLE_GROWTH)
        sample["driver_waited_share"] = watch.account.waited(model=False)
        if threaded:
            sample |= figures.threaded_figures(raw, cell.batch, cell.empty_poll_cycles)
            sample["model_waited_share"] = watch.account.waited(model=True)
            sample["pinned"] = watch.pinned
            sample["core_to_core"] = trips
            sample["core_to_core_ns"] = max((trip for trip in trips if trip is not None), default=None)
            sample["better_state"] = figures.better_state(trips)
        else:
            sample |= figures.inline_figures(raw)
        sample["reasons"] = figures.judge(sample)
        sample["counts"] = not sample["reasons"]

    def take(self, show: Callable[[float, str], None]) -> None:
        """Calibrates every cell, then goes round and round. Cells of one device, batch and timing follow each other, so
        that a ratio compares neighbours in time; which row begins changes from round to round."""
        began = time.monotonic()
        for done, cell in enumerate(self.cells):
            show(0.1 * done / len(self.cells), f"calibrating {cell.name}")
            self.calibrate(cell)
        longest = 0.0
        number = 0
        while self.plan.rounds is None or number < self.plan.rounds:
            started = time.monotonic()
            if self.plan.seconds is not None and number > 0 and started - began + longest > self.plan.seconds:
                break
            order = self._order(number)
            for done, cell in enumerate(order):
                show(self._share(number, done / len(order), began), f"round {number + 1}: {cell.name}")
                if cell.frames and not cell.given_up:
                    self.sample(cell, number)
            longest = max(longest, time.monotonic() - started)
            number += 1
            self.rounds_done = number

    def _share(self, number: int, within: float, began: float) -> float:
        if self.plan.rounds is not None:
            return 0.1 + 0.9 * (number + within) / self.plan.rounds
        assert self.plan.seconds is not None
        return min(1.0, (time.monotonic() - began) / self.plan.seconds)

    def _order(self, number: int) -> list[Cell]:
        groups: dict[tuple[Device, str, int], list[Cell]] = {}
        for cell in self.cells:
            groups.setdefault((cell.device, cell.timing, cell.batch), []).append(cell)
        order = []
        for group in groups.values():
            first = number % len(group)
            order += group[first:] + group[:first]
        return order
