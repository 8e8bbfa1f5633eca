/* The control queue (VirtIO 1.3, 5.1.6.5): a command is a chain of three descriptors, class and command, its data, and
 * one byte that the device answers with. */
#include <string.h>

#include "core/device/error.h"
#include "core/virtio/barrier.h"
#include "core/virtio/virtio.h"

#define VIRTIO_COMMAND_PARTS 3
#define VIRTIO_COMMAND_WAIT 1000000 /* microseconds */
#define VIRTIO_COMMAND_DELAY 100

/* Where the parts of a command lie in its memory. */
#define VIRTIO_COMMAND_DATA 8
#define VIRTIO_COMMAND_ANSWER 32
#define VIRTIO_COMMAND_DATA_MAX (VIRTIO_COMMAND_ANSWER - VIRTIO_COMMAND_DATA)

struct virtio_part {
    uint64_t address;
    uint32_t len;
    uint16_t flags;
};

static void virtio_control_post_split(struct virtio_device *virtio, const struct virtio_part *parts)
{
    struct virtio_control *control = &virtio->control;
    uint8_t *base = virtio->rings.base + control->ring_offset;
    uint32_t mask = control->size - 1;
    struct virtq_desc *desc = (struct virtq_desc *)(void *)base;
    struct virtq_avail *avail = (struct virtq_avail *)(void *)(desc + control->size);
    uint32_t head = control->next & mask;
    for (uint32_t i = 0; i < VIRTIO_COMMAND_PARTS; i++) {
        uint32_t slot = control->next++ & mask;
        desc[slot] = (struct virtq_desc){.addr = parts[i].address,
                                         .len = parts[i].len,
                                         .flags = parts[i].flags,
                                         .next = (uint16_t)(control->next & mask)};
    }
    avail->ring[control->sent & mask] = (uint16_t)head;
    control->sent++;
    virtio_store_barrier(); /* the index hands over what was written before, 2.7.13.3.1 */
    __atomic_store_n(&avail->idx, (uint16_t)control->sent, __ATOMIC_RELEASE);
}

static void virtio_control_post_packed(struct virtio_device *virtio, const struct virtio_part *parts)
{
    struct virtio_control *control = &virtio->control;
    struct virtq_packed_desc *ring = (struct virtq_packed_desc *)(void *)(virtio->rings.base + control->ring_offset);
    uint32_t first = control->next % control->size;
    uint64_t first_word = 0;
    for (uint32_t i = 0; i < VIRTIO_COMMAND_PARTS; i++, control->next++) {
        struct virtq_packed_desc *desc = &ring[control->next % control->size];
        bool lap_even = (control->next / control->size) % 2 == 0;
        uint64_t flags = parts[i].flags | (lap_even ? VIRTQ_PACKED_DESC_F_AVAIL : VIRTQ_PACKED_DESC_F_USED);
        uint64_t word = flags << 48 | parts[i].len; /* len, id 0, flags */
        __atomic_store_n(&desc->addr, parts[i].address, __ATOMIC_RELAXED);
        if (i == 0)
            first_word = word;
        else
            __atomic_store_n((uint64_t *)(void *)&desc->len, word, __ATOMIC_RELAXED);
    }
    control->sent++;
    virtio_store_barrier(); /* the head's flags hand over the whole chain, 2.8.21.1.1 */
    __atomic_store_n((uint64_t *)(void *)&ring[first].len, first_word, __ATOMIC_RELEASE);
}

/* Whether the device returned the last command. */
static bool virtio_control_done(const struct virtio_device *virtio)
{
    const struct virtio_control *control = &virtio->control;
    const uint8_t *base = virtio->rings.base + control->ring_offset;
    bool done;
    if (virtio_has(virtio, VIRTIO_F_RING_PACKED)) {
        uint32_t position = control->next - VIRTIO_COMMAND_PARTS;
        const struct virtq_packed_desc *ring = (const struct virtq_packed_desc *)(const void *)base;
        const void *word = &ring[position % control->size].len; /* one access, as the others */
        uint64_t flags = __atomic_load_n((const uint64_t *)word, __ATOMIC_ACQUIRE) >> 48;
        bool wrap = (position / control->size) % 2 == 0;
        done = ((flags & VIRTQ_PACKED_DESC_F_AVAIL) != 0) == wrap && ((flags & VIRTQ_PACKED_DESC_F_USED) != 0) == wrap;
    } else {
        const uint8_t *device_area = virtio->rings.base + control->device_offset;
        const struct virtq_used *used = (const struct virtq_used *)(const void *)device_area;
        done = __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == (uint16_t)control->sent;
    }
    virtio_load_barrier(); /* the answer is read after */
    return done;
}

