/* fork(): what a child must not find half done, and the descriptors that it must not keep.
 *
 * A process may fork at any moment, also while other threads wait for a device or a back end. So fork() waits for
 * nothing but one short lock. It is held over each step that a child could not understand if it saw half of it: a
 * descriptor is opened and recorded, or closed and forgotten; a list changes. Nothing that waits happens under it.
 *
 * The child closes all descriptors that are recorded: a back end shall see the end of its connection when the parent
 * ends it, and a card shall be free when the parent lets go of it. All else of the parent's devices stays as it is in
 * the child, half opened or half reset, and is never used there: memory that nobody can tell to be whole is not freed.
 */
#ifndef CORE_DEVICE_FORK_H
#define CORE_DEVICE_FORK_H

/* Between these two no thread forks. Innermost of all locks. */
void fork_lock(void);
void fork_unlock(void);

/* Under the lock, around the call that opens a descriptor: records it and returns it. A negative one, the failure of
 * that call, is returned as it is; if there is no memory to record it, it is closed: -1 with errno. */
int fork_record(int descriptor);

/* Under the lock: forgets a descriptor that the caller closes by himself. */
void fork_forget(int descriptor);

/* Closes and forgets a recorded descriptor and sets it to -1; does nothing with a negative one. Not under the lock. */
void fork_close(int *descriptor);

/* The same for a file whose last close may wait for a device, which fork() then does not. */
void fork_close_slow(int *descriptor);

/* The fork handlers' part. In the child: closes what is recorded. */
void fork_before(void);
void fork_after_in_parent(void);
void fork_after_in_child(void);

#endif
