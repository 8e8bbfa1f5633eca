/* The typemaps of ixy.i for Python, Ruby and the other languages of SWIG's unified typemap library.
 *
 * Four things differ between these languages, and each has a file of its own for them: how an error is raised
 * (ixy_raise), what a piece of memory is called (ixy_from_bytes, ixy_as_bytes), how a result is put in place of another
 * (IXY_REPLACE), and how the collector is run (IXY_COLLECT). */
#if defined(SWIGPYTHON)
%include "ixy_python.i"
#elif defined(SWIGRUBY)
%include "ixy_ruby.i"
#else
#error "ixy.i has no typemaps for this language: write a file like ixy_ruby.i and name it in ixy_unified.i, see README.md"
#endif

%{
#define IXY_RAISE(code, text)                                                                                          \
    do {                                                                                                               \
        ixy_raise((code), (text));                                                                                     \
        SWIG_fail;                                                                                                     \
    } while (0)
%}

/* ---- results: negative codes are raised, with the thread's text after a control call, else with the code's own ---- */

%typemap(out, fragment="SWIG_From_int") int32_t
{
    if ($1 < 0) {
        IXY_RAISE($1, ixy_last_error());
    }
    $result = SWIG_From_int($1);
}
%typemap(out, fragment="SWIG_From_int") IXY_HOT
{
    if ($1 < 0) {
        IXY_RAISE($1, ixy_strerror($1));
    }
    $result = SWIG_From_int($1);
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
    IXY_REPLACE($result, SWIG_NewPointerObj(ixy_copy($1, sizeof *$1), $1_descriptor, SWIG_POINTER_OWN));
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
    %append_output(SWIG_NewPointerObj(ixy_copy($1, sizeof *$1), $1_descriptor, SWIG_POINTER_OWN));
}
%enddef

%typemap(in, numinputs=0) uint64_t *pool (uint64_t made), uint64_t *device (uint64_t made)
{
    made = 0;
    $1 = &made;
}
%typemap(argout, fragment="SWIG_From_unsigned_SS_long_SS_long") uint64_t *pool, uint64_t *device
{
    IXY_REPLACE($result, SWIG_From_unsigned_SS_long_SS_long(*$1));
}

%typemap(in, numinputs=0) (char *text, uint32_t text_size) (char filled[IXY_TEXT_MAX])
{
    filled[0] = 0;
    $1 = filled;
    $2 = sizeof filled;
}
%typemap(argout, fragment="SWIG_FromCharPtr") (char *text, uint32_t text_size)
{
    %append_output(SWIG_FromCharPtr($1));
}

/* ---- bytes ---- */

%typemap(in, numinputs=0) uint8_t *mac (uint8_t filled[6])
{
    $1 = filled;
}
%typemap(argout) uint8_t *mac
{
    IXY_REPLACE($result, ixy_from_bytes($1, 6));
}
%typemap(in) const uint8_t *mac (size_t size)
{
    $1 = (uint8_t *)ixy_as_bytes($input, &size);
    if (!$1 || size != 6) {
        SWIG_exception_fail(SWIG_ValueError, "in $symname: mac is a string of 6 bytes");
    }
}
%typemap(argout) const uint8_t *mac "";

/* A packet has at most 65535 bytes: the library refuses to read more, before it writes any. */
%typemap(in, fragment="SWIG_AsVal_unsigned_SS_int") (void *to, uint32_t size) (uint8_t filled[65536])
{
    if (!SWIG_IsOK(SWIG_AsVal_unsigned_SS_int($input, &$2))) {
        SWIG_exception_fail(SWIG_ValueError, "in $symname: size is a number from 0 to 4294967295");
    }
    $1 = filled;
}
%typemap(argout) (void *to, uint32_t size)
{
    IXY_REPLACE($result, ixy_from_bytes($1, $2));
}
%typemap(in) (const void *bytes, uint32_t size) (size_t size)
{
    $1 = (void *)ixy_as_bytes($input, &size);
    if (!$1 || size > UINT32_MAX) {
        SWIG_exception_fail(SWIG_TypeError, "in $symname: bytes is a string of bytes");
    }
    $2 = (uint32_t)size;
}

/* ---- frames ---- */

%typemap(in) ixy_frame *frames (void *array), const ixy_frame *frames (void *array)
{
    if (!SWIG_IsOK(SWIG_ConvertPtr($input, &array, $descriptor(Frames *), 0)) || !array) {
        SWIG_exception_fail(SWIG_TypeError, "in $symname: frames is an object of class Frames");
    }
    $1 = ((Frames *)array)->items;
}
%typemap(in) Frames *FRAMES (void *array)
{
    if (!SWIG_IsOK(SWIG_ConvertPtr($input, &array, $descriptor(Frames *), 0)) || !array) {
        SWIG_exception_fail(SWIG_TypeError, "in $symname: frames is an object of class Frames");
    }
    $1 = (Frames *)array;
}
