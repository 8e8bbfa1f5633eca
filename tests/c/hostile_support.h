/* What tests of hostile devices share: a pool and a device whose every received frame is checked, whose every buffer
 * is accounted for at the end, and whose lies are counted.
 *
 * A device is opened with its lies asleep, so that it starts in peace; hostile_wake has each opportunity used from then
 * on. Tests of what is told while a device opens use addresses of their own. */
#ifndef TESTS_C_HOSTILE_SUPPORT_H
#define TESTS_C_HOSTILE_SUPPORT_H

#include "tests/c/abi_support.h"

#include <stdbool.h>

#include "emu/device.h"

#define HOSTILE_BUFFERS 2048
#define HOSTILE_POLLS 200 /* that a test waits for what must come: never more */

struct hostile_test {
    uint64_t pool, device;
    uint32_t queue; /* that frames are received from and sent to */
    ixy_view view;
    struct hostile *hostile;          /* of the device */
    uint64_t digest;                  /* of where each frame lay that was received */
    uint32_t offloads, frame_len_max; /* as ixy_device_config; set before the device is opened */
    uint32_t held;
    bool holds[HOSTILE_BUFFERS];
};

/* An open pool, for tests that open their device themselves. */
void hostile_test_pool(struct hostile_test *test);
/* The same with buffers of another size than 2048. */
void hostile_test_pool_of(struct hostile_test *test, uint32_t buffer_size);
/* The same with buffers of 1 KB, so that frames of usual size take two, and offloads that a device of those shall do.
 */
void hostile_test_pool_small(struct hostile_test *test, uint32_t offloads, uint32_t frame_len_max);
/* Opens and starts on the pool that was opened before. */
void hostile_test_open_on(struct hostile_test *test, const char *prefix, const char *lies, uint32_t ring);
/* Opens a pool, opens and starts: prefix is "emu:82599" or the like, without timing; lies may be NULL. ring:
 * descriptors a queue. */
void hostile_test_open(struct hostile_test *test, const char *prefix, const char *lies, uint32_t ring);
/* Expects that the device is found to have failed, at once or by polling, with a reason that holds `part` (NULL: any);
 * frees what comes before. Returns how many frames that was. */
uint32_t hostile_expect_failed(struct hostile_test *test, const char *part);
/* Puts the lies to sleep, resets, and sees that frames flow. */
void hostile_recover(struct hostile_test *test);
/* Puts its lies to sleep, or wakes them. */
void hostile_sleep(struct hostile_test *test);
void hostile_wake(struct hostile_test *test);
uint64_t hostile_told(const struct hostile_test *test, enum hostile_lie lie);

/* Closes all; every buffer must be there, and the device must have found nothing wrong with its driver. */
void hostile_test_close(struct hostile_test *test);

/* One batch; each frame must lie within a buffer that the caller did not hold yet, and no packet may go on behind it.
 * Returns what ixy_rx_batch did. */
int32_t hostile_receive(struct hostile_test *test, ixy_frame *frames, uint32_t count);
/* Polls until nothing has come for a while; frees all frames. Returns how many there were. */
uint32_t hostile_drain(struct hostile_test *test);
void hostile_free(struct hostile_test *test, const ixy_frame *frames, uint32_t count);
/* As ixy_tx_batch. */
int32_t hostile_transmit(struct hostile_test *test, const ixy_frame *frames, uint32_t count);
/* A buffer of the caller's with a frame of len bytes that holds number. */
void hostile_make(struct hostile_test *test, ixy_frame *frame, uint32_t len, uint32_t number);
/* Sends batches of many sizes, and receives nothing, until the device has failed. */
void hostile_transmit_until_failed(struct hostile_test *test, const char *part);
/* Sends count frames of len bytes; the n-th holds first + n in bytes 14 to 17. All must be taken. */
void hostile_send(struct hostile_test *test, uint32_t count, uint32_t len, uint32_t first);
/* Expects exactly the frames that hostile_send made of first to first + count - 1, in order, and frees them. */
void hostile_expect(struct hostile_test *test, uint32_t count, uint32_t len, uint32_t first);

uint64_t hostile_dropped(struct hostile_test *test);
void hostile_expect_error(int32_t code, int32_t right, const char *part);

/* A seeded run with every lie that the device has, until so many of its completions were lied about (emu/hostile.h);
 * opens, resets and closes as it must. prefixes: devices, each of which has about as many of the completions; "emu:"
 * and what follows, with as many queue pairs in use as "queues=" says; inline, if not "timing=threaded": then it lasts
 * until something was received, sent, dropped and reset, too. */
struct hostile_run {
    uint64_t told[HOSTILE_LIES]; /* also by devices that did not open */
    uint64_t completions, received, sent, dropped, resets, opens, digest;
    uint64_t received_elsewhere; /* not in queue 0 */
};

void hostile_run(const char *const *prefixes, uint32_t count, uint64_t seed, uint64_t completions,
                 struct hostile_run *run);
/* What IXY_HOSTILE_COMPLETIONS says, else 100,000. */
uint64_t hostile_run_completions(void);

#endif
