/* The bus "emu": a device model opened by address, reached through the functions that a driver knows from any bus. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/device/error.h"
#include "emu/device.h"
#include "emu/ixgbe/model.h"
#include "emu/virtio/model.h"

static struct emu_device *emu_bus_device(struct bus *bus)
{
    return (struct emu_device *)bus;
}

/* Under the lock. */
static bool emu_bus_run(struct emu_device *device, uint32_t most)
{
    device->wire->now = emu_clock_nanoseconds();
    bool moved = device->ops->step(device, most);
    device->steps++;
    if (!moved)
        device->idle_steps++;
    return moved;
}

/* The hook that a driver calls on the packet path: all between the two readings is the model's time. */
static void emu_bus_step(struct bus *bus)
{
    struct emu_device *device = emu_bus_device(bus);
    uint64_t start = emu_clock_fenced();
    if (!emu_device_try_lock(device))
        return; /* another thread steps it now */
    emu_bus_run(device, UINT32_MAX);
    device->model_cycles += emu_clock_fenced() - start;
    emu_device_unlock(device);
}

bool emu_device_step_threaded(struct emu_device *device)
{
    if (!emu_device_try_lock(device))
        return true;
    uint64_t start = emu_clock_cycles();
    bool moved = emu_bus_run(device, EMU_DEVICE_STEP_FRAMES);
    device->model_cycles += emu_clock_cycles() - start;
    emu_device_unlock(device);
    return moved;
}

bool emu_device_doze(struct emu_device *device, uint64_t *until, int *descriptor)
{
    const struct wire_ops *wire = device->wire->ops;
    if (!emu_device_try_lock(device))
        return false;
    uint64_t now = emu_clock_nanoseconds(), end = now + device->ops->doze(device);
    uint64_t due = wire->due != NULL ? wire->due(device->wire) : UINT64_MAX;
    if (due > now && due < end) /* one that was due before waits for the driver */
        end = due;
    *until = end < *until ? end : *until;
    *descriptor = wire->descriptor != NULL ? wire->descriptor(device->wire) : -1;
    emu_device_unlock(device);
    return true;
}

void emu_device_wake(struct emu_device *device)
{
    emu_device_lock(device);
    device->ops->wake(device);
    emu_device_unlock(device);
}

void emu_device_step_inline(struct emu_device *device)
{
    if (!device->timing_inline)
        return;
    device->wire->now = emu_clock_nanoseconds();
    device->ops->step(device, UINT32_MAX);
}

static uint32_t emu_bus_read32(struct bus *bus, uint32_t reg)
{
    struct emu_device *device = emu_bus_device(bus);
    emu_device_lock(device);
    emu_device_step_inline(device);
    uint32_t value = device->ops->read(device, reg);
    emu_device_unlock(device);
    return value;
}

static void emu_bus_write32(struct bus *bus, uint32_t reg, uint32_t value)
{
    struct emu_device *device = emu_bus_device(bus);
    emu_device_lock(device);
    device->ops->write(device, reg, value);
    emu_device_step_inline(device);
    emu_device_unlock(device);
    emu_thread_wake(device); /* a driver that writes has something on its mind */
}

static uint32_t *emu_bus_doorbell(struct bus *bus, uint32_t reg)
{
    struct emu_device *device = emu_bus_device(bus);
    return device->ops->doorbell(device, reg);
}

static int32_t emu_bus_dma_map(struct bus *bus, const struct dma_memory *memory, uint64_t *device_address)
{
    struct emu_device *device = emu_bus_device(bus);
    emu_device_lock(device);
    int32_t code = emu_dma_map(&device->dma, memory, device_address);
    emu_device_unlock(device);
    return code;
}

static void emu_bus_dma_unmap(struct bus *bus, const struct dma_memory *memory)
{
    struct emu_device *device = emu_bus_device(bus);
    emu_device_lock(device);
    uint32_t slot = emu_dma_find(&device->dma, memory);
    if (slot != 0) {
        device->ops->unmap(device, slot);
        emu_dma_unmap(&device->dma, slot);
    }
    emu_device_unlock(device);
}

