"""Runs the vectors that all bindings share (tests/vectors of the repository, described in its docs/vectors.md).

Python's own classes do what they can express. Frames that they cannot hold (forged handles, frames past their buffer)
go through ixy.raw.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import ixy
from conftest import pattern
from ixy.errors import check, error_of
from ixy.raw import ffi, lib

FOLDER = Path(__file__).resolve().parents[3] / "tests" / "vectors"


def cases() -> list[Any]:
    files = sorted(FOLDER.glob("*.json"))
    if not files:
        raise RuntimeError(f"there are no shared vectors in {FOLDER}")
    return [
        pytest.param(steps, id=f"{file.stem}: {case['name']}{on}")
        for file in files
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]
        for on, steps in repeated(case)
    ]


def repeated(case: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The case's steps; one version for each of its devices, if it names some."""
    if "devices" not in case:
        yield "", case["steps"]
        return
    for device in case["devices"]:
        yield f", {device}", json.loads(json.dumps(case["steps"]).replace("{device}", device))


def capabilities(names: list[str]) -> ixy.Capability:
    found = ixy.Capability(0)
    for name in names:
        found |= ixy.Capability[name]
    return found


@pytest.mark.parametrize("steps", cases())
def test_vector(steps: list[dict[str, Any]], tmp_path: Path) -> None:
    case = Case(tmp_path)
    try:
        for number, step in enumerate(steps):
            case.perform(number, step)
    finally:
        case.close()


