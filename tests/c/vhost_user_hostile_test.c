/* A malicious vhost-user back end (vhost_user_hostile.h) and its victim, which opens, starts, receives, sends, waits,
 * resets and closes on two threads. Whatever comes, under the sanitizers: no buffer, thread or descriptor is left, and
 * no call takes longer than docs/abi.md says.
 *
 * IXY_HOSTILE_SECONDS says how long a seed runs, 3 if it is not set, IXY_HOSTILE_SEED which seed instead of 1 and 2. */
#include "tests/c/vhost_user_hostile.h"

#include "tests/c/vhost_user_support.h"

#define VICTIM_BUFFERS 2048
#define VICTIM_HELD 200
#define VICTIM_BATCH 32
/* What a machine that does other work too may add to each call. */
#define VICTIM_SLACK 1.5

/* Calls, and their bounds in seconds. */
enum victim_call { VICTIM_OPEN, VICTIM_START, VICTIM_RESET, VICTIM_CLOSE, VICTIM_ASK, VICTIM_PACKETS, VICTIM_CALLS };
static const struct {
    const char *name;
    double bound;
} victim_calls[] = {{"open", 5}, {"start", 7}, {"reset", 14}, {"close", 2}, {"link", 2}, {"packets", 2}};

struct victim {
    uint64_t seed, random;
    uint64_t pool, device;
    uint32_t pairs, frame_len_max, rx_frames_max;
    uint32_t resets_every; /* one call in so many is a reset, besides those of a device that failed */
    uint32_t ends;         /* atomic: the second thread */
    uint32_t faults;       /* atomic: what must not be, on any thread */
    char fault[160];
};

/* What one thread of a victim holds, and counts. */
struct victim_hands {
    struct victim *victim;
    uint64_t random;
    uint32_t queue, held;
    ixy_frame frame[VICTIM_HELD];
    uint64_t received, sent, failed;
    double longest[VICTIM_CALLS];
};

struct victim_figures {
    uint64_t devices, opened, sessions, resets, received, sent, failed, answers, lies, written;
    double longest[VICTIM_CALLS];
};

static void __attribute__((format(printf, 2, 3))) victim_fault(struct victim *victim, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (__atomic_fetch_add(&victim->faults, 1, __ATOMIC_RELAXED) == 0)
        vsnprintf(victim->fault, sizeof(victim->fault), format, arguments);
    va_end(arguments);
}

static void victim_took(struct victim_hands *hands, enum victim_call call, double begin)
{
    double took = vhost_test_now() - begin;
    if (took > hands->longest[call])
        hands->longest[call] = took;
    if (took > victim_calls[call].bound + VICTIM_SLACK)
        victim_fault(hands->victim, "%s took %.2f s; right is at most %.0f", victim_calls[call].name, took,
                     victim_calls[call].bound);
}

/* ---- packets ---- */

/* Gives the last count frames of those that are held back. */
static void victim_free(struct victim_hands *hands, uint32_t count)
{
    if (count == 0)
        return;
    int32_t freed = ixy_buf_free(hands->victim->pool, hands->frame + hands->held - count, count);
    if (freed != (int32_t)count)
        victim_fault(hands->victim, "%d of %u buffers could be freed", freed, count);
    hands->held -= count;
}

static int32_t victim_receive(struct victim_hands *hands)
{
    uint32_t room = VICTIM_HELD - hands->held, count = 1 + (uint32_t)hostile_number(&hands->random, VICTIM_BATCH);
    count = count < hands->victim->rx_frames_max ? hands->victim->rx_frames_max : count;
    if (room < count) {
        victim_free(hands, hands->held);
        return 0;
    }
    double begin = vhost_test_now();
    int32_t got = ixy_rx_batch(hands->victim->device, hands->queue, hands->frame + hands->held, count);
    victim_took(hands, VICTIM_PACKETS, begin);
    for (int32_t i = 0; i < got; i++) {
        uint8_t bytes[64];
        const ixy_frame *frame = &hands->frame[hands->held + (uint32_t)i];
        uint32_t size = frame->len < sizeof(bytes) ? frame->len : (uint32_t)sizeof(bytes);
        if (ixy_buf_read(hands->victim->pool, frame, 0, bytes, size) != (int32_t)size)
            victim_fault(hands->victim, "a received frame of %u bytes at %u cannot be read", frame->len, frame->offset);
    }
    if (got > 0) {
        hands->held += (uint32_t)got;
        hands->received += (uint32_t)got;
    }
    return got;
}