/* Sends a command and waits for its answer; what names it in errors. */
static int32_t virtio_command(struct virtio_device *virtio, uint8_t class, uint8_t command, const void *data,
                              uint32_t size, const char *what)
{
    struct bus *bus = virtio->device.bus;
    uint8_t *memory = virtio->rings.base + virtio->control.command_offset;
    uint64_t address = virtio->rings_address + virtio->control.command_offset;
    if (size > VIRTIO_COMMAND_DATA_MAX)
        return error_set(IXY_E_ARGUMENT, "%s: %u bytes; a command has at most %d", what, size, VIRTIO_COMMAND_DATA_MAX);
    int32_t works = bus_check(bus); /* else the last command may still be the device's */
    if (works < 0)
        return works;
    memory[0] = class;
    memory[1] = command;
    memcpy(memory + VIRTIO_COMMAND_DATA, data, size);
    memory[VIRTIO_COMMAND_ANSWER] = VIRTIO_NET_ERR;
    const struct virtio_part parts[VIRTIO_COMMAND_PARTS] = {
        {address, 2, VIRTQ_DESC_F_NEXT},
        {address + VIRTIO_COMMAND_DATA, size, VIRTQ_DESC_F_NEXT},
        {address + VIRTIO_COMMAND_ANSWER, 1, VIRTQ_DESC_F_WRITE},
    };
    if (virtio_has(virtio, VIRTIO_F_RING_PACKED))
        virtio_control_post_packed(virtio, parts);
    else
        virtio_control_post_split(virtio, parts);
    /* Commands are rare: the device is told whatever it asks for. */
    virtio->transport->notify(bus, VIRTIO_NET_RECEIVEQ(virtio->pairs_max));
    for (uint32_t waited = 0; !virtio_control_done(virtio); waited += VIRTIO_COMMAND_DELAY) {
        int32_t code = virtio_check(virtio);
        if (code < 0)
            return code;
        if (waited >= VIRTIO_COMMAND_WAIT) {
            /* Its memory is the device's until it is reset. */
            bus_fail(bus, "the control queue did not answer \"%s\" within a second", what);
            return error_set(IXY_E_TIMEOUT, "%s: the control queue did not answer \"%s\" within a second", bus->address,
                             what);
        }
        bus->ops->delay(bus, VIRTIO_COMMAND_DELAY);
    }
    uint8_t answer = __atomic_load_n(&memory[VIRTIO_COMMAND_ANSWER], __ATOMIC_RELAXED);
    if (answer != VIRTIO_NET_OK)
        return error_set(IXY_E_DEVICE, "%s: the device refused \"%s\" (answer %u)", bus->address, what, answer);
    return 0;
}

static int32_t virtio_apply_mac(struct virtio_device *virtio)
{
    if (!virtio_has(virtio, VIRTIO_NET_F_CTRL_MAC_ADDR)) /* legacy: the field is the driver's to write, 5.1.4.3 */
        return virtio->transport->config_write(virtio->device.bus, VIRTIO_NET_CONFIG_MAC, virtio->device.mac, 6);
    return virtio_command(virtio, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, virtio->device.mac, 6,
                          "set the station address");
}

static int32_t virtio_apply_promiscuous(struct virtio_device *virtio)
{
    uint8_t on = virtio->device.promiscuous;
    return virtio_command(virtio, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1, "set promiscuous mode");
}

int32_t virtio_mac_set(struct device *device, const uint8_t mac[6])
{
    struct virtio_device *virtio = (struct virtio_device *)device;
    if (!virtio_has(virtio, VIRTIO_NET_F_CTRL_MAC_ADDR) && virtio_has(virtio, VIRTIO_F_VERSION_1))
        return error_set(IXY_E_UNSUPPORTED, "%s: the device's address cannot be set: it did not offer CTRL_MAC_ADDR",
                         device->bus->address);
    uint8_t before[6];
    memcpy(before, device->mac, sizeof(before));
    memcpy(device->mac, mac, sizeof(before));
    int32_t code = device->started ? virtio_apply_mac(virtio) : 0; /* else at start */
    if (code < 0)
        memcpy(device->mac, before, sizeof(before));
    else
        virtio->mac_chosen = true;
    return code;
}

int32_t virtio_promiscuous_set(struct device *device, bool on)
{
    struct virtio_device *virtio = (struct virtio_device *)device;
    if (!virtio_has(virtio, VIRTIO_NET_F_CTRL_RX)) {
        if (on) /* such a device hands over all that it gets, 5.1.6.5.1 */
            return 0;
        return error_set(IXY_E_UNSUPPORTED, "%s: the device cannot filter: it did not offer CTRL_RX",
                         device->bus->address);
    }
    bool before = device->promiscuous;
    device->promiscuous = on;
    int32_t code = device->started ? virtio_apply_promiscuous(virtio) : 0;
    if (code < 0)
        device->promiscuous = before;
    return code;
}

int32_t virtio_control_apply(struct virtio_device *virtio)
{
    int32_t code = 0;
    uint16_t pairs = (uint16_t)virtio->pairs;
    if (virtio_has(virtio, VIRTIO_NET_F_MQ) && !virtio->transport->pairs_without_control)
        code = virtio_command(virtio, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, sizeof(pairs),
                              "use queue pairs");
    if (code >= 0 && virtio_has(virtio, VIRTIO_NET_F_CTRL_RX))
        code = virtio_apply_promiscuous(virtio);
    if (code >= 0 && virtio->mac_chosen)
        code = virtio_apply_mac(virtio);
    return code;
}
