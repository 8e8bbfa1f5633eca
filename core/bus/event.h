/* Events: eventfds that make whoever polls them look.
 *
 * Each receive queue has one from open to close (bus.events). Its device's interrupt makes it readable, and so does
 * bus_fail. It never blocks, whoever else has it: a vhost-user back end has its queues' events as files, too, and could
 * clear the flag that says so.
 */
#ifndef CORE_BUS_EVENT_H
#define CORE_BUS_EVENT_H

#include <stdint.h>

/* Returns 0, or an error with its text, which begins with name. A forked child does not have it (fork.h). */
int32_t event_open(int *event, const char *name);

/* Closes it and sets it to -1; does nothing with one that is not open. */
void event_close(int *event);

/* Makes it readable. */
void event_signal(int event);

/* Makes it unreadable. */
void event_empty(int event);

#endif
