#include "tests/c/vhost_user_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/virtio/spec.h"
#include "tests/c/abi_support.h"

#define BACKEND_FILES_MAX 100
#define BACKEND_SO_PASSRIGHTS 83 /* SO_PASSRIGHTS, which older headers lack */

struct backend backend_right(const char *name)
{
    struct backend made = {
        .features = VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_F_RING_PACKED) |
                    VIRTIO_FEATURE(VIRTIO_F_IN_ORDER) | VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF) |
                    VIRTIO_FEATURE(VIRTIO_NET_F_MQ) | VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES),
        .protocol =
            1u << VHOST_USER_PROTOCOL_F_MQ | 1u << VHOST_USER_PROTOCOL_F_REPLY_ACK | 1u << VHOST_USER_PROTOCOL_F_STATUS,
        .queue_num = BACKEND_RINGS / 2,
    };
    snprintf(made.path, sizeof(made.path), "/tmp/ixy-backend-%s-%d", name, (int)getpid());
    return made;
}

int backend_remove_sockets(void **state)
{
    char pattern[80];
    glob_t found = {.gl_pathc = 0};
    (void)state;
    snprintf(pattern, sizeof(pattern), "/tmp/ixy-backend-*-%d", (int)getpid());
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
    globfree(&found);
    return 0;
}

static void __attribute__((format(printf, 2, 3))) backend_complain(struct backend *backend, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (backend->complaint[0] == '\0')
        vsnprintf(backend->complaint, sizeof(backend->complaint), format, arguments);
    va_end(arguments);
}

/* ---- messages ---- */

struct backend_files {
    int file[BACKEND_FILES_MAX];
    uint32_t count;
};

/* Receives exactly size bytes, with whatever files come; false at the end of the connection. */
static bool backend_receive(struct backend *backend, void *bytes, uint32_t size, struct backend_files *files)
{
    for (uint32_t done = 0; done < size;) {
        uint32_t wanted = size - done;
        if (backend->hears != 0 && wanted > backend->hears - backend->heard)
            wanted = backend->hears - backend->heard;
        if (wanted == 0)
            return false;
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(VHOST_USER_REGIONS_MAX * sizeof(int))];
        } control;
        struct iovec part = {(uint8_t *)bytes + done, wanted};
        struct msghdr header = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
        ssize_t count = recvmsg(backend->connection, &header, MSG_CMSG_CLOEXEC);
        if (count <= 0)
            return false;
        done += (uint32_t)count;
        backend->heard += (uint32_t)count;
        for (struct cmsghdr *item = CMSG_FIRSTHDR(&header); item != NULL; item = CMSG_NXTHDR(&header, item)) {
            files->count = (uint32_t)((item->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(files->file, CMSG_DATA(item), files->count * sizeof(int));
        }
    }
    return true;
}

/* Lets files come through to the front end's socket, as a kernel before Linux 6.16 does. It is a socket of this process
 * whose peer has the back end's path. */
static void backend_let_files_through(const struct backend *backend)
{
    for (int file = 0; file < 1024; file++) {
        struct sockaddr_un peer = {.sun_family = AF_UNIX};
        socklen_t size = sizeof(peer);
        int on = 1;
        if (getpeername(file, (struct sockaddr *)&peer, &size) == 0 && peer.sun_family == AF_UNIX &&
            strcmp(peer.sun_path, backend->path) == 0)
            (void)setsockopt(file, SOL_SOCKET, BACKEND_SO_PASSRIGHTS, &on, sizeof(on));
    }
}

uint32_t backend_send(struct backend *backend, const void *bytes, uint32_t size, uint32_t file_count, int file,
                      bool front_takes)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(BACKEND_FILES_MAX * sizeof(int))];
    } control = {0};
    bool last = backend->says != 0 && size >= backend->says - backend->said;
    struct iovec part = {(void *)(uintptr_t)bytes, last ? backend->says - backend->said : size};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (file_count > 0) {
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(file_count * sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(file_count * sizeof(int));
        for (uint32_t i = 0; i < file_count; i++)
            memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &file, sizeof(int));
        if (front_takes)
            backend_let_files_through(backend);
    }
    ssize_t sent = sendmsg(backend->connection, &header, MSG_NOSIGNAL);
    if (sent > 0 && file_count > 0)
        __atomic_fetch_add(&backend->files, 1, __ATOMIC_RELEASE);
    if (sent < 0 && errno == EPERM && file_count > 0)
        sent = send(backend->connection, part.iov_base, part.iov_len, MSG_NOSIGNAL); /* without, then */
    backend->said += sent > 0 ? (uint32_t)sent : 0;
    if (last)
        shutdown(backend->connection, SHUT_RDWR);
    return sent > 0 ? (uint32_t)sent : 0;
}

