"""What the vectors do not reach of the module that SWIG makes: arguments, arrays, packet memory, threads."""

import copy
import math
import pickle
import threading
import time
from fractions import Fraction

import ixy_swig as ixy
import numpy
import pytest

SMALL = ixy.PoolConfig()
SMALL.buffer_count = 16


@pytest.fixture
def pool():
    handle = ixy.pool_open(None)
    yield handle
    ixy.pool_close(handle)


@pytest.fixture
def device(pool):
    config = ixy.DeviceConfig()
    config.pool = pool
    handle = ixy.device_open("emu:82599,wire=loop,timing=threaded", config)
    ixy.device_start(handle)
    yield handle
    ixy.device_close(handle)


def fresh(pool, count, length=60):
    frames = ixy.Frames(count)
    assert ixy.buf_alloc(pool, frames, count) == count
    for index in range(count):
        frame = frames.get(index)
        frame.len = length
        frames.put(index, frame)
    return frames


def test_control_calls_tell_what_was_wrong_and_hot_ones_what_the_code_means(pool, device):
    with pytest.raises(ixy.Error, match="handle 0x4d is closed") as control:
        ixy.pool_close(77)
    assert (control.value.code, control.value.name) == (ixy.E_HANDLE, "IXY_E_HANDLE")
    assert control.value.text == ixy.last_error()
    with pytest.raises(ixy.Error) as hot:
        ixy.rx_batch(device, 7, ixy.Frames(1), 1)
    assert (hot.value.code, hot.value.text) == (ixy.E_RANGE, ixy.strerror(ixy.E_RANGE))
    with pytest.raises(ixy.Error) as helper:
        ixy.Memory(77)
    assert helper.value.code == ixy.E_HANDLE


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda pool, frames: ixy.buf_free(pool, frames, 5), IndexError, "more than the Frames hold"),
        (lambda pool, frames: ixy.buf_free(pool, None, 0), TypeError, "class Frames"),
        (lambda pool, frames: ixy.buf_free(pool, frames.get(0), 1), TypeError, "class Frames"),
        (lambda pool, frames: ixy.buf_free(pool, frames, 2**32), OverflowError, "uint32_t"),
        (lambda pool, frames: ixy.buf_free(2**64, frames, 1), OverflowError, "uint64_t"),
        (lambda pool, frames: ixy.buf_free(-1, frames, 1), OverflowError, "uint64_t"),
        (lambda pool, frames: ixy.buf_write(pool, frames.get(0), 0, "text"), TypeError, "bytes"),
        (lambda pool, frames: ixy.buf_read(pool, frames.get(0), 0, -1), ValueError, "size"),
        (lambda pool, frames: ixy.device_mac_set(1, b"12345"), ValueError, "6 bytes"),
        (lambda pool, frames: ixy.device_open(7, None), TypeError, "char const"),
        (lambda pool, frames: ixy.Frames(0), ValueError, "BUFFERS_MAX"),
        (lambda pool, frames: ixy.Frames(ixy.BUFFERS_MAX + 1), ValueError, "BUFFERS_MAX"),
        (lambda pool, frames: frames.get(4), IndexError, "no frame"),
        (lambda pool, frames: frames.put(4, frames.get(0)), IndexError, "no frame"),
        (lambda pool, frames: frames.put(0, None), ValueError, "null"),
        (lambda pool, frames: frames.drop(5), IndexError, "more than the Frames hold"),
        (lambda pool, frames: ixy.Memory(pool).byte(frames, 4, 0), IndexError, "no frame"),
        (lambda pool, frames: setattr(frames.get(0), "len", 65536), OverflowError, "uint16_t"),
    ],
)
def test_arguments_that_c_could_not_take_are_refused(pool, call, error, text):
    frames = ixy.Frames(4)
    with pytest.raises(error, match=text):
        call(pool, frames)


class Odd(int):
    """An int whose arithmetic is its own."""

    def __mul__(self, other):
        return 0

    __rmul__ = __add__ = __radd__ = __mul__

    def __index__(self):
        return 0

    __int__ = __index__


@pytest.mark.parametrize(
    "number", [0.5, 1.0, math.nan, math.inf, "1", b"1", None, Fraction(1), numpy.uint8(1), numpy.int64(1), [1]]
)
def test_numbers_of_another_type_are_refused(pool, device, number):
    frames = fresh(pool, 4)
    memory = ixy.Memory(pool)
    calls = [
        lambda: ixy.buf_free(number, frames, 1),
        lambda: ixy.buf_free(pool, frames, number),
        lambda: ixy.rx_batch(device, number, frames, 1),
        lambda: ixy.rx_wait(device, 0, number),
        lambda: ixy.buf_read(pool, frames.get(0), number, 1),
        lambda: ixy.buf_read(pool, frames.get(0), 0, number),
        lambda: memory.byte(frames, number, 0),
        lambda: memory.byte(frames, 0, number),
        lambda: memory.set_byte(frames, 0, 0, number),
        lambda: frames.get(number),
        lambda: frames.drop(number),
        lambda: ixy.Frames(number),
        lambda: setattr(frames.get(0), "offset", number),
    ]
    for call in calls:
        with pytest.raises((TypeError, ValueError)):
            call()
    assert ixy.buf_free(pool, frames, 4) == 4