/* A few more frames of any length, the last of which ends a packet. */
static void victim_make(struct victim_hands *hands)
{
    uint64_t *random = &hands->random;
    uint32_t count = 1 + (uint32_t)hostile_number(random, 8);
    if (hands->held + count > VICTIM_HELD)
        return;
    ixy_frame *frame = hands->frame + hands->held;
    int32_t got = ixy_buf_alloc(hands->victim->pool, frame, count);
    for (int32_t i = 0; i < got; i++) {
        frame[i].len = (uint16_t)(14 + hostile_number(random, 1500));
        bool more = hands->victim->frame_len_max > 1514 && i + 1 < got && hostile_number(random, 2) != 0;
        frame[i].flags = more ? IXY_FRAME_MORE : 0;
        if (hostile_number(random, 4) == 0) {
            ixy_metadata wanted = {.flags = IXY_META_TX_UDP_CHECKSUM, .l2_len = 14, .l3_len = 20};
            (void)ixy_buf_metadata_set(hands->victim->pool, &frame[i], &wanted);
        }
    }
    hands->held += got > 0 ? (uint32_t)got : 0;
}

/* Sends the frames that were held last; those that are not taken are freed. */
static int32_t victim_send(struct victim_hands *hands)
{
    victim_make(hands);
    uint32_t count = (uint32_t)hostile_number(&hands->random, VICTIM_BATCH + 1);
    count = count < hands->held ? count : hands->held;
    double begin = vhost_test_now();
    int32_t sent = ixy_tx_batch(hands->victim->device, hands->queue, hands->frame + hands->held - count, count);
    victim_took(hands, VICTIM_PACKETS, begin);
    uint32_t gone = sent > 0 ? (uint32_t)sent : 0;
    memmove(hands->frame + hands->held - count, hands->frame + hands->held - count + gone,
            (count - gone) * sizeof(ixy_frame));
    hands->held -= gone;
    hands->sent += gone;
    victim_free(hands, count - gone);
    return sent;
}

static int32_t victim_wait(struct victim_hands *hands)
{
    double begin = vhost_test_now();
    int32_t code = hostile_number(&hands->random, 2) != 0
                       ? ixy_rx_wait(hands->victim->device, hands->queue, (int32_t)hostile_number(&hands->random, 4))
                       : ixy_rx_arm(hands->victim->device, hands->queue);
    victim_took(hands, VICTIM_PACKETS, begin);
    return code;
}

static int32_t victim_packets(struct victim_hands *hands)
{
    uint64_t what = hostile_number(&hands->random, 10);
    int32_t code = what < 5 ? victim_receive(hands) : what < 9 ? victim_send(hands) : victim_wait(hands);
    hands->failed += code == IXY_E_DEVICE;
    return code;
}

/* The second thread, in the last pair of queues. */
static void *victim_second(void *argument)
{
    struct victim_hands *hands = argument;
    while (__atomic_load_n(&hands->victim->ends, __ATOMIC_ACQUIRE) == 0)
        if (victim_packets(hands) < 0)
            usleep(200);
    victim_free(hands, hands->held);
    return NULL;
}

/* ---- the device ---- */

static int32_t victim_open(struct victim_hands *hands, const struct backend *backend)
{
    static const char *const ways[] = {"",         ",ring=split",  ",ring=packed",
                                       ",mrg=off", ",inorder=off", ",mrg=off,inorder=off"};
    struct victim *victim = hands->victim;
    uint64_t *random = &hands->random;
    victim->pairs = 1 + (uint32_t)hostile_number(random, 3);
    victim->frame_len_max = hostile_number(random, 3) == 0 ? 2000 + (uint32_t)hostile_number(random, 7000) : 0;
    ixy_device_config config = {.struct_size = sizeof(config),
                                .pool = victim->pool,
                                .rx_queues = victim->pairs,
                                .tx_queues = victim->pairs,
                                .rx_ring_size = 64u << hostile_number(random, 2),
                                .tx_ring_size = 64u << hostile_number(random, 2),
                                .offloads = (uint32_t)hostile_number(random, 2) * (uint32_t)hostile_number(random, 4),
                                .frame_len_max = victim->frame_len_max};
    const char *options = ways[hostile_number(random, sizeof(ways) / sizeof(ways[0]))];
    int32_t code = IXY_E_DEVICE;
    for (uint32_t attempt = 0; attempt < 4 && code < 0; attempt++) {
        double begin = vhost_test_now();
        code = ixy_device_open(vhost_test_address(backend, options), &config, &victim->device);
        victim_took(hands, VICTIM_OPEN, begin);
        if (attempt == 1) { /* what it does not offer */
            config.offloads = config.frame_len_max = victim->frame_len_max = 0;
            config.rx_queues = config.tx_queues = victim->pairs = 1;
            options = "";
        }
    }
    ixy_info info = {.struct_size = sizeof(info)};
    victim->rx_frames_max = code >= 0 && ixy_device_info(victim->device, &info) == 0 ? info.rx_frames_max : 1;
    return code;
}