/* Answers a request with a payload of size bytes, or as wrongly as the test wants it. */
static bool backend_answer(struct backend *backend, struct vhost_user_message *message, uint32_t size)
{
    uint32_t request = message->request, length = VHOST_USER_HEADER_SIZE + size, files = 0;
    message->flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
    message->size = size;
    if (backend->hostile != NULL)
        return backend->hostile->answer(backend, message, size);
    enum backend_wrong wrong = __atomic_load_n(&backend->wrong, __ATOMIC_ACQUIRE);
    if (request != backend->wrong_request)
        wrong = BACKEND_RIGHT;
    poll(NULL, 0, (int)__atomic_load_n(&backend->late_ms, __ATOMIC_ACQUIRE));
    switch (wrong) {
    case BACKEND_SILENT:
        return true;
    case BACKEND_HALF:
    case BACKEND_HALF_CLOSED:
        backend_send(backend, message, 6, 0, -1, false);
        return wrong == BACKEND_HALF;
    case BACKEND_CLOSED:
        return false;
    case BACKEND_HEADER_CLOSED:
        backend_send(backend, message, VHOST_USER_HEADER_SIZE, 0, -1, false);
        return false;
    case BACKEND_OTHER_REQUEST:
        message->request = 77;
        break;
    case BACKEND_NO_REPLY:
        message->flags = VHOST_USER_VERSION;
        break;
    case BACKEND_VERSION:
        message->flags = 2 | VHOST_USER_REPLY;
        break;
    case BACKEND_SMALL:
        message->size -= 4;
        length -= 4;
        break;
    case BACKEND_LARGE:
        message->size = UINT32_MAX;
        break;
    case BACKEND_FILE:
        files = 1;
        break;
    case BACKEND_FILES:
        files = BACKEND_FILES_MAX;
        break;
    case BACKEND_VALUE:
        message->number = backend->wrong_value;
        break;
    case BACKEND_TWICE:
        backend_send(backend, message, length, 0, -1, false);
        break;
    case BACKEND_LINGER:
        backend_send(backend, message, length, 1, backend->wrong_file, false);
        if (backend->files > 0)
            close(backend->wrong_file); /* whoever takes it has the last one */
        __atomic_store_n(&backend->wrong, BACKEND_RIGHT, __ATOMIC_RELEASE);
        return true;
    case BACKEND_RIGHT:
        break;
    }
    backend_send(backend, message, length, files, backend->stop, true);
    return true;
}

static bool backend_answer_number(struct backend *backend, struct vhost_user_message *message, uint64_t number)
{
    message->number = number;
    return backend_answer(backend, message, sizeof(message->number));
}

/* ---- requests ---- */

static void backend_unmap(struct backend *backend)
{
    for (uint32_t i = 0; i < backend->region_count; i++)
        munmap(backend->mapped[i], backend->region[i].size);
    backend->region_count = 0;
}

static void backend_map(struct backend *backend, const struct vhost_user_message *message, const int *files,
                        uint32_t file_count)
{
    backend_unmap(backend);
    if (message->memory.count > VHOST_USER_REGIONS_MAX || message->memory.count != file_count) {
        backend_complain(backend, "SET_MEM_TABLE: %u regions, %u files", message->memory.count, file_count);
        return;
    }
    for (uint32_t i = 0; i < file_count; i++) {
        struct vhost_user_region region = message->memory.region[i];
        uint8_t *mapped =
            mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, files[i], (off_t)region.mmap_offset);
        if (mapped == MAP_FAILED) {
            backend_complain(backend, "SET_MEM_TABLE: region %u cannot be mapped", i);
            return;
        }
        if (ftruncate(files[i], 0) == 0)
            backend_complain(backend, "SET_MEM_TABLE: a peer can cut region %u short", i);
        backend->region[i] = region;
        backend->mapped[i] = mapped;
        backend->region_count = i + 1;
    }
}

