/* The safety table's row of native C: the core linked statically, without the ABI and its handles. It trusts its
 * caller, so each mistake goes through; what comes of it is asserted where that can be foretold. */
#include "tests/c/safety_support.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>

#include "core/device/device.h"
#include "emu/emu.h"

#define STATIC "C/static core"

struct safety_second safety_second;

static void *safety_second_thread(void *unused)
{
    safety_second.result = safety_second.receive(safety_second.argument);
    return unused;
}

static void safety_step(struct bus *bus)
{
    pthread_t thread;
    bus->step = safety_second.step;
    if (pthread_create(&thread, NULL, safety_second_thread, NULL) == 0)
        pthread_join(thread, NULL);
    bus->step(bus);
}

void safety_let_second_in(struct bus *bus, int32_t (*receive)(void *argument), void *argument)
{
    safety_second = (struct safety_second){receive, argument, INT32_MIN, bus->step};
    bus->step = safety_step;
}

struct native {
    struct pool *pool;
    struct device *device;
};

static struct native native_open(void)
{
    struct native made = {0};
    device_register_bus(&emu_bus_scheme);
    assert_int_equal(pool_open(SAFETY_BUFFERS, 2048, 0, &made.pool), 0);
    const struct device_config config = {.pool = made.pool, .rx_ring_size = 64, .tx_ring_size = 64};
    assert_int_equal(device_open(INLINE_LOOP, &config, &made.device), 0);
    assert_int_equal(device_start(made.device), 0);
    return made;
}

static void native_close(struct native *native)
{
    if (native->device != NULL)
        device_close(native->device);
    if (native->pool != NULL)
        pool_close(native->pool);
}

static uint8_t *native_bytes(const struct native *native, const struct frame *frame)
{
    return native->pool->memory.base + frame->offset;
}

/* A buffer of 60 bytes that all are `byte`. */
static struct frame native_frame(const struct native *native, uint8_t byte)
{
    struct frame frame = {.len = 60};
    assert_int_equal(pool_take(native->pool, &frame.buf, 1), 1);
    frame.offset = (uint32_t)frame.buf * native->pool->stride + POOL_HEADROOM;
    memset(native_bytes(native, &frame), byte, frame.len);
    return frame;
}

static void bytes_of_others(void)
{
    struct native native = native_open();
    struct frame frame = native_frame(&native, 0xA1), next;
    do {
        next = native_frame(&native, 0xB2);
    } while (next.offset < frame.offset);
    uint8_t *bytes = native_bytes(&native, &frame);
    assert_int_equal(bytes[next.offset - frame.offset], 0xB2);
    safety_mark(STATIC, "out of bounds read", NOT_CAUGHT, "a pointer has no end: another packet is read");
    bytes[next.offset - frame.offset] = 0x55;
    assert_int_equal(native_bytes(&native, &next)[0], 0x55);
    safety_mark(STATIC, "out of bounds write", NOT_CAUGHT, "a pointer has no end: another packet is changed");

    assert_int_equal(device_tx_batch(native.device, 0, &frame, 1), 1);
    bytes[0] = 0x55;
    assert_int_equal(bytes[0], 0x55);
    safety_mark(STATIC, "use after transmit", NOT_CAUGHT, "the bytes of a packet that the device has are changed");

    pool_give(native.pool, &next.buf, 1);
    struct frame again = native_frame(&native, 0xC3);
    assert_true(again.offset == next.offset);
    native_bytes(&native, &next)[0] = 0x55;
    assert_int_equal(native_bytes(&native, &again)[0], 0x55);
    safety_mark(STATIC, "use after free", NOT_CAUGHT, "the buffer's next packet is changed");

    struct frame twice[2];
    pool_give(native.pool, &again.buf, 1);
    pool_give(native.pool, &again.buf, 1);
    twice[0] = native_frame(&native, 1);
    twice[1] = native_frame(&native, 2);
    assert_true(twice[0].offset == twice[1].offset);
    safety_mark(STATIC, "double free", NOT_CAUGHT, "the pool gives the buffer to two callers");
    native_close(&native);
}

