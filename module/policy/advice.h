/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about a refusal, for people: the smallest change that would mend it. */
#ifndef CT_ADVICE_H
#define CT_ADVICE_H

#include "evidence/certificate.h"
#include "policy/admission.h"

/*
 * Completes `advice`, where the policy has said how many SCTs of which kind are missing: with what the SCTs that do
 * not count need in order to count, or, where no SCT would help, with what does. For a certificate that is refused.
 * `policy` may be NULL where none was applied.
 */
void ct_advise(enum clientct_reason reason, const struct ct_policy *policy, const struct ct_certificate *certificate,
               const struct ct_scts *scts, char *advice, size_t size);

#endif
