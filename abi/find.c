/* Which devices this machine has, and what is missing before they can be opened. */
#include <stdio.h>
#include <stdlib.h>

#include "abi/objects.h"
#include "abi/structs.h"
#include "core/bus/pci.h"
#include "core/device/cancel.h"
#include "core/device/error.h"

static void find_describe(const char *name, uint16_t vendor, uint16_t device_id, ixy_found *found)
{
    char driver[PCI_LINK_SIZE];
    enum pci_way way;
    pci_read_link(name, "driver", driver);
    found->vendor = vendor;
    found->device_id = device_id;
    snprintf(found->address, sizeof(found->address), "pci:%s", name);
    snprintf(found->name, sizeof(found->name), "%s", device_product(vendor, device_id));
    snprintf(found->driver, sizeof(found->driver), "%.31s", driver);
    int32_t code = pci_missing(name, vendor, &way);
    if (code >= 0)
        code = pci_missing_memory(name, way);
    found->usable = code >= 0 ? 1 : 0;
    if (code < 0)
        snprintf(found->missing, sizeof(found->missing), "%s", error_text());
}

/* Returns how many there are, or an error; describes the index-th. */
static int32_t find_all(uint32_t index, ixy_found *found)
{
    char(*names)[PCI_NAME_SIZE];
    uint32_t count, known = 0;
    int32_t code = pci_list(&names, &count);
    if (code < 0)
        return code;
    char text[ERROR_TEXT_SIZE];
    error_save(text); /* what is missing is no failure of this call */
    for (uint32_t i = 0; i < count; i++) {
        uint16_t vendor, device_id = 0;
        code = pci_read_id(names[i], "vendor", &vendor);
        if (code >= 0)
            code = pci_read_id(names[i], "device", &device_id);
        if (code < 0 && code != IXY_E_NOT_FOUND)
            break;
        /* One that goes away meanwhile is not there. */
        if (code >= 0 && device_product(vendor, device_id) != NULL && known++ == index)
            find_describe(names[i], vendor, device_id, found);
        code = 0;
    }
    free(names);
    if (code < 0)
        return code;
    error_restore(text);
    return (int32_t)known;
}

int32_t ixy_device_find(uint32_t index, ixy_found *found)
{
    ixy_found filled = {0};
    struct struct_result result;
    int32_t code = struct_check(found, sizeof(ixy_found), "ixy_found", &result);
    if (code < 0)
        return code;
    int cancel = cancel_off();
    code = find_all(index, &filled);
    cancel_restore(cancel);
    if (code >= 0)
        struct_write(&result, &filled, sizeof(filled));
    return code;
}
