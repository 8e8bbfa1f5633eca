/* What a driver can do wrong in its rings and with its buffers: each mistake alone, and the violation that it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "emu/device.h"
#include "tests/c/virtio_model_support.h"

/* ---- buffers, in either ring ---- */

static void vmistake_post(struct vtest *test, uint32_t queue, uint64_t address, uint32_t len, uint32_t flags)
{
    const struct vtest_part part = {address, len, flags};
    vtest_start(test, 2);
    vtest_post(test, queue, &part, 1);
    vtest_step(test);
    uint32_t id, used;
    if ((vtest_status(test) & VIRTIO_STATUS_DEVICE_NEEDS_RESET) == 0) { /* used, with nothing in it */
        assert_true(vtest_used(test, queue, &id, &used));
        assert_int_equal(used, 0);
    }
}

static void vmistake_rx_read_only(struct vtest *test)
{
    vmistake_post(test, 0, vtest_take(test), VTEST_ROOM, 0);
}

static void vmistake_rx_small(struct vtest *test)
{
    vmistake_post(test, 0, vtest_take(test), 1525, VIRTQ_DESC_F_WRITE);
}

static void vmistake_rx_tiny(struct vtest *test)
{
    vmistake_post(test, 0, vtest_take(test), 11, VIRTQ_DESC_F_WRITE);
}

static void vmistake_rx_empty(struct vtest *test)
{
    vmistake_post(test, 0, vtest_take(test), 0, VIRTQ_DESC_F_WRITE);
}

static void vmistake_rx_unmapped(struct vtest *test)
{
    vmistake_post(test, 0, 0x1234500, VTEST_ROOM, VIRTQ_DESC_F_WRITE);
}

static void vmistake_rx_over_end(struct vtest *test)
{
    vmistake_post(test, 0, vtest_take(test), 2300, VIRTQ_DESC_F_WRITE);
}

static void vmistake_rx_owned(struct vtest *test)
{
    test->owner[0] = 1;
    vmistake_post(test, 0, vtest_take(test), VTEST_ROOM, VIRTQ_DESC_F_WRITE);
}

static void vmistake_rx_taken_back(struct vtest *test)
{
    uint8_t frame[60];
    vtest_start(test, 2);
    vtest_post_receive(test, 0);
    vtest_step(test);
    test->owner[0] = 1;
    vtest_frame(frame, sizeof(frame), 1, 1);
    vtest_send(test, 1, frame, sizeof(frame));
    vtest_step(test);
}

static void vmistake_rx_twice(struct vtest *test)
{
    vtest_start(test, 2);
    vtest_post_receive(test, 0);
    test->taken = 0;
    vtest_post_receive(test, 0);
    vtest_step(test);
}

static void vmistake_rx_tx_twice(struct vtest *test)
{
    uint8_t frame[60];
    vtest_start(test, 2);
    vtest_post_receive(test, 0);
    vtest_step(test);
    test->taken = 0;
    vtest_frame(frame, sizeof(frame), 1, 1);
    vtest_send(test, 1, frame, sizeof(frame));
    vtest_step(test);
}

static void vmistake_tx_writable(struct vtest *test)
{
    vmistake_post(test, 1, vtest_take(test), 72, VIRTQ_DESC_F_WRITE);
}

static void vmistake_tx_short(struct vtest *test)
{
    vmistake_post(test, 1, vtest_take(test), 25, 0);
}

static void vmistake_tx_mtu(struct vtest *test)
{
    vmistake_post(test, 1, vtest_take(test), 12 + 1015, 0);
}

static void vmistake_tx_unmapped(struct vtest *test)
{
    vmistake_post(test, 1, test->pool_address + test->pool.size - 10, 72, 0);
}

static void vmistake_tx_owned(struct vtest *test)
{
    test->owner[0] = 1;
    vmistake_post(test, 1, vtest_take(test), 72, 0);
}

static void vmistake_tx_twice(struct vtest *test)
{
    uint8_t frame[60];
    vtest_start(test, 2);
    vtest_frame(frame, sizeof(frame), 1, 1);
    vtest_send(test, 1, frame, sizeof(frame));
    test->taken = 0;
    vtest_send(test, 1, frame, sizeof(frame));
    vtest_step(test);
}

static void vmistake_indirect(struct vtest *test)
{
    vmistake_post(test, 1, vtest_take(test), 72, VIRTQ_DESC_F_INDIRECT);
}

static void vmistake_flags(struct vtest *test)
{
    vmistake_post(test, 1, vtest_take(test), 72, 8);
}

