/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything read from disk, checked whole, immutable, shared by reference. Settings and log lists are last-good
 * separately: a bad list leaves the settings obeyed (`mode = off` is the emergency switch), and the other way round.
 *
 * A load goes one way: bytes are read once (file_set.h), digested, parsed, and the snapshot is swapped in. What was
 * parsed is what was digested: settings and lists are made of bytes of the file set and of nothing else, and the digest
 * is over the digests of exactly these bytes. Only what was read, digested and parsed counts as seen: where anything
 * failed, be it for a moment only, the snapshot says when to look again, whatever the stamps of the files.
 */
#ifndef CT_SNAPSHOT_H
#define CT_SNAPSHOT_H

#include <stdatomic.h>

#include "config/read_named.h"
#include "config/settings.h"
#include "logs/book.h"

/* clientct.cnf as it was read. */
struct ct_config {
    atomic_uint references;
    struct ct_settings settings;
    uint8_t sha256[32]; /* over its text and the files that its rules name */
};

struct ct_snapshot {
    atomic_uint references;
    uint64_t generation; /* counts loads that found something new, from 1 */
    char *config_file;
    struct ct_config *config;    /* NULL: the settings never could be read; everybody is refused */
    struct ct_log_book *book;    /* NULL: the lists never could be read; nobody can be compliant */
    bool config_failed;          /* the last attempt failed: config, if any, is an earlier one */
    bool book_failed;            /* likewise: a list in the book is an earlier one, or there is no book */
    int64_t look_again_ms;       /* monotonic: outdated by then, whatever the stamps say; INT64_MAX: no */
    bool disagrees;              /* a list and its signature */
    int64_t disagree_since_ms;   /* monotonic; INT64_MAX: they do not */
    char why[320];               /* the first error of the last attempt; "" when it succeeded */
    uint8_t digest[32];          /* over the contents of every file in force */
    struct ct_problems problems; /* of the last attempt: errors and warnings */
    struct ct_reading reading;   /* the files that were read or looked for, without their bytes */
};

/*
 * Reads config_file and everything it names. What cannot be used is taken from `previous` (may be NULL), and what
 * cannot be read, where that has nothing, from `early` (NULL: none). NULL only when memory is short. Reference count
 * one.
 */
struct ct_snapshot *ct_snapshot_read(const char *config_file, const struct ct_snapshot *previous,
                                     const struct ct_file_set *early) CT_MUST_USE;
struct ct_snapshot *ct_snapshot_retain(struct ct_snapshot *snapshot);
void ct_snapshot_release(struct ct_snapshot *snapshot); /* NULL is fine */
/* For a client of whom nothing is known yet (clientct_checker_get_terms). */
void ct_snapshot_terms(const struct ct_snapshot *snapshot, struct clientct_terms *terms);
/* Whether a file has another stamp than when the snapshot was read, or it is time to look again. */
bool ct_snapshot_outdated(const struct ct_snapshot *snapshot) CT_MUST_USE;
/* Whether a file was changed in this tenth of a second: somebody may be writing it. */
bool ct_snapshot_unsettled(const struct ct_snapshot *snapshot) CT_MUST_USE;

#endif
