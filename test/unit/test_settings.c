/* SPDX-License-Identifier: Apache-2.0 */
#include "config/parse.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "unit.h"

#define HEX_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define L "log_list = /l\n"
/* Rules of one section [r], after whatever `top` has. */
#define RULE L "rules = rs\n[rs]\nr = r\n[r]\n"
#define POLICY L "policy = p\n[p]\n"

static struct ct_file_set files; /* none is named here */

static bool parse(const char *text, struct ct_settings *settings, struct ct_problems *problems)
{
    *problems = (struct ct_problems){ 0 };
    return ct_settings_parse("f.cnf", (struct ct_bytes){ (const uint8_t *)text, strlen(text) }, &files, settings,
                             problems);
}

static const char *first_text(const struct ct_problems *problems)
{
    return problems->count > 0 ? problems->items[0].text : "(none)";
}

START_TEST(has_safe_defaults)
{
    struct ct_settings settings;
    struct ct_problems problems;

    ck_assert_msg(parse(L, &settings, &problems), "%s", first_text(&problems));
    ck_assert_uint_eq(problems.count, 0);
    ck_assert_int_eq(settings.mode, CLIENTCT_MODE_ENFORCE);
    ck_assert_uint_eq(settings.log_list_count, 1);
    ck_assert_str_eq(settings.log_lists[0].path, "/l");
    ck_assert_uint_eq(settings.log_lists[0].line, 1);
    ck_assert_ptr_null(settings.log_list_key.path);
    ck_assert_int_eq(settings.log_list_max_age_ms, 35 * CT_DAY_MS);
    ck_assert_int_eq(settings.on_stale, CT_STALE_WARN);
    ck_assert_uint_eq(settings.sources, CT_SOURCE_BIT(CLIENTCT_SOURCE_COUNT) - 1);
    ck_assert_ptr_null(settings.sct_store.path);
    ck_assert_ptr_null(settings.ocsp_store.path);
    ck_assert_uint_eq(settings.policy_count, 1);
    ck_assert_uint_eq(settings.policy, 0);
    ck_assert_str_eq(settings.policies[0].name, "one");
    ck_assert_uint_eq(settings.policies[0].line, 0);
    ck_assert(settings.shadow_policy == SIZE_MAX);
    ck_assert_uint_eq(settings.rule_count, 0);
    ck_assert_int_eq(settings.resumption, CLIENTCT_RESUMPTION_CHECKED);
    ck_assert_int_eq(settings.resumption_window_ms, 10 * 60 * CT_SECOND_MS);
    ck_assert(!settings.raw_public_keys_allowed && !settings.leaf_index_ignored);
    ck_assert_int_eq(settings.reload, CT_RELOAD_HANDSHAKE);
    ck_assert_uint_eq(settings.audit_count, 1);
    ck_assert_int_eq(settings.audit[0].kind, CT_AUDIT_JOURNALD);
    ck_assert_ptr_null(settings.metrics.path);
    ct_settings_clear(&settings);
    ct_settings_clear(&settings);
    ct_settings_clear(NULL);
}
END_TEST

