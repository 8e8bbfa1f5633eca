#include "emu/wire/gen.h"

#include <stdlib.h>

#include "core/device/error.h"

/* A frame with more wrong bytes than this in its first 44 was never ours. A cut or lengthened frame has 6 wrong ones
 * (two lengths, a checksum), a real foreign one differs at least in both stations and both addresses. */
#define GEN_STRANGE 12

#define GEN_STREAM_MAX 32767 /* of the option; the streams above are given out by default */

static uint32_t gen_streams_given;

static uint64_t gen_mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

static uint64_t gen_key(uint32_t stream, uint32_t stamp_high)
{
    return gen_mix((uint64_t)stream << 32 | stamp_high | (uint64_t)1 << 63);
}

static void gen_put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static uint32_t gen_get16(const uint8_t *from)
{
    return (uint32_t)from[0] << 8 | from[1];
}

static void gen_make_header(uint8_t *header, uint32_t stream, uint32_t port, uint32_t stamp_high, uint32_t size)
{
    static const uint8_t gen_header_fixed[GEN_HEADER] = {
        0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x02, 0x69, 0x78, 0x79, 0x67, 0x6e, 0x08, 0x00, /* Ethernet */
        0x45, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x00, 0x00,             /* IPv4 */
        198,  18,   0x00, 0x00, 198,  19,   0x00, 0x01, 0x00, 0x00, 0x00, 9,                /* addresses, UDP */
    };
    memset(header, 0, GEN_HEADER_ROOM);
    memcpy(header, gen_header_fixed, GEN_HEADER);
    gen_put16(header + 16, size - 14);
    gen_put16(header + 28, stream);
    uint32_t sum = 0;
    for (int i = 14; i < 34; i += 2)
        sum += gen_get16(header + i);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    gen_put16(header + 24, ~sum);
    gen_put16(header + 34, port);
    gen_put16(header + 38, size - 34);
    header[42] = (uint8_t)stamp_high;
    header[43] = (uint8_t)(stamp_high >> 8);
}

void gen_set_flow(struct gen *gen, uint32_t flow)
{
    gen->key -= gen_port_key(0, gen->header);
    gen->flow = flow;
    gen_put16(gen->header + 34, GEN_PORT_FIRST + flow);
    gen->key = gen_port_key(gen->key, gen->header);
}

void gen_set_stamp_high(struct gen *gen, uint32_t stamp_high)
{
    gen->stamp_high = stamp_high;
    gen_make_header(gen->header, gen->stream, GEN_PORT_FIRST + gen->flow, stamp_high, gen->size);
    gen->key = gen_port_key(gen_key(gen->stream, stamp_high), gen->header);
}

uint32_t gen_ready_paced(struct gen *gen, uint32_t most)
{
    uint64_t now = gen->wire.now;
    if (gen->begin == 0 || now < gen->begin)
        gen->begin = now;
    uint64_t seconds = (now - gen->begin) / 1000000000u;
    gen->begin += seconds * 1000000000u;
    gen->due += seconds * gen->rate;
    uint64_t due = gen->due + (now - gen->begin) * gen->rate / 1000000000u;
    uint64_t left = due > gen->sequence ? due - gen->sequence : 0;
    return most > left ? (uint32_t)left : most;
}

/* A stream that is new to the sink begins with this frame. */
static struct gen_stream *gen_find_stream(struct gen *gen, uint32_t id, uint32_t sequence)
{
    for (uint32_t i = 0; i < gen->stream_count; i++) {
        if (gen->streams[i]->id == id)
            return gen->streams[i];
    }
    if (gen->stream_count == GEN_STREAMS_KEPT)
        return NULL;
    struct gen_stream **stream = &gen->streams[gen->stream_count];
    if (*stream == NULL)
        *stream = calloc(1, sizeof **stream);
    if (*stream == NULL)
        return NULL;
    gen->stream_count++;
    (*stream)->id = id;
    (*stream)->next = ((uint64_t)1 << 32) + sequence;
    (*stream)->run = (*stream)->next;
    return *stream;
}

