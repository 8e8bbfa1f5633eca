/* The queues' memory and their start and stop (VirtIO 1.3, 2.7 and 2.8; 4.1.5.1.3 for the order). */
#include <stdlib.h>
#include <string.h>

#include "core/device/error.h"
#include "core/virtio/packet.h"

#define VIRTIO_QUEUE_SIZE_MIN 4 /* a command of the control queue takes three */
#define VIRTIO_CONTROL_SIZE 64
#define VIRTIO_COMMAND_BYTES 64

/* Where a queue's areas lie from its first byte on, for either layout. */
struct virtio_layout {
    uint64_t driver, device, end;
};

/* Split queues are laid out as the legacy interface wants it (2.7.2), which is right for all; a packed queue's event
 * suppression structures have a cache line each, because one side writes and the other reads. */
static struct virtio_layout virtio_layout_of(uint32_t size, bool packed)
{
    struct virtio_layout layout;
    uint64_t aligned = VIRTQ_LEGACY_ALIGN - 1;
    layout.driver = size * sizeof(struct virtq_desc);
    if (packed) {
        layout.device = layout.driver + 64;
        layout.end = layout.device + 64;
    } else {
        uint64_t avail = sizeof(struct virtq_avail) + (size + 1) * sizeof(uint16_t);
        layout.device = (layout.driver + avail + aligned) & ~aligned;
        layout.end = layout.device + sizeof(struct virtq_used) + size * sizeof(struct virtq_used_elem) + 2;
    }
    layout.end = (layout.end + aligned) & ~aligned;
    return layout;
}

static void virtio_queue_delete(struct virtio_queue *queue)
{
    if (queue == NULL)
        return;
    free(queue->buffer);
    free(queue->id);
    free(queue->slot);
    virtio_chains_free(queue);
    free(queue);
}

static struct virtio_queue *virtio_queue_new(const struct virtio_device *virtio, uint32_t size, uint32_t number,
                                             uint64_t *offset)
{
    struct virtio_queue *queue = calloc(1, sizeof(*queue));
    if (queue == NULL)
        return NULL;
    queue->buffer = calloc(size, sizeof(*queue->buffer));
    queue->id = calloc(size, sizeof(*queue->id));
    queue->slot = calloc(size, sizeof(*queue->slot));
    if (queue->buffer == NULL || queue->id == NULL || queue->slot == NULL) {
        virtio_queue_delete(queue);
        return NULL;
    }
    queue->number = number;
    queue->allocated = size;
    queue->ring_offset = *offset;
    queue->cache.pool = virtio->device.config.pool;
    queue->cache.limit = pool_cache_limit(size);
    *offset += virtio_layout_of(size, false).end; /* the larger of the two layouts */
    return queue;
}

void virtio_queues_free(struct virtio_device *virtio)
{
    struct bus *bus = virtio->device.bus;
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++) {
        virtio_queue_delete(virtio->rx[i]);
        virtio_queue_delete(virtio->tx[i]);
    }
    if (virtio->rings_address != 0)
        bus_unmap(bus, &virtio->rings);
    dma_memory_free(&virtio->rings);
    if (virtio->pool_mapped)
        bus_unmap(bus, &virtio->device.config.pool->memory);
}

static int32_t virtio_map_memory(struct virtio_device *virtio, uint64_t ring_bytes)
{
    struct bus *bus = virtio->device.bus;
    struct pool *pool = virtio->device.config.pool;
    int32_t code = bus_map_pool(bus, pool, &virtio->pool_address);
    virtio->pool_mapped = code >= 0;
    if (code >= 0)
        code = dma_memory_allocate(&virtio->rings, ring_bytes, "virtqueues");
    if (code >= 0)
        code = bus_map(bus, &virtio->rings, &virtio->rings_address);
    return code;
}

/* The most descriptors that a queue can have. */
static int32_t virtio_queue_most(struct virtio_device *virtio, uint32_t number, uint32_t *size)
{
    struct bus *bus = virtio->device.bus;
    uint32_t most = 0;
    int32_t code = virtio->transport->queue_size_max(bus, number, &most);
    if (code < 0)
        return code;
    if (most == 0)
        return error_set(IXY_E_DEVICE, "%s: virtqueue %u has size 0: the device has no such queue", bus->address,
                         number);
    bool packed = virtio_has(virtio, VIRTIO_F_RING_PACKED);
    if (most > VIRTQ_SIZE_MAX || (!packed && (most & (most - 1)) != 0))
        return error_set(IXY_E_DEVICE, "%s: virtqueue %u has size %u; right is at most %u%s (VirtIO 1.3, 2.%d)",
                         bus->address, number, most, VIRTQ_SIZE_MAX, packed ? "" : " and a power of two",
                         packed ? 8 : 7);
    *size = most;
    return 0;
}

