/* Control calls that take the text of their failure along.
 *
 * ixy_last_error belongs to the thread of the failing call, and a goroutine may wake up on another thread between two
 * calls into C, so both happen in one. text has IXY_TEXT_MAX bytes.
 */
#ifndef IXYGO_CONTROL_H
#define IXYGO_CONTROL_H

#if defined(__has_include) && !__has_include(<ixy.h>)
#error "libixy is not here: in a checkout run `go generate`; with -tags ixy_system install libixy first"
#endif
#include <ixy.h>
#include <string.h>

static inline int32_t ixygo_result(int32_t result, char *text)
{
    if (result < 0) {
        strncpy(text, ixy_last_error(), IXY_TEXT_MAX - 1);
        text[IXY_TEXT_MAX - 1] = '\0';
    }
    return result;
}

static inline int32_t ixygo_pool_open(const ixy_pool_config *config, uint64_t *pool, char *text)
{
    return ixygo_result(ixy_pool_open(config, pool), text);
}

static inline int32_t ixygo_pool_close(uint64_t pool, char *text)
{
    return ixygo_result(ixy_pool_close(pool), text);
}

static inline int32_t ixygo_pool_free_count(uint64_t pool, char *text)
{
    return ixygo_result(ixy_pool_free_count(pool), text);
}

static inline int32_t ixygo_pool_view(uint64_t pool, ixy_view *view, char *text)
{
    return ixygo_result(ixy_pool_view(pool, view), text);
}

static inline int32_t ixygo_device_find(uint32_t index, ixy_found *found, char *text)
{
    return ixygo_result(ixy_device_find(index, found), text);
}

static inline int32_t ixygo_device_open(const char *address, const ixy_device_config *config, uint64_t *device,
                                        char *text)
{
    return ixygo_result(ixy_device_open(address, config, device), text);
}

static inline int32_t ixygo_device_start(uint64_t device, char *text)
{
    return ixygo_result(ixy_device_start(device), text);
}

static inline int32_t ixygo_device_reset(uint64_t device, char *text)
{
    return ixygo_result(ixy_device_reset(device), text);
}

static inline int32_t ixygo_device_close(uint64_t device, char *text)
{
    return ixygo_result(ixy_device_close(device), text);
}

static inline int32_t ixygo_device_info(uint64_t device, ixy_info *info, char *text)
{
    return ixygo_result(ixy_device_info(device, info), text);
}

static inline int32_t ixygo_device_link(uint64_t device, ixy_link *link, char *text)
{
    return ixygo_result(ixy_device_link(device, link), text);
}

static inline int32_t ixygo_device_stats(uint64_t device, ixy_stats *stats, char *text)
{
    return ixygo_result(ixy_device_stats(device, stats), text);
}

static inline int32_t ixygo_device_queue_stats(uint64_t device, uint32_t queue, ixy_queue_stats *stats, char *text)
{
    return ixygo_result(ixy_device_queue_stats(device, queue, stats), text);
}

static inline int32_t ixygo_device_feature(uint64_t device, uint32_t index, char *feature, char *text)
{
    return ixygo_result(ixy_device_feature(device, index, feature, IXY_TEXT_MAX), text);
}

static inline int32_t ixygo_device_mac(uint64_t device, uint8_t *mac, char *text)
{
    return ixygo_result(ixy_device_mac(device, mac), text);
}

static inline int32_t ixygo_device_mac_set(uint64_t device, const uint8_t *mac, char *text)
{
    return ixygo_result(ixy_device_mac_set(device, mac), text);
}

static inline int32_t ixygo_device_promiscuous_set(uint64_t device, uint32_t on, char *text)
{
    return ixygo_result(ixy_device_promiscuous_set(device, on), text);
}

static inline int32_t ixygo_rx_fd(uint64_t device, uint32_t queue, char *text)
{
    return ixygo_result(ixy_rx_fd(device, queue), text);
}

static inline int32_t ixygo_emu_counters_get(uint64_t device, ixy_emu_counters *counters, char *text)
{
    return ixygo_result(ixy_emu_counters_get(device, counters), text);
}

static inline int32_t ixygo_emu_meter_get(uint64_t device, ixy_emu_meter *meter, char *text)
{
    return ixygo_result(ixy_emu_meter_get(device, meter), text);
}

static inline int32_t ixygo_emu_violation(uint64_t device, uint32_t index, char *violation, char *text)
{
    return ixygo_result(ixy_emu_violation(device, index, violation, IXY_TEXT_MAX), text);
}

#endif
