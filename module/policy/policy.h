/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as enough. A policy is a table of conditions; the presets are policies with a rule book of their own. */
#ifndef CT_POLICY_H
#define CT_POLICY_H

#include "policy/admission.h"
#include "policy/explanation.h"

/* The defaults of a policy section, which are also the preset `one`. Strings stay NULL. */
void ct_policy_defaults(struct ct_policy *policy);
/* "one", "chrome", "apple": fills in the preset (name allocated); false: not a preset, or memory is short. */
bool ct_policy_preset(const char *name, struct ct_policy *policy) CT_MUST_USE;
extern const char *const ct_policy_preset_names[]; /* NULL-terminated */
void ct_policy_clear(struct ct_policy *policy);

/*
 * Judges the SCTs whose status is CLIENTCT_VALID. CLIENTCT_COMPLIANT, or the first condition that fails. `detail`
 * (may be NULL) gets one line: seen and needed. Pure: same input, same answer.
 */
enum clientct_reason ct_policy_judge(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                                     const struct ct_scts *scts, char *detail, size_t detail_size,
                                     struct ct_explanation *explanation) CT_MUST_USE;

/*
 * The moments after `now` at which the answer for this certificate could change (a log state or interval that
 * comes into force, sct_max_age, a future timestamp) narrow [*from, *until): the verdict holds within.
 */
void ct_policy_horizon(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                       const struct ct_scts *scts, int64_t *from_ms, int64_t *until_ms);

#endif
