/* What a driver can do wrong before a frame moves, and on the control queue: each mistake alone, and the violation that
 * it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/c/virtio_model_support.h"

/* ---- status, features, configuration ---- */

static void vmistake_driver_first(struct vtest *test)
{
    vtest_status_add(test, VIRTIO_STATUS_DRIVER);
}

static void vmistake_features_early(struct vtest *test)
{
    vtest_status_add(test, VIRTIO_STATUS_ACKNOWLEDGE);
    test->bus->virtio->features_accept(test->bus, vtest_offered(test));
}

static void vmistake_bit_cleared(struct vtest *test)
{
    vtest_negotiate(test, vtest_offered(test));
    test->bus->virtio->status_set(test->bus, VIRTIO_STATUS_ACKNOWLEDGE);
}

static void vmistake_bit_unknown(struct vtest *test)
{
    vtest_negotiate(test, vtest_offered(test));
    vtest_status_add(test, 16);
}

static void vmistake_no_features_ok(struct vtest *test)
{
    vtest_status_add(test, VIRTIO_STATUS_ACKNOWLEDGE);
    vtest_status_add(test, VIRTIO_STATUS_DRIVER);
    vtest_status_add(test, VIRTIO_STATUS_DRIVER_OK);
    assert_int_equal(vtest_status(test) & VIRTIO_STATUS_DRIVER_OK, 0);
}

static void vmistake_status_unread(struct vtest *test)
{
    vtest_negotiate(test, vtest_offered(test));
    vtest_enable(test, 0);
    test->bus->virtio->status_set(test->bus, 15);
}

static void vmistake_legacy_features_ok(struct vtest *test)
{
    vtest_negotiate(test, vtest_offered(test));
    vtest_status_add(test, VIRTIO_STATUS_FEATURES_OK);
    assert_int_equal(vtest_status(test) & VIRTIO_STATUS_FEATURES_OK, 0);
}

static void vmistake_features_late(struct vtest *test)
{
    vtest_negotiate(test, vtest_offered(test));
    test->bus->virtio->features_accept(test->bus, VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
}

static void vmistake_refused(struct vtest *test, uint64_t features)
{
    vtest_negotiate(test, features | VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
    assert_int_equal(vtest_status(test) & VIRTIO_STATUS_FEATURES_OK, 0);
}

static void vmistake_not_offered(struct vtest *test)
{
    vmistake_refused(test, VIRTIO_FEATURE(VIRTIO_NET_F_CSUM));
}

static void vmistake_dependency(struct vtest *test)
{
    vmistake_refused(test, VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_RX));
}

static void vmistake_pairs_alone(struct vtest *test)
{
    vmistake_refused(test, VIRTIO_FEATURE(VIRTIO_NET_F_MQ));
}

static void vmistake_no_version(struct vtest *test)
{
    vtest_negotiate(test, VIRTIO_FEATURE(VIRTIO_NET_F_MAC));
    vtest_status_add(test, VIRTIO_STATUS_FEATURES_OK);
}

static void vmistake_no_platform(struct vtest *test)
{
    vmistake_refused(test, 0);
}

static void vmistake_config_write(struct vtest *test)
{
    const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    vtest_start(test, 2);
    test->bus->virtio->config_write(test->bus, VIRTIO_NET_CONFIG_MAC, mac, 6);
}

static void vmistake_config_past(struct vtest *test)
{
    uint8_t bytes[8];
    test->bus->virtio->config_read(test->bus, 20, bytes, 8);
}

/* ---- queues ---- */

static void vmistake_setup(struct vtest *test, uint32_t queue, const struct virtio_queue_setup *setup)
{
    assert_true(test->bus->virtio->queue_enable(test->bus, queue, setup) < 0);
}

static struct virtio_queue_setup vmistake_queue(struct vtest *test, uint32_t size)
{
    vtest_negotiate(test, vtest_offered(test));
    return vtest_setup(test, 0, size);
}

static void vmistake_size_zero(struct vtest *test)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 16);
    setup.size = 0;
    vmistake_setup(test, 0, &setup);
}

static void vmistake_size_large(struct vtest *test)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 16);
    setup.size = 2048;
    vmistake_setup(test, 0, &setup);
}

static void vmistake_size_odd(struct vtest *test)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 48);
    vmistake_setup(test, 0, &setup);
}

static void vmistake_vector(struct vtest *test)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 16);
    setup.vector = 64;
    vmistake_setup(test, 0, &setup);
}

static void vmistake_misaligned(struct vtest *test)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 16);
    setup.descriptor_area += 8;
    vmistake_setup(test, 0, &setup);
}

