-- What the vectors cannot ask in JSON (docs/binding-guide.md, section 12):
--     luajit session.lua LIBRARY HEADERS

package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path

local ffi = require("ffi")
local ixy = require("ixy").load { library = arg[1], headers = arg[2] }

ffi.cdef [[
int fork(void);
int waitpid(int, int *, int);
void _exit(int);
struct pollfd { int fd; short events; short revents; };
int poll(struct pollfd *, unsigned long, int);
int close(int);
int pipe(int *);
int32_t ixy_of_a_later_release(void);
]]

local passed, failed = 0, 0

local function test(name, work, ...)
    local done, failure = pcall(work, ...)
    if done then
        passed = passed + 1
    else
        failed = failed + 1
        print(("FAILED %s: %s"):format(name, tostring(failure)))
    end
end

local function equal(got, wanted)
    if got ~= wanted then error(("%s, not %s"):format(tostring(got), tostring(wanted)), 2) end
end

local function raises(name, work, ...)
    local done, failure = pcall(work, ...)
    if done then error("no error, not " .. name, 2) end
    if not ixy.is_error(failure) then error(failure, 0) end
    if failure.name ~= name then error(("%s, not %s"):format(tostring(failure), name), 2) end
    return failure
end

-- A started device on a pool of its own.
local function station(address)
    local pool = ixy.pool()
    local device = ixy.device(address, { pool = pool })
    device:start()
    return pool, device
end

local function forward(device, batch, wanted)
    local seen = 0
    while seen < wanted do
        seen = seen + device:receive(0, batch)
        for i = 1, batch.count do batch:set_byte(i, 48, batch:byte(i, 48) + 1) end
        device:transmit(0, batch)
        batch:clear()
    end
end

