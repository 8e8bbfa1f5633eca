/* Any bytes as a capture file, received by an emulated device and, for what was taken, sent to another file. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/include/ixy.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint64_t pool;
    char address[128];
    uint64_t device;
    if (pool == 0 && ixy_pool_open(NULL, &pool) < 0)
        abort();
    int32_t before = ixy_pool_free_count(pool);
    int in = memfd_create("in", 0), out = memfd_create("out", 0);
    if (in < 0 || out < 0 || write(in, bytes, size) != (ssize_t)size)
        abort();
    snprintf(address, sizeof address, "emu:82599,timing=inline,wire=pcap,in=/proc/self/fd/%d,out=/proc/self/fd/%d", in,
             out);
    ixy_device_config config = {.struct_size = sizeof config, .pool = pool, .rx_ring_size = 64, .tx_ring_size = 64};
    if (ixy_device_open(address, &config, &device) == 0) {
        ixy_frame frames[32];
        if (ixy_device_start(device) < 0)
            abort();
        for (int32_t n = 1, polls = 0; n >= 0 && polls < 64; polls++) {
            n = ixy_rx_batch(device, 0, frames, 32);
            int32_t sent = n > 0 ? ixy_tx_batch(device, 0, frames, (uint32_t)n) : 0;
            if (n > 0 && sent < n)
                ixy_buf_free(pool, frames + (sent < 0 ? 0 : sent), (uint32_t)(n - (sent < 0 ? 0 : sent)));
        }
        ixy_device_close(device);
    }
    close(in);
    close(out);
    if (ixy_pool_free_count(pool) != before)
        abort();
    return 0;
}