static void victim_control(struct victim_hands *hands, uint32_t what, uint64_t *resets)
{
    uint64_t device = hands->victim->device;
    double begin = vhost_test_now();
    ixy_link link = {.struct_size = sizeof(link)};
    ixy_stats stats = {.struct_size = sizeof(stats)};
    switch (what) {
    case 0:
        (void)ixy_device_link(device, &link);
        victim_took(hands, VICTIM_ASK, begin);
        break;
    case 1:
        (void)ixy_device_stats(device, &stats);
        (void)ixy_device_promiscuous_set(device, 0);
        victim_took(hands, VICTIM_ASK, begin);
        break;
    default:
        if (ixy_device_reset(device) == 0)
            ++*resets;
        victim_took(hands, VICTIM_RESET, begin);
        break;
    }
}

/* From start to close. */
static void victim_device(struct victim_hands *hands, struct victim_hands *second, double seconds, uint64_t *resets)
{
    struct victim *victim = hands->victim;
    uint64_t *random = &hands->random;
    pthread_t thread;
    double begin = vhost_test_now(), end = begin + seconds;
    (void)ixy_device_start(victim->device);
    victim_took(hands, VICTIM_START, begin);
    second->victim = victim;
    second->random = hands->random ^ 0xD1B54A32D192ED03ull;
    second->queue = victim->pairs - 1;
    if (victim->pairs > 1)
        assert_int_equal(pthread_create(&thread, NULL, victim_second, second), 0);
    while (vhost_test_now() < end && __atomic_load_n(&victim->faults, __ATOMIC_RELAXED) == 0) {
        uint32_t what = (uint32_t)hostile_number(random, 2000);
        bool fresh = hostile_number(random, victim->resets_every) == 0;
        hands->queue = victim->pairs > 2 ? (uint32_t)hostile_number(random, 2) : 0;
        int32_t code = victim_packets(hands);
        if (what < 2)
            victim_control(hands, what, resets);
        else if (fresh || (code == IXY_E_DEVICE && what < 500) || (code == IXY_E_STATE && what < 500))
            victim_control(hands, 2, resets);
    }
    bool frees_before = hostile_number(random, 2) != 0;
    if (frees_before)
        victim_free(hands, hands->held);
    __atomic_store_n(&victim->ends, hostile_number(random, 2) != 0, __ATOMIC_RELEASE); /* or it meets the close */
    begin = vhost_test_now();
    if (ixy_device_close(victim->device) != 0)
        victim_fault(victim, "the device cannot be closed");
    victim_took(hands, VICTIM_CLOSE, begin);
    __atomic_store_n(&victim->ends, 1, __ATOMIC_RELEASE);
    if (victim->pairs > 1)
        pthread_join(thread, NULL);
    victim_free(hands, hands->held);
}

/* ---- a run ---- */

static uint32_t victim_threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    uint32_t count = 0;
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* A thread that was joined may be listed for a moment still. */
static uint32_t victim_threads_above(uint32_t right)
{
    uint32_t now = victim_threads();
    for (uint32_t i = 0; i < 1000 && now > right; i++) {
        usleep(1000);
        now = victim_threads();
    }
    return now > right ? now - right : 0;
}

static void victim_add(struct victim_figures *figures, const struct victim_hands *hands)
{
    figures->received += hands->received;
    figures->sent += hands->sent;
    figures->failed += hands->failed;
    for (uint32_t i = 0; i < VICTIM_CALLS; i++)
        if (hands->longest[i] > figures->longest[i])
            figures->longest[i] = hands->longest[i];
}

