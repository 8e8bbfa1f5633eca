/* What Ruby has of its own: see ixy_unified.i. Bytes are strings of encoding ASCII-8BIT.
 *
 * rx_wait holds Ruby's lock while it waits, so other threads stand still: a program with threads waits with
 * IO.select on rx_fd instead. */
%{
static VALUE ixy_error; /* the module's class Error */

/* Does not return. The wrappers hold no memory at the time, so that none is lost. */
static void ixy_raise(int32_t code, const char *text)
{
    VALUE error = rb_exc_new_str(ixy_error, rb_sprintf("%s: %s", ixy_error_name(code), text));
    rb_iv_set(error, "@code", INT2NUM(code));
    rb_iv_set(error, "@name", rb_str_new_cstr(ixy_error_name(code)));
    rb_iv_set(error, "@text", rb_str_new_cstr(text));
    rb_exc_raise(error);
}

static VALUE ixy_from_bytes(const void *bytes, size_t size)
{
    return rb_str_new((const char *)bytes, (long)size);
}

/* NULL for what is no string */
static const void *ixy_as_bytes(VALUE object, size_t *size)
{
    if (!RB_TYPE_P(object, T_STRING)) {
        return NULL;
    }
    *size = (size_t)RSTRING_LEN(object);
    return RSTRING_PTR(object);
}

/* GC.start also frees what it finds, which rb_gc_start leaves for later. */
#define IXY_COLLECT() ((void)rb_funcall(rb_mGC, rb_intern("start"), 0))

#define IXY_REPLACE(result, object) ((result) = (object))
%}

/* Ruby turns a negative number into an unsigned one that is right for C. */
%typemap(in, fragment="SWIG_AsVal_unsigned_SS_long") uint64_t
{
    unsigned long given;
    if (!SWIG_IsOK(SWIG_AsVal_unsigned_SS_long($input, &given)) || RTEST(rb_funcall($input, '<', 1, INT2FIX(0)))) {
        SWIG_exception_fail(SWIG_OverflowError, "in $symname: argument $argnum is out of the range of uint64_t");
    }
    $1 = given;
}

%init
%{
    if (ixy_abi_version() != IXY_ABI_VERSION) {
        rb_raise(rb_eLoadError, "libixy.so has ABI %u, this module was made for %u", ixy_abi_version(),
                 IXY_ABI_VERSION);
    }
    ixy_error = rb_define_class_under(mIxy, "Error", rb_eStandardError);
    rb_define_attr(ixy_error, "code", 1, 0);
    rb_define_attr(ixy_error, "name", 1, 0);
    rb_define_attr(ixy_error, "text", 1, 0);
%}
