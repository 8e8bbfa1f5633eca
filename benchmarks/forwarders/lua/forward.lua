-- The benchmark's forwarder in Lua, over the module that SWIG makes: see benchmarks/README.md for the protocol.
--
--   lua5.4 forward.lua FOLDER    FOLDER holds the module, ixy.so
package.cpath = arg[1] .. "/?.so;" .. package.cpath
local ixy = require "ixy"

local PATIENCE <const> = 5 -- seconds without a frame before a run has failed
local CHECK_EVERY <const> = 65536 -- empty polls between two looks at the clock and the counters
local LARGEST_BATCH <const> = 4096

local function missed(ports)
    return ixy.device_stats(ports[1]).rx_missed + ixy.device_stats(ports[2]).rx_missed
end

-- Forwards in both directions until all has come; returns what it counted.
local function forward(ports, pool, batch, goal)
    local rx_batch, tx_batch = ixy.rx_batch, ixy.tx_batch
    local frames, memory = ixy.Frames(batch), ixy.Memory(pool)
    local byte, set_byte = memory.byte, memory.set_byte
    local received, polls, empty_polls, freed, waiting_since = 0, 0, 0, 0, nil
    local source, sink = ports[1], ports[2]
    while received < goal do
        local got = rx_batch(source, 0, frames, batch)
        polls = polls + 1
        if got > 0 then
            for i = 0, got - 1 do
                set_byte(memory, frames, i, 48, byte(memory, frames, i, 48) + 1 & 255)
            end
            received = received + got
            local sent = tx_batch(sink, 0, frames, got)
            if sent < got then
                frames:drop(sent)
                freed = freed + ixy.buf_free(pool, frames, got - sent)
            end
            waiting_since = nil
        else
            empty_polls = empty_polls + 1
            if empty_polls % CHECK_EVERY == 0 then
                if received + missed(ports) >= goal then
                    break
                end
                waiting_since = waiting_since or os.time()
                if os.time() - waiting_since > PATIENCE then
                    error(("%d of %d frames arrived, then none for %d s"):format(received, goal, PATIENCE), 0)
                end
            end
        end
        source, sink = sink, source
    end
    return {polls = polls, empty_polls = empty_polls, freed = freed}
end

-- Waits until the sinks have seen all that was sent, or nothing more comes.
local function settle(ports, frames, freed)
    local deadline = os.time() + PATIENCE
    repeat
        local seen = freed + missed(ports)
        for _, port in ipairs(ports) do
            local counters = ixy.emu_counters_get(port)
            seen = seen + counters.verified + counters.damaged + counters.repeated + counters.foreign
        end
    until seen >= frames or os.time() > deadline
end

local function sum(name, from, to)
    local total = 0
    for i = 1, #to do
        total = total + to[i][name] - (from and from[i][name] or 0)
    end
    return total
end

-- What passed between two readings of the ports' meters. The first port's clock is the sample's.
local function between(from, to)
    return {
        cycles = to[1].cycles - from[1].cycles,
        nanoseconds = to[1].nanoseconds - from[1].nanoseconds,
        bracket_cycles = to[1].bracket_cycles,
        model_cycles = sum("model_cycles", from, to),
        steps = sum("steps", from, to),
        idle_steps = sum("idle_steps", from, to),
    }
end

local function measure(ports, pool, batch, frames)
    collectgarbage()
    local start_b = ixy.emu_meter_get(ports[2])
    local start_a = ixy.emu_meter_get(ports[1])
    local counted = forward(ports, pool, batch, frames)
    local end_a = ixy.emu_meter_get(ports[1])
    local end_b = ixy.emu_meter_get(ports[2])
    settle(ports, frames, counted.freed)
    local result = between({start_a, start_b}, {end_a, end_b})
    for name, value in pairs(counted) do
        result[name] = value
    end
    result.frames, result.rx_missed = frames, missed(ports)
    local counters = {ixy.emu_counters_get(ports[1]), ixy.emu_counters_get(ports[2])}
    for _, name in ipairs {"generated", "verified", "damaged", "repeated", "foreign", "violations"} do
        result[name] = sum(name, nil, counters)
    end
    return result
end

-- Calls body with a pool and `count` devices; closes all, however it ends.
local function opened(address, count, body)
    local pool = ixy.pool_open(nil)
    local config = ixy.DeviceConfig()
    config.pool = pool
    local ports = {}
    local done, result = pcall(function()
        for i = 1, count do
            ports[i] = ixy.device_open(address, config)
        end
        for _, port in ipairs(ports) do
            ixy.device_start(port)
        end
        return body(ports, pool)
    end)
    for _, port in ipairs(ports) do
        ixy.device_close(port)
    end
    ixy.pool_close(pool)
    return done, result
end

-- ixy_rx_batch with 0 frames
local function call(count)
    return opened("emu:82599,wire=loop,timing=threaded", 1, function(ports)
        local rx_batch, frames, device = ixy.rx_batch, ixy.Frames(1), ports[1]
        local start = ixy.emu_meter_get(device)
        for _ = 1, count do
            rx_batch(device, 0, frames, 0)
        end
        local result = between({start}, {ixy.emu_meter_get(device)})
        result.calls = count
        return result
    end)
end

local function run(batch, timing, frames, device)
    local address = ("%s,wire=gen,limit=%d,burst=%d,timing=%s"):format(device, frames // 2, math.max(batch, 8), timing)
    return opened(address, 2, function(ports, pool)
        return measure(ports, pool, batch, frames)
    end)
end

local function answer(line)
    local calls = tonumber((line:match "^call swig (%d+)$"))
    if calls and calls > 0 then
        return call(calls)
    end
    local batch, timing, frames, device = line:match "^run swig (%d+) (%l+) (%d+) ?(%S*)$"
    batch, frames = tonumber(batch), tonumber(frames)
    if not batch or batch < 1 or batch > LARGEST_BATCH or frames < 2 or timing ~= "inline" and timing ~= "threaded" then
        return false, "a request is: run swig BATCH inline|threaded FRAMES [DEVICE], or: call swig CALLS, or: quit"
    end
    return run(batch, timing, frames // 2 * 2, device == "" and "emu:82599" or device)
end

local function say(members)
    print("{" .. table.concat(members, ",") .. "}")
    io.flush()
end

say {'"ready":true', '"language":"lua"', '"variants":["swig"]', ('"toolchain":"%s"'):format(_VERSION)}
for line in io.lines() do
    if line == "quit" then
        break
    end
    local done, result = answer(line)
    local members = {}
    if done then
        for name, value in pairs(result) do
            members[#members + 1] = ('"%s":%d'):format(name, value)
        end
    else
        members[1] = ('"error":"%s"'):format(tostring(result):gsub('[\\"\n]', " "))
    end
    say(members)
end