static void frames_of_others(void)
{
    struct native native = native_open();
    struct frame frame = native_frame(&native, 0xA1);
    const struct frame twice[2] = {frame, frame};
    assert_int_equal(device_tx_batch(native.device, 0, twice, 2), 2);
    safety_mark(STATIC, "double transmit", NOT_CAUGHT, "sent twice, and its buffer comes back twice");
    native_close(&native);

    native = native_open();
    struct native other = native_open();
    frame = native_frame(&other, 0xA1);
    assert_int_equal(device_tx_batch(native.device, 0, &frame, 1), 1);
    safety_mark(STATIC, "foreign handle", NOT_CAUGHT, "the buffer of that number in the device's own pool is sent");
    frame.buf = SAFETY_BUFFERS - 1; /* nobody was given it */
    frame.offset = (SAFETY_BUFFERS - 1) * native.pool->stride + POOL_HEADROOM;
    assert_int_equal(device_tx_batch(native.device, 0, &frame, 1), 1);
    safety_mark(STATIC, "forged handle", NOT_CAUGHT, "a number that names a buffer is one");
    native_close(&other);
    native_close(&native);

    native = native_open();
    frame = native_frame(&native, 0xA1);
    assert_int_equal(emu_violations(native.device->bus, 0, NULL, 0), 0);
    frame.offset = UINT32_MAX - 30;
    assert_int_equal(device_tx_batch(native.device, 0, &frame, 1), 1);
    struct frame received[4];
    (void)device_rx_batch(native.device, 0, received, 4); /* the device has it by now */
    assert_true(emu_violations(native.device->bus, 0, NULL, 0) > 0);
    safety_mark(STATIC, "integer overflow", NOT_CAUGHT,
                "the device is told to read there; an emulated one reports it, a card would do it");
    native_close(&native);
}

static uint32_t stale_receive(void *queue, struct frame *frames, uint32_t count)
{
    (void)queue;
    (void)frames;
    return count + 77;
}

/* Memory that was the device's is somebody else's: what stands there is called. */
static void device_of_others(void)
{
    static const struct driver others = {.rx_batch = stale_receive};
    struct native native = native_open();
    struct frame received;
    struct device *volatile stale = native.device; /* the compiler may not conclude that this is nobody's memory */
    size_t size = malloc_usable_size(stale);
    struct device *taken[64] = {NULL};
    device_close(stale);
    native.device = NULL;
    uint32_t count = 0;
    bool same = false;
    while (!same && count < 64) {
        taken[count] = calloc(1, size);
        same = (uintptr_t)taken[count] == (uintptr_t)stale;
        count++;
    }
    if (same)
        stale->driver = &others;
#if !defined(__SANITIZE_ADDRESS__) /* which keeps freed memory from being used again */
    assert_true(same);
    assert_int_equal(device_rx_batch(stale, 0, &received, 1), 78);
    safety_mark(STATIC, "use after device close", NOT_CAUGHT, "freed memory is taken for the device");
#else
    (void)received;
#endif
    for (uint32_t i = 0; i < count; i++)
        free(taken[i]);
    native_close(&native);
}

static int32_t native_receive_as_second(void *device)
{
    struct frame frame;
    return (int32_t)device_rx_batch(device, 0, &frame, 1);
}

static int native_child(void *argument)
{
    const struct native *native = argument;
    struct frame frame = {.len = 60, .buf = SAFETY_BUFFERS - 1};
    frame.offset = (SAFETY_BUFFERS - 1) * native->pool->stride + POOL_HEADROOM;
    return device_tx_batch(native->device, 0, &frame, 1) == 1 ? 0 : 1;
}

