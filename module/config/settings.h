/* SPDX-License-Identifier: Apache-2.0 */
/* What clientct.cnf says, once it has been read: values, policies and rules. */
#ifndef CT_SETTINGS_H
#define CT_SETTINGS_H

#include "policy/policy.h"
#include "base/problems.h"
#include "policy/rules.h"

struct ct_setting_path {
    char *path;
    unsigned line;
};

enum ct_on_stale { CT_STALE_WARN, CT_STALE_REPORT, CT_STALE_REFUSE };
enum ct_reload { CT_RELOAD_HANDSHAKE, CT_RELOAD_CONTEXT };
enum ct_audit_kind { CT_AUDIT_JOURNALD, CT_AUDIT_SYSLOG, CT_AUDIT_FILE, CT_AUDIT_NONE };
struct ct_audit_sink_setting {
    enum ct_audit_kind kind;
    char *path; /* CT_AUDIT_FILE */
    unsigned line;
};
#define CT_SOURCE_BIT(source) (1u << (source))

struct ct_settings {
    enum clientct_mode mode;
    struct ct_setting_path *log_lists;
    size_t log_list_count;
    struct ct_setting_path log_list_key; /* path NULL: none */
    int64_t log_list_max_age_ms;         /* 0: no limit */
    enum ct_on_stale on_stale;
    unsigned sources;                                          /* CT_SOURCE_BIT of each */
    struct ct_setting_path sct_store, ocsp_store, proof_store; /* path NULL: none */
    struct ct_policy *policies;                                /* sections, and the presets in use */
    size_t policy_count;
    size_t policy;        /* index of the default policy */
    size_t shadow_policy; /* SIZE_MAX: none */
    struct ct_rule *rules;
    size_t rule_count;
    enum ct_revocation revocation;
    enum clientct_resumption resumption; /* never looser than `checked` where a rule is stricter than `allow` */
    int64_t resumption_window_ms;
    bool raw_public_keys_allowed;
    bool leaf_index_ignored; /* SCTs of static-ct logs count without it */
    enum ct_reload reload;
    struct ct_audit_sink_setting *audit;
    size_t audit_count;
    struct ct_setting_path metrics; /* path NULL: none */
    struct ct_setting_path archive; /* likewise */
};

/* Log lists in a file. */
#define CT_LOG_LISTS_MAX 64u
/* Of min_scts and the like: no more signatures than that are checked for one certificate. */
#define CT_COUNT_MAX 32u

void ct_settings_clear(struct ct_settings *settings);

#endif
