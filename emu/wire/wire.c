#include "emu/wire/wire.h"

#include <string.h>

#include "core/device/error.h"
#include "emu/wire/gen.h"
#include "emu/wire/wires.h"

int32_t wire_open(struct address *address, bool timing_inline, struct wire **wire)
{
    const char *kind = address_take(address, "wire");
    const char *pair = address_take(address, "pair");
    const char *tap = address_take(address, "tap");
    if ((kind != NULL) + (pair != NULL) + (tap != NULL) > 1)
        return error_set(IXY_E_ADDRESS, "%s: a device has one wire; give one of wire=, pair= and tap=", address->text);
    if (pair != NULL)
        return pair_open(pair, timing_inline, wire);
    if (tap != NULL)
        return tap_open(tap, wire);
    if (kind == NULL || strcmp(kind, "loop") == 0)
        return loop_open(wire);
    if (strcmp(kind, "gen") == 0)
        return gen_open(address, wire);
    if (strcmp(kind, "pcap") == 0)
        return pcap_open(address, wire);
    return error_set(IXY_E_ADDRESS,
                     "%s: wire=%s is not a wire; there are wire=loop, wire=gen, wire=pcap, pair=NAME and "
                     "tap=NAME",
                     address->text, kind);
}

void wire_after_fork_in_child(void)
{
    pair_after_fork_in_child();
}
