/* Forwards packets between two ports with nothing of libixy but its description:
 *
 *     forward libixy.so.1 ixy.description [PACKETS [ADDRESS]]
 *
 * Receives from each port, adds one to byte 48 of each packet and sends it from the other one, until PACKETS (100000)
 * came through; ADDRESS is that of both ports, which bring packets themselves: "emu:82599,wire=gen".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/ffi/foreign.h"

#define BATCH 32
#define TOUCHED 48
#define IDLE_MAX 100000000 /* receives in a row that find nothing */

static struct foreign *libixy;

/* What ends the program. */
static void fail(const char *what, const char *why)
{
    fprintf(stderr, "forward: %s: %s\n", what, why);
    exit(1);
}

static const struct foreign_function *function(const char *name)
{
    const struct foreign_function *found = foreign_function(libixy, name);
    if (found == NULL)
        fail(name, "is not described");
    return found;
}

static struct foreign_member member(const char *structure, const char *name)
{
    struct foreign_member found = {0};
    if (!foreign_member(libixy, structure, name, &found))
        fail(name, "is not described");
    return found;
}

/* Calls, and ends the program if the library says that it went wrong. Control calls tell more than their code. */
static uint32_t call(const char *name, const struct foreign_function *called, union foreign_value *arguments,
                     uint32_t count, bool control)
{
    union foreign_value result;
    if (!foreign_call(called, arguments, count, &result))
        fail(name, "takes another number of arguments");
    if (result.int32 < 0) {
        union foreign_value code = result, text;
        foreign_call(function(control ? "ixy_last_error" : "ixy_strerror"), &code, control ? 0 : 1, &text);
        fail(name, text.pointer);
    }
    return result.uint32;
}

static void control(const char *name, union foreign_value *arguments, uint32_t count)
{
    call(name, function(name), arguments, count, true);
}

/* A struct of zeroes that says how large it is. */
static void *record(const char *structure)
{
    uint32_t size = foreign_struct_size(libixy, structure);
    void *made = size == 0 ? NULL : calloc(1, size);
    if (made == NULL)
        fail(structure, "is not described");
    if (!foreign_set(made, member(structure, "struct_size"), size))
        fail(structure, "has a struct_size that does not hold its size");
    return made;
}

int main(int count, char **words)
{
    char error[256];
    if (count < 3 || count > 5)
        fail("right is", "forward LIBRARY DESCRIPTION [PACKETS [ADDRESS]]");
    uint64_t packets = count > 3 ? strtoull(words[3], NULL, 10) : 100000;
    char *address = count > 4 ? words[4] : (char[]){"emu:82599,wire=gen"};
    libixy = foreign_open(words[1], words[2], error, sizeof(error));
    if (libixy == NULL)
        fail("open", error);

    uint64_t pool = 0, device[2] = {0};
    control("ixy_pool_open", (union foreign_value[]){{.pointer = NULL}, {.pointer = &pool}}, 2);
    void *view = record("ixy_view");
    control("ixy_pool_view", (union foreign_value[]){{.uint64 = pool}, {.pointer = view}}, 2);
    uint8_t *memory = (uint8_t *)(uintptr_t)foreign_get(view, member("ixy_view", "base"));
    void *config = record("ixy_device_config");
    if (!foreign_set(config, member("ixy_device_config", "pool"), pool))
        fail("ixy_device_config.pool", "does not hold a handle");
    for (int i = 0; i < 2; i++) {
        control("ixy_device_open",
                (union foreign_value[]){{.pointer = address}, {.pointer = config}, {.pointer = &device[i]}}, 3);
        control("ixy_device_start", (union foreign_value[]){{.uint64 = device[i]}}, 1);
    }

    uint32_t frame_size = foreign_struct_size(libixy, "ixy_frame");
    struct foreign_member offset = member("ixy_frame", "offset");
    uint8_t *frames = calloc(BATCH, frame_size);
    if (frames == NULL)
        fail("frames", "no memory");
    const struct foreign_function *receive = function("ixy_rx_batch"), *transmit = function("ixy_tx_batch"),
                                  *give_back = function("ixy_buf_free");
    uint64_t forwarded = 0, idle = 0;
    for (int from = 0; forwarded < packets && idle < IDLE_MAX; from = !from) {
        union foreign_value in[] = {{.uint64 = device[from]}, {.uint32 = 0}, {.pointer = frames}, {.uint32 = BATCH}};
        uint32_t received = call("ixy_rx_batch", receive, in, 4, false);
        idle = received == 0 ? idle + 1 : 0;
        for (uint32_t i = 0; i < received; i++)
            memory[foreign_get(frames + i * frame_size, offset) + TOUCHED]++;
        union foreign_value out[] = {
            {.uint64 = device[!from]}, {.uint32 = 0}, {.pointer = frames}, {.uint32 = received}};
        uint32_t sent = call("ixy_tx_batch", transmit, out, 4, false);
        if (sent < received) {
            union foreign_value rest[] = {
                {.uint64 = pool}, {.pointer = frames + sent * frame_size}, {.uint32 = received - sent}};
            call("ixy_buf_free", give_back, rest, 3, false);
        }
        forwarded += sent;
    }

    for (int i = 0; i < 2; i++)
        control("ixy_device_close", (union foreign_value[]){{.uint64 = device[i]}}, 1);
    uint64_t view_handle = foreign_get(view, member("ixy_view", "view"));
    control("ixy_pool_view_release", (union foreign_value[]){{.uint64 = view_handle}}, 1);
    control("ixy_pool_close", (union foreign_value[]){{.uint64 = pool}}, 1);
    free(frames);
    free(config);
    free(view);
    foreign_close(libixy);
    printf("%llu packets forwarded\n", (unsigned long long)forwarded);
    return forwarded < packets;
}
