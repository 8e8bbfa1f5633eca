/* A loadable object that carries the library: what a Lua module, a Node addon or a program's plugin is. */
#include "abi/include/ixy.h"

int plugin_begin(void);
int plugin_end(void);

static uint64_t pool, device;

/* Leaves a device open whose model has a thread, as a program does that forgot it. */
int plugin_begin(void)
{
    ixy_device_config config = {.struct_size = sizeof(config)};
    int code = ixy_pool_open(NULL, &pool);
    config.pool = pool;
    if (code == 0)
        code = ixy_device_open("emu:82599,wire=gen,rate=1000", &config, &device);
    return code == 0 ? ixy_device_start(device) : code;
}

int plugin_end(void)
{
    int code = ixy_device_close(device);
    return code == 0 ? ixy_pool_close(pool) : code;
}
