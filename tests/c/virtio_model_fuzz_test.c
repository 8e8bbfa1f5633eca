/* A driver that writes anything at all into its rings: the model must neither touch memory that was not mapped (the
 * sanitizers see to that), nor loop without end, nor crash. The seeds are fixed, so a failure comes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/virtio/spec.h"
#include "core/virtio/transport.h"
#include "tests/c/emu_support.h"

#define VFUZZ_SEEDS 20
#define VFUZZ_STEPS 5000
#define VFUZZ_BUFFERS 64
#define VFUZZ_STRIDE 2368
#define VFUZZ_QUEUES 5
#define VFUZZ_QUEUE_BYTES 8192
#define VFUZZ_SIZE 32
#define VFUZZ_MEMORIES 2

struct vfuzz {
    uint64_t random;
    struct bus *bus;
    struct dma_memory memory[VFUZZ_MEMORIES]; /* rings, pool */
    uint64_t address[VFUZZ_MEMORIES];         /* as last mapped, may be stale */
    uint64_t owner[VFUZZ_BUFFERS];
    bool packed, header_alone, in_order;
    bool mapped[VFUZZ_MEMORIES];
    uint32_t size;   /* of a queue */
    uint32_t queues; /* that there are */
    uint64_t received;
    uint32_t head[VFUZZ_QUEUES];  /* split, in order: where the next chain begins */
    uint16_t avail[VFUZZ_QUEUES]; /* split: index; packed: position */
    bool wrap[VFUZZ_QUEUES];
};

static uint32_t vfuzz_random(struct vfuzz *fuzz, uint32_t below)
{
    fuzz->random ^= fuzz->random << 13;
    fuzz->random ^= fuzz->random >> 7;
    fuzz->random ^= fuzz->random << 17;
    return (uint32_t)((fuzz->random >> 32) * below >> 32);
}

/* As a legacy queue has them, 2.7.2. */
static uint8_t *vfuzz_area(struct vfuzz *fuzz, uint32_t queue, uint32_t area)
{
    const uint32_t at[3] = {0, 16 * fuzz->size, 4096};
    return fuzz->memory[0].base + queue * VFUZZ_QUEUE_BYTES + at[area];
}

/* A store as a driver makes it, while the device may read. */
static void vfuzz_store16(uint8_t *to, uint32_t value)
{
    __atomic_store_n((uint16_t *)(void *)to, (uint16_t)value, __ATOMIC_RELEASE);
}

static void vfuzz_store64(uint8_t *to, uint64_t value)
{
    __atomic_store_n((uint64_t *)(void *)to, value, __ATOMIC_RELEASE);
}

/* An address that is near to being right, more often than not. */
static uint64_t vfuzz_address(struct vfuzz *fuzz)
{
    uint32_t memory = vfuzz_random(fuzz, 8) == 0 ? 0 : 1;
    switch (vfuzz_random(fuzz, 12)) {
    case 0:
        return (uint64_t)vfuzz_random(fuzz, UINT32_MAX) << 32 | vfuzz_random(fuzz, UINT32_MAX);
    case 1:
        return fuzz->address[memory] + vfuzz_random(fuzz, (uint32_t)fuzz->memory[memory].size + 64);
    case 2:
        return fuzz->address[memory] + fuzz->memory[memory].size - vfuzz_random(fuzz, 2048);
    default:
        return fuzz->address[1] + (uint64_t)vfuzz_random(fuzz, VFUZZ_BUFFERS) * VFUZZ_STRIDE + 128;
    }
}

static uint32_t vfuzz_len(struct vfuzz *fuzz, bool receive, bool header)
{
    static const uint32_t lens[] = {0,  1,   9,    10,   11,   12,   13,    25,        26,
                                    72, 200, 1526, 1527, 2048, 2240, 65536, UINT32_MAX};
    if (header && vfuzz_random(fuzz, 16) != 0)
        return 10;
    if (vfuzz_random(fuzz, 4) != 0)
        return receive ? 2048 : 72 + vfuzz_random(fuzz, 1000);
    return lens[vfuzz_random(fuzz, sizeof(lens) / sizeof(lens[0]))];
}

