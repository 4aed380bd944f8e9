/* SPDX-License-Identifier: Apache-2.0 */
#include "config/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/policy_section.h"
#include "config/rule_section.h"
#include "config/values.h"
#include "config/warnings.h"

#define TOP(field) offsetof(struct ct_settings, field)
#define POLICY(field) offsetof(struct ct_policy, field)
#define RULE(field) offsetof(struct ct_rule, field)

/* Section, name, type, default, repeatable, help; parser and its place. clientct.cnf(5) lists the same, by a test. */
static const struct ct_setting_row table[] = {
    { { CT_SETTING_TOP, "mode", "enforce | report | off", "enforce", false,
        "what becomes of certificates that are not compliant" },
      ct_parse_mode,
      TOP(mode) },
    { { CT_SETTING_TOP, "log_list", "PATH", NULL, true,
        "a file of logs that are trusted; the format is found by content" },
      ct_parse_log_list,
      0 },
    { { CT_SETTING_TOP, "log_list_key", "PATH", NULL, false,
        "public key in PEM; with it, each log list must have a valid signature in PATH.sig" },
      ct_parse_path,
      TOP(log_list_key) },
    { { CT_SETTING_TOP, "log_list_max_age", "DURATION", "35d", false,
        "a list whose own timestamp is older is stale; 0: none is" },
      ct_parse_duration,
      TOP(log_list_max_age_ms) },
    { { CT_SETTING_TOP, "on_stale", "warn | report | refuse", "warn", false, "what happens when a log list is stale" },
      ct_parse_on_stale,
      TOP(on_stale) },
    { { CT_SETTING_TOP, "sources", "list of embedded, tls, ocsp, store", "embedded, tls, ocsp, store", false,
        "where SCTs are looked for" },
      ct_parse_sources,
      TOP(sources) },
    { { CT_SETTING_TOP, "sct_store", "DIRECTORY", NULL, false, "directory of SCT lists, named by certificate" },
      ct_parse_path,
      TOP(sct_store) },
    { { CT_SETTING_TOP, "ocsp_store", "DIRECTORY", NULL, false, "directory of OCSP responses, named by certificate" },
      ct_parse_path,
      TOP(ocsp_store) },
    { { CT_SETTING_TOP, "proof_store", "DIRECTORY", NULL, false,
        "directory of proofs that logs kept their promises, named by certificate" },
      ct_parse_path,
      TOP(proof_store) },
    { { CT_SETTING_TOP, "policy", "SECTION | one | chrome | apple", "one", false,
        "what is enough, where no rule says otherwise" },
      ct_parse_policy,
      TOP(policy) },
    { { CT_SETTING_TOP, "shadow_policy", "SECTION | one | chrome | apple", NULL, false,
        "a second policy, decided and recorded beside the first, never enforced" },
      ct_parse_policy,
      TOP(shadow_policy) },
    { { CT_SETTING_TOP, "rules", "SECTION", NULL, false, "the section that lists the rules in order" },
      ct_parse_rules,
      0 },
    { { CT_SETTING_TOP, "revocation", "as-found | require", "as-found", false,
        "whether a fresh OCSP response that says good is needed, or one that says revoked just refuses" },
      ct_parse_revocation,
      TOP(revocation) },
    { { CT_SETTING_TOP, "resumption", "refuse | checked | allow", "checked", false,
        "whether sessions of clients with certificates may be resumed, which skips every check" },
      ct_parse_resumption,
      TOP(resumption) },
    { { CT_SETTING_TOP, "resumption_window", "DURATION", "10m", false,
        "with `checked`, the age at which a verdict is too old for its session to be resumed; 1s to 1d" },
      ct_parse_resumption_window,
      TOP(resumption_window_ms) },
    { { CT_SETTING_TOP, "raw_public_keys", "refuse | allow", "refuse", false,
        "whether clients may use a raw public key, for which no log can vouch" },
      ct_parse_allowed,
      TOP(raw_public_keys_allowed) },
    { { CT_SETTING_TOP, "leaf_index", "require | ignore", "require", false,
        "whether SCTs of static-ct logs count only with the leaf_index that these logs must give them" },
      ct_parse_leaf_index,
      TOP(leaf_index_ignored) },
    { { CT_SETTING_TOP, "reload", "handshake | context", "handshake", false, "when changed files are noticed" },
      ct_parse_reload,
      TOP(reload) },
    { { CT_SETTING_TOP, "audit", "journald | syslog | file:PATH | none", "journald", true,
        "where decisions are recorded" },
      ct_parse_audit,
      0 },
    { { CT_SETTING_TOP, "metrics", "DIRECTORY", NULL, false, "directory for the counters of each process" },
      ct_parse_path,
      TOP(metrics) },
    { { CT_SETTING_TOP, "archive", "file:PATH", NULL, false,
        "file that keeps each certificate once a day, for `clientct replay`" },
      ct_parse_archive,
      TOP(archive) },

    { { CT_SETTING_POLICY, "min_scts", "N [, N over DURATION] ...", "1", false,
        "valid SCTs from different logs that are needed, by lifetime of the certificate" },
      ct_parse_min_scts,
      0 },
    { { CT_SETTING_POLICY, "min_operators", "N", "1", false, "different operators among the logs that are needed" },
      ct_parse_count,
      POLICY(min_operators) },
    { { CT_SETTING_POLICY, "max_per_operator", "N", NULL, false, "logs of one operator that count at most" },
      ct_parse_count,
      POLICY(max_per_operator) },
    { { CT_SETTING_POLICY, "require_log", "LOG", NULL, true,
        "a log that must have signed, by description or by its id in hex" },
      ct_parse_require_log,
      0 },
    { { CT_SETTING_POLICY, "accept_states", "list of qualified, usable, readonly, retired",
        "qualified, usable, readonly, retired", false, "states in which a log counts" },
      ct_parse_accept_states,
      POLICY(accept_states) },
    { { CT_SETTING_POLICY, "needs_current_log", "yes | no", "yes", false,
        "whether at least one SCT must be from a log that is current now" },
      ct_parse_yes_no,
      POLICY(needs_current_log) },
    { { CT_SETTING_POLICY, "clock_skew", "DURATION", "60s", false,
        "how far in the future the timestamp of an SCT may be" },
      ct_parse_duration,
      POLICY(clock_skew_ms) },
    { { CT_SETTING_POLICY, "sct_max_age", "DURATION", "0", false, "SCTs that are older do not count; 0: no limit" },
      ct_parse_duration,
      POLICY(sct_max_age_ms) },
    { { CT_SETTING_POLICY, "require_inclusion", "yes | no", "no", false,
        "whether an SCT counts only with a kept proof that its log has published the entry" },
      ct_parse_yes_no,
      POLICY(require_inclusion) },
    { { CT_SETTING_POLICY, "inclusion_grace", "DURATION", "0", false,
        "for so long after its time an SCT counts without the proof; 0: never" },
      ct_parse_duration,
      POLICY(inclusion_grace_ms) },
    { { CT_SETTING_POLICY, "revocation", "as-found | require", NULL, false,
        "for certificates under this policy; without it the one at the top" },
      ct_parse_revocation,
      POLICY(revocation) },

    { { CT_SETTING_RULE, "issuer", "sha256:HEX | PATH", NULL, false,
        "SHA-256 of the public key (SPKI) of any CA in the verified chain, or a file with the CA's certificate" },
      ct_parse_issuer,
      0 },
    { { CT_SETTING_RULE, "certificate", "sha256:HEX | PATH", NULL, false,
        "SHA-256 of the client certificate's DER, or a file with it" },
      ct_parse_certificate,
      0 },
    { { CT_SETTING_RULE, "server_name", "HOST | *.HOST", NULL, false,
        "the server name that the client asked for (SNI)" },
      ct_parse_server_name,
      RULE(server_name) },
    { { CT_SETTING_RULE, "issued_before", "TIME", NULL, false, "the certificate's notBefore is before this time" },
      ct_parse_time,
      RULE(issued_before_ms) },
    { { CT_SETTING_RULE, "issued_after", "TIME", NULL, false, "the certificate's notBefore is at this time or later" },
      ct_parse_time,
      RULE(issued_after_ms) },
    { { CT_SETTING_RULE, "certificate_policy", "OID", NULL, false, "the certificate states this certificate policy" },
      ct_parse_certificate_policy,
      RULE(certificate_policy) },
    { { CT_SETTING_RULE, "extended_key_usage", "OID | NAME", NULL, false,
        "the certificate states this extended key usage" },
      ct_parse_extended_key_usage,
      RULE(extended_key_usage) },
    { { CT_SETTING_RULE, "uri", "URI | URI/*", NULL, false, "the certificate has this URI in its subjectAltName" },
      ct_parse_uri,
      RULE(uri) },
    { { CT_SETTING_RULE, "dns", "HOST | *.HOST", NULL, false,
        "the certificate has this DNS name in its subjectAltName" },
      ct_parse_dns,
      RULE(dns) },
    { { CT_SETTING_RULE, "email", "NAME@HOST | *@HOST", NULL, false,
        "the certificate has this mail address in its subjectAltName" },
      ct_parse_email,
      RULE(email) },
    { { CT_SETTING_RULE, "policy", "SECTION | one | chrome | apple", NULL, false,
        "the policy for certificates that match; without it the one at the top" },
      ct_parse_policy,
      RULE(policy) },
    { { CT_SETTING_RULE, "exempt", "yes | no", "no", false, "whether certificates that match need no SCTs" },
      ct_parse_yes_no,
      RULE(exempt) },
    { { CT_SETTING_RULE, "expires", "TIME", NULL, false, "when the exemption ends" }, ct_parse_time, RULE(expires_ms) },
    { { CT_SETTING_RULE, "mode", "enforce | report | off", NULL, false,
        "the mode for certificates that match; without it the one at the top" },
      ct_parse_rule_mode,
      0 },
    { { CT_SETTING_RULE, "resumption", "refuse | checked", NULL, false,
        "whether sessions of clients that match may be resumed, where the top is not stricter" },
      ct_parse_rule_resumption,
      RULE(resumption) },
    { { CT_SETTING_RULE, "revocation", "as-found | require", NULL, false,
        "for certificates that match, exempt or not; without it the policy's, or the one at the top" },
      ct_parse_revocation,
      RULE(revocation) },
};
#define ROWS (sizeof table / sizeof table[0])
_Static_assert(ROWS <= CT_SETTINGS_MAX_ROWS, "struct ct_given has a line for every row");

