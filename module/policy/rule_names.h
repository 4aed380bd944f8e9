/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions of rules on host names, and on subjectAltName (RFC 5280, section 4.2.1.6): what a pattern means. */
#ifndef CT_RULE_NAMES_H
#define CT_RULE_NAMES_H

#include "base/bytes.h"

/* Names of a certificate that are looked at; of more it cannot be told which rule holds. */
#define CT_RULE_NAMES_MAX 256u

enum ct_name_match {
    CT_NAME_MATCHES,
    CT_NAME_DIFFERS,
    CT_NAME_UNREADABLE /* a name of that kind can be read in two ways, there are too many names, or it is no DER */
};

/* Exact, or one label in the place of a leading "*"; ASCII case does not matter (RFC 6066, section 3). */
bool ct_host_name_matches(const char *pattern, struct ct_bytes host);

/*
 * Whether any of the names, the contents of GeneralNames, is of this kind (CT_NAME_URI, CT_NAME_DNS, CT_NAME_EMAIL) and
 * matches the pattern, which a setting has found to be one. `first`: a name of that kind, for people; empty: none.
 */
enum ct_name_match ct_rule_names_match(struct ct_bytes names, unsigned kind, const char *pattern,
                                       struct ct_bytes *first) CT_MUST_USE;

#endif
