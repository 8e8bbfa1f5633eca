/* Which devices this machine has. */
#include "abi/objects.h"
#include "abi/structs.h"
#include "core/device/error.h"

int32_t ixy_device_find(uint32_t index, ixy_found *found)
{
    (void)index;
    int32_t code = struct_check(found, sizeof(ixy_found), "ixy_found");
    return code < 0 ? code : error_set(IXY_E_UNSUPPORTED, "no PCI bus yet");
}
