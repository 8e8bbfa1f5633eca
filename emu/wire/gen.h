/* The generator and its verifying sink: numbered, time-stamped, checked frames.
 *
 * A generator sends one stream (several flows, if asked). Every byte of its frames is determined by the stream, the
 * flow, the sequence number and the time stamp, so the sink at any device's other end can tell a right frame from a
 * damaged, repeated or foreign one without having seen it sent: nothing is shared but what stands in the frame. A
 * forwarder adds one to byte 48, and the sink expects that (option touch).
 *
 * Both are on the path of every benchmark: they are inline, and the model calls them directly. The same through
 * wire_ops is for models that do not care.
 *
 * A frame of 60 bytes (network order but where "le" says little-endian):
 *
 *    0  6  destination 02:00:00:00:00:02
 *    6  6  source 02:69:78:79:67:6e
 *   12  2  0x0800
 *   14 20  IPv4: no options, identification 0, do not fragment, TTL 64, UDP, right header checksum,
 *          from 198.18.s.s (s: the stream, 16 bits; 198.18.0.0/15 is RFC 2544's range for benchmarks) to 198.19.0.1
 *   34  8  UDP: source port 49152 + flow, destination port 9, checksum 0 (none)
 *   42  2  time stamp, bits 24 to 39, le
 *   44  4  sequence number, the low 32 bits, le
 *   48  1  0, the byte that forwarders touch
 *   49  3  time stamp, bits 0 to 23, le
 *   52  8  check word, le
 *
 * and in longer frames from byte 60 on a fixed pattern. The time stamp is wire.now in nanoseconds. The check word mixes
 * bytes 44 to 51 with a key of stream, flow and the time stamp's upper bits. The first 44 bytes change only with
 * stream and flow, and every 17 ms, so writing a frame is three wide copies and two words, and verifying it three wide
 * comparisons and the same two words.
 */
#ifndef EMU_WIRE_GEN_H
#define EMU_WIRE_GEN_H

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "emu/wire/wire.h"

#define GEN_SIZE_MIN 60
#define GEN_SIZE_MAX 1514
#define GEN_FLOWS_MAX 16384
#define GEN_PORT_FIRST 49152
#define GEN_STREAMS_KEPT 64

#define GEN_HEADER 44 /* bytes before the two words */
#define GEN_HEADER_ROOM 48

/* How far a frame may come behind the newest of its stream and still be told from a repeated one: GEN_WINDOW - 64. An
 * older one counts as repeated. */
#define GEN_WINDOW 131072

/* What a sink knows of one stream. Sequence numbers are made 64 bits long by nearness to `next`, and begin above 2^32
 * so that there is a before. Frames that come in order only move `next`; their bits are set, and they are counted,
 * when another one comes. */
struct gen_stream {
    uint64_t next; /* one past the highest number seen */
    uint64_t run;  /* all from here to next were seen, and are neither in `seen` nor in `verified` yet */
    uint32_t id;
    uint64_t seen[GEN_WINDOW / 64]; /* bit n % GEN_WINDOW: n was seen; right up to the word of run - 1 */
};

/* The stream whose frame came last: what the next one should look like. */
struct gen_sink {
    uint8_t header[GEN_HEADER_ROOM];
    uint64_t key; /* without the port */
    struct gen_stream *stream;
    uint32_t len; /* 0: no stream yet */
};

struct gen {
    struct wire wire;
    uint64_t sequence; /* of the next frame, which is also the number generated */
    uint64_t limit;
    uint64_t key;   /* of stream, time stamp bits 24 to 39 and port */
    uint64_t stamp; /* bits 40 to 63: the time stamp's bits 0 to 23 */
    uint32_t size, flows;
    uint32_t burst;
    uint8_t header[GEN_HEADER_ROOM];

    uint64_t touched; /* what byte 48 should hold at the sink, where it stands in its word */
    struct gen_sink sink;

    uint64_t rate;  /* 0: flat out */
    uint64_t begin; /* paced: `due` frames were due at this time */
    uint64_t due;
    uint32_t stream, flow;
    uint32_t stamp_high; /* in header and key now */
    uint32_t peeked;     /* frames that peek has given since it last gave none */
    uint64_t verified, damaged, repeated, reordered, foreign;
    struct gen_stream *streams[GEN_STREAMS_KEPT]; /* the first is there from the beginning, others when they are seen */
    uint32_t stream_count;
    uint8_t pattern[GEN_SIZE_MAX];
    uint8_t scratch[GEN_SIZE_MAX];
};

extern const struct wire_ops gen_ops;

/* Takes the options rate, size, limit, burst, flows, stream and touch. */
int32_t gen_open(struct address *address, struct wire **wire);

/* The rare ways of the functions below. */
uint32_t gen_ready_paced(struct gen *gen, uint32_t most);
void gen_set_flow(struct gen *gen, uint32_t flow);
void gen_set_stamp_high(struct gen *gen, uint32_t stamp_high);
void gen_judge(struct gen *gen, const uint8_t *frame, uint32_t len);
void gen_track_other(struct gen *gen, struct gen_stream *stream, uint32_t sequence);

