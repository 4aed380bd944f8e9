/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, and what they name. */
#ifndef CT_RULE_SECTION_H
#define CT_RULE_SECTION_H

#include "config/reader.h"

ct_setting_parser ct_parse_rules, ct_parse_rule_mode, ct_parse_issuer, ct_parse_certificate, ct_parse_server_name;
ct_setting_parser ct_parse_certificate_policy, ct_parse_extended_key_usage, ct_parse_rule_resumption;
ct_setting_parser ct_parse_uri, ct_parse_dns, ct_parse_email;
/* Whether a rule can have this name of a certificate, just as it stands, as its `uri`, `dns` or `email`. */
bool ct_rule_name_ok(const char *setting, const char *name) CT_MUST_USE;
void ct_settings_read_rules(struct ct_settings_reader *reader);

#endif
