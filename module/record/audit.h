/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audit: one JSON line a decision, with ECS field names, to journald's socket, syslog or a file; clientct-audit(5).
 * A daemon closes descriptors that it does not know and their numbers come back as sockets: a descriptor is used only
 * while its device and inode are those that were opened. Nothing here waits: what cannot be written now is counted.
 */
#ifndef CT_AUDIT_H
#define CT_AUDIT_H

#include <clientct/clientct.h>

#include "config/settings.h"

/* One process's sinks. Opaque; safe with threads and across fork. */
struct ct_audit;

struct ct_audit_counts {
    uint64_t written;
    uint64_t dropped_rate; /* over the rate limit */
    uint64_t dropped_sink; /* a sink was full, gone or could not be opened */
};

/* Lines a second, and at once: for compliant certificates, for others, and for chains that did not verify
 * apart, so that none hides another. */
#define CT_AUDIT_RATE 1000u
#define CT_AUDIT_BURST 2000u

/* Without sinks. NULL when memory is short. */
struct ct_audit *ct_audit_new(void) CT_MUST_USE;
void ct_audit_free(struct ct_audit *audit);
/*
 * Opens the sinks of `settings`, closes others, and opens again what is missing: a rotated file, a restarted daemon.
 * A sink that both had before keeps its descriptor, for a process that has dropped its privileges gets no new one.
 * NULL: there are no settings; what they would have by default is used. False when memory was short: a sink is missing
 * until this is called again. Sinks that could not be opened come back by themselves.
 */
bool ct_audit_apply(struct ct_audit *audit, const struct ct_settings *settings) CT_MUST_USE;

void ct_audit_decision(struct ct_audit *audit, const struct clientct_input *input,
                       const struct clientct_verdict *verdict, uint64_t elapsed_ns, int64_t now_ms);
/* Something about the configuration: a reload, its failure, a lost sink. `action` is a stable name, `text` one line. */
void ct_audit_event(struct ct_audit *audit, const char *action, bool success, const char *text, uint64_t generation,
                    int64_t now_ms);
struct ct_audit_counts ct_audit_get_counts(const struct ct_audit *audit);

#endif