/* NULL if the wire is another. */
static inline struct gen *gen_of(struct wire *wire)
{
    return wire->ops == &gen_ops ? (struct gen *)wire : NULL;
}

static inline uint64_t gen_le64(uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(value);
#else
    return value;
#endif
}

/* A bijection of word: a change of bytes 44 to 51 alone, or of the check word alone, never goes unseen. */
static inline uint64_t gen_check(uint64_t key, uint64_t word)
{
    uint64_t product = (word ^ key) * 0xd6e8feb86659fd93u;
    return product ^ product >> 32;
}

static inline uint64_t gen_port_key(uint64_t key, const uint8_t *header)
{
    return key + (header[34] | (uint32_t)header[35] << 8) * 0x9e3779b97f4a7c15u;
}

static inline uint64_t gen_load64(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, 8);
    return gen_le64(value);
}

static inline void gen_store64(uint8_t *to, uint64_t value)
{
    value = gen_le64(value);
    memcpy(to, &value, 8);
}

/* Whether the first 44 bytes are the same, the source port aside. */
static inline bool gen_header_same(const uint8_t *frame, const uint8_t *header)
{
#if defined(__SSE2__)
    const __m128i port = _mm_set_epi32(0, 0, (int)0xffff0000u, 0);
    __m128i a = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)frame),
                               _mm_loadu_si128((const __m128i *)(const void *)header));
    __m128i b = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(frame + 16)),
                               _mm_loadu_si128((const __m128i *)(const void *)(header + 16)));
    __m128i c = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(frame + 28)),
                               _mm_loadu_si128((const __m128i *)(const void *)(header + 28)));
    return _mm_movemask_epi8(_mm_and_si128(_mm_and_si128(a, b), _mm_or_si128(c, port))) == 0xffff;
#else
    static const uint8_t gen_header_words[6] = {0, 8, 16, 24, 26, 36};
    uint64_t different = 0;
    for (int i = 0; i < 6; i++) {
        uint64_t a, b;
        memcpy(&a, frame + gen_header_words[i], 8);
        memcpy(&b, header + gen_header_words[i], 8);
        different |= a ^ b;
    }
    return different == 0;
#endif
}

/* How many frames may be sent now: by most, burst, limit and rate. Stamps the frames that follow with wire.now. */
static inline uint32_t gen_ready(struct gen *gen, uint32_t most)
{
    gen->stamp = gen->wire.now << 40;
    uint32_t stamp_high = gen->wire.now >> 24 & 0xffff;
    if (__builtin_expect(stamp_high != gen->stamp_high, 0))
        gen_set_stamp_high(gen, stamp_high);
    if (most > gen->burst)
        most = gen->burst;
    uint64_t left = gen->limit - gen->sequence;
    if (most > left)
        most = (uint32_t)left;
    return gen->rate == 0 ? most : gen_ready_paced(gen, most);
}

/* Writes the next frame without sending it: `to` has room for size bytes. */
static inline void gen_build(const struct gen *gen, uint8_t *restrict to)
{
    uint64_t word = gen->stamp | (gen->sequence & 0xffffffffu);
    memcpy(to, gen->header, 16);
    memcpy(to + 16, gen->header + 16, 16);
    memcpy(to + 28, gen->header + 28, 16);
    gen_store64(to + 44, word);
    gen_store64(to + 52, gen_check(gen->key, word));
    if (__builtin_expect(gen->size > GEN_SIZE_MIN, 0))
        memcpy(to + GEN_SIZE_MIN, gen->pattern + GEN_SIZE_MIN, gen->size - GEN_SIZE_MIN);
}

/* Counts the frame that was written as sent. */
static inline void gen_advance(struct gen *gen)
{
    gen->sequence++;
    if (__builtin_expect(gen->flows > 1, 0))
        gen_set_flow(gen, gen->flow + 1 < gen->flows ? gen->flow + 1 : 0);
}

/* Sends the next frame: writes it to `to`, which has room for size bytes, and returns its length. */
static inline uint32_t gen_write(struct gen *gen, uint8_t *to)
{
    gen_build(gen, to);
    gen_advance(gen);
    return gen->size;
}

/* Judges a frame that arrived at the sink; reads len bytes of it and no more. */
static inline void gen_verify(struct gen *gen, const uint8_t *frame, uint32_t len)
{
    const struct gen_sink *sink = &gen->sink;
    if (__builtin_expect(len == sink->len, 1)) {
        uint64_t word = gen_load64(frame + 44) ^ gen->touched;
        uint64_t check = gen_check(gen_port_key(sink->key, frame), word);
        if (__builtin_expect(check == gen_load64(frame + 52) && gen_header_same(frame, sink->header), 1) &&
            (len == GEN_SIZE_MIN ||
             memcmp(frame + GEN_SIZE_MIN, gen->pattern + GEN_SIZE_MIN, len - GEN_SIZE_MIN) == 0)) {
            if (__builtin_expect((uint32_t)word == (uint32_t)sink->stream->next, 1))
                sink->stream->next++;
            else
                gen_track_other(gen, sink->stream, (uint32_t)word);
            return;
        }
    }
    gen_judge(gen, frame, len);
}

#endif
