-- libixy for LuaJIT, made from docs/binding-guide.md alone: this file tests the guide.
--
--     local ixy = require("ixy").load { library = "libixy.so.1", headers = "/path/of/ixy_abi.h's/folder" }
--     local pool = ixy.pool()
--     local device = ixy.device("emu:82599,wire=gen,timing=inline", { pool = pool })
--     device:start()
--     local batch = pool:batch(32)
--     device:receive(0, batch)
--     for i = 1, batch.count do batch:set_byte(i, 48, batch:byte(i, 48) + 1) end
--     device:transmit(0, batch)
--     batch:clear()
--     device:close()
--     pool:close()
--
-- Errors are tables with `code`, `name` and `text`. Packets of a batch count from 1, bytes of a packet from 0.

local ffi = require("ffi")
local bit = require("bit")

local base = require("ixy_library")
local library, constants = base.library, base.constants
local control, hot, raise, number, new, fetch = base.control, base.hot, base.raise, base.number, base.new, base.fetch

local NONE = 0ULL -- no handle; every call answers it with IXY_E_HANDLE
local MAXIMUM_16, MAXIMUM_32 = 65535, 4294967295

local ixy = { constants = constants, library = library, is_error = base.is_error }

-- ---- pools ----

local Pool = {}
Pool.__index = Pool
local Batch = {}
Batch.__index = Batch
local frame_type

local function release(state)
    local view = state.view
    if view then
        state.view, state.owner = nil, nil -- first: from here on no check passes
        if view.view ~= NONE then library.ixy_pool_view_release(view.view) end
    end
end

-- Closes what a state's call opened, if it is open, without an error.
local function end_handle(close, state)
    if state.opened[0] ~= NONE then close(state.opened[0]) end
    state.opened[0], state.handle = NONE, NONE
end

local function end_device(state) end_handle(library.ixy_device_close, state) end

-- options: buffers, buffer_size; what is absent is the library's default.
function ixy.pool(options)
    options = options or {}
    local config = new("ixy_pool_config")
    config.buffer_count = number(options.buffers or 0, MAXIMUM_32, "buffers")
    config.buffer_size = number(options.buffer_size or 0, MAXIMUM_32, "buffer_size")
    local view = new("ixy_view")
    local state = { opened = ffi.new("uint64_t[1]"), handle = NONE, view = view, devices = {} }
    -- One collection finalises in no order, so the pool's finaliser ends the devices that are still open on it. It is
    -- there before anything is open, and looks where C writes the handles: an error that a debug hook or a lack of
    -- memory raises behind the call loses nothing.
    local function finalise()
        for device in pairs(state.devices) do end_device(device) end
        end_handle(library.ixy_pool_close, state)
        release(state)
    end
    local pool = setmetatable({ state = state, guard = base.guard(finalise) }, Pool)
    control(library.ixy_pool_open, config, state.opened)
    local seen, failure = pcall(control, library.ixy_pool_view, state.opened[0], view)
    if not seen then
        end_handle(library.ixy_pool_close, state)
        error(failure, 0)
    end
    -- The entries of `owner` change. LuaJIT knows no volatile, but keeps no loaded value over a foreign call, and on
    -- this thread nothing else changes an entry that the program owns.
    state.handle, state.owner, state.base = state.opened[0], view.owner, view.base
    state.index_mask, state.stride = view.index_mask, view.buffer_stride
    return pool
end

function Pool:close()
    if self.state.handle ~= NONE then
        control(library.ixy_pool_close, self.state.handle) -- IXY_E_BUSY leaves it open
        self.state.opened[0], self.state.handle = NONE, NONE
        release(self.state)
    end
end

function Pool:free_count() return control(library.ixy_pool_free_count, self.state.handle) end

