/* How much memory a user's programs may lock: VFIO locks all that a device can reach, and counts it to the user. */
#ifndef APPS_MEMLOCK_H
#define APPS_MEMLOCK_H

#include <pwd.h>

/* Prints what the user's running programs may lock, and if that is too little, or nothing of his runs, how to allow
 * more. */
void memlock_print(const struct passwd *user);

#endif