class Case:
    """The variables of a case and its operations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pools: dict[str, ixy.Pool] = {}
        self.devices: dict[str, ixy.Device] = {}
        self.frames: dict[str, Any] = {}  # an ixy.Packet, or a cdata ixy_frame
        self.pool_of: dict[str, ixy.Pool] = {}

    def close(self) -> None:
        for device in self.devices.values():
            device.close()
        for pool in self.pools.values():
            pool.close()

    def perform(self, number: int, step: dict[str, Any]) -> None:
        where = f"step {number}: {step}"
        operation = getattr(self, "do_" + step["op"], None)
        assert operation is not None, f"{where}: this runner does not know the operation"
        if "error" not in step:
            operation(step)
            return
        with pytest.raises(ixy.Error) as caught:
            operation(step)
        assert caught.value.name == step["error"], where
        assert caught.value.text, where

    # ---- pools and devices ----

    def do_pool_open(self, step: dict[str, Any]) -> None:
        options = {name: step[name] for name in ("buffers", "buffer_size") if name in step}
        self.pools[step["pool"]] = ixy.Pool(**options)

    def do_pool_close(self, step: dict[str, Any]) -> None:
        if step.get("error") == "IXY_E_HANDLE":  # Pool.close() again does nothing
            check(lib.ixy_pool_close(self.pools[step["pool"]].handle))
        self.pools[step["pool"]].close()

    def do_pool_free_count(self, step: dict[str, Any]) -> None:
        assert self.pools[step["pool"]].free_count == step["equals"]

    def do_device_open(self, step: dict[str, Any]) -> None:
        names = ("rx_queues", "tx_queues", "rx_ring_size", "tx_ring_size", "frame_len_max")
        options: dict[str, Any] = {name: step[name] for name in names if name in step}
        if "offloads" in step:
            options["offloads"] = capabilities(step["offloads"])
        address = step["address"].replace("{tmp}", str(self.folder))
        if "pool" in step:
            self.devices[step["device"]] = ixy.open(address, pool=self.pools[step["pool"]], start=False, **options)
            return
        handle = ffi.new("uint64_t *")  # without a pool: the class makes one of its own
        config = ffi.new("ixy_device_config *", {"struct_size": ffi.sizeof("ixy_device_config"), **options})
        check(lib.ixy_device_open(address.encode(), config, handle))
        device: Any = object.__new__(ixy.Device)
        device._device = SimpleNamespace(handle=handle[0], open=False, close=lambda: lib.ixy_device_close(handle[0]))
        device._own_pool = False
        self.devices[step["device"]] = device

    def do_device_start(self, step: dict[str, Any]) -> None:
        self.devices[step["device"]].start()

    def do_device_reset(self, step: dict[str, Any]) -> None:
        self.devices[step["device"]].reset()

    def do_device_close(self, step: dict[str, Any]) -> None:
        if "error" in step:  # Device.close() again does nothing
            check(lib.ixy_device_close(self.devices[step["device"]].handle))
        self.devices[step["device"]].close()

    def equals(self, found: object, step: dict[str, Any]) -> None:
        members = {name: getattr(found, name) for name in step["equals"]}
        assert members == step["equals"]

    def do_device_info(self, step: dict[str, Any]) -> None:
        if "offloads" in step["equals"]:
            step["equals"]["offloads"] = capabilities(step["equals"]["offloads"])
        self.equals(self.devices[step["device"]].info, step)

    def do_capabilities(self, step: dict[str, Any]) -> None:
        able = self.devices[step["device"]].info.capabilities
        has, lacks = capabilities(step.get("has", [])), capabilities(step.get("lacks", []))
        assert able & (has | lacks) == has

    def do_features(self, step: dict[str, Any]) -> None:
        features = self.devices[step["device"]].features
        assert set(step.get("has", [])) <= set(features)
        assert not set(step.get("lacks", [])) & set(features)

    def do_link(self, step: dict[str, Any]) -> None:
        self.equals(self.devices[step["device"]].link, step)

    def do_stats(self, step: dict[str, Any]) -> None:
        self.equals(self.devices[step["device"]].stats, step)

    def do_queue_stats(self, step: dict[str, Any]) -> None:
        self.equals(self.devices[step["device"]].queue_stats(step["queue"]), step)

    def do_counters(self, step: dict[str, Any]) -> None:
        self.equals(self.devices[step["device"]].emulated.counters, step)

    def do_mac(self, step: dict[str, Any]) -> None:
        assert self.devices[step["device"]].mac == step["equals"]

    def do_mac_set(self, step: dict[str, Any]) -> None:
        self.devices[step["device"]].mac = step["mac"]

    def do_promiscuous_set(self, step: dict[str, Any]) -> None:
        if step["on"] in (0, 1):
            self.devices[step["device"]].promiscuous = bool(step["on"])
        else:  # bool has no third value
            check(lib.ixy_device_promiscuous_set(self.devices[step["device"]].handle, step["on"]))

    # ---- frames ----

    def do_alloc(self, step: dict[str, Any]) -> None:
        pool = self.pools[step["pool"]]
        packets = pool.alloc(len(step["into"]))
        assert len(packets) == len(step["into"])
        for name, packet in zip(step["into"], packets, strict=True):
            self.frames[name] = packet
            self.pool_of[name] = pool

    def do_set_len(self, step: dict[str, Any]) -> None:
        self.frames[step["frame"]].resize(step["len"])

    def do_fill(self, step: dict[str, Any]) -> None:
        packet = self.frames[step["frame"]]
        packet[:] = pattern(len(packet), step["seed"])

    def do_check(self, step: dict[str, Any]) -> None:
        packet = self.frames[step["frame"]]
        assert len(packet) == step["len"]
        assert bytes(packet) == pattern(step["len"], step["seed"])

    def do_check_len(self, step: dict[str, Any]) -> None:
        assert len(self.frames[step["frame"]]) == step["len"]

    def do_more(self, step: dict[str, Any]) -> None:
        packet = self.frames[step["frame"]]
        if "on" in step:
            packet.more = bool(step["on"])
        else:
            assert packet.more is bool(step["equals"])

    def do_metadata_set(self, step: dict[str, Any]) -> None:
        packet, flags = self.frames[step["frame"]], set(step["flags"])
        l4 = [name for name in ("tcp", "udp") if f"TX_{name.upper()}_CHECKSUM" in flags]
        packet.vlan = step.get("vlan_tci", 0) if "VLAN" in flags else None
        packet.set_checksum(
            ip="TX_IP_CHECKSUM" in flags,
            l4=l4[0] if l4 else None,
            l2_len=step.get("l2_len", 0),
            l3_len=step.get("l3_len", 0),
        )
        if len(l4) > 1 or flags - {"VLAN", "TX_IP_CHECKSUM", "TX_TCP_CHECKSUM", "TX_UDP_CHECKSUM"}:
            self.overwrite(step)

    def overwrite(self, step: dict[str, Any]) -> None:
        """What the class does not express (two checksums at once, what only devices tell): the record as it is."""
        record = ffi.new("ixy_metadata *", {name: step.get(name, 0) for name in ("vlan_tci", "l2_len", "l3_len")})
        for name in step["flags"]:
            record.flags |= getattr(lib, "IXY_META_" + name)
        self.raw(lib.ixy_buf_metadata_set(self.pool_of[step["frame"]].handle, self.copy(step["frame"]), record))

    def do_metadata(self, step: dict[str, Any]) -> None:
        packet, expected = self.frames[step["frame"]], step["equals"]
        told = {
            "TIMESTAMP": packet.timestamp is not None,
            "VLAN": packet.vlan is not None,
            "RX_IP_GOOD": packet.ip_good is True,
            "RX_IP_BAD": packet.ip_good is False,
            "RX_L4_GOOD": packet.l4_good is True,
            "RX_L4_BAD": packet.l4_good is False,
        }
        record = ffi.new("ixy_metadata *")
        self.raw(lib.ixy_buf_metadata(self.pool_of[step["frame"]].handle, self.copy(step["frame"]), record))
        if "flags" in expected:
            flags = expected.pop("flags")
            assert sorted(name for name in told if told[name]) == sorted(set(flags) & set(told))
            assert record.flags == sum(getattr(lib, "IXY_META_" + name) for name in flags)
        if "vlan_tci" in expected:
            assert packet.vlan == expected["vlan_tci"]
        if "not_before" in step:
            assert packet.timestamp >= self.frames[step["not_before"]].timestamp
        self.equals(record, step)

    def do_write(self, step: dict[str, Any]) -> None:
        frame, data = self.frames[step["frame"]], bytes.fromhex(step["hex"])
        if isinstance(frame, ixy.Packet):
            frame.write(step["at"], data)
        else:
            self.raw(lib.ixy_buf_write(self.pool_of[step["frame"]].handle, frame, step["at"], data, len(data)))

    def do_read(self, step: dict[str, Any]) -> None:
        frame = self.frames[step["frame"]]
        if isinstance(frame, ixy.Packet):
            data = frame.read(step["at"], step["size"])
        else:
            to = ffi.new("uint8_t[]", max(step["size"], 1))
            handle = self.pool_of[step["frame"]].handle
            self.raw(lib.ixy_buf_read(handle, frame, step["at"], to, step["size"]))
            data = bytes(ffi.buffer(to, step["size"]))
        assert data.hex() == step["hex"].lower()

    def copy(self, name: str) -> Any:
        frame = self.frames[name]
        if not isinstance(frame, ixy.Packet):
            return ffi.new("ixy_frame *", frame[0])
        length = len(frame) if frame.owned else 60
        return ffi.new("ixy_frame *", (frame.handle, frame.offset, length, frame.flags))

    def do_forge(self, step: dict[str, Any]) -> None:
        frame = self.copy(step["from"])
        frame.buf = int(step["handle"], 16)
        self.frames[step["frame"]] = frame
        self.pool_of[step["frame"]] = self.pool_of[step["from"]]

    def do_frame_set(self, step: dict[str, Any]) -> None:
        frame = self.copy(step["from"])
        frame.offset = (frame.offset + step["offset_add"]) & 0xFFFFFFFF
        frame.len = step["len"]
        self.frames[step["frame"]] = frame
        self.pool_of[step["frame"]] = self.pool_of[step["from"]]

    def raw(self, code: int) -> int:
        if code < 0:
            raise error_of(code)
        return code

    def given(self, names: list[str]) -> tuple[list[ixy.Packet] | None, Any]:
        """The frames as packets if they all are, else as an array for the raw layer."""
        frames = [self.frames[name] for name in names]
        if all(isinstance(frame, ixy.Packet) for frame in frames):
            return frames, None
        return None, ffi.new("ixy_frame[]", [self.copy(name)[0] for name in names])

    def do_tx(self, step: dict[str, Any]) -> None:
        device = self.devices[step["device"]]
        packets, array = self.given(step["frames"])
        if packets is not None:
            sent = device.tx(packets, step["queue"])
        else:
            sent = self.raw(lib.ixy_tx_batch(device.handle, step["queue"], array, len(array)))
        assert sent == step["sent"]

    def do_free(self, step: dict[str, Any]) -> None:
        pool = self.pools[step["pool"]]
        packets, array = self.given(step["frames"])
        if packets is not None:
            freed = pool.free(packets)
        else:
            freed = self.raw(lib.ixy_buf_free(pool.handle, array, len(array)))
        assert freed == step["freed"]

    def do_rx(self, step: dict[str, Any]) -> None:
        device = self.devices[step["device"]]
        packets = device.rx(step["queue"], step["max"])
        for _ in range(1000):
            if len(packets) >= len(step["into"]):
                break
            time.sleep(0.001)
            packets += device.rx(step["queue"], step["max"] - len(packets))
        assert len(packets) == len(step["into"])
        for name, packet in zip(step["into"], packets, strict=True):
            self.frames[name] = packet
            self.pool_of[name] = device.pool

    def do_rx_until_error(self, step: dict[str, Any]) -> None:
        device = self.devices[step["device"]]
        for _ in range(step["polls"]):
            packets = device.rx(step["queue"], 64)
            if packets:
                assert device.pool.free(packets) == len(packets)

    def do_rx_none(self, step: dict[str, Any]) -> None:
        assert self.devices[step["device"]].rx(step["queue"], step["max"]) == []
