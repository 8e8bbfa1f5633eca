/* Which frames a device takes (5.1.6.5.1, 5.1.6.5.2), and into which of its receive queues (5.1.6.5.6: any rule that
 * keeps a flow on one queue will do). */
#include <string.h>

#include "emu/virtio/model.h"

bool vmodel_accepts(const struct virtio_model *model, const uint8_t *frame)
{
    return model->promiscuous || (frame[0] & 1) != 0 || memcmp(frame, model->mac, sizeof(model->mac)) == 0;
}

uint32_t vmodel_steer(const struct virtio_model *model, const uint8_t *frame, uint32_t len)
{
    if (model->active <= 1)
        return 0;
    /* By addresses and ports of IPv4 without options; all else goes where RSS puts it, too: into the first. */
    if (len < 38 || frame[12] != 8 || frame[13] != 0 || frame[14] != 0x45)
        return 0;
    bool fragment = (frame[20] & 0x3F) != 0 || frame[21] != 0;
    bool ports = !fragment && (frame[23] == 6 || frame[23] == 17);
    uint32_t from = 26, to = ports ? 38 : 34;
    uint32_t hash = 2166136261u;
    for (uint32_t i = from; i < to; i++)
        hash = (hash ^ frame[i]) * 16777619u;
    hash ^= hash >> 16;
    return hash % model->active;
}
