/*
 * A lock for a few instructions that a fork cannot leave locked: it holds the owner's process id, so a child that
 * finds its parent's knows that the owner does not exist here and takes it. What it guards must therefore be in order
 * after every single store.
 */
#ifndef CT_LOCK_H
#define CT_LOCK_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/self.h"

struct ct_lock {
    _Atomic(pid_t) owner; /* 0: free */
};

static inline bool ct_lock_try(struct ct_lock *lock)
{
    pid_t self = ct_self_pid();
    pid_t owner = 0;

    if (atomic_compare_exchange_strong_explicit(&lock->owner, &owner, self, memory_order_acquire,
                                                memory_order_relaxed)) {
        return true;
    }
    return owner != self && atomic_compare_exchange_strong_explicit(&lock->owner, &owner, self, memory_order_acquire,
                                                                    memory_order_relaxed);
}

static inline void ct_lock_take(struct ct_lock *lock)
{
    while (!ct_lock_try(lock)) {
        sched_yield();
    }
}

static inline void ct_lock_release(struct ct_lock *lock)
{
    atomic_store_explicit(&lock->owner, 0, memory_order_release);
}

#endif
