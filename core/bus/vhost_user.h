/* vhost-user: the VirtIO device is another process (DPDK, Open vSwitch), reached by a Unix socket.
 *
 *   vhost-user:/path[,ring=auto|split|packed][,mrg=on|off][,inorder=on|off][,queues=N][,mac=xx:xx:xx:xx:xx:xx]
 *
 * The back end listens at the path. The driver's memory reaches it as file descriptors, so all of it is shared
 * (dma_memory_share), and a device address is the address in this process. Doorbells are eventfds; nothing else of the
 * packet path needs a system call.
 *
 * A *session* is one connection, from the handshake to the reset or the back end's end. A reset always ends it, so that
 * the next one begins fresh, also with a back end that was started anew; it begins with `features`, the driver's first
 * question. While the device runs a thread sleeps on the socket and calls bus_fail when the back end closes it. If the
 * back end did not confirm that it stopped, the rings get new pages before the next session.
 *
 * Socket and events are recorded (fork.h): a forked child closes them, and keeps no connection open.
 */
#ifndef CORE_BUS_VHOST_USER_H
#define CORE_BUS_VHOST_USER_H

#include "core/bus/bus.h"

extern const struct bus_scheme vhost_user_bus_scheme;

#endif
