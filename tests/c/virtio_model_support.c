#include "tests/c/virtio_model_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/device/error.h"

#define VTEST_STRIDE 2368
#define VTEST_HEADROOM 128
#define VTEST_QUEUE_BYTES 16384 /* of the rings' memory, for each queue */
#define VTEST_COMMAND_AT 12288  /* of the control queue's: where its commands lie */

void vtest_open(struct vtest *test, const char *options)
{
    char address[256];
    memset(test, 0, sizeof(*test));
    snprintf(address, sizeof(address), "emu:virtio,timing=inline%s", options);
    test->bus = emu_test_bus(address);
    assert_non_null(test->bus->virtio);
    assert_int_equal(dma_memory_allocate(&test->pool, (uint64_t)VTEST_BUFFERS * VTEST_STRIDE, "pool"), 0);
    test->pool.stride = VTEST_STRIDE;
    test->pool.owner = test->owner;
    assert_int_equal(dma_memory_allocate(&test->rings, VTEST_QUEUES * VTEST_QUEUE_BYTES, "rings"), 0);
    assert_int_equal(test->bus->ops->dma_map(test->bus, &test->pool, &test->pool_address), 0);
    assert_int_equal(test->bus->ops->dma_map(test->bus, &test->rings, &test->rings_address), 0);
}

void vtest_close(struct vtest *test, uint32_t violations)
{
    assert_int_equal(test->bus->virtio->status_set(test->bus, 0), 0);
    assert_int_equal(vtest_status(test), 0);
    test->bus->ops->dma_unmap(test->bus, &test->pool);
    test->bus->ops->dma_unmap(test->bus, &test->rings);
    emu_test_violations(test->bus, violations);
    test->bus->ops->close(test->bus);
    dma_memory_free(&test->pool);
    dma_memory_free(&test->rings);
}

uint32_t vtest_status(struct vtest *test)
{
    uint32_t status = UINT32_MAX;
    assert_int_equal(test->bus->virtio->status(test->bus, &status), 0);
    return status;
}

void vtest_status_add(struct vtest *test, uint32_t bits)
{
    assert_int_equal(test->bus->virtio->status_set(test->bus, vtest_status(test) | bits), 0);
}

uint64_t vtest_offered(struct vtest *test)
{
    uint64_t offered = 0;
    assert_int_equal(test->bus->virtio->features(test->bus, &offered), 0);
    return offered;
}

void vtest_negotiate(struct vtest *test, uint64_t features)
{
    assert_int_equal(test->bus->virtio->status_set(test->bus, 0), 0);
    vtest_status_add(test, VIRTIO_STATUS_ACKNOWLEDGE);
    vtest_status_add(test, VIRTIO_STATUS_DRIVER);
    assert_int_equal(test->bus->virtio->features_accept(test->bus, features), 0);
    bool modern = (features >> VIRTIO_F_VERSION_1 & 1) != 0;
    if (modern)
        vtest_status_add(test, VIRTIO_STATUS_FEATURES_OK);
    test->accepted = features;
    test->packed = (features >> VIRTIO_F_RING_PACKED & 1) != 0;
    test->header = modern || (features >> VIRTIO_NET_F_MRG_RXBUF & 1) != 0 ? 12 : 10;
}

struct virtio_queue_setup vtest_setup(struct vtest *test, uint32_t number, uint32_t size)
{
    struct vtest_queue *queue = &test->queue[number];
    uint64_t base = test->rings_address + (uint64_t)number * VTEST_QUEUE_BYTES;
    memset(queue, 0, sizeof(*queue));
    queue->size = size;
    queue->wrap = queue->used_wrap = true;
    queue->address[0] = base;
    queue->address[1] = base + 16 * (uint64_t)size;
    queue->address[2] = test->packed ? base + 8192 : (queue->address[1] + 6 + 2 * size + 4095) & ~(uint64_t)4095;
    for (uint32_t i = 0; i < 3; i++)
        queue->area[i] = test->rings.base + (queue->address[i] - test->rings_address);
    memset(queue->area[0], 0, VTEST_QUEUE_BYTES);
    return (struct virtio_queue_setup){.size = size,
                                       .descriptor_area = queue->address[0],
                                       .driver_area = queue->address[1],
                                       .device_area = queue->address[2]};
}

void vtest_enable(struct vtest *test, uint32_t number)
{
    uint32_t most = 0;
    assert_int_equal(test->bus->virtio->queue_size_max(test->bus, number, &most), 0);
    struct virtio_queue_setup setup = vtest_setup(test, number, most < VTEST_SIZE ? most : VTEST_SIZE);
    assert_int_equal(test->bus->virtio->queue_enable(test->bus, number, &setup), 0);
}

