/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of one load. Each is read at most once, whoever asks and how often, so that everybody gets the same bytes
 * and the digest of these bytes: what was parsed is what was digested.
 */
#ifndef CT_FILE_SET_H
#define CT_FILE_SET_H

#include "base/file.h"

/* Where a name leads depends on the root directory of whoever opens it. All zero: not known. */
struct ct_root {
    uint64_t dev, ino;
};

struct ct_loaded_file {
    char *path;
    size_t max;                 /* as it was asked for first */
    struct ct_file file;        /* no data where there is an error and nothing from earlier */
    int error;                  /* of the attempt to read it now, as ct_file_read has it; EAGAIN: it never held still;
                                   EXDEV: the root directory is another one, and what the name leads to another file */
    bool is_earlier;            /* the bytes are those of the set of earlier */
    struct ct_file_stamp stamp; /* to be compared with what the file has later */
};

/* Zero-initialise, then set `earlier` and `root`, or not. */
struct ct_file_set {
    struct ct_loaded_file **files;
    size_t count;
    const struct ct_file_set *earlier;  /* its bytes are taken where a file cannot be read any more; NULL: none */
    const struct ct_file_set *in_force; /* and only those that this has, too; NULL: any */
    struct ct_root root;                /* in which the names lead to the files; as it is for the first where not set */
    bool in_doubt; /* a file was changed just before it was read: the next change may leave the same stamp */
};

struct ct_root ct_root_now(void);
bool ct_root_equal(const struct ct_root *a, const struct ct_root *b) CT_MUST_USE;

/*
 * The file of that name, read if it was not yet; symbolic links are followed. NULL when memory is too short to note
 * anything about it. A file that was read for a larger `max` before may be larger than this one. In another root
 * directory than the set's there is nothing to read: who may write there is another question than who may here.
 */
const struct ct_loaded_file *ct_file_set_read(struct ct_file_set *set, const char *path, size_t max) CT_MUST_USE;
/* The same without a digest and without regard to files that change: for a set that will be `earlier` of another. */
void ct_file_set_read_bytes(struct ct_file_set *set, const char *path, size_t max);
/* Whether a file has another stamp than when it was read, or can be read now, or cannot any more. */
bool ct_file_set_changed(const struct ct_file_set *set) CT_MUST_USE;
/*
 * Whether all that has changed since it was read did so within the last `ms` milliseconds: a writer may still be at it.
 * What has held still for longer is not to wait for files that never do.
 */
bool ct_file_set_is_changing(const struct ct_file_set *set, int64_t ms) CT_MUST_USE;
/* Keeps names and stamps only. */
void ct_file_set_drop_bytes(struct ct_file_set *set);
void ct_file_set_clear(struct ct_file_set *set);

#endif