/* A descriptor, right more often than not. */
static void vfuzz_descriptor(struct vfuzz *fuzz, uint32_t queue, uint32_t at, uint32_t flags, uint32_t last)
{
    bool receive = queue % 2 == 0;
    uint8_t *to = vfuzz_area(fuzz, queue, 0) + 16 * (size_t)at;
    if (receive)
        flags |= VIRTQ_DESC_F_WRITE;
    if (vfuzz_random(fuzz, 16) == 0)
        flags ^= 1u << vfuzz_random(fuzz, 16);
    uint64_t word = vfuzz_len(fuzz, receive, fuzz->header_alone && (flags & VIRTQ_DESC_F_NEXT) != 0);
    word |= fuzz->packed ? (uint64_t)last << 32 | (uint64_t)flags << 48 : (uint64_t)flags << 32 | (uint64_t)last << 48;
    vfuzz_store64(to, vfuzz_address(fuzz));
    vfuzz_store64(to + 8, word);
}

static void vfuzz_post_split(struct vfuzz *fuzz, uint32_t queue)
{
    uint32_t head = vfuzz_random(fuzz, fuzz->size), parts = fuzz->header_alone ? 2 : 1;
    if (vfuzz_random(fuzz, 4) == 0)
        parts = vfuzz_random(fuzz, 4) + 1;
    if (fuzz->in_order && vfuzz_random(fuzz, 32) != 0)
        head = fuzz->head[queue];
    fuzz->head[queue] = (head + parts) % fuzz->size;
    for (uint32_t i = 0; i < parts; i++) {
        uint32_t next = vfuzz_random(fuzz, 16) == 0 ? vfuzz_random(fuzz, 65536) : (head + i + 1) % fuzz->size;
        vfuzz_descriptor(fuzz, queue, (head + i) % fuzz->size, i + 1 < parts ? VIRTQ_DESC_F_NEXT : 0, next);
    }
    uint8_t *avail = vfuzz_area(fuzz, queue, 1);
    if (vfuzz_random(fuzz, 64) == 0)
        head = vfuzz_random(fuzz, 65536);
    vfuzz_store16(avail + 4 + 2 * (size_t)(fuzz->avail[queue]++ % fuzz->size), head);
    if (vfuzz_random(fuzz, 128) == 0)
        fuzz->avail[queue] = (uint16_t)(fuzz->avail[queue] + vfuzz_random(fuzz, 100) - 50);
    vfuzz_store16(avail + 2, fuzz->avail[queue]);
    if (vfuzz_random(fuzz, 64) == 0)
        vfuzz_store16(avail, vfuzz_random(fuzz, 4));
}

static void vfuzz_post_packed(struct vfuzz *fuzz, uint32_t queue)
{
    uint32_t parts = vfuzz_random(fuzz, 4) == 0 ? vfuzz_random(fuzz, 4) + 1 : 1;
    uint32_t id = vfuzz_random(fuzz, 8) == 0 ? vfuzz_random(fuzz, 65536) : fuzz->avail[queue];
    for (uint32_t i = 0; i < parts; i++) {
        uint32_t flags = fuzz->wrap[queue] ? VIRTQ_PACKED_DESC_F_AVAIL : VIRTQ_PACKED_DESC_F_USED;
        vfuzz_descriptor(fuzz, queue, fuzz->avail[queue], flags | (i + 1 < parts ? VIRTQ_DESC_F_NEXT : 0), id);
        if (++fuzz->avail[queue] == fuzz->size) {
            fuzz->avail[queue] = 0;
            fuzz->wrap[queue] = !fuzz->wrap[queue];
        }
    }
    if (vfuzz_random(fuzz, 256) == 0)
        fuzz->wrap[queue] = !fuzz->wrap[queue];
    if (vfuzz_random(fuzz, 64) == 0)
        vfuzz_store16(vfuzz_area(fuzz, queue, 1) + 2, vfuzz_random(fuzz, 5));
}

/* A command of the control queue, in buffers of the pool. */
static void vfuzz_command(struct vfuzz *fuzz)
{
    uint32_t buffer = vfuzz_random(fuzz, VFUZZ_BUFFERS);
    uint8_t *bytes = fuzz->memory[1].base + (size_t)buffer * VFUZZ_STRIDE + 128;
    for (uint32_t i = 0; i < 2; i++)
        vfuzz_store16(bytes + 2 * (size_t)i, vfuzz_random(fuzz, 4) == 0 ? vfuzz_random(fuzz, 65536) : 4);
}

