/* Which functions this machine has. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bus/pci.h"
#include "core/device/error.h"

/* By domain, bus, device and function; a domain can have more than four digits. */
static int pci_list_compare(const void *left, const void *right)
{
    size_t left_length = strlen(left), right_length = strlen(right);
    if (left_length != right_length)
        return left_length < right_length ? -1 : 1;
    return strcmp(left, right);
}

static int32_t pci_list_read(DIR *folder, char (**names)[PCI_NAME_SIZE], uint32_t *count)
{
    uint32_t room = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(folder);
        if (entry == NULL)
            return errno == 0 ? 0 : error_set_errno("%s", PCI_DEVICES);
        if (entry->d_name[0] == '.' || strlen(entry->d_name) >= PCI_NAME_SIZE)
            continue;
        if (*count == room) {
            room = room == 0 ? 64 : 2 * room;
            void *larger = realloc(*names, room * sizeof(**names));
            if (larger == NULL)
                return error_set(IXY_E_NO_MEMORY, "no memory for a list of %u PCI devices", room);
            *names = larger;
        }
        memcpy((*names)[(*count)++], entry->d_name, strlen(entry->d_name) + 1);
    }
}

int32_t pci_list(char (**names)[PCI_NAME_SIZE], uint32_t *count)
{
    *names = NULL;
    *count = 0;
    DIR *folder = opendir(PCI_DEVICES);
    if (folder == NULL)
        return errno == ENOENT ? 0 : error_set_errno("%s", PCI_DEVICES);
    int32_t code = pci_list_read(folder, names, count);
    closedir(folder);
    if (code < 0) {
        free(*names);
        *names = NULL;
        return code;
    }
    if (*count > 0)
        qsort(*names, *count, sizeof(**names), pci_list_compare);
    return 0;
}
