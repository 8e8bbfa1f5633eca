-- Runs the shared vectors (docs/vectors.md) through the Lua module that SWIG makes of abi/swig/ixy.i.
--
--   lua5.4 tests/swig/vectors.lua FILE.json...
local ixy = require "ixy"
local json = require "dkjson"

local function bits(prefix, names)
    local sum = 0
    for _, name in ipairs(names) do
        sum = sum | assert(ixy[prefix .. name], name)
    end
    return sum
end

local function equal(found, wanted, what)
    if found ~= wanted then
        error(("%s is %s; right is %s"):format(what, found, wanted), 0)
    end
end

local function pattern(length, seed)
    local bytes = {}
    for i = 0, length - 1 do
        bytes[i + 1] = string.char(seed + 7 * i & 255)
    end
    return table.concat(bytes)
end

local function to_hex(bytes)
    return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local function from_hex(hex)
    return (hex:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

-- sets: the prefix of the constants that the names in a list are
local function compare(found, equals, sets)
    for name, value in pairs(equals) do
        equal(found[name], type(value) == "table" and bits(sets, value) or value, name)
    end
end

-- A case's variables: handles of pools and devices, frames, the pool that each frame is of, and the first pool opened,
-- of which received frames are.
local pools, devices, frames, pool_of, first_pool, folder

local function keep(name, frame, pool)
    frames[name], pool_of[name] = frame, pool
end

local function array(names)
    local made = ixy.Frames(math.max(#names, 1))
    for index, name in ipairs(names) do
        made:put(index - 1, frames[name])
    end
    return made
end

local function copy(name)
    return array({name}):get(0)
end

local function features(device)
    local names = {}
    for index = 0, (ixy.device_feature(device, 0)) - 1 do
        local _, name = ixy.device_feature(device, index)
        names[name] = true
    end
    return names
end

-- Another look at the queue is worth while after this: up to 1 ms, or at once on a device that only steps when polled.
local function pause(device, queue)
    local waited, failure = pcall(ixy.rx_wait, device, queue, 1)
    if not waited and failure.code ~= ixy.E_UNSUPPORTED then
        error(failure, 0)
    end
end

local operations = {}

-- ---- pools and devices ----

function operations.pool_open(step)
    local config = ixy.PoolConfig()
    config.buffer_count, config.buffer_size = step.buffers or 0, step.buffer_size or 0
    pools[step.pool] = ixy.pool_open(config)
    first_pool = first_pool or pools[step.pool]
end

function operations.pool_close(step)
    ixy.pool_close(pools[step.pool])
end

function operations.pool_free_count(step)
    equal(ixy.pool_free_count(pools[step.pool]), step.equals, "free count")
end

function operations.device_open(step)
    local config = ixy.DeviceConfig()
    for _, name in ipairs {"rx_queues", "tx_queues", "rx_ring_size", "tx_ring_size", "frame_len_max"} do
        config[name] = step[name] or 0
    end
    config.pool = step.pool and pools[step.pool] or 0
    config.offloads = bits("CAN_", step.offloads or {})
    devices[step.device] = ixy.device_open(step.address:gsub("{tmp}", folder), config)
end

function operations.device_start(step)
    ixy.device_start(devices[step.device])
end

function operations.device_reset(step)
    ixy.device_reset(devices[step.device])
end

function operations.device_close(step)
    ixy.device_close(devices[step.device])
end

function operations.features(step)
    local found = features(devices[step.device])
    for _, name in ipairs(step.has or {}) do
        equal(found[name], true, name)
    end
    for _, name in ipairs(step.lacks or {}) do
        equal(found[name], nil, name)
    end
end

function operations.capabilities(step)
    local has, lacks = bits("CAN_", step.has or {}), bits("CAN_", step.lacks or {})
    equal(ixy.device_info(devices[step.device]).capabilities & (has | lacks), has, "capabilities")
end

function operations.device_info(step)
    compare(ixy.device_info(devices[step.device]), step.equals, "CAN_")
end

function operations.link(step)
    compare(ixy.device_link(devices[step.device]), step.equals)
end

function operations.stats(step)
    compare(ixy.device_stats(devices[step.device]), step.equals)
end

function operations.queue_stats(step)
    compare(ixy.device_queue_stats(devices[step.device], step.queue), step.equals)
end

function operations.counters(step)
    compare(ixy.emu_counters_get(devices[step.device]), step.equals)
end

function operations.mac(step)
    equal(to_hex(ixy.device_mac(devices[step.device])), (step.equals:gsub(":", "")), "MAC address")
end

function operations.mac_set(step)
    ixy.device_mac_set(devices[step.device], from_hex((step.mac:gsub(":", ""))))
end

function operations.promiscuous_set(step)
    ixy.device_promiscuous_set(devices[step.device], step.on)
end

-- ---- frames ----

function operations.alloc(step)
    local made = ixy.Frames(#step.into)
    equal(ixy.buf_alloc(pools[step.pool], made, #step.into), #step.into, "allocated")
    for index, name in ipairs(step.into) do
        keep(name, made:get(index - 1), pools[step.pool])
    end
end

function operations.set_len(step)
    frames[step.frame].len = step.len
end

function operations.check_len(step)
    equal(frames[step.frame].len, step.len, "length")
end

function operations.more(step)
    local frame = frames[step.frame]
    if step.on then
        frame.flags = frame.flags & ~ixy.FRAME_MORE | step.on * ixy.FRAME_MORE
    else
        equal(frame.flags & ixy.FRAME_MORE, step.equals * ixy.FRAME_MORE, "more")
    end
end

function operations.metadata_set(step)
    local record = ixy.Metadata()
    record.flags = bits("META_", step.flags)
    record.vlan_tci, record.l2_len, record.l3_len = step.vlan_tci or 0, step.l2_len or 0, step.l3_len or 0
    ixy.buf_metadata_set(pool_of[step.frame], frames[step.frame], record)
end

function operations.metadata(step)
    local record = ixy.buf_metadata(pool_of[step.frame], frames[step.frame])
    compare(record, step.equals, "META_")
    if step.not_before then
        local earlier = ixy.buf_metadata(pool_of[step.not_before], frames[step.not_before])
        equal(record.timestamp >= earlier.timestamp, true, "timestamp is not earlier")
    end
end

local function write(name, at, bytes)
    equal(ixy.buf_write(pool_of[name], frames[name], at, bytes), #bytes, "written")
end

local function read(name, at, size, wanted)
    equal(to_hex(ixy.buf_read(pool_of[name], frames[name], at, size)), to_hex(wanted), "bytes")
end

function operations.write(step)
    write(step.frame, step.at, from_hex(step.hex))
end

function operations.read(step)
    read(step.frame, step.at, step.size, from_hex(step.hex or ""))
end

function operations.fill(step)
    write(step.frame, 0, pattern(frames[step.frame].len, step.seed))
end

function operations.check(step)
    equal(frames[step.frame].len, step.len, "length")
    read(step.frame, 0, step.len, pattern(step.len, step.seed))
end

function operations.forge(step)
    local frame = copy(step.from)
    frame.buf = math.tointeger(tonumber(step.handle)) or tonumber(step.handle, 16)
    equal(frame.buf, math.tointeger(frame.buf), "handle")
    keep(step.frame, frame, pool_of[step.from])
end

function operations.frame_set(step)
    local frame = copy(step.from)
    frame.offset = frame.offset + step.offset_add & 0xffffffff
    frame.len = step.len
    keep(step.frame, frame, pool_of[step.from])
end

-- ---- batches ----

function operations.tx(step)
    equal(ixy.tx_batch(devices[step.device], step.queue, array(step.frames), #step.frames), step.sent, "sent")
end

function operations.free(step)
    equal(ixy.buf_free(pools[step.pool], array(step.frames), #step.frames), step.freed, "freed")
end

function operations.rx(step)
    local device, got = devices[step.device], {}
    local made = ixy.Frames(math.max(step.max, 1))
    for poll = 0, 1000 do
        if poll > 0 then
            pause(device, step.queue)
        end
        for index = 0, ixy.rx_batch(device, step.queue, made, step.max - #got) - 1 do
            got[#got + 1] = made:get(index)
        end
        if #got >= #(step.into or {}) then
            break
        end
    end
    equal(#got, #step.into, "received")
    for index, name in ipairs(step.into) do
        keep(name, got[index], first_pool)
    end
end

function operations.rx_none(step)
    local made = ixy.Frames(math.max(step.max, 1))
    equal(ixy.rx_batch(devices[step.device], step.queue, made, step.max), 0, "received")
end

function operations.rx_until_error(step)
    local made = ixy.Frames(64)
    for _ = 1, step.polls do
        local count = ixy.rx_batch(devices[step.device], step.queue, made, 64)
        if count > 0 then
            equal(ixy.buf_free(first_pool, made, count), count, "freed")
        end
    end
end

-- ---- cases ----

local function perform(step)
    local operation = operations[step.op] or error("this runner does not know the operation " .. step.op, 0)
    if not step.error then
        operation(step)
        return
    end
    local done, failure = pcall(operation, step)
    equal(done, false, "success")
    if type(failure) ~= "table" then
        error(failure, 0)
    end
    equal(failure.name, step.error, "error")
    equal(failure.code, ixy[step.error:gsub("^IXY_", "")], "code")
    equal(#failure.text > 0, true, "a text")
    equal(tostring(failure), failure.name .. ": " .. failure.text, "error as text")
end

local function close(handles, call)
    for _, handle in pairs(handles) do
        local done, failure = pcall(call, handle)
        if not done and failure.code ~= ixy.E_HANDLE then -- the case closed it
            error(failure, 0)
        end
    end
end

local function with_device(value, device)
    if type(value) == "string" then
        return (value:gsub("{device}", device))
    elseif type(value) ~= "table" then
        return value
    end
    local filled = {}
    for key, part in pairs(value) do
        filled[key] = with_device(part, device)
    end
    return filled
end

local function run(steps)
    pools, devices, frames, pool_of, first_pool = {}, {}, {}, {}, nil
    local pipe = assert(io.popen("mktemp -d"))
    folder = pipe:read("l")
    pipe:close()
    local done, failure = true, nil
    for number, step in ipairs(steps) do
        done, failure = pcall(perform, step)
        if not done then
            failure = ("step %d, %s: %s"):format(number - 1, json.encode(step), failure)
            break
        end
    end
    close(devices, ixy.device_close)
    close(pools, ixy.pool_close)
    assert(os.execute("rm -r " .. folder))
    return done, failure
end

assert(#arg > 0, "vectors.lua FILE.json...")
local passed, failed = 0, 0
for _, name in ipairs(arg) do
    local file = assert(io.open(name))
    local vectors = assert(json.decode(file:read("a")))
    file:close()
    for _, case in ipairs(vectors.cases) do
        for _, device in ipairs(case.devices or {""}) do
            local done, failure = run(with_device(case.steps, device))
            if done then
                passed = passed + 1
            else
                failed = failed + 1
                print(("FAILED %s: %s, %s: %s"):format(name, case.name, device, failure))
            end
        end
    end
end
print(("Lua vectors: %d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and passed > 0)
