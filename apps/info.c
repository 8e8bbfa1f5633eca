/* ixy info: what a device is. */
#include <string.h>
#include <time.h>

#include "apps/ixy.h"

#define INFO_FEATURES_MAX 64 /* bits of a VirtIO device's features */

/* What is asked of a device. */
struct info {
    ixy_info device;
    ixy_link link;
    uint8_t mac[6];
    char features[INFO_FEATURES_MAX][IXY_TEXT_MAX];
    int32_t feature_count;
};

/* Such a device has the queues that its maker gave it; how many, only opening with more tells. */
static bool info_is_virtio(const ixy_info *info)
{
    return strcmp(info->driver, "virtio") == 0;
}

static void info_print_text(const struct info *found)
{
    const ixy_info *info = &found->device;
    const ixy_link *link = &found->link;
    const uint8_t *mac = found->mac;
    printf("address   %s\n", info->address);
    printf("device    %s (%04x:%04x)%s\n", info->name, info->vendor, info->device_id,
           info->emulated ? ", emulated" : "");
    printf("driver    %s\n", info->driver);
    printf("station   %02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    if (link->up && link->speed_mbps == 0)
        printf("link      up, at a speed that the device does not tell\n");
    else if (link->up)
        printf("link      up, %u Mbit/s\n", link->speed_mbps);
    else
        printf("link      down\n");
    if (info_is_virtio(info))
        printf("queues    in pairs, as many as it has, up to %d\n", IXY_QUEUES_MAX);
    else
        printf("queues    1 to %d of each kind\n", IXY_QUEUES_MAX);
    printf("frames    %u to %u bytes without checksum\n", info->tx_len_min, info->tx_len_max);
    for (int32_t i = 0; i < found->feature_count; i++)
        printf("%s%s%s", i == 0 ? "features  " : " ", found->features[i], i + 1 == found->feature_count ? "\n" : "");
}

static void info_print_json(const struct info *found)
{
    const ixy_info *info = &found->device;
    const ixy_link *link = &found->link;
    const uint8_t *mac = found->mac;
    printf("{\"address\":");
    print_json_string(stdout, info->address);
    printf(",\"name\":\"%s\",\"vendor\":%u,\"device_id\":%u,\"emulated\":%s,\"driver\":\"%s\"", info->name,
           info->vendor, info->device_id, info->emulated ? "true" : "false", info->driver);
    printf(",\"mac\":\"%02x:%02x:%02x:%02x:%02x:%02x\",\"link_up\":%s,\"speed_mbps\":%u", mac[0], mac[1], mac[2],
           mac[3], mac[4], mac[5], link->up ? "true" : "false", link->speed_mbps);
    if (!info_is_virtio(info))
        printf(",\"queues_max\":%d", IXY_QUEUES_MAX);
    printf(",\"tx_len_min\":%u,\"tx_len_max\":%u,\"features\":[", info->tx_len_min, info->tx_len_max);
    for (int32_t i = 0; i < found->feature_count; i++) {
        if (i > 0)
            fputc(',', stdout);
        print_json_string(stdout, found->features[i]);
    }
    printf("]}\n");
}

/* A link takes a moment to come up after the reset that opening is; one without a cable is down after a second. */
static int32_t info_link(uint64_t device, ixy_link *link)
{
    int32_t code = ixy_device_link(device, link);
    for (int tries = 0; tries < 100 && code >= 0 && !link->up; tries++) {
        struct timespec pause = {.tv_nsec = 10000000};
        nanosleep(&pause, NULL);
        code = ixy_device_link(device, link);
    }
    return code;
}

static int32_t info_features(uint64_t device, struct info *found)
{
    int32_t code = ixy_device_feature(device, 0, NULL, 0);
    found->feature_count = code < INFO_FEATURES_MAX ? code : INFO_FEATURES_MAX;
    for (int32_t i = 0; i < found->feature_count && code >= 0; i++)
        code = ixy_device_feature(device, (uint32_t)i, found->features[i], IXY_TEXT_MAX);
    return code;
}

int command_info(const struct options *options)
{
    const char *address = options->operands[0];
    uint64_t device;
    int32_t code = ixy_device_open(address, NULL, &device);
    if (code < 0) {
        print_error(address, code, ixy_last_error());
        return 1;
    }
    static struct info found = {.device.struct_size = sizeof(ixy_info), .link.struct_size = sizeof(ixy_link)};
    code = ixy_device_info(device, &found.device);
    if (code >= 0)
        code = info_link(device, &found.link);
    if (code >= 0)
        code = ixy_device_mac(device, found.mac);
    if (code >= 0)
        code = info_features(device, &found);
    if (code < 0)
        print_error(address, code, ixy_last_error());
    else if (options->json)
        info_print_json(&found);
    else
        info_print_text(&found);
    ixy_device_close(device);
    return code < 0 ? 1 : 0;
}
