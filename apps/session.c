/* A run: devices opened, packets moved until a limit or Ctrl-C, rates each second, totals at the end. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "apps/ixy.h"

#define SECOND 1000000000ull

static volatile sig_atomic_t session_interrupted;

static void session_on_signal(int number)
{
    (void)number;
    session_interrupted = 1;
}

static uint64_t session_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

void print_error(const char *what, int32_t code, const char *text)
{
    fprintf(stderr, "ixy: %s: %s: %s\n", what, ixy_error_name(code), text);
}

void print_json_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

static bool session_add_device(struct session *session, const char *address)
{
    ixy_device_config config = {.struct_size = sizeof(config), .pool = session->pool};
    uint64_t device;
    int32_t code = ixy_device_open(address, &config, &device);
    if (code < 0) {
        print_error(address, code, ixy_last_error());
        return false;
    }
    session->devices[session->device_count] = device;
    session->addresses[session->device_count] = address;
    session->printed[session->device_count].struct_size = sizeof(ixy_stats);
    session->device_count++;
    code = ixy_device_start(device);
    if (code < 0)
        print_error(address, code, ixy_last_error());
    return code >= 0;
}

void session_free(struct session *session)
{
    for (uint32_t i = 0; i < session->device_count; i++)
        ixy_device_close(session->devices[i]);
    ixy_pool_view_release(session->view.view);
    ixy_pool_close(session->pool);
}

bool session_open(struct session *session, const struct options *options, uint32_t count)
{
    memset(session, 0, sizeof(*session));
    session->options = options;
    session->view.struct_size = sizeof(session->view);
    int32_t code = ixy_pool_open(NULL, &session->pool);
    if (code >= 0)
        code = ixy_pool_view(session->pool, &session->view);
    if (code < 0) {
        print_error("pool", code, ixy_last_error());
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!session_add_device(session, options->operands[i])) {
            session_free(session);
            return false;
        }
    }
    struct sigaction action = {.sa_handler = session_on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    session->begun = session->last_line = session_clock();
    session->next_line = session->begun + SECOND;
    return true;
}

static double session_gigabits(uint64_t bytes, uint64_t packets, double seconds)
{
    /* Preamble and gap, 20 bytes a frame, take their time on the wire too. */
    return (double)(bytes + 20 * packets) * 8 / seconds / 1e9;
}

static void session_print_device(const struct session *session, uint32_t i, const ixy_stats *from, const ixy_stats *to,
                                 double seconds, bool totals)
{
    uint64_t rx = to->rx_packets - from->rx_packets, tx = to->tx_packets - from->tx_packets;
    uint64_t rx_bytes = to->rx_bytes - from->rx_bytes, tx_bytes = to->tx_bytes - from->tx_bytes;
    uint64_t missed = to->rx_missed - from->rx_missed,
             errors = to->rx_errors + to->rx_dropped - from->rx_errors - from->rx_dropped;
    if (session->options->json) {
        printf("{\"%s\":%.3f,\"device\":", totals ? "total_seconds" : "seconds", seconds);
        print_json_string(stdout, session->addresses[i]);
        printf(",\"rx_packets\":%" PRIu64 ",\"tx_packets\":%" PRIu64 ",\"rx_bytes\":%" PRIu64 ",\"tx_bytes\":%" PRIu64
               ",\"rx_missed\":%" PRIu64 ",\"rx_errors\":%" PRIu64 ",\"rx_mpps\":%.6f,\"tx_mpps\":%.6f}\n",
               rx, tx, rx_bytes, tx_bytes, missed, errors, (double)rx / seconds / 1e6, (double)tx / seconds / 1e6);
        return;
    }
    printf("%s%s  rx %.3f Mpps %.2f Gbit/s  tx %.3f Mpps %.2f Gbit/s  missed %" PRIu64 "  errors %" PRIu64 "\n",
           totals ? "total  " : "", session->addresses[i], (double)rx / seconds / 1e6,
           session_gigabits(rx_bytes, rx, seconds), (double)tx / seconds / 1e6, session_gigabits(tx_bytes, tx, seconds),
           missed, errors);
    if (totals)
        printf("       rx %" PRIu64 " packets %" PRIu64 " bytes, tx %" PRIu64 " packets %" PRIu64 " bytes in %.1f s\n",
               rx, rx_bytes, tx, tx_bytes, seconds);
}

static void session_print_line(struct session *session, uint64_t now)
{
    for (uint32_t i = 0; i < session->device_count; i++) {
        ixy_stats stats = {.struct_size = sizeof(stats)};
        if (ixy_device_stats(session->devices[i], &stats) < 0)
            continue;
        session_print_device(session, i, &session->printed[i], &stats, (double)(now - session->last_line) / SECOND,
                             false);
        session->printed[i] = stats;
    }
    fflush(stdout);
    session->last_line = now;
    session->next_line += SECOND;
}