-- The check of each access: an address that is good until the next call that may change ownership.
local function reach(state, frame, at, size)
    local owner = state.owner
    local buffer = frame.buf
    if owner == nil then raise(constants.IXY_E_HANDLE, "the pool is closed") end
    local index = tonumber(bit.band(buffer, state.index_mask))
    if buffer == 0 or owner[index] ~= buffer then
        raise(constants.IXY_E_HANDLE, "the buffer is not the program's: sent, freed, or never its own")
    end
    -- Lua's numbers hold these sums exactly.
    local start, offset, length = index * state.stride, frame.offset, frame.len
    if offset < start or offset + length > start + state.stride then
        raise(constants.IXY_E_FRAME, "the frame is not in its buffer")
    end
    -- tonumber: as uint64_t the sum could wrap around. "not": NaN fails each comparison, and must not pass. The FFI
    -- would cut a fraction off.
    at, size = tonumber(at), tonumber(size)
    if not (at and size and at >= 0 and size >= 0 and at + size <= length and at % 1 == 0 and size % 1 == 0) then
        raise(constants.IXY_E_RANGE, tostring(size) .. " bytes at " .. tostring(at) .. " of a packet of " .. length)
    end
    return state.base + offset + at
end

local function check_frame(frame)
    if not ffi.istype(frame_type, frame) then raise(constants.IXY_E_ARGUMENT, "that is not an ixy_frame") end
    return frame
end

-- Frames by themselves, as Batch:frame copies them out.
function Pool:read(frame, at, size) return ffi.string(reach(self.state, check_frame(frame), at, size), size) end

