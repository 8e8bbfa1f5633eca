/* Capture files as a wire: in=FILE is received once, out=FILE records what is sent.
 *
 * The format is classic pcap, as `man pcap-savefile` has it: a header of 24 bytes and records of 16 bytes and a frame.
 * It is read in both byte orders, with time stamps of micro- or nanoseconds (they are not replayed), and written in
 * the machine's own order with nanoseconds.
 *
 * A file is checked whole when it is opened, and each record again when it is received, so that one that changes
 * meanwhile is nothing worse than its end. */
#include "emu/wire/wires.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/device/cancel.h"
#include "core/device/error.h"
#include "core/device/fork.h"

#define PCAP_MAGIC_MICRO 0xa1b2c3d4u
#define PCAP_MAGIC_NANO 0xa1b23c4du
#define PCAP_LINKTYPE_ETHERNET 1
#define PCAP_FILE_HEADER 24
#define PCAP_RECORD_HEADER 16
#define PCAP_ETHERNET_MIN 14 /* two addresses and a type */
#define PCAP_ETHERNET_PAD 60 /* what a sender pads to; captures hold frames from before that */

#define PCAP_OUT_SIZE (64u << 10)
#define PCAP_FLUSH_NS 50000000u /* how long a record may wait for a reader, while the device is stepped */

struct pcap {
    struct wire wire;

    FILE *in; /* NULL: none, or at its end */
    bool swapped;
    uint64_t left;   /* bytes of the file behind what was read */
    uint64_t record; /* counted from 1, of the record read last */
    uint32_t len;    /* of the frame in `frame`, 0: none */
    uint8_t frame[WIRE_FRAME_MAX];

    int out;          /* -1: none */
    uint64_t written; /* bytes in the file, whole records */
    uint64_t flushed; /* wire.now of the last flush */
    uint64_t dropped;
    uint32_t out_used, out_frames;
    uint8_t out_bytes[PCAP_OUT_SIZE];
};

_Static_assert(PCAP_RECORD_HEADER + WIRE_FRAME_MAX <= PCAP_OUT_SIZE, "the buffer holds any record");

/* ---- in ---- */

static uint32_t pcap_get32(const struct pcap *pcap, const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return pcap->swapped ? __builtin_bswap32(value) : value;
}

static int32_t pcap_read_bytes(struct pcap *pcap, const char *name, uint8_t *to, uint32_t size)
{
    int cancel = cancel_off();
    size_t read = fread(to, 1, size, pcap->in);
    cancel_restore(cancel);
    if (read != size) {
        if (ferror(pcap->in))
            return error_set_errno("in=%s: reading failed", name);
        return error_set(IXY_E_IO, "in=%s: became shorter while it was read", name);
    }
    pcap->left -= size;
    return 0;
}

/* Reads the next record to pcap->frame. Returns 1, 0 at the end, or an error with its text. */
static int32_t pcap_read_record(struct pcap *pcap, const char *name)
{
    uint8_t header[PCAP_RECORD_HEADER];
    pcap->len = 0;
    if (pcap->left == 0)
        return 0;
    pcap->record++;
    if (pcap->left < PCAP_RECORD_HEADER)
        return error_set(IXY_E_IO,
                         "in=%s: record %" PRIu64 " is cut off: %" PRIu64 " of its header's 16 bytes are there", name,
                         pcap->record, pcap->left);
    int32_t result = pcap_read_bytes(pcap, name, header, PCAP_RECORD_HEADER);
    if (result != 0)
        return result;
    uint32_t len = pcap_get32(pcap, header + 8), original = pcap_get32(pcap, header + 12);
    if (len < PCAP_ETHERNET_MIN || len > WIRE_FRAME_MAX)
        return error_set(IXY_E_IO, "in=%s: record %" PRIu64 " claims %u bytes; an Ethernet frame here has %u to %u",
                         name, pcap->record, len, PCAP_ETHERNET_MIN, WIRE_FRAME_MAX);
    if (len > original)
        return error_set(IXY_E_IO, "in=%s: record %" PRIu64 " claims %u bytes of a frame of %u", name, pcap->record,
                         len, original);
    if (len > pcap->left)
        return error_set(IXY_E_IO,
                         "in=%s: record %" PRIu64 " is cut off: %" PRIu64 " of its frame's %u bytes are there", name,
                         pcap->record, pcap->left, len);
    result = pcap_read_bytes(pcap, name, pcap->frame, len);
    if (result != 0)
        return result;
    if (len < PCAP_ETHERNET_PAD) {
        memset(pcap->frame + len, 0, PCAP_ETHERNET_PAD - len);
        len = PCAP_ETHERNET_PAD;
    }
    pcap->len = len;
    return 1;
}