/* Used receive buffers with a frame in them, of those that the rings still show. */
static void vfuzz_count(struct vfuzz *fuzz)
{
    for (uint32_t queue = 0; queue + 1 < VFUZZ_QUEUES; queue += 2) {
        const struct virtq_packed_desc *ring = (const struct virtq_packed_desc *)(void *)vfuzz_area(fuzz, queue, 0);
        const struct virtq_used *used = (const struct virtq_used *)(void *)vfuzz_area(fuzz, queue, 2);
        for (uint32_t i = 0; i < fuzz->size; i++) {
            uint32_t len = fuzz->packed ? ring[i].len : used->ring[i].len;
            uint32_t both = VIRTQ_PACKED_DESC_F_AVAIL | VIRTQ_PACKED_DESC_F_USED;
            bool is_used = !fuzz->packed || (ring[i].flags & both) == both || (ring[i].flags & both) == 0;
            fuzz->received += is_used && len > 10 && len <= 1526;
        }
    }
}

/* A device that is brought up almost as it should be. */
static void vfuzz_start(struct vfuzz *fuzz)
{
    const struct virtio_transport *transport = fuzz->bus->virtio;
    uint64_t offered = 0;
    uint32_t status = 0;
    transport->status_set(fuzz->bus, 0);
    vfuzz_count(fuzz);
    memset(fuzz->memory[0].base, 0, fuzz->memory[0].size);
    for (uint32_t i = 0; i < VFUZZ_MEMORIES; i++)
        if (!fuzz->mapped[i])
            fuzz->mapped[i] = fuzz->bus->ops->dma_map(fuzz->bus, &fuzz->memory[i], &fuzz->address[i]) == 0;
    memset(fuzz->avail, 0, sizeof(fuzz->avail));
    memset(fuzz->head, 0, sizeof(fuzz->head));
    memset(fuzz->owner, 0, sizeof(fuzz->owner));
    for (uint32_t i = 0; i < VFUZZ_QUEUES; i++)
        fuzz->wrap[i] = true;
    transport->features(fuzz->bus, &offered);
    transport->status_set(fuzz->bus, 1);
    transport->status_set(fuzz->bus, 3);
    if (vfuzz_random(fuzz, 16) == 0)
        offered ^= (uint64_t)1 << vfuzz_random(fuzz, 40);
    if (vfuzz_random(fuzz, 2) == 0)
        offered &= ~VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_RX); /* promiscuous: all frames come in */
    transport->features_accept(fuzz->bus, offered);
    fuzz->packed = (offered >> VIRTIO_F_RING_PACKED & 1) != 0;
    fuzz->queues = (offered >> VIRTIO_NET_F_MQ & 1) != 0 ? VFUZZ_QUEUES : 3;
    fuzz->in_order = (offered >> VIRTIO_F_IN_ORDER & 1) != 0;
    fuzz->header_alone = (offered & (VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT))) == 0;
    bool modern = (offered >> VIRTIO_F_VERSION_1 & 1) != 0;
    if (modern)
        transport->status_set(fuzz->bus, 11);
    for (uint32_t queue = 0; queue < VFUZZ_QUEUES; queue++) {
        struct virtio_queue_setup setup = {.size = fuzz->size};
        uint64_t *area[3] = {&setup.descriptor_area, &setup.driver_area, &setup.device_area};
        for (uint32_t i = 0; i < 3; i++)
            *area[i] = fuzz->address[0] + (uint64_t)(vfuzz_area(fuzz, queue, i) - fuzz->memory[0].base);
        if (vfuzz_random(fuzz, 32) == 0)
            *area[vfuzz_random(fuzz, 3)] = vfuzz_address(fuzz);
        if (vfuzz_random(fuzz, 32) == 0)
            setup.size = vfuzz_random(fuzz, 70000);
        else if (queue == VFUZZ_QUEUES - 1 && fuzz->size > 16)
            setup.size = 16;
        (void)transport->queue_enable(fuzz->bus, queue, &setup);
    }
    transport->status(fuzz->bus, &status);
    transport->status_set(fuzz->bus, status | VIRTIO_STATUS_DRIVER_OK);
}

