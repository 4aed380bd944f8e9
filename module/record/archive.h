/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The archive: what `clientct replay` decides again. A record for each certificate, once a day and process family, with
 * all that a verdict depends on beside settings and lists: the chain, SCTs of the handshake, what the stores held, the
 * server names, and the verdict. A line of JSON, in one write, into a file with the manners of the audit's
 * (audit_sink.h).
 */
#ifndef CT_ARCHIVE_H
#define CT_ARCHIVE_H

#include <clientct/clientct.h>

#include "config/settings.h"

/* Opaque; safe with threads and across fork. */
struct ct_archive;

/* Records a second, and at once. Who is left out is kept when it comes again. */
#define CT_ARCHIVE_RATE 1000u
#define CT_ARCHIVE_BURST 2000u
/* Records of one certificate a day: with other server names, SCTs or chains, which its client chooses. */
#define CT_ARCHIVE_VARIANTS_MAX 8u

struct ct_archive_counts {
    uint64_t written;
    uint64_t lost_rate; /* more than CT_ARCHIVE_RATE a second */
    uint64_t lost_sink; /* the file could not take it, it would have been too long, or memory was short */
};

/* Without a file. NULL when memory is short. Made only where there is something to keep: it has a table of 1 MiB. */
struct ct_archive *ct_archive_new(void) CT_MUST_USE;
void ct_archive_free(struct ct_archive *archive);
/* Opens the file that `settings` name, or gives up the one that they do not name any more. False: memory was short. */
bool ct_archive_apply(struct ct_archive *archive, const struct ct_settings *settings) CT_MUST_USE;
/*
 * Keeps the certificate, if this is its first time today. Nothing is kept of chains that did not verify, of raw public
 * keys and of verdicts that failed for want of memory. False: a record was lost.
 */
bool ct_archive_decision(struct ct_archive *archive, const struct clientct_input *input,
                         const struct clientct_verdict *verdict, int64_t now_ms) CT_MUST_USE;
struct ct_archive_counts ct_archive_get_counts(const struct ct_archive *archive);

#endif
