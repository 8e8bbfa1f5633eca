/* ixy fwd: packets from each of two devices to the other. */
#include "apps/ixy.h"

/* One batch from one device to the other. Returns an ABI error, or 0. */
static int32_t fwd_batch(struct session *session, uint64_t from, uint64_t to, ixy_frame *frames)
{
    int32_t received = ixy_rx_batch(from, 0, frames, session_batch(session));
    if (received <= 0)
        return received;
    session->moved += (uint64_t)received;
    session->received += (uint64_t)received;
    for (int32_t i = 0; i < received; i++)
        if (frames[i].len > 48)
            session->view.base[frames[i].offset + 48]++;
    int32_t sent = ixy_tx_batch(to, 0, frames, (uint32_t)received);
    if (sent < 0)
        return sent;
    if (sent == received)
        return 0;
    session->freed += (uint64_t)(received - sent);
    int32_t freed = ixy_buf_free(session->pool, frames + sent, (uint32_t)(received - sent));
    return freed < 0 ? freed : 0;
}

int command_fwd(const struct options *options)
{
    static ixy_frame frames[IXY_BATCH_MAX];
    struct session session;
    if (!session_open(&session, options, 2))
        return 1;
    int32_t code = 0;
    while (code >= 0 && session_goes_on(&session)) {
        /* The clock and the limits are looked at once in a while; with few packets to go, at each batch. */
        uint32_t rounds = options->packets != 0 ? 1 : 64;
        for (uint32_t i = 0; i < rounds && code >= 0; i++) {
            code = fwd_batch(&session, session.devices[0], session.devices[1], frames);
            if (code >= 0)
                code = fwd_batch(&session, session.devices[1], session.devices[0], frames);
        }
    }
    if (code < 0)
        session_print_error(&session, "forwarding", code);
    int result = session_close(&session);
    return code < 0 ? 1 : result;
}
