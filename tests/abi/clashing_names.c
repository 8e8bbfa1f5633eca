/* A program that carries libixy.c and has functions called as the library's own are. */
#include <stdio.h>

#include "ixy.h"

int pool_open(void);
int device_open(void);
int error_set(void);

int pool_open(void)
{
    return 1;
}

int device_open(void)
{
    return 2;
}

int error_set(void)
{
    return 3;
}

int main(void)
{
    uint64_t pool = 0;
    uint64_t device = 0;
    ixy_device_config config = {.struct_size = sizeof(config)};
    if (pool_open() + device_open() + error_set() != 6 || ixy_pool_open(NULL, &pool) != IXY_OK) {
        fprintf(stderr, "pool: %s\n", ixy_last_error());
        return 1;
    }
    config.pool = pool;
    if (ixy_device_open("emu:82599,timing=inline", &config, &device) != IXY_OK || ixy_device_start(device) != IXY_OK) {
        fprintf(stderr, "device: %s\n", ixy_last_error());
        return 1;
    }
    if (ixy_device_close(device) != IXY_OK || ixy_pool_close(pool) != IXY_OK) {
        fprintf(stderr, "close: %s\n", ixy_last_error());
        return 1;
    }
    return 0;
}