static int32_t pcap_read_header(struct pcap *pcap, const char *name)
{
    uint8_t header[PCAP_FILE_HEADER];
    if (pcap->left < PCAP_FILE_HEADER)
        return error_set(IXY_E_ADDRESS, "in=%s: %" PRIu64 " bytes are no pcap file; its header alone has 24", name,
                         pcap->left);
    int32_t result = pcap_read_bytes(pcap, name, header, PCAP_FILE_HEADER);
    if (result != 0)
        return result;
    uint32_t magic = pcap_get32(pcap, header);
    pcap->swapped = magic == __builtin_bswap32(PCAP_MAGIC_MICRO) || magic == __builtin_bswap32(PCAP_MAGIC_NANO);
    magic = pcap_get32(pcap, header);
    if (magic == 0x0a0d0d0au)
        return error_set(IXY_E_ADDRESS, "in=%s is a pcapng file; convert it: editcap -F nsecpcap FROM TO", name);
    if (magic != PCAP_MAGIC_MICRO && magic != PCAP_MAGIC_NANO)
        return error_set(IXY_E_ADDRESS, "in=%s is no pcap file: it begins with 0x%08x, not 0x%08x or 0x%08x", name,
                         magic, PCAP_MAGIC_MICRO, PCAP_MAGIC_NANO);
    uint32_t version = pcap_get32(pcap, header + 4), major = pcap->swapped ? version >> 16 : version & 0xffff;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    major = pcap->swapped ? version & 0xffff : version >> 16;
#endif
    if (major != 2)
        return error_set(IXY_E_ADDRESS, "in=%s: pcap version %u; 2 is read", name, major);
    uint32_t linktype = pcap_get32(pcap, header + 20);
    if (linktype != PCAP_LINKTYPE_ETHERNET)
        return error_set(IXY_E_ADDRESS, "in=%s: link type %u; 1, Ethernet, is read", name, linktype);
    return 0;
}

static int32_t pcap_rewind(struct pcap *pcap, const char *name, uint64_t size)
{
    if (fseeko(pcap->in, PCAP_FILE_HEADER, SEEK_SET) != 0)
        return error_set_errno("in=%s: seeking failed", name);
    pcap->left = size - PCAP_FILE_HEADER;
    pcap->record = 0;
    pcap->len = 0;
    return 0;
}

