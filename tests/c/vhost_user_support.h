/* What the vhost-user tests share: devices on a scripted back end, frames through it, and what must not be lost. */
#ifndef TESTS_C_VHOST_USER_SUPPORT_H
#define TESTS_C_VHOST_USER_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <dirent.h>

#include "tests/c/abi_support.h"
#include "tests/c/vhost_user_backend.h"

#define VHOST_TEST_BUFFERS 4096

static inline double vhost_test_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline uint32_t vhost_test_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    uint32_t count = 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static inline const char *vhost_test_address(const struct backend *backend, const char *options)
{
    static char address[256];
    snprintf(address, sizeof(address), "vhost-user:%s%s", backend->path, options);
    return address;
}

static inline int32_t vhost_test_open(const struct backend *backend, const char *options, uint32_t pairs, uint64_t pool,
                                      uint64_t *device)
{
    ixy_device_config config = {.struct_size = sizeof(config),
                                .pool = pool,
                                .rx_queues = pairs,
                                .tx_queues = pairs,
                                .rx_ring_size = 64,
                                .tx_ring_size = 64};
    return ixy_device_open(vhost_test_address(backend, options), &config, device);
}

static inline uint64_t vhost_test_device(const struct backend *backend, const char *options, uint32_t pairs,
                                         uint64_t pool)
{
    uint64_t device = 0;
    int32_t code = vhost_test_open(backend, options, pairs, pool, &device);
    if (code >= 0)
        code = ixy_device_start(device);
    if (code < 0)
        fail_msg("%s: %s: %s", options, ixy_error_name(code), ixy_last_error());
    return device;
}

static inline void vhost_test_text(int32_t code, int32_t right, const char *part)
{
    if (code != right || strstr(ixy_last_error(), part) == NULL)
        fail_msg("%s: \"%s\"; right is %s and a text with \"%s\"", ixy_error_name(code), ixy_last_error(),
                 ixy_error_name(right), part);
}

/* Sends count frames of many lengths on each queue and expects each back, byte by byte, within ten seconds. */
static inline void vhost_test_traffic(uint64_t device, uint64_t pool, uint32_t pairs, uint32_t count)
{
    double end = vhost_test_now() + 10;
    for (uint32_t queue = 0; queue < pairs; queue++) {
        uint32_t sent = 0, received = 0;
        while (received < count) {
            assert_true(vhost_test_now() < end);
            ixy_frame frame;
            if (sent < count && sent - received < 32 && ixy_buf_alloc(pool, &frame, 1) == 1) {
                uint8_t bytes[1514];
                frame.len = (uint16_t)(60 + sent * 37 % 1455);
                memset(bytes, (int)(sent + queue), sizeof(bytes));
                assert_int_equal(ixy_buf_write(pool, &frame, 0, bytes, frame.len), frame.len);
                if (ixy_tx_batch(device, queue, &frame, 1) == 1)
                    sent++;
                else
                    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
            }
            int32_t got = ixy_rx_batch(device, queue, &frame, 1);
            assert_true(got >= 0);
            if (got == 1) {
                uint8_t bytes[1514], right[1514];
                memset(right, (int)(received + queue), sizeof(right));
                assert_int_equal(frame.len, 60 + received * 37 % 1455);
                assert_int_equal(ixy_buf_read(pool, &frame, 0, bytes, frame.len), frame.len);
                assert_memory_equal(bytes, right, frame.len);
                assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
                received++;
            }
        }
    }
}

/* Until receive says that the device failed; how long that took. */
static inline double vhost_test_until_failed(uint64_t device)
{
    double begin = vhost_test_now();
    ixy_frame frame;
    int32_t code;
    do {
        code = ixy_rx_batch(device, 0, &frame, 1);
        assert_true(vhost_test_now() < begin + 5);
    } while (code == 0);
    assert_int_equal(code, IXY_E_DEVICE);
    return vhost_test_now() - begin;
}

static inline bool vhost_test_has(uint64_t device, const char *feature)
{
    char name[32];
    int32_t count = ixy_device_feature(device, 0, name, sizeof(name));
    for (int32_t i = 0; i < count; i++) {
        assert_int_equal(ixy_device_feature(device, (uint32_t)i, name, sizeof(name)), count);
        if (strcmp(name, feature) == 0)
            return true;
    }
    return false;
}

#endif
