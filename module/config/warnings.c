/* SPDX-License-Identifier: Apache-2.0 */
#include "config/warnings.h"

#include <openssl/objects.h>
#include <string.h>

#include "base/clock.h"
#include "config/policy_section.h"

static bool same_or_absent(const ASN1_OBJECT *earlier, const ASN1_OBJECT *later)
{
    return earlier == NULL || (later != NULL && OBJ_cmp(earlier, later) == 0);
}

/* Whether every name that `later` matches is matched by `earlier`; a wildcard stands for one label. */
static bool name_covers(const char *earlier, const char *later)
{
    const char *dot;

    if (earlier == NULL) {
        return true;
    }
    if (later == NULL) {
        return false;
    }
    if (strcmp(earlier, later) == 0) {
        return true;
    }
    dot = strchr(later, '.');
    return earlier[0] == '*' && later[0] != '*' && dot != NULL && strcmp(earlier + 1, dot) == 0;
}

/* Whether every name that the pattern `later` matches is matched by `earlier`: of URIs one ends with `*`. */
static bool uri_covers(const char *earlier, const char *later)
{
    size_t len = earlier == NULL ? 0 : strlen(earlier);

    return earlier == NULL ||
           (later != NULL && (strcmp(earlier, later) == 0 || (earlier[len - 1] == '*' && strlen(later) >= len &&
                                                              strncmp(earlier, later, len - 1) == 0)));
}

static bool email_covers(const char *earlier, const char *later)
{
    return earlier == NULL || (later != NULL && (strcmp(earlier, later) == 0 ||
                                                 (earlier[0] == '*' && strcmp(earlier + 1, strchr(later, '@')) == 0)));
}

/* Whether every certificate that `later` matches is matched by `earlier` already. */
static bool rule_covers(const struct ct_rule *earlier, const struct ct_rule *later)
{
    if (earlier->has_certificate &&
        (!later->has_certificate || earlier->by_signed_part != later->by_signed_part ||
         memcmp(earlier->certificate, later->certificate, sizeof later->certificate) != 0)) {
        return false;
    }
    if (earlier->has_issuer &&
        (!later->has_issuer || memcmp(earlier->issuer_spki, later->issuer_spki, sizeof later->issuer_spki) != 0)) {
        return false;
    }
    return earlier->issued_before_ms >= later->issued_before_ms && earlier->issued_after_ms <= later->issued_after_ms &&
           name_covers(earlier->server_name, later->server_name) && uri_covers(earlier->uri, later->uri) &&
           name_covers(earlier->dns, later->dns) && email_covers(earlier->email, later->email) &&
           same_or_absent(earlier->certificate_policy, later->certificate_policy) &&
           same_or_absent(earlier->extended_key_usage, later->extended_key_usage);
}

static bool warn_never_matches(const struct ct_settings_reader *reader, size_t index)
{
    const struct ct_settings *settings = reader->settings;

    for (size_t i = 0; i < index; i++) {
        if (rule_covers(&settings->rules[i], &settings->rules[index])) {
            ct_setting_warning(reader, settings->rules[index].line,
                               "rule `%s` can never match: rule `%s` (line %u) before it matches all that it does",
                               settings->rules[index].name, settings->rules[i].name, settings->rules[i].line);
            return true;
        }
    }
    return false;
}

static void warn_exemption(const struct ct_settings_reader *reader, const struct ct_rule *rule, int64_t now_ms)
{
    if (!rule->exempt) {
        return;
    }
    if (rule->expires_ms == INT64_MAX) {
        ct_setting_warning(reader, rule->line, "the exemption of rule `%s` never ends%s; give it an `expires`",
                           rule->name, rule->policy != SIZE_MAX ? ", so that its `policy` never applies" : "");
    } else if (rule->expires_ms <= now_ms) {
        char ended[40];

        ct_time_format(rule->expires_ms, ended, sizeof ended);
        ct_setting_warning(reader, rule->line, "the exemption of rule `%s` ended on %s; it exempts nobody", rule->name,
                           ended);
    }
}

/* How far a mode lets in what is not compliant. */
static unsigned looseness(enum clientct_mode mode)
{
    return mode == CLIENTCT_MODE_ENFORCE ? 0 : mode == CLIENTCT_MODE_REPORT ? 1 : 2;
}