static void vmistake_misaligned_event(struct vtest *test)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 16);
    setup.driver_area += 2;
    vmistake_setup(test, 0, &setup);
}

static void vmistake_area_unmapped(struct vtest *test)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 16);
    setup.device_area = test->rings_address + test->rings.size - 8;
    vmistake_setup(test, 0, &setup);
}

static void vmistake_areas_overlap(struct vtest *test)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 16);
    setup.driver_area = setup.descriptor_area + 16;
    vmistake_setup(test, 0, &setup);
}

static void vmistake_queue_over_queue(struct vtest *test)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 16);
    assert_int_equal(test->bus->virtio->queue_enable(test->bus, 0, &setup), 0);
    struct virtio_queue_setup other = vtest_setup(test, 1, 16);
    other.driver_area = setup.device_area;
    vmistake_setup(test, 1, &other);
}

static void vmistake_used_word(struct vtest *test, uint32_t word, uint16_t value)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 16);
    ((uint16_t *)(void *)test->queue[0].area[2])[word] = value;
    vmistake_setup(test, 0, &setup);
}

static void vmistake_used_flags(struct vtest *test)
{
    vmistake_used_word(test, 0, VIRTQ_USED_F_NO_NOTIFY);
}

static void vmistake_used_index(struct vtest *test)
{
    vmistake_used_word(test, 1, 5);
}

static void vmistake_legacy_layout(struct vtest *test)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 16);
    setup.device_area += 64;
    vmistake_setup(test, 0, &setup);
}

static void vmistake_queue_unknown(struct vtest *test)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 16);
    uint32_t most = 1;
    assert_int_equal(test->bus->virtio->queue_size_max(test->bus, 3, &most), 0);
    assert_int_equal(most, 0);
    vmistake_setup(test, 3, &setup);
}

static void vmistake_queue_twice(struct vtest *test)
{
    struct virtio_queue_setup setup = vmistake_queue(test, 16);
    vtest_enable(test, 0);
    vmistake_setup(test, 0, &setup);
}

static void vmistake_queue_early(struct vtest *test)
{
    struct virtio_queue_setup setup = vtest_setup(test, 0, 16);
    vtest_status_add(test, VIRTIO_STATUS_ACKNOWLEDGE);
    vmistake_setup(test, 0, &setup);
}

static void vmistake_queue_late(struct vtest *test)
{
    vtest_start(test, 1);
    struct virtio_queue_setup setup = vtest_setup(test, 1, 16);
    vmistake_setup(test, 1, &setup);
}

static void vmistake_no_queue(struct vtest *test)
{
    vtest_negotiate(test, vtest_offered(test));
    vtest_status_add(test, VIRTIO_STATUS_DRIVER_OK);
}

static void vmistake_notify_early(struct vtest *test)
{
    vtest_negotiate(test, vtest_offered(test));
    vtest_enable(test, 0);
    vtest_notify(test, 0);
}

static void vmistake_notify_unknown(struct vtest *test)
{
    vtest_start(test, 1);
    vtest_notify(test, 1);
}

static void vmistake_ring_unmapped(struct vtest *test)
{
    uint64_t again;
    vtest_start(test, 2);
    test->bus->ops->dma_unmap(test->bus, &test->rings);
    vtest_step(test);
    assert_int_equal(test->bus->ops->dma_map(test->bus, &test->rings, &again), 0);
}

static void vmistake_pool_unmapped(struct vtest *test)
{
    uint64_t again;
    vtest_start(test, 2);
    vtest_post_receive(test, 0);
    vtest_post_receive(test, 0);
    test->bus->ops->dma_unmap(test->bus, &test->pool);
    vtest_step(test);
    assert_int_equal(test->bus->ops->dma_map(test->bus, &test->pool, &again), 0);
}

/* ---- queue pairs and commands ---- */

static void vmistake_pair_inactive(struct vtest *test)
{
    uint8_t frame[60];
    vtest_start(test, 4);
    vtest_frame(frame, sizeof(frame), 1, 1);
    vtest_send(test, 3, frame, sizeof(frame));
    vtest_step(test);
}

static void vmistake_pairs(struct vtest *test, uint16_t pairs)
{
    vtest_start(test, 4);
    assert_int_equal(vtest_command(test, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2),
                     VIRTIO_NET_ERR);
}

static void vmistake_pairs_zero(struct vtest *test)
{
    vmistake_pairs(test, 0);
}

static void vmistake_pairs_many(struct vtest *test)
{
    vmistake_pairs(test, 5);
}

static void vmistake_pairs_unready(struct vtest *test)
{
    vmistake_pairs(test, 3);
}

