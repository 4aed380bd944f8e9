/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that grows beyond RLIMIT_FSIZE (LimitFSIZE= of systemd) sends SIGXFSZ to the thread that lets it grow, and
 * that ends a process which does not expect it. Between the two functions the signal is held back; the call fails with
 * EFBIG all the same. The application's handler and mask are not touched.
 */
#ifndef CT_FILE_LIMIT_H
#define CT_FILE_LIMIT_H

#include <signal.h>
#include <stdbool.h>

struct ct_file_limit {
    bool held;
    sigset_t before;
};

/* Without a limit, which is one question to the kernel, nothing is done. Neither changes errno. */
void ct_file_limit_begin(struct ct_file_limit *limit);
void ct_file_limit_end(const struct ct_file_limit *limit);

#endif