static bool virtio_queue_receives(uint32_t number)
{
    return number % 2 == 0; /* 5.1.2 */
}

/* How many descriptors a queue needs memory for, if `wanted` were asked for. */
static int32_t virtio_queue_room(struct virtio_device *virtio, uint32_t number, uint32_t wanted, uint32_t *size)
{
    *size = wanted;
    return virtio->transport->fixed_layout ? virtio_queue_most(virtio, number, size) : 0;
}

static int32_t virtio_queue_allocate(struct virtio_device *virtio, uint32_t number, uint32_t wanted, uint64_t *offset,
                                     struct virtio_queue **queue)
{
    uint32_t size;
    int32_t code = virtio_queue_room(virtio, number, wanted, &size);
    if (code < 0)
        return code;
    *queue = virtio_queue_new(virtio, size, number, offset);
    if (*queue == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory for virtqueue %u", virtio->device.bus->address, number);
    (*queue)->wanted = wanted;
    if (virtio->jumbo && !virtio_queue_receives(number) && virtio_chains_allocate(*queue) < 0)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory for virtqueue %u", virtio->device.bus->address, number);
    return 0;
}

int32_t virtio_queues_allocate(struct virtio_device *virtio)
{
    struct device *device = &virtio->device;
    const struct device_config *config = &device->config;
    struct virtio_control *control = &virtio->control;
    uint64_t offset = 0;
    for (uint32_t i = 0; i < config->rx_queues; i++) {
        int32_t code =
            virtio_queue_allocate(virtio, VIRTIO_NET_RECEIVEQ(i), config->rx_ring_size, &offset, &virtio->rx[i]);
        if (code >= 0)
            code =
                virtio_queue_allocate(virtio, VIRTIO_NET_TRANSMITQ(i), config->tx_ring_size, &offset, &virtio->tx[i]);
        if (code < 0)
            return code;
        device->rx[i] = virtio->rx[i];
        device->tx[i] = virtio->tx[i];
    }
    control->allocated = VIRTIO_CONTROL_SIZE;
    int32_t code = 0;
    if (virtio_has(virtio, VIRTIO_NET_F_CTRL_VQ))
        code =
            virtio_queue_room(virtio, VIRTIO_NET_RECEIVEQ(virtio->pairs_max), VIRTIO_CONTROL_SIZE, &control->allocated);
    if (code < 0)
        return code;
    control->ring_offset = offset;
    offset += virtio_layout_of(control->allocated, false).end;
    control->command_offset = offset;
    return virtio_map_memory(virtio, offset + VIRTIO_COMMAND_BYTES);
}

/* Tells the device where a queue lies. size: in, what there is memory for; out, what the device can. */
static int32_t virtio_queue_enable(struct virtio_device *virtio, uint32_t number, uint64_t ring_offset, uint32_t vector,
                                   uint32_t *size)
{
    struct bus *bus = virtio->device.bus;
    bool packed = virtio_has(virtio, VIRTIO_F_RING_PACKED);
    uint32_t most;
    int32_t code = virtio_queue_most(virtio, number, &most);
    if (code < 0)
        return code;
    if (virtio->transport->fixed_layout && most > *size)
        return error_set(IXY_E_DEVICE, "%s: virtqueue %u has size %u, and had %u when the device was opened",
                         bus->address, number, most, *size);
    while (*size > most)
        *size /= 2;
    if (*size < VIRTIO_QUEUE_SIZE_MIN)
        return error_set(IXY_E_DEVICE, "%s: virtqueue %u has size %u; the driver needs at least %d", bus->address,
                         number, most, VIRTIO_QUEUE_SIZE_MIN);
    struct virtio_layout layout = virtio_layout_of(*size, packed);
    uint64_t address = virtio->rings_address + ring_offset;
    memset(virtio->rings.base + ring_offset, 0, layout.end);
    /* An event suppression structure of zeroes asks for interrupts; nobody waits for any yet. */
    if (packed)
        ((struct virtq_event_suppress *)(void *)(virtio->rings.base + ring_offset + layout.driver))->flags =
            VIRTQ_RING_EVENT_FLAGS_DISABLE;
    else if (!virtio_has(virtio, VIRTIO_F_EVENT_IDX)) /* with it the flag stays 0, 2.7.7.1 */
        ((struct virtq_avail *)(void *)(virtio->rings.base + ring_offset + layout.driver))->flags =
            VIRTQ_AVAIL_F_NO_INTERRUPT;
    struct virtio_queue_setup setup = {.size = *size,
                                       .descriptor_area = address,
                                       .driver_area = address + layout.driver,
                                       .device_area = address + layout.device,
                                       .vector = vector};
    return virtio->transport->queue_enable(bus, number, &setup);
}

static void virtio_queue_place(struct virtio_device *virtio, struct virtio_queue *queue)
{
    struct virtio_layout layout = virtio_layout_of(queue->size, queue->packed);
    uint8_t *base = virtio->rings.base + queue->ring_offset;
    queue->desc = (struct virtq_desc *)(void *)base;
    queue->avail = (struct virtq_avail *)(void *)(base + layout.driver);
    queue->used = (struct virtq_used *)(void *)(base + layout.device);
    queue->ring = (struct virtq_packed_desc *)(void *)base;
    queue->device_event = (struct virtq_event_suppress *)(void *)(base + layout.device);
    queue->driver_event = (struct virtq_event_suppress *)(void *)(base + layout.driver);
}

int32_t virtio_queue_start(struct virtio_device *virtio, struct virtio_queue *queue, uint32_t vector)
{
    const struct pool *pool = virtio->device.config.pool;
    struct bus *bus = virtio->device.bus;
    bool modern = virtio_has(virtio, VIRTIO_F_VERSION_1);
    queue->packed = virtio_has(virtio, VIRTIO_F_RING_PACKED);
    queue->in_order = virtio_has(virtio, VIRTIO_F_IN_ORDER);
    queue->event_idx = virtio_has(virtio, VIRTIO_F_EVENT_IDX);
    queue->mergeable = virtio_has(virtio, VIRTIO_NET_F_MRG_RXBUF);
    queue->header = modern || queue->mergeable ? VIRTIO_NET_HDR_SIZE : VIRTIO_NET_HDR_SIZE_LEGACY;
#if defined(__x86_64__)
    queue->avx2 = __builtin_cpu_supports("avx2") != 0;
#endif
    queue->id_shift = modern || virtio_has(virtio, VIRTIO_F_ANY_LAYOUT) ? 0 : 1;
    queue->size = queue->allocated;
    int32_t code = virtio_queue_enable(virtio, queue->number, queue->ring_offset, vector, &queue->size);
    if (code < 0)
        return code;
    virtio_queue_place(virtio, queue);
    queue->ring_mask = queue->size - 1;
    queue->size_bits = (uint32_t)__builtin_ctz(queue->size);
    queue->mask = (queue->size >> queue->id_shift) - 1;
    queue->limit = queue->mask + 1 < queue->wanted ? queue->mask + 1 : queue->wanted;
    queue->id_mask = queue->ring_mask & ~((1u << queue->id_shift) - 1);
    for (uint32_t i = 0; i <= queue->mask; i++) {
        queue->id[i] = (uint16_t)(i << queue->id_shift);
        queue->slot[i] = (uint16_t)i;
        if (!queue->packed)
            virtio_split_offer(queue, i);
    }
    queue->posted = queue->taken = 0;
    queue->notified = 0;
    queue->stride = pool->stride;
    queue->room = pool->buffer_size;
    bool receive = virtio_queue_receives(queue->number);
    queue->length_max = receive ? virtio->device.rx_len_max : virtio->device.tx_len_max;
    queue->frames_max =
        virtio->device.rx_frames_max < VIRTIO_RX_FRAMES_MAX ? virtio->device.rx_frames_max : VIRTIO_RX_FRAMES_MAX;
    queue->checksum = virtio_has(virtio, receive ? VIRTIO_NET_F_GUEST_CSUM : VIRTIO_NET_F_CSUM);
    queue->careful = receive && (queue->checksum || queue->frames_max > 1);
    queue->metadata = pool->metadata;
    queue->pool_base = pool->memory.base;
    queue->pool_address = virtio->pool_address;
    queue->ownership = pool->ownership;
    queue->bus = bus;
    queue->step = bus->step != NULL ? bus : NULL;
    queue->packets = queue->bytes = queue->dropped = queue->starved = 0;
    if (queue->chains != NULL)
        virtio_chains_start(queue);
    return 0;
}

void virtio_queue_stop(struct virtio_queue *queue)
{
    if (queue->chains != NULL)
        virtio_chains_stop(queue);
    for (; queue->taken != queue->posted; queue->taken++)
        pool_cache_give(&queue->cache, queue->buffer + (queue->taken & queue->mask), 1);
    pool_cache_flush(&queue->cache);
}

int32_t virtio_control_start(struct virtio_device *virtio)
{
    struct virtio_control *control = &virtio->control;
    control->size = control->allocated;
    control->next = control->sent = 0;
    int32_t code = virtio_queue_enable(virtio, VIRTIO_NET_RECEIVEQ(virtio->pairs_max), control->ring_offset,
                                       VIRTIO_VECTOR_NONE, &control->size);
    control->device_offset =
        control->ring_offset + virtio_layout_of(control->size, virtio_has(virtio, VIRTIO_F_RING_PACKED)).device;
    return code;
}
