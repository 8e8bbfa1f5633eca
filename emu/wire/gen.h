/* The generator and its verifying sink: numbered, time-stamped, checked frames.
 *
 * A generator sends one stream (several flows, if asked). Every byte of its frames is determined by the stream, the
 * sequence number and the time stamp, so the sink at any device's other end can tell a right frame from a damaged,
 * repeated or foreign one without having seen it sent. A forwarder adds one to byte 48, and the sink expects that.
 *
 * Both are on the path of every benchmark: they are inline, and the model calls them directly.
 */
#ifndef EMU_WIRE_GEN_H
#define EMU_WIRE_GEN_H

#include "emu/wire/wire.h"

/* The rest of this header is the wire's: struct gen (whose first member is struct wire), gen_ready, gen_write, and
 * gen_verify, static inline:
 *
 *   uint32_t gen_ready(struct gen *gen, uint32_t most);      how many frames may be sent now (rate, limit, burst)
 *   uint32_t gen_write(struct gen *gen, uint8_t *to);        writes the next frame there, returns its length
 *   void gen_verify(struct gen *gen, const uint8_t *frame, uint32_t len);   judges a frame that arrived at the sink
 *   struct gen *gen_of(struct wire *wire);                   NULL if the wire is another
 */

#endif