uint32_t vtest_control(const struct vtest *test)
{
    uint16_t pairs = 1;
    if ((test->accepted >> VIRTIO_NET_F_MQ & 1) != 0)
        assert_int_equal(test->bus->virtio->config_read(test->bus, VIRTIO_NET_CONFIG_MAX_VIRTQUEUE_PAIRS, &pairs, 2),
                         0);
    return 2u * pairs;
}

void vtest_start(struct vtest *test, uint32_t queues)
{
    vtest_negotiate(test, vtest_offered(test));
    if ((test->accepted >> VIRTIO_F_VERSION_1 & 1) != 0)
        assert_int_equal(vtest_status(test) & VIRTIO_STATUS_FEATURES_OK, VIRTIO_STATUS_FEATURES_OK);
    for (uint32_t number = 0; number < queues; number++)
        vtest_enable(test, number);
    vtest_enable(test, vtest_control(test));
    vtest_status_add(test, VIRTIO_STATUS_DRIVER_OK);
}

uint64_t vtest_take(struct vtest *test)
{
    assert_true(test->taken < VTEST_BUFFERS);
    return test->pool_address + (uint64_t)test->taken++ * VTEST_STRIDE + VTEST_HEADROOM;
}

uint8_t *vtest_bytes(const struct vtest *test, uint64_t address)
{
    if (address >= test->rings_address && address < test->rings_address + test->rings.size)
        return test->rings.base + (address - test->rings_address);
    assert_true(address >= test->pool_address && address < test->pool_address + test->pool.size);
    return test->pool.base + (address - test->pool_address);
}

static void vtest_post_split(struct vtest_queue *queue, const struct vtest_part *parts, uint32_t count, uint32_t head)
{
    struct virtq_desc *desc = (struct virtq_desc *)(void *)queue->area[0];
    struct virtq_avail *avail = (struct virtq_avail *)(void *)queue->area[1];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (head + i) % queue->size, next = (at + 1) % queue->size;
        desc[at] = (struct virtq_desc){.addr = parts[i].address, .len = parts[i].len, .next = (uint16_t)next};
        desc[at].flags = (uint16_t)(parts[i].flags | (i + 1 < count ? VIRTQ_DESC_F_NEXT : 0));
    }
    avail->ring[queue->avail++ % queue->size] = (uint16_t)head;
    __atomic_store_n(&avail->idx, (uint16_t)queue->avail, __ATOMIC_RELEASE);
}

static void vtest_post_packed(struct vtest_queue *queue, const struct vtest_part *parts, uint32_t count, uint32_t id)
{
    struct virtq_packed_desc *ring = (struct virtq_packed_desc *)(void *)queue->area[0];
    uint32_t first = queue->next, first_flags = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t flags = parts[i].flags | (i + 1 < count ? VIRTQ_DESC_F_NEXT : 0);
        flags |= queue->wrap ? VIRTQ_PACKED_DESC_F_AVAIL : VIRTQ_PACKED_DESC_F_USED;
        struct virtq_packed_desc *desc = &ring[queue->next];
        desc->addr = parts[i].address;
        desc->len = parts[i].len;
        desc->id = (uint16_t)id;
        if (i == 0)
            first_flags = flags;
        else
            desc->flags = (uint16_t)flags;
        if (++queue->next == queue->size) {
            queue->next = 0;
            queue->wrap = !queue->wrap;
        }
    }
    queue->count[id % VTEST_SIZE] = (uint16_t)count;
    __atomic_store_n(&ring[first].flags, (uint16_t)first_flags, __ATOMIC_RELEASE);
}

void vtest_post_id(struct vtest *test, uint32_t number, const struct vtest_part *parts, uint32_t count, uint16_t id)
{
    if (test->packed)
        vtest_post_packed(&test->queue[number], parts, count, id);
    else
        vtest_post_split(&test->queue[number], parts, count, id);
}

uint16_t vtest_post(struct vtest *test, uint32_t number, const struct vtest_part *parts, uint32_t count)
{
    struct vtest_queue *queue = &test->queue[number];
    uint16_t id = (uint16_t)queue->next;
    vtest_post_id(test, number, parts, count, id);
    if (!test->packed)
        queue->next = (queue->next + count) % queue->size;
    return id;
}

void vtest_notify(struct vtest *test, uint32_t number)
{
    test->bus->virtio->notify(test->bus, number);
}

void vtest_step(struct vtest *test)
{
    test->bus->step(test->bus);
}

static bool vtest_used_split(struct vtest_queue *queue, uint32_t *id, uint32_t *len)
{
    const struct virtq_used *used = (const struct virtq_used *)(void *)queue->area[2];
    uint16_t idx = __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE);
    if (idx == (uint16_t)queue->used)
        return false;
    *id = used->ring[queue->used % queue->size].id;
    *len = used->ring[queue->used % queue->size].len;
    queue->used++;
    return true;
}