static void vfuzz_map(struct vfuzz *fuzz)
{
    uint32_t i = vfuzz_random(fuzz, VFUZZ_MEMORIES);
    fuzz->bus->ops->dma_unmap(fuzz->bus, &fuzz->memory[i]);
    fuzz->mapped[i] =
        vfuzz_random(fuzz, 4) != 0 && fuzz->bus->ops->dma_map(fuzz->bus, &fuzz->memory[i], &fuzz->address[i]) == 0;
}

/* Has the device work: in its step, or, where it has a thread of its own, on this one beside it. */
static void vfuzz_let(struct vfuzz *fuzz)
{
    if (fuzz->bus->step != NULL)
        fuzz->bus->step(fuzz->bus);
    else
        fuzz->bus->ops->delay(fuzz->bus, 1);
}

static void vfuzz_transport(struct vfuzz *fuzz)
{
    const struct virtio_transport *transport = fuzz->bus->virtio;
    uint8_t bytes[64] = {0};
    uint32_t value = 0;
    switch (vfuzz_random(fuzz, 6)) {
    case 0:
        transport->status_set(fuzz->bus, vfuzz_random(fuzz, 256));
        break;
    case 1:
        transport->config_read(fuzz->bus, vfuzz_random(fuzz, 40), bytes, vfuzz_random(fuzz, 40));
        break;
    case 2:
        transport->config_write(fuzz->bus, vfuzz_random(fuzz, 40), bytes, vfuzz_random(fuzz, 40));
        break;
    case 3:
        transport->queue_size_max(fuzz->bus, vfuzz_random(fuzz, 70000), &value);
        break;
    case 4:
        transport->features_accept(fuzz->bus, (uint64_t)1 << vfuzz_random(fuzz, 64));
        break;
    default:
        transport->notify(fuzz->bus, vfuzz_random(fuzz, 40));
        break;
    }
}

static void vfuzz_step(struct vfuzz *fuzz)
{
    uint32_t queue = vfuzz_random(fuzz, vfuzz_random(fuzz, 16) == 0 ? VFUZZ_QUEUES : fuzz->queues), status = 0;
    switch (vfuzz_random(fuzz, 32)) {
    case 0:
        vfuzz_transport(fuzz);
        break;
    case 1:
        if (vfuzz_random(fuzz, 8) == 0)
            vfuzz_map(fuzz);
        break;
    case 2:
        __atomic_store_n(&fuzz->owner[vfuzz_random(fuzz, VFUZZ_BUFFERS)], vfuzz_random(fuzz, 2), __ATOMIC_RELAXED);
        break;
    case 3:
        vfuzz_command(fuzz);
        break;
    case 4:
        vfuzz_store64(fuzz->memory[0].base + 8 * (size_t)vfuzz_random(fuzz, VFUZZ_QUEUES * VFUZZ_QUEUE_BYTES / 8),
                      (uint64_t)vfuzz_random(fuzz, UINT32_MAX) << 32 | vfuzz_random(fuzz, UINT32_MAX));
        break;
    case 5:
    case 6:
        vfuzz_let(fuzz);
        fuzz->bus->virtio->status(fuzz->bus, &status);
        if ((status & VIRTIO_STATUS_DEVICE_NEEDS_RESET) != 0 || (status & VIRTIO_STATUS_DRIVER_OK) == 0 ||
            vfuzz_random(fuzz, 16) == 0)
            vfuzz_start(fuzz);
        break;
    default:
        if (fuzz->packed)
            vfuzz_post_packed(fuzz, queue);
        else
            vfuzz_post_split(fuzz, queue);
        fuzz->bus->virtio->notify(fuzz->bus, queue);
        if (vfuzz_random(fuzz, 2) == 0)
            vfuzz_let(fuzz);
        break;
    }
}