static void vmistake_header(struct vtest *test, uint32_t at)
{
    uint64_t address = vtest_take(test);
    const struct vtest_part part = {address, 72, 0};
    uint8_t *bytes = vtest_bytes(test, address);
    uint32_t id, used;
    vtest_start(test, 2);
    vtest_frame(bytes + 12, 60, 1, 1);
    bytes[at] = 1;
    vtest_post(test, 1, &part, 1);
    vtest_step(test);
    assert_true(vtest_used(test, 1, &id, &used));
}

static void vmistake_header_flags(struct vtest *test)
{
    vmistake_header(test, 0);
}

static void vmistake_header_gso(struct vtest *test)
{
    vmistake_header(test, 1);
}

static void vmistake_header_buffers(struct vtest *test)
{
    vmistake_header(test, 10);
}

static void vmistake_header_together_tx(struct vtest *test)
{
    vmistake_post(test, 1, vtest_take(test), 70, 0);
}

static void vmistake_header_together_rx(struct vtest *test)
{
    vmistake_post(test, 0, vtest_take(test), VTEST_ROOM, VIRTQ_DESC_F_WRITE);
}

/* ---- the rings ---- */

static struct virtq_avail *vmistake_avail(struct vtest *test, uint32_t queue)
{
    return (struct virtq_avail *)(void *)test->queue[queue].area[1];
}

static void vmistake_index(struct vtest *test, uint16_t index)
{
    uint8_t frame[60];
    uint32_t id, len;
    vtest_start(test, 2);
    vtest_frame(frame, sizeof(frame), 1, 1);
    for (uint32_t i = 0; i < 3; i++)
        vtest_send(test, 1, frame, sizeof(frame));
    vtest_step(test);
    while (vtest_used(test, 1, &id, &len))
        ;
    vmistake_avail(test, 1)->idx = index;
    vtest_step(test);
    assert_int_not_equal(vtest_status(test) & VIRTIO_STATUS_DEVICE_NEEDS_RESET, 0);
}

static void vmistake_index_jump(struct vtest *test)
{
    vmistake_index(test, 3 + VTEST_SIZE + 1);
}

static void vmistake_index_back(struct vtest *test)
{
    vmistake_index(test, 2);
}

static void vmistake_index_over(struct vtest *test)
{
    vtest_start(test, 2);
    for (uint32_t i = 0; i < VTEST_SIZE; i++)
        vtest_post_receive(test, 0);
    vtest_step(test);
    vmistake_avail(test, 0)->idx = VTEST_SIZE + 1; /* and the device holds all */
    vtest_step(test);
}

static void vmistake_head_large(struct vtest *test)
{
    vtest_start(test, 2);
    vmistake_avail(test, 1)->ring[0] = VTEST_SIZE;
    vmistake_avail(test, 1)->idx = 1;
    vtest_step(test);
}

static void vmistake_id_held(struct vtest *test, uint32_t queue, uint32_t flags)
{
    const struct vtest_part one = {vtest_take(test), VTEST_ROOM, flags}, other = {vtest_take(test), VTEST_ROOM, flags};
    vtest_start(test, 2);
    vtest_post_id(test, queue, &one, 1, 5);
    vtest_post_id(test, queue, &other, 1, 5);
    vtest_step(test);
    assert_int_not_equal(vtest_status(test) & VIRTIO_STATUS_DEVICE_NEEDS_RESET, 0);
}

static void vmistake_id_held_rx(struct vtest *test)
{
    vmistake_id_held(test, 0, VIRTQ_DESC_F_WRITE);
}

static void vmistake_id_held_tx(struct vtest *test)
{
    const struct vtest_part one = {vtest_take(test), 72, 0}, other = {vtest_take(test), 72, 0};
    vtest_start(test, 2);
    vtest_post_id(test, 1, &one, 1, 5);
    vtest_post_id(test, 1, &other, 1, 5);
    vtest_step(test);
}

/* Two descriptors, of which the test then changes the second word. */
static void vmistake_chain(struct vtest *test, uint16_t next)
{
    const struct vtest_part parts[2] = {{vtest_take(test), 72, 0}, {vtest_take(test), 72, 0}};
    vtest_start(test, 2);
    vtest_post(test, 1, parts, 2);
    struct virtq_desc *desc = (struct virtq_desc *)(void *)test->queue[1].area[0];
    desc[1].flags = VIRTQ_DESC_F_NEXT;
    desc[1].next = next;
    vtest_step(test);
    assert_int_not_equal(vtest_status(test) & VIRTIO_STATUS_DEVICE_NEEDS_RESET, 0);
}

