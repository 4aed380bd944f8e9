#include "settings_table.h"

#include <openssl/objects.h>
#include <string.h>

#include "clock.h"

static bool same_or_absent(const ASN1_OBJECT *earlier, const ASN1_OBJECT *later)
{
    return earlier == NULL || (later != NULL && OBJ_cmp(earlier, later) == 0);
}

/* Whether every name that `later` matches is matched by `earlier`; a wildcard stands for one label or more. */
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

/* Whether every certificate that `later` matches is matched by `earlier` already. */
static bool rule_covers(const struct ct_rule *earlier, const struct ct_rule *later)
{
    if (earlier->has_certificate &&
        (!later->has_certificate || memcmp(earlier->certificate, later->certificate, sizeof later->certificate) != 0)) {
        return false;
    }
    if (earlier->has_issuer &&
        (!later->has_issuer || memcmp(earlier->issuer_spki, later->issuer_spki, sizeof later->issuer_spki) != 0)) {
        return false;
    }
    return earlier->issued_before_ms >= later->issued_before_ms && earlier->issued_after_ms <= later->issued_after_ms &&
           name_covers(earlier->server_name, later->server_name) &&
           same_or_absent(earlier->certificate_policy, later->certificate_policy) &&
           same_or_absent(earlier->extended_key_usage, later->extended_key_usage);
}

static void warn_never_matches(const struct ct_settings_reader *reader, size_t index)
{
    const struct ct_settings *settings = reader->settings;

    for (size_t i = 0; i < index; i++) {
        if (rule_covers(&settings->rules[i], &settings->rules[index])) {
            ct_setting_warning(reader, settings->rules[index].line,
                               "rule `%s` can never match: rule `%s` (line %u) before it matches all that it does",
                               settings->rules[index].name, settings->rules[i].name, settings->rules[i].line);
            return;
        }
    }
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
        ct_setting_warning(reader, rule->line, "the exemption of rule `%s` ended on %s; it exempts nobody",
                           rule->name, ended);
    }
}

/* How far a mode lets in what is not compliant. */
static unsigned looseness(enum clientct_mode mode)
{
    return mode == CLIENTCT_MODE_ENFORCE ? 0 : mode == CLIENTCT_MODE_REPORT ? 1 : 2;
}

/* What the rule loosens, or NULL. */
static const char *loosened_by(const struct ct_settings *settings, const struct ct_rule *rule)
{
    if (rule->exempt) {
        return "exempts";
    }
    if (rule->has_mode && looseness(rule->mode) > looseness(settings->mode)) {
        return "only watches, or leaves alone,";
    }
    if (rule->policy != SIZE_MAX && rule->policy != settings->policy &&
        ct_policy_may_be_weaker(&settings->policies[rule->policy], &settings->policies[settings->policy])) {
        return "gives a policy that may be weaker to";
    }
    return NULL;
}

static void warn_chosen_by_others(const struct ct_settings_reader *reader, const struct ct_rule *rule)
{
    const char *loosened = loosened_by(reader->settings, rule);
    bool dated = rule->issued_before_ms != INT64_MAX || rule->issued_after_ms != INT64_MIN;

    /* One certificate by its hash is all that such a rule can let in. */
    if (loosened == NULL || rule->has_certificate) {
        return;
    }
    if (rule->server_name != NULL) {
        ct_setting_warning(reader, rule->line,
                           "rule `%s` %s certificates by `server_name`, which the client chooses",
                           rule->name, loosened);
    } else if (dated) {
        ct_setting_warning(reader, rule->line,
                           "rule `%s` %s certificates by their notBefore, which the CA chooses and can backdate",
                           rule->name, loosened);
    }
}

static void warn_sources(const struct ct_settings_reader *reader)
{
    static const struct {
        enum clientct_source source;
        const char *name, *store;
    } stores[] = { { CLIENTCT_SOURCE_OCSP, "ocsp", "ocsp_store" }, { CLIENTCT_SOURCE_STORE, "store", "sct_store" } };
    unsigned named = ct_settings_given(&reader->given, CT_SETTING_TOP, "sources");

    for (size_t i = 0; i < sizeof stores / sizeof stores[0]; i++) {
        bool wanted = (reader->settings->sources & CT_SOURCE_BIT(stores[i].source)) != 0;
        unsigned store = ct_settings_given(&reader->given, CT_SETTING_TOP, stores[i].store);

        if (named != 0 && wanted && store == 0) {
            ct_setting_warning(reader, named, "`sources` has `%s`, which gives nothing without `%s`", stores[i].name,
                               stores[i].store);
        } else if (!wanted && store != 0) {
            ct_setting_warning(reader, store, "`%s` is never looked into: `sources` has no `%s`", stores[i].store,
                               stores[i].name);
        }
    }
}

void ct_settings_warn(const struct ct_settings_reader *reader, int64_t now_ms)
{
    const struct ct_settings *settings = reader->settings;

    for (size_t i = 0; i < settings->rule_count; i++) {
        warn_never_matches(reader, i);
        warn_exemption(reader, &settings->rules[i], now_ms);
        warn_chosen_by_others(reader, &settings->rules[i]);
    }
    if (settings->shadow_policy == settings->policy) {
        ct_setting_warning(reader, ct_settings_given(&reader->given, CT_SETTING_TOP, "shadow_policy"),
                           "`shadow_policy` is the policy that is enforced anyway");
    }
    warn_sources(reader);
}
