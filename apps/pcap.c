/* ixy pcap: received packets into a capture file, in the classic pcap format with nanoseconds. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "apps/ixy.h"

#define CAPTURE_MAGIC_NANOSECONDS 0xA1B23C4Du
#define CAPTURE_LINKTYPE_ETHERNET 1

struct capture_header {
    uint32_t magic;
    uint16_t major, minor;
    int32_t zone;
    uint32_t accuracy, snapshot_length, link_type;
};

struct capture_record {
    uint32_t seconds, nanoseconds, captured, length;
};

static bool capture_write(FILE *file, const struct session *session, const ixy_frame *frames, uint32_t count)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (uint32_t i = 0; i < count; i++) {
        struct capture_record record = {(uint32_t)now.tv_sec, (uint32_t)now.tv_nsec, frames[i].len, frames[i].len};
        if (fwrite(&record, sizeof(record), 1, file) != 1 ||
            fwrite(session->view.base + frames[i].offset, 1, frames[i].len, file) != frames[i].len)
            return false;
    }
    return true;
}

/* Receives until the session ends. Returns an ABI error, or 0; *written is false if the file took no more. */
static int32_t capture_run(struct session *session, FILE *file, bool *written)
{
    static ixy_frame frames[IXY_BATCH_MAX];
    int32_t code = 0;
    while (code >= 0 && *written && session_goes_on(session)) {
        code = ixy_rx_batch(session->devices[0], 0, frames, session_batch(session));
        if (code <= 0)
            continue;
        *written = capture_write(file, session, frames, (uint32_t)code);
        session->moved += (uint32_t)code;
        session->received += (uint32_t)code;
        code = ixy_buf_free(session->pool, frames, (uint32_t)code);
    }
    return code;
}

int command_pcap(const struct options *options)
{
    const char *path = options->operands[1];
    struct session session;
    if (!session_open(&session, options, 1)) /* before the file, which must not be emptied for nothing */
        return 1;
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        fprintf(stderr, "ixy: %s: %s\n", path, strerror(errno));
        session_free(&session);
        return 1;
    }
    struct capture_header header = {CAPTURE_MAGIC_NANOSECONDS, 2, 4, 0, 0, 65535, CAPTURE_LINKTYPE_ETHERNET};
    bool written = fwrite(&header, sizeof(header), 1, file) == 1;
    int32_t code = capture_run(&session, file, &written);
    if (fclose(file) != 0 || !written) {
        fprintf(stderr, "ixy: %s: %s\n", path, strerror(errno));
        written = false;
    }
    if (code < 0)
        session_print_error(&session, "receiving", code);
    int result = session_close(&session);
    return code < 0 || !written ? 1 : result;
}
