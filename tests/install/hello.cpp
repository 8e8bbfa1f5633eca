#include <ixy.h>

#include <iostream>

int main()
{
    std::uint64_t device = 0;
    if (ixy_device_open("emu:82599", nullptr, &device) != IXY_OK) {
        std::cerr << ixy_last_error() << '\n';
        return 1;
    }
    return ixy_device_close(device) == IXY_OK ? 0 : 1;
}
