/* Events: eventfds that make whoever polls them look.
 *
 * Each receive queue has one from open to close (bus.events). Its device's interrupt makes it readable, and so does
 * bus_fail.
 *
 * Whether writing to an eventfd waits is a flag of the open file, and whoever else has the file can clear the flag,
 * fill the counter, and do both at any moment: a vhost-user back end has. No check comes in time for that. So what is
 * given away is read only, which can be done without waiting; what this process signals is an eventfd of its own, and
 * an epoll descriptor is readable when one of the two is.
 */
#ifndef CORE_BUS_EVENT_H
#define CORE_BUS_EVENT_H

#include <stdint.h>

/* Returns 0, or an error with its text, which begins with name. A forked child does not have it (fork.h). */
int32_t event_open(int *event, const char *name);

/* Closes it and sets it to -1; does nothing with one that is not open. */
void event_close(int *event);

/* Makes an epoll descriptor that is readable while one of two eventfds is; event_close closes it. Returns 0, or an
 * error with its text. */
int32_t event_join(int *joined, int first, int second, const char *name);

/* Makes it readable. Only of an eventfd that no other process has. */
void event_signal(int event);

/* Makes it unreadable. Never waits, whoever else has it. */
void event_empty(int event);

#endif
