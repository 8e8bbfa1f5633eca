/* A kernel for plain files: preloaded, it does what sysfs does when `ixy bind` and `ixy unbind` write to it.
 * tests/command/ bind makes the files, over /sys/bus/pci and /dev of a mount namespace of its own. Every write is noted
 * in /sys/bus/pci/log. FAKE_SYSFS_FAIL=N has the N-th write or chown fail, N+ all from the N-th on. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT "/sys/bus/pci"

static void driver_of(const char *address, char *driver, size_t size)
{
    char path[256], target[256];
    snprintf(path, sizeof(path), ROOT "/devices/%s/driver", address);
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    target[length < 0 ? 0 : length] = '\0';
    const char *slash = strrchr(target, '/');
    snprintf(driver, size, "%s", slash != NULL ? slash + 1 : "");
}

static void group_file(const char *address, char *file, size_t size)
{
    char path[256], target[256];
    snprintf(path, sizeof(path), ROOT "/devices/%s/iommu_group", address);
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    target[length < 0 ? 0 : length] = '\0';
    const char *slash = strrchr(target, '/');
    snprintf(file, size, "/dev/vfio/%s", slash != NULL ? slash + 1 : "none");
}

/* Whether a device of the group is still bound to vfio-pci: the test names the other one in the file `twin`. */
static int group_is_used(const char *address)
{
    char path[256], twin[64] = "", driver[64];
    snprintf(path, sizeof(path), ROOT "/devices/%s/twin", address);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    int read = fscanf(file, "%63s", twin);
    fclose(file);
    driver_of(twin, driver, sizeof(driver));
    return read == 1 && strcmp(driver, "vfio-pci") == 0;
}

static void unbind(const char *address)
{
    char path[256], driver[64];
    driver_of(address, driver, sizeof(driver));
    snprintf(path, sizeof(path), ROOT "/devices/%s/driver", address);
    unlink(path);
    group_file(address, path, sizeof(path));
    if (strcmp(driver, "vfio-pci") == 0 && !group_is_used(address))
        unlink(path);
}

/* A driver takes a device; vfio-pci makes the group's file, which is root's. */
static void bind_to(const char *address, const char *driver)
{
    char path[256], target[256];
    snprintf(target, sizeof(target), "../../drivers/%s", driver);
    snprintf(path, sizeof(path), ROOT "/devices/%s/driver", address);
    if (symlink(target, path) != 0 || strcmp(driver, "vfio-pci") != 0)
        return;
    group_file(address, path, sizeof(path));
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    if (file >= 0)
        close(file);
}

/* The driver that driver_override names, else that of the file `own`; a device with a file `stubborn` takes none. */
static void probe(const char *address)
{
    char path[256], wanted[64] = "";
    const char *files[] = {"driver_override", "own"};
    for (int i = 0; i < 2 && wanted[0] == '\0'; i++) {
        snprintf(path, sizeof(path), ROOT "/devices/%s/%s", address, files[i]);
        FILE *file = fopen(path, "r");
        if (file != NULL && fscanf(file, "%63s", wanted) != 1)
            wanted[0] = '\0';
        if (file != NULL)
            fclose(file);
    }
    snprintf(path, sizeof(path), ROOT "/devices/%s/stubborn", address);
    if (wanted[0] != '\0' && access(path, F_OK) != 0)
        bind_to(address, wanted);
}

/* Whether this is a step that shall fail. */
static int fails(void)
{
    static unsigned long steps;
    char *end = NULL;
    const char *text = getenv("FAKE_SYSFS_FAIL");
    unsigned long first = text != NULL ? strtoul(text, &end, 10) : 0;
    steps++;
    return first != 0 && (steps == first || (*end == '+' && steps > first));
}

static void note(const char *path, const char *text)
{
    FILE *log = fopen(ROOT "/log", "a");
    if (log == NULL)
        abort();
    fprintf(log, "%s %.*s\n", path + strlen(ROOT "/"), (int)strcspn(text, "\n"), text);
    fclose(log);
}

int chown(const char *path, uid_t user, gid_t group)
{
    static int (*next)(const char *, uid_t, gid_t);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "chown");
    if (!fails())
        return next(path, user, group);
    errno = EPERM;
    return -1;
}

ssize_t write(int file, const void *bytes, size_t size)
{
    static ssize_t (*next)(int, const void *, size_t);
    char link[64], path[256], text[64];
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "write");
    snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    path[length < 0 ? 0 : length] = '\0';
    if (strncmp(path, ROOT "/", strlen(ROOT "/")) != 0 || size >= sizeof(text))
        return next(file, bytes, size);
    memcpy(text, bytes, size);
    text[size] = '\0';
    if (fails()) {
        errno = EIO;
        return -1;
    }
    note(path, text);
    char *name = strrchr(path, '/') + 1;
    if (strcmp(name, "driver_override") == 0 && ftruncate(file, 0) == 0)
        return next(file, bytes, size);
    if (strcmp(name, "unbind") == 0)
        unbind(text);
    else if (strcmp(name, "drivers_probe") == 0)
        probe(text);
    else if (strcmp(name, "bind") == 0) {
        name[-1] = '\0';
        bind_to(text, strrchr(path, '/') + 1);
    }
    return (ssize_t)size;
}
