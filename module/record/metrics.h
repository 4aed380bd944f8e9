/*
 * Metrics: one mapped file a process, <program>.<pid>.<start> in the directory that `metrics` names, created
 * exclusively, 0600, its blocks allocated before it is mapped (a full file system must not become a SIGBUS). The
 * reader adds the files up and folds away those that no process has mapped any more.
 *
 * A child after fork starts a file of its own; where it cannot (it has changed its root or its user), or with
 * `reload = context`, which is for servers that fork a process a connection, it goes on counting in its parent's.
 */
#ifndef CT_METRICS_H
#define CT_METRICS_H

#include <clientct/clientct.h>

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

/* What became of one connection's session; CLIENTCT_SESSION_UNKNOWN is not counted. */
void ct_metrics_session(struct ct_metrics *metrics, enum clientct_session session);
void ct_metrics_decision(struct ct_metrics *metrics, const struct clientct_verdict *verdict, uint64_t elapsed_ns);
/*
 * What is in force now, why it refuses everybody (NULL: it does not), and whether the last reload failed. False when
 * memory is short: to be told again.
 */
bool ct_metrics_snapshot(struct ct_metrics *metrics, const struct ct_snapshot *snapshot,
                         const char *denying) CT_MUST_USE;
/* The totals of one ct_audit: what has been added since the last call is counted. */
void ct_metrics_audit(struct ct_metrics *metrics, const struct ct_audit_counts *counts);

#endif
