/* Waiting for packets: each receive queue's event, armed and waited for. */
#include "abi/objects.h"
#include "core/device/error.h"

int32_t ixy_rx_fd(uint64_t device, uint32_t queue)
{
    (void)device;
    (void)queue;
    return error_set(IXY_E_UNSUPPORTED, "no interrupts yet");
}

int32_t ixy_rx_arm(uint64_t device, uint32_t queue)
{
    (void)device;
    (void)queue;
    return IXY_E_UNSUPPORTED;
}

int32_t ixy_rx_wait(uint64_t device, uint32_t queue, int32_t timeout_ms)
{
    (void)device;
    (void)queue;
    (void)timeout_ms;
    return error_set(IXY_E_UNSUPPORTED, "no interrupts yet");
}
