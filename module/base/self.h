/* SPDX-License-Identifier: Apache-2.0 */
/* Which process this is, asked on every decision and without a system call. */
#ifndef CT_SELF_H
#define CT_SELF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* getpid(), remembered. A child learns its own however it was made: fork, _Fork, clone. Thread-safe, lock-free. */
pid_t ct_self_pid(void);
/*
 * A random number of this process's own, never 0: another one in each child, in another process that gets the same
 * process id later, and in the same process after it has executed a program anew. Where the kernel is too old to tell
 * children, it is made of the parent's and the process id.
 */
uint64_t ct_self_id(void);

/*
 * The name of the program, as it was called: NUL-terminated, cut to `size`, which is at least 2 bytes; letters, digits
 * and "_-+." only, and no dot first. Servers write titles over it (nginx, Puma): what reads like one is passed over for
 * the name of the executable, which is another one where a program has several (redis-server is a link to
 * redis-check-rdb). To be asked early: a chroot has no /proc.
 */
void ct_self_program(char *out, size_t size);

#endif