/* One device with one back end, on a pool of its own. */
static void victim_life(uint64_t seed, uint32_t number, struct victim_figures *figures)
{
    static struct hostile_backend hostile;
    static struct victim_hands hands, second;
    struct victim victim = {.seed = seed, .ends = 0};
    uint32_t descriptors = vhost_test_descriptors(), threads = victim_threads();
    ixy_pool_config config = {.struct_size = sizeof(config), .buffer_count = VICTIM_BUFFERS};
    hands = second = (struct victim_hands){.victim = &victim, .random = seed << 32 | number << 1 | 1};
    for (uint32_t i = 0; i < 8; i++)
        (void)hostile_number(&hands.random, 2);
    config.buffer_size = hostile_number(&hands.random, 4) == 0 ? 4096 : 2048;
    victim.resets_every = number == 0 || hostile_number(&hands.random, 4) == 0 ? 20 : 2000;
    assert_int_equal(ixy_pool_open(&config, &victim.pool), 0);
    hostile_backend_start(&hostile, "hostile", seed, number);
    hostile_backend_run(&hostile);
    figures->devices++;
    if (victim_open(&hands, &hostile.backend) >= 0) {
        figures->opened++;
        double seconds = 0.02 + 0.01 * (double)hostile_number(&hands.random, 30);
        victim_device(&hands, &second, seconds, &figures->resets);
    }
    uint32_t whole = (uint32_t)ixy_pool_free_count(victim.pool);
    if (whole != VICTIM_BUFFERS)
        victim_fault(&victim, "%u of %u buffers are back", whole, VICTIM_BUFFERS);
    assert_int_equal(ixy_pool_close(victim.pool), 0);
    hostile_backend_stop(&hostile);
    uint32_t more = victim_threads_above(threads), now = vhost_test_descriptors();
    if (more != 0 || now != descriptors)
        victim_fault(&victim, "%u threads and %d descriptors are left", more, (int)(now - descriptors));
    figures->sessions += hostile.backend.connections;
    figures->answers += hostile.answers;
    figures->lies += hostile.lies;
    figures->written += hostile.written;
    victim_add(figures, &hands);
    victim_add(figures, &second);
    if (victim.faults != 0)
        fail_msg("seed %llu, device %u: %s", (unsigned long long)seed, number, victim.fault);
}

static void victim_run(uint64_t seed, double seconds)
{
    struct victim_figures figures = {0};
    double end = vhost_test_now() + seconds;
    for (uint32_t number = 0; vhost_test_now() < end; number++)
        victim_life(seed, number, &figures);
    print_message("  seed %llu: %llu devices, %llu opened, %llu sessions, %llu resets, %llu received, %llu sent, "
                  "%llu failures; %llu answers, %llu wrong in form, %llu scribbles; longest:",
                  (unsigned long long)seed, (unsigned long long)figures.devices, (unsigned long long)figures.opened,
                  (unsigned long long)figures.sessions, (unsigned long long)figures.resets,
                  (unsigned long long)figures.received, (unsigned long long)figures.sent,
                  (unsigned long long)figures.failed, (unsigned long long)figures.answers,
                  (unsigned long long)figures.lies, (unsigned long long)figures.written);
    for (uint32_t i = 0; i < VICTIM_CALLS; i++)
        print_message(" %s %.2f s", victim_calls[i].name, figures.longest[i]);
    print_message("\n");
    assert_true(figures.opened > 0 && figures.received > 0 && figures.sent > 0 && figures.failed > 0);
    assert_true(figures.resets > 0 && figures.lies > 0 && figures.written > 0);
}

static void test_a_malicious_back_end(void **state)
{
    const char *seed = getenv("IXY_HOSTILE_SEED"), *seconds = getenv("IXY_HOSTILE_SECONDS");
    double time = seconds != NULL ? strtod(seconds, NULL) : 3;
    (void)state;
    if (seed != NULL) {
        victim_run(strtoull(seed, NULL, 10), time);
        return;
    }
    victim_run(1, time);
    victim_run(2, time);
}

/* ---- the end at every byte ---- */