START_TEST(reads_every_setting_of_the_top)
{
    struct ct_settings settings;
    struct ct_problems problems;

    ck_assert_msg(parse("mode = report\nlog_list = /a\nlog_list = /b c\nlog_list_key = /k\nlog_list_max_age = 12h\n"
                        "on_stale = refuse\nsources = store, tls\nsct_store = /s\npolicy = chrome\n"
                        "shadow_policy = apple\nresumption = allow\nresumption_window = 1h\n"
                        "raw_public_keys = allow\nleaf_index = ignore\nreload = context\n"
                        "audit = syslog\naudit = file:/x\naudit = file:/y\nmetrics = /m\n",
                        &settings, &problems),
                  "%s", first_text(&problems));
    ck_assert_msg(problems.count == 0, "%s", first_text(&problems));
    ck_assert_int_eq(settings.mode, CLIENTCT_MODE_REPORT);
    ck_assert_uint_eq(settings.log_list_count, 2);
    ck_assert_str_eq(settings.log_lists[1].path, "/b c");
    ck_assert_str_eq(settings.log_list_key.path, "/k");
    ck_assert_uint_eq(settings.log_list_key.line, 4);
    ck_assert_int_eq(settings.log_list_max_age_ms, CT_DAY_MS / 2);
    ck_assert_int_eq(settings.on_stale, CT_STALE_REFUSE);
    ck_assert_uint_eq(settings.sources, CT_SOURCE_BIT(CLIENTCT_SOURCE_STORE) | CT_SOURCE_BIT(CLIENTCT_SOURCE_TLS));
    ck_assert_str_eq(settings.sct_store.path, "/s");
    ck_assert_int_eq(settings.policies[settings.policy].kind, CT_POLICY_CHROME);
    ck_assert_int_eq(settings.policies[settings.shadow_policy].kind, CT_POLICY_APPLE);
    ck_assert(settings.resumption == CLIENTCT_RESUMPTION_ALLOW && settings.raw_public_keys_allowed);
    ck_assert(settings.leaf_index_ignored);
    ck_assert_int_eq(settings.resumption_window_ms, 60 * 60 * CT_SECOND_MS);
    ck_assert_int_eq(settings.reload, CT_RELOAD_CONTEXT);
    ck_assert_uint_eq(settings.audit_count, 3);
    ck_assert_int_eq(settings.audit[0].kind, CT_AUDIT_SYSLOG);
    ck_assert_int_eq(settings.audit[2].kind, CT_AUDIT_FILE);
    ck_assert_str_eq(settings.audit[2].path, "/y");
    ck_assert_str_eq(settings.metrics.path, "/m");
    ct_settings_clear(&settings);
}
END_TEST

START_TEST(reads_policies)
{
    struct ct_settings settings;
    struct ct_problems problems;
    const struct ct_policy *policy;

    ck_assert_msg(parse(L
                        "proof_store = /proofs\n"
                        "policy = p\nshadow_policy = q\n[q]\n[p]\nmin_scts = 2, 3 over 180d,4  over 400d\n"
                        "min_operators = 2\nmax_per_operator = 1\nrequire_log = Log A\nrequire_log = " HEX_A "\n"
                        "accept_states = usable, retired\nneeds_current_log = no\nclock_skew = 5m\nsct_max_age = 90d\n"
                        "require_inclusion = yes\ninclusion_grace = 24h\n",
                        &settings, &problems),
                  "%s", first_text(&problems));
    ck_assert_uint_eq(settings.policy_count, 2);
    policy = &settings.policies[settings.policy];
    ck_assert_str_eq(policy->name, "p");
    ck_assert_uint_eq(policy->line, 6);
    ck_assert_int_eq(policy->kind, CT_POLICY_CONDITIONS);
    ck_assert_uint_eq(policy->min_scts_rows, 3);
    ck_assert_uint_eq(policy->min_scts[0].scts, 2);
    ck_assert_int_eq(policy->min_scts[0].over_ms, 0);
    ck_assert_uint_eq(policy->min_scts[1].scts, 3);
    ck_assert_int_eq(policy->min_scts[1].over_ms, 180 * CT_DAY_MS);
    ck_assert_uint_eq(policy->min_scts[2].scts, 4);
    ck_assert_int_eq(policy->min_scts[2].over_ms, 400 * CT_DAY_MS);
    ck_assert_uint_eq(policy->min_operators, 2);
    ck_assert_uint_eq(policy->max_per_operator, 1);
    ck_assert_str_eq(policy->required_logs[0], "Log A");
    ck_assert_str_eq(policy->required_logs[1], HEX_A);
    ck_assert_ptr_null(policy->required_logs[2]);
    ck_assert_uint_eq(policy->accept_states, CT_LOG_STATE_BIT(CT_LOG_USABLE) | CT_LOG_STATE_BIT(CT_LOG_RETIRED));
    ck_assert(!policy->needs_current_log);
    ck_assert_int_eq(policy->clock_skew_ms, 300 * CT_SECOND_MS);
    ck_assert_int_eq(policy->sct_max_age_ms, 90 * CT_DAY_MS);
    ck_assert(policy->require_inclusion);
    ck_assert_int_eq(policy->inclusion_grace_ms, CT_DAY_MS);
    ck_assert_str_eq(settings.proof_store.path, "/proofs");
    policy = &settings.policies[settings.shadow_policy];
    ck_assert_str_eq(policy->name, "q");
    ck_assert_uint_eq(policy->min_scts_rows, 1);
    ct_problems_clear(&problems); /* of a grace is warned */
    ct_settings_clear(&settings);
}
END_TEST