static int32_t emu_bus_interrupts_set(struct bus *bus, const int *events, uint32_t count)
{
    struct emu_device *device = emu_bus_device(bus);
    if (count > BUS_EVENTS_MAX)
        return error_set(IXY_E_RANGE, "%s: %u events; right is at most %d", bus->address, count, BUS_EVENTS_MAX);
    emu_device_lock(device);
    device->event_count = count;
    for (uint32_t i = 0; i < count; i++)
        device->events[i] = events[i];
    emu_device_unlock(device);
    return 0;
}

static void emu_bus_delay(struct bus *bus, uint32_t microseconds)
{
    struct emu_device *device = emu_bus_device(bus);
    emu_device_lock(device);
    device->ops->time(device, (uint64_t)microseconds * 1000);
    /* In that time the device works, though its thread may sleep: a driver that waits for its last frames to leave
     * would otherwise give up in no time at all. */
    emu_bus_run(device, device->timing_inline ? UINT32_MAX : EMU_DEVICE_STEP_FRAMES);
    emu_device_unlock(device);
}

static void emu_bus_free(struct emu_device *device)
{
    if (device->wire != NULL)
        device->wire->ops->close(device->wire); /* from here on no peer calls pull */
    device->ops->free(device);
    emu_dma_free(&device->dma);
    sanitizer_free(&device->sanitizer);
    free(device);
}

static void emu_bus_close(struct bus *bus)
{
    struct emu_device *device = emu_bus_device(bus);
    if (!device->timing_inline)
        emu_thread_remove(device);
    emu_bus_free(device);
}

/* A peer on a cable wants what this device's driver has posted. */
static void emu_bus_pull(void *model)
{
    struct emu_device *device = model;
    if (!emu_device_try_lock(device))
        return;
    device->wire->now = emu_clock_nanoseconds();
    device->ops->transmit(device, UINT32_MAX);
    emu_device_unlock(device);
}

static const struct bus_ops emu_bus_ops = {
    .read32 = emu_bus_read32,
    .write32 = emu_bus_write32,
    .doorbell = emu_bus_doorbell,
    .dma_map = emu_bus_dma_map,
    .dma_unmap = emu_bus_dma_unmap,
    .interrupts_set = emu_bus_interrupts_set,
    .delay = emu_bus_delay,
    .close = emu_bus_close,
};

/* The same for a device whose driver comes through bus->virtio. */
static const struct bus_ops emu_bus_ops_virtio = {
    .dma_map = emu_bus_dma_map,
    .dma_unmap = emu_bus_dma_unmap,
    .interrupts_set = emu_bus_interrupts_set,
    .delay = emu_bus_delay,
    .close = emu_bus_close,
};

struct emu_bus_kind {
    const char *what;
    const struct emu_model_ops *ops;
    uint16_t vendor, device_id;
    uint32_t kind;
};

static const struct emu_bus_kind emu_bus_kinds[] = {
    {"82599", &ixgbe_model_ops, 0x8086, 0x10FB, MODEL_82599},
    {"x540", &ixgbe_model_ops, 0x8086, 0x1528, MODEL_X540},
    {"x550", &ixgbe_model_ops, 0x8086, 0x1563, MODEL_X550},
    {"virtio", &virtio_model_ops, VIRTIO_PCI_VENDOR, VIRTIO_PCI_DEVICE_NET, 0},
};

#define EMU_BUS_KINDS "82599, x540, x550 or virtio"

static const struct emu_bus_kind *emu_bus_find(const char *what)
{
    for (size_t i = 0; i < sizeof(emu_bus_kinds) / sizeof(emu_bus_kinds[0]); i++)
        if (strcmp(emu_bus_kinds[i].what, what) == 0)
            return &emu_bus_kinds[i];
    return NULL;
}

/* Behind the model's; as short as an address, so that all fit into one error text. */
#define EMU_BUS_OPTIONS "timing,wire,pair,tap; wire=gen: rate,size,limit,burst,flows,stream,touch; wire=pcap: in,out"

