/* Two ports over libixy.so: all calls but those of the packet path, for the forwarders that differ only there. */
#ifndef BENCHMARKS_PORTS_H
#define BENCHMARKS_PORTS_H

#include "abi/include/ixy.h"
#include "forwarder.h"

struct ports {
    uint64_t pool;
    uint64_t device[FORWARDER_PORTS];
    ixy_view view;
    ixy_frame frames[FORWARDER_BATCH_MAX];
};

extern struct ports ports;

bool ports_open(const char *address, struct run *run);
void ports_meter(uint32_t port, struct meter *meter);
bool ports_counters(uint32_t port, struct counters *counters);
void ports_close(void);

#endif