static bool vtest_used_packed(struct vtest_queue *queue, bool in_order, uint32_t *id, uint32_t *len)
{
    const struct virtq_packed_desc *desc = (const struct virtq_packed_desc *)(void *)queue->area[0] + queue->used;
    uint16_t flags = __atomic_load_n(&desc->flags, __ATOMIC_ACQUIRE);
    uint32_t both = VIRTQ_PACKED_DESC_F_AVAIL | VIRTQ_PACKED_DESC_F_USED;
    if ((flags & both) != (queue->used_wrap ? both : 0))
        return false;
    *id = desc->id;
    *len = desc->len;
    assert_true(desc->id < VTEST_SIZE);
    if (in_order) /* of a batch, of which this is the last; ids are positions */
        queue->used = (desc->id < queue->used ? queue->size : 0) + desc->id;
    queue->used += queue->count[desc->id];
    if (queue->used >= queue->size) {
        queue->used -= queue->size;
        queue->used_wrap = !queue->used_wrap;
    }
    return true;
}

bool vtest_used(struct vtest *test, uint32_t number, uint32_t *id, uint32_t *len)
{
    struct vtest_queue *queue = &test->queue[number];
    bool in_order = (test->accepted >> VIRTIO_F_IN_ORDER & 1) != 0;
    return test->packed ? vtest_used_packed(queue, in_order, id, len) : vtest_used_split(queue, id, len);
}

/* Whether header and frame must have descriptors of their own. */
static bool vtest_header_alone(const struct vtest *test)
{
    return (test->accepted & (VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT))) == 0;
}

static void vtest_post_packet(struct vtest *test, uint32_t queue, uint64_t address, uint32_t len, uint32_t flags)
{
    const struct vtest_part whole = {address, len, flags};
    const struct vtest_part parts[2] = {{address, test->header, flags},
                                        {address + test->header, len - test->header, flags}};
    if (vtest_header_alone(test))
        vtest_post(test, queue, parts, 2);
    else
        vtest_post(test, queue, &whole, 1);
}

uint64_t vtest_post_receive(struct vtest *test, uint32_t queue)
{
    uint64_t address = vtest_take(test);
    vtest_post_packet(test, queue, address, VTEST_ROOM, VIRTQ_DESC_F_WRITE);
    return address;
}

uint64_t vtest_send(struct vtest *test, uint32_t queue, const uint8_t *frame, uint32_t len)
{
    uint64_t address = vtest_take(test);
    memset(vtest_bytes(test, address), 0, test->header);
    memcpy(vtest_bytes(test, address) + test->header, frame, len);
    vtest_post_packet(test, queue, address, test->header + len, 0);
    return address;
}

void vtest_frame(uint8_t *frame, uint32_t len, uint32_t flow, uint32_t number)
{
    static const uint8_t vtest_ip[] = {8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
    for (uint32_t i = 0; i < len; i++)
        frame[i] = (uint8_t)(number * 13 + i * 7);
    memset(frame, 0xFF, 6);
    if (len < 38)
        return;
    memcpy(frame + 12, vtest_ip, sizeof(vtest_ip));
    frame[34] = (uint8_t)(flow >> 8);
    frame[35] = (uint8_t)flow;
}

uint8_t vtest_command(struct vtest *test, uint8_t class, uint8_t command, const void *data, uint32_t size)
{
    uint32_t queue = vtest_control(test), id, len;
    uint64_t at = test->rings_address + (uint64_t)queue * VTEST_QUEUE_BYTES + VTEST_COMMAND_AT;
    uint8_t *bytes = vtest_bytes(test, at);
    bytes[0] = class;
    bytes[1] = command;
    memcpy(bytes + 2, data, size);
    bytes[2 + size] = 0x55;
    const struct vtest_part parts[3] = {{at, 2, 0}, {at + 2, size, 0}, {at + 2 + size, 1, VIRTQ_DESC_F_WRITE}};
    vtest_post(test, queue, parts, 3);
    vtest_notify(test, queue);
    vtest_step(test);
    assert_true(vtest_used(test, queue, &id, &len));
    assert_int_equal(len, 1);
    return bytes[2 + size];
}

void vmistakes_run(const char *ring, const struct vmistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct vmistake *mistake = &mistakes[i];
        struct vtest test;
        char options[128], text[256];
        snprintf(options, sizeof(options), "%s%s", ring, mistake->options);
        vtest_open(&test, options);
        mistake->make(&test);
        vtest_step(&test);
        uint32_t violations = emu_violations(test.bus, 0, text, sizeof(text));
        if (violations == 0 || strstr(text, mistake->violation) == NULL)
            fail_msg("%s (%s): %u violations, the first \"%s\"; wanted \"%s\"", mistake->name, options, violations,
                     text, mistake->violation);
        vtest_close(&test, emu_violations(test.bus, 0, NULL, 0));
    }
}
