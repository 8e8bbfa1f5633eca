/* Over libixy.so with every check, called as ixy.h declares it. */
#include <string.h>

#include "abi/include/ixy.h"
#include "front.h"

static uint64_t shared_pool;
static uint64_t shared_device;
static ixy_view shared_view;
static ixy_frame shared_frames[FRONT_BATCH];

static bool shared_open(const char *address)
{
    ixy_pool_config pool = {
        .struct_size = sizeof(pool), .buffer_count = FRONT_BUFFERS, .buffer_size = FRONT_BUFFER_SIZE};
    shared_view.struct_size = sizeof(shared_view);
    if (ixy_pool_open(&pool, &shared_pool) < 0 || ixy_pool_view(shared_pool, &shared_view) < 0)
        return front_fail("pool", ixy_last_error());
    ixy_device_config config = {
        .struct_size = sizeof(config), .rx_ring_size = FRONT_RING, .tx_ring_size = FRONT_RING, .pool = shared_pool};
    if (ixy_device_open(address, &config, &shared_device) < 0)
        return front_fail("open", ixy_last_error());
    if (ixy_device_start(shared_device) < 0)
        return front_fail("start", ixy_last_error());
    return true;
}

static uint32_t shared_close(void)
{
    uint32_t lost = 0;
    if (shared_device != 0)
        ixy_device_close(shared_device);
    if (shared_pool != 0)
        lost = FRONT_BUFFERS - (uint32_t)ixy_pool_free_count(shared_pool);
    if (shared_view.view != 0)
        ixy_pool_view_release(shared_view.view);
    if (shared_pool != 0)
        ixy_pool_close(shared_pool);
    return lost;
}

static bool shared_free(const ixy_frame *frames, uint32_t count)
{
    int32_t freed = count > 0 ? ixy_buf_free(shared_pool, frames, count) : 0;
    return freed == (int32_t)count || front_fail("free", ixy_strerror(freed));
}

static bool shared_transmit(uint64_t *frames)
{
    uint32_t first = 0, count = 0; /* of the frames that wait for room in the ring */
    while (!front_ends()) {
        if (count == 0) {
            int32_t got = ixy_buf_alloc(shared_pool, shared_frames, FRONT_BATCH);
            if (got < 0)
                return front_fail("alloc", ixy_strerror(got));
            for (int32_t i = 0; i < got; i++) {
                memcpy((uint8_t *)shared_view.base + shared_frames[i].offset, front_frame, FRONT_FRAME);
                shared_frames[i].len = FRONT_FRAME;
            }
            first = 0;
            count = (uint32_t)got;
        }
        int32_t sent = ixy_tx_batch(shared_device, 0, shared_frames + first, count);
        if (sent < 0)
            return front_fail("transmit", ixy_strerror(sent));
        first += (uint32_t)sent;
        count -= (uint32_t)sent;
        *frames += (uint32_t)sent;
    }
    return shared_free(shared_frames + first, count);
}

static bool shared_receive(uint64_t *frames)
{
    while (!front_ends()) {
        int32_t received = ixy_rx_batch(shared_device, 0, shared_frames, FRONT_BATCH);
        if (received < 0)
            return front_fail("receive", ixy_strerror(received));
        if (!shared_free(shared_frames, (uint32_t)received))
            return false;
        *frames += (uint32_t)received;
    }
    return true;
}

static bool shared_forward(uint64_t *frames)
{
    while (!front_ends()) {
        int32_t received = ixy_rx_batch(shared_device, 0, shared_frames, FRONT_BATCH);
        if (received < 0)
            return front_fail("receive", ixy_strerror(received));
        if (received == 0)
            continue;
        int32_t sent = ixy_tx_batch(shared_device, 0, shared_frames, (uint32_t)received);
        if (sent < 0)
            return front_fail("transmit", ixy_strerror(sent));
        if (!shared_free(shared_frames + sent, (uint32_t)(received - sent)))
            return false;
        *frames += (uint32_t)sent;
    }
    return true;
}

static const struct front shared_front = {.open = shared_open,
                                          .transmit = shared_transmit,
                                          .receive = shared_receive,
                                          .forward = shared_forward,
                                          .close = shared_close};

int main(int count, char **arguments)
{
    return front_main(&shared_front, count, arguments);
}
