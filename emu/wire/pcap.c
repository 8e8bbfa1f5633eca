#include "emu/wire/wires.h"

#include "core/device/error.h"

int32_t pcap_open(struct address *address, struct wire **wire)
{
    (void)address;
    (void)wire;
    return error_set(IXY_E_UNSUPPORTED, "wire pcap is not built in yet");
}