static struct backend_ring *backend_ring_of(struct backend *backend, uint32_t index)
{
    if (index >= BACKEND_RINGS) {
        backend_complain(backend, "no ring %u", index);
        index = 0;
    }
    return &backend->ring[index];
}

static void backend_take_event(struct backend *backend, int *event, struct backend_files *files)
{
    if (files->count != 1) {
        backend_complain(backend, "SET_VRING_KICK or _CALL with %u files", files->count);
        return;
    }
    if (*event >= 0)
        close(*event);
    *event = files->file[0];
    files->count = 0;
}

/* At most: a split ring's areas, which are not smaller than a packed one's. */
uint32_t backend_area_size(const struct backend_ring *ring, uint32_t area)
{
    static const uint32_t entry[] = {sizeof(struct virtq_desc), sizeof(uint16_t), sizeof(struct virtq_used_elem)};
    return ring->size * entry[area] + (area == 0 ? 0 : 6);
}

static void backend_address(struct backend *backend, const struct vhost_user_ring_address *address)
{
    struct backend_ring *ring = backend_ring_of(backend, address->index);
    ring->descriptor = backend_translate(backend, address->descriptor, backend_area_size(ring, 0));
    ring->available = backend_translate(backend, address->available, backend_area_size(ring, 1));
    ring->used = backend_translate(backend, address->used, backend_area_size(ring, 2));
    ring->addressed = ring->descriptor != NULL && ring->available != NULL && ring->used != NULL && ring->size > 0;
    if (!ring->addressed)
        backend_complain(backend, "SET_VRING_ADDR: ring %u does not lie in the memory", address->index);
}

static void backend_base(struct backend *backend, const struct vhost_user_ring_state *state)
{
    struct backend_ring *ring = backend_ring_of(backend, state->index);
    bool packed = (backend->accepted & VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)) != 0;
    if (state->number != (packed ? 0x80008000u : 0u))
        backend_complain(backend, "SET_VRING_BASE: %#x", state->number);
    ring->next = ring->next_used = 0;
    ring->wrap = true;
}

/* A request that sets something; what is wrong with it goes to the complaint. */
static void backend_set(struct backend *backend, const struct vhost_user_message *message, struct backend_files *files)
{
    uint32_t index = message->state.index;
    switch (message->request) {
    case VHOST_USER_SET_OWNER:
        break;
    case VHOST_USER_SET_STATUS:
        backend->status = message->number;
        break;
    case VHOST_USER_SET_FEATURES:
        backend->accepted = message->number;
        if ((message->number & ~backend->features) != 0)
            backend_complain(backend, "SET_FEATURES: %#llx was not offered",
                             (unsigned long long)(message->number & ~backend->features));
        break;
    case VHOST_USER_SET_PROTOCOL_FEATURES:
        if ((message->number & ~backend->protocol) != 0)
            backend_complain(backend, "SET_PROTOCOL_FEATURES: not offered");
        break;
    case VHOST_USER_SET_MEM_TABLE:
        backend_map(backend, message, files->file, files->count);
        break;
    case VHOST_USER_SET_VRING_NUM:
        backend_ring_of(backend, index)->size = message->state.number;
        break;
    case VHOST_USER_SET_VRING_BASE:
        backend_base(backend, &(struct vhost_user_ring_state){index, message->state.number});
        break;
    case VHOST_USER_SET_VRING_ADDR: {
        struct vhost_user_ring_address address = message->address;
        backend_address(backend, &address);
        break;
    }
    case VHOST_USER_SET_VRING_KICK:
        backend_take_event(backend, &backend_ring_of(backend, index & 0xFF)->kick, files);
        /* "If PROTOCOL_FEATURES has not been negotiated, the ring starts directly in the enabled state." */
        if ((backend->features & VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES)) == 0)
            backend_ring_of(backend, index & 0xFF)->enabled = true;
        break;
    case VHOST_USER_SET_VRING_CALL:
        backend_take_event(backend, &backend_ring_of(backend, index & 0xFF)->call, files);
        break;
    case VHOST_USER_SET_VRING_ENABLE:
        backend_ring_of(backend, index)->enabled = message->state.number != 0;
        break;
    default:
        backend_complain(backend, "request %u", message->request);
    }
}

