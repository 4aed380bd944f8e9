/* SPDX-License-Identifier: Apache-2.0 */
/* The rule books: conditions.c for the policies of clientct.cnf, and one file for each preset that has its own. */
#ifndef CT_RULE_BOOKS_H
#define CT_RULE_BOOKS_H

#include "policy/terms.h"
#include "policy/ways.h"

/* The rule books: they fill in the ways; `speak` asks for the texts. */
#define CT_WAYS_MAX 2
size_t ct_conditions_ways(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                          const struct ct_scts *scts, bool speak, struct ct_way ways[CT_WAYS_MAX]);
size_t ct_chrome_ways(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                      const struct ct_scts *scts, bool speak, struct ct_way ways[CT_WAYS_MAX]);
size_t ct_apple_ways(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                     const struct ct_scts *scts, bool speak, struct ct_way ways[CT_WAYS_MAX]);
/* What the presets' sections would say; `policy` holds the defaults. */
void ct_chrome_preset(struct ct_policy *policy);
void ct_apple_preset(struct ct_policy *policy);

#endif
