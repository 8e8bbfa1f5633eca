/* ixy info: what a device is. */
#include <time.h>

#include "apps/ixy.h"

static void info_print_text(const ixy_info *info, const ixy_link *link, const uint8_t *mac)
{
    printf("address   %s\n", info->address);
    printf("device    %s (%04x:%04x)%s\n", info->name, info->vendor, info->device_id,
           info->emulated ? ", emulated" : "");
    printf("driver    %s\n", info->driver);
    printf("station   %02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    if (link->up)
        printf("link      up, %u Mbit/s\n", link->speed_mbps);
    else
        printf("link      down\n");
    printf("queues    1 to %d of each kind\n", IXY_QUEUES_MAX);
    printf("frames    %u to %u bytes without checksum\n", info->tx_len_min, info->tx_len_max);
}

static void info_print_json(const ixy_info *info, const ixy_link *link, const uint8_t *mac)
{
    printf("{\"address\":");
    print_json_string(stdout, info->address);
    printf(",\"name\":\"%s\",\"vendor\":%u,\"device_id\":%u,\"emulated\":%s,\"driver\":\"%s\"", info->name,
           info->vendor, info->device_id, info->emulated ? "true" : "false", info->driver);
    printf(",\"mac\":\"%02x:%02x:%02x:%02x:%02x:%02x\",\"link_up\":%s,\"speed_mbps\":%u,\"queues_max\":%d", mac[0],
           mac[1], mac[2], mac[3], mac[4], mac[5], link->up ? "true" : "false", link->speed_mbps, IXY_QUEUES_MAX);
    printf(",\"tx_len_min\":%u,\"tx_len_max\":%u}\n", info->tx_len_min, info->tx_len_max);
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

int command_info(const struct options *options)
{
    const char *address = options->operands[0];
    uint64_t device;
    int32_t code = ixy_device_open(address, NULL, &device);
    if (code < 0) {
        print_error(address, code, ixy_last_error());
        return 1;
    }
    ixy_info info = {.struct_size = sizeof(info)};
    ixy_link link = {.struct_size = sizeof(link)};
    uint8_t mac[6] = {0};
    code = ixy_device_info(device, &info);
    if (code >= 0)
        code = info_link(device, &link);
    if (code >= 0)
        code = ixy_device_mac(device, mac);
    if (code < 0)
        print_error(address, code, ixy_last_error());
    else if (options->json)
        info_print_json(&info, &link, mac);
    else
        info_print_text(&info, &link, mac);
    ixy_device_close(device);
    return code < 0 ? 1 : 0;
}
