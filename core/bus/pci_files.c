/* What the kernel tells of a function, by small files and links. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/bus/pci.h"
#include "core/device/error.h"

void pci_path(char path[PCI_PATH_SIZE], const char *name, const char *file)
{
    snprintf(path, PCI_PATH_SIZE, PCI_DEVICES "/%s/%s", name, file);
}

bool pci_read_line(const char *path, char *line, uint32_t size)
{
    line[0] = '\0';
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t length = read(file, line, size - 1);
    int number = errno;
    close(file);
    errno = number;
    line[length < 0 ? 0 : length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return length >= 0;
}

int32_t pci_read_id(const char *name, const char *file, uint16_t *id)
{
    char path[PCI_PATH_SIZE], line[16];
    pci_path(path, name, file);
    if (!pci_read_line(path, line, sizeof(line)))
        return error_set_errno("%s: %s", name, path);
    char *end;
    unsigned long number = strtoul(line, &end, 16);
    if (end == line || *end != '\0' || number > UINT16_MAX)
        return error_set(IXY_E_IO, "%s: %s says \"%s\"; right is a number such as 0x8086", name, path, line);
    *id = (uint16_t)number;
    return 0;
}

bool pci_read_link(const char *name, const char *link, char target[PCI_LINK_SIZE])
{
    char path[PCI_PATH_SIZE], text[PATH_MAX];
    pci_path(path, name, link);
    target[0] = '\0';
    ssize_t length = readlink(path, text, sizeof(text) - 1);
    if (length <= 0)
        return false;
    text[length] = '\0';
    const char *slash = strrchr(text, '/');
    const char *last = slash != NULL ? slash + 1 : text;
    if (strlen(last) >= PCI_LINK_SIZE)
        return false;
    memcpy(target, last, strlen(last) + 1);
    return true;
}
