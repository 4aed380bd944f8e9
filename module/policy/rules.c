/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "evidence/extension.h"
#include "evidence/identity.h"
#include "policy/rule_names.h"

/* What a rule's conditions gave. */
enum outcome {
    MATCHES,
    DIFFERS,
    UNREADABLE, /* because of the certificate */
    CANNOT_TELL /* because memory is short */
};

/* SHA-256 of each CA's SPKI in the verified chain, and subjectAltName: looked for when the first rule asks. */
struct issuers {
    uint8_t (*spki)[32];
    size_t count;
    bool known;
    bool names_known;
    enum ct_extension_found names_found;
    struct ct_bytes names;
};

/* Why a rule does not match; filled in only when `wanted`. */
struct difference {
    bool wanted;
    char seen[240];
    char needed[240];
};

static enum outcome differ(struct difference *why, const char *seen, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum outcome differ(struct difference *why, const char *seen, const char *format, ...)
{
    va_list args;

    if (why->wanted) {
        snprintf(why->seen, sizeof why->seen, "%s", seen);
        va_start(args, format);
        vsnprintf(why->needed, sizeof why->needed, format, args);
        va_end(args);
    }
    return DIFFERS;
}

static bool know_issuers(const struct ct_rule_subject *subject, struct issuers *issuers)
{
    int chain = subject->chain != NULL ? sk_X509_num(subject->chain) : 0;

    if (issuers->known) {
        return true;
    }
    if (chain > 1) {
        issuers->spki = calloc((size_t)chain - 1, sizeof *issuers->spki);
        if (issuers->spki == NULL) {
            return false;
        }
        for (int i = 1; i < chain; i++) { /* 0 is the leaf, which a client makes itself */
            if (!ct_spki_sha256(sk_X509_value(subject->chain, i), issuers->spki[i - 1])) {
                return false;
            }
        }
        issuers->count = (size_t)chain - 1;
    }
    issuers->known = true;
    return true;
}

static enum outcome issuer_matches(const struct ct_rule *rule, const struct ct_rule_subject *subject,
                                   struct issuers *issuers, struct difference *why)
{
    char wanted[2 * sizeof rule->issuer_spki + 1];
    char seen[200] = "";

    if (!know_issuers(subject, issuers)) {
        return CANNOT_TELL;
    }
    for (size_t i = 0; i < issuers->count; i++) {
        if (memcmp(issuers->spki[i], rule->issuer_spki, sizeof rule->issuer_spki) == 0) {
            return MATCHES;
        }
    }
    if (!why->wanted) {
        return DIFFERS;
    }
    for (size_t i = 0; i < issuers->count && i < 2; i++) {
        size_t used = strlen(seen);
        char hex[2 * sizeof issuers->spki[0] + 1];

        ct_hex(issuers->spki[i], sizeof issuers->spki[i], hex);
        snprintf(seen + used, sizeof seen - used, "%ssha256:%s", i == 0 ? "the chain's CAs are " : ", ", hex);
    }
    ct_hex(rule->issuer_spki, sizeof rule->issuer_spki, wanted);
    return differ(why, issuers->count == 0 ? "the chain has no CA" : seen, "issuer sha256:%s in the chain", wanted);
}

/*
 * The length of the host in what the client sent: nginx takes "a.example." and "a.example:443" for a.example, and a
 * client must not choose that host and yet slip past the rule for it.
 */
static size_t host_len(const char *name)
{
    size_t len = strcspn(name, ":");

    return len > 0 && name[len - 1] == '.' ? len - 1 : len;
}

static bool name_matches(const char *pattern, const char *name)
{
    return ct_host_name_matches(pattern, (struct ct_bytes){ (const uint8_t *)name, host_len(name) });
}

static enum outcome server_name_matches(const struct ct_rule *rule, const struct ct_rule_subject *subject,
                                        struct issuers *issuers, struct difference *why)
{
    if (subject->server_name == NULL) {
        return differ(why, "the client sent no server name", "server_name %s", rule->server_name);
    }
    if (!name_matches(rule->server_name, subject->server_name)) {
        return differ(why, subject->server_name, "server_name %s", rule->server_name);
    }
    return MATCHES;
}

static enum outcome issued_matches(const struct ct_rule *rule, const struct ct_rule_subject *subject,
                                   struct issuers *issuers, struct difference *why)
{
    int64_t issued = subject->certificate->not_before_ms;
    char seen[64], wanted[32], at[32];

    if (!subject->certificate->well_formed) {
        return UNREADABLE; /* its times were not read */
    }
    ct_time_format(issued, at, sizeof at);
    snprintf(seen, sizeof seen, "issued at %s", at);
    if (rule->issued_before_ms != INT64_MAX && issued >= rule->issued_before_ms) {
        ct_time_format(rule->issued_before_ms, wanted, sizeof wanted);
        return differ(why, seen, "issued_before %s", wanted);
    }
    if (rule->issued_after_ms != INT64_MIN && issued < rule->issued_after_ms) {
        ct_time_format(rule->issued_after_ms, wanted, sizeof wanted);
        return differ(why, seen, "issued_after %s", wanted);
    }
    return MATCHES;
}

static void object_text(const ASN1_OBJECT *object, char *out, size_t size)
{
    if (OBJ_obj2txt(out, (int)size, object, 1) <= 0) {
        snprintf(out, size, "?");
    }
}

/* NULL with MATCHES: the extension is absent. UNREADABLE: it is there and unreadable, or there twice. */
static enum outcome read_extension(const X509 *leaf, int nid, void **value)
{
    int critical = 0;

    ERR_set_mark(); /* errors of this attempt are not to be found by the application, in its error queue */
    *value = X509_get_ext_d2i(leaf, nid, &critical, NULL);
    ERR_pop_to_mark();
    return *value != NULL || critical == -1 ? MATCHES : UNREADABLE;
}

static enum outcome certificate_policy_matches(const struct ct_rule *rule, const struct ct_rule_subject *subject,
                                               struct issuers *issuers, struct difference *why)
{
    CERTIFICATEPOLICIES *policies = NULL;
    void *value;
    enum outcome outcome = read_extension(subject->leaf, NID_certificate_policies, &value);
    char wanted[80];

    policies = value;
    if (outcome == UNREADABLE) {
        return outcome;
    }
    for (int i = 0; i < sk_POLICYINFO_num(policies); i++) {
        if (OBJ_cmp(sk_POLICYINFO_value(policies, i)->policyid, rule->certificate_policy) == 0) {
            CERTIFICATEPOLICIES_free(policies);
            return MATCHES;
        }
    }
    object_text(rule->certificate_policy, wanted, sizeof wanted);
    outcome = differ(why, policies == NULL ? "the certificate has no policies" : "the certificate has other policies",
                     "certificate_policy %s", wanted);
    CERTIFICATEPOLICIES_free(policies);
    return outcome;
}

static enum outcome extended_key_usage_matches(const struct ct_rule *rule, const struct ct_rule_subject *subject,
                                               struct issuers *issuers, struct difference *why)
{
    EXTENDED_KEY_USAGE *usages = NULL;
    void *value;
    enum outcome outcome = read_extension(subject->leaf, NID_ext_key_usage, &value);
    char wanted[80];

    usages = value;
    if (outcome == UNREADABLE) {
        return outcome;
    }
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++) {
        if (OBJ_cmp(sk_ASN1_OBJECT_value(usages, i), rule->extended_key_usage) == 0) {
            EXTENDED_KEY_USAGE_free(usages);
            return MATCHES;
        }
    }
    object_text(rule->extended_key_usage, wanted, sizeof wanted);
    outcome = differ(why,
                     usages == NULL ? "the certificate has no extended key usage"
                                    : "the certificate has other extended key usages",
                     "extended_key_usage %s", wanted);
    EXTENDED_KEY_USAGE_free(usages);
    return outcome;
}