static void vmistake_chain_loop(struct vtest *test)
{
    vmistake_chain(test, 0);
}

static void vmistake_chain_past(struct vtest *test)
{
    vmistake_chain(test, VTEST_SIZE + 3);
}

static void vmistake_chain_held(struct vtest *test)
{
    uint64_t address = vtest_take(test);
    const struct vtest_part parts[2] = {{address, 100, VIRTQ_DESC_F_WRITE}, {address + 100, 1900, VIRTQ_DESC_F_WRITE}};
    vtest_start(test, 2);
    vtest_post_id(test, 0, parts, 2, 0);
    vtest_step(test);
    vtest_post_id(test, 0, parts, 1, 10);
    struct virtq_desc *desc = (struct virtq_desc *)(void *)test->queue[0].area[0];
    desc[10].flags |= VIRTQ_DESC_F_NEXT;
    desc[10].next = 1;
    vtest_step(test);
}

static void vmistake_order(struct vtest *test)
{
    const struct vtest_part part = {vtest_take(test), 72, 0};
    vtest_start(test, 2);
    vtest_post_id(test, 1, &part, 1, 1);
    vtest_step(test);
}

static void vmistake_order_chain(struct vtest *test)
{
    const struct vtest_part parts[2] = {{vtest_take(test), 72, 0}, {vtest_take(test), 72, 0}};
    vtest_start(test, 2);
    vtest_post(test, 1, parts, 2);
    ((struct virtq_desc *)(void *)test->queue[1].area[0])[0].next = 5;
    vtest_step(test);
}

static void vmistake_avail_flags(struct vtest *test)
{
    vtest_start(test, 2);
    vtest_post_receive(test, 0);
    vmistake_avail(test, 0)->flags = 2;
    vtest_step(test);
}

static void vmistake_avail_flags_event(struct vtest *test)
{
    vtest_start(test, 2);
    vtest_post_receive(test, 0);
    vmistake_avail(test, 0)->flags = VIRTQ_AVAIL_F_NO_INTERRUPT;
    vtest_step(test);
}

static struct virtq_packed_desc *vmistake_packed(struct vtest *test, uint32_t queue)
{
    return (struct virtq_packed_desc *)(void *)test->queue[queue].area[0];
}

static void vmistake_wrap_wrong(struct vtest *test)
{
    vtest_start(test, 2);
    vtest_post_receive(test, 0);
    vmistake_packed(test, 0)[0].flags = VIRTQ_DESC_F_WRITE | VIRTQ_PACKED_DESC_F_USED; /* of the next lap */
    vtest_step(test);
}

static void vmistake_wrap_both(struct vtest *test)
{
    vtest_start(test, 2);
    vtest_post_receive(test, 0);
    vmistake_packed(test, 0)[0].flags |= VIRTQ_PACKED_DESC_F_USED;
    vtest_step(test);
}

static void vmistake_posted_over(struct vtest *test)
{
    vtest_start(test, 2);
    for (uint32_t i = 0; i < VTEST_SIZE; i++)
        vtest_post_receive(test, 0);
    vtest_step(test);
    vtest_post_receive(test, 0); /* though the device has used none */
    vtest_step(test);
}

static void vmistake_list_torn(struct vtest *test)
{
    const struct vtest_part parts[2] = {{vtest_take(test), 72, 0}, {vtest_take(test), 72, 0}};
    vtest_start(test, 2);
    vtest_post(test, 1, parts, 2);
    vmistake_packed(test, 1)[1].flags = 0;
    vtest_step(test);
}

static void vmistake_list_long(struct vtest *test)
{
    vtest_start(test, 2);
    for (uint32_t i = 0; i < VTEST_SIZE; i++)
        vtest_post_receive(test, 0);
    for (uint32_t i = 0; i < VTEST_SIZE; i++)
        vmistake_packed(test, 0)[i].flags |= VIRTQ_DESC_F_NEXT;
    vtest_step(test);
}

static void vmistake_event_value(struct vtest *test)
{
    vtest_start(test, 2);
    ((struct virtq_event_suppress *)(void *)test->queue[0].area[1])->flags = 3;
    vtest_post_receive(test, 0);
    vtest_step(test);
}

static void vmistake_event_desc(struct vtest *test)
{
    vtest_start(test, 2);
    ((struct virtq_event_suppress *)(void *)test->queue[0].area[1])->flags = VIRTQ_RING_EVENT_FLAGS_DESC;
    vtest_post_receive(test, 0);
    vtest_step(test);
}

