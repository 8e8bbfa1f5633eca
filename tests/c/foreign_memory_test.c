/* What a caller points to is foreign memory, on every family of devices and every path of their drivers
 * (foreign_memory.h). IXY_FOREIGN_CALLS says how many calls are made of each kind of device and each choice of places.
 */
#include "tests/c/foreign_memory.h"

#include <stdio.h>
#include <stdlib.h>

#define SENDS (IXY_CAN_TX_CHECKSUM | IXY_CAN_VLAN_INSERT)
#define RECEIVES (IXY_CAN_RX_CHECKSUM | IXY_CAN_VLAN_STRIP)
#define CHECKSUMS (IXY_CAN_RX_CHECKSUM | IXY_CAN_TX_CHECKSUM)

static const struct foreign_kind kinds[] = {
    {"emu:82599,timing=inline", 2048, 0, 0, 2},
    {"emu:82599,timing=inline", 2048, 0, SENDS | RECEIVES, 1},
    {"emu:82599,timing=inline,wire=gen", 2048, 0, RECEIVES, 1},
    {"emu:x540,timing=inline", 2048, 9000, SENDS, 1},
    {"emu:x550,timing=inline", 2048, 4000, SENDS | RECEIVES | IXY_CAN_RX_TIMESTAMP, 2},
    {"emu:82599", 2048, 0, SENDS, 1},
    {"emu:virtio,timing=inline,queues=2", 2048, 0, 0, 2},
    {"emu:virtio,timing=inline,mrg=on", 2048, 0, 0, 1},
    {"emu:virtio,timing=inline,mrg=on,span=200", 2048, 0, 0, 1},
    {"emu:virtio,timing=inline,csum=on", 2048, 0, CHECKSUMS, 1},
    {"emu:virtio,timing=inline,csum=partial,mrg=on,mtu=9000", 2048, 9000, CHECKSUMS, 1},
    {"emu:virtio,timing=inline,legacy=on,layout=header", 2048, 0, 0, 1},
    {"emu:virtio,timing=inline,legacy=on,layout=header,mrg=on,mtu=9000", 2048, 5000, 0, 1},
    {"emu:virtio", 2048, 0, 0, 1},
    {"emu:virtio,timing=inline,ring=packed,queues=2", 2048, 0, 0, 2},
    {"emu:virtio,timing=inline,ring=packed,inorder=on,mrg=on", 2048, 0, 0, 1},
    {"emu:virtio,timing=inline,ring=packed,csum=on", 2048, 0, CHECKSUMS, 1},
    {"emu:virtio,timing=inline,ring=packed,csum=partial,mrg=on,mtu=9000", 2048, 9000, CHECKSUMS, 1},
    {"emu:virtio,ring=packed,wire=gen", 2048, 0, 0, 1},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static uint64_t calls_wanted(void)
{
    const char *wanted = getenv("IXY_FOREIGN_CALLS");
    return wanted != NULL ? strtoull(wanted, NULL, 10) : 4000;
}

static void run(uint32_t where)
{
    uint64_t calls = 0, sent = 0, received = 0;
    for (uint32_t i = 0; i < KINDS; i++) {
        struct foreign foreign;
        foreign_open(&foreign, &kinds[i], where, i + 1);
        while (foreign.calls < calls_wanted())
            foreign_call(&foreign);
        foreign_close(&foreign);
        if (foreign.sent == 0 || foreign.received == 0) /* nothing was tried */
            fail_msg("%s: %llu frames sent, %llu received", kinds[i].address, (unsigned long long)foreign.sent,
                     (unsigned long long)foreign.received);
        if ((where & FOREIGN_PACKETS) != 0 && foreign.summed == 0)
            fail_msg("%s: no array in a packet was sent", kinds[i].address);
        calls += foreign.calls;
        sent += foreign.sent;
        received += foreign.received;
    }
    print_message("  %llu calls, %llu frames sent, %llu received\n", (unsigned long long)calls,
                  (unsigned long long)sent, (unsigned long long)received);
}

static void rewritten_during_calls(void **state)
{
    (void)state;
    run(FOREIGN_REWRITTEN);
}

static void in_the_pools_own_memory(void **state)
{
    (void)state;
    run(FOREIGN_PACKETS | FOREIGN_RECORDS | FOREIGN_TABLE);
}

static void everywhere_and_rewritten(void **state)
{
    (void)state;
    run(FOREIGN_REWRITTEN | FOREIGN_PACKETS | FOREIGN_RECORDS | FOREIGN_TABLE | FOREIGN_SCRIBBLED);
}

/* Results that lie over arguments: arguments are read first. */
static void results_over_arguments(void **state)
{
    uint64_t pool = test_pool(64);
    ixy_view view = test_view(pool);
    ixy_frame frame = test_frame(pool), twice[2];
    const ixy_metadata asks = {.flags = IXY_META_VLAN, .vlan_tci = 7, .l2_len = 14};
    ixy_metadata *record = &view.metadata[frame.buf & view.index_mask];
    (void)state;
    assert_int_equal(ixy_buf_metadata_set(pool, &frame, &asks), 0);
    assert_int_equal(ixy_buf_metadata(pool, &frame, record), 0);
    assert_memory_equal(record, &asks, sizeof(asks));

    memcpy(view.base + frame.offset, "0123456789abcdefXYZ", 20);
    twice[0] = twice[1] = frame;
    assert_int_equal(ixy_buf_metadata(pool, &twice[0], (ixy_metadata *)(void *)&twice[0]), 0);
    assert_memory_equal(&twice[0], &asks, sizeof(asks));
    assert_int_equal(ixy_buf_read(pool, &twice[1], 0, &twice[1], sizeof(twice[1])), sizeof(twice[1]));
    assert_memory_equal(&twice[1], "0123456789abcdef", sizeof(twice[1]));
    assert_int_equal(ixy_buf_free(pool, &frame, 1), 1);
    assert_int_equal(ixy_pool_view_release(view.view), 0);
    assert_int_equal(ixy_pool_close(pool), 0);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rewritten_during_calls),
        cmocka_unit_test(in_the_pools_own_memory),
        cmocka_unit_test(everywhere_and_rewritten),
        cmocka_unit_test(results_over_arguments),
    };
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
