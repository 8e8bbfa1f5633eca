/* Over the statically linked core: with the checks that protect it from a lying device, without handle checks. */
#include <string.h>

#include "core/bus/vhost_user.h"
#include "core/device/device.h"
#include "core/device/error.h"
#include "front.h"

static struct pool *static_pool;
static struct device *static_device;
static struct frame static_frames[FRONT_BATCH];
static uint64_t static_tokens[FRONT_BATCH];

static bool static_open(const char *address)
{
    device_register_bus(&vhost_user_bus_scheme);
    if (pool_open(FRONT_BUFFERS, FRONT_BUFFER_SIZE, 0, &static_pool) < 0)
        return front_fail("pool", error_text());
    struct device_config config = {.rx_ring_size = FRONT_RING, .tx_ring_size = FRONT_RING, .pool = static_pool};
    if (device_open(address, &config, &static_device) < 0)
        return front_fail("open", error_text());
    if (device_start(static_device) < 0)
        return front_fail("start", error_text());
    return true;
}

static uint32_t static_close(void)
{
    uint32_t lost = 0;
    if (static_device != NULL)
        device_close(static_device);
    if (static_pool != NULL) {
        lost = FRONT_BUFFERS - static_pool->free_count;
        pool_close(static_pool);
    }
    return lost;
}

static void static_free(const struct frame *frames, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        static_tokens[i] = frames[i].buf;
    if (count > 0)
        pool_give(static_pool, static_tokens, count);
}

/* A device that failed moves nothing any more: asked when nothing moved. */
static bool static_works(void)
{
    return bus_check(static_device->bus) == 0 || front_fail("device", error_text());
}

static bool static_transmit(uint64_t *frames)
{
    uint32_t first = 0, count = 0; /* of the frames that wait for room in the ring */
    while (!front_ends()) {
        if (count == 0) {
            first = 0;
            count = pool_take(static_pool, static_tokens, FRONT_BATCH);
            for (uint32_t i = 0; i < count; i++) {
                uint32_t offset = ownership_index(static_tokens[i]) * static_pool->stride + POOL_HEADROOM;
                memcpy(static_pool->memory.base + offset, front_frame, FRONT_FRAME);
                frame_set(&static_frames[i], static_tokens[i], frame_place_of(offset, FRONT_FRAME));
            }
        }
        uint32_t sent = device_tx_batch(static_device, 0, static_frames + first, count);
        if (sent == 0 && !static_works())
            return false;
        first += sent;
        count -= sent;
        *frames += sent;
    }
    static_free(static_frames + first, count);
    return true;
}

static bool static_receive(uint64_t *frames)
{
    while (!front_ends()) {
        uint32_t received = device_rx_batch(static_device, 0, static_frames, FRONT_BATCH);
        if (received == 0 && !static_works())
            return false;
        static_free(static_frames, received);
        *frames += received;
    }
    return true;
}

static bool static_forward(uint64_t *frames)
{
    while (!front_ends()) {
        uint32_t received = device_rx_batch(static_device, 0, static_frames, FRONT_BATCH);
        if (received == 0) {
            if (!static_works())
                return false;
            continue;
        }
        uint32_t sent = device_tx_batch(static_device, 0, static_frames, received);
        static_free(static_frames + sent, received - sent);
        *frames += sent;
    }
    return true;
}

static const struct front static_front = {.open = static_open,
                                          .transmit = static_transmit,
                                          .receive = static_receive,
                                          .forward = static_forward,
                                          .close = static_close};

int main(int count, char **arguments)
{
    return front_main(&static_front, count, arguments);
}