static bool backend_stop_ring(struct backend *backend, struct vhost_user_message *message)
{
    uint32_t index = message->state.index;
    struct backend_ring *ring = backend_ring_of(backend, index);
    message->state.number = ring->next;
    ring->addressed = ring->enabled = false;
    return backend_answer(backend, message, sizeof(message->state));
}

/* Returns false when the connection shall end. */
static bool backend_serve(struct backend *backend, struct vhost_user_message *message, struct backend_files *files,
                          uint64_t *protocol)
{
    bool need_reply = (message->flags & VHOST_USER_NEED_REPLY) != 0;
    bool may_reply = (*protocol >> VHOST_USER_PROTOCOL_F_REPLY_ACK & 1) != 0;
    if (message->request < 64)
        __atomic_fetch_add(&backend->requests[message->request], 1, __ATOMIC_RELEASE);
    if ((message->flags & 7) != VHOST_USER_VERSION || (need_reply && !may_reply))
        backend_complain(backend, "request %u has flags %#x", message->request, message->flags);
    switch (message->request) {
    case VHOST_USER_GET_FEATURES:
        return backend_answer_number(backend, message, backend->features);
    case VHOST_USER_GET_PROTOCOL_FEATURES:
        return backend_answer_number(backend, message, backend->protocol);
    case VHOST_USER_GET_QUEUE_NUM:
        return backend_answer_number(backend, message, backend->queue_num);
    case VHOST_USER_GET_STATUS:
        return backend_answer_number(backend, message, backend->status);
    case VHOST_USER_GET_VRING_BASE:
        return backend_stop_ring(backend, message);
    default:
        backend_set(backend, message, files);
        if (message->request == VHOST_USER_SET_PROTOCOL_FEATURES)
            *protocol = message->number;
        return !need_reply || backend_answer_number(backend, message, 0);
    }
}

static bool backend_request(struct backend *backend, uint64_t *protocol)
{
    struct vhost_user_message message = {0};
    struct backend_files files = {.count = 0};
    bool goes_on = backend_receive(backend, &message, VHOST_USER_HEADER_SIZE, &files);
    if (goes_on && message.size > VHOST_USER_PAYLOAD_MAX) {
        backend_complain(backend, "request %u of %u bytes", message.request, message.size);
        goes_on = false;
    }
    goes_on = goes_on && backend_receive(backend, message.bytes, message.size, &files) &&
              backend_serve(backend, &message, &files, protocol);
    for (uint32_t i = 0; i < files.count; i++)
        close(files.file[i]);
    return goes_on;
}

/* ---- the thread ---- */

static void backend_hang_up(struct backend *backend)
{
    backend_unmap(backend);
    for (uint32_t i = 0; i < BACKEND_RINGS; i++) {
        if (backend->ring[i].kick >= 0)
            close(backend->ring[i].kick);
        if (backend->ring[i].call >= 0)
            close(backend->ring[i].call);
        backend->ring[i] = (struct backend_ring){.kick = -1, .call = -1};
    }
    if (backend->connection >= 0) {
        close(backend->connection);
        __atomic_fetch_add(&backend->disconnections, 1, __ATOMIC_RELEASE);
    }
    backend->connection = -1;
}

/* Whether a write to an eventfd waits is a flag of the open file, which both sides share. */
static void backend_clog(struct backend *backend)
{
    for (uint32_t i = 0; i < BACKEND_RINGS; i++) {
        int kick = backend->ring[i].kick;
        eventfd_t count;
        if (kick < 0)
            continue;
        eventfd_read(kick, &count);
        if (eventfd_write(kick, UINT64_MAX - 1) != 0 || fcntl(kick, F_SETFL, 0) != 0)
            backend_complain(backend, "the counter of ring %u was not filled", i);
        backend->ring[i].enabled = false; /* it serves no more */
    }
    __atomic_store_n(&backend->clog, 0, __ATOMIC_RELEASE);
    if (backend->clog_ms != 0) {
        poll(NULL, 0, (int)backend->clog_ms);
        backend_hang_up(backend);
    }
}

