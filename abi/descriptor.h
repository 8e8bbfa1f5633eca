/* The descriptors that ixy_rx_fd hands out: duplicates of the queues' events.
 *
 * The library waits, signals and empties by its own numbers and never by these, so a program that closes one by mistake
 * loses nothing but the number: whatever file gets it next is neither written to nor read from, and is closed at the
 * end by nobody but its owner.
 */
#ifndef ABI_DESCRIPTOR_H
#define ABI_DESCRIPTOR_H

#include "abi/objects.h"

/* Under objects_lock: the queue's duplicate, made when it is first asked for, and anew if the program closed it.
 * Returns it, or an error with its text. */
int32_t descriptor_hand_out(struct device_slot *slot, uint32_t queue);

/* Under objects_lock, or in a forked child: closes the duplicates that are still theirs, by the device's events, which
 * are open still. */
void descriptors_close(struct device_slot *slot);

#endif