static void others_in_it(void)
{
    struct native native = native_open();
    struct frame frame = native_frame(&native, 0xA1), received;
    assert_int_equal(device_tx_batch(native.device, 0, &frame, 1), 1);
    (void)device_rx_batch(native.device, 0, &received, 0); /* the frame went round */
    safety_let_second_in(native.device->bus, native_receive_as_second, native.device);
    (void)device_rx_batch(native.device, 0, &received, 1);
    assert_int_equal(safety_second.result, 1); /* it was let in, and took what the first was about to take */
    safety_mark(STATIC, "two threads on one queue", NOT_CAUGHT, "both are in it; only luck keeps the ring whole");

    safety_in_child(native_child, &native);
    safety_mark(STATIC, "handle after fork", NOT_CAUGHT, "the child drives the parent's device");

    const uint8_t *bytes = native_bytes(&native, &frame);
    assert_true(safety_is_mapped(bytes));
    native_close(&native);
    assert_false(safety_is_mapped(bytes));
    safety_mark(STATIC, "view after pool close", NOT_CAUGHT, "nothing is there any more: the process dies of it");
}

/* The array lies where the device puts the packet: what it received is overwritten by the frame that tells of it. */
static void arguments_of_others(void)
{
    struct native native = native_open();
    struct frame frame = native_frame(&native, 0xA1), received;
    assert_int_equal(device_tx_batch(native.device, 0, &frame, 1), 1);
    assert_int_equal(device_rx_batch(native.device, 0, &received, 1), 1);
    uint32_t place = received.offset; /* the same in a world that is made the same way */
    native_close(&native);
    native = native_open();
    frame = native_frame(&native, 0xA1);
    struct frame *array = (struct frame *)(void *)(native.pool->memory.base + place);
    assert_int_equal(device_tx_batch(native.device, 0, &frame, 1), 1);
    assert_int_equal(device_rx_batch(native.device, 0, array, 1), 1);
    assert_int_equal(array->offset, place);
    assert_int_equal(native.pool->memory.base[place + sizeof(*array)], 0xA1);
    safety_mark(STATIC, "changed during a call", NOT_CAUGHT,
                "an array may lie in a buffer of the device's, and overwrites what it received");

    assert_int_equal(device_tx_batch(native.device, 0, &frame, 1), 1);
    assert_int_equal(device_rx_batch(native.device, (uint32_t)((uint64_t)1 << 32), &received, 1), 1);
    safety_mark(STATIC, "number of another type", NOT_CAUGHT, "queue 2^32 is queue 0");

    struct frame copy = received;
    pool_give(native.pool, &received.buf, 1);
    native_bytes(&native, &copy)[0] = 0x55;
    struct frame again = native_frame(&native, 0xC3);
    assert_true(again.offset == copy.offset);
    native_bytes(&native, &copy)[0] = 0x55;
    assert_int_equal(native_bytes(&native, &again)[0], 0x55);
    safety_mark(STATIC, "object copied", NOT_CAUGHT, "a copy stays usable when the first one was given back");

    uint8_t *bytes = native_bytes(&native, &again);
    uint8_t checked = bytes[0];
    native.pool->memory.base[again.offset] = 0x66; /* as the device does */
    assert_int_not_equal(bytes[0], checked);
    safety_mark(STATIC, "device writes on", NOT_CAUGHT, "what was checked is another byte when it is used");
    native_close(&native);
}

static void native_rounds(void)
{
    for (uint32_t round = 0; round < 50; round++) {
        struct native native = native_open();
        assert_int_equal(device_reset(native.device), 0);
        native_close(&native);
    }
}

static void events_of_others(void)
{
    safety_with_alarms(native_rounds);
    safety_mark(STATIC, "interrupted", CONTAINED, "no call fails because of a signal");

    struct native native = native_open();
    int ends[2], event = native.device->bus->events[0].fd;
    uint64_t word = 0;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], event), event); /* closes it, and takes its number */
    bus_wake(native.device->bus);
    assert_int_equal(read(ends[0], &word, sizeof(word)), sizeof(word));
    native_close(&native);
    assert_true(fcntl(event, F_GETFD) < 0);
    safety_mark(STATIC, "descriptor closed", NOT_CAUGHT, "the file that got its number is written to, and closed");
    close(ends[0]);
    close(ends[1]);
}

void safety_static(void **state)
{
    (void)state;
    bytes_of_others();
    frames_of_others();
    device_of_others();
    others_in_it();
    arguments_of_others();
    events_of_others();
}
