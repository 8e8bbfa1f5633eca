#include "tests/c/misuse_calls.h"

#include <stdio.h>

static int32_t pool_free_count(uint64_t pool)
{
    return ixy_pool_free_count(pool);
}

static int32_t pool_view(uint64_t pool)
{
    ixy_view view = {.struct_size = sizeof(view)};
    return ixy_pool_view(pool, &view);
}

static int32_t pool_of_device(uint64_t pool)
{
    uint64_t device = 0;
    ixy_device_config config = {.struct_size = sizeof(config), .pool = pool};
    return pool == 0 ? ixy_pool_close(pool) : ixy_device_open(INLINE_LOOP, &config, &device); /* 0: without a pool */
}

static int32_t buf_alloc(uint64_t pool)
{
    ixy_frame frame;
    return ixy_buf_alloc(pool, &frame, 1);
}

static int32_t buf_free(uint64_t pool)
{
    ixy_frame frame = {0};
    return ixy_buf_free(pool, &frame, 1);
}

static int32_t buf_read(uint64_t pool)
{
    ixy_frame frame = {0};
    uint8_t byte;
    return ixy_buf_read(pool, &frame, 0, &byte, 1);
}

static int32_t buf_write(uint64_t pool)
{
    ixy_frame frame = {0};
    return ixy_buf_write(pool, &frame, 0, "x", 1);
}

static int32_t buf_metadata(uint64_t pool)
{
    ixy_frame frame = {0};
    ixy_metadata metadata;
    return ixy_buf_metadata(pool, &frame, &metadata);
}

static int32_t buf_metadata_set(uint64_t pool)
{
    ixy_frame frame = {0};
    ixy_metadata metadata = {0};
    return ixy_buf_metadata_set(pool, &frame, &metadata);
}

static int32_t device_info(uint64_t device)
{
    ixy_info info = {.struct_size = sizeof(info)};
    return ixy_device_info(device, &info);
}

static int32_t device_link(uint64_t device)
{
    ixy_link link = {.struct_size = sizeof(link)};
    return ixy_device_link(device, &link);
}

static int32_t device_stats(uint64_t device)
{
    ixy_stats stats = {.struct_size = sizeof(stats)};
    return ixy_device_stats(device, &stats);
}

static int32_t device_queue_stats(uint64_t device)
{
    ixy_queue_stats stats = {.struct_size = sizeof(stats)};
    return ixy_device_queue_stats(device, 0, &stats);
}

static int32_t device_feature(uint64_t device)
{
    return ixy_device_feature(device, 0, NULL, 0);
}

static int32_t device_mac(uint64_t device)
{
    uint8_t mac[6];
    return ixy_device_mac(device, mac);
}

static int32_t device_mac_set(uint64_t device)
{
    return ixy_device_mac_set(device, (const uint8_t[6]){2, 0, 0, 0, 0, 1});
}

static int32_t device_promiscuous_set(uint64_t device)
{
    return ixy_device_promiscuous_set(device, 1);
}

static int32_t rx_batch(uint64_t device)
{
    ixy_frame frame;
    return ixy_rx_batch(device, 0, &frame, 1);
}

static int32_t tx_batch(uint64_t device)
{
    ixy_frame frame = {0};
    return ixy_tx_batch(device, 0, &frame, 1);
}

static int32_t rx_fd(uint64_t device)
{
    return ixy_rx_fd(device, 0);
}

static int32_t rx_arm(uint64_t device)
{
    return ixy_rx_arm(device, 0);
}

static int32_t rx_wait(uint64_t device)
{
    return ixy_rx_wait(device, 0, -1);
}

static int32_t rx_wake(uint64_t device)
{
    return ixy_rx_wake(device, 0);
}

static int32_t emu_counters(uint64_t device)
{
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    return ixy_emu_counters_get(device, &counters);
}

static int32_t emu_meter(uint64_t device)
{
    ixy_emu_meter meter = {.struct_size = sizeof(meter)};
    return ixy_emu_meter_get(device, &meter);
}