function Pool:write(frame, at, bytes)
    ffi.copy(reach(self.state, check_frame(frame), at, #bytes), bytes, #bytes)
end

function Pool:metadata(frame)
    local record = ffi.new("ixy_metadata")
    hot(library.ixy_buf_metadata(self.state.handle, check_frame(frame), record))
    return base.table_of(record, "ixy_metadata")
end

-- values: flags, vlan_tci, l2_len, l3_len. Sets IXY_FRAME_METADATA in frame.
function Pool:metadata_set(frame, values)
    local record = ffi.new("ixy_metadata")
    record.flags = number(values.flags or 0, MAXIMUM_32, "flags")
    record.vlan_tci = number(values.vlan_tci or 0, MAXIMUM_16, "vlan_tci")
    record.l2_len = number(values.l2_len or 0, 255, "l2_len")
    record.l3_len = number(values.l3_len or 0, 255, "l3_len")
    hot(library.ixy_buf_metadata_set(self.state.handle, check_frame(frame), record))
end

-- ---- batches ----

-- An array of frames, allocated once and used again. Nothing is freed for you: clear it, or work in a scope.
function Pool:batch(capacity)
    capacity = number(capacity, constants.IXY_BATCH_MAX, "capacity")
    return setmetatable({ pool = self, state = self.state, frames = ffi.new("ixy_frame[?]", capacity),
        capacity = capacity, count = 0 }, Batch)
end

-- Takes up to `wanted` new buffers; returns how many.
function Batch:allocate(wanted)
    wanted = number(wanted, self.capacity - self.count, "the number of buffers")
    local got = hot(library.ixy_buf_alloc(self.state.handle, self.frames + self.count, wanted))
    self.count = self.count + got
    return got
end

-- Takes the first `done` frames out of the array: they are no longer the program's.
local function remove(batch, done)
    local frames = batch.frames
    if done > 0 then
        for i = done, batch.count - 1 do frames[i - done] = frames[i] end
        batch.count = batch.count - done
    end
    return done
end

-- One call: frees up to the first bad frame and returns how many; what was not freed stays in the batch.
function Batch:free()
    return remove(self, hot(library.ixy_buf_free(self.state.handle, self.frames, self.count)))
end

-- Frees all that can be freed and empties the batch. Frames that are stale are left out.
function Batch:clear()
    while self.count > 0 do
        local freed = library.ixy_buf_free(self.state.handle, self.frames, self.count)
        remove(self, freed > 0 and freed or 1)
    end
end

-- Calls work(batch, ...), frees what is left of the batch also after an error, and returns work's first result.
function Batch:scope(work, ...)
    local done, result = pcall(work, self, ...)
    self:clear()
    if not done then error(result, 0) end
    return result
end

local function frame_at(batch, i)
    i = tonumber(i)
    if not (i and i >= 1 and i <= batch.count and i % 1 == 0) then
        raise(constants.IXY_E_RANGE, "the batch has no packet " .. tostring(i))
    end
    return batch.frames[i - 1]
end

-- A copy: a reference into the array would not keep the array alive.
function Batch:frame(i) return frame_type(frame_at(self, i)) end

function Batch:add(frame)
    number(self.count + 1, self.capacity, "the number of frames in a batch")
    self.frames[self.count] = check_frame(frame)
    self.count = self.count + 1
end

function Batch:length(i) return frame_at(self, i).len end

function Batch:set_length(i, length) frame_at(self, i).len = number(length, MAXIMUM_16, "length") end

function Batch:read(i, at, size) return ffi.string(reach(self.state, frame_at(self, i), at, size), size) end

function Batch:write(i, at, bytes) ffi.copy(reach(self.state, frame_at(self, i), at, #bytes), bytes, #bytes) end

function Batch:byte(i, at) return reach(self.state, frame_at(self, i), at, 1)[0] end

function Batch:set_byte(i, at, value) reach(self.state, frame_at(self, i), at, 1)[0] = bit.band(value, 255) end

function Batch:metadata(i) return self.pool:metadata(frame_at(self, i)) end

function Batch:metadata_set(i, values) return self.pool:metadata_set(frame_at(self, i), values) end

-- ---- devices ----

local Device = {}
Device.__index = Device

-- options: pool (without one the device can only be asked), rx_queues, tx_queues, rx_ring_size, tx_ring_size,
-- offloads (bits of IXY_CAN_*), frame_len_max.
function ixy.device(address, options)
    options = options or {}
    local pool = options.pool
    if address:find("\0", 1, true) then raise(constants.IXY_E_ADDRESS, "the address has a NUL inside") end
    -- The handle of a closed pool is 0 here, and 0 means "without a pool" to the library.
    if pool and pool.state.handle == NONE then raise(constants.IXY_E_HANDLE, "the pool is closed") end
    local config = new("ixy_device_config")
    config.pool = pool and pool.state.handle or NONE
    for _, name in ipairs { "rx_queues", "tx_queues", "rx_ring_size", "tx_ring_size", "offloads", "frame_len_max" } do
        config[name] = number(options[name] or 0, MAXIMUM_32, name)
    end
    local state = { opened = ffi.new("uint64_t[1]"), handle = NONE, devices = pool and pool.state.devices or {} }
    local function finalise()
        end_device(state)
        state.devices[state] = nil
    end
    local device = setmetatable({ state = state, pool = pool, guard = base.guard(finalise) }, Device)
    state.devices[state] = true -- from here on the pool's finaliser ends it, too
    control(library.ixy_device_open, address, config, state.opened)
    state.handle = state.opened[0]
    return device
end

function Device:close()
    local state = self.state
    if state.handle ~= NONE then
        control(library.ixy_device_close, state.handle)
        state.opened[0], state.handle = NONE, NONE
        state.devices[state] = nil
    end
end

function Device:start() control(library.ixy_device_start, self.state.handle) end

function Device:reset() control(library.ixy_device_reset, self.state.handle) end

-- Receives into an empty batch, at most `maximum` frames; returns how many.
function Device:receive(queue, batch, maximum)
    if batch.count > 0 then raise(constants.IXY_E_STATE, "the batch still has frames: send or clear them") end
    if self.pool and batch.pool ~= self.pool then
        raise(constants.IXY_E_ARGUMENT, "the batch is not of the device's pool")
    end
    queue = number(queue, MAXIMUM_32, "queue")
    maximum = number(maximum or batch.capacity, batch.capacity, "maximum")
    batch.count = hot(library.ixy_rx_batch(self.state.handle, queue, batch.frames, maximum))
    return batch.count
end

-- Returns how many frames the device took; the rest stays in the batch.
function Device:transmit(queue, batch)
    queue = number(queue, MAXIMUM_32, "queue")
    return remove(batch, hot(library.ixy_tx_batch(self.state.handle, queue, batch.frames, batch.count)))
end

-- True if there is something to receive, false if the time is over. -1 waits without end.
function Device:wait(queue, milliseconds)
    if milliseconds ~= -1 then number(milliseconds, 2147483647, "milliseconds") end
    return control(library.ixy_rx_wait, self.state.handle, number(queue, MAXIMUM_32, "queue"), milliseconds) == 1
end

-- For event loops: receive until nothing is left; arm; if that is true receive again, else poll the descriptor. It is a
-- duplicate, and the caller's to close: the library's own must stay open.
function Device:descriptor(queue)
    local descriptor = control(library.ixy_rx_fd, self.state.handle, number(queue, MAXIMUM_32, "queue"))
    local duplicate = base.duplicate(descriptor)
    if duplicate < 0 then raise(constants.IXY_E_IO, "fcntl: no duplicate of the queue's descriptor") end
    return duplicate
end

function Device:arm(queue)
    return hot(library.ixy_rx_arm(self.state.handle, number(queue, MAXIMUM_32, "queue"))) == 1
end

function Device:info() return fetch("ixy_info", library.ixy_device_info, self.state.handle) end

function Device:link() return fetch("ixy_link", library.ixy_device_link, self.state.handle) end

function Device:stats() return fetch("ixy_stats", library.ixy_device_stats, self.state.handle) end

function Device:queue_stats(queue)
    queue = number(queue, MAXIMUM_32, "queue")
    return fetch("ixy_queue_stats", library.ixy_device_queue_stats, self.state.handle, queue)
end

function Device:counters() return fetch("ixy_emu_counters", library.ixy_emu_counters_get, self.state.handle) end

function Device:meter() return fetch("ixy_emu_meter", library.ixy_emu_meter_get, self.state.handle) end

local function texts(call, handle, kept)
    local size = constants.IXY_TEXT_MAX
    local text, result, index = ffi.new("char[?]", size), {}, 0
    while index < math.min(control(call, handle, index, text, size), kept) do
        index = index + 1
        result[index] = ffi.string(text)
    end
    return result
end

function Device:features() return texts(library.ixy_device_feature, self.state.handle, math.huge) end

-- The library keeps the first 64.
function Device:violations() return texts(library.ixy_emu_violation, self.state.handle, 64) end

function Device:mac()
    local mac = ffi.new("uint8_t[6]")
    control(library.ixy_device_mac, self.state.handle, mac)
    return ("%02x:%02x:%02x:%02x:%02x:%02x"):format(mac[0], mac[1], mac[2], mac[3], mac[4], mac[5])
end

function Device:mac_set(text)
    local mac = ffi.new("uint8_t[6]")
    local digits = { text:match("^(%x%x):(%x%x):(%x%x):(%x%x):(%x%x):(%x%x)$") }
    if #digits ~= 6 then raise(constants.IXY_E_ARGUMENT, "a station address is 02:00:00:00:00:09, not " .. text) end
    for i = 1, 6 do mac[i - 1] = tonumber(digits[i], 16) end
    control(library.ixy_device_mac_set, self.state.handle, mac)
end

function Device:promiscuous_set(on)
    control(library.ixy_device_promiscuous_set, self.state.handle, number(on, MAXIMUM_32, "on"))
end

-- Opens the library and reads its headers; see ixy_library.lua. Returns the module.
function ixy.load(options)
    base.load(options)
    frame_type = ffi.typeof("ixy_frame")
    return ixy
end

return ixy