/* A driver that runs ahead: it makes a descriptor available again while its frame is on its way to the wire, twice the
 * ring's size of them in one batch. */
#define VAHEAD_SIZE 2

static struct vtest *vahead_test;
static uint32_t vahead_posted;

static void vahead_post(void)
{
    const struct vtest_part part = {vtest_take(vahead_test), 72, 0};
    vtest_post_id(vahead_test, 1, &part, 1, (uint16_t)vahead_posted++);
}

static void vahead_transmit(struct wire *wire, const uint8_t *frame, uint32_t len)
{
    (void)wire;
    (void)frame;
    assert_int_equal(len, 60);
    if (vahead_posted < 4 * VAHEAD_SIZE)
        vahead_post();
}

static void vmistake_ahead(struct vtest *test)
{
    struct wire *wire = ((struct emu_device *)test->bus)->wire;
    const struct wire_ops *own = wire->ops;
    struct wire_ops ops = *own;
    vtest_negotiate(test, vtest_offered(test));
    struct virtio_queue_setup setup = vtest_setup(test, 1, VAHEAD_SIZE);
    setup.driver_area = test->queue[1].address[1] += 2048; /* room to see what is written past the ring */
    test->queue[1].area[1] += 2048;
    assert_int_equal(test->bus->virtio->queue_enable(test->bus, 1, &setup), 0);
    assert_int_not_equal(vtest_status(test) & VIRTIO_STATUS_FEATURES_OK, 0);
    vtest_status_add(test, VIRTIO_STATUS_DRIVER_OK);
    vahead_test = test;
    vahead_posted = 0;
    for (uint32_t i = 0; i < VAHEAD_SIZE; i++)
        vahead_post();
    ops.transmit = vahead_transmit;
    wire->ops = &ops;
    vtest_step(test);
    wire->ops = own;
    assert_int_equal(vahead_posted, 2 * VAHEAD_SIZE); /* those of one lap were sent */
    for (uint32_t i = 16 * VAHEAD_SIZE; i < 16 * VAHEAD_SIZE + 2048; i++)
        assert_int_equal(test->queue[1].area[0][i], 0);
    assert_int_not_equal(vtest_status(test) & VIRTIO_STATUS_DEVICE_NEEDS_RESET, 0);
}

#define PACKED ",ring=packed"

static const struct vmistake vmistakes[] = {
    {"available idx jumps", "", vmistake_index_jump, "available idx is 68 after 3"},
    {"available idx goes back", "", vmistake_index_back, "available idx is 2 after 3"},
    {"available idx past what is free", "", vmistake_index_over, "with 64 buffers outstanding"},
    {"head past the table", "", vmistake_head_large, "entry 0 of the available ring is 64"},
    {"head held, receive", "", vmistake_id_held_rx, "descriptor 5 made available while the device holds it"},
    {"head held, transmit", "", vmistake_id_held_tx, "descriptor 5 made available while the device holds it"},
    {"a chain that loops", "", vmistake_chain_loop, "descriptor 1: its chain loops: next is 0"},
    {"next past the table", "", vmistake_chain_past, "descriptor 1: next is 67, the queue has 64"},
    {"next held", "", vmistake_chain_held, "next is 1, a descriptor that the device holds already"},
    {"not in order", ",inorder=on", vmistake_order, "descriptor 1 made available where 0 was next"},
    {"chain not in order", ",inorder=on", vmistake_order_chain, "next is 5; with IN_ORDER"},
    {"available flags", "", vmistake_avail_flags, "available flags are 2h, right is 0 or 1"},
    {"available flags, EVENT_IDX", ",events=on", vmistake_avail_flags_event, "right is 0 with EVENT_IDX (2.7.7.1)"},

    {"flags of the next lap", PACKED, vmistake_wrap_wrong, "descriptor 0: flags 8002h: neither available"},
    {"AVAIL and USED", PACKED, vmistake_wrap_both, "descriptor 0: flags 8082h: neither available"},
    {"posted over", PACKED, vmistake_posted_over, "descriptor 0: flags 8002h: changed while the device holds it"},
    {"Buffer ID held, receive", PACKED, vmistake_id_held_rx, "descriptor 1: Buffer ID 5 is that of a buffer which"},
    {"Buffer ID held, transmit", PACKED, vmistake_id_held_tx, "descriptor 1: Buffer ID 5 is that of a buffer which"},
    {"a list torn", PACKED, vmistake_list_torn, "a list goes on here whose first descriptor is available"},
    {"a list without end", PACKED, vmistake_list_long, "its list goes on into descriptors that the device holds"},
    {"posted again in a batch", PACKED ",inorder=on", vmistake_ahead,
     "descriptor 0: flags 8000h: changed while the device holds it"},
    {"event flags 3", PACKED ",events=on", vmistake_event_value, "driver event suppression flags are 3h"},
    {"event flags DESC", PACKED, vmistake_event_desc, "right is 0 to 1 without EVENT_IDX (2.8.14)"},
};

