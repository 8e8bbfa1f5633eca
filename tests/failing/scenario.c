#include "tests/failing/scenario.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/c/pci_card.h"
#include "tests/c/pci_support.h"
#include "tests/c/vhost_user_backend.h"

static char scenario_folder[64];
static struct backend scenario_backend;
static struct pci_card scenario_card;
static ixy_found scenario_found[3]; /* what ixy_device_find says when nothing fails */

/* A back end closes its side when it sees that ours is closed. */
static void scenario_settle(void)
{
    for (uint32_t i = 0; i < 2000 && scenario_backend.path[0] != '\0' &&
                         backend_read(&scenario_backend.connections) != backend_read(&scenario_backend.disconnections);
         i++)
        usleep(1000);
}

uint32_t world_files(void)
{
    scenario_settle();
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    uint32_t count = 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* ---- steps ---- */

static int32_t step_pool(struct world *world)
{
    ixy_pool_config config = {.struct_size = sizeof(config), .buffer_count = WORLD_BUFFERS};
    return ixy_pool_open(&config, &world->pool);
}

static int32_t step_view(struct world *world)
{
    world->view = (ixy_view){.struct_size = sizeof(world->view)};
    int32_t code = ixy_pool_view(world->pool, &world->view);
    world->viewed = code >= 0;
    return code;
}

/* All that a pool can do. */
static int32_t step_buffers(struct world *world)
{
    ixy_frame frames[64];
    const ixy_metadata written = {.flags = IXY_META_VLAN, .vlan_tci = 5};
    ixy_metadata read = {0};
    int32_t code = ixy_buf_alloc(world->pool, frames, 64);
    if (code != 64)
        return code < 0 ? code : world_is_wrong(world, "%d of 64 buffers", code);
    code = ixy_buf_metadata_set(world->pool, &frames[63], &written);
    if (code >= 0)
        code = ixy_buf_metadata(world->pool, &frames[63], &read);
    if (code >= 0 &&
        (read.vlan_tci != 5 || world->view.metadata[frames[63].buf & world->view.index_mask].vlan_tci != 5))
        code = world_is_wrong(world, "the metadata is not there");
    if (code >= 0 && world->view.owner[frames[63].buf & world->view.index_mask] != frames[63].buf)
        code = world_is_wrong(world, "the ownership table does not have the buffer");
    world->view.base[frames[63].offset] = 7;
    return ixy_buf_free(world->pool, frames, 64) == 64 ? code : world_is_wrong(world, "buffers cannot be freed");
}

static int32_t step_open(struct world *world, uint32_t number)
{
    const struct scenario *scenario = world->scenario;
    char address[200];
    ixy_device_config config = {.struct_size = sizeof(config),
                                .pool = world->pool,
                                .rx_queues = scenario->queues,
                                .tx_queues = scenario->queues,
                                .rx_ring_size = 64,
                                .tx_ring_size = 64,
                                .offloads = scenario->offloads,
                                .frame_len_max = scenario->frame_len_max};
    if (scenario->vhost) {
        snprintf(address, sizeof(address), "vhost-user:%s", scenario_backend.path);
    } else {
        const char *mark = strchr(scenario->address[number], '@'), *begin = scenario->address[number];
        size_t used = 0;
        for (; mark != NULL; begin = mark + 1, mark = strchr(begin, '@'))
            used += (size_t)snprintf(address + used, sizeof(address) - used, "%.*s%s", (int)(mark - begin), begin,
                                     scenario_folder);
        snprintf(address + used, sizeof(address) - used, "%s", begin);
    }
    return ixy_device_open(address, &config, &world->device[number]);
}

static int32_t step_open_first(struct world *world)
{
    return step_open(world, 0);
}

static int32_t step_open_second(struct world *world)
{
    return step_open(world, 1);
}

/* What was asked for is there, all of it. */
static int32_t step_info(struct world *world)
{
    const struct scenario *scenario = world->scenario;
    bool alone = !scenario->pci && strstr(scenario->address[0] != NULL ? scenario->address[0] : "", "inline") == NULL;
    ixy_info info = {.struct_size = sizeof(info)};
    int32_t code = ixy_device_info(world->device[0], &info);
    if (code < 0)
        return code;
    if (info.rx_queues != scenario->queues || info.offloads != scenario->offloads || info.rx_ring_size != 64 ||
        (scenario->frame_len_max != 0 && info.rx_len_max < scenario->frame_len_max))
        return world_is_wrong(world, "%u queues, offloads %x, %u bytes", info.rx_queues, info.offloads,
                              info.rx_len_max);
    if (alone != ((info.capabilities & IXY_CAN_RX_WAIT) != 0))
        return world_is_wrong(world, "RX_WAIT is %u", info.capabilities & IXY_CAN_RX_WAIT);
    return 0;
}

static int32_t step_start_first(struct world *world)
{
    return ixy_device_start(world->device[0]);
}

static int32_t step_start_second(struct world *world)
{
    return ixy_device_start(world->device[1]);
}

static int32_t step_reset(struct world *world)
{
    return ixy_device_reset(world->device[0]);
}

/* Everything that is asked of a device, and what changes it. */
static int32_t step_ask(struct world *world)
{
    uint64_t device = world->device[0];
    ixy_stats stats = {.struct_size = sizeof(stats)};
    ixy_queue_stats queue = {.struct_size = sizeof(queue)};
    ixy_link link = {.struct_size = sizeof(link)};
    uint8_t mac[6];
    char name[32];
    int32_t code = ixy_device_stats(device, &stats);
    if (code >= 0)
        code = ixy_device_queue_stats(device, 0, &queue);
    if (code >= 0)
        code = ixy_device_link(device, &link);
    if (code >= 0)
        code = ixy_device_feature(device, 0, name, sizeof(name));
    if (code >= 0)
        code = ixy_device_mac(device, mac);
    if (code >= 0)
        code = ixy_device_promiscuous_set(device, 1);
    return code;
}

static int32_t step_wait(struct world *world)
{
    int32_t code = ixy_rx_fd(world->device[0], 0);
    return code < 0 ? code : ixy_rx_wait(world->device[0], 0, 0);
}

/* Each device of this machine, as when nothing fails. */
static int32_t step_find(struct world *world)
{
    for (uint32_t i = 0; i < 3; i++) {
        ixy_found found = {.struct_size = sizeof(found)};
        int32_t code = ixy_device_find(i, &found);
        if (code < 0)
            return code;
        /* What is missing may be the means to look at it. */
        if (failing_told() > 0 && strstr(found.missing, "Too many open files") != NULL && found.usable == 0) {
            strcpy(found.missing, scenario_found[i].missing);
            found.usable = scenario_found[i].usable;
            world->excused = true;
        }
        if (code != 2 || memcmp(&found, &scenario_found[i], sizeof(found)) != 0)
            return world_is_wrong(world, "device %u of %d is %s, %s: %s", i, code, found.address, found.driver,
                                  found.missing);
    }
    return 0;
}

static const struct step steps_pool[] = {
    {"ixy_pool_open", step_pool}, {"ixy_pool_view", step_view}, {"buffers", step_buffers}, {NULL, NULL}};

#define STEPS_TO_START                                                                                                 \
    {"ixy_pool_open", step_pool}, {"ixy_pool_view", step_view}, {"ixy_device_open", step_open_first},                  \
        {"ixy_device_info", step_info},                                                                                \
    {                                                                                                                  \
        "ixy_device_start", step_start_first                                                                           \
    }

static const struct step steps_loop[] = {STEPS_TO_START,
                                         {"traffic", traffic_loop},
                                         {"asking", step_ask},
                                         {"ixy_device_reset", step_reset},
                                         {"traffic", traffic_loop},
                                         {NULL, NULL}};
static const struct step steps_wait[] = {STEPS_TO_START,
                                         {"traffic", traffic_loop},
                                         {"asking", step_ask},
                                         {"waiting", step_wait},
                                         {"ixy_device_reset", step_reset},
                                         {"waiting", step_wait},
                                         {"traffic", traffic_loop},
                                         {NULL, NULL}};
static const struct step steps_gen[] = {STEPS_TO_START, {"traffic", traffic_gen}, {NULL, NULL}};
static const struct step steps_pcap[] = {STEPS_TO_START, {"traffic", traffic_pcap}, {NULL, NULL}};
static const struct step steps_tap[] = {STEPS_TO_START, {"traffic", traffic_tap}, {NULL, NULL}};
static const struct step steps_pair[] = {STEPS_TO_START,
                                         {"ixy_device_open", step_open_second},
                                         {"ixy_device_start", step_start_second},
                                         {"traffic", traffic_pair},
                                         {NULL, NULL}};
static const struct step steps_find[] = {{"ixy_device_find", step_find}, {NULL, NULL}};

/* ---- the list ---- */

#define ALL_OFFLOADS (IXY_CAN_RX_CHECKSUM | IXY_CAN_TX_CHECKSUM | IXY_CAN_VLAN_STRIP | IXY_CAN_VLAN_INSERT)

static const char *tap_missing(void)
{
    uint64_t device;
    if (ixy_device_open("emu:82599,tap=ixy-nth", NULL, &device) >= 0)
        return ixy_device_close(device) == 0 ? NULL : "the device does not close";
    return ixy_last_error();
}

#define PCI_CARD "0000:41:00.0"

/* From then on this process sees no other bus, and no /dev. */
static const char *pci_missing(void)
{
    if (!pci_test_begin() || !pci_test_huge_begin(8))
        return "see above";
    atexit(pci_test_huge_end); /* also when the scenario fails */
    return NULL;
}

const struct scenario scenarios[] = {
    {.name = "pool", .steps = steps_pool, .calls_min = 8},
    {.name = "find", .steps = steps_find, .calls_min = 8},
    {.name = "82599-inline", .address = {"emu:82599,timing=inline"}, .steps = steps_loop, .queues = 2, .calls_min = 20},
    {.name = "82599-threaded", .address = {"emu:82599"}, .steps = steps_wait, .queues = 2, .calls_min = 22},
    {.name = "x550-inline",
     .address = {"emu:x550,timing=inline"},
     .steps = steps_loop,
     .queues = 2,
     .offloads = ALL_OFFLOADS | IXY_CAN_RX_TIMESTAMP,
     .frame_len_max = 9000,
     .calls_min = 20},
    {.name = "x550-threaded",
     .address = {"emu:x550"},
     .steps = steps_wait,
     .queues = 2,
     .offloads = ALL_OFFLOADS | IXY_CAN_RX_TIMESTAMP,
     .frame_len_max = 9000,
     .calls_min = 22},
    {.name = "split-inline",
     .address = {"emu:virtio,queues=2,timing=inline"},
     .steps = steps_loop,
     .queues = 2,
     .calls_min = 30},
    {.name = "split-threaded",
     .address = {"emu:virtio,queues=2,events=on,mrg=on,csum=on,mtu=9000"},
     .steps = steps_wait,
     .queues = 2,
     .offloads = IXY_CAN_RX_CHECKSUM | IXY_CAN_TX_CHECKSUM,
     .frame_len_max = 9000,
     .calls_min = 30},
    {.name = "packed-inline",
     .address = {"emu:virtio,ring=packed,mrg=on,csum=on,mtu=9000,timing=inline"},
     .steps = steps_loop,
     .queues = 1,
     .offloads = IXY_CAN_RX_CHECKSUM | IXY_CAN_TX_CHECKSUM,
     .frame_len_max = 9000,
     .calls_min = 25},
    {.name = "packed-threaded",
     .address = {"emu:virtio,ring=packed"},
     .steps = steps_wait,
     .queues = 1,
     .calls_min = 25},
    {.name = "legacy",
     .address = {"emu:virtio,legacy=on,timing=inline"},
     .steps = steps_loop,
     .queues = 1,
     .calls_min = 25},
    {.name = "gen",
     .address = {"emu:82599,wire=gen,limit=64,flows=16,touch=0,timing=inline"},
     .steps = steps_gen,
     .queues = 2,
     .calls_min = 20},
    {.name = "pcap",
     .address = {"emu:82599,wire=pcap,in=@/in.pcap,out=@/out.pcap,timing=inline"},
     .steps = steps_pcap,
     .queues = 1,
     .calls_min = 20},
    {.name = "pair",
     .address = {"emu:82599,pair=nth,timing=inline", "emu:virtio,pair=nth,timing=inline"},
     .steps = steps_pair,
     .queues = 1,
     .calls_min = 40},
    {.name = "tap",
     .address = {"emu:82599,tap=ixy-nth,timing=inline"},
     .steps = steps_tap,
     .queues = 1,
     .calls_min = 20,
     .missing = tap_missing},
    {.name = "vhost-user", .steps = steps_wait, .queues = 2, .vhost = true, .calls_min = 40},
    {.name = "pci",
     .address = {"pci:" PCI_CARD},
     .steps = steps_loop,
     .queues = 1,
     .pci = true,
     .calls_min = 30,
     .missing = pci_missing},
};
const uint32_t scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);