/* The same with the calls, which are the events of receive queues. */
static void backend_clog_calls(struct backend *backend)
{
    for (uint32_t i = 0; i < BACKEND_RINGS; i++) {
        int call = backend->ring[i].call;
        eventfd_t count;
        if (call < 0)
            continue;
        eventfd_read(call, &count);
        if (eventfd_write(call, UINT64_MAX - 1) != 0 || fcntl(call, F_SETFL, 0) != 0)
            backend_complain(backend, "the call of ring %u was not filled", i);
    }
    __atomic_store_n(&backend->clog_calls, 0, __ATOMIC_RELEASE);
}

/* One turn of the thread's loop; ready: there is a request, or a connection. */
static void backend_turn(struct backend *backend, bool ready, uint64_t *protocol)
{
    if (__atomic_exchange_n(&backend->cut, 0, __ATOMIC_ACQ_REL) != 0) {
        backend_hang_up(backend);
    } else if (__atomic_load_n(&backend->clog, __ATOMIC_ACQUIRE) != 0) {
        backend_clog(backend);
    } else if (__atomic_load_n(&backend->clog_calls, __ATOMIC_ACQUIRE) != 0) {
        backend_clog_calls(backend);
    } else if (ready && backend->connection < 0) {
        backend->connection = accept4(backend->listener, NULL, NULL, SOCK_CLOEXEC);
        __atomic_fetch_add(&backend->connections, 1, __ATOMIC_RELEASE);
        *protocol = backend->status = backend->heard = backend->said = 0;
        if (backend->hostile != NULL)
            backend->hostile->accepted(backend);
    } else if (ready && !backend_request(backend, protocol)) {
        backend_hang_up(backend);
    } else if (backend->hostile != NULL && backend->connection >= 0 && !backend->hostile->idle(backend)) {
        backend_hang_up(backend);
    }
}

static void *backend_main(void *argument)
{
    struct backend *backend = argument;
    uint64_t protocol = 0;
    for (;;) {
        struct pollfd entries[] = {
            {.fd = backend->stop, .events = POLLIN},
            {.fd = backend->connection < 0 ? backend->listener : backend->connection, .events = POLLIN}};
        pthread_mutex_lock(&backend->lock);
        uint32_t moved = backend_echo(backend);
        pthread_mutex_unlock(&backend->lock);
        if (__atomic_load_n(&backend->deaf, __ATOMIC_ACQUIRE) != 0)
            entries[1].fd = -1;
        poll(entries, 2, moved > 0 ? 0 : 1);
        if (entries[0].revents != 0)
            break;
        pthread_mutex_lock(&backend->lock);
        backend_turn(backend, entries[1].revents != 0, &protocol);
        pthread_mutex_unlock(&backend->lock);
    }
    backend_hang_up(backend);
    return NULL;
}

void backend_start(struct backend *backend)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, backend->path, sizeof(backend->path));
    unlink(backend->path);
    backend->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    backend->stop = eventfd(0, EFD_CLOEXEC);
    backend->connection = -1;
    for (uint32_t i = 0; i < BACKEND_RINGS; i++)
        backend->ring[i] = (struct backend_ring){.kick = -1, .call = -1};
    pthread_mutex_init(&backend->lock, NULL);
    assert_int_equal(bind(backend->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(backend->listener, 8), 0);
    assert_int_equal(pthread_create(&backend->thread, NULL, backend_main, backend), 0);
}

void backend_kill(struct backend *backend)
{
    eventfd_write(backend->stop, 1);
    pthread_join(backend->thread, NULL);
    close(backend->listener);
    close(backend->stop);
    pthread_mutex_destroy(&backend->lock);
}

void backend_stop(struct backend *backend)
{
    backend_kill(backend);
    unlink(backend->path);
    if (backend->complaint[0] != '\0')
        fail_msg("the front end did what the protocol forbids: %s", backend->complaint);
    assert_int_equal(backend->refused, 0);
}
