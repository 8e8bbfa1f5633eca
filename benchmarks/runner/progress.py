"""What a person sees while the matrix runs: a bar with the time left on a terminal, a line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Any


def _rich() -> Any:
    try:
        import rich.console
        import rich.progress
        import rich.table
    except ImportError:
        return None
    return rich


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


class Progress:
    """Shares between 0 and 1, with a text."""

    LINE_SECONDS = 10.0

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._next_line = 0.0
        self._bar: Any = None
        rich = _rich() if sys.stdout.isatty() else None
        if rich:
            columns = (
                rich.progress.TextColumn("{task.description:<44}"),
                rich.progress.BarColumn(bar_width=None),
                rich.progress.TaskProgressColumn(),
                rich.progress.TimeRemainingColumn(),
            )
            self._bar = rich.progress.Progress(*columns, transient=True)
            self._task = self._bar.add_task("", total=1.0)

    def __enter__(self) -> "Progress":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, share: float, text: str) -> None:
        if self._bar:
            self._bar.update(self._task, completed=share, description=text)
            return
        now = time.monotonic()
        if now < self._next_line:
            return
        self._next_line = now + self.LINE_SECONDS
        spent = now - self._began
        left = f", about {clock(spent / share - spent)} left" if share > 0.02 else ""
        self.say(f"[{clock(spent)}] {share:4.0%} {text}{left}")

    def say(self, line: str) -> None:
        """A line that stays."""
        if self._bar:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, flush=True)