/* ---- around them ---- */

static const char *folder_path(const char *name)
{
    static char path[160];
    snprintf(path, sizeof(path), "%s/%s", scenario_folder, name);
    return path;
}

static void folder_write(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(folder_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void folder_text(const char *name, const char *text)
{
    folder_write(name, text, strlen(text));
}

static const char *const folder_devices[] = {"0000:01:00.0", "0000:02:00.0"};

/* A machine with a card that is bound to nothing, and one that is bound to VFIO. */
static void folder_make_pci(void)
{
    static const char *const ids[] = {"0x8086\n", "0x10fb\n", "0x1af4\n", "0x1041\n"};
    for (uint32_t i = 0; i < 2; i++) {
        char name[64];
        assert_int_equal(mkdir(folder_path(folder_devices[i]), 0700), 0);
        snprintf(name, sizeof(name), "%s/vendor", folder_devices[i]);
        folder_text(name, ids[2 * i]);
        snprintf(name, sizeof(name), "%s/device", folder_devices[i]);
        folder_text(name, ids[2 * i + 1]);
        snprintf(name, sizeof(name), "%s/config", folder_devices[i]);
        folder_text(name, "");
    }
    assert_int_equal(mkdir(folder_path("0000:02:00.0/iommu_group"), 0700), 0);
    assert_int_equal(rmdir(folder_path("0000:02:00.0/iommu_group")), 0);
    assert_int_equal(symlink("../../vfio-pci", folder_path("0000:02:00.0/driver")), 0);
    failing_pci_folder(scenario_folder);
    for (uint32_t i = 0; i < 3; i++) {
        scenario_found[i] = (ixy_found){.struct_size = sizeof(ixy_found)};
        assert_int_equal(ixy_device_find(i, &scenario_found[i]), 2);
    }
    assert_string_equal(scenario_found[0].address, "pci:0000:01:00.0");
    assert_string_equal(scenario_found[1].driver, "vfio-pci");
    assert_string_equal(scenario_found[2].address, "");
}

static void folder_make_capture(void)
{
    uint8_t bytes[24 + TRAFFIC_PCAP_FRAMES * (16 + TRAFFIC_PCAP_LENGTH)] = {0};
    const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    const uint32_t record[4] = {1, 0, TRAFFIC_PCAP_LENGTH, TRAFFIC_PCAP_LENGTH};
    memcpy(bytes, header, sizeof(header));
    for (uint32_t i = 0; i < TRAFFIC_PCAP_FRAMES; i++) {
        uint8_t *at = bytes + 24 + i * (16 + TRAFFIC_PCAP_LENGTH);
        memcpy(at, record, sizeof(record));
        memset(at + 16, 0xFF, 6);
    }
    folder_write("in.pcap", bytes, sizeof(bytes));
}

void scenario_begin(const struct scenario *scenario)
{
    strcpy(scenario_folder, "/tmp/ixy-failing-XXXXXX");
    assert_non_null(mkdtemp(scenario_folder));
    if (strcmp(scenario->name, "find") == 0)
        folder_make_pci();
    if (strcmp(scenario->name, "pcap") == 0)
        folder_make_capture();
    if (scenario->pci) {
        pci_test_function(PCI_CARD, 0x8086, 0x10FB);
        pci_card_begin(&scenario_card, PCI_CARD);
    }
    if (scenario->vhost) {
        scenario_backend = backend_right("failing");
        backend_start(&scenario_backend);
    }
}

void scenario_end(const struct scenario *scenario)
{
    if (scenario->vhost)
        backend_stop(&scenario_backend);
    scenario_backend = (struct backend){.path = ""};
    if (scenario->pci) {
        pci_card_end(&scenario_card);
        pci_test_remove(PCI_CARD);
        assert_int_equal(scenario_card.unreachable, 0);
    }
    failing_pci_folder(NULL);
    char command[100];
    snprintf(command, sizeof(command), "rm -rf %s", scenario_folder);
    assert_int_equal(system(command), 0);
}

const char *world_close(struct world *world)
{
    static char text[300];
    const char *wrong = NULL;
    for (uint32_t i = 0; i < WORLD_DEVICES && wrong == NULL; i++) {
        ixy_emu_counters counters = {.struct_size = sizeof(counters)};
        if (world->device[i] == 0)
            continue;
        if (!world->scenario->vhost && ixy_emu_counters_get(world->device[i], &counters) == 0 &&
            counters.violations != 0) {
            char violation[IXY_TEXT_MAX] = "";
            ixy_emu_violation(world->device[i], 0, violation, sizeof(violation));
            snprintf(text, sizeof(text), "violation: %s", violation);
            wrong = text;
        }
        if (ixy_device_close(world->device[i]) != 0)
            wrong = "the device does not close";
    }
    if (world->pool == 0)
        return wrong;
    int32_t count = ixy_pool_free_count(world->pool);
    if (wrong == NULL && count != WORLD_BUFFERS) {
        snprintf(text, sizeof(text), "%d of %d buffers are left", count, WORLD_BUFFERS);
        wrong = text;
    }
    if (ixy_pool_close(world->pool) != 0)
        wrong = "the pool does not close";
    if (!world->viewed)
        return wrong;
    uint8_t bits = 0;
    for (uint64_t at = 0; at < world->view.size; at += 64)
        bits |= world->view.base[at];
    for (uint32_t i = 0; i < WORLD_BUFFERS; i++)
        bits |= world->view.owner[i] != 0 || world->view.metadata[i].vlan_tci != 0;
    if (bits != 0 && wrong == NULL)
        wrong = "a view of the closed pool does not read zeroes";
    return ixy_pool_view_release(world->view.view) == 0 ? wrong : "the view cannot be released";
}