static enum clientct_mode mode_of(const struct ct_settings *settings, const struct ct_rule *rule)
{
    return rule != NULL && rule->has_mode ? rule->mode : settings->mode;
}

static size_t policy_of(const struct ct_settings *settings, const struct ct_rule *rule)
{
    return rule != NULL && rule->policy != SIZE_MAX ? rule->policy : settings->policy;
}

static bool requires_revocation(const struct ct_settings *settings, const struct ct_rule *rule)
{
    enum ct_revocation revocation = rule != NULL ? rule->revocation : CT_REVOCATION_UNSET;

    if (revocation == CT_REVOCATION_UNSET) {
        revocation = settings->policies[policy_of(settings, rule)].revocation;
    }
    return (revocation == CT_REVOCATION_UNSET ? settings->revocation : revocation) == CT_REVOCATION_REQUIRE;
}

/* What `rule` does for certificates that would otherwise come under `other`; NULL: nothing. No rule means the top. */
static const char *loosened_by(const struct ct_settings *settings, const struct ct_rule *rule,
                               const struct ct_rule *other)
{
    unsigned here = looseness(mode_of(settings, rule)), there = looseness(mode_of(settings, other));
    size_t policy = policy_of(settings, rule), instead = policy_of(settings, other);

    if (other != NULL && other->exempt) {
        return NULL;
    }
    if (rule != NULL && rule->exempt) {
        return "exempts";
    }
    if (here > there) {
        return "only watches, or leaves alone,";
    }
    if (here == there && requires_revocation(settings, other) && !requires_revocation(settings, rule)) {
        return "does not require `revocation` of";
    }
    if (here == there && policy != instead &&
        ct_policy_may_be_weaker(&settings->policies[policy], &settings->policies[instead])) {
        return "gives a policy that may be weaker to";
    }
    return NULL;
}

/* Whether hardly any certificate comes under both: where two names or CAs differ, that is meant. */
static bool are_apart(const struct ct_rule *a, const struct ct_rule *b)
{
    return (a->server_name != NULL && b->server_name != NULL) ||
           (a->has_issuer && b->has_issuer && memcmp(a->issuer_spki, b->issuer_spki, sizeof a->issuer_spki) != 0) ||
           b->has_certificate || a->issued_before_ms <= b->issued_after_ms || b->issued_before_ms <= a->issued_after_ms;
}

/* By what others choose the rule can be entered (`in`) or left: the first such condition; NULL: by nothing. */
static const char *chosen_by_others(const struct ct_rule *rule, bool in)
{
    const struct ct_rule_condition *condition;
    const char *by = NULL;

    for (size_t i = 0; (condition = ct_rule_condition(i)) != NULL; i++) {
        const char *way = in ? condition->way_in : condition->way_out;

        if (!condition->given(rule)) {
            continue;
        }
        if (in && condition->one_certificate) {
            return NULL;
        }
        by = by == NULL ? way : by;
    }
    return by;
}

/* A rule by what others choose must not be a way around a stricter one, nor a stricter one that can be gone around. */
static void warn_chosen_by_others(const struct ct_settings_reader *reader, size_t index)
{
    const struct ct_settings *settings = reader->settings;
    const struct ct_rule *rule = &settings->rules[index];
    const char *in = chosen_by_others(rule, true), *out = chosen_by_others(rule, false);
    const char *loosened = loosened_by(settings, rule, NULL);

    if (in != NULL && loosened != NULL) {
        ct_setting_warning(reader, rule->line, "rule `%s` %s certificates by %s", rule->name, loosened, in);
        return;
    }
    for (size_t i = index + 1; in != NULL && i < settings->rule_count; i++) {
        const struct ct_rule *later = &settings->rules[i];

        loosened = are_apart(rule, later) ? NULL : loosened_by(settings, rule, later);
        if (loosened != NULL) {
            ct_setting_warning(reader, rule->line,
                               "rule `%s` %s certificates by %s, and stands in front of rule `%s` (line %u)",
                               rule->name, loosened, in, later->name, later->line);
            return;
        }
    }
    /* Another policy for another CA, which is neither more nor less, is no demand to get around. */
    bool more = loosened_by(settings, rule, NULL) == NULL || rule->has_certificate;

    if (out != NULL && more && loosened_by(settings, NULL, rule) != NULL) {
        ct_setting_warning(reader, rule->line,
                           "rule `%s` asks for more by %s: who gets around that comes under less; ask for more at the "
                           "top, and for less in rules by `issuer` or `certificate`",
                           rule->name, out);
    }
}