/* Any name of that kind. */
static enum outcome any_name_matches(const struct ct_rule_subject *subject, struct issuers *known, unsigned kind,
                                     const char *setting, const char *pattern, struct difference *why)
{
    struct ct_bytes first;
    enum ct_name_match match;
    char seen[200];

    if (!known->names_known) {
        known->names_found = ct_extension_sequence(subject->leaf, ct_oid_alternative_names, &known->names);
        known->names_known = true;
    }
    match = known->names_found == CT_EXTENSION_TWICE ? CT_NAME_UNREADABLE
                                                     : ct_rule_names_match(known->names, kind, pattern, &first);
    if (match != CT_NAME_DIFFERS) {
        return match == CT_NAME_MATCHES ? MATCHES : UNREADABLE;
    }
    if (first.data == NULL) {
        return differ(why, "the certificate has no name of this kind", "%s %s", setting, pattern);
    }
    snprintf(seen, sizeof seen, "%s %.*s", setting, (int)(first.len < 100 ? first.len : 100), (const char *)first.data);
    return differ(why, seen, "%s %s", setting, pattern);
}

static enum outcome uri_matches(const struct ct_rule *rule, const struct ct_rule_subject *subject,
                                struct issuers *issuers, struct difference *why)
{
    return any_name_matches(subject, issuers, CT_NAME_URI, "uri", rule->uri, why);
}

static enum outcome dns_matches(const struct ct_rule *rule, const struct ct_rule_subject *subject,
                                struct issuers *issuers, struct difference *why)
{
    return any_name_matches(subject, issuers, CT_NAME_DNS, "dns", rule->dns, why);
}

