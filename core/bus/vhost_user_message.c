/* Requests and their answers. The back end is another program: whatever it answers, and whether it does, is input to be
 * checked. Every wait has an end. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "core/bus/vhost_user_device.h"
#include "core/device/error.h"

#define VHOST_USER_FILES_MAX VHOST_USER_REGIONS_MAX

static const char *vhost_user_request_name(uint32_t request)
{
    static const struct {
        uint32_t request;
        const char *name;
    } names[] = {
        {VHOST_USER_GET_FEATURES, "GET_FEATURES"},
        {VHOST_USER_SET_FEATURES, "SET_FEATURES"},
        {VHOST_USER_SET_OWNER, "SET_OWNER"},
        {VHOST_USER_SET_MEM_TABLE, "SET_MEM_TABLE"},
        {VHOST_USER_SET_VRING_NUM, "SET_VRING_NUM"},
        {VHOST_USER_SET_VRING_ADDR, "SET_VRING_ADDR"},
        {VHOST_USER_SET_VRING_BASE, "SET_VRING_BASE"},
        {VHOST_USER_GET_VRING_BASE, "GET_VRING_BASE"},
        {VHOST_USER_SET_VRING_KICK, "SET_VRING_KICK"},
        {VHOST_USER_SET_VRING_CALL, "SET_VRING_CALL"},
        {VHOST_USER_GET_PROTOCOL_FEATURES, "GET_PROTOCOL_FEATURES"},
        {VHOST_USER_SET_PROTOCOL_FEATURES, "SET_PROTOCOL_FEATURES"},
        {VHOST_USER_GET_QUEUE_NUM, "GET_QUEUE_NUM"},
        {VHOST_USER_SET_VRING_ENABLE, "SET_VRING_ENABLE"},
        {VHOST_USER_SET_STATUS, "SET_STATUS"},
        {VHOST_USER_GET_STATUS, "GET_STATUS"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].request == request)
            return names[i].name;
    return "a request";
}

/* Waits for an event until the end. Returns 0, or IXY_E_TIMEOUT without a text. */
static int32_t vhost_user_wait(int descriptor, short events, uint64_t end)
{
    for (;;) {
        uint64_t now = vhost_user_milliseconds();
        struct pollfd entry = {.fd = descriptor, .events = events};
        int ready = poll(&entry, 1, now < end ? (int)(end - now) : 0);
        if (ready > 0)
            return 0;
        if (ready == 0)
            return IXY_E_TIMEOUT;
        if (errno != EINTR)
            return 0; /* the call that follows will tell */
    }
}

static int32_t vhost_user_gone(struct vhost_user_device *vhost, const char *when, uint32_t request)
{
    vhost->gone = true;
    return error_set(IXY_E_DEVICE, "%.90s: the back end closed the connection %s %s", vhost->bus.address, when,
                     vhost_user_request_name(request));
}

static int32_t vhost_user_send(struct vhost_user_device *vhost, const struct vhost_user_message *message,
                               const int *files, uint32_t file_count, struct vhost_user_deadline end)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(VHOST_USER_FILES_MAX * sizeof(int))];
    } control = {0};
    uint32_t sent = 0, size = VHOST_USER_HEADER_SIZE + message->size;
    while (sent < size) {
        struct iovec part = {.iov_base = (uint8_t *)(uintptr_t)message + sent, .iov_len = size - sent};
        struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
        if (sent == 0 && file_count > 0) { /* the files go with the first byte */
            header.msg_control = control.bytes;
            header.msg_controllen = CMSG_SPACE(file_count * sizeof(int));
            control.header.cmsg_level = SOL_SOCKET;
            control.header.cmsg_type = SCM_RIGHTS;
            control.header.cmsg_len = CMSG_LEN(file_count * sizeof(int));
            memcpy(CMSG_DATA(&control.header), files, file_count * sizeof(int));
        }
        ssize_t count = sendmsg(vhost->socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            sent += (uint32_t)count;
        } else if (errno == EAGAIN) {
            if (vhost_user_wait(vhost->socket, POLLOUT, end.at) < 0)
                return error_set(IXY_E_TIMEOUT, "%.90s: the back end did not read %s within %u ms%s",
                                 vhost->bus.address, vhost_user_request_name(message->request), end.milliseconds,
                                 end.what);
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return vhost_user_gone(vhost, "before", message->request);
        } else if (errno != EINTR) {
            return error_set_errno("%.90s: sending %s", vhost->bus.address, vhost_user_request_name(message->request));
        }
    }
    return 0;
}