const struct ct_setting *ct_settings_table(size_t index)
{
    return index < ROWS ? &table[index].setting : NULL;
}

static void apply_defaults(struct ct_settings_reader *reader)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct ct_setting *setting = &table[i].setting;
        struct ct_conf_line line = { .name = setting->name, .value = setting->default_text, .next = CT_CONF_NONE };

        if (setting->section == CT_SETTING_TOP && setting->default_text != NULL && reader->given.lines[i] == 0) {
            table[i].parse(reader, &line, (char *)reader->settings + table[i].offset);
        }
    }
}

static bool anything_is_decided(const struct ct_settings *settings)
{
    if (settings->mode != CLIENTCT_MODE_OFF) {
        return true;
    }
    for (size_t i = 0; i < settings->rule_count; i++) {
        if (settings->rules[i].has_mode && settings->rules[i].mode != CLIENTCT_MODE_OFF) {
            return true;
        }
    }
    return false;
}

static bool revocation_is_required(const struct ct_settings *settings)
{
    bool required = settings->revocation == CT_REVOCATION_REQUIRE;

    for (size_t i = 0; i < settings->policy_count; i++) {
        required = required || settings->policies[i].revocation == CT_REVOCATION_REQUIRE;
    }
    for (size_t i = 0; i < settings->rule_count; i++) {
        required = required || settings->rules[i].revocation == CT_REVOCATION_REQUIRE;
    }
    return required;
}

