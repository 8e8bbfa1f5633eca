"""A forwarder's process and the protocol that it speaks: a line in, a line of JSON out."""

import contextlib
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

START_SECONDS = 20.0
RUN_SECONDS = 30.0


class ForwarderError(Exception):
    """The process died, kept silent or answered with an error."""


class LineProcess:
    """A child that answers lines with lines. Both ends are read and written with a time limit."""

    def __init__(self, command: list[str], cwd: Path, environment: dict[str, str]):
        self.command = command
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        try:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for the runner, which ends its children itself
            )
        except OSError as error:
            raise ForwarderError(f"{command[0]}: {error.strerror}") from error
        self._rest = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
        except OSError as error:
            raise ForwarderError(self._death()) from error

    def receive(self, seconds: float, watch: Callable[[], float] | None = None) -> str:
        """The next line. watch() is called while waiting and says after how many seconds again."""
        assert self._process.stdout is not None
        file = self._process.stdout.fileno()
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0:
                self.kill()
                raise ForwarderError(f"no answer in {seconds:.0f} s; killed")
            pause = min(left, watch()) if watch else left
            if select.select([file], [], [], pause)[0]:
                piece = os.read(file, 65536)
                if not piece:
                    raise ForwarderError(self._death())
                self._rest += piece
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode(errors="replace")

    def _death(self) -> str:
        self.kill()
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
        return ": ".join([f"ended with code {self._process.returncode}", *last])

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        with contextlib.suppress(ForwarderError, subprocess.TimeoutExpired):
            if self.alive:
                self.send("quit")
                self._process.wait(1)
        self.kill()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()


class Forwarder:
    """A forwarder that said it is ready."""

    def __init__(self, command: list[str], cwd: Path, environment: dict[str, str]):
        self.process = LineProcess(command, cwd, environment)
        try:
            ready = self._reply(START_SECONDS)
            if ready.get("ready") is not True:
                raise ForwarderError(f"first line is not a greeting: {ready}")
        except ForwarderError:
            self.process.close()
            raise
        self.toolchain = str(ready.get("toolchain", ""))
        self.variants = [str(variant) for variant in ready.get("variants", [])]

    def run(
        self,
        variant: str,
        batch: int,
        timing: str,
        frames: int,
        device: str,
        watch: Callable[[], float] | None = None,
    ) -> dict[str, Any]:
        """device: the beginning of an address."""
        return self._ask(f"run {variant} {batch} {timing} {frames} {device}", watch)

    def call(self, variant: str, calls: int, watch: Callable[[], float] | None = None) -> dict[str, Any]:
        """Receives that move nothing."""
        return self._ask(f"call {variant} {calls}", watch)

    def _ask(self, request: str, watch: Callable[[], float] | None) -> dict[str, Any]:
        self.process.send(request)
        reply = self._reply(RUN_SECONDS, watch)
        if "error" in reply:
            raise ForwarderError(str(reply["error"]))
        return reply

    def _reply(self, seconds: float, watch: Callable[[], float] | None = None) -> dict[str, Any]:
        line = self.process.receive(seconds, watch)
        try:
            reply = json.loads(line)
        except ValueError as error:
            raise ForwarderError(f"not JSON: {line[:200]}") from error
        if not isinstance(reply, dict):
            raise ForwarderError(f"not a JSON object: {line[:200]}")
        return reply
