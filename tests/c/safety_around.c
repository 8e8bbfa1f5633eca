/* The safety table's columns of what happens around a call in C: its arguments change, are of another type or copied,
 * it is interrupted, its descriptor is another file, the device writes on. Rows of the ABI and of a raw view. */
#include "tests/c/safety_support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define ABI "C/ABI"
#define RAW "C/raw view"

#define GUARDS 64
#define ROUNDS 20000

static const char *const around_families[] = {INLINE_LOOP, "emu:virtio,timing=inline",
                                              "emu:virtio,ring=packed,timing=inline"};
#define AROUND_FAMILIES (sizeof(around_families) / sizeof(around_families[0]))

struct around {
    uint64_t pool, device;
    ixy_view view;
    ixy_frame guards[GUARDS]; /* buffers of the caller's that no call names, full of 0x5A */
    ixy_frame *frames;        /* what calls name, and the other thread rewrites */
    ixy_frame known[4];       /* what it may write there, beside numbers of its own */
    uint32_t stop;            /* atomic */
};

static struct around around_open(const char *address)
{
    struct around around = {.pool = test_pool(SAFETY_BUFFERS)};
    around.view = test_view(around.pool);
    ixy_device_config config = {
        .struct_size = sizeof(config), .pool = around.pool, .rx_ring_size = 64, .tx_ring_size = 64};
    assert_int_equal(ixy_device_open(address, &config, &around.device), 0);
    assert_int_equal(ixy_device_start(around.device), 0);
    assert_int_equal(ixy_buf_alloc(around.pool, around.guards, GUARDS), GUARDS);
    for (uint32_t i = 0; i < GUARDS; i++)
        memset(around.view.base + around.guards[i].offset, 0x5A, around.view.buffer_size);
    return around;
}

/* 0 if nothing but what was named has changed and every buffer is somewhere; else a number. Frees all the caller's. */
static int around_check(struct around *around)
{
    ixy_frame frames[32];
    for (uint32_t polls = 0; polls < 1000; polls++)
        if (ixy_rx_batch(around->device, 0, frames, 32) < 0)
            return 10;
    for (uint32_t i = 0; i < GUARDS; i++)
        for (uint32_t at = 0; at < around->view.buffer_size; at++)
            if (around->view.base[around->guards[i].offset + at] != 0x5A)
                return 11;
    for (uint32_t i = 0; i <= around->view.index_mask; i++) {
        ixy_frame frame = {.buf = around->view.owner[i]};
        if (frame.buf != 0 && (i >= around->view.buffer_count || ixy_buf_free(around->pool, &frame, 1) != 1))
            return 12;
    }
    if (ixy_emu_violation(around->device, 0, NULL, 0) != 0)
        return 13;
    if (ixy_device_close(around->device) != 0 || ixy_pool_free_count(around->pool) != SAFETY_BUFFERS)
        return 14;
    return ixy_pool_close(around->pool) == 0 && ixy_pool_view_release(around->view.view) == 0 ? 0 : 15;
}

/* ---- changed during a call ---- */

/* The array lies in the first frame's buffer, before the packet: where a VirtIO driver writes its header. */
static int array_in_packet_memory(void *address)
{
    struct around around = around_open(address);
    ixy_frame frames[2];
    if (ixy_buf_alloc(around.pool, frames, 2) != 2)
        return 1;
    ixy_frame *array = (ixy_frame *)(void *)(around.view.base + frames[0].offset);
    array[0] = frames[0];
    array[0].offset += 32;
    array[0].len = array[1].len = 60;
    array[1] = frames[1];
    array[1].len = 60;
    int32_t sent = ixy_tx_batch(around.device, 0, array, 2);
    if (sent < 0 || sent > 2)
        return 2;
    return around_check(&around);
}

static void *rewrite(void *argument)
{
    struct around *around = argument;
    uint32_t random = 1;
    while (__atomic_load_n(&around->stop, __ATOMIC_RELAXED) == 0) {
        random = random * 1664525 + 1013904223;
        const ixy_frame *known = &around->known[random >> 20 & 3];
        ixy_frame *frame = &around->frames[random >> 28 & 3];
        uint32_t kind = random >> 24 & 7;
        __atomic_store_n(&frame->buf, kind == 0 ? (uint64_t)random << 20 : known->buf, __ATOMIC_RELAXED);
        __atomic_store_n(&frame->offset, kind == 1 ? random : known->offset, __ATOMIC_RELAXED);
        __atomic_store_n(&frame->len, (uint16_t)(kind == 2 ? random >> 8 : 60), __ATOMIC_RELAXED);
    }
    return NULL;
}

