/* The typemaps of ixy.i for Lua 5.4, which SWIG's unified typemap library does not serve.
 *
 * Numbers are Lua's 64-bit integers, so that handles and counters are exact; as Lua has no unsigned ones, a value from
 * 2^63 on is negative. An error is a table {code, name, text}, and tostring of it is a sentence. Where C fills in
 * several things the function returns several values. */
%{
#if LUA_VERSION_NUM < 504
#error "ixy_lua.i wants the integers of Lua 5.4"
#endif

static const char IXY_ERROR[] = "ixy.Error"; /* the errors' metatable in the registry */

static void ixy_push_error(lua_State *L, int32_t code, const char *text)
{
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, code);
    lua_setfield(L, -2, "code");
    lua_pushstring(L, ixy_error_name(code));
    lua_setfield(L, -2, "name");
    lua_pushstring(L, text);
    lua_setfield(L, -2, "text");
    luaL_setmetatable(L, IXY_ERROR);
}

static int ixy_error_tostring(lua_State *L)
{
    lua_getfield(L, 1, "name");
    lua_getfield(L, 1, "text");
    lua_pushfstring(L, "%s: %s", lua_tostring(L, -2), lua_tostring(L, -1));
    return 1;
}

#define IXY_RAISE(code, text)                                                                                          \
    do {                                                                                                               \
        ixy_push_error(L, (code), (text));                                                                             \
        SWIG_fail;                                                                                                     \
    } while (0)

#define IXY_COLLECT() (void)lua_gc(L, LUA_GCCOLLECT, 0)

#undef SWIG_exception
#define SWIG_exception(code, text)                                                                                     \
    do {                                                                                                               \
        lua_pushstring(L, (text));                                                                                     \
        SWIG_fail;                                                                                                     \
    } while (0)
%}

/* ---- numbers ---- */

%define IXY_INTEGER(TYPE, LEAST, MOST)
%typemap(in, checkfn="lua_isnumber") TYPE
{
    int whole;
    lua_Integer given = lua_tointegerx(L, $input, &whole);
    if (!whole || given < LEAST || given > MOST) {
        SWIG_exception(SWIG_ValueError, "in $symname: argument $argnum is out of the range of TYPE");
    }
    $1 = (TYPE)given;
}
%typemap(out) TYPE
{
    lua_pushinteger(L, (lua_Integer)$1);
    SWIG_arg++;
}
%enddef
IXY_INTEGER(uint8_t, 0, UINT8_MAX)
IXY_INTEGER(uint16_t, 0, UINT16_MAX)
IXY_INTEGER(uint32_t, 0, UINT32_MAX)
IXY_INTEGER(int32_t, INT32_MIN, INT32_MAX)
IXY_INTEGER(uint64_t, INT64_MIN, INT64_MAX)

/* ---- results: negative codes are raised, with the thread's text after a control call, else with the code's own ---- */

%typemap(out) int32_t
{
    if ($1 < 0) {
        IXY_RAISE($1, ixy_last_error());
    }
    lua_pushinteger(L, $1);
    SWIG_arg++;
}
%typemap(out) IXY_HOT
{
    if ($1 < 0) {
        IXY_RAISE($1, ixy_strerror($1));
    }
    lua_pushinteger(L, $1);
    SWIG_arg++;
}

/* ---- what a call fills in takes the place of its 0 ---- */

%define IXY_FILLED_IN_PLAIN(TYPE, NAME)
%typemap(in, numinputs=0) TYPE *NAME (TYPE filled)
{
    memset(&filled, 0, sizeof filled);
    $1 = &filled;
}
%typemap(in) const TYPE *NAME = SWIGTYPE *;
%typemap(argout) const TYPE *NAME "";
%typemap(argout) TYPE *NAME
{
    lua_pop(L, 1);
    SWIG_NewPointerObj(L, ixy_copy($1, sizeof *$1), $1_descriptor, 1);
}
%enddef