static enum outcome email_matches(const struct ct_rule *rule, const struct ct_rule_subject *subject,
                                  struct issuers *issuers, struct difference *why)
{
    return any_name_matches(subject, issuers, CT_NAME_EMAIL, "email", rule->email, why);
}

static enum outcome certificate_matches(const struct ct_rule *rule, const struct ct_rule_subject *subject,
                                        struct issuers *issuers, struct difference *why)
{
    char seen[2 * 32 + 1], wanted[2 * 32 + 1];

    if (rule->by_signed_part) {
        return subject->certificate->well_formed &&
                       memcmp(subject->certificate->signed_sha256, rule->certificate, sizeof rule->certificate) == 0
                   ? MATCHES
                   : differ(why, "another certificate", "%s", "the certificate of the rule's file");
    }
    if (ct_certificate_is(subject->certificate, rule->certificate)) {
        return MATCHES;
    }
    ct_hex(subject->certificate->sha256, sizeof subject->certificate->sha256, seen);
    ct_hex(rule->certificate, sizeof rule->certificate, wanted);
    return differ(why, seen, "certificate sha256:%s", wanted);
}

static bool gives_hash(const struct ct_rule *rule)
{
    return rule->has_certificate && !rule->by_signed_part;
}

static bool gives_file(const struct ct_rule *rule)
{
    return rule->has_certificate && rule->by_signed_part;
}

static bool gives_server_name(const struct ct_rule *rule)
{
    return rule->server_name != NULL;
}

static bool gives_issued_before(const struct ct_rule *rule)
{
    return rule->issued_before_ms != INT64_MAX;
}

static bool gives_issued_after(const struct ct_rule *rule)
{
    return rule->issued_after_ms != INT64_MIN;
}

static bool gives_issuer(const struct ct_rule *rule)
{
    return rule->has_issuer;
}

static bool gives_certificate_policy(const struct ct_rule *rule)
{
    return rule->certificate_policy != NULL;
}

static bool gives_extended_key_usage(const struct ct_rule *rule)
{
    return rule->extended_key_usage != NULL;
}

static bool gives_uri(const struct ct_rule *rule)
{
    return rule->uri != NULL;
}

static bool gives_dns(const struct ct_rule *rule)
{
    return rule->dns != NULL;
}

static bool gives_email(const struct ct_rule *rule)
{
    return rule->email != NULL;
}

#define BY_NAME "`server_name`, which the client chooses"
#define BY_DATE "their notBefore, which the CA chooses and can backdate"
#define BY_POLICY "`certificate_policy`, which the CA chooses"
#define BY_USAGE "`extended_key_usage`, which the CA chooses"
#define BY_URI "`uri`, which the CA chooses"
#define BY_DNS "`dns`, which the CA chooses"
#define BY_EMAIL "`email`, which the CA chooses"
#define BY_HASH \
    "`certificate`, a hash over the signature, too, and a signature can be rewritten into another good one; a " \
    "certificate that is given as a file is known by its signed part"
#define BY_CHAIN "`issuer`, and which chain is verified depends on the CA certificates that the client sends"

/*
 * A rule by `issuer` that lets in more needs the signature of the CA that the operator has named, whatever else is in
 * the chain: there is no way in. A hash that lets in more lets in one certificate.
 */
static const struct {
    struct ct_rule_condition condition;
    enum outcome (*matches)(const struct ct_rule *rule, const struct ct_rule_subject *subject, struct issuers *issuers,
                            struct difference *why);
} conditions[] = {
    { { "certificate", CT_CHOSEN_BY_CLIENT, true, NULL, BY_HASH, gives_hash }, certificate_matches },
    { { "certificate", CT_CHOSEN_BY_OPERATOR, true, NULL, NULL, gives_file }, certificate_matches },
    { { "server_name", CT_CHOSEN_BY_CLIENT, false, BY_NAME, BY_NAME, gives_server_name }, server_name_matches },
    { { "issued_before", CT_CHOSEN_BY_CA, false, BY_DATE, BY_DATE, gives_issued_before }, issued_matches },
    { { "issued_after", CT_CHOSEN_BY_CA, false, BY_DATE, BY_DATE, gives_issued_after }, issued_matches },
    { { "issuer", CT_CHOSEN_BY_CLIENT, false, NULL, BY_CHAIN, gives_issuer }, issuer_matches },
    { { "certificate_policy", CT_CHOSEN_BY_CA, false, BY_POLICY, BY_POLICY, gives_certificate_policy },
      certificate_policy_matches },
    { { "extended_key_usage", CT_CHOSEN_BY_CA, false, BY_USAGE, BY_USAGE, gives_extended_key_usage },
      extended_key_usage_matches },
    { { "uri", CT_CHOSEN_BY_CA, false, BY_URI, BY_URI, gives_uri }, uri_matches },
    { { "dns", CT_CHOSEN_BY_CA, false, BY_DNS, BY_DNS, gives_dns }, dns_matches },
    { { "email", CT_CHOSEN_BY_CA, false, BY_EMAIL, BY_EMAIL, gives_email }, email_matches },
};
#define CONDITION_COUNT (sizeof conditions / sizeof conditions[0])