static bool inclusion_is_required(const struct ct_settings *settings)
{
    for (size_t i = 0; i < settings->policy_count; i++) {
        if (settings->policies[i].require_inclusion) {
            return true;
        }
    }
    return false;
}

static void check_whole(struct ct_settings_reader *reader)
{
    const struct ct_conf *conf = reader->conf;

    if (ct_settings_given(reader, &reader->given, CT_SETTING_TOP, "log_list") == 0 &&
        anything_is_decided(reader->settings)) {
        ct_setting_error(reader, 0,
                         "no `log_list`: without logs that are trusted no certificate can be accepted; "
                         "add `log_list = PATH`, or `mode = off`");
    }
    if (revocation_is_required(reader->settings) && reader->settings->ocsp_store.path == NULL &&
        ct_settings_given(reader, &reader->given, CT_SETTING_TOP, "ocsp_store") == 0) {
        ct_setting_error(reader, ct_settings_given(reader, &reader->given, CT_SETTING_TOP, "revocation"),
                         "`revocation = require` needs OCSP responses; add `ocsp_store = DIRECTORY`");
    }
    if (inclusion_is_required(reader->settings) && reader->settings->proof_store.path == NULL &&
        ct_settings_given(reader, &reader->given, CT_SETTING_TOP, "proof_store") == 0) {
        ct_setting_error(reader, 0, "`require_inclusion = yes` needs proofs; add `proof_store = DIRECTORY` at the top");
    }
    for (size_t i = 0; i < conf->name_count; i++) {
        const struct ct_conf_section *section = &conf->sections[conf->by_name[i]];
        bool preset = false;

        for (size_t p = 0; ct_policy_preset_names[p] != NULL; p++) {
            preset = preset || strcmp(section->name, ct_policy_preset_names[p]) == 0;
        }
        if (preset) {
            ct_setting_error(reader, section->line, "`%s` is a preset policy; give the section another name",
                             section->name);
        } else if (reader->notes[conf->by_name[i]].use == CT_USE_NONE) {
            ct_setting_error(reader, section->line,
                             "unused section [%s]: no `policy`, `shadow_policy`, `rules` and no rule names it%s",
                             section->name,
                             strcmp(section->name, "rules") == 0 ? "; add `rules = rules` at the top" : "");
        }
    }
}