static void vmistake_pairs_no_feature(struct vtest *test)
{
    const uint16_t pairs = 1;
    vtest_start(test, 2);
    assert_int_equal(vtest_command(test, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2),
                     VIRTIO_NET_ERR);
}

static void vmistake_command_unknown(struct vtest *test)
{
    const uint8_t data = 0;
    vtest_start(test, 2);
    assert_int_equal(vtest_command(test, 2, 0, &data, 1), VIRTIO_NET_ERR);
}

static void vmistake_command_short(struct vtest *test)
{
    const uint8_t data[5] = {2};
    vtest_start(test, 2);
    assert_int_equal(vtest_command(test, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, data, 5), VIRTIO_NET_ERR);
}

static void vmistake_command_value(struct vtest *test)
{
    const uint8_t data = 2;
    vtest_start(test, 2);
    assert_int_equal(vtest_command(test, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &data, 1), VIRTIO_NET_ERR);
}

static void vmistake_command_parts(struct vtest *test, const struct vtest_part *parts, uint32_t count)
{
    vtest_start(test, 2);
    vtest_post(test, 2, parts, count);
    vtest_notify(test, 2);
    vtest_step(test);
}

static void vmistake_command_no_answer(struct vtest *test)
{
    const struct vtest_part part = {vtest_take(test), 3, 0};
    vmistake_command_parts(test, &part, 1);
}

static void vmistake_command_order(struct vtest *test)
{
    uint64_t at = vtest_take(test);
    const struct vtest_part parts[2] = {{at, 1, VIRTQ_DESC_F_WRITE}, {at + 1, 3, 0}};
    vmistake_command_parts(test, parts, 2);
}

static void vmistake_command_unmapped(struct vtest *test)
{
    const struct vtest_part parts[2] = {{64, 3, 0}, {vtest_take(test), 1, VIRTQ_DESC_F_WRITE}};
    vmistake_command_parts(test, parts, 2);
}

static void vmistake_command_layout(struct vtest *test)
{
    uint64_t at = vtest_take(test);
    const struct vtest_part parts[2] = {{at, 3, 0}, {at + 3, 1, VIRTQ_DESC_F_WRITE}};
    vmistake_command_parts(test, parts, 2);
}

#define PACKED ",ring=packed"