const struct ct_rule_condition *ct_rule_condition(size_t index)
{
    return index < CONDITION_COUNT ? &conditions[index].condition : NULL;
}

const char *ct_chooser_name(enum ct_chooser chooser)
{
    return chooser == CT_CHOSEN_BY_OPERATOR ? "the operator" : chooser == CT_CHOSEN_BY_CA ? "the CA" : "the client";
}

/* All given conditions hold. */
static enum outcome rule_matches(const struct ct_rule *rule, const struct ct_rule_subject *subject,
                                 struct issuers *issuers, struct difference *why)
{
    enum outcome outcome = MATCHES;

    for (size_t i = 0; i < CONDITION_COUNT && outcome == MATCHES; i++) {
        if (conditions[i].condition.given(rule)) {
            outcome = conditions[i].matches(rule, subject, issuers, why);
        }
    }
    return outcome;
}

static void explain(const struct ct_rule *rule, enum outcome outcome, const struct difference *why, int64_t now_ms,
                    struct ct_explanation *explanation)
{
    char name[120], expired[32];

    if (explanation == NULL) {
        return;
    }
    snprintf(name, sizeof name, "rule %s", rule->name != NULL ? rule->name : "");
    switch (outcome) {
    case DIFFERS:
        ct_explanation_add(explanation, name, false, why->seen, "%s", why->needed);
        break;
    case UNREADABLE:
        ct_explanation_add(explanation, name, false, "it cannot be told",
                           "a certificate that can be read, with each extension once");
        break;
    case CANNOT_TELL:
        ct_explanation_add(explanation, name, false, "it cannot be told", "memory");
        break;
    case MATCHES:
        if (rule->exempt && now_ms >= rule->expires_ms) {
            ct_time_format(rule->expires_ms, expired, sizeof expired);
            ct_explanation_add(explanation, name, true, "matches, but its exemption has expired",
                               "a time before %s for the exemption to hold", expired);
        } else {
            ct_explanation_add(explanation, name, true, "matches", "every condition of the rule");
        }
        break;
    }
}

const struct ct_rule *ct_rules_match(const struct ct_rule *rules, size_t count, const struct ct_rule_subject *subject,
                                     struct ct_explanation *explanation, enum clientct_reason *failed)
{
    const struct ct_rule *found = NULL;
    struct issuers issuers = { 0 };

    *failed = CLIENTCT_NOT_EVALUATED;
    for (size_t i = 0; i < count && found == NULL && *failed == CLIENTCT_NOT_EVALUATED; i++) {
        struct difference why = { .wanted = explanation != NULL };
        enum outcome outcome = rule_matches(&rules[i], subject, &issuers, &why);

        explain(&rules[i], outcome, &why, subject->now_ms, explanation);
        if (outcome == MATCHES) {
            found = &rules[i];
        } else if (outcome != DIFFERS) { /* skipping it could hand the certificate to a laxer rule behind it */
            *failed = outcome == UNREADABLE ? CLIENTCT_BAD_EXTENSIONS : CLIENTCT_INTERNAL_ERROR;
        }
    }
    free(issuers.spki);
    return found;
}

size_t ct_rules_name_bits(const struct ct_rule *rules, size_t count, const char *server_name,
                          uint8_t bits[CT_RULES_MAX / 8])
{
    size_t used = 0;

    for (size_t i = 0; i < count && i < CT_RULES_MAX; i++) {
        if (rules[i].server_name == NULL) {
            continue;
        }
        while (used <= i / 8) {
            bits[used++] = 0;
        }
        if (server_name != NULL && name_matches(rules[i].server_name, server_name)) {
            bits[i / 8] |= (uint8_t)(1u << i % 8);
        }
    }
    return used;
}

void ct_rule_clear(struct ct_rule *rule)
{
    if (rule == NULL) {
        return;
    }
    free(rule->name);
    X509_free(rule->issuer_certificate);
    free(rule->server_name);
    ASN1_OBJECT_free(rule->certificate_policy);
    ASN1_OBJECT_free(rule->extended_key_usage);
    free(rule->uri);
    free(rule->dns);
    free(rule->email);
    memset(rule, 0, sizeof *rule);
}
