/* ixy devices: which devices this machine has, and what is missing before they can be opened. */
#include "apps/ixy.h"

static void devices_print_text(const ixy_found *found)
{
    printf("%-18s %-28s %04x:%04x  %-12s %s\n", found->address, found->name, found->vendor, found->device_id,
           found->driver[0] != '\0' ? found->driver : "no driver", found->usable ? "usable" : "not usable yet:");
    if (!found->usable)
        printf("    %s\n", found->missing);
}

static void devices_print_json(const ixy_found *found)
{
    printf("{\"address\":");
    print_json_string(stdout, found->address);
    printf(",\"name\":");
    print_json_string(stdout, found->name);
    printf(",\"vendor\":%u,\"device_id\":%u,\"driver\":", found->vendor, found->device_id);
    print_json_string(stdout, found->driver);
    printf(",\"usable\":%s,\"missing\":", found->usable ? "true" : "false");
    print_json_string(stdout, found->missing);
    printf("}\n");
}

int command_devices(const struct options *options)
{
    int32_t count = 1;
    for (int32_t i = 0; i < count; i++) {
        ixy_found found = {.struct_size = sizeof(found)};
        count = ixy_device_find((uint32_t)i, &found);
        if (count < 0) {
            print_error("devices", count, ixy_last_error());
            return 1;
        }
        if (i < count && options->json)
            devices_print_json(&found);
        else if (i < count)
            devices_print_text(&found);
    }
    if (count == 0 && !options->json)
        printf("no network device that libixy has a driver for; emu:82599 and emu:virtio need none\n");
    return 0;
}