/* Another thread rewrites frames that are sent, freed and copied from. */
static int array_rewritten(void *address)
{
    struct around around = around_open(address);
    ixy_frame frames[4], received[32];
    uint8_t byte;
    pthread_t thread;
    around.frames = frames;
    memset(frames, 0, sizeof(frames));
    if (ixy_buf_alloc(around.pool, around.known, 4) != 4 || pthread_create(&thread, NULL, rewrite, &around) != 0)
        return 1;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        (void)ixy_tx_batch(around.device, 0, frames, 4);
        (void)ixy_buf_read(around.pool, frames, 59, &byte, 1);
        (void)ixy_buf_write(around.pool, frames, 0, "x", 1);
        if (round % 16 == 0)
            (void)ixy_buf_free(around.pool, frames, 4);
        int32_t got = ixy_rx_batch(around.device, 0, received, 32);
        for (int32_t i = 0; i < got; i++) /* the next ones to be named, or else back */
            around.known[i & 3] = received[i];
        if (got > 4)
            (void)ixy_buf_free(around.pool, received, (uint32_t)got - 4);
        if (round % 64 == 63 && ixy_buf_alloc(around.pool, around.known, 4) < 0)
            return 2;
    }
    __atomic_store_n(&around.stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    return around_check(&around);
}

static void changed_during_a_call(void)
{
    for (size_t i = 0; i < AROUND_FAMILIES; i++) {
        safety_in_child(array_in_packet_memory, (void *)(uintptr_t)around_families[i]);
        safety_in_child(array_rewritten, (void *)(uintptr_t)around_families[i]);
    }
    const char *detail = "the frame as it was read is checked and used; every buffer is accounted for";
    safety_mark(ABI, "changed during a call", CONTAINED, detail);
    safety_mark(RAW, "changed during a call", CONTAINED, detail);
}

/* ---- number of another type ---- */

static void number_of_another_type(void)
{
    struct around around = around_open(INLINE_LOOP);
    ixy_frame frame = test_frame(around.pool), received;
    uint8_t byte = 0, narrow = 255;
    const double fraction = 5.9;
    const uint64_t wide = ((uint64_t)1 << 32) + 5;
    for (uint32_t i = 0; i < 60; i++)
        around.view.base[frame.offset + i] = (uint8_t)i;
    /* C makes the parameter's type of each number before the call, by a cast as here or silently without -Wconversion.
     * What arrives is checked. */
    assert_int_equal(ixy_buf_read(around.pool, &frame, (uint32_t)wide, &byte, 1), 1);
    assert_int_equal(byte, 5);
    assert_int_equal(ixy_buf_read(around.pool, &frame, (uint32_t)fraction, &byte, 1), 1);
    assert_int_equal(byte, 5);
    assert_int_equal(ixy_buf_read(around.pool, &frame, narrow, &byte, 1), IXY_E_RANGE); /* 255 + 1 is not 0 */
    assert_int_equal(ixy_buf_read(around.pool, &frame, 0, &byte, (uint32_t)-1), IXY_E_RANGE);
    assert_int_equal(ixy_rx_batch(around.device, (uint32_t)(wide - 5), &received, 1), 0);
    safety_mark(ABI, "number of another type", CONTAINED,
                "C cuts it before the call (-Wconversion tells), and what is left is checked");

    const uint64_t place = ((uint64_t)1 << 32) + around.guards[0].offset;
    assert_int_equal(around.view.base[(uint32_t)place], 0x5A);
    safety_mark(RAW, "number of another type", NOT_CAUGHT,
                "an offset that is cut is an offset: another packet is read");
    assert_int_equal(around_check(&around), 0);
}

/* ---- object copied ---- */

static void object_copied(void)
{
    struct around around = around_open(INLINE_LOOP);
    ixy_frame frame = test_frame(around.pool), copy = frame;
    uint8_t byte = 0;
    const uint64_t pool = around.pool, device = around.device;
    const ixy_view view = around.view;
    assert_int_equal(ixy_buf_free(around.pool, &frame, 1), 1);
    assert_int_equal(ixy_buf_read(around.pool, &copy, 0, &byte, 1), IXY_E_HANDLE);
    assert_int_equal(ixy_tx_batch(around.device, 0, &copy, 1), IXY_E_HANDLE);
    assert_int_equal(around_check(&around), 0);
    assert_int_equal(ixy_device_close(device), IXY_E_HANDLE);
    assert_int_equal(ixy_pool_close(pool), IXY_E_HANDLE);
    assert_int_equal(ixy_pool_view_release(view.view), IXY_E_HANDLE);
    safety_mark(ABI, "object copied", RUN_TIME, "IXY_E_HANDLE: copies are stale with the first one");

    assert_false(safety_is_mapped(view.base));
    safety_mark(RAW, "object copied", NOT_CAUGHT, "a copied address outlives its view: the process dies of it");
}

/* ---- interrupted ---- */

static void on_alarm(int number)
{
    (void)number;
}

static void *wait_to_be_cancelled(void *device)
{
    for (;;)
        (void)ixy_rx_wait(*(uint64_t *)device, 0, -1);
    return NULL;
}

void safety_with_alarms(void (*run)(void))
{
    struct sigaction action = {.sa_handler = on_alarm}, before;
    const struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    run();
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
}