for _, family in ipairs { "emu:82599", "emu:virtio", "emu:virtio,ring=packed" } do
    test("a session on " .. family, function()
        local pool, device = station(family .. ",wire=gen,limit=10000,timing=inline")
        pool:batch(32):scope(function(batch) forward(device, batch, 10000) end)
        local counters = device:counters()
        equal(counters.verified, 10000)
        equal(counters.violations, 0)
        equal(#device:violations(), 0)
        device:close()
        equal(pool:free_count(), 8192)
        pool:close()
    end)
end

test("a packet kept over the close of its pool, and calls on what is closed", function()
    local pool, device = station("emu:82599,timing=inline")
    local batch = pool:batch(2)
    batch:allocate(1)
    batch:set_length(1, 60)
    batch:write(1, 0, "kept")
    local kept = batch:frame(1)
    raises("IXY_E_BUSY", pool.close, pool)
    equal(pool:read(kept, 0, 4), "kept") -- the close that was refused changed nothing
    device:close()
    device:close()
    pool:close()
    pool:close()
    raises("IXY_E_HANDLE", pool.read, pool, kept, 0, 4)
    raises("IXY_E_HANDLE", batch.write, batch, 1, 0, "late")
    raises("IXY_E_HANDLE", batch.allocate, batch, 1)
    raises("IXY_E_HANDLE", pool.free_count, pool)
    raises("IXY_E_HANDLE", device.info, device)
    raises("IXY_E_HANDLE", device.transmit, device, 0, batch)
    -- Handle 0 in the config would make a device without a pool.
    raises("IXY_E_HANDLE", ixy.device, "emu:82599,timing=inline", { pool = pool })
    batch:clear()
end)

test("numbers that do not fit their C type are refused, not cut", function()
    local pool, device = station("emu:82599,timing=inline")
    local batch = pool:batch(2)
    raises("IXY_E_RANGE", device.receive, device, 2 ^ 32, batch)
    raises("IXY_E_RANGE", device.receive, device, -1, batch)
    batch:allocate(1)
    raises("IXY_E_RANGE", batch.set_length, batch, 1, 65536 + 60)
    batch:set_length(1, 60)
    for _, at in ipairs { 60, -1, 0 / 0, 1 / 0, 0.5, 58.5, 2 ^ 32, 2 ^ 53 + 1, -1LL, 0xffffffffffffffffULL } do
        raises("IXY_E_RANGE", batch.byte, batch, 1, at)
        raises("IXY_E_RANGE", batch.set_byte, batch, 1, at, 0)
        raises("IXY_E_RANGE", batch.read, batch, 1, 0, at ~= 60 and at or 61)
        raises("IXY_E_RANGE", batch.write, batch, 1, at, "x")
        raises("IXY_E_RANGE", batch.byte, batch, at == 60 and 61 or at, 0)
        raises("IXY_E_RANGE", batch.length, batch, at)
        if at ~= 60 then
            raises("IXY_E_RANGE", pool.batch, pool, at)
            raises("IXY_E_RANGE", batch.set_length, batch, 1, at)
            raises("IXY_E_RANGE", device.receive, device, at, pool:batch(1))
        end
    end
    raises("IXY_E_RANGE", batch.byte, batch, 2, 0)
    raises("IXY_E_RANGE", batch.byte, batch, 0 / 0, 0)
    raises("IXY_E_ADDRESS", ixy.device, "emu:82599\0,wire=gen")
    batch:clear()
    device:close()
    pool:close()
end)

test("the check finds each stale handle in compiled code, too", function()
    local pool = ixy.pool()
    local batch = pool:batch(1)
    for _ = 1, 10000 do
        batch:allocate(1)
        batch:set_length(1, 60)
        batch:set_byte(1, 0, 1)
        local kept = batch:frame(1)
        batch:free()
        raises("IXY_E_HANDLE", pool.read, pool, kept, 0, 1)
    end
    equal(pool:free_count(), 8192)
    pool:close()
end)

test("a scope frees after an error", function()
    local pool = ixy.pool()
    local batch = pool:batch(8)
    local done, failure = pcall(batch.scope, batch, function()
        batch:allocate(8)
        error("the program's own", 0)
    end)
    equal(done, false)
    equal(failure, "the program's own")
    equal(pool:free_count(), 8192)
    pool:close()
end)

test("the text of a control call tells names, that of a hot call is its code's", function()
    local failure = raises("IXY_E_ADDRESS", ixy.device, "emu:e1000")
    equal(failure.text:find("e1000", 1, true) ~= nil, true)
    local pool = ixy.pool()
    local device = ixy.device("emu:82599,timing=inline", { pool = pool })
    equal(raises("IXY_E_STATE", device.receive, device, 0, pool:batch(1)).text,
        ffi.string(ixy.library.ixy_strerror(ixy.constants.IXY_E_STATE)))
    device:close()
    pool:close()
end)

test("a function that the library has not", function()
    local done, failure = pcall(function() return ixy.library.ixy_of_a_later_release() end)
    equal(done, false)
    equal(failure:match("^this libixy %([%d.]+%) has no ixy_of_a_later_release$") ~= nil, true)
end)

test("3000 pools opened and closed", function()
    for _ = 1, 3000 do ixy.pool({ buffers = 16 }):close() end
end)

-- A debug hook that raises is the only thing that comes between two of Lua's instructions.
test("an error at any instruction of open and close loses nothing", function()
    local function session()
        local pool = ixy.pool { buffers = 2048 }
        local device = ixy.device("emu:82599,timing=inline", { pool = pool })
        device:start()
        device:close()
        pool:close()
    end
    local function interrupted(count)
        local raised = false
        local done, failure = pcall(function()
            debug.sethook(function()
                debug.sethook()
                raised = true
                error("interrupted", 0)
            end, "", count)
            session()
            debug.sethook()
        end)
        debug.sethook()
        if not (done or raised) then error(failure, 0) end
        return raised
    end
    require("jit").off() -- compiled code calls no hooks
    local count = 1
    while interrupted(count) do
        count = count + 1
        if count % 20 == 0 then collectgarbage() collectgarbage() end
    end
    require("jit").on()
    equal(count > 100, true)
    collectgarbage()
    collectgarbage()
    local pools = {}
    for i = 1, ixy.constants.IXY_POOLS_MAX do pools[i] = ixy.pool { buffers = 16 } end
    for _, pool in ipairs(pools) do pool:close() end
end)

test("a descriptor that is closed too early harms nobody", function()
    local pool, device = station("emu:82599,timing=threaded,wire=gen,rate=100")
    local descriptor = device:descriptor(0)
    equal(ffi.C.close(descriptor), 0)
    local pipe = ffi.new("int[2]")
    equal(ffi.C.pipe(pipe), 0)
    equal(pipe[0], descriptor) -- has its number now
    local batch = pool:batch(32)
    while device:arm(0) do
        device:receive(0, batch)
        batch:clear()
    end
    equal(device:wait(0, 10000), true)
    device:close()
    equal(ffi.C.poll(ffi.new("struct pollfd[1]", { { fd = pipe[0], events = 1 } }), 1, 0), 0)
    equal(ffi.C.close(pipe[0]), 0)
    equal(ffi.C.close(pipe[1]), 0)
    pool:close()
end)

test("forgotten devices and pools are collected in any order", function()
    for _ = 1, 200 do -- more than IXY_POOLS_MAX and IXY_DEVICES_MAX
        local pool = ixy.pool { buffers = 1024 }
        ixy.device("emu:82599,timing=inline", { pool = pool, rx_ring_size = 64, tx_ring_size = 64 }):start()
        pool = nil
        collectgarbage()
        collectgarbage()
    end
end)

test("waiting, by call and in an event loop", function()
    local pool, device = station("emu:82599,timing=threaded,wire=gen,rate=100")
    local batch = pool:batch(32)
    equal(device:wait(0, 10000), true)
    local polled = ffi.new("struct pollfd[1]", { { fd = device:descriptor(0), events = 1 } })
    local seen = 0
    while seen < 5 do
        repeat
            local got = device:receive(0, batch)
            seen = seen + got
            batch:clear()
        until got == 0
        if not device:arm(0) then equal(ffi.C.poll(polled, 1, 10000), 1) end
    end
    ffi.C.close(polled[0].fd)
    device:close()
    pool:close()
    pool, device = station("emu:82599,timing=inline")
    raises("IXY_E_UNSUPPORTED", device.wait, device, 0, 0)
    device:close()
    pool:close()
end)

test("a forked child gets IXY_E_FORK, and the parent goes on", function()
    local pool, device = station("emu:82599,wire=gen,limit=64,timing=inline")
    local batch = pool:batch(32)
    local child = ffi.C.fork()
    if child == 0 then
        local done, failure = pcall(function()
            raises("IXY_E_FORK", pool.free_count, pool)
            raises("IXY_E_FORK", device.receive, device, 0, batch)
            pool, device, batch = nil, nil, nil
            collectgarbage()
            collectgarbage()
        end)
        if not done then io.stderr:write(tostring(failure), "\n") end
        ffi.C._exit(done and 0 or 1)
    end
    local status = ffi.new("int[1]")
    equal(ffi.C.waitpid(child, status, 0), child)
    equal(status[0], 0)
    forward(device, batch, 64)
    equal(device:counters().verified, 64)
    device:close()
    equal(pool:free_count(), 8192)
    pool:close()
end)

print(("session: %d passed, %d failed"):format(passed, failed))
os.exit(passed > 0 and failed == 0, true)
