/*
 * Metrics: one mapped file a process, <program>.<pid>.<start> in the directory that `metrics` names, created
 * exclusively, 0600, its blocks allocated before it is mapped (a full file system must not become a SIGBUS). The
 * reader adds the files up and folds away those of processes that are gone.
 */
#ifndef CT_METRICS_H
#define CT_METRICS_H

#include <clientct/clientct.h>

#include "audit.h"
#include "snapshot.h"

/* One process's counters. Opaque; lock-free; a child after fork starts a file of its own. */
struct ct_metrics;

/* `directory` is copied. NULL when memory is short; a directory that cannot be used is tried again later. */
struct ct_metrics *ct_metrics_new(const char *directory) CT_MUST_USE;
void ct_metrics_free(struct ct_metrics *metrics);

void ct_metrics_decision(struct ct_metrics *metrics, const struct clientct_verdict *verdict, uint64_t elapsed_ns);
/* What is in force now, and whether the last reload failed. */
void ct_metrics_snapshot(struct ct_metrics *metrics, const struct ct_snapshot *snapshot);
void ct_metrics_audit(struct ct_metrics *metrics, const struct ct_audit_counts *counts);

#endif