%define IXY_FILLED_IN(TYPE, NAME)
IXY_FILLED_IN_PLAIN(TYPE, NAME)
%typemap(in, numinputs=0) TYPE *NAME (TYPE filled)
{
    memset(&filled, 0, sizeof filled);
    filled.struct_size = sizeof filled;
    $1 = &filled;
}
%enddef

%define IXY_FILLED_IN_BESIDE_COUNT(TYPE, NAME)
IXY_FILLED_IN(TYPE, NAME)
%typemap(argout) TYPE *NAME
{
    SWIG_NewPointerObj(L, ixy_copy($1, sizeof *$1), $1_descriptor, 1);
    SWIG_arg++;
}
%enddef

%typemap(in, numinputs=0) uint64_t *pool (uint64_t made), uint64_t *device (uint64_t made)
{
    made = 0;
    $1 = &made;
}
%typemap(argout) uint64_t *pool, uint64_t *device
{
    lua_pop(L, 1);
    lua_pushinteger(L, (lua_Integer)*$1);
}

%typemap(in, numinputs=0) (char *text, uint32_t text_size) (char filled[IXY_TEXT_MAX])
{
    filled[0] = 0;
    $1 = filled;
    $2 = sizeof filled;
}
%typemap(argout) (char *text, uint32_t text_size)
{
    lua_pushstring(L, $1);
    SWIG_arg++;
}

/* ---- bytes ---- */

%typemap(in, numinputs=0) uint8_t *mac (uint8_t filled[6])
{
    $1 = filled;
}
%typemap(argout) uint8_t *mac
{
    lua_pop(L, 1);
    lua_pushlstring(L, (const char *)$1, 6);
}
%typemap(in, checkfn="lua_isstring") const uint8_t *mac (size_t size)
{
    $1 = (uint8_t *)lua_tolstring(L, $input, &size);
    if (size != 6) {
        SWIG_exception(SWIG_ValueError, "in $symname: mac is a string of 6 bytes");
    }
}
%typemap(argout) const uint8_t *mac "";

/* A packet has at most 65535 bytes: the library refuses to read more, before it writes any. */
%typemap(in, checkfn="lua_isnumber") (void *to, uint32_t size) (uint8_t filled[65536])
{
    int whole;
    lua_Integer given = lua_tointegerx(L, $input, &whole);
    if (!whole || given < 0 || given > UINT32_MAX) {
        SWIG_exception(SWIG_ValueError, "in $symname: size is a number from 0 to 4294967295");
    }
    $1 = filled;
    $2 = (uint32_t)given;
}
%typemap(argout) (void *to, uint32_t size)
{
    lua_pop(L, 1);
    lua_pushlstring(L, (const char *)$1, $2);
}
%typemap(in, checkfn="lua_isstring") (const void *bytes, uint32_t size) (size_t size)
{
    $1 = (void *)lua_tolstring(L, $input, &size);
    if (size > UINT32_MAX) {
        SWIG_exception(SWIG_ValueError, "in $symname: bytes is longer than any packet");
    }
    $2 = (uint32_t)size;
}

/* ---- frames ---- */

%typemap(in, checkfn="lua_isuserdata") ixy_frame *frames (void *array), const ixy_frame *frames (void *array)
{
    if (!SWIG_IsOK(SWIG_ConvertPtr(L, $input, &array, $descriptor(Frames *), 0))) {
        SWIG_fail_ptr("$symname", $argnum, $descriptor(Frames *));
    }
    $1 = ((Frames *)array)->items;
}
%typemap(in, checkfn="lua_isuserdata") Frames *FRAMES (void *array)
{
    if (!SWIG_IsOK(SWIG_ConvertPtr(L, $input, &array, $descriptor(Frames *), 0))) {
        SWIG_fail_ptr("$symname", $argnum, $descriptor(Frames *));
    }
    $1 = (Frames *)array;
}

%init
%{
    if (ixy_abi_version() != IXY_ABI_VERSION) {
        luaL_error(L, "libixy.so has ABI %d, this module was made for %d", (int)ixy_abi_version(), IXY_ABI_VERSION);
    }
    luaL_newmetatable(L, IXY_ERROR);
    lua_pushcfunction(L, ixy_error_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
%}
