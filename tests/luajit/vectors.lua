-- Runs the shared vectors, docs/vectors.md:
--     luajit vectors.lua LIBRARY HEADERS FILE...
-- with dkjson (Debian: lua-dkjson). `read`, `write`, `fill` and `check` go through the binding's own check.

package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path

local ffi = require("ffi")
local bit = require("bit")
local json = require("dkjson")
local ixy = require("ixy").load { library = arg[1], headers = arg[2] }

ffi.cdef [[
char *mkdtemp(char *);
int poll(void *, unsigned long, int);
]]

local MORE = ixy.constants.IXY_FRAME_MORE

-- The names of bits, from the header: those of IXY_CAN_*, say, without IXY_CAN_.
local function bits_of(prefix)
    local bits = {}
    for name, value in pairs(ixy.constants) do
        if name:sub(1, #prefix) == prefix then bits[name:sub(#prefix + 1)] = value end
    end
    return bits
end

local CAN, META = bits_of("IXY_CAN_"), bits_of("IXY_META_")

local function fail(...) error((...):format(select(2, ...)), 0) end

local function sum(names, bits)
    local result = 0
    for _, name in ipairs(names or {}) do result = result + (bits[name] or fail("no bit is called %s", name)) end
    return result
end

local function same(got, wanted, what)
    if got ~= wanted then fail("%s is %s, not %s", what, tostring(got), tostring(wanted)) end
end

-- Compares the members that `equals` has. A set of names is compared as its bits; a name that comes twice is none.
local function compare(struct, equals, bits)
    for name, wanted in pairs(equals) do
        if struct[name] == nil then fail("no member is called %s", name) end
        if type(wanted) == "table" then wanted = sum(wanted, bits) end
        same(struct[name], wanted, name)
    end
end

local function compare_names(step, there)
    for _, name in ipairs(step.has or {}) do same(there(name), true, name) end
    for _, name in ipairs(step.lacks or {}) do same(there(name), false, name) end
end

local function bytes_of(hex)
    return (hex:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function hex_of(bytes)
    return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local function pattern(seed, length)
    local bytes = {}
    for i = 1, length do bytes[i] = string.char(bit.band(seed + 7 * (i - 1), 255)) end
    return table.concat(bytes)
end

-- All 64 bits: a double holds 53, so by halves.
local function handle_of(text)
    local digits = ("0"):rep(16) .. text:match("^0x(%x+)$")
    local high, low = digits:sub(-16, -9), digits:sub(-8)
    return tonumber(high, 16) * 0x100000000ULL + tonumber(low, 16)
end

-- State: pools and devices are the binding's objects, a frame is { frame = ixy_frame, pool = pool }.
local function named(names, name, kind) return names[name] or fail("there is no %s %s", kind, name) end

local function frame_named(state, name) return named(state.frames, name, "frame") end

local function pool_named(state, name) return named(state.pools, name, "pool") end

local function device_named(state, name) return named(state.devices, name, "device") end

local function batch_of(state, names, pool)
    local batch = pool:batch(math.max(#names, 1))
    for _, name in ipairs(names) do batch:add(frame_named(state, name).frame) end
    return batch
end

-- The pool of a device; one that has none is only tried for the error.
local function pool_of(state, device) return device.pool or state.spare() end

local function keep(state, batch, names)
    same(batch.count, #names, "the number of frames")
    for i, name in ipairs(names) do state.frames[name] = { frame = batch:frame(i), pool = batch.pool } end
end

local function copy_of(state, step)
    local from = frame_named(state, step.from)
    local copy = ffi.new("ixy_frame", from.frame)
    state.frames[step.frame] = { frame = copy, pool = from.pool }
    return copy
end

local operations = {}

function operations.pool_open(state, step)
    state.pools[step.pool] = state.opened(ixy.pool { buffers = step.buffers, buffer_size = step.buffer_size })
end

function operations.pool_close(state, step) pool_named(state, step.pool):close() end

function operations.pool_free_count(state, step)
    same(pool_named(state, step.pool):free_count(), step.equals, "the number of free buffers")
end

function operations.device_open(state, step)
    state.devices[step.device] = state.opened(ixy.device(step.address, {
        pool = step.pool and pool_named(state, step.pool), rx_queues = step.rx_queues, tx_queues = step.tx_queues,
        rx_ring_size = step.rx_ring_size, tx_ring_size = step.tx_ring_size, offloads = sum(step.offloads, CAN),
        frame_len_max = step.frame_len_max,
    }))
end

function operations.device_start(state, step) device_named(state, step.device):start() end

function operations.device_reset(state, step) device_named(state, step.device):reset() end

function operations.device_close(state, step) device_named(state, step.device):close() end

function operations.features(state, step)
    local there = {}
    for _, name in ipairs(device_named(state, step.device):features()) do there[name] = true end
    compare_names(step, function(name) return there[name] == true end)
end

function operations.capabilities(state, step)
    local capabilities = device_named(state, step.device):info().capabilities
    compare_names(step, function(name) return bit.band(capabilities, sum({ name }, CAN)) ~= 0 end)
end

function operations.device_info(state, step) compare(device_named(state, step.device):info(), step.equals, CAN) end

function operations.link(state, step) compare(device_named(state, step.device):link(), step.equals) end

function operations.stats(state, step) compare(device_named(state, step.device):stats(), step.equals) end

function operations.counters(state, step) compare(device_named(state, step.device):counters(), step.equals) end

function operations.queue_stats(state, step)
    compare(device_named(state, step.device):queue_stats(step.queue), step.equals)
end

function operations.mac(state, step) same(device_named(state, step.device):mac(), step.equals, "the address") end

function operations.mac_set(state, step) device_named(state, step.device):mac_set(step.mac) end

function operations.promiscuous_set(state, step) device_named(state, step.device):promiscuous_set(step.on) end

function operations.alloc(state, step)
    local batch = pool_named(state, step.pool):batch(#step.into)
    batch:allocate(#step.into)
    keep(state, batch, step.into)
end

function operations.set_len(state, step) frame_named(state, step.frame).frame.len = step.len end

function operations.check_len(state, step) same(frame_named(state, step.frame).frame.len, step.len, "the length") end

function operations.more(state, step)
    local frame = frame_named(state, step.frame).frame
    if step.equals then
        same(bit.band(frame.flags, MORE), step.equals * MORE, "the flag")
    else
        frame.flags = bit.bor(bit.band(frame.flags, bit.bnot(MORE)), step.on * MORE)
    end
end

function operations.metadata_set(state, step)
    local variable = frame_named(state, step.frame)
    variable.pool:metadata_set(variable.frame, {
        flags = sum(step.flags, META), vlan_tci = step.vlan_tci, l2_len = step.l2_len, l3_len = step.l3_len,
    })
end

function operations.metadata(state, step)
    local variable = frame_named(state, step.frame)
    local record = variable.pool:metadata(variable.frame)
    compare(record, step.equals, META)
    if step.not_before then
        local other = frame_named(state, step.not_before)
        local earlier = other.pool:metadata(other.frame).timestamp
        if record.timestamp < earlier then fail("%s is before %s", tostring(record.timestamp), tostring(earlier)) end
    end
end

function operations.write(state, step)
    local variable = frame_named(state, step.frame)
    variable.pool:write(variable.frame, step.at, bytes_of(step.hex))
end

function operations.read(state, step)
    local variable = frame_named(state, step.frame)
    same(hex_of(variable.pool:read(variable.frame, step.at, step.size)), step.hex, "what was read")
end

function operations.fill(state, step)
    local variable = frame_named(state, step.frame)
    variable.pool:write(variable.frame, 0, pattern(step.seed, variable.frame.len))
end

function operations.check(state, step)
    local variable = frame_named(state, step.frame)
    same(variable.frame.len, step.len, "the length")
    same(hex_of(variable.pool:read(variable.frame, 0, step.len)), hex_of(pattern(step.seed, step.len)), "the packet")
end

function operations.tx(state, step)
    local device = device_named(state, step.device)
    same(device:transmit(step.queue, batch_of(state, step.frames, pool_of(state, device))), step.sent, "sent")
end

function operations.free(state, step)
    same(batch_of(state, step.frames, pool_named(state, step.pool)):free(), step.freed, "freed")
end

function operations.rx(state, step)
    local device = device_named(state, step.device)
    local all, part = pool_of(state, device):batch(#step.into), pool_of(state, device):batch(step.max)
    for _ = 1, 1000 do
        for i = 1, device:receive(step.queue, part, step.max) do
            if all.count == all.capacity then fail("more frames came than the %d of `into`", all.capacity) end
            all:add(part:frame(i))
        end
        part.count = 0 -- its frames are in `all` now
        if all.count == all.capacity then break end
        ffi.C.poll(nil, 0, 1)
    end
    keep(state, all, step.into)
end

function operations.rx_none(state, step)
    local device = device_named(state, step.device)
    same(device:receive(step.queue, pool_of(state, device):batch(step.max)), 0, "the number of frames")
end

function operations.rx_until_error(state, step)
    local device = device_named(state, step.device)
    local batch = pool_of(state, device):batch(32)
    for _ = 1, step.polls do
        device:receive(step.queue, batch)
        batch:clear()
    end
end

function operations.forge(state, step) copy_of(state, step).buf = handle_of(step.handle) end

function operations.frame_set(state, step)
    local copy = copy_of(state, step)
    copy.offset = (copy.offset + step.offset_add) % 2 ^ 32
    copy.len = step.len
end

-- A copy of a step or an address with text put in place of each {name}.
local function replaced(value, name, text)
    if type(value) == "string" then return (value:gsub("{" .. name .. "}", function() return text() end)) end
    if type(value) ~= "table" then return value end
    local copy = {}
    for key, part in pairs(value) do copy[key] = replaced(part, name, text) end
    return copy
end

local function perform(state, step)
    local operation = operations[step.op] or fail("no operation is called %s", step.op)
    local done, failure = pcall(operation, state, step)
    if not done and not ixy.is_error(failure) then error(failure, 0) end
    same(not done and failure.name or nil, step.error, "the error")
    if not done and failure.text == "" then fail("%s has no text", failure.name) end
end

local function run(case, device)
    local objects, folder = {}, nil
    local state = { pools = {}, devices = {}, frames = {} }
    function state.opened(object)
        table.insert(objects, 1, object) -- the last first, and so devices before their pools
        return object
    end
    function state.spare()
        state.spare_pool = state.spare_pool or state.opened(ixy.pool())
        return state.spare_pool
    end
    local function temporary()
        if not folder then
            local name = (os.getenv("TMPDIR") or "/tmp") .. "/ixy-vectors-XXXXXX"
            local path = ffi.C.mkdtemp(ffi.new("char[?]", #name + 1, name))
            folder = path ~= nil and ffi.string(path) or fail("no temporary folder")
        end
        return folder
    end
    local done, failure = pcall(function()
        for i, step in ipairs(case.steps) do
            local whole = replaced(replaced(step, "device", function() return device end), "tmp", temporary)
            local well, what = pcall(perform, state, whole)
            if not well then fail("step %d, %s: %s", i, step.op, tostring(what)) end
        end
    end)
    for _, object in ipairs(objects) do
        local closed, what = pcall(object.close, object)
        if not closed and done then done, failure = false, "closing: " .. tostring(what) end
    end
    if folder then os.execute("rm -rf '" .. folder:gsub("'", "'\\''") .. "'") end
    return done, failure
end

local passed, failed = 0, 0
for i = 3, #arg do
    local file = assert(io.open(arg[i]))
    local vectors = assert(json.decode(file:read("*a")))
    file:close()
    for _, case in ipairs(vectors.cases) do
        for _, device in ipairs(case.devices or { "" }) do
            local done, failure = run(case, device)
            if done then
                passed = passed + 1
            else
                failed = failed + 1
                print(("FAILED %s: %s %s: %s"):format(arg[i]:match("[^/]*$"), case.name, device, tostring(failure)))
            end
        end
    end
end
print(("vectors: %d passed, %d failed"):format(passed, failed))
os.exit(passed > 0 and failed == 0, true)