/* The manual gives the defaults of the table; ct_policy_defaults is what holds. They must not part. */
START_TEST(table_has_the_defaults_of_policies)
{
    struct ct_settings settings;
    struct ct_problems problems;
    struct ct_policy defaults;
    const struct ct_policy *policy;
    const struct ct_setting *setting;
    char text[1000] = POLICY;

    for (size_t i = 0; (setting = ct_settings_table(i)) != NULL; i++) {
        if (setting->section == CT_SETTING_POLICY && setting->default_text != NULL) {
            size_t used = strlen(text);

            snprintf(text + used, sizeof text - used, "%s = %s\n", setting->name, setting->default_text);
        }
    }
    ck_assert_msg(parse(text, &settings, &problems), "%s", first_text(&problems));
    ct_policy_defaults(&defaults);
    policy = &settings.policies[settings.policy];
    ck_assert_mem_eq(policy->min_scts, defaults.min_scts, sizeof defaults.min_scts);
    ck_assert_uint_eq(policy->min_scts_rows, defaults.min_scts_rows);
    ck_assert_uint_eq(policy->min_operators, defaults.min_operators);
    ck_assert_uint_eq(policy->max_per_operator, defaults.max_per_operator);
    ck_assert_uint_eq(policy->accept_states, defaults.accept_states);
    ck_assert(policy->needs_current_log == defaults.needs_current_log);
    ck_assert_int_eq(policy->clock_skew_ms, defaults.clock_skew_ms);
    ck_assert_int_eq(policy->sct_max_age_ms, defaults.sct_max_age_ms);
    ck_assert(policy->require_inclusion == defaults.require_inclusion);
    ck_assert_int_eq(policy->inclusion_grace_ms, defaults.inclusion_grace_ms);
    ct_problems_clear(&problems);
    ct_settings_clear(&settings);
}
END_TEST

