"""Who is measured: our front ends and testpmd's own, and the back end that all of them talk to."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from runner.forwarder import ForwarderError, LineProcess
from runner.languages import TOP, environment

sys.path.insert(0, str(TOP / "tests/peers"))
from testpmd import Testpmd  # noqa: E402 - lies with the tests that use it too

RING = 1024
FRAME = 60  # bytes; 64 with the checksum
CIRCULATING = 16  # bursts of 32 frames that go round in forwarding: half a ring
ANSWER_SECONDS = 20.0


@dataclass(frozen=True)
class Mode:
    """What a front end does, what the back end does meanwhile, and which of the back end's rates counts."""

    name: str
    front: str  # testpmd's name
    back: str
    start: str
    rate: str


MODES = [
    Mode("transmit", "txonly", "rxonly", "start", "Rx-pps"),
    Mode("receive", "rxonly", "txonly", "start", "Tx-pps"),
    Mode("forward", "io", "io", f"start tx_first {CIRCULATING}", "Rx-pps"),
]


@dataclass(frozen=True)
class Layout:
    """A virtqueue layout that both drivers are told to negotiate."""

    packed: bool
    in_order: bool = False
    mergeable: bool = False

    @property
    def name(self) -> str:
        parts = ["packed" if self.packed else "split"]
        parts += ["in-order"] if self.in_order else []
        parts += ["mergeable"] if self.mergeable else []
        return "-".join(parts)

    @property
    def ours(self) -> str:
        on = {True: "on", False: "off"}
        ring = "packed" if self.packed else "split"
        return f"ring={ring},mrg={on[self.mergeable]},inorder={on[self.in_order]}"

    @property
    def theirs(self) -> str:
        return f"packed_vq={self.packed:d},mrg_rxbuf={self.mergeable:d},in_order={self.in_order:d}"

    @property
    def vectorised(self) -> bool:
        """Whether DPDK 22.11 has a vectorised path for it: split rings out of order (receive only), packed in order."""
        return not self.mergeable and self.packed == self.in_order


LAYOUTS = {
    layout.name: layout
    for layout in [
        Layout(packed=False),
        Layout(packed=False, in_order=True),
        Layout(packed=True),
        Layout(packed=True, in_order=True),
        Layout(packed=False, mergeable=True),
        Layout(packed=True, mergeable=True),
    ]
}
LAYOUTS_USUAL = ["split", "split-in-order", "packed", "packed-in-order"]


class Ours:
    """One of our front programs at work."""

    def __init__(self, program: Path, socket: Path, layout: Layout, mode: Mode, cpu: int, build: Path) -> None:
        address = f"vhost-user:{socket},{layout.ours}"
        command = ["taskset", "-c", str(cpu), str(program), address, mode.name]
        self._process = LineProcess(command, TOP, environment(build))
        try:
            self._reply()
        except BaseException:
            self._process.close()
            raise
        self.pid = self._process.pid

    def _reply(self) -> dict[str, int]:
        reply = json.loads(self._process.receive(ANSWER_SECONDS))
        if "error" in reply:
            raise ForwarderError(str(reply["error"]))
        return dict(reply)

    def end(self) -> str | None:
        """Ends it; what was wrong with it, or None."""
        try:
            self._process.send("end")
            lost = self._reply()["buffers_lost"]
        finally:
            self._process.close()
        return f"{lost} buffers were lost" if lost else None


class Theirs:
    """testpmd with its own VirtIO driver."""

    def __init__(self, socket: Path, layout: Layout, mode: Mode, cpu: int, vectorised: bool) -> None:
        vector = ",vectorized=1" if vectorised else ""
        self._testpmd = Testpmd(
            f"net_virtio_user0,path={socket},queues=1,queue_size={RING},{layout.theirs}{vector}",
            cpu=cpu,
            ring=RING,
            mode=mode.front,
            mbufs=16384,
            eal=["--force-max-simd-bitwidth=512"] if vectorised else [],
            options=[f"--txpkts={FRAME}"],
        )
        self.pid = self._testpmd.pid

    def end(self) -> str | None:
        self._testpmd.close()
        return None


@dataclass(frozen=True)
class Side:
    """A way of driving the device."""

    name: str
    program: str = ""  # ours
    vectorised: bool = False  # theirs

    def exists(self, layout: Layout) -> bool:
        return layout.vectorised or not self.vectorised

    def start(self, socket: Path, layout: Layout, mode: Mode, cpu: int, build: Path) -> "Ours | Theirs":
        if not self.program:
            return Theirs(socket, layout, mode, cpu, self.vectorised)
        return Ours(build / "c/benchmarks/peers" / self.program, socket, layout, mode, cpu, build)


OURS = Side("ours, shared", program="front_shared")
OURS_STATIC = Side("ours, static", program="front_static")
THEIRS = Side("theirs")
THEIRS_VECTORISED = Side("theirs, vector", vectorised=True)
SIDES = [OURS, THEIRS, OURS_STATIC, THEIRS_VECTORISED]


def back_end(socket: Path, cpu: int) -> Testpmd:
    """DPDK's vhost, not forwarding yet."""
    socket.unlink(missing_ok=True)
    return Testpmd(
        f"net_vhost0,iface={socket},queues=1",
        cpu=cpu,
        ring=RING,
        start=False,
        mbufs=16384,
        options=[f"--txpkts={FRAME}"],
    )


def dpdk_version() -> str:
    asked = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "dpdk"], capture_output=True, text=True)
    return asked.stdout.strip() if asked.returncode == 0 else "unknown"