bool session_goes_on(struct session *session)
{
    const struct options *options = session->options;
    if (session_interrupted || (options->packets != 0 && session->moved >= options->packets))
        return false;
    uint64_t now = session_clock();
    if (options->seconds != 0 && now - session->begun >= options->seconds * SECOND)
        return false;
    if (now >= session->next_line)
        session_print_line(session, now);
    return true;
}

void session_print_error(const struct session *session, const char *what, int32_t code)
{
    const char *text = ixy_strerror(code);
    for (uint32_t i = 0; i < session->device_count && code == IXY_E_DEVICE; i++) {
        ixy_link link = {.struct_size = sizeof(link)};
        if (ixy_device_link(session->devices[i], &link) == IXY_E_DEVICE) {
            text = ixy_last_error();
            break;
        }
    }
    print_error(what, code, text);
}

uint32_t session_batch(const struct session *session)
{
    const struct options *options = session->options;
    if (options->packets == 0 || options->packets - session->moved >= options->batch)
        return options->batch;
    return session->moved < options->packets ? (uint32_t)(options->packets - session->moved) : 0;
}

/* What a generator's sink says of an emulated device; false if a frame was wrong. */
static bool session_print_wire(const struct session *session, uint32_t i)
{
    ixy_emu_counters counters = {.struct_size = sizeof(counters)};
    if (ixy_emu_counters_get(session->devices[i], &counters) < 0)
        return true; /* not emulated */
    if (session->options->json) {
        printf("{\"wire\":");
        print_json_string(stdout, session->addresses[i]);
        printf(",\"generated\":%" PRIu64 ",\"verified\":%" PRIu64 ",\"damaged\":%" PRIu64 ",\"repeated\":%" PRIu64
               ",\"foreign\":%" PRIu64 ",\"wire_dropped\":%" PRIu64 ",\"violations\":%u}\n",
               counters.generated, counters.verified, counters.damaged, counters.repeated, counters.foreign,
               counters.wire_dropped, counters.violations);
    } else if (counters.generated + counters.verified + counters.damaged + counters.violations > 0) {
        printf("       wire: %" PRIu64 " generated, %" PRIu64 " verified, %" PRIu64 " damaged, %" PRIu64
               " repeated, %" PRIu64 " foreign; %u violations by the driver\n",
               counters.generated, counters.verified, counters.damaged, counters.repeated, counters.foreign,
               counters.violations);
    }
    return counters.damaged + counters.repeated + counters.violations == 0;
}

/* Frames that were handed to a threaded device are sent within moments; a device that stands still ends the wait. */
static void session_settle(const struct session *session)
{
    uint64_t sent_before = UINT64_MAX, sent = 0;
    for (int tries = 0; tries < 50 && sent != sent_before; tries++) {
        struct timespec pause = {.tv_nsec = 10000000};
        nanosleep(&pause, NULL);
        sent_before = sent;
        sent = 1;
        for (uint32_t i = 0; i < session->device_count; i++) {
            ixy_stats stats = {.struct_size = sizeof(stats)};
            if (ixy_device_stats(session->devices[i], &stats) >= 0)
                sent += stats.tx_packets;
        }
    }
}

int session_close(struct session *session)
{
    static const ixy_stats zero;
    double seconds = (double)(session_clock() - session->begun) / SECOND;
    bool good = true;
    uint64_t arrived = 0;
    session_settle(session);
    for (uint32_t i = 0; i < session->device_count; i++) {
        ixy_stats stats = {.struct_size = sizeof(stats)};
        if (ixy_device_stats(session->devices[i], &stats) >= 0)
            session_print_device(session, i, &zero, &stats, seconds, true);
        arrived += stats.rx_packets - stats.rx_missed - stats.rx_dropped;
        good = session_print_wire(session, i) && good;
    }
    /* A device that is gone tells no totals: then less arrived, as far as is known, than was received. */
    if (session->options->json)
        printf("{\"packets\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"unread\":%" PRIu64 "}\n", session->moved,
               session->freed, arrived > session->received ? arrived - session->received : 0);
    if (!session->options->json && session->freed > 0)
        printf("       %" PRIu64 " packets dropped: the other device had no room\n", session->freed);
    if (!session->options->json && arrived > session->received)
        printf("       %" PRIu64 " packets arrived but were not read before the end\n", arrived - session->received);
    session_free(session);
    return good ? 0 : 1;
}
