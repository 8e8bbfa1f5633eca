-- What the vectors do not reach of the module that SWIG makes: arguments, arrays, packet memory.
local ixy = require "ixy"

local passed, failed = 0, 0

local function test(name, body)
    local done, failure = pcall(body)
    if done then
        passed = passed + 1
    else
        failed = failed + 1
        print(("FAILED %s: %s"):format(name, failure))
    end
end

-- A call that must fail: text is found in what it says.
local function refused(text, call, ...)
    local done, failure = pcall(call, ...)
    assert(not done, "it succeeds; right is: " .. text)
    assert(tostring(failure):find(text, 1, true), tostring(failure))
    return failure
end

local function fresh(pool, count)
    local frames = ixy.Frames(count)
    assert(ixy.buf_alloc(pool, frames, count) == count)
    for index = 0, count - 1 do
        local frame = frames:get(index)
        frame.len = 60
        frames:put(index, frame)
    end
    return frames
end

test("control calls tell what was wrong, hot ones what the code means", function()
    local control = refused("handle 0x4d is closed", ixy.pool_close, 77)
    assert(control.code == ixy.E_HANDLE and control.name == "IXY_E_HANDLE" and control.text == ixy.last_error())
    local hot = refused("IXY_E_HANDLE", ixy.rx_batch, 77, 0, ixy.Frames(1), 1)
    assert(hot.text == ixy.strerror(ixy.E_HANDLE))
    assert(refused("handle 0x4d is closed", ixy.Memory, 77).code == ixy.E_HANDLE)
end)

test("handles and numbers are exact integers", function()
    local pool = ixy.pool_open(nil)
    assert(math.type(pool) == "integer")
    local frame = ixy.Frame()
    for _, handle in ipairs {0, 1, 2 ^ 53 | 1, math.maxinteger, math.mininteger, -1} do
        frame.buf = handle
        assert(math.type(frame.buf) == "integer" and frame.buf == handle)
    end
    frame.len = 6.0
    assert(frame.len == 6)
    refused("out of the range of uint16_t", function() frame.len = 65536 end)
    refused("out of the range of uint16_t", function() frame.len = -1 end)
    refused("out of the range of uint16_t", function() frame.len = 1.5 end)
    refused("out of the range of uint64_t", function() frame.buf = 2.0 ^ 64 end)
    ixy.pool_close(pool)
end)

test("arguments that C could not take are refused", function()
    local pool, frames = ixy.pool_open(nil), ixy.Frames(4)
    refused("more than the Frames hold", ixy.buf_free, pool, frames, 5)
    refused("expected 'ixy_frame", ixy.buf_free, pool, nil, 0)
    refused("expected 'Frames", ixy.buf_free, pool, frames:get(0), 1)
    refused("out of the range of uint32_t", ixy.buf_free, pool, frames, 2 ^ 32)
    refused("expected", ixy.buf_write, pool, frames:get(0), 0, {})
    refused("size is a number", ixy.buf_read, pool, frames:get(0), 0, -1)
    refused("6 bytes", ixy.device_mac_set, 1, "12345")
    refused("BUFFERS_MAX", ixy.Frames, 0)
    refused("BUFFERS_MAX", ixy.Frames, ixy.BUFFERS_MAX + 1)
    refused("no frame at this index", frames.get, frames, 4)
    refused("no frame at this index", frames.put, frames, 4, frames:get(0))
    refused("more than the Frames hold", frames.drop, frames, 5)
    refused("no object", frames.get, nil, 0)
    refused("no object", ixy.Memory(pool).byte, nil, frames, 0, 0)
    ixy.pool_close(pool)
end)

test("numbers that are no whole numbers are refused", function()
    local pool, frames = ixy.pool_open(nil), ixy.Frames(4)
    assert(ixy.buf_alloc(pool, frames, 4) == 4)
    local memory, frame = ixy.Memory(pool), frames:get(0)
    for _, number in ipairs {0.5, -0.5, 0 / 0, 1 / 0, -1 / 0, 2.0 ^ 63, 2.0 ^ 64, "0.5", "one"} do
        for _, call in ipairs {
            function() return ixy.buf_free(pool, frames, number) end,
            function() return ixy.buf_free(number, frames, 4) end,
            function() return ixy.buf_read(pool, frame, number, 0) end,
            function() return ixy.buf_read(pool, frame, 0, number) end,
            function() return memory:byte(frames, number, 0) end,
            function() return memory:byte(frames, 0, number) end,
            function() return frames:get(number) end,
            function() return frames:drop(number) end,
            function() return ixy.Frames(number) end,
            function() frame.offset = number end,
        } do
            assert(not pcall(call), tostring(number))
        end
    end
    for _, number in ipairs {-1, 2 ^ 32, 2 ^ 53, math.mininteger, math.maxinteger} do
        refused("out of the range of uint32_t", ixy.rx_batch, 0, number, frames, 4)
        refused("out of the range of uint32_t", frames.get, frames, number)
    end
    assert(ixy.buf_free(pool, frames, 4) == 4)
    ixy.pool_close(pool)
end)

test("3000 pools with memory that only the collector finds", function()
    collectgarbage("stop") -- nothing but a limit that is reached makes it run
    local config = ixy.PoolConfig()
    config.buffer_count = 16
    for _ = 1, 3000 do
        local pool = ixy.pool_open(config)
        ixy.Memory(pool)
        ixy.pool_close(pool)
    end
    collectgarbage("restart")
end)

test("get gives a copy, drop moves", function()
    local pool = ixy.pool_open(nil)
    local frames = fresh(pool, 3)
    local first, second = frames:get(0), frames:get(1)
    second.len = 100
    assert(frames:get(1).len == 60)
    frames:drop(1)
    assert(frames:size() == 3 and frames:get(0).buf == second.buf)
    assert(ixy.buf_free(pool, frames, 2) == 2)
    frames:put(0, first)
    assert(ixy.buf_free(pool, frames, 1) == 1)
    ixy.pool_close(pool)
end)

test("memory is checked and outlives its pool", function()
    local pool = ixy.pool_open(nil)
    local frames, memory = fresh(pool, 2), ixy.Memory(pool)
    memory:set_byte(frames, 1, 59, 255)
    assert(memory:byte(frames, 1, 59) == 255)
    assert(ixy.buf_read(pool, frames:get(1), 59, 1) == "\xff")
    refused("IXY_E_RANGE", memory.set_byte, memory, frames, 1, 60, 1)
    refused("out of the range of uint8_t", memory.set_byte, memory, frames, 1, 0, 256)
    assert(ixy.buf_free(pool, frames, 1) == 1)
    refused("IXY_E_HANDLE", memory.byte, memory, frames, 0, 0)
    local moved = frames:get(1)
    moved.offset = moved.offset + 2100
    frames:put(0, moved)
    refused("IXY_E_FRAME", memory.byte, memory, frames, 0, 0)
    ixy.pool_close(pool)
    refused("IXY_E_HANDLE", memory.byte, memory, frames, 1, 59)
end)

test("a count and what lies beside it are two values", function()
    local count, name = ixy.device_feature(ixy.device_open("emu:virtio", nil), 0)
    assert(count > 0 and #name > 0)
    local devices, found = ixy.device_find(1 << 20)
    assert(math.type(devices) == "integer" and found.address == "")
end)

print(("Lua: %d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