/* Receives the answer to a request from one byte of it to another. */
static int32_t vhost_user_receive(struct vhost_user_device *vhost, uint32_t request, uint8_t *answer, uint32_t from,
                                  uint32_t to, struct vhost_user_deadline end)
{
    for (uint32_t received = from; received < to;) {
        if (vhost_user_wait(vhost->socket, POLLIN, end.at) < 0)
            return error_set(
                IXY_E_TIMEOUT, "%.90s: the back end did not answer %s within %u ms%s (%u bytes are missing)",
                vhost->bus.address, vhost_user_request_name(request), end.milliseconds, end.what, to - received);
        struct iovec part = {.iov_base = answer + received, .iov_len = to - received};
        struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
        ssize_t count = recvmsg(vhost->socket, &header, MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (count == 0 || (count < 0 && errno == ECONNRESET))
            return vhost_user_gone(vhost, received == 0 ? "before it answered" : "in the middle of its answer to",
                                   request);
        if (count < 0)
            return error_set_errno("%.90s: receiving the answer to %s", vhost->bus.address,
                                   vhost_user_request_name(request));
        /* No answer that this front end asks for carries files. There is no room for any, so the kernel drops them: to
         * close() a file of the back end's choice could wait for whoever serves it. */
        if ((header.msg_flags & MSG_CTRUNC) != 0)
            return error_set(IXY_E_DEVICE,
                             "%.90s: the back end's answer to %s came with file descriptors; right is none",
                             vhost->bus.address, vhost_user_request_name(request));
        received += (uint32_t)count;
    }
    return 0;
}

static int32_t vhost_user_check_answer(const struct vhost_user_device *vhost, uint32_t request,
                                       const struct vhost_user_message *answer, uint32_t size)
{
    const char *name = vhost_user_request_name(request);
    if (answer->request != request)
        return error_set(IXY_E_DEVICE, "%.90s: the back end answered %s (%u) with a message of request %u",
                         vhost->bus.address, name, request, answer->request);
    /* Some back ends send need_reply back as they got it. */
    if ((answer->flags & ~VHOST_USER_NEED_REPLY) != (VHOST_USER_VERSION | VHOST_USER_REPLY))
        return error_set(IXY_E_DEVICE,
                         "%.90s: the back end's answer to %s has flags %#x; right is %#x (a reply of version 1)",
                         vhost->bus.address, name, answer->flags, VHOST_USER_VERSION | VHOST_USER_REPLY);
    if (answer->size != size)
        return error_set(IXY_E_DEVICE, "%.90s: the back end's answer to %s has %u bytes of payload; right is %u",
                         vhost->bus.address, name, answer->size, size);
    return 0;
}

/* An exchange failed. A device that runs has failed with it. */
static void vhost_user_give_up(struct vhost_user_device *vhost, uint32_t request)
{
    if (vhost->watched)
        bus_fail(&vhost->bus, "the back end did not answer %s as it should", vhost_user_request_name(request));
    vhost_user_disconnect(vhost);
}

static int32_t vhost_user_exchange(struct vhost_user_device *vhost, struct vhost_user_message *message,
                                   const int *files, uint32_t file_count, bool answered, uint32_t answer_size)
{
    uint32_t request = message->request;
    if (vhost->socket < 0)
        return vhost_user_no_session(vhost);
    struct vhost_user_deadline end = vhost_user_within(VHOST_USER_ANSWER_MS, "");
    if (vhost->deadline.at != 0 && vhost->deadline.at <= end.at)
        end = vhost->deadline;
    int32_t code = vhost_user_send(vhost, message, files, file_count, end);
    if (code >= 0 && answered) {
        code = vhost_user_receive(vhost, request, (uint8_t *)message, 0, VHOST_USER_HEADER_SIZE, end);
        if (code >= 0)
            code = vhost_user_check_answer(vhost, request, message, answer_size);
        if (code >= 0)
            code = vhost_user_receive(vhost, request, (uint8_t *)message, VHOST_USER_HEADER_SIZE,
                                      VHOST_USER_HEADER_SIZE + answer_size, end);
    }
    if (code < 0)
        vhost_user_give_up(vhost, request);
    return code;
}

int32_t vhost_user_ask(struct vhost_user_device *vhost, struct vhost_user_message *message, const int *files,
                       uint32_t file_count, uint32_t answer_size)
{
    message->flags = VHOST_USER_VERSION;
    return vhost_user_exchange(vhost, message, files, file_count, true, answer_size);
}

int32_t vhost_user_tell(struct vhost_user_device *vhost, struct vhost_user_message *message, const int *files,
                        uint32_t file_count)
{
    bool answered = vhost_user_agreed(vhost, VHOST_USER_PROTOCOL_F_REPLY_ACK);
    uint32_t request = message->request;
    message->flags = VHOST_USER_VERSION | (answered ? VHOST_USER_NEED_REPLY : 0);
    int32_t code = vhost_user_exchange(vhost, message, files, file_count, answered, sizeof(message->number));
    if (code >= 0 && answered && message->number != 0) {
        code = error_set(IXY_E_DEVICE, "%.90s: the back end refused %s (it answered %llu; right is 0)",
                         vhost->bus.address, vhost_user_request_name(request), (unsigned long long)message->number);
        vhost_user_give_up(vhost, request);
    }
    return code;
}

int32_t vhost_user_ask_number(struct vhost_user_device *vhost, uint32_t request, uint64_t *number)
{
    struct vhost_user_message message = {.request = request};
    int32_t code = vhost_user_ask(vhost, &message, NULL, 0, sizeof(message.number));
    if (code >= 0)
        *number = message.number;
    return code;
}

int32_t vhost_user_tell_number(struct vhost_user_device *vhost, uint32_t request, uint64_t number)
{
    struct vhost_user_message message = {.request = request, .size = sizeof(number), .number = number};
    return vhost_user_tell(vhost, &message, NULL, 0);
}
