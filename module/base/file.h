/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the operator's files: whole, bounded, regular files only. */
#ifndef CT_FILE_H
#define CT_FILE_H

#include <sys/stat.h>

#include "base/bytes.h"

/* Enough to see that a file is another one or has other contents. All zero: no file. */
struct ct_file_stamp {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
    int error; /* errno of the attempt; 0: there was a regular file */
};

struct ct_file {
    uint8_t *data; /* NUL-terminated for convenience; the NUL is not counted */
    size_t len;
    size_t mapped; /* bytes mapped for `data`; 0: it is of malloc */
    uint8_t sha256[32];
    struct ct_file_stamp stamp;
};

/*
 * Reads a regular file of at most `max` bytes. 0, or an errno: EFBIG when it is larger, EINVAL when it is not a
 * regular file, ELOOP for a symbolic link when `follow` is false. Never blocks (FIFOs are refused unopened).
 */
int ct_file_read(const char *path, size_t max, bool follow, struct ct_file *out) CT_MUST_USE;
/* The same in two steps: the bytes, without any cryptography, and their digest: 0, or ENOMEM. */
int ct_file_read_bytes(const char *path, size_t max, bool follow, struct ct_file *out) CT_MUST_USE;
int ct_file_digest(struct ct_file *file) CT_MUST_USE;
/* Gives the bytes up; digest and stamp stay. */
void ct_file_drop_bytes(struct ct_file *file);
void ct_file_clear(struct ct_file *file);
/* As ct_file_read would find it, with ELOOP for a symbolic link when `follow` is false. */
struct ct_file_stamp ct_file_stamp_of(const char *path, bool follow);
bool ct_file_stamp_equal(const struct ct_file_stamp *a, const struct ct_file_stamp *b) CT_MUST_USE;

#endif