static uint32_t vfuzz_run(const char *address, uint32_t size, uint64_t seed, uint64_t *frames, uint64_t *received)
{
    static const uint64_t sizes[VFUZZ_MEMORIES] = {VFUZZ_QUEUES * VFUZZ_QUEUE_BYTES, VFUZZ_BUFFERS * VFUZZ_STRIDE};
    static const uint32_t strides[VFUZZ_MEMORIES] = {0, VFUZZ_STRIDE};
    struct vfuzz fuzz = {.random = seed * 0x9E3779B97F4A7C15u + 1, .size = size};
    struct emu_counters counters;
    fuzz.bus = emu_test_bus(address);
    for (uint32_t i = 0; i < VFUZZ_MEMORIES; i++) {
        struct dma_memory *memory = &fuzz.memory[i];
        memory->base = aligned_alloc(4096, (sizes[i] + 4095) & ~(uint64_t)4095);
        assert_non_null(memory->base);
        memset(memory->base, 0, sizes[i]);
        memory->size = sizes[i];
        memory->stride = strides[i];
        memory->owner = i == 1 ? fuzz.owner : NULL;
        memory->name = i == 0 ? "rings" : "pool";
        assert_int_equal(fuzz.bus->ops->dma_map(fuzz.bus, memory, &fuzz.address[i]), 0);
        fuzz.mapped[i] = true;
    }
    vfuzz_start(&fuzz);
    for (uint32_t i = 0; i < VFUZZ_STEPS; i++)
        vfuzz_step(&fuzz);
    emu_counters(fuzz.bus, &counters);
    *frames += counters.generated + counters.foreign + counters.damaged;
    fuzz.bus->virtio->status_set(fuzz.bus, 0);
    vfuzz_count(&fuzz);
    *received += fuzz.received;
    uint32_t violations = emu_violations(fuzz.bus, 0, NULL, 0);
    fuzz.bus->ops->close(fuzz.bus);
    for (uint32_t i = 0; i < VFUZZ_MEMORIES; i++)
        free(fuzz.memory[i].base);
    return violations;
}

static void vfuzz_all_of(const char *options, uint32_t size)
{
    char address[128];
    uint64_t violations = 0, frames = 0, received = 0;
    snprintf(address, sizeof(address), "emu:virtio,ring_size=%u,%s", size, options);
    for (uint64_t seed = 1; seed <= VFUZZ_SEEDS; seed++)
        violations += vfuzz_run(address, size, seed, &frames, &received);
    assert_true(violations > 1000); /* it did try */
    if (strstr(options, "gen") != NULL)
        assert_true(frames > 1000); /* and the engines did run */
    /* The receive engine, too; a model on a thread of its own decides itself how often. */
    assert_true(received > (strstr(options, "inline") != NULL ? 500 : 0));
}

static void vfuzz_all(const char *options)
{
    vfuzz_all_of(options, VFUZZ_SIZE);
}

static void test_split(void **state)
{
    (void)state;
    vfuzz_all("timing=inline");
    vfuzz_all("timing=inline,wire=gen,events=on");
    vfuzz_all("timing=inline,queues=2,mrg=on,wire=gen,flows=5,span=64");
    vfuzz_all("timing=inline,inorder=on,notify=on");
}

static void test_packed(void **state)
{
    (void)state;
    vfuzz_all("timing=inline,ring=packed");
    vfuzz_all("timing=inline,ring=packed,wire=gen,size=1514");
    vfuzz_all("timing=inline,ring=packed,queues=2,mrg=on,wire=gen,flows=5,span=64");
    vfuzz_all("timing=inline,ring=packed,events=on,notify=on");
}

static void test_legacy(void **state)
{
    (void)state;
    vfuzz_all("timing=inline,legacy=on");
    vfuzz_all("timing=inline,legacy=on,layout=header,wire=gen");
}

/* The model runs while the driver scribbles: what is read twice could change between. */
static void test_threaded(void **state)
{
    (void)state;
    vfuzz_all("wire=gen");
    vfuzz_all("wire=gen,ring=packed");
    vfuzz_all_of("inorder=on", 4);
    vfuzz_all_of("wire=gen,inorder=on", 4);
    vfuzz_all_of("ring=packed,inorder=on", 2);
    vfuzz_all_of("wire=gen,ring=packed,inorder=on", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_legacy),
        cmocka_unit_test(test_threaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