def test_an_int_with_arithmetic_of_its_own_is_the_number_that_it_holds(pool):
    frames = fresh(pool, 4)
    assert ixy.Frames(Odd(3)).size() == 3
    with pytest.raises(IndexError):
        ixy.buf_free(pool, frames, Odd(5))
    with pytest.raises(ixy.Error):
        ixy.Memory(pool).byte(frames, 0, Odd(60))
    assert len(ixy.buf_read(pool, frames.get(0), 0, Odd(60))) == 60
    assert ixy.buf_free(pool, frames, Odd(4)) == 4


def test_objects_are_not_copied_and_a_second_init_changes_nothing(pool):
    frames, memory = fresh(pool, 4), ixy.Memory(pool)
    array, packets = memoryview(frames), memoryview(memory)
    for made in (frames, memory, ixy.DeviceConfig()):
        for copy_of in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="pickle"):
                copy_of(made)
    for _ in range(100):
        frames.__init__(100_000)
        memory.__init__(pool)
    assert frames.size() == 4 and len(array) == 64
    assert memory.byte(frames, 3, 59) == packets[frames.get(3).offset + 59]
    assert ixy.buf_free(pool, frames, 4) == 4


def test_3000_pools_with_memory_that_only_the_collector_finds():
    for _ in range(3000):
        pool = ixy.pool_open(SMALL)
        memory = ixy.Memory(pool)
        cycle = [memory]
        cycle.append(cycle)
        ixy.pool_close(pool)


def test_a_class_that_forgets_init_is_refused(pool):
    class Half(ixy.Frames):
        def __init__(self):
            pass

    for call in (
        lambda: Half().get(0),
        lambda: ixy.buf_free(pool, Half(), 1),
        lambda: memoryview(Half()),
        lambda: ixy.Memory.__new__(ixy.Memory).byte(ixy.Frames(1), 0, 0),
        lambda: memoryview(ixy.Memory.__new__(ixy.Memory)),
        lambda: ixy.Frame.__new__(ixy.Frame).buf,
        lambda: ixy.buf_write(pool, ixy.Frame.__new__(ixy.Frame), 0, b""),
    ):
        with pytest.raises(TypeError):
            call()


def test_a_class_may_inherit(pool):
    class Mine(ixy.Frames):
        pass

    assert ixy.buf_free(pool, Mine(1), 0) == 0


def test_no_address_and_no_size_reaches_the_language():
    hidden = {"struct_size", "reserved", "base", "owner", "metadata"}
    for made in (ixy.PoolConfig, ixy.DeviceConfig, ixy.Info, ixy.View, ixy.Found, ixy.EmuMeter):
        assert not hidden & set(dir(made))


def test_get_gives_a_copy_and_drop_moves(pool):
    frames = fresh(pool, 3)
    first, second = frames.get(0), frames.get(1)
    second.len = 100
    assert frames.get(1).len == 60
    frames.drop(1)
    assert (frames.size(), frames.get(0).buf) == (3, second.buf)
    assert ixy.buf_free(pool, frames, 2) == 2
    frames.put(0, first)
    assert ixy.buf_free(pool, frames, 1) == 1


def test_memory_is_checked(pool):
    frames, memory = fresh(pool, 2), ixy.Memory(pool)
    memory.set_byte(frames, 1, 59, 255)
    assert memory.byte(frames, 1, 59) == 255
    assert ixy.buf_read(pool, frames.get(1), 59, 1) == b"\xff"
    errors = []
    stale = ixy.Frames(2)
    frame = frames.get(0)
    frame.offset += 2100
    stale.put(0, frame)
    frame.buf = 1
    stale.put(1, frame)
    assert ixy.buf_free(pool, frames, 1) == 1
    for array, index, at in ((frames, 0, 0), (frames, 1, 60), (stale, 1, 0)):
        with pytest.raises(ixy.Error) as caught:
            memory.set_byte(array, index, at, 1)
        errors.append(caught.value.name)
    assert errors == ["IXY_E_HANDLE", "IXY_E_RANGE", "IXY_E_HANDLE"]
    frame = frames.get(1)
    frame.offset += 2100
    frames.put(1, frame)
    with pytest.raises(ixy.Error, match="IXY_E_FRAME"):
        memory.byte(frames, 1, 0)


def test_memory_outlives_its_pool():
    pool = ixy.pool_open(None)
    frames, memory = fresh(pool, 1), ixy.Memory(pool)
    memory.set_byte(frames, 0, 0, 7)
    raw = memoryview(memory)
    assert raw[frames.get(0).offset] == 7
    ixy.pool_close(pool)
    with pytest.raises(ixy.Error, match="IXY_E_HANDLE"):
        memory.byte(frames, 0, 0)
    del memory
    assert raw[frames.get(0).offset] == 0


def test_frames_are_seen_as_memory(pool):
    frames = fresh(pool, 2)
    handles = memoryview(frames).cast("Q")
    assert [handles[0], handles[2]] == [frames.get(0).buf, frames.get(1).buf]
    last = frames.get(1).buf
    del frames
    assert handles[2] == last


def test_other_threads_run_while_one_waits(device):
    done = []
    thread = threading.Thread(target=lambda: done.append(ixy.rx_wait(device, 0, 3000)))
    began = time.monotonic()
    thread.start()
    time.sleep(0.1)
    assert time.monotonic() - began < 2, "this thread stood still until the wait was over"
    thread.join()
    assert done == [0]