START_TEST(refuses_what_is_wrong)
{
    static const struct {
        const char *name, *text;
        unsigned line;
        const char *says;
    } rows[] = {
        { "no log list", "mode = report\n", 0, "no `log_list`" },
        { "empty file", "", 0, "no `log_list`" },
        { "rule enforces although the mode is off", "mode = off\nrules = rs\n[rs]\nr = r\n[r]\nmode = enforce\n", 0,
          "no `log_list`" },
        { "misspelt setting", L "min_sct = 1\n", 2, "did you mean `min_scts`, which does not belong at the top" },
        { "misspelt setting of a policy", POLICY "min_sct = 1\n", 4, "did you mean `min_scts`?" },
        { "setting in capitals", L "MODE = off\n", 2, "did you mean `mode`?" },
        { "unlike anything", L "frobnicate = off\n", 2, "clientct.cnf(5)" },
        { "policy setting at the top", L "min_scts = 2\n", 2, "belongs in the section of a policy" },
        { "top setting in a policy", POLICY "resumption = allow\n", 4, "belongs at the top" },
        { "rule setting in a policy", POLICY "exempt = yes\n", 4, "belongs in the section of a rule" },
        { "repeated setting", "mode = off\nmode = enforce\n" L, 2, "was given on line 1 already" },
        { "repeated setting of a policy", POLICY "min_scts = 1\nmin_scts = 1\n", 5, "was given on line 4 already" },
        { "unknown mode", L "mode = enforced\n", 2,
          "expected enforce, report or off, found `enforced`; did you mean `enforce`?" },
        { "mode in quotes", L "mode = \"off\"\n", 2, "did you mean `off`?" },
        { "two words", L "mode = off report\n", 2, "expected enforce" },
        { "relative path", "log_list = l.json\n", 1, "absolute" },
        { "quoted path", "log_list = \"/l\"\n", 1, "quotes are not taken off" },
        { "log list twice", L L, 2, "on line 1 already" },
        { "relative store", L "sct_store = x\n", 2, "absolute" },
        { "relative key", L "log_list_key = x\n", 2, "absolute" },
        { "relative metrics", L "metrics = x\n", 2, "absolute" },
        { "duration without unit", L "log_list_max_age = 35\n", 2, "such as 60s or 35d" },
        { "negative duration", L "log_list_max_age = -1d\n", 2, "such as 60s or 35d" },
        { "unknown on_stale", L "on_stale = ignore\n", 2, "expected warn, report or refuse" },
        { "unknown source", L "sources = embeded, tls\n", 2, "did you mean `embedded`?" },
        { "source twice", L "sources = tls, tls\n", 2, "`tls` twice" },
        { "empty item", L "sources = tls,, ocsp\n", 2, "comma" },
        { "comma at the end", L "sources = tls,\n", 2, "comma" },
        { "no such policy", L "policy = two\n[two_parties]\n", 2, "found no section and no preset of that name" },
        { "misspelt policy", L "policy = chrom\n", 2, "did you mean `chrome`?" },
        { "unused policy", L "[p]\nmin_scts = 1\n", 2, "unused section [p]" },
        { "unused rules", L "[rules]\n", 2, "add `rules = rules`" },
        { "section as the top", "[default]\n" L, 1, "unused section [default]" },
        { "section with a preset's name", L "policy = one\n[one]\nmin_scts = 2\n", 3, "is a preset" },
        { "unknown resumption", L "resumption = yes\n", 2, "expected refuse, checked or allow" },
        { "no window", L "resumption_window = 0\n", 2, "write `resumption = refuse`" },
        { "window too short", L "resumption_window = 0s\n", 2, "expected 1s to 1d" },
        { "window too long", L "resumption_window = 25h\n", 2, "expected 1s to 1d, found `25h`" },
        { "window without a unit", L "resumption_window = 10\n", 2, "expected a number with s, m, h or d" },
        { "rule that allows resumption", L "rules = r\n[r]\na = a\n[a]\nresumption = allow\n", 6,
          "expected refuse or checked" },
        { "rule looser than the top", L "resumption = refuse\nrules = r\n[r]\na = a\n[a]\nresumption = checked\n", 7,
          "a rule may only be stricter" },
        { "unknown reload", L "reload = never\n", 2, "expected handshake or context" },
        { "unknown audit", L "audit = journal\n", 2, "did you mean `journald`?" },
        { "audit of a relative file", L "audit = file:x\n", 2, "absolute" },
        { "audit by the manual's word", L "audit = file:PATH\n", 2, "for PATH write" },
        { "audit none and more", L "audit = none\naudit = syslog\n", 3, "stands alone" },
        { "more and audit none", L "audit = syslog\naudit = none\n", 3, "stands alone" },
        { "audit twice", L "audit = file:/x\naudit = file:/x\n", 3, "on line 2 already" },
        { "no SCT needed", POLICY "min_scts = 0\n", 4, "from 1 to 32 first" },
        { "more SCTs than are checked", POLICY "min_scts = 33\n", 4, "from 1 to 32 first" },
        { "signed number", POLICY "min_scts = +2\n", 4, "from 1 to 32 first" },
        { "number with a zero in front", POLICY "min_scts = 02\n", 4, "from 1 to 32 first" },
        { "number and more", POLICY "min_scts = 2 3\n", 4, "from 1 to 32 first" },
        { "enormous number", POLICY "min_scts = 99999999999999999999\n", 4, "from 1 to 32 first" },
        { "first step with a lifetime", POLICY "min_scts = 2 over 180d\n", 4, "from 1 to 32 first" },
        { "step without a lifetime", POLICY "min_scts = 2, 3\n", 4, "such as `3 over 180d`" },
        { "step without its word", POLICY "min_scts = 2, 3 above 180d\n", 4, "such as `3 over 180d`" },
        { "step over nothing", POLICY "min_scts = 2, 3 over 0\n", 4, "such as `3 over 180d`" },
        { "step and more", POLICY "min_scts = 2, 3 over 180d x\n", 4, "such as `3 over 180d`" },
        { "steps that fall", POLICY "min_scts = 3, 2 over 180d\n", 4, "more SCTs" },
        { "lifetimes that fall", POLICY "min_scts = 1, 2 over 180d, 3 over 90d\n", 4, "more SCTs" },
        { "nine steps",
          POLICY "min_scts = 1, 2 over 1d, 3 over 2d, 4 over 3d, 5 over 4d, 6 over 5d, 7 over 6d, "
                 "8 over 7d, 9 over 8d\n",
          4, "at most 8 steps" },
        { "no operators", POLICY "min_operators = 0\n", 4, "from 1 to 32" },
        { "inclusion without proofs", POLICY "require_inclusion = yes\n", 0, "proof_store" },
        { "none of an operator", POLICY "max_per_operator = 0\n", 4, "from 1 to 32" },
        { "log required twice", POLICY "require_log = A\nrequire_log = A\n", 5, "twice" },
        { "state twice", POLICY "accept_states = usable, usable\n", 4, "names `usable` twice" },
        { "pending logs", POLICY "accept_states = usable, pending\n", 4, "never counts" },
        { "rejected logs", POLICY "accept_states = rejected\n", 4, "never counts" },
        { "unknown state", POLICY "accept_states = read-only\n", 4, "did you mean `readonly`?" },
        { "current log that cannot be", POLICY "accept_states = retired\n", 4, "no certificate can satisfy" },
        { "neither yes nor no", POLICY "needs_current_log = true\n", 4, "expected no or yes" },
        { "section both policy and rules", L "policy = p\nrules = p\n[p]\n", 3, "is a policy already, by line 2" },
        { "no rules section", L "rules = rulez\n[rules]\n", 2, "did you mean `rules`?" },
        { "rule without a section", L "rules = rs\n[rs]\na = b\n", 4, "found no section of that name" },
        { "rule listed twice", L "rules = rs\n[rs]\na = b\na = c\n[b]\nexempt = yes\n[c]\nmode = off\n", 5,
          "on line 4 already" },
        { "section of two rules", L "rules = rs\n[rs]\na = b\nc = b\n[b]\nexempt = yes\n", 5, "already, by line 4" },
        { "rule without effect", RULE "issuer = sha256:" HEX_A "\n", 5, "does nothing" },
        { "rule that exempts nobody", RULE "exempt = no\n", 5, "does nothing" },
        { "end of no exemption", RULE "mode = report\nexpires = 2030-01-01T00:00:00Z\n", 7, "no `exempt = yes`" },
        { "time without zone", RULE "exempt = yes\nexpires = 2030-01-01T00:00:00\n", 7,
          "such as 2027-06-01T00:00:00Z" },
        { "date without time", RULE "exempt = yes\nissued_before = 2030-01-01\n", 7, "such as 2027-06-01T00:00:00Z" },
        { "no time between",
          RULE "mode = off\nissued_after = 2030-01-01T00:00:00Z\nissued_before = 2030-01-01T00:00:00Z\n", 8,
          "can never match" },
        { "short hash", RULE "mode = off\nissuer = sha256:0011\n", 7, "64 hex digits" },
        { "hash with colons", RULE "mode = off\ncertificate = sha256:00:11\n", 7, "without colons" },
        { "another hash", RULE "mode = off\ncertificate = sha1:0011\n", 7, "expected `sha256:`" },
        { "hash in capitals", RULE "mode = off\nissuer = SHA256:" HEX_A "\n", 7, "expected `sha256:`" },
        { "relative certificate", RULE "mode = off\nissuer = ca.pem\n", 7, "absolute path" },
        { "missing certificate", RULE "mode = off\nissuer = /nonexistent/ca.pem\n", 7, "No such file" },
        { "directory as certificate", RULE "mode = off\nissuer = /\n", 7, "not a regular file" },
        { "wildcard alone", RULE "mode = off\nserver_name = *\n", 7, "leading `*.`" },
        { "wildcard in the middle", RULE "mode = off\nserver_name = a.*.c\n", 7, "leading `*.`" },
        { "wildcard of nothing", RULE "mode = off\nserver_name = *.\n", 7, "empty label" },
        { "dot at the end", RULE "mode = off\nserver_name = a.example.\n", 7, "ends with a dot" },
        { "two dots", RULE "mode = off\nserver_name = a..example\n", 7, "empty label" },
        { "IPv4 address", RULE "mode = off\nserver_name = 192.0.2.1\n", 7, "IP address" },
        { "IPv6 address", RULE "mode = off\nserver_name = 2001:db8::1\n", 7, "colon" },
        { "port", RULE "mode = off\nserver_name = a.example:443\n", 7, "colon" },
        { "space in a name", RULE "mode = off\nserver_name = a b\n", 7, "not a host name" },
        { "not in ASCII", RULE "mode = off\nserver_name = \xc3\xa4.example\n", 7, "xn--" },
        { "hyphen in front", RULE "mode = off\nserver_name = -a.example\n", 7, "no host name's" },
        { "label of 64",
          RULE "mode = off\nserver_name = "
               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example\n",
          7, "no host name's" },
        { "bad OID", RULE "mode = off\ncertificate_policy = 1.2.x\n", 7, "expected an OID" },
        { "one arc", RULE "mode = off\ncertificate_policy = 1\n", 7, "expected an OID" },
        { "misspelt usage", RULE "mode = off\nextended_key_usage = clientauth\n", 7, "such as `clientAuth`" },
        { "no usage", RULE "mode = off\nextended_key_usage = commonName\n", 7, "expected an OID" },
        { "archive without file:", "archive = /var/log/a\n", 1, "write `file:`" },
        { "relative archive", "archive = file:a\n", 1, "absolute path" },
        { "URI without a scheme", RULE "mode = off\nuri = /ns/pay\n", 7, "scheme" },
        { "scheme in capitals", RULE "mode = off\nuri = SPIFFE://td/x\n", 7, "scheme in lower case" },
        { "URI of all hosts", RULE "mode = off\nuri = spiffe://*\n", 7, "other hosts" },
        { "URI of hosts that begin so", RULE "mode = off\nuri = spiffe://td.example*\n", 7, "other hosts" },
        { "URI of no host", RULE "mode = off\nuri = spiffe:///*\n", 7, "other hosts" },
        { "URI of names that begin so", RULE "mode = off\nuri = spiffe://td/pay*\n", 7, "part of a name" },
        { "URI of names without a host", RULE "mode = off\nuri = urn:a:*\n", 7, "part of a name" },
        { "wildcard in a URI", RULE "mode = off\nuri = spiffe://td/*/x\n", 7, "at the end" },
        { "URI that climbs", RULE "mode = off\nuri = spiffe://td/a/../b\n", 7, "leads elsewhere" },
        { "URI not in ASCII", RULE "mode = off\nuri = spiffe://td/\xc3\xa4\n", 7, "no URI has" },
        { "DNS name with a port", RULE "mode = off\ndns = a.example:443\n", 7, "colon" },
        { "address without a host", RULE "mode = off\nemail = pay@\n", 7, "empty label" },
        { "address without a name", RULE "mode = off\nemail = @a.example\n", 7, "NAME@HOST" },
        { "half a wildcard in an address", RULE "mode = off\nemail = x*@a.example\n", 7, "stands for every name" },
        { "wildcard host in an address", RULE "mode = off\nemail = x@*.example\n", 7, "leading `*.`" },
        { "OID like a novel",
          RULE "mode = off\ncertificate_policy = 1.2.99999999999999999999999999999999999999999999999999"
               "99999999999999999999999999999999999999999999999999999999999999999999999999999999\n",
          7, "expected an OID" },
        { "policy of a rule", RULE "policy = strikt\n", 6, "found no section and no preset" },
        { "quoted reference", L "policy = \"one\"\n", 2, "found no section and no preset" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_settings settings;
        struct ct_problems problems;
        bool found = false;

        memset(&settings, 0xff, sizeof settings);
        ck_assert_msg(!parse(rows[i].text, &settings, &problems), "%s: accepted", rows[i].name);
        for (size_t p = 0; p < problems.count; p++) {
            found = found || (problems.items[p].severity == CT_ERROR && problems.items[p].line == rows[i].line &&
                              strstr(problems.items[p].text, rows[i].says) != NULL);
        }
        ck_assert_msg(found, "%s: line %u: %s", rows[i].name, problems.items[0].line, first_text(&problems));
        ck_assert_msg(settings.policies == NULL && settings.log_lists == NULL && settings.rules == NULL &&
                          settings.audit == NULL && settings.policy_count == 0 && settings.sources == 0 &&
                          settings.mode == CLIENTCT_MODE_ENFORCE,
                      "%s: something is left", rows[i].name);
        ct_settings_clear(&settings);
        ct_problems_clear(&problems);
    }
}
END_TEST

START_TEST(reports_every_error_in_the_order_of_lines)
{
    static const char text[] = "mod = enforce\n"    /* 1: misspelt */
                               "on_stale = never\n" /* 2: value */
                               "policy = p\n"
                               "rules = rs\n"
                               "log_list = $HOME\n" /* 5: not expanded; it counts as given */
                               ".include x\n"       /* 6 */
                               "[x]\n"              /* 7: unused */
                               "[p]\n"
                               "min_scts = 0\n"     /* 9 */
                               "min_operator = 1\n" /* 10 */
                               "[rs]\n"
                               "r = r\n"
                               "s = t\n" /* 13: no section */
                               "[r]\n"
                               "mode = of\n"       /* 15 */
                               "[p]\n"             /* 16: twice */
                               "clock_skew = 1\n"; /* 17 */
    static const unsigned lines[] = { 1, 2, 5, 6, 7, 9, 10, 13, 15, 16, 17 };
    struct ct_settings settings;
    struct ct_problems problems;

    ck_assert(!parse(text, &settings, &problems));
    for (size_t i = 0; i < problems.count; i++) {
        ck_assert_msg(i < sizeof lines / sizeof lines[0] && problems.items[i].line == lines[i], "%zu: line %u: %s", i,
                      problems.items[i].line, problems.items[i].text);
    }
    ck_assert_uint_eq(problems.errors, sizeof lines / sizeof lines[0]);
    ct_problems_clear(&problems);
}
END_TEST

START_TEST(off_needs_no_logs)
{
    struct ct_settings settings;
    struct ct_problems problems;

    ck_assert(parse("mode = off\n", &settings, &problems));
    ck_assert_int_eq(settings.mode, CLIENTCT_MODE_OFF);
    ck_assert_uint_eq(problems.count, 0);
    ct_settings_clear(&settings);
}
END_TEST

START_TEST(earlier_problems_of_other_files_do_not_count)
{
    struct ct_settings settings;
    struct ct_problems problems = { 0 };

    ct_problem_add(&problems, CT_ERROR, "other", 9, "wrong");
    ck_assert(ct_settings_parse("f", (struct ct_bytes){ (const uint8_t *)L, strlen(L) }, &files, &settings, &problems));
    ck_assert_uint_eq(problems.count, 1);
    ct_settings_clear(&settings);
    ct_problems_clear(&problems);
}
END_TEST

START_TEST(counts_more_errors_than_it_keeps)
{
    struct ct_settings settings;
    struct ct_problems problems;
    char text[8000] = L;

    for (size_t i = 0; i < 500; i++) {
        strcat(text, "unknown = x\n");
    }
    ck_assert(!parse(text, &settings, &problems));
    ck_assert_uint_eq(problems.errors, 500);
    ck_assert_uint_eq(problems.count, CT_PROBLEMS_MAX);
    ct_problems_clear(&problems);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings");
    TCase *tcase = tcase_create("settings");

    tcase_add_test(tcase, has_safe_defaults);
    tcase_add_test(tcase, reads_every_setting_of_the_top);
    tcase_add_test(tcase, reads_policies);
    tcase_add_test(tcase, table_has_the_defaults_of_policies);
    tcase_add_test(tcase, refuses_what_is_wrong);
    tcase_add_test(tcase, reports_every_error_in_the_order_of_lines);
    tcase_add_test(tcase, off_needs_no_logs);
    tcase_add_test(tcase, earlier_problems_of_other_files_do_not_count);
    tcase_add_test(tcase, counts_more_errors_than_it_keeps);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