static void interrupted_rounds(void)
{
    for (uint32_t round = 0; round < 100; round++) {
        struct around around = around_open(round % 2 == 0 ? "emu:82599" : "emu:virtio");
        assert_int_equal(ixy_rx_wait(around.device, 0, -1), 0); /* only a handler ends it */
        assert_int_equal(ixy_device_reset(around.device), 0);
        assert_int_equal(around_check(&around), 0);
    }
}

static void interrupted(void)
{
    safety_with_alarms(interrupted_rounds);
    struct around around = around_open("emu:82599");
    for (uint32_t round = 0; round < 20; round++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wait_to_be_cancelled, &around.device), 0);
        struct timespec time = {.tv_nsec = (long)round * 100000};
        nanosleep(&time, NULL);
        assert_int_equal(pthread_cancel(thread), 0);
        pthread_join(thread, NULL);
        assert_int_equal(ixy_rx_wait(around.device, 0, 0), 0); /* nobody waits any more */
    }
    assert_int_equal(around_check(&around), 0);
    const char *detail = "no call fails, ixy_rx_wait returns 0 or its thread ends; nothing is lost";
    safety_mark(ABI, "interrupted", CONTAINED, detail);
    safety_mark(RAW, "interrupted", CONTAINED, detail);
}

/* ---- descriptor closed ---- */

static void descriptor_closed(void)
{
    struct around around = around_open("emu:virtio");
    int ends[2], fd = ixy_rx_fd(around.device, 0);
    char bytes[16];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(dup2(ends[1], fd), fd); /* closes it, and takes its number */
    assert_int_equal(write(ends[0], "x", 1), 1);
    ixy_frame frame = test_frame(around.pool);
    assert_int_equal(ixy_rx_arm(around.device, 0), 0);
    assert_int_equal(ixy_tx_batch(around.device, 0, &frame, 1), 1);
    assert_int_equal(ixy_rx_wait(around.device, 0, 5000), 1);
    assert_int_equal(around_check(&around), 0);
    assert_true(read(ends[0], bytes, sizeof(bytes)) < 0 && errno == EAGAIN); /* nothing was written, it is open */
    assert_int_equal(read(fd, bytes, sizeof(bytes)), 1);                     /* nothing was read */
    for (int i = 0; i < 2; i++)
        assert_int_equal(close(ends[i]), 0);
    assert_int_equal(close(fd), 0);
    const char *detail = "the library has a number of its own, and leaves alone what got that one";
    safety_mark(ABI, "descriptor closed", CONTAINED, detail);
    safety_mark(RAW, "descriptor closed", CONTAINED, detail);
}

/* ---- device writes on ---- */

/* What a device does that keeps to none of its promises: the buffer's bytes change all the time. */
static void *write_on(void *argument)
{
    struct around *around = argument;
    uint8_t *bytes = around->view.base + (around->known[0].offset - around->view.headroom), value = 0;
    for (; __atomic_load_n(&around->stop, __ATOMIC_RELAXED) == 0; value++)
        for (uint32_t at = 0; at < around->view.buffer_stride; at++)
            __atomic_store_n(&bytes[at], value, __ATOMIC_RELAXED);
    return NULL;
}

static void device_writes_on(void)
{
    struct around around = around_open("emu:virtio,timing=inline");
    around.known[0] = test_frame(around.pool);
    const uint8_t *bytes = around.view.base + around.known[0].offset;
    ixy_frame frame = around.known[0], received;
    uint8_t copy[60];
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_on, &around), 0);
    uint8_t first = __atomic_load_n(bytes, __ATOMIC_RELAXED);
    while (__atomic_load_n(bytes, __ATOMIC_RELAXED) == first)
        sched_yield();
    safety_mark(RAW, "device writes on", NOT_CAUGHT, "what was checked is another byte when it is used");
    for (uint32_t round = 0; round < ROUNDS; round++) {
        assert_int_equal(ixy_buf_read(around.pool, &frame, 0, copy, 60), 60);
        assert_int_equal(ixy_buf_write(around.pool, &frame, 0, copy, 60), 60);
    }
    assert_int_equal(ixy_tx_batch(around.device, 0, &frame, 1), 1); /* its header is overwritten, too */
    assert_int_equal(ixy_rx_batch(around.device, 0, &received, 1), 1);
    __atomic_store_n(&around.stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    assert_int_equal(ixy_buf_read(around.pool, &received, 0, copy, 60), 60);
    int checked = around_check(&around);
    assert_true(checked == 0 || checked == 13); /* 13: the model has seen a header that no driver writes */
    safety_mark(ABI, "device writes on", CONTAINED,
                "ixy_buf_read copies the bytes once; checks and places do not depend on them");
}

void safety_around(void **state)
{
    (void)state;
    changed_during_a_call();
    number_of_another_type();
    object_copied();
    interrupted();
    descriptor_closed();
    device_writes_on();
}
