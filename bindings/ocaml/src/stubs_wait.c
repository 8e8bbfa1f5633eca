/* Waiting for packets. */
#include "stubs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <caml/memory.h>
#include <caml/signals.h>

/* On Unix a Unix.file_descr is the descriptor's number. The library's own is nobody's to close, so this is a duplicate,
 * which is the caller's. Another thread may close the device in between, and its number may become another file's: that
 * the library still knows it afterwards says that it was the queue's all the time. */
value ixy_ocaml_rx_fd(value device, value queue)
{
    uint64_t handle = (uint64_t)Long_val(device);
    uint32_t number = stubs_uint32(Long_val(queue));
    int32_t descriptor = ixy_rx_fd(handle, number);
    if (descriptor < 0) {
        return ixy_stubs_failed(descriptor);
    }
    int duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    int failure = errno;
    int32_t now = ixy_rx_fd(handle, number);
    if (now < 0) {
        if (duplicate >= 0) {
            close(duplicate);
        }
        return ixy_stubs_failed(now);
    }
    if (duplicate < 0) {
        char text[IXY_TEXT_MAX];
        snprintf(text, sizeof(text), "fcntl, to duplicate the queue's descriptor: %s", strerror(failure));
        return ixy_stubs_result(1, ixy_stubs_error(IXY_E_IO, text));
    }
    return ixy_stubs_ok(Val_int(duplicate));
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
value ixy_ocaml_rx_wait(value kept, value queue, value timeout_ms)
{
    CAMLparam1(kept); /* nobody else may know the device, which must not be collected, and so closed, meanwhile */
    CAMLlocal1(result);
    uint64_t handle = ixy_stubs_handle(kept);
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