static const struct vmistake vmistakes[] = {
    {"DRIVER first", "", vmistake_driver_first, "DRIVER comes after ACKNOWLEDGE"},
    {"features before DRIVER", "", vmistake_features_early, "ACKNOWLEDGE and DRIVER come before"},
    {"a status bit cleared", "", vmistake_bit_cleared, "bits are cleared by a reset only (2.1.1)"},
    {"a status bit that is none", "", vmistake_bit_unknown, "bits 10h are not known"},
    {"DRIVER_OK without FEATURES_OK", "", vmistake_no_features_ok, "DRIVER_OK comes after FEATURES_OK"},
    {"status not read again", "", vmistake_status_unread, "the status was not read after FEATURES_OK"},
    {"FEATURES_OK, legacy", ",legacy=on", vmistake_legacy_features_ok, "a legacy device has no FEATURES_OK (3.1.2)"},
    {"features after FEATURES_OK", "", vmistake_features_late, "not after FEATURES_OK"},
    {"a feature not offered", "", vmistake_not_offered, "bit 0 was accepted, which the device does not offer"},
    {"CTRL_RX alone", "", vmistake_dependency, "CTRL_RX was accepted without CTRL_VQ, which it needs (2.2.1, 5.1.3.1)"},
    {"MQ alone", ",queues=2", vmistake_pairs_alone, "MQ was accepted without CTRL_VQ"},
    {"VERSION_1 refused", "", vmistake_no_version, "VERSION_1 is offered and was not accepted"},
    {"ACCESS_PLATFORM refused", ",platform=on", vmistake_no_platform,
     "ACCESS_PLATFORM is offered and was not accepted: drivers should, which is a recommendation (6.1)"},
    {"configuration written", "", vmistake_config_write, "configuration written at 0, 6 bytes: it is read-only"},
    {"configuration past its end", "", vmistake_config_past, "configuration read at 20, 8 bytes"},

    {"size 0", "", vmistake_size_zero, "virtqueue 0 (receive 0): a size of 0; right is 1 to 1024 (2.6)"},
    {"vector 64", "", vmistake_vector, "vector 64, the device has 64"},
    {"size 2048", "", vmistake_size_large, "a size of 2048; right is 1 to 1024"},
    {"size 48, split", "", vmistake_size_odd, "that of a split virtqueue is a power of two (2.7)"},
    {"table misaligned", "", vmistake_misaligned, "its descriptor table at"},
    {"ring misaligned", PACKED, vmistake_misaligned, "its descriptor ring at"},
    {"event misaligned", PACKED, vmistake_misaligned_event, "is not aligned to 4 bytes (2.8.10.1)"},
    {"used ring not mapped", "", vmistake_area_unmapped, "its used ring ("},
    {"areas overlap", "", vmistake_areas_overlap, "its descriptor table and its available ring overlap"},
    {"queue over queue", "", vmistake_queue_over_queue,
     "virtqueue 1 (transmit 0): its available ring overlaps the used ring of virtqueue 0 (receive 0); each"},
    {"queue over queue, packed", PACKED, vmistake_queue_over_queue,
     "its driver event suppression overlaps the device event suppression of virtqueue 0 (receive 0)"},
    {"used flags not 0", "", vmistake_used_flags, "enabled with used flags 1h; the driver initializes them to 0"},
    {"used idx not 0", "", vmistake_used_index, "virtqueue 0 (receive 0): enabled with used idx 5; it starts at 0"},
    {"used idx not 0, legacy", ",legacy=on", vmistake_used_index, "enabled with used idx 5; it starts at 0 (2.7.8)"},
    {"legacy layout", ",legacy=on", vmistake_legacy_layout, "a legacy queue is one piece at a multiple of 4096"},
    {"a queue twice", "", vmistake_queue_twice, "enabled twice"},
    {"queue 3 of 3", "", vmistake_queue_unknown, "virtqueue 3 enabled: with these features there are 3 (5.1.2)"},
    {"queue before FEATURES_OK", "", vmistake_queue_early, "that is between FEATURES_OK and DRIVER_OK"},
    {"queue after DRIVER_OK", "", vmistake_queue_late, "virtqueue 1 set up with status Fh"},
    {"no queue at all", "", vmistake_no_queue, "DRIVER_OK set with no virtqueue enabled"},
    {"notified before DRIVER_OK", "", vmistake_notify_early, "virtqueue 0 notified with status Bh"},
    {"notified, not enabled", "", vmistake_notify_unknown, "virtqueue 1 notified, which was not enabled"},
    {"ring unmapped", "", vmistake_ring_unmapped, "rings unmapped while virtqueue 0 (receive 0) is enabled"},
    {"ring unmapped, packed", PACKED, vmistake_ring_unmapped, "rings unmapped while virtqueue 0 (receive 0)"},
    {"pool unmapped", "", vmistake_pool_unmapped, "pool unmapped while virtqueue 0 (receive 0) is enabled and holds 2"},
    {"pool unmapped, packed", PACKED, vmistake_pool_unmapped, "(receive 0) is enabled and holds 2 of its buffers"},

    {"a pair not enabled", ",queues=4", vmistake_pair_inactive, "virtqueue 3 (transmit 1): a frame is posted, but"},
    {"a pair not enabled, packed", PACKED ",queues=4", vmistake_pair_inactive, "VQ_PAIRS_SET allows 1 queue pairs"},
    {"0 pairs", ",queues=4", vmistake_pairs_zero, "VQ_PAIRS_SET 0; right is 1 to 4 (5.1.6.5.6.1)"},
    {"5 pairs", ",queues=4", vmistake_pairs_many, "VQ_PAIRS_SET 5; right is 1 to 4"},
    {"pairs not set up", ",queues=4", vmistake_pairs_unready, "but virtqueue 4 is not enabled"},
    {"pairs without MQ", "", vmistake_pairs_no_feature, "control command 4, 0: wants MQ"},
    {"VLAN without CTRL_VLAN", "", vmistake_command_unknown, "control command 2, 0: belongs to no feature"},
    {"5 bytes of address", "", vmistake_command_short, "control command 1, 1: 5 bytes of data, right is 6"},
    {"promiscuous 2", PACKED, vmistake_command_value, "control command 0, 0: data 2"},
    {"no answer", "", vmistake_command_no_answer, "a command has class, command and a writable byte"},
    {"answer first", PACKED, vmistake_command_order, "a readable descriptor behind a writable one (2.7.4.2)"},
    {"command not mapped", "", vmistake_command_unmapped, "part 0 (40h, 3 bytes) is not in memory"},
    {"command, legacy", ",legacy=on,layout=header", vmistake_command_layout,
     "class and command, data, answer (5.1.6.6)"},
};

static void test_mistakes(void **state)
{
    (void)state;
    vmistakes_run("", vmistakes, sizeof(vmistakes) / sizeof(vmistakes[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
