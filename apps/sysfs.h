/* What `ixy bind` and `ixy unbind` read and write of the kernel's view of PCI devices. Functions that can fail print
 * why, on stderr, and return false. */
#ifndef APPS_SYSFS_H
#define APPS_SYSFS_H

#include <stdbool.h>

#define SYSFS_DEVICES "/sys/bus/pci/devices"
#define SYSFS_PROBE "/sys/bus/pci/drivers_probe"
#define SYSFS_DRIVERS "/sys/bus/pci/drivers"
#define SYSFS_VFIO_DRIVER SYSFS_DRIVERS "/vfio-pci"
#define SYSFS_PATH_MAX 128
#define SYSFS_NAME_MAX 64
#define SYSFS_ADDRESS_MAX 20 /* a domain has four digits or more */

/* Prints "ixy: NAME: ..." with the rest by its format, and returns false. */
bool sysfs_complain(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes a device's address as it was given, with or without "pci:". What it is must be an address in full, so that no
 * path made of it leads elsewhere, and a device that is there. */
bool sysfs_address(const char *operand, char address[SYSFS_ADDRESS_MAX]);

/* The last part of where a link of the device points: its driver's name, its group's number; "" if there is no link. */
void sysfs_link(const char *address, const char *link, char name[SYSFS_NAME_MAX]);

/* The first line of a file of the device's folder, without its end; "" if there is none. */
void sysfs_read_own(const char *address, const char *file, char line[32]);

/* The driver that driver_override names; "" if none. */
void sysfs_override(const char *address, char name[SYSFS_NAME_MAX]);

/* Writes a text to a file, as `echo` does. */
bool sysfs_write(const char *address, const char *path, const char *text);

/* The same for a file of the device's own folder. */
bool sysfs_write_own(const char *address, const char *file, const char *text);

/* Has the device unbound from its driver. */
bool sysfs_unbind(const char *address);

/* Has a driver take the device. */
bool sysfs_bind(const char *address, const char *driver);

/* Has the kernel look for a driver of the device: that of driver_override, if one is set there. */
bool sysfs_probe(const char *address);

#endif
