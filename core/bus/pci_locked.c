/* What this process has locked, and what it may lock. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "core/bus/pci.h"
#include "core/device/error.h"

#define PCI_LOCKED_ENOUGH ((uint64_t)64 << 20) /* what is advised at least: two devices with a standard pool */

uint64_t pci_locked(void)
{
    unsigned long long kilobytes = 0;
    char line[128];
    FILE *file = fopen("/proc/self/status", "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "VmLck: %llu kB", &kilobytes) == 1)
            break;
    fclose(file);
    return (uint64_t)kilobytes << 10;
}

int32_t pci_locked_error(const char *name, uint64_t needed)
{
    struct rlimit limit = {0};
    uint64_t enough = PCI_LOCKED_ENOUGH;
    while (enough < 2 * needed) /* a second device with this pool locks it once more */
        enough *= 2;
    getrlimit(RLIMIT_MEMLOCK, &limit);
    return error_set(IXY_E_NO_MEMORY,
                     "%s: VFIO must lock %llu bytes, RLIMIT_MEMLOCK allows %llu: ulimit -l %llu as root, memlock in "
                     "/etc/security/limits.conf, LimitMEMLOCK= of systemd, or ixy bind %s --user NAME",
                     name, (unsigned long long)needed, (unsigned long long)limit.rlim_cur,
                     (unsigned long long)enough >> 10, name);
}
