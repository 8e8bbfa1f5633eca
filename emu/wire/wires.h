/* The kinds of wires that wire_open chooses from (gen has gen.h). Each takes its own options and returns 0 or an error
 * with its text. */
#ifndef EMU_WIRE_WIRES_H
#define EMU_WIRE_WIRES_H

#include "emu/wire/wire.h"

int32_t loop_open(struct wire **wire);
int32_t pair_open(const char *name, bool timing_inline, struct wire **wire);
int32_t pcap_open(struct address *address, struct wire **wire);
int32_t tap_open(const char *name, struct wire **wire);

/* In a child after fork(): forgets the parent's cables, so that their names are free. */
void pair_after_fork_in_child(void);

#endif