static int32_t emu_violation(uint64_t device)
{
    return ixy_emu_violation(device, 0, NULL, 0);
}

const struct misuse_call misuse_calls[] = {
    {"ixy_pool_free_count", MISUSE_POOL, true, pool_free_count},
    {"ixy_pool_view", MISUSE_POOL, true, pool_view},
    {"ixy_device_open", MISUSE_POOL, true, pool_of_device},
    {"ixy_buf_alloc", MISUSE_POOL, false, buf_alloc},
    {"ixy_buf_free", MISUSE_POOL, false, buf_free},
    {"ixy_buf_read", MISUSE_POOL, false, buf_read},
    {"ixy_buf_write", MISUSE_POOL, false, buf_write},
    {"ixy_buf_metadata", MISUSE_POOL, false, buf_metadata},
    {"ixy_buf_metadata_set", MISUSE_POOL, false, buf_metadata_set},
    {"ixy_pool_close", MISUSE_POOL, true, ixy_pool_close},
    {"ixy_device_info", MISUSE_DEVICE, true, device_info},
    {"ixy_device_link", MISUSE_DEVICE, true, device_link},
    {"ixy_device_stats", MISUSE_DEVICE, true, device_stats},
    {"ixy_device_queue_stats", MISUSE_DEVICE, true, device_queue_stats},
    {"ixy_device_feature", MISUSE_DEVICE, true, device_feature},
    {"ixy_device_mac", MISUSE_DEVICE, true, device_mac},
    {"ixy_device_mac_set", MISUSE_DEVICE, true, device_mac_set},
    {"ixy_device_promiscuous_set", MISUSE_DEVICE, true, device_promiscuous_set},
    {"ixy_rx_batch", MISUSE_DEVICE, false, rx_batch},
    {"ixy_tx_batch", MISUSE_DEVICE, false, tx_batch},
    {"ixy_rx_fd", MISUSE_DEVICE, true, rx_fd},
    {"ixy_rx_arm", MISUSE_DEVICE, false, rx_arm},
    {"ixy_rx_wait", MISUSE_DEVICE, true, rx_wait},
    {"ixy_rx_wake", MISUSE_DEVICE, false, rx_wake},
    {"ixy_emu_counters_get", MISUSE_DEVICE, true, emu_counters},
    {"ixy_emu_meter_get", MISUSE_DEVICE, true, emu_meter},
    {"ixy_emu_violation", MISUSE_DEVICE, true, emu_violation},
    {"ixy_device_start", MISUSE_DEVICE, true, ixy_device_start},
    {"ixy_device_reset", MISUSE_DEVICE, true, ixy_device_reset},
    {"ixy_device_close", MISUSE_DEVICE, true, ixy_device_close},
    {"ixy_pool_view_release", MISUSE_VIEW, true, ixy_pool_view_release},
};
const uint32_t misuse_call_count = sizeof(misuse_calls) / sizeof(misuse_calls[0]);

const char *misuse_refused(uint64_t handle, int32_t code, int kinds)
{
    static char text[400];
    for (uint32_t i = 0; i < misuse_call_count; i++) {
        const struct misuse_call *call = &misuse_calls[i];
        char digits[40];
        if ((kinds >> call->kind & 1) == 0)
            continue;
        ixy_device_open("emu:nothing", NULL, &(uint64_t){0}); /* a text that no handle leaves */
        int32_t got = call->call(handle);
        snprintf(digits, sizeof(digits), "handle %#llx", (unsigned long long)handle);
        bool told = strstr(ixy_last_error(), digits) != NULL;
        if (got == code && told == call->tells)
            continue;
        snprintf(text, sizeof(text), "%s, %s: %s; right is %s %s a text; the text is \"%s\"", call->name, digits,
                 ixy_error_name(got), ixy_error_name(code), call->tells ? "with" : "without", ixy_last_error());
        return text;
    }
    return NULL;
}
