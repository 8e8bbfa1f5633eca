"""A virtual machine that QEMU emulates, and its shell.

`Machine` boots a kernel and an initramfs; `run` has the guest run one command and gives back its output and exit code.
The processor is emulated too (no KVM), one without AVX2. Everything that QEMU needs lies in a temporary folder; QEMU
ends with `close`, with the guest's kernel panic, and after LIFETIME_SECONDS at the latest.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from peer import Wire

PROGRAM = "qemu-system-x86_64"
LIFETIME_SECONDS = 900
BOOT_SECONDS = 60.0
ANSWER_SECONDS = 60.0
END_SECONDS = 10.0


class GuestError(Exception):
    """The guest did not boot, died, or did not answer; the text ends with what it said last."""


class Done(NamedTuple):
    """What a command in the guest did."""

    code: int
    text: str


class Card(NamedTuple):
    """A network card of a guest.

    Attributes:
        slot: its device number on its bus.
        options: QEMU's, after the model's name.
        model: QEMU's name for such a card.
        bridge: the slot of the bridge that it is behind, whose bus is "bridgeSLOT" in QEMU; 0: it is on the root bus.
    """

    slot: int
    options: str = ""
    model: str = "virtio-net-pci"
    bridge: int = 0

    @property
    def name(self) -> str:
        return f"card{self.bridge}-{self.slot}"

    @property
    def properties(self) -> dict[str, str]:
        """As QEMU's monitor takes them."""
        bus = {"bus": f"bridge{self.bridge}"} if self.bridge else {}
        place = {"driver": self.model, "id": self.name, "netdev": f"{self.name}net", "addr": f"{self.slot:#x}"}
        return place | bus | dict(option.split("=") for option in filter(None, self.options.split(",")))

    @property
    def words(self) -> str:
        """As its command line takes them."""
        return ",".join(f"{name}={value}" for name, value in self.properties.items())