/* A session that is resumed is not judged again, under whatever name. */
static void warn_resumption(const struct ct_settings_reader *reader)
{
    const struct ct_settings *settings = reader->settings;

    for (size_t i = 0; settings->resumption == CLIENTCT_RESUMPTION_ALLOW && i < settings->rule_count; i++) {
        if (settings->rules[i].server_name != NULL) {
            ct_setting_warning(reader, ct_settings_given(reader, &reader->given, CT_SETTING_TOP, "resumption"),
                               "`resumption = allow` and rule `%s` (line %u) by `server_name`: a session from one name "
                               "may be resumed under another, without a verdict",
                               settings->rules[i].name, settings->rules[i].line);
            return;
        }
    }
}

static void warn_sources(const struct ct_settings_reader *reader)
{
    static const struct {
        enum clientct_source source;
        const char *name, *store;
    } stores[] = { { CLIENTCT_SOURCE_OCSP, "ocsp", "ocsp_store" }, { CLIENTCT_SOURCE_STORE, "store", "sct_store" } };
    unsigned named = ct_settings_given(reader, &reader->given, CT_SETTING_TOP, "sources");

    for (size_t i = 0; i < sizeof stores / sizeof stores[0]; i++) {
        bool wanted = (reader->settings->sources & CT_SOURCE_BIT(stores[i].source)) != 0;
        unsigned store = ct_settings_given(reader, &reader->given, CT_SETTING_TOP, stores[i].store);

        if (named != 0 && wanted && store == 0) {
            ct_setting_warning(reader, named, "`sources` has `%s`, which gives nothing without `%s`", stores[i].name,
                               stores[i].store);
        } else if (!wanted && store != 0) {
            ct_setting_warning(reader, store, "`%s` is never looked into: `sources` has no `%s`", stores[i].store,
                               stores[i].name);
        }
    }
}

static void warn_proof_store(const struct ct_settings_reader *reader)
{
    unsigned line = ct_settings_given(reader, &reader->given, CT_SETTING_TOP, "proof_store");

    for (size_t i = 0; i < reader->settings->policy_count; i++) {
        if (reader->settings->policies[i].require_inclusion) {
            return;
        }
    }
    if (line != 0) {
        ct_setting_warning(reader, line, "`proof_store` is never looked into: no policy has `require_inclusion = yes`");
    }
}

/* Lines of two kinds in one file: the reader of either counts the other's as torn. */
static void warn_archive(const struct ct_settings_reader *reader)
{
    const struct ct_settings *settings = reader->settings;

    for (size_t i = 0; settings->archive.path != NULL && i < settings->audit_count; i++) {
        if (settings->audit[i].kind == CT_AUDIT_FILE && strcmp(settings->audit[i].path, settings->archive.path) == 0) {
            ct_setting_warning(reader, settings->archive.line,
                               "`archive` is the file of `audit`; give it one of its own");
        }
    }
}

void ct_settings_warn(const struct ct_settings_reader *reader, int64_t now_ms)
{
    const struct ct_settings *settings = reader->settings;

    for (size_t i = 0; i < settings->rule_count; i++) {
        if (warn_never_matches(reader, i)) {
            continue; /* what else it would do does not matter */
        }
        warn_exemption(reader, &settings->rules[i], now_ms);
        warn_chosen_by_others(reader, i);
    }
    if (settings->shadow_policy == settings->policy) {
        ct_setting_warning(reader, ct_settings_given(reader, &reader->given, CT_SETTING_TOP, "shadow_policy"),
                           "`shadow_policy` is the policy that is enforced anyway");
    }
    warn_sources(reader);
    warn_proof_store(reader);
    warn_resumption(reader);
    warn_archive(reader);
}
