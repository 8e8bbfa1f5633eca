/* Runs the shared vectors (tests/vectors/, described in docs/vectors.md) through the C ABI. */
#include "tests/c/abi_support.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#define NAMES_MAX 64
#define BYTES_MAX 16384 /* of one step's packet */

static char vectors_folder[64]; /* of the case that runs: {tmp} */

/* The variables of one case. */
struct variable {
    const char *name;
    uint64_t handle; /* pools and devices */
    ixy_frame frame;
    uint64_t frame_pool; /* the pool that a frame came from */
};

struct run {
    const char *label; /* "file: case" */
    struct variable pools[NAMES_MAX], devices[NAMES_MAX], frames[NAMES_MAX];
    uint32_t pool_count, device_count, frame_count;
};

static const char *text_of(const cJSON *step, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(step, key);
    if (!cJSON_IsString(item))
        fail_msg("step without text \"%s\"", key);
    return item->valuestring;
}

static uint32_t number_of(const cJSON *step, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(step, key);
    return cJSON_IsNumber(item) ? (uint32_t)(int64_t)item->valuedouble : 0;
}

static struct variable *variable_of(struct variable *table, uint32_t *count, const char *name)
{
    for (uint32_t i = 0; i < *count; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    if (*count == NAMES_MAX)
        fail_msg("more than %d variables", NAMES_MAX);
    table[*count] = (struct variable){.name = name};
    return &table[(*count)++];
}

static struct variable *pool_of(struct run *run, const cJSON *step)
{
    return variable_of(run->pools, &run->pool_count, text_of(step, "pool"));
}

static struct variable *device_of(struct run *run, const cJSON *step)
{
    return variable_of(run->devices, &run->device_count, text_of(step, "device"));
}

static struct variable *frame_of(struct run *run, const char *name)
{
    return variable_of(run->frames, &run->frame_count, name);
}

static uint32_t bytes_of(const char *hex, uint8_t *bytes)
{
    uint32_t count = (uint32_t)strlen(hex) / 2;
    for (uint32_t i = 0; i < count; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    return count;
}

/* Flags by their names in the ABI, least significant bit first. */
static const char *const capability_names[] = {"RX_CHECKSUM",  "TX_CHECKSUM", "VLAN_STRIP",  "VLAN_INSERT",
                                               "RX_TIMESTAMP", "JUMBO",       "QUEUE_STATS", "RX_WAIT"};
static const char *const metadata_names[] = {"TIMESTAMP",      "VLAN",      "RX_IP_GOOD",     "RX_IP_BAD",
                                             "RX_L4_GOOD",     "RX_L4_BAD", "TX_IP_CHECKSUM", "TX_TCP_CHECKSUM",
                                             "TX_UDP_CHECKSUM"};
#define CAPABILITY_NAMES (sizeof(capability_names) / sizeof(capability_names[0]))
#define METADATA_NAMES (sizeof(metadata_names) / sizeof(metadata_names[0]))

static uint32_t flags_of(const cJSON *list, const char *const *names, size_t count)
{
    uint32_t flags = 0;
    for (const cJSON *one = list != NULL ? list->child : NULL; one != NULL; one = one->next) {
        size_t bit = 0;
        while (bit < count && strcmp(names[bit], one->valuestring) != 0)
            bit++;
        if (bit == count)
            fail_msg("unknown flag %s", one->valuestring);
        flags |= 1u << bit;
    }
    return flags;
}

static int32_t step_device_open(struct run *run, const cJSON *step)
{
    char address[400];
    const char *given = text_of(step, "address");
    const char *mark = strstr(given, "{tmp}");
    if (mark != NULL)
        snprintf(address, sizeof(address), "%.*s%s%s", (int)(mark - given), given, vectors_folder, mark + 5);
    else
        snprintf(address, sizeof(address), "%s", given);
    ixy_device_config config = {
        .struct_size = sizeof(config),
        .rx_queues = number_of(step, "rx_queues"),
        .tx_queues = number_of(step, "tx_queues"),
        .rx_ring_size = number_of(step, "rx_ring_size"),
        .tx_ring_size = number_of(step, "tx_ring_size"),
        .offloads = flags_of(cJSON_GetObjectItemCaseSensitive(step, "offloads"), capability_names, CAPABILITY_NAMES),
        .frame_len_max = number_of(step, "frame_len_max")};
    if (cJSON_HasObjectItem(step, "pool"))
        config.pool = pool_of(run, step)->handle;
    return ixy_device_open(address, &config, &device_of(run, step)->handle);
}

static int32_t step_pool_open(struct run *run, const cJSON *step)
{
    ixy_pool_config config = {.struct_size = sizeof(config),
                              .buffer_count = number_of(step, "buffers"),
                              .buffer_size = number_of(step, "buffer_size")};
    return ixy_pool_open(&config, &pool_of(run, step)->handle);
}

static int32_t step_alloc(struct run *run, const cJSON *step)
{
    const cJSON *into = cJSON_GetObjectItemCaseSensitive(step, "into");
    ixy_frame frames[NAMES_MAX];
    uint64_t pool = pool_of(run, step)->handle;
    int32_t got = ixy_buf_alloc(pool, frames, (uint32_t)cJSON_GetArraySize(into));
    for (int32_t i = 0; i < got; i++) {
        struct variable *frame = frame_of(run, cJSON_GetArrayItem(into, i)->valuestring);
        frame->frame = frames[i];
        frame->frame_pool = pool;
    }
    if (got >= 0)
        assert_int_equal(got, cJSON_GetArraySize(into));
    return got;
}

static int32_t step_rx(struct run *run, const cJSON *step)
{
    const cJSON *into = cJSON_GetObjectItemCaseSensitive(step, "into");
    uint64_t device = device_of(run, step)->handle;
    uint32_t queue = number_of(step, "queue"), max = number_of(step, "max");
    int32_t wanted = into != NULL ? cJSON_GetArraySize(into) : 0, got = 0;
    ixy_frame frames[NAMES_MAX];
    for (int tries = 0; tries < 1000 && (tries == 0 || got < wanted); tries++) {
        int32_t more = ixy_rx_batch(device, queue, frames + got, max - (uint32_t)got);
        if (more < 0)
            return more;
        got += more;
        if (got < wanted)
            usleep(1000);
    }
    assert_int_equal(got, wanted);
    for (int32_t i = 0; i < got; i++) {
        struct variable *frame = frame_of(run, cJSON_GetArrayItem(into, i)->valuestring);
        frame->frame = frames[i];
        frame->frame_pool = run->pools[0].handle;
    }
    return 0;
}

static int32_t step_rx_until_error(struct run *run, const cJSON *step)
{
    uint64_t device = device_of(run, step)->handle;
    ixy_frame frames[NAMES_MAX];
    int32_t code = 0;
    for (uint32_t polls = number_of(step, "polls"); polls > 0 && code >= 0; polls--) {
        code = ixy_rx_batch(device, number_of(step, "queue"), frames, NAMES_MAX);
        if (code > 0)
            assert_int_equal(ixy_buf_free(run->pools[0].handle, frames, (uint32_t)code), code);
    }
    return code;
}

static int32_t step_frames(struct run *run, const cJSON *step, ixy_frame *frames)
{
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(step, "frames");
    for (int i = 0; i < cJSON_GetArraySize(names); i++)
        frames[i] = frame_of(run, cJSON_GetArrayItem(names, i)->valuestring)->frame;
    return cJSON_GetArraySize(names);
}

static int32_t step_move(struct run *run, const cJSON *step, bool transmit)
{
    ixy_frame frames[NAMES_MAX];
    uint32_t count = (uint32_t)step_frames(run, step, frames);
    int32_t done = transmit ? ixy_tx_batch(device_of(run, step)->handle, number_of(step, "queue"), frames, count)
                            : ixy_buf_free(pool_of(run, step)->handle, frames, count);
    if (done >= 0)
        assert_int_equal(done, number_of(step, transmit ? "sent" : "freed"));
    return done;
}

static int32_t step_read(struct run *run, const cJSON *step)
{
    struct variable *frame = frame_of(run, text_of(step, "frame"));
    static uint8_t bytes[BYTES_MAX], right[BYTES_MAX];
    int32_t code =
        ixy_buf_read(frame->frame_pool, &frame->frame, number_of(step, "at"), bytes, number_of(step, "size"));
    if (code >= 0) {
        assert_int_equal(bytes_of(text_of(step, "hex"), right), code);
        assert_memory_equal(bytes, right, (size_t)code);
    }
    return code;
}

static int32_t step_write(struct run *run, const cJSON *step)
{
    struct variable *frame = frame_of(run, text_of(step, "frame"));
    static uint8_t bytes[BYTES_MAX];
    uint32_t count = bytes_of(text_of(step, "hex"), bytes);
    return ixy_buf_write(frame->frame_pool, &frame->frame, number_of(step, "at"), bytes, count);
}

static int32_t step_pattern(struct run *run, const cJSON *step, bool check)
{
    struct variable *frame = frame_of(run, text_of(step, "frame"));
    static uint8_t bytes[BYTES_MAX], read[BYTES_MAX];
    uint32_t len = check ? number_of(step, "len") : frame->frame.len;
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(number_of(step, "seed") + 7 * i);
    if (!check)
        return ixy_buf_write(frame->frame_pool, &frame->frame, 0, bytes, len);
    assert_int_equal(frame->frame.len, len);
    int32_t code = ixy_buf_read(frame->frame_pool, &frame->frame, 0, read, len);
    if (code >= 0)
        assert_memory_equal(read, bytes, len);
    return code;
}

static int32_t step_more(struct run *run, const cJSON *step)
{
    struct variable *frame = frame_of(run, text_of(step, "frame"));
    if (cJSON_HasObjectItem(step, "equals")) {
        assert_int_equal((frame->frame.flags & IXY_FRAME_MORE) != 0, number_of(step, "equals"));
        return 0;
    }
    frame->frame.flags &= (uint16_t)~IXY_FRAME_MORE;
    if (number_of(step, "on") == 1)
        frame->frame.flags |= IXY_FRAME_MORE;
    return 0;
}

static int32_t step_metadata_set(struct run *run, const cJSON *step)
{
    struct variable *frame = frame_of(run, text_of(step, "frame"));
    ixy_metadata metadata = {
        .flags = flags_of(cJSON_GetObjectItemCaseSensitive(step, "flags"), metadata_names, METADATA_NAMES),
        .vlan_tci = (uint16_t)number_of(step, "vlan_tci"),
        .l2_len = (uint8_t)number_of(step, "l2_len"),
        .l3_len = (uint8_t)number_of(step, "l3_len")};
    return ixy_buf_metadata_set(frame->frame_pool, &frame->frame, &metadata);
}

/* "forge" and "frame_set": a frame that no call gave out. */
static int32_t step_copy(struct run *run, const cJSON *step)
{
    struct variable *from = frame_of(run, text_of(step, "from"));
    struct variable *to = frame_of(run, text_of(step, "frame"));
    to->frame = from->frame;
    to->frame_pool = from->frame_pool;
    if (cJSON_HasObjectItem(step, "handle"))
        to->frame.buf = strtoull(text_of(step, "handle"), NULL, 16);
    if (cJSON_HasObjectItem(step, "len"))
        to->frame.len = (uint16_t)number_of(step, "len");
    to->frame.offset += number_of(step, "offset_add");
    return 0;
}

/* A named member of a result, as a number. */
struct member {
    const char *name;
    uint64_t value;
};

static void compare_members(const cJSON *equals, const struct member *members, uint32_t count)
{
    for (const cJSON *wanted = equals->child; wanted != NULL; wanted = wanted->next) {
        uint32_t i = 0;
        while (i < count && strcmp(members[i].name, wanted->string) != 0)
            i++;
        if (i == count)
            fail_msg("unknown member %s", wanted->string);
        if ((uint64_t)wanted->valuedouble != members[i].value)
            fail_msg("%s is %llu, not %.0f", wanted->string, (unsigned long long)members[i].value, wanted->valuedouble);
    }
}

static void compare_text(const cJSON *equals, const char *key, const char *text)
{
    const cJSON *wanted = cJSON_DetachItemFromObjectCaseSensitive((cJSON *)(uintptr_t)equals, key);
    if (wanted != NULL)
        assert_string_equal(wanted->valuestring, text);
    cJSON_Delete((cJSON *)(uintptr_t)wanted);
}

/* A list of names in what is compared, against flags; it is taken out. */
static void compare_flags(const cJSON *equals, const char *key, uint32_t flags, const char *const *names, size_t count)
{
    cJSON *wanted = cJSON_DetachItemFromObjectCaseSensitive((cJSON *)(uintptr_t)equals, key);
    if (wanted != NULL)
        assert_int_equal(flags, flags_of(wanted, names, count));
    cJSON_Delete(wanted);
}

static int32_t step_metadata(struct run *run, const cJSON *step, const cJSON *equals)
{
    const struct variable *frame = frame_of(run, text_of(step, "frame"));
    ixy_metadata metadata, before;
    int32_t code = ixy_buf_metadata(frame->frame_pool, &frame->frame, &metadata);
    if (code < 0)
        return code;
    compare_flags(equals, "flags", metadata.flags, metadata_names, METADATA_NAMES);
    const struct member members[] = {
        {"vlan_tci", metadata.vlan_tci}, {"l2_len", metadata.l2_len}, {"l3_len", metadata.l3_len}};
    compare_members(equals, members, sizeof(members) / sizeof(members[0]));
    if (cJSON_HasObjectItem(step, "not_before")) {
        const struct variable *other = frame_of(run, text_of(step, "not_before"));
        assert_int_equal(ixy_buf_metadata(other->frame_pool, &other->frame, &before), 0);
        assert_true(metadata.timestamp >= before.timestamp);
    }
    return code;
}

static int32_t step_capabilities(struct run *run, const cJSON *step)
{
    ixy_info info = {.struct_size = sizeof(info)};
    int32_t code = ixy_device_info(device_of(run, step)->handle, &info);
    if (code < 0)
        return code;
    uint32_t has = flags_of(cJSON_GetObjectItemCaseSensitive(step, "has"), capability_names, CAPABILITY_NAMES);
    uint32_t lacks = flags_of(cJSON_GetObjectItemCaseSensitive(step, "lacks"), capability_names, CAPABILITY_NAMES);
    assert_int_equal(info.capabilities & has, has);
    assert_int_equal(info.capabilities & lacks, 0);
    return code;
}

static int32_t step_info(struct run *run, const cJSON *step, const cJSON *equals)
{
    ixy_info info = {.struct_size = sizeof(info)};
    int32_t code = ixy_device_info(device_of(run, step)->handle, &info);
    if (code < 0)
        return code;
    compare_text(equals, "driver", info.driver);
    compare_text(equals, "name", info.name);
    compare_text(equals, "address", info.address);
    compare_flags(equals, "offloads", info.offloads, capability_names, CAPABILITY_NAMES);
    const struct member members[] = {
        {"vendor", info.vendor},         {"device_id", info.device_id},        {"rx_queues", info.rx_queues},
        {"tx_queues", info.tx_queues},   {"rx_ring_size", info.rx_ring_size},  {"tx_ring_size", info.tx_ring_size},
        {"tx_len_min", info.tx_len_min}, {"tx_len_max", info.tx_len_max},      {"emulated", info.emulated},
        {"rx_len_max", info.rx_len_max}, {"rx_frames_max", info.rx_frames_max}};
    compare_members(equals, members, sizeof(members) / sizeof(members[0]));
    return code;
}

static bool has_feature(uint64_t device, const char *wanted)
{
    char text[IXY_TEXT_MAX];
    int32_t count = 1;
    for (int32_t i = 0; i < count; i++) {
        count = ixy_device_feature(device, (uint32_t)i, text, sizeof(text));
        if (count > i && strcmp(text, wanted) == 0)
            return true;
    }
    return false;
}

static int32_t step_features(struct run *run, const cJSON *step)
{
    static const char *const lists[] = {"lacks", "has"};
    uint64_t device = device_of(run, step)->handle;
    int32_t code = ixy_device_feature(device, 0, NULL, 0);
    for (int has = 0; has < 2 && code >= 0; has++) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(step, lists[has]);
        for (const cJSON *name = list != NULL ? list->child : NULL; name != NULL; name = name->next)
            if (has_feature(device, name->valuestring) != (has == 1))
                fail_msg("not so: %s %s", lists[has], name->valuestring);
    }
    return code;
}

static int32_t step_link(struct run *run, const cJSON *step, const cJSON *equals)
{
    ixy_link link = {.struct_size = sizeof(link)};
    int32_t code = ixy_device_link(device_of(run, step)->handle, &link);
    const struct member members[] = {{"up", link.up}, {"speed_mbps", link.speed_mbps}};
    if (code >= 0)
        compare_members(equals, members, sizeof(members) / sizeof(members[0]));
    return code;
}

static int32_t step_stats(struct run *run, const cJSON *step, const cJSON *equals)
{
    ixy_stats stats = {.struct_size = sizeof(stats)};
    int32_t code = ixy_device_stats(device_of(run, step)->handle, &stats);
    const struct member members[] = {{"rx_packets", stats.rx_packets}, {"rx_bytes", stats.rx_bytes},
                                     {"tx_packets", stats.tx_packets}, {"tx_bytes", stats.tx_bytes},
                                     {"rx_missed", stats.rx_missed},   {"rx_errors", stats.rx_errors},
                                     {"rx_dropped", stats.rx_dropped}, {"rx_starved", stats.rx_starved}};
    if (code >= 0)
        compare_members(equals, members, sizeof(members) / sizeof(members[0]));
    return code;
}

static int32_t step_queue_stats(struct run *run, const cJSON *step, const cJSON *equals)
{
    ixy_queue_stats stats = {.struct_size = sizeof(stats)};
    int32_t code = ixy_device_queue_stats(device_of(run, step)->handle, number_of(step, "queue"), &stats);
    const struct member members[] = {{"rx_packets", stats.rx_packets}, {"rx_bytes", stats.rx_bytes},
                                     {"tx_packets", stats.tx_packets}, {"tx_bytes", stats.tx_bytes},
                                     {"rx_missed", stats.rx_missed},   {"rx_dropped", stats.rx_dropped},
                                     {"rx_starved", stats.rx_starved}};
    if (code >= 0)
        compare_members(equals, members, sizeof(members) / sizeof(members[0]));
    return code;
}

static int32_t step_counters(struct run *run, const cJSON *step, const cJSON *equals)
{
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    int32_t code = ixy_emu_counters_get(device_of(run, step)->handle, &counters);
    const struct member members[] = {{"violations", counters.violations}, {"generated", counters.generated},
                                     {"verified", counters.verified},     {"damaged", counters.damaged},
                                     {"repeated", counters.repeated},     {"reordered", counters.reordered},
                                     {"foreign", counters.foreign},       {"wire_dropped", counters.wire_dropped}};
    if (code >= 0)
        compare_members(equals, members, sizeof(members) / sizeof(members[0]));
    return code;
}

static int32_t step_mac(struct run *run, const cJSON *step, bool set)
{
    uint8_t mac[6];
    char text[18];
    uint64_t device = device_of(run, step)->handle;
    if (set) {
        assert_int_equal(sscanf(text_of(step, "mac"), "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2],
                                &mac[3], &mac[4], &mac[5]),
                         6);
        return ixy_device_mac_set(device, mac);
    }
    int32_t code = ixy_device_mac(device, mac);
    snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    assert_string_equal(text, text_of(step, "equals"));
    return code;
}

static int32_t run_step(struct run *run, const cJSON *step)
{
    const char *op = text_of(step, "op");
    const cJSON *equals = cJSON_GetObjectItemCaseSensitive(step, "equals");
    if (strcmp(op, "pool_open") == 0)
        return step_pool_open(run, step);
    if (strcmp(op, "pool_close") == 0)
        return ixy_pool_close(pool_of(run, step)->handle);
    if (strcmp(op, "pool_free_count") == 0) {
        int32_t count = ixy_pool_free_count(pool_of(run, step)->handle);
        assert_int_equal(count, number_of(step, "equals"));
        return count;
    }
    if (strcmp(op, "device_open") == 0)
        return step_device_open(run, step);
    if (strcmp(op, "device_start") == 0)
        return ixy_device_start(device_of(run, step)->handle);
    if (strcmp(op, "device_reset") == 0)
        return ixy_device_reset(device_of(run, step)->handle);
    if (strcmp(op, "device_close") == 0)
        return ixy_device_close(device_of(run, step)->handle);
    if (strcmp(op, "device_info") == 0)
        return step_info(run, step, equals);
    if (strcmp(op, "capabilities") == 0)
        return step_capabilities(run, step);
    if (strcmp(op, "features") == 0)
        return step_features(run, step);
    if (strcmp(op, "link") == 0)
        return step_link(run, step, equals);
    if (strcmp(op, "stats") == 0)
        return step_stats(run, step, equals);
    if (strcmp(op, "queue_stats") == 0)
        return step_queue_stats(run, step, equals);
    if (strcmp(op, "counters") == 0)
        return step_counters(run, step, equals);
    if (strcmp(op, "mac") == 0 || strcmp(op, "mac_set") == 0)
        return step_mac(run, step, op[3] != '\0');
    if (strcmp(op, "promiscuous_set") == 0)
        return ixy_device_promiscuous_set(device_of(run, step)->handle, number_of(step, "on"));
    if (strcmp(op, "alloc") == 0)
        return step_alloc(run, step);
    if (strcmp(op, "set_len") == 0) {
        frame_of(run, text_of(step, "frame"))->frame.len = (uint16_t)number_of(step, "len");
        return 0;
    }
    if (strcmp(op, "check_len") == 0) {
        assert_int_equal(frame_of(run, text_of(step, "frame"))->frame.len, number_of(step, "len"));
        return 0;
    }
    if (strcmp(op, "more") == 0)
        return step_more(run, step);
    if (strcmp(op, "metadata_set") == 0)
        return step_metadata_set(run, step);
    if (strcmp(op, "metadata") == 0)
        return step_metadata(run, step, equals);
    if (strcmp(op, "write") == 0)
        return step_write(run, step);
    if (strcmp(op, "read") == 0)
        return step_read(run, step);
    if (strcmp(op, "fill") == 0 || strcmp(op, "check") == 0)
        return step_pattern(run, step, op[0] == 'c');
    if (strcmp(op, "tx") == 0 || strcmp(op, "free") == 0)
        return step_move(run, step, op[0] == 't');
    if (strcmp(op, "rx") == 0 || strcmp(op, "rx_none") == 0)
        return step_rx(run, step);
    if (strcmp(op, "rx_until_error") == 0)
        return step_rx_until_error(run, step);
    if (strcmp(op, "forge") == 0 || strcmp(op, "frame_set") == 0)
        return step_copy(run, step);
    fail_msg("unknown step %s", op);
    return 0;
}

static void run_case(const char *file, const cJSON *one)
{
    struct run run = {.device_count = 0};
    char label[300];
    snprintf(label, sizeof(label), "%s: %s", file, text_of(one, "name"));
    strcpy(vectors_folder, "/tmp/ixy-vectors-XXXXXX");
    assert_non_null(mkdtemp(vectors_folder));
    uint32_t number = 0;
    for (const cJSON *step = cJSON_GetObjectItem(one, "steps")->child; step != NULL; step = step->next) {
        print_message("    %s, step %u: %s\n", label, ++number, text_of(step, "op"));
        int32_t code = run_step(&run, step);
        const cJSON *error = cJSON_GetObjectItemCaseSensitive(step, "error");
        assert_string_equal(code < 0 ? ixy_error_name(code) : "IXY_OK", error != NULL ? error->valuestring : "IXY_OK");
    }
    for (uint32_t i = 0; i < run.device_count; i++)
        ixy_device_close(run.devices[i].handle);
    for (uint32_t i = 0; i < run.pool_count; i++)
        ixy_pool_close(run.pools[i].handle);
    assert_int_equal(rmdir(vectors_folder), 0);
    vectors_folder[0] = '\0';
}

/* A copy of a case in which {device} is that address, in each text. */
static cJSON *case_for(const cJSON *one, const char *device)
{
    static const char mark[] = "{device}";
    static char text[1 << 18];
    char *given = cJSON_PrintUnformatted(one);
    assert_non_null(given);
    size_t length = 0;
    for (const char *at = given; *at != '\0'; at++) {
        bool marked = strncmp(at, mark, sizeof(mark) - 1) == 0;
        size_t size = marked ? strlen(device) : 1;
        assert_true(length + size < sizeof(text));
        memcpy(text + length, marked ? device : at, size);
        length += size;
        if (marked)
            at += sizeof(mark) - 2;
    }
    text[length] = '\0';
    free(given);
    cJSON *made = cJSON_Parse(text);
    assert_non_null(made);
    return made;
}

/* Runs a case, once for each of its devices if it names some. Returns how often. */
static uint32_t run_devices(const char *file, const cJSON *one)
{
    const cJSON *devices = cJSON_GetObjectItemCaseSensitive(one, "devices");
    if (devices == NULL) {
        run_case(file, one);
        return 1;
    }
    uint32_t count = 0;
    for (const cJSON *device = devices->child; device != NULL; device = device->next) {
        print_message("  on %s\n", device->valuestring);
        cJSON *made = case_for(one, device->valuestring);
        run_case(file, made);
        cJSON_Delete(made);
        count++;
    }
    assert_true(count > 0);
    return count;
}

static uint32_t run_file(const char *name)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/tests/vectors/%s", IXY_SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    static char text[1 << 20];
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    cJSON *root = cJSON_Parse(text);
    assert_non_null(root);
    uint32_t count = 0;
    for (const cJSON *one = cJSON_GetObjectItem(root, "cases")->child; one != NULL; one = one->next)
        count += run_devices(name, one);
    cJSON_Delete(root);
    return count;
}

static void test_vectors(void **state)
{
    (void)state;
    uint32_t count = 0;
    DIR *folder = opendir(IXY_SOURCE_DIR "/tests/vectors");
    assert_non_null(folder);
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot != NULL && strcmp(dot, ".json") == 0)
            count += run_file(entry->d_name);
    }
    closedir(folder);
    print_message("%u cases\n", count);
    assert_true(count > 0);
}

/* The folder of a case that failed, with what it left there. */
static int vectors_remove_folder(void **state)
{
    (void)state;
    DIR *folder = vectors_folder[0] != '\0' ? opendir(vectors_folder) : NULL;
    if (folder == NULL)
        return 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    return rmdir(vectors_folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(test_vectors, vectors_remove_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
