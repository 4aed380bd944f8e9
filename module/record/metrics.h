/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics: <program>.<pid>.<start> in the directory that `metrics` names, created exclusively, 0600, its blocks
 * allocated. A process counts in memory, and each verdict is shown in the file before the next one (metrics_board.h):
 * what anybody does to the file, cutting it included, cannot reach the process. The reader adds the files up and folds
 * away those that no process has mapped any more.
 *
 * A child after fork counts with its parent, in the same memory and file, until it has given some verdicts: then it is
 * no process for one connection, and starts a file of its own. Where it cannot (another root, another user), where
 * its family has made many already, or with `reload = context`, it goes on with its parent.
 */
#ifndef CT_METRICS_H
#define CT_METRICS_H

#include <clientct/clientct.h>

#include "record/archive.h"
#include "record/audit.h"
#include "config/snapshot.h"

/* One process's counters. Opaque; safe with threads and across fork; nothing here waits. */
struct ct_metrics;

/* `directory` is copied; NULL: count nothing yet. NULL when memory is short. */
struct ct_metrics *ct_metrics_new(const char *directory) CT_MUST_USE;
void ct_metrics_free(struct ct_metrics *metrics);
/*
 * Another directory, or none: what was counted so far stays in the old file. Nothing happens when it is the same.
 * False when memory is short: nothing is counted until it has succeeded.
 */
bool ct_metrics_set_directory(struct ct_metrics *metrics, const char *directory) CT_MUST_USE;

/* What became of one connection's session, shown with the next verdict; CLIENTCT_SESSION_UNKNOWN is not counted. */
void ct_metrics_session(struct ct_metrics *metrics, enum clientct_session session);
void ct_metrics_decision(struct ct_metrics *metrics, const struct clientct_verdict *verdict, uint64_t elapsed_ns);
/*
 * What is in force now, why it refuses everybody (NULL: it does not), and whether the last reload failed. False when
 * memory is short: to be told again.
 */
bool ct_metrics_snapshot(struct ct_metrics *metrics, const struct ct_snapshot *snapshot,
                         const char *denying) CT_MUST_USE;
/* The totals of one ct_audit: what has been added since the last call is counted, and shown with the next verdict. */
void ct_metrics_audit(struct ct_metrics *metrics, const struct ct_audit_counts *counts);
/* The same of one ct_archive. */
void ct_metrics_archive(struct ct_metrics *metrics, const struct ct_archive_counts *counts);
/* Shows what was counted now: a system call. */
void ct_metrics_show(struct ct_metrics *metrics);

#endif
