/* SPDX-License-Identifier: Apache-2.0 */
/* Which SCTs can count at all, before any signature is checked. */
#ifndef CT_ADMISSION_H
#define CT_ADMISSION_H

#include "logs/log.h"
#include "policy/terms.h"

/*
 * Of a log that stands in several lists, what the strictest of them says at `now_ms`: rejected, pending, retired (the
 * earlier retirement first), readonly, qualified, usable. Of any other log, what its list says.
 */
const struct ct_log *ct_log_strictest(const struct ct_log *log, int64_t now_ms);
/* The state in force at `now_ms`, by the strictest list: one whose timestamp is still to come is not in force yet. */
enum ct_log_state ct_log_state_at(const struct ct_log *log, int64_t now_ms);
/* Whether the log is relied upon at `now_ms` (qualified, usable, readonly) and can be used. */
bool ct_log_is_current(const struct ct_log *log, int64_t now_ms);

/*
 * What this policy says of one SCT before any signature is looked at: CLIENTCT_VALID, or why it cannot count
 * (future-timestamp, log-not-trusted, log-retired, outside-interval, sct-too-old). The log must be known. Where it is
 * in several lists, each of them must admit the SCT.
 */
enum clientct_reason ct_policy_admits(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                                      const struct ct_scts *scts, const struct ct_sct *sct) CT_MUST_USE;

/* The same log, and both embedded in the certificate or both presented beside it (TLS, OCSP, store). */
bool ct_same_witness(const struct ct_sct *a, const struct ct_sct *b);
/* Whether `other` adds nothing for this policy once `valid` is there. */
bool ct_policy_is_repeat(const struct ct_policy *policy, const struct ct_sct *valid,
                         const struct ct_sct *other) CT_MUST_USE;

#endif
