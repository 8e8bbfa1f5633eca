"""Runs the shared vectors (docs/vectors.md) through the Python module that SWIG makes of abi/swig/ixy.i."""

import json
import time
from pathlib import Path

import ixy_swig as ixy
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "vectors"


def cases():
    files = sorted(FOLDER.glob("*.json"))
    if not files:
        raise RuntimeError(f"there are no shared vectors in {FOLDER}")
    for file in files:
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]:
            for device in case.get("devices", [""]):
                steps = json.loads(json.dumps(case["steps"]).replace("{device}", device))
                yield pytest.param(steps, id=f"{file.stem}: {case['name']}, {device}".removesuffix(", "))


@pytest.mark.parametrize("steps", list(cases()))
def test_vector(steps, tmp_path):
    case = Case(tmp_path)
    try:
        for number, step in enumerate(steps):
            case.perform(f"step {number}: {step}", step)
    finally:
        case.close()


def bits(prefix, names):
    return sum(getattr(ixy, prefix + name) for name in set(names))


def pattern(length, seed):
    return bytes((seed + 7 * i) & 255 for i in range(length))


class Case:
    """The variables of a case, and its operations: each is a method, whose parameters are the fields of a step."""

    def __init__(self, folder):
        self.folder = folder
        self.pools, self.devices, self.frames = {}, {}, {}
        self.first_pool = None  # received frames are of the first that the case opened
        self.pool_of = {}

    def perform(self, where, step):
        fields = {name: value for name, value in step.items() if name not in ("op", "error")}
        operation = getattr(self, "do_" + step["op"], None)
        assert operation is not None, f"{where}: this runner does not know the operation"
        if "error" not in step:
            operation(**fields)
            return
        with pytest.raises(ixy.Error) as caught:
            operation(**fields)
        error = caught.value
        assert error.name == step["error"], where
        assert error.code == getattr(ixy, step["error"].removeprefix("IXY_")), where
        assert error.text and str(error) == f"{error.name}: {error.text}", where

    def close(self):
        for handles, close in ((self.devices, ixy.device_close), (self.pools, ixy.pool_close)):
            for handle in handles.values():
                try:
                    close(handle)
                except ixy.Error as error:
                    assert error.code == ixy.E_HANDLE, error  # the case closed it

    # ---- pools and devices ----

    def do_pool_open(self, pool, buffers=0, buffer_size=0):
        config = ixy.PoolConfig()
        config.buffer_count, config.buffer_size = buffers, buffer_size
        self.pools[pool] = ixy.pool_open(config)
        self.first_pool = self.first_pool or self.pools[pool]

    def do_pool_close(self, pool):
        ixy.pool_close(self.pools[pool])

    def do_pool_free_count(self, pool, equals=None):
        assert ixy.pool_free_count(self.pools[pool]) == equals

    def do_device_open(self, device, address, pool=None, offloads=(), **options):
        config = ixy.DeviceConfig()
        config.pool = self.pools[pool] if pool else 0
        config.offloads = bits("CAN_", offloads)
        for name, value in options.items():
            assert hasattr(config, name), name
            setattr(config, name, value)
        self.devices[device] = ixy.device_open(address.replace("{tmp}", str(self.folder)), config)

    def do_device_start(self, device):
        ixy.device_start(self.devices[device])

    def do_device_reset(self, device):
        ixy.device_reset(self.devices[device])

    def do_device_close(self, device):
        ixy.device_close(self.devices[device])

    def do_features(self, device, has=(), lacks=()):
        count, _ = ixy.device_feature(self.devices[device], 0)
        names = {ixy.device_feature(self.devices[device], index)[1] for index in range(count)}
        assert set(has) <= names
        assert not set(lacks) & names

    def do_capabilities(self, device, has=(), lacks=()):
        able = ixy.device_info(self.devices[device]).capabilities
        assert able & bits("CAN_", [*has, *lacks]) == bits("CAN_", has)

    def compare(self, found, equals, sets):
        """sets: the prefix of the constants that the names in a list are."""
        for name, value in equals.items():
            wanted = bits(sets, value) if isinstance(value, list) else value
            assert getattr(found, name) == wanted, name

    def do_device_info(self, device, equals):
        self.compare(ixy.device_info(self.devices[device]), equals, "CAN_")

    def do_link(self, device, equals):
        self.compare(ixy.device_link(self.devices[device]), equals, None)

    def do_stats(self, device, equals):
        self.compare(ixy.device_stats(self.devices[device]), equals, None)

    def do_queue_stats(self, device, queue, equals=None):
        self.compare(ixy.device_queue_stats(self.devices[device], queue), equals, None)

    def do_counters(self, device, equals):
        self.compare(ixy.emu_counters_get(self.devices[device]), equals, None)

    def do_mac(self, device, equals):
        assert ixy.device_mac(self.devices[device]).hex(":") == equals

    def do_mac_set(self, device, mac):
        ixy.device_mac_set(self.devices[device], bytes.fromhex(mac.replace(":", "")))

    def do_promiscuous_set(self, device, on):
        ixy.device_promiscuous_set(self.devices[device], on)

    # ---- frames ----

    def array(self, names):
        frames = ixy.Frames(max(len(names), 1))
        for index, name in enumerate(names):
            frames.put(index, self.frames[name])
        return frames

    def keep(self, name, frame, pool):
        self.frames[name], self.pool_of[name] = frame, pool

    def do_alloc(self, pool, into):
        frames = ixy.Frames(len(into))
        assert ixy.buf_alloc(self.pools[pool], frames, len(into)) == len(into)
        for index, name in enumerate(into):
            self.keep(name, frames.get(index), self.pools[pool])

    def do_set_len(self, frame, len):
        self.frames[frame].len = len

    def do_check_len(self, frame, len):
        assert self.frames[frame].len == len

    def do_more(self, frame, on=None, equals=None):
        found = self.frames[frame]
        if on is None:
            assert bool(found.flags & ixy.FRAME_MORE) is bool(equals)
        else:
            found.flags = found.flags & ~ixy.FRAME_MORE | (ixy.FRAME_MORE if on else 0)

    def do_metadata_set(self, frame, flags, vlan_tci=0, l2_len=0, l3_len=0):
        record = ixy.Metadata()
        record.flags = bits("META_", flags)
        record.vlan_tci, record.l2_len, record.l3_len = vlan_tci, l2_len, l3_len
        ixy.buf_metadata_set(self.pool_of[frame], self.frames[frame], record)

    def do_metadata(self, frame, equals=None, not_before=None):
        record = ixy.buf_metadata(self.pool_of[frame], self.frames[frame])
        self.compare(record, equals, "META_")
        if not_before is not None:
            assert record.timestamp >= ixy.buf_metadata(self.pool_of[not_before], self.frames[not_before]).timestamp

    def do_write(self, frame, at, hex):
        data = bytes.fromhex(hex)
        assert ixy.buf_write(self.pool_of[frame], self.frames[frame], at, data) == len(data)

    def do_read(self, frame, at, size, hex=None):
        data = ixy.buf_read(self.pool_of[frame], self.frames[frame], at, size)
        assert len(data) == size
        assert data.hex() == hex.lower()

    def do_fill(self, frame, seed):
        self.do_write(frame, 0, pattern(self.frames[frame].len, seed).hex())

    def do_check(self, frame, seed, len):
        self.do_check_len(frame, len)
        self.do_read(frame, 0, len, pattern(len, seed).hex())

    def copy(self, name):
        return self.array([name]).get(0)

    def do_forge(self, frame, handle, **fields):
        copy = self.copy(fields["from"])
        copy.buf = int(handle, 16)
        assert copy.buf == int(handle, 16)
        self.keep(frame, copy, self.pool_of[fields["from"]])

    def do_frame_set(self, frame, offset_add, len, **fields):
        copy = self.copy(fields["from"])
        copy.offset = (copy.offset + offset_add) & 0xFFFFFFFF
        copy.len = len
        self.keep(frame, copy, self.pool_of[fields["from"]])

    # ---- batches ----

    def do_tx(self, device, queue, frames, sent=None):
        assert ixy.tx_batch(self.devices[device], queue, self.array(frames), len(frames)) == sent

    def do_free(self, pool, frames, freed=None):
        assert ixy.buf_free(self.pools[pool], self.array(frames), len(frames)) == freed

    def do_rx(self, device, queue, max, into=()):
        got = []
        frames = ixy.Frames(max or 1)
        for poll in range(1001):
            if poll > 0:
                time.sleep(0.001)
            count = ixy.rx_batch(self.devices[device], queue, frames, max - len(got))
            got += [frames.get(index) for index in range(count)]
            if len(got) >= len(into):
                break
        assert len(got) == len(into)
        for name, frame in zip(into, got, strict=True):
            self.keep(name, frame, self.first_pool)

    def do_rx_none(self, device, queue, max):
        assert ixy.rx_batch(self.devices[device], queue, ixy.Frames(max or 1), max) == 0

    def do_rx_until_error(self, device, queue, polls):
        frames = ixy.Frames(64)
        for _ in range(polls):
            count = ixy.rx_batch(self.devices[device], queue, frames, 64)
            if count:
                assert ixy.buf_free(self.first_pool, frames, count) == count