/* Mistakes about one buffer are the same in both rings. */
static const struct vmistake vmistakes_of_buffers[] = {
    {"receive, not writable", "", vmistake_rx_read_only,
     "(receive 0), descriptor 0: a receive buffer without flag WRITE"},
    {"receive, 1525 bytes", "", vmistake_rx_small, "a receive buffer of 1525 bytes; without MRG_RXBUF it has 1526"},
    {"receive, 11 bytes", ",mrg=on", vmistake_rx_tiny, "a receive buffer of 11 bytes; with MRG_RXBUF it has 12"},
    {"receive, 0 bytes", "", vmistake_rx_empty, "a length of 0"},
    {"receive, not mapped", "", vmistake_rx_unmapped, "its buffer (1234500h, 2048 bytes) is not in memory"},
    {"receive, over the end", "", vmistake_rx_over_end, "its 2300 bytes run from buffer 0 of pool into the next"},
    {"receive, the caller's", "", vmistake_rx_owned, "buffer 0 of pool is posted, but the caller owns it"},
    {"receive, taken back", "", vmistake_rx_taken_back,
     "DMA to a buffer that the caller owns: virtqueue 0 (receive 0)"},
    {"receive, twice", "", vmistake_rx_twice, "descriptor 1: buffer 0 of pool posted twice"},
    {"receive and transmit", "", vmistake_rx_tx_twice,
     "virtqueue 1 (transmit 0), descriptor 0: buffer 0 of pool posted"},
    {"transmit, writable", "", vmistake_tx_writable, "(transmit 0), descriptor 0: a transmit buffer with flag WRITE"},
    {"transmit, 13 bytes", "", vmistake_tx_short, "25 bytes; a header (12) and a frame of 14 or more are right"},
    {"transmit, past the MTU", ",mtu=1000", vmistake_tx_mtu, "1027 bytes; a header (12) and a frame of 14 to 1014"},
    {"transmit, not mapped", "", vmistake_tx_unmapped, "is not in memory that the driver mapped"},
    {"transmit, the caller's", "", vmistake_tx_owned, "buffer 0 of pool is posted, but the caller owns it"},
    {"transmit, twice", "", vmistake_tx_twice, "descriptor 1: buffer 0 of pool posted twice"},
    {"INDIRECT", "", vmistake_indirect, "flag INDIRECT, but INDIRECT_DESC was not negotiated"},
    {"flag 8", "", vmistake_flags, "unknown flags 8h"},
    {"header flags", "", vmistake_header_flags, "header flags are 1h; without CSUM they are 0 (5.1.6.2.1)"},
    {"header gso_type", "", vmistake_header_gso, "header gso_type is 1"},
    {"header num_buffers", "", vmistake_header_buffers, "header num_buffers is 1; in transmit it is 0"},
};

static const struct vmistake vmistakes_of_legacy[] = {
    {"header with the frame", ",legacy=on,layout=header", vmistake_header_together_tx,
     "70 bytes in the first of 1 descriptors; without ANY_LAYOUT the header (10 bytes) has a descriptor of its own"},
    {"header with the room", ",legacy=on,layout=header", vmistake_header_together_rx,
     "2048 bytes in the first of 1 descriptors; without ANY_LAYOUT"},
};

static void test_mistakes(void **state)
{
    (void)state;
    vmistakes_run("", vmistakes, sizeof(vmistakes) / sizeof(vmistakes[0]));
}

static void test_mistakes_of_buffers(void **state)
{
    (void)state;
    vmistakes_run("", vmistakes_of_buffers, sizeof(vmistakes_of_buffers) / sizeof(vmistakes_of_buffers[0]));
    vmistakes_run(PACKED, vmistakes_of_buffers, sizeof(vmistakes_of_buffers) / sizeof(vmistakes_of_buffers[0]));
}

static void test_mistakes_of_legacy(void **state)
{
    (void)state;
    vmistakes_run("", vmistakes_of_legacy, sizeof(vmistakes_of_legacy) / sizeof(vmistakes_of_legacy[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_mistakes_of_buffers),
        cmocka_unit_test(test_mistakes_of_legacy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