static int32_t pcap_open_in(struct pcap *pcap, const char *name, struct stat *state)
{
    /* O_NONBLOCK: a FIFO is refused below and must not hold us up here. */
    fork_lock(); /* a child's exit would move the place where we read */
    int fd = fork_record(open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    fork_unlock();
    if (fd < 0)
        return error_set_errno("in=%s: cannot open it", name);
    pcap->in = fdopen(fd, "rb");
    if (pcap->in == NULL) {
        fork_close(&fd);
        return error_set(IXY_E_NO_MEMORY, "in=%s: no memory", name);
    }
    if (fstat(fd, state) != 0)
        return error_set_errno("in=%s: fstat failed", name);
    if (!S_ISREG(state->st_mode))
        return error_set(IXY_E_ADDRESS, "in=%s is not a regular file", name);
    uint64_t size = (uint64_t)state->st_size;
    pcap->left = size;
    int32_t result = pcap_read_header(pcap, name);
    if (result != 0)
        return result;
    while ((result = pcap_read_record(pcap, name)) == 1) {
    }
    return result != 0 ? result : pcap_rewind(pcap, name, size);
}

/* ---- out ---- */

/* Writes what is buffered, which is whole records; what does not fit on the disk is taken back and counted. */
static void pcap_flush(struct pcap *pcap)
{
    uint32_t done = 0;
    int cancel = cancel_off();
    pcap->flushed = pcap->wire.now;
    while (done < pcap->out_used) {
        ssize_t n = write(pcap->out, pcap->out_bytes + done, pcap->out_used - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (uint32_t)n;
    }
    if (done == pcap->out_used) {
        pcap->written += done;
    } else {
        int number = errno;
        pcap->dropped += pcap->out_frames;
        if (ftruncate(pcap->out, (off_t)pcap->written) == 0)
            (void)lseek(pcap->out, (off_t)pcap->written, SEEK_SET);
        errno = number;
    }
    pcap->out_used = 0;
    pcap->out_frames = 0;
    cancel_restore(cancel);
}

static void pcap_flush_late(struct pcap *pcap)
{
    if (pcap->out_used > 0 && pcap->wire.now - pcap->flushed >= PCAP_FLUSH_NS)
        pcap_flush(pcap);
}

static void pcap_put32(struct pcap *pcap, uint32_t value)
{
    memcpy(pcap->out_bytes + pcap->out_used, &value, sizeof value);
    pcap->out_used += (uint32_t)sizeof value;
}

static void pcap_put_header(struct pcap *pcap)
{
    uint16_t version[2] = {2, 4};
    uint32_t versions;
    memcpy(&versions, version, sizeof versions);
    pcap_put32(pcap, PCAP_MAGIC_NANO);
    pcap_put32(pcap, versions);
    pcap_put32(pcap, 0);
    pcap_put32(pcap, 0);
    pcap_put32(pcap, WIRE_FRAME_MAX);
    pcap_put32(pcap, PCAP_LINKTYPE_ETHERNET);
}

/* in: the input file's state, so that it is not overwritten, or NULL. */
static int32_t pcap_open_out(struct pcap *pcap, const char *name, const struct stat *in)
{
    struct stat state;
    fork_lock();
    pcap->out = fork_record(open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666));
    fork_unlock();
    if (pcap->out < 0)
        return error_set_errno("out=%s: cannot open it for writing", name);
    if (fstat(pcap->out, &state) != 0)
        return error_set_errno("out=%s: fstat failed", name);
    /* A write to a FIFO that nobody reads would end the process with a signal. */
    if (!S_ISREG(state.st_mode) && !S_ISCHR(state.st_mode))
        return error_set(IXY_E_ADDRESS, "out=%s is not a regular file", name);
    if (in != NULL && in->st_dev == state.st_dev && in->st_ino == state.st_ino)
        return error_set(IXY_E_ADDRESS, "in= and out= are the same file, %s; out= would overwrite it", name);
    if (S_ISREG(state.st_mode) && ftruncate(pcap->out, 0) != 0)
        return error_set_errno("out=%s: cannot empty it", name);
    pcap_put_header(pcap);
    uint32_t size = pcap->out_used;
    pcap_flush(pcap);
    return pcap->written == size ? 0 : error_set(IXY_E_IO, "out=%s: writing failed: %s", name, strerror(errno));
}

/* ---- the wire ---- */

static void pcap_transmit(struct wire *wire, const uint8_t *frame, uint32_t len)
{
    struct pcap *pcap = (struct pcap *)wire;
    if (pcap->out < 0)
        return;
    if (len > WIRE_FRAME_MAX) {
        pcap->dropped++;
        return;
    }
    if (pcap->out_used + PCAP_RECORD_HEADER + len > PCAP_OUT_SIZE)
        pcap_flush(pcap);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    pcap_put32(pcap, (uint32_t)now.tv_sec);
    pcap_put32(pcap, (uint32_t)now.tv_nsec);
    pcap_put32(pcap, len);
    pcap_put32(pcap, len);
    memcpy(pcap->out_bytes + pcap->out_used, frame, len);
    pcap->out_used += len;
    pcap->out_frames++;
    pcap_flush_late(pcap);
}

static void pcap_close_in(struct pcap *pcap)
{
    fork_lock();
    fork_forget(fileno(pcap->in));
    fclose(pcap->in);
    fork_unlock();
    pcap->in = NULL;
}

static const uint8_t *pcap_peek(struct wire *wire, uint32_t *len)
{
    struct pcap *pcap = (struct pcap *)wire;
    pcap_flush_late(pcap);
    if (pcap->len == 0 && pcap->in != NULL) {
        char text[ERROR_TEXT_SIZE];
        error_save(text); /* a hot call leaves no text */
        if (pcap_read_record(pcap, "file") != 1)
            pcap_close_in(pcap);
        error_restore(text);
    }
    *len = pcap->len;
    return pcap->len != 0 ? pcap->frame : NULL;
}

static void pcap_consume(struct wire *wire)
{
    ((struct pcap *)wire)->len = 0;
}

static void pcap_counters(const struct wire *wire, struct emu_counters *counters)
{
    counters->wire_dropped += ((const struct pcap *)wire)->dropped;
}

static void pcap_close(struct wire *wire)
{
    struct pcap *pcap = (struct pcap *)wire;
    if (pcap->in != NULL)
        pcap_close_in(pcap);
    if (pcap->out >= 0) {
        pcap_flush(pcap);
        fork_close(&pcap->out);
    }
    free(pcap);
}

static const struct wire_ops pcap_ops = {
    .transmit = pcap_transmit,
    .peek = pcap_peek,
    .consume = pcap_consume,
    .counters = pcap_counters,
    .close = pcap_close,
};

int32_t pcap_open(struct address *address, struct wire **wire)
{
    const char *in = address_take(address, "in"), *out = address_take(address, "out");
    if (in == NULL && out == NULL)
        return error_set(IXY_E_ADDRESS, "%s: wire=pcap wants in=FILE, out=FILE or both", address->text);
    struct pcap *pcap = calloc(1, sizeof *pcap);
    if (pcap == NULL)
        return error_set(IXY_E_NO_MEMORY, "%s: no memory", address->text);
    pcap->wire.ops = &pcap_ops;
    pcap->wire.waits = true;
    pcap->out = -1;
    struct stat state;
    int32_t result = in != NULL ? pcap_open_in(pcap, in, &state) : 0;
    if (result == 0 && out != NULL)
        result = pcap_open_out(pcap, out, in != NULL ? &state : NULL);
    if (result != 0) {
        pcap->out_used = 0;
        pcap_close(&pcap->wire);
        return result;
    }
    *wire = &pcap->wire;
    return 0;
}
