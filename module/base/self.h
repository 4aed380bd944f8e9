/* Which process this is, asked on every decision and without a system call. */
#ifndef CT_SELF_H
#define CT_SELF_H

#include <sys/types.h>

/* getpid(), remembered. A child learns its own however it was made: fork, _Fork, clone. Thread-safe, lock-free. */
pid_t ct_self_pid(void);

#endif