/*
 * Whether a session is one that can be resumed is settled before the client's certificate has chosen a rule: a rule
 * that is stricter than `allow` cannot be kept for its own clients alone.
 */
static void apply_strictest_resumption(struct ct_settings *settings)
{
    for (size_t i = 0; i < settings->rule_count && settings->resumption == CLIENTCT_RESUMPTION_ALLOW; i++) {
        if (settings->rules[i].resumption != CLIENTCT_RESUMPTION_ALLOW) {
            settings->resumption = CLIENTCT_RESUMPTION_CHECKED;
        }
    }
}

bool ct_settings_parse(const char *file, struct ct_bytes text, struct ct_file_set *files, struct ct_settings *settings,
                       struct ct_problems *problems)
{
    struct ct_conf conf = { 0 };
    struct ct_settings_reader reader = { .file = file,
                                         .conf = &conf,
                                         .rows = table,
                                         .row_count = ROWS,
                                         .files = files,
                                         .settings = settings,
                                         .problems = problems,
                                         .rules_section = CT_CONF_NONE };
    size_t errors = problems->errors, from = problems->count, presets = 0;

    *settings = (struct ct_settings){ .shadow_policy = SIZE_MAX };
    if (!ct_conf_read(file, text, &conf, problems) && conf.section_count == 0) {
        goto out;
    }
    while (ct_policy_preset_names[presets] != NULL) {
        presets++;
    }
    reader.notes = calloc(conf.section_count, sizeof *reader.notes);
    reader.words = calloc(conf.section_count + presets + 1, sizeof *reader.words);
    if (reader.notes == NULL || reader.words == NULL) {
        ct_setting_out_of_memory(&reader);
        goto out;
    }
    ct_settings_read_section(&reader, 0, CT_SETTING_TOP, settings, &reader.given);
    apply_defaults(&reader);
    ct_settings_read_rules(&reader);
    apply_strictest_resumption(settings);
    check_whole(&reader);
    if (problems->errors == errors) {
        ct_settings_warn(&reader, ct_now_ms());
    }

out:
    ct_problems_sort(problems, from);
    free(reader.notes);
    free(reader.words);
    ct_conf_clear(&conf);
    if (problems->errors != errors) {
        ct_settings_clear(settings);
        return false;
    }
    return true;
}
