/* Waiting for packets. */
#include "stubs.h"

#include <caml/memory.h>
#include <caml/signals.h>

/* On Unix a Unix.file_descr is the descriptor's number. */
value ixy_ocaml_rx_fd(value device, value queue)
{
    int32_t descriptor = ixy_rx_fd((uint64_t)Long_val(device), stubs_uint32(Long_val(queue)));
    return descriptor < 0 ? ixy_stubs_failed(descriptor) : ixy_stubs_ok(Val_int(descriptor));
}

intnat ixy_ocaml_rx_arm(intnat device, intnat queue)
{
    return ixy_rx_arm((uint64_t)device, stubs_uint32(queue));
}

value ixy_ocaml_rx_arm_byte(value device, value queue)
{
    return Val_long(ixy_ocaml_rx_arm(Long_val(device), Long_val(queue)));
}

/* Sleeps without the runtime lock. The handlers of signals that ended it run here, so that a program that waits in a
 * loop has seen what they did when it looks; they may raise. */
value ixy_ocaml_rx_wait(value device, value queue, value timeout_ms)
{
    CAMLparam0();
    CAMLlocal1(result);
    uint64_t handle = (uint64_t)Long_val(device);
    uint32_t number = stubs_uint32(Long_val(queue));
    int32_t milliseconds = (int32_t)Long_val(timeout_ms);
    int32_t code;
    caml_enter_blocking_section();
    code = ixy_rx_wait(handle, number, milliseconds);
    caml_leave_blocking_section();
    result = code < 0 ? ixy_stubs_failed(code) : ixy_stubs_ok(Val_bool(code));
    caml_process_pending_actions();
    CAMLreturn(result);
}

value ixy_ocaml_rx_wake(value device, value queue)
{
    return Val_long(ixy_rx_wake((uint64_t)Long_val(device), stubs_uint32(Long_val(queue))));
}