class Machine:
    """A running guest.

    Args:
        kernel, initramfs: what it boots.
        machine: QEMU's machine type and options.
        devices: further options of QEMU, before those of the cards.
        cards: its network cards; each has a wire in `wires`.
        append: further words of the kernel's command line.
        memory: in MiB.
    """

    def __init__(
        self,
        kernel: Path,
        initramfs: Path,
        *,
        machine: str = "pc",
        devices: Sequence[str] = (),
        cards: Sequence[Card] = (),
        append: str = "",
        memory: int = 768,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ixyg-")  # short: a socket's path has at most 107 bytes
        self.folder = Path(self._folder.name)
        self.wires = {card: Wire(self.folder, f"{card.name}net") for card in cards}
        self.command = [
            *("timeout", "-k", "5", str(LIFETIME_SECONDS), PROGRAM),
            *("-M", machine, "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-m", str(memory)),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-kernel", str(kernel), "-initrd", str(initramfs)),
            *("-append", f"console=ttyS0 quiet panic=-1 {append}"),
            *("-serial", f"file:{self.folder}/console"),
            *("-chardev", "stdio,id=shell,signal=off", "-serial", "chardev:shell"),
            *("-qmp", f"unix:{self.folder}/qmp,server=on,wait=off"),
            *devices,
            *(option for wire in self.wires.values() for option in wire.options),
            *(option for card in cards for option in ("-device", card.words)),
        ]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._qmp: socket.socket | None = None
        self._heard = b""
        self._busy = False
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for whoever started it, who ends it
        )
        try:
            began = time.monotonic()
            self._hear(b"@ready\n", BOOT_SECONDS)
            self.boot_seconds = time.monotonic() - began
        except BaseException:
            self.close()
            raise

    # ---- its shell ----

    def _story(self, text: str) -> str:
        parts = [text, self._heard.decode(errors="replace")[-2000:], self.console()[-3000:]]
        parts.append(os.pread(self._errors.fileno(), 2000, 0).decode(errors="replace"))
        return "\n".join(filter(None, parts))

    def _hear(self, until: bytes, seconds: float) -> bytes:
        """What the guest says up to and with `until`."""
        assert self._process.stdout is not None
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while until not in self._heard:
                if not ready.select(max(0.0, end - time.monotonic())):
                    raise GuestError(self._story(f"no {until!r} within {seconds} s"))
                more = os.read(self._process.stdout.fileno(), 1 << 16)
                if not more:
                    raise GuestError(self._story("the machine ended"))
                self._heard += more
        head, _, self._heard = self._heard.partition(until)
        return head + until

    def begin(self, command: str, until: str = "", seconds: float = ANSWER_SECONDS) -> None:
        """Has the guest start a command; waits until it has said the line `until`. `end` must follow. A command before
        it, whose test failed, is awaited first."""
        assert self._process.stdin is not None
        assert "\n" not in command
        if self._busy:
            self.end()
        self._busy = True
        self._process.stdin.write(command.encode() + b"\n")
        if until:
            self.hear(until, seconds)

    def hear(self, until: str, seconds: float = ANSWER_SECONDS) -> None:
        """Waits until the command has said this line."""
        end = time.monotonic() + seconds
        said = []
        while until not in said:
            said.append(self._hear(b"\n", max(0.1, end - time.monotonic())).decode(errors="replace").rstrip("\n"))
            if said[-1].startswith("@exit "):
                self._busy = False
                raise GuestError(self._story("\n".join([f"it ended without {until!r}:", *said])))

    def end(self, seconds: float = ANSWER_SECONDS) -> Done:
        """Awaits the end of the command that was begun."""
        text = self._hear(b"@exit ", seconds)
        code = self._hear(b"\n", seconds)
        self._busy = False
        return Done(int(code), text.removesuffix(b"@exit ").decode(errors="replace").strip())

    def run(self, command: str, seconds: float = ANSWER_SECONDS) -> Done:
        self.begin(command)
        return self.end(seconds)

    def must(self, command: str, seconds: float = ANSWER_SECONDS) -> str:
        """The output of a command that must succeed."""
        done = self.run(command, seconds)
        assert done.code == 0, f"{command}: exit code {done.code}: {done.text}"
        return done.text

    def address(self, card: Card) -> str:
        """Where the guest finds it: the firmware numbers the buses behind bridges."""
        if not card.bridge:
            return f"0000:00:{card.slot:02x}.0"
        return self.must(f"cd /sys/bus/pci/devices/0000:00:{card.bridge:02x}.0 && echo 0000:*:{card.slot:02x}.0")

    def console(self) -> str:
        """The kernel's messages so far."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / "console").read_text(errors="replace")
        return ""

    # ---- its monitor ----

    def _monitor(self) -> socket.socket:
        if self._qmp is None:
            self._qmp = socket.socket(socket.AF_UNIX)
            self._qmp.connect(str(self.folder / "qmp"))
            self._events: list[dict[str, Any]] = []
            self._answers = self._qmp.makefile("r")
            self._answers.readline()
            self.monitor("qmp_capabilities")
        return self._qmp

    def _message(self, seconds: float) -> dict[str, Any]:
        self._monitor().settimeout(seconds)
        message: dict[str, Any] = json.loads(self._answers.readline())
        return message

    def monitor(self, command: str, **arguments: Any) -> Any:
        """Runs a command of QEMU's machine protocol and gives back its answer."""
        self._monitor().sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while True:
            message = self._message(ANSWER_SECONDS)
            if "event" in message:
                self._events.append(message)
                continue
            assert "error" not in message, f"{command}: {message}"
            return message["return"]

    def event(self, name: str, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """Awaits an event; one that came before counts, once."""
        end = time.monotonic() + seconds
        while True:
            for message in self._events:
                if message["event"] == name:
                    self._events.remove(message)
                    return message
            self._events.append(self._message(max(0.1, end - time.monotonic())))

    def plug_in(self, card: Card) -> None:
        self.monitor("device_add", **card.properties)

    # ---- its end ----

    def close(self) -> None:
        if self._qmp is not None:
            self._answers.close()
            self._qmp.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(END_SECONDS)
        for stream in [self._process.stdin, self._process.stdout, self._errors]:
            if stream is not None:
                stream.close()
        for wire in self.wires.values():
            wire.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
