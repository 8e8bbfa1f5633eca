#include "tests/failing/failing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAILING_PCI "/sys/bus/pci/devices"
#define FAILING_PATH_SIZE 512

static struct {
    uint32_t calls, at, told; /* atomic; at: 0, nothing fails */
    bool lasting;
    char text[FAILING_TEXT_SIZE];
    const char *folder;
} failing;

void failing_begin(uint32_t at, bool lasting)
{
    failing.lasting = lasting;
    failing.text[0] = '\0';
    __atomic_store_n(&failing.calls, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&failing.told, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&failing.at, at, __ATOMIC_SEQ_CST);
}

void failing_end(void)
{
    __atomic_store_n(&failing.at, 0, __ATOMIC_SEQ_CST);
}

uint32_t failing_told(void)
{
    return __atomic_load_n(&failing.told, __ATOMIC_SEQ_CST);
}

uint32_t failing_calls(void)
{
    return __atomic_load_n(&failing.calls, __ATOMIC_SEQ_CST);
}

const char *failing_text(void)
{
    return failing.text;
}

void failing_pci_folder(const char *folder)
{
    failing.folder = folder;
}

/* Whether this call fails. */
static bool failing_now(const char *name, int number, bool advice)
{
    uint32_t at = __atomic_load_n(&failing.at, __ATOMIC_SEQ_CST);
    if (at == 0)
        return false;
    uint32_t call = __atomic_add_fetch(&failing.calls, 1, __ATOMIC_SEQ_CST);
    if (call < at || (call > at && !failing.lasting))
        return false;
    if (call == at)
        snprintf(failing.text, sizeof(failing.text), "call %u, %s", call, name);
    if (!advice)
        __atomic_add_fetch(&failing.told, 1, __ATOMIC_SEQ_CST);
    errno = number;
    return true;
}

static const char *failing_path(const char *path, char room[FAILING_PATH_SIZE])
{
    size_t length = strlen(FAILING_PCI);
    if (failing.folder == NULL || strncmp(path, FAILING_PCI, length) != 0)
        return path;
    snprintf(room, FAILING_PATH_SIZE, "%s%s", failing.folder, path + length);
    return room;
}

/* ---- what the library calls; tests/failing/names ---- */

void *failing_malloc(size_t size);
void *failing_calloc(size_t count, size_t size);
void *failing_realloc(void *memory, size_t size);
void *failing_aligned_alloc(size_t alignment, size_t size);
void *failing_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
int failing_madvise(void *address, size_t size, int advice);
int failing_memfd_create(const char *name, unsigned flags);
int failing_eventfd(unsigned count, int flags);
int failing_epoll_create1(int flags);
int failing_epoll_ctl(int epoll, int operation, int file, struct epoll_event *event);
int failing_socket(int domain, int type, int protocol);
int failing_connect(int file, const struct sockaddr *address, socklen_t size);
int failing_open(const char *path, int flags, ...);
FILE *failing_fopen(const char *path, const char *mode);
FILE *failing_fdopen(int file, const char *mode);
DIR *failing_opendir(const char *path);
ssize_t failing_readlink(const char *path, char *target, size_t size);
int failing_faccessat(int folder, const char *path, int mode, int flags);
int failing_fstat(int file, struct stat *status);
int failing_ftruncate(int file, off_t size);
int failing_fcntl(int file, int command, ...);
int failing_ioctl(int file, unsigned long request, ...);
int failing_dup3(int from, int to, int flags);
int failing_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

void *failing_malloc(size_t size)
{
    return failing_now("malloc", ENOMEM, false) ? NULL : malloc(size);
}

void *failing_calloc(size_t count, size_t size)
{
    return failing_now("calloc", ENOMEM, false) ? NULL : calloc(count, size);
}

void *failing_realloc(void *memory, size_t size)
{
    return failing_now("realloc", ENOMEM, false) ? NULL : realloc(memory, size);
}

void *failing_aligned_alloc(size_t alignment, size_t size)
{
    return failing_now("aligned_alloc", ENOMEM, false) ? NULL : aligned_alloc(alignment, size);
}

