/* Order between this processor's memory accesses as a device sees them.
 *
 * The atomics of C order accesses among processors; for a device on a weakly ordered machine that is not enough in
 * general (arm64: they are "inner shareable", a device may be outside). So each release store, acquire load and full
 * barrier of a virtqueue has one of these beside it. x86 keeps stores in order and loads in order for devices too, and
 * needs an instruction only where a load must not pass an earlier store. They are strong enough for ORDER_PLATFORM
 * (6.1).
 */
#ifndef CORE_VIRTIO_BARRIER_H
#define CORE_VIRTIO_BARRIER_H

/* Before a store that hands something over: what was stored before is seen before. */
static inline void virtio_store_barrier(void)
{
#if defined(__aarch64__)
    __asm__ volatile("dmb oshst" : : : "memory");
#elif !defined(__x86_64__) && !defined(__i386__)
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* After a load that shows that something was handed over: what is loaded after is as new. */
static inline void virtio_load_barrier(void)
{
#if defined(__aarch64__)
    __asm__ volatile("dmb oshld" : : : "memory");
#elif !defined(__x86_64__) && !defined(__i386__)
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* Between a store and a later load of something else. */
static inline void virtio_full_barrier(void)
{
#if defined(__aarch64__)
    __asm__ volatile("dmb osh" : : : "memory");
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

#endif