static void gen_track(struct gen *gen, struct gen_stream *stream, uint32_t sequence)
{
    if (sequence == (uint32_t)stream->next)
        stream->next++;
    else
        gen_track_other(gen, stream, sequence);
}

/* A frame that is not as the last one was: of another stream or length, damaged or foreign. Decides without the sink's
 * present state, and on a right frame makes its stream the sink's present one. */
void gen_judge(struct gen *gen, const uint8_t *frame, uint32_t len)
{
    struct gen_sink sink;
    if (len < GEN_HEADER) {
        gen->foreign++;
        return;
    }
    uint32_t id = gen_get16(frame + 28), stamp_high = (uint32_t)frame[43] << 8 | frame[42];
    gen_make_header(sink.header, id, gen_get16(frame + 34), stamp_high, len);
    uint32_t strange = 0;
    for (int i = 0; i < GEN_HEADER; i++)
        strange += frame[i] != sink.header[i];
    if (strange > GEN_STRANGE) {
        gen->foreign++;
        return;
    }
    if (strange > 0 || len < GEN_SIZE_MIN || len > GEN_SIZE_MAX) {
        gen->damaged++;
        return;
    }
    uint64_t word = gen_load64(frame + 44) ^ gen->touched;
    sink.key = gen_key(id, stamp_high);
    if (gen_check(gen_port_key(sink.key, frame), word) != gen_load64(frame + 52) ||
        memcmp(frame + GEN_SIZE_MIN, gen->pattern + GEN_SIZE_MIN, len - GEN_SIZE_MIN) != 0) {
        gen->damaged++;
        return;
    }
    sink.stream = gen_find_stream(gen, id, (uint32_t)word);
    if (sink.stream == NULL) { /* more streams than a sink can follow: not verified, and it shows */
        gen->foreign++;
        return;
    }
    sink.len = len;
    gen->sink = sink;
    gen_track(gen, sink.stream, (uint32_t)word);
}

/* Sets the bits of all numbers from `from` to `to`, and clears the others of the words that begin there. */
static void gen_mark(struct gen_stream *stream, uint64_t from, uint64_t to, bool seen)
{
    if (to - from > GEN_WINDOW)
        from = (to - GEN_WINDOW + 63) / 64 * 64;
    while (from < to) {
        uint64_t *word = &stream->seen[from % GEN_WINDOW / 64];
        uint64_t bits = 64 - from % 64 < to - from ? 64 - from % 64 : to - from;
        uint64_t mask = ~(uint64_t)0 >> (64 - bits) << from % 64;
        if (from % 64 == 0)
            *word = 0;
        if (seen)
            *word |= mask;
        from += bits;
    }
}

/* A right frame, but not the one that was next. */
void gen_track_other(struct gen *gen, struct gen_stream *stream, uint32_t sequence)
{
    gen_mark(stream, stream->run, stream->next, true);
    gen->verified += stream->next - stream->run;
    stream->run = stream->next;

    int32_t ahead = (int32_t)(sequence - (uint32_t)stream->next);
    if (ahead >= 0) {
        gen_mark(stream, stream->next, stream->next + (uint32_t)ahead, false);
        stream->run = stream->next + (uint32_t)ahead;
        stream->next = stream->run + 1;
        return;
    }
    uint64_t number = stream->next - (uint32_t) - (int64_t)ahead;
    uint64_t *word = &stream->seen[number % GEN_WINDOW / 64], bit = (uint64_t)1 << number % 64;
    bool old = number / 64 + GEN_WINDOW / 64 <= (stream->next - 1) / 64;
    if (old || (*word & bit) != 0) {
        gen->repeated++;
        return;
    }
    *word |= bit;
    gen->reordered++;
    gen->verified++;
}

static void gen_transmit(struct wire *wire, const uint8_t *frame, uint32_t len)
{
    gen_verify((struct gen *)wire, frame, len);
}

/* Gives none after each burst, once: so a model that takes all there is comes to an end. */
static const uint8_t *gen_peek(struct wire *wire, uint32_t *len)
{
    struct gen *gen = (struct gen *)wire;
    if (gen->peeked == gen->burst || gen_ready(gen, 1) == 0) {
        gen->peeked = 0;
        return NULL;
    }
    gen_build(gen, gen->scratch);
    *len = gen->size;
    return gen->scratch;
}