/* All options: those of every device, those of the model, those of the wire, which is opened. */
static int32_t emu_bus_configure(struct emu_device *device, struct address *address)
{
    const char *timing = address_take(address, "timing");
    if (timing != NULL && strcmp(timing, "inline") != 0 && strcmp(timing, "threaded") != 0)
        return error_set(IXY_E_ADDRESS, "address \"%s\": timing=%s; right is threaded or inline", address->text,
                         timing);
    device->timing_inline = timing != NULL && strcmp(timing, "inline") == 0;
    device->bus.step = device->timing_inline ? emu_bus_step : NULL;
    int32_t code = device->ops->configure(device, address);
    if (code < 0)
        return code;
    code = wire_open(address, device->timing_inline, &device->wire);
    if (code < 0)
        return code;
    device->gen = gen_of(device->wire);
    char known[ERROR_TEXT_SIZE];
    snprintf(known, sizeof(known), "%s%s", device->ops->options, EMU_BUS_OPTIONS);
    return address_finish(address, known);
}

/* Powers the model on, and has it stepped. */
static int32_t emu_bus_start(struct emu_device *device)
{
    static uint32_t serial; /* makes each device's station address its own */
    struct wire *wire = device->wire;
    emu_clock_bracket();
    emu_device_lock(device); /* a peer may pull from here on */
    wire_attach(wire, emu_bus_pull, device);
    wire->now = emu_clock_nanoseconds();
    int32_t code = device->ops->init(device, __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
    emu_device_unlock(device);
    return code < 0 || device->timing_inline ? code : emu_thread_add(device);
}

static int32_t emu_bus_open(struct address *address, struct bus **bus)
{
    const struct emu_bus_kind *kind = emu_bus_find(address->what);
    if (kind == NULL)
        return error_set(IXY_E_ADDRESS, "address \"%s\": no emulated device \"%s\"; right is " EMU_BUS_KINDS,
                         address->text, address->what);
    size_t size = (kind->ops->size + 63) & ~(size_t)63;
    struct emu_device *device = aligned_alloc(64, size);
    if (device == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory for the model (%zu bytes)", address->text, size);
    memset(device, 0, size);
    device->ops = kind->ops;
    device->kind = kind->kind;
    device->bus.ops = kind->ops->read != NULL ? &emu_bus_ops : &emu_bus_ops_virtio;
    device->bus.vectors = EMU_DEVICE_VECTORS;
    device->bus.vendor = kind->vendor;
    device->bus.device_id = kind->device_id;
    snprintf(device->bus.address, sizeof(device->bus.address), "%s", address->text);
    int32_t code = emu_bus_configure(device, address);
    if (code >= 0)
        code = emu_bus_start(device);
    if (code < 0) {
        emu_bus_free(device);
        return code;
    }
    *bus = &device->bus;
    return 0;
}

const struct bus_scheme emu_bus_scheme = {"emu", emu_bus_open};

int emu_is_emulated(const struct bus *bus)
{
    return bus->ops->close == emu_bus_close;
}

void emu_counters(struct bus *bus, struct emu_counters *counters)
{
    struct emu_device *device = emu_bus_device(bus);
    memset(counters, 0, sizeof(*counters));
    emu_device_lock(device);
    emu_device_step_inline(device);
    device->wire->ops->counters(device->wire, counters);
    counters->wire_dropped += device->missed;
    emu_device_unlock(device);
}

void emu_meter(struct bus *bus, struct emu_meter *meter)
{
    struct emu_device *device = emu_bus_device(bus);
    meter->bracket_cycles = emu_clock_bracket();
    emu_device_lock(device);
    meter->model_cycles = device->model_cycles;
    meter->steps = device->steps;
    meter->idle_steps = device->idle_steps;
    emu_device_unlock(device);
    meter->nanoseconds = emu_clock_nanoseconds();
    meter->cycles = emu_clock_fenced();
}

uint32_t emu_violations(struct bus *bus, uint32_t index, char *text, uint32_t size)
{
    struct emu_device *device = emu_bus_device(bus);
    emu_device_lock(device);
    if (text != NULL && size != 0)
        snprintf(text, size, "%s", sanitizer_text(&device->sanitizer, index));
    uint32_t count = device->sanitizer.count;
    emu_device_unlock(device);
    return count;
}