/* Opens, starts and closes while the back end hangs up after so many bytes. Returns whether nothing was cut. */
static bool cut_life(uint64_t pool, const char *options, uint32_t hears, uint32_t says)
{
    struct backend backend = backend_right("cut");
    uint64_t device = 0;
    backend.hears = hears;
    backend.says = says;
    backend_start(&backend);
    int32_t code = vhost_test_open(&backend, options, 1, pool, &device);
    bool opened = code >= 0;
    if (opened)
        code = ixy_device_start(device);
    if (code < 0 && (code != IXY_E_DEVICE || strstr(ixy_last_error(), "closed the connection") == NULL))
        fail_msg("end after %u heard, %u said: %s: %s", hears, says, ixy_error_name(code), ixy_last_error());
    if (opened)
        assert_int_equal(ixy_device_close(device), 0);
    assert_int_equal(ixy_pool_free_count(pool), VHOST_TEST_BUFFERS);
    backend_kill(&backend);
    unlink(backend.path);
    return code >= 0 && (hears == 0 || backend.heard < hears) && (says == 0 || backend.said < says);
}

/* Of the front end's messages, and of the answers, from the first request to the last ring that is stopped. */
static void cut_everywhere(const char *options)
{
    uint64_t pool = test_pool(VHOST_TEST_BUFFERS);
    assert_true(cut_life(pool, options, 0, 0)); /* the pool's file is made */
    uint32_t descriptors = vhost_test_descriptors(), threads = victim_threads(), heard = 1, said = 1;
    double begin = vhost_test_now();
    while (!cut_life(pool, options, heard, 0))
        heard++;
    while (!cut_life(pool, options, 0, said))
        said++;
    assert_true(heard > 500 && said > 300);
    assert_true(vhost_test_now() - begin < 60); /* nothing waits for who has gone */
    assert_int_equal(victim_threads_above(threads), 0);
    assert_int_equal(vhost_test_descriptors(), descriptors);
    assert_int_equal(ixy_pool_close(pool), 0);
}

static void test_the_end_at_every_byte(void **state)
{
    (void)state;
    cut_everywhere(",ring=packed");
}

/* ---- events that it fills all the time ---- */

/* Resets, waits and sends for two seconds, and counts what came; then a close. */
static void hammered(bool calls, bool kicks)
{
    static struct hostile_backend hostile;
    static struct victim_hands hands;
    struct victim victim = {.rx_frames_max = 1};
    double begin = vhost_test_now();
    hands = (struct victim_hands){.victim = &victim, .random = 1};
    victim.pool = test_pool(VHOST_TEST_BUFFERS);
    hostile_backend_tame(&hostile, "hammer");
    hostile.hammers_calls = calls;
    hostile.hammers_kicks = kicks;
    hostile_backend_run(&hostile);
    victim.device = vhost_test_device(&hostile.backend, "", 1, victim.pool);
    uint64_t resets = 0;
    while (vhost_test_now() - begin < 2) {
        for (uint32_t i = 0; i < 100; i++)
            (void)victim_packets(&hands);
        victim_control(&hands, 2, &resets);
    }
    victim_free(&hands, hands.held);
    begin = vhost_test_now();
    assert_int_equal(ixy_device_close(victim.device), 0);
    victim_took(&hands, VICTIM_CLOSE, begin);
    assert_int_equal(ixy_pool_free_count(victim.pool), VHOST_TEST_BUFFERS);
    assert_int_equal(ixy_pool_close(victim.pool), 0);
    hostile_backend_stop(&hostile);
    print_message("  %llu resets, %llu sent, %llu times filled; longest packet call %.2f s, reset %.2f s\n",
                  (unsigned long long)resets, (unsigned long long)hands.sent, (unsigned long long)hostile.written,
                  hands.longest[VICTIM_PACKETS], hands.longest[VICTIM_RESET]);
    if (victim.faults != 0)
        fail_msg("%s", victim.fault);
    assert_true(resets > 0 && hands.sent > 0 && hostile.written > 0);
}

static void test_calls_that_are_full(void **state)
{
    (void)state;
    hammered(true, false);
}

static void test_kicks_that_are_full(void **state)
{
    (void)state;
    hammered(false, true);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_at_every_byte),
        cmocka_unit_test(test_calls_that_are_full),
        cmocka_unit_test(test_kicks_that_are_full),
        cmocka_unit_test(test_a_malicious_back_end),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, backend_remove_sockets);
}