void *failing_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    return failing_now((flags & MAP_FIXED) != 0 ? "mmap at an address" : "mmap", ENOMEM, false)
               ? MAP_FAILED
               : mmap(address, size, protection, flags, file, offset);
}

int failing_madvise(void *address, size_t size, int advice)
{
    const char *name = advice == MADV_HUGEPAGE ? "madvise(MADV_HUGEPAGE)" : "madvise";
    return failing_now(name, EINVAL, advice == MADV_HUGEPAGE) ? -1 : madvise(address, size, advice);
}

int failing_memfd_create(const char *name, unsigned flags)
{
    return failing_now("memfd_create", EMFILE, false) ? -1 : memfd_create(name, flags);
}

int failing_eventfd(unsigned count, int flags)
{
    /* One that may block is the place of a file that is being closed: without it the file is closed otherwise. */
    return failing_now("eventfd", EMFILE, (flags & EFD_NONBLOCK) == 0) ? -1 : eventfd(count, flags);
}

int failing_epoll_create1(int flags)
{
    return failing_now("epoll_create1", EMFILE, false) ? -1 : epoll_create1(flags);
}

int failing_epoll_ctl(int epoll, int operation, int file, struct epoll_event *event)
{
    return failing_now("epoll_ctl", ENOMEM, false) ? -1 : epoll_ctl(epoll, operation, file, event);
}

int failing_socket(int domain, int type, int protocol)
{
    return failing_now("socket", EMFILE, false) ? -1 : socket(domain, type, protocol);
}

int failing_connect(int file, const struct sockaddr *address, socklen_t size)
{
    return failing_now("connect", ENOMEM, false) ? -1 : connect(file, address, size);
}

int failing_open(const char *path, int flags, ...)
{
    char room[FAILING_PATH_SIZE];
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return failing_now("open", EMFILE, false) ? -1 : open(failing_path(path, room), flags, mode);
}

FILE *failing_fopen(const char *path, const char *mode)
{
    return failing_now("fopen", EMFILE, false) ? NULL : fopen(path, mode);
}

FILE *failing_fdopen(int file, const char *mode)
{
    return failing_now("fdopen", ENOMEM, false) ? NULL : fdopen(file, mode);
}

DIR *failing_opendir(const char *path)
{
    char room[FAILING_PATH_SIZE];
    return failing_now("opendir", EMFILE, false) ? NULL : opendir(failing_path(path, room));
}

/* Needs neither memory nor a file that could be lacking; it is here for the folder. */
ssize_t failing_readlink(const char *path, char *target, size_t size)
{
    char room[FAILING_PATH_SIZE];
    return readlink(failing_path(path, room), target, size);
}

int failing_faccessat(int folder, const char *path, int mode, int flags)
{
    char room[FAILING_PATH_SIZE];
    return faccessat(folder, failing_path(path, room), mode, flags);
}

int failing_fstat(int file, struct stat *status)
{
    return failing_now("fstat", ENOMEM, false) ? -1 : fstat(file, status);
}

int failing_ftruncate(int file, off_t size)
{
    return failing_now("ftruncate", ENOSPC, false) ? -1 : ftruncate(file, size);
}

/* Flags of an event, which are read on every wait, cannot fail. */
int failing_fcntl(int file, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    if (command != F_GETFL && command != F_SETFL && failing_now("fcntl", ENOMEM, false))
        return -1;
    return fcntl(file, command, argument);
}

int failing_ioctl(int file, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return failing_now("ioctl", ENOMEM, false) ? -1 : ioctl(file, request, argument);
}

int failing_dup3(int from, int to, int flags)
{
    /* Where it is to make place for a closing file, the file is closed otherwise, and nobody is told. */
    return failing_now("dup3", EMFILE, true) ? -1 : dup3(from, to, flags);
}

int failing_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    return failing_now("pthread_create", EAGAIN, false) ? EAGAIN : pthread_create(thread, attributes, start, argument);
}
