#include "apps/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool sysfs_complain(const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "ixy: %s: ", name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return false;
}

static bool sysfs_is_address(const char *text)
{
    static const char form[] = "hh:hh.o"; /* h: a hexadecimal digit, o: an octal one */
    size_t domain = strspn(text, "0123456789abcdef");
    if (domain < 4 || domain > 8 || text[domain] != ':' || strlen(text) - domain - 1 != strlen(form))
        return false;
    text += domain + 1;
    for (size_t i = 0; form[i] != '\0'; i++) {
        bool fits = form[i] == 'h'   ? strchr("0123456789abcdef", text[i]) != NULL
                    : form[i] == 'o' ? text[i] >= '0' && text[i] <= '7'
                                     : text[i] == form[i];
        if (!fits)
            return false;
    }
    return true;
}

bool sysfs_address(const char *operand, char address[SYSFS_ADDRESS_MAX])
{
    const char *text = strncmp(operand, "pci:", 4) == 0 ? operand + 4 : operand;
    if (!sysfs_is_address(text))
        return sysfs_complain(operand, "no PCI address; right is as in 0000:03:00.0 (`ixy devices` lists them)");
    snprintf(address, SYSFS_ADDRESS_MAX, "%s", text);
    char path[SYSFS_PATH_MAX];
    snprintf(path, sizeof(path), SYSFS_DEVICES "/%s", address);
    if (access(path, F_OK) != 0)
        return sysfs_complain(address, "no such device; `ixy devices` and lspci -D list what there is");
    return true;
}

void sysfs_link(const char *address, const char *link, char name[SYSFS_NAME_MAX])
{
    char path[SYSFS_PATH_MAX], target[512];
    name[0] = '\0';
    snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/%s", address, link);
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    if (length < 0)
        return;
    target[length] = '\0';
    const char *slash = strrchr(target, '/');
    snprintf(name, SYSFS_NAME_MAX, "%.63s", slash != NULL ? slash + 1 : target);
}

static void sysfs_read_line(const char *address, const char *file, char *line, int size)
{
    char path[SYSFS_PATH_MAX];
    snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/%s", address, file);
    FILE *stream = fopen(path, "re");
    if (stream == NULL || fgets(line, size, stream) == NULL)
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (stream != NULL)
        fclose(stream);
}

void sysfs_read_own(const char *address, const char *file, char line[32])
{
    sysfs_read_line(address, file, line, 32);
}

void sysfs_override(const char *address, char name[SYSFS_NAME_MAX])
{
    sysfs_read_line(address, "driver_override", name, SYSFS_NAME_MAX);
    if (strcmp(name, "(null)") == 0) /* as the kernel writes it */
        name[0] = '\0';
}

bool sysfs_write(const char *address, const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return sysfs_complain(address, "%s: %s", path, strerror(errno));
    size_t size = strlen(text);
    ssize_t written = write(file, text, size);
    int number = errno;
    close(file);
    if (written != (ssize_t)size)
        return sysfs_complain(address, "writing \"%.*s\" to %s: %s", (int)strcspn(text, "\n"), text, path,
                              written < 0 ? strerror(number) : "not all of it was taken");
    return true;
}

bool sysfs_write_own(const char *address, const char *file, const char *text)
{
    char path[SYSFS_PATH_MAX];
    snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/%s", address, file);
    return sysfs_write(address, path, text);
}

bool sysfs_unbind(const char *address)
{
    return sysfs_write_own(address, "driver/unbind", address);
}

bool sysfs_bind(const char *address, const char *driver)
{
    char path[SYSFS_PATH_MAX];
    snprintf(path, sizeof(path), SYSFS_DRIVERS "/%s/bind", driver);
    return sysfs_write(address, path, address);
}

bool sysfs_probe(const char *address)
{
    return sysfs_write(address, SYSFS_PROBE, address);
}
