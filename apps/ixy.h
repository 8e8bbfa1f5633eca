/* The `ixy` command: what its subcommands share.
 *
 * A subcommand opens a session (one pool, its devices started), moves packets in a loop until session_goes_on says
 * no, and closes it. The session prints rates each second and totals at the end, as text or as JSON lines.
 */
#ifndef APPS_IXY_H
#define APPS_IXY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "abi/include/ixy.h"

#define APP_DEVICES_MAX 2
#define OPERANDS_MAX 16

/* Options that all subcommands take; zero means not given. */
struct options {
    const char *operands[OPERANDS_MAX]; /* addresses and files, in order */
    uint32_t operand_count;
    bool json;
    const char *user; /* bind: who gets the device */
    bool group;       /* bind: and the other devices of its IOMMU group */
    uint32_t batch;   /* frames a call */
    uint64_t packets; /* stop after so many */
    uint32_t seconds; /* stop after so long */
    uint32_t size;    /* bytes of generated frames, without the checksum */
};

struct session {
    const struct options *options;
    uint64_t pool;
    ixy_view view;
    uint32_t device_count;
    uint64_t devices[APP_DEVICES_MAX];
    const char *addresses[APP_DEVICES_MAX];
    ixy_stats printed[APP_DEVICES_MAX];   /* totals at the last line */
    uint64_t begun, next_line, last_line; /* nanoseconds */
    uint64_t moved;                       /* packets that count against options.packets */
    uint64_t received;                    /* packets read from the devices */
    uint64_t freed;                       /* packets that the other side had no room for */
};

/* Subcommands: the process's exit code. */
int command_info(const struct options *options);
int command_fwd(const struct options *options);
int command_pktgen(const struct options *options);
int command_pcap(const struct options *options);
int command_devices(const struct options *options);
int command_bind(const struct options *options);
int command_unbind(const struct options *options);

/* Opens the pool and the first count operands as devices, and starts them. Prints what is wrong and returns false. */
bool session_open(struct session *session, const struct options *options, uint32_t count);

/* Closes all without a word. */
void session_free(struct session *session);

/* Whether to go on: no signal, no limit reached. Prints the line of the second when it is due. */
bool session_goes_on(struct session *session);

/* How many packets the next call may move: a batch, or what is left to the limit. */
uint32_t session_batch(const struct session *session);

/* Prints why a packet call of the session failed; of a device that failed its link tells. */
void session_print_error(const struct session *session, const char *what, int32_t code);

/* Prints the totals and closes all. Returns the process's exit code. */
int session_close(struct session *session);

/* Prints "ixy: what: NAME: text" for an ABI error; control calls have a text of their own. */
void print_error(const char *what, int32_t code, const char *text);

/* Writes text as a JSON string, with its quotes. */
void print_json_string(FILE *file, const char *text);

#endif
