/* OCaml values that every stub makes: results, errors, records, lists. */
#include "stubs.h"

#include <string.h>

#include <caml/alloc.h>
#include <caml/memory.h>

/* Ixy.code: the constant constructors stand in the order of the codes -1, -2, ...; others are Unknown of int. */
static value stubs_code(int32_t code)
{
    if (code < 0 && code >= IXY_E_LIMIT) {
        return Val_int(-code - 1);
    }
    value unknown = caml_alloc(1, 0);
    Store_field(unknown, 0, Val_int(code));
    return unknown;
}

value ixy_stubs_error(int32_t code, const char *text)
{
    CAMLparam0();
    CAMLlocal4(error, kind, name, copy);
    char kept[IXY_TEXT_MAX] = "";
    if (text[0] == '\0') {
        text = ixy_strerror(code);
    }
    strncpy(kept, text, sizeof(kept) - 1);
    copy = caml_copy_string(kept);
    name = caml_copy_string(ixy_error_name(code));
    kind = stubs_code(code);
    error = caml_alloc(3, 0);
    Store_field(error, 0, kind);
    Store_field(error, 1, name);
    Store_field(error, 2, copy);
    CAMLreturn(error);
}

value ixy_stubs_result(int tag, value content)
{
    CAMLparam1(content);
    value result = caml_alloc(1, tag);
    Store_field(result, 0, content);
    CAMLreturn(result);
}

value ixy_stubs_ok(value content)
{
    return ixy_stubs_result(0, content);
}

value ixy_stubs_failed(int32_t code)
{
    return ixy_stubs_result(1, ixy_stubs_error(code, ixy_last_error()));
}

value ixy_stubs_unit_or_failed(int32_t code)
{
    return code < 0 ? ixy_stubs_failed(code) : ixy_stubs_ok(Val_unit);
}

value ixy_ocaml_error(value code)
{
    intnat number = Long_val(code);
    return ixy_stubs_error(number == (int32_t)number ? (int32_t)number : INT32_MIN, "");
}

value ixy_ocaml_abi_version(value unit)
{
    return Val_long(ixy_abi_version());
}

value ixy_ocaml_version(value unit)
{
    return caml_copy_string(ixy_version());
}

value ixy_stubs_ints(const uint64_t *members, uint32_t count)
{
    value record = caml_alloc(count, 0);
    for (uint32_t i = 0; i < count; i++) {
        Store_field(record, i, Val_long(members[i]));
    }
    return record;
}

value ixy_stubs_bits(uint32_t bits, int count)
{
    CAMLparam0();
    CAMLlocal1(list);
    list = Val_emptylist;
    for (int i = count - 1; i >= 0; i--) {
        if ((bits & 1u << i) != 0) {
            value cell = caml_alloc(2, 0);
            Store_field(cell, 0, Val_int(i));
            Store_field(cell, 1, list);
            list = cell;
        }
    }
    CAMLreturn(list);
}

uint32_t ixy_stubs_bits_of(value list)
{
    uint32_t bits = 0;
    for (; list != Val_emptylist; list = Field(list, 1)) {
        bits |= 1u << Int_val(Field(list, 0));
    }
    return bits;
}

value ixy_stubs_texts(uint64_t device, int32_t (*call)(uint64_t, uint32_t, char *, uint32_t))
{
    CAMLparam0();
    CAMLlocal3(list, cell, text);
    char texts[64][IXY_TEXT_MAX];
    int32_t kept = 0;
    for (int32_t i = 0; i < 64; i++) {
        int32_t count = call(device, (uint32_t)i, texts[i], IXY_TEXT_MAX);
        if (count < 0) {
            CAMLreturn(ixy_stubs_failed(count));
        }
        if (count <= i) {
            break;
        }
        kept = i + 1;
    }
    list = Val_emptylist;
    for (int32_t i = kept - 1; i >= 0; i--) {
        text = caml_copy_string(texts[i]);
        cell = caml_alloc(2, 0);
        Store_field(cell, 0, text);
        Store_field(cell, 1, list);
        list = cell;
    }
    CAMLreturn(ixy_stubs_ok(list));
}
