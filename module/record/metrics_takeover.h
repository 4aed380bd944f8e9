/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of counters outlives its process. Whoever needs a file goes on in such a one, counts and all, where there is
 * one of the same program and user: so there are about as many files as there are processes at a time, and nobody has
 * to clear away after restarts.
 */
#ifndef CT_METRICS_TAKEOVER_H
#define CT_METRICS_TAKEOVER_H

#include "record/metrics_file.h"

struct ct_metrics_takeover {
    int lock; /* of the directory, held: nobody folds the file away meanwhile */
    int fd;   /* the file, open for reading and writing */
    char name[CT_METRICS_NAME_SIZE];
};

/*
 * Finds a file of `size` bytes whose process is gone and reads it into *counted, as ct_metrics_file_parse leaves it.
 * Never waits: where others hold the lock, where this user may not, or where the system does not tell whether a file is
 * in use, there is none, which is false. To be ended, soon, when the file has been mapped.
 */
bool ct_metrics_takeover_begin(struct ct_metrics_takeover *takeover, const char *directory, const char *program,
                               size_t size, struct ct_metrics_file *counted) CT_MUST_USE;
void ct_metrics_takeover_end(struct ct_metrics_takeover *takeover);

#endif
