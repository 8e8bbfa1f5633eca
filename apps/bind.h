/* What the parts of `ixy bind` share: the devices that it binds and, for each, what was changed and is undone if a
 * later step fails. Functions that can fail print why and return false. */
#ifndef APPS_BIND_H
#define APPS_BIND_H

#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>

#include "apps/ixy.h"
#include "apps/sysfs.h"

struct binding {
    char address[SYSFS_ADDRESS_MAX];
    char driver[SYSFS_NAME_MAX];   /* before; "": none */
    char override[SYSFS_NAME_MAX]; /* driver_override before; "": none */
    char group[SYSFS_NAME_MAX];
    bool overridden, unbound, bound, given; /* changed so far */
    bool stuck;                             /* not all of that could be undone */
    uid_t owner;                            /* of the group's file before it was given away */
};

struct bindings {
    struct binding device[OPERANDS_MAX];
    uint32_t count;
    const struct passwd *user; /* NULL: the groups stay whose they are */
    bool whole;                /* --group: groups of several devices too */
};

/* bind_group.c: an IOMMU group goes to one user as a whole. */

/* Whether the device's group may be given away: nobody else has it, no kernel driver has a part of it, and whoever asks
 * knows of all its devices. Changes nothing. */
bool bind_group_check(const struct bindings *all, const struct binding *device);

/* Gives the group's file to the user, and says which devices he gets that were not named. */
bool bind_group_give(const struct bindings *all, struct binding *device);

/* The first of the devices that were named of its group. */
bool bind_group_is_first(const struct bindings *all, const struct binding *device);

/* Gives the group's file back to whom it belonged, if it was given away. */
void bind_group_undo(struct binding *device);

/* bind_driver.c: has vfio-pci take a device. */
bool bind_driver(struct binding *device);

/* The device has the driver_override and the driver that it had. After bind_group_undo: says how the undoing went. */
void bind_driver_undo(struct binding *device);

#endif
