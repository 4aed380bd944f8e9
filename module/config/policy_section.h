/* SPDX-License-Identifier: Apache-2.0 */
/* Policy sections. */
#ifndef CT_POLICY_SECTION_H
#define CT_POLICY_SECTION_H

#include "config/reader.h"

ct_setting_parser ct_parse_policy, ct_parse_min_scts, ct_parse_require_log, ct_parse_accept_states;
/* May `a` accept what `b` refuses? True also where that cannot be told. */
bool ct_policy_may_be_weaker(const struct ct_policy *a, const struct ct_policy *b) CT_MUST_USE;

#endif
