-- Loading libixy and calling it: what all of ixy.lua stands on (docs/binding-guide.md, sections 2 to 4).

local ffi = require("ffi")

local base = { constants = {}, library = {} }
local library = base.library
local members = {} -- members[struct name] = { { name, is_text }, ... }, to make tables of results

local ABI_VERSION = 1 -- what this binding is made for; its name is libixy.so.1 therefore

-- ---- errors ----

local Error = {}
Error.__index = Error
Error.__tostring = function(failure) return failure.name .. ": " .. failure.text end

function base.raise(code, text)
    local name = ffi.string(library.ixy_error_name(code))
    error(setmetatable({ code = code, name = name, text = text or ffi.string(library.ixy_strerror(code)) }, Error), 0)
end

function base.is_error(value) return getmetatable(value) == Error end

function base.hot(code)
    if code < 0 then base.raise(code) end
    return code
end

-- A finaliser may run at any allocation, so between a call and the fetching of its text. If it made a control call
-- there, the text would be gone. So it only leaves its object here then, and the next control call ends it.
local in_control_call = false
local forgotten = {}

function base.control(call, ...)
    in_control_call = true
    local code = call(...)
    local text = code < 0 and ffi.string(library.ixy_last_error())
    in_control_call = false
    while #forgotten > 0 do
        forgotten[#forgotten]() -- twice does no harm, if an error comes in between
        forgotten[#forgotten] = nil
    end
    if text then base.raise(code, text) end
    return code
end

-- An object whose collection runs `close`. The closure must not reach the guard's owner, or it is never collected.
function base.guard(close)
    return ffi.gc(ffi.new("char[1]"), function()
        if in_control_call then forgotten[#forgotten + 1] = close else close() end
    end)
end

-- The FFI cuts numbers down to their C type, so that queue 2^32 would be queue 0. NaN fails the comparison, too.
function base.number(value, maximum, name)
    value = tonumber(value)
    if not (value and value >= 0 and value <= maximum and value % 1 == 0) then
        base.raise(base.constants.IXY_E_RANGE, name .. " is not a whole number from 0 to " .. maximum)
    end
    return value
end

local DUPLICATE_CLOEXEC = 1030 -- F_DUPFD_CLOEXEC of Linux
function base.duplicate(descriptor) return ffi.C.fcntl(descriptor, DUPLICATE_CLOEXEC, ffi.cast("int", 0)) end

-- ---- structs ----

function base.new(name)
    local struct = ffi.new(name)
    struct.struct_size = ffi.sizeof(struct)
    return struct
end

-- A table of a struct's members. 64-bit members stay uint64_t: doubles would not hold all of them.
function base.table_of(struct, name)
    local result = {}
    for _, member in ipairs(members[name]) do
        local value = struct[member.name]
        result[member.name] = member.is_text and ffi.string(value) or value
    end
    return result
end

function base.fetch(name, call, handle, queue)
    local struct = base.new(name)
    if queue then base.control(call, handle, queue, struct) else base.control(call, handle, struct) end
    return base.table_of(struct, name)
end

-- ---- loading ----

local function contents(path)
    local file, failure = io.open(path)
    if not file then error("ixy: no header: " .. failure, 0) end
    local text = file:read("*a")
    file:close()
    return text
end

-- Section 3: constants by line, then comments and preprocessor lines away, the rest is declarations.
local function declare(folder)
    local text = "\n" .. contents(folder .. "/ixy_abi.h")
    for name, value in (contents(folder .. "/ixy_errors.h") .. text):gmatch("\n#define (IXY_[%w_]+) (%-?%d+)") do
        base.constants[name] = tonumber(value)
    end
    text = text:gsub("/%*.-%*/", ""):gsub("\n#[^\n]*", "")
    ffi.cdef(text)
    for body, name in text:gmatch("typedef struct [%w_]+ {(.-)} ([%w_]+);") do
        members[name] = {}
        for type_name, member, array in body:gmatch("([%w_ ]+[ *]+)([%w_]+)(%[?)[%d%]]*;") do
            if member ~= "struct_size" and member ~= "reserved" then
                table.insert(members[name], { name = member, is_text = type_name:find("char") and array ~= "" })
            end
        end
    end
end

-- options: library, the file to open (default: environment variable IXY_LIBRARY, or libixy.so.1);
-- headers, the folder with ixy_abi.h and ixy_errors.h (default: environment variable IXY_HEADERS).
-- The first call decides: C declarations cannot be made twice.
local loaded = false
function base.load(options)
    if loaded then return end
    options = options or {}
    local path = options.library or os.getenv("IXY_LIBRARY") or "libixy.so.1"
    declare(options.headers or os.getenv("IXY_HEADERS") or error("ixy: load needs the folder of the headers", 0))
    -- LuaJIT unloads what it loaded when its state is closed. The library has threads, so one more reference keeps it.
    ffi.cdef("void *dlopen(const char *, int); int fcntl(int, int, ...);")
    local NOW, NO_DELETE = 2, 0x1000
    local symbols = ffi.load(path)
    ffi.C.dlopen(path, NOW + NO_DELETE)
    setmetatable(library, { __index = function(_, name)
        local found, symbol = pcall(function() return symbols[name] end)
        if not found then error("this libixy (" .. ffi.string(symbols.ixy_version()) .. ") has no " .. name, 0) end
        rawset(library, name, symbol)
        return symbol
    end })
    local version = library.ixy_abi_version()
    if version ~= ABI_VERSION then
        error(("%s has ABI %d, this binding is made for %d (library version %s)"):format(path, version, ABI_VERSION,
            ffi.string(library.ixy_version())), 0)
    end
    loaded = true
end

return base
