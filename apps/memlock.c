#include "apps/memlock.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MEMLOCK_WANTED ((uint64_t)64 << 20) /* two devices with their own standard pools take 37 MiB */

/* The limit of a process that is running; false if it has ended, or is none of that user's. */
static bool memlock_of(const char *process, uid_t user, uint64_t *bytes)
{
    char path[64], line[256], soft[32] = "";
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%.20s/limits", process);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool found = fstat(fileno(file), &status) == 0 && status.st_uid == user;
    while (found && soft[0] == '\0' && fgets(line, sizeof(line), file) != NULL)
        (void)sscanf(line, "Max locked memory %31s", soft);
    fclose(file);
    *bytes = strcmp(soft, "unlimited") == 0 ? UINT64_MAX : strtoull(soft, NULL, 10);
    return found && soft[0] != '\0';
}

/* The least limit among the processes of a user; false: he has none. */
static bool memlock_least(uid_t user, uint64_t *least)
{
    bool any = false;
    DIR *processes = opendir("/proc");
    if (processes == NULL)
        return false;
    for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        uint64_t bytes;
        if (!isdigit((unsigned char)entry->d_name[0]) || !memlock_of(entry->d_name, user, &bytes))
            continue;
        if (!any || bytes < *least)
            *least = bytes;
        any = true;
    }
    closedir(processes);
    return any;
}

void memlock_print(const struct passwd *user)
{
    unsigned long long wanted = MEMLOCK_WANTED >> 10; /* kilobytes, as limits.conf and ulimit have it */
    const char *name = user->pw_name;
    uint64_t least = 0;
    bool known = memlock_least(user->pw_uid, &least);
    if (known && least >= MEMLOCK_WANTED) {
        printf("%s: may lock enough memory\n", name);
        return;
    }
    if (known)
        printf("%s: may lock %llu kilobytes of memory; right is %llu or more:\n", name,
               (unsigned long long)(least >> 10), wanted);
    else
        printf("%s: runs nothing that would tell how much memory he may lock; right is %llu kilobytes or more:\n", name,
               wanted);
    printf("    a line \"%s - memlock %llu\" in /etc/security/limits.d/ixy.conf, from the next login on;\n"
           "    LimitMEMLOCK=%lluM in a service of systemd; or, as root, `ulimit -l %llu` before `su %s`\n",
           name, wanted, wanted >> 10, wanted, name);
}
