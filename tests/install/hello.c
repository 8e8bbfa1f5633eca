#include <ixy.h>
#include <stdio.h>

int main(void)
{
    uint64_t device;
    if (ixy_device_open("emu:82599", NULL, &device) != IXY_OK) {
        return fprintf(stderr, "%s\n", ixy_last_error());
    }
    return ixy_device_close(device) != IXY_OK;
}