static void gen_consume(struct wire *wire)
{
    struct gen *gen = (struct gen *)wire;
    gen->peeked++;
    gen_advance(gen);
}

static void gen_counters(const struct wire *wire, struct emu_counters *counters)
{
    const struct gen *gen = (const struct gen *)wire;
    counters->generated += gen->sequence;
    counters->verified += gen->verified;
    for (uint32_t i = 0; i < gen->stream_count; i++)
        counters->verified += gen->streams[i]->next - gen->streams[i]->run;
    counters->damaged += gen->damaged;
    counters->repeated += gen->repeated;
    counters->reordered += gen->reordered;
    counters->foreign += gen->foreign;
}

static void gen_close(struct wire *wire)
{
    struct gen *gen = (struct gen *)wire;
    for (uint32_t i = 0; i < GEN_STREAMS_KEPT; i++)
        free(gen->streams[i]);
    free(gen);
}

/* Flat out there is always a frame; it waits for the driver. */
static uint64_t gen_due(const struct wire *wire)
{
    const struct gen *gen = (const struct gen *)wire;
    if (gen->rate == 0 || gen->begin == 0 || gen->sequence >= gen->limit || gen->sequence < gen->due)
        return UINT64_MAX;
    uint64_t frames = gen->sequence - gen->due + 1; /* from `begin` on */
    return gen->begin + (frames * 1000000000u + gen->rate - 1) / gen->rate;
}

const struct wire_ops gen_ops = {
    .transmit = gen_transmit,
    .peek = gen_peek,
    .consume = gen_consume,
    .counters = gen_counters,
    .close = gen_close,
    .due = gen_due,
};

int32_t gen_open(struct address *address, struct wire **wire)
{
    uint64_t rate = 0, size = GEN_SIZE_MIN, limit = 0, burst = 64, flows = 1, stream = GEN_STREAM_MAX + 1, touch = 1;
    int32_t result;
    if ((result = address_take_number(address, "rate", 0, 1000000000u, &rate)) != 0 ||
        (result = address_take_number(address, "size", GEN_SIZE_MIN, GEN_SIZE_MAX, &size)) != 0 ||
        (result = address_take_number(address, "limit", 0, (uint64_t)1 << 47, &limit)) != 0 ||
        (result = address_take_number(address, "burst", 1, 4096, &burst)) != 0 ||
        (result = address_take_number(address, "flows", 1, GEN_FLOWS_MAX, &flows)) != 0 ||
        (result = address_take_number(address, "stream", 0, GEN_STREAM_MAX, &stream)) != 0 ||
        (result = address_take_number(address, "touch", 0, 255, &touch)) != 0)
        return result;
    struct gen *gen = calloc(1, sizeof *gen);
    if (gen != NULL)
        gen->streams[0] = calloc(1, sizeof *gen->streams[0]);
    if (gen == NULL || gen->streams[0] == NULL) {
        free(gen);
        return error_set(IXY_E_NO_MEMORY, "%s: no memory for the generator", address->text);
    }
    if (stream > GEN_STREAM_MAX)
        stream += __atomic_fetch_add(&gen_streams_given, 1, __ATOMIC_RELAXED) % (GEN_STREAM_MAX + 1u);
    gen->wire.ops = &gen_ops;
    gen->wire.waits = rate == 0;
    gen->rate = rate;
    gen->size = (uint32_t)size;
    gen->limit = limit != 0 ? limit : (uint64_t)1 << 48;
    gen->burst = (uint32_t)burst;
    gen->flows = (uint32_t)flows;
    gen->stream = (uint32_t)stream;
    gen_set_stamp_high(gen, 0);
    for (uint32_t i = 0; i < GEN_SIZE_MAX; i++)
        gen->pattern[i] = (uint8_t)(i * 167 + (i >> 8) + 13);
    gen->touched = touch << 32;
    *wire = &gen->wire;
    return 0;
}
