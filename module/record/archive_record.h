/* SPDX-License-Identifier: Apache-2.0 */
/* How a record of the archive is written; `clientct replay` has the reader. */
#ifndef CT_ARCHIVE_RECORD_H
#define CT_ARCHIVE_RECORD_H

#include <sys/types.h>

#include <clientct/clientct.h>

#include "base/bytes.h"

#define CT_ARCHIVE_VERSION 1
/* Of a record with its newline; one that would be longer is lost. */
#define CT_ARCHIVE_RECORD_MAX (1024u * 1024)
#define CT_ARCHIVE_CHAIN_MAX 16 /* certificates */

/* A file of a store: what it held, or why it could not be read ("": nothing was there). */
struct ct_archive_file {
    struct ct_bytes bytes;
    bool there;
    const char *unread;
};

struct ct_archive_stores {
    struct ct_archive_file ocsp, sct, proofs;
};

struct ct_archive_origin {
    int64_t now_ms;
    uint64_t lost; /* records since the one before */
    pid_t pid;
    uint64_t id;
    const char *process, *host;
};

/* One line with its newline, of malloc; NULL: memory is short, or it would be too long. */
char *ct_archive_record(const struct ct_archive_origin *origin, const struct clientct_input *input,
                        const struct clientct_verdict *verdict, const struct ct_archive_stores *stores,
                        size_t *len) CT_MUST_USE;

#endif
