/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rules.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "pki.h"
#include "unit.h"

#define EKU_CLIENT "1.3.6.1.5.5.7.3.2"
#define EKU_EMAIL "1.3.6.1.5.5.7.3.4"
#define POLICY_A "1.3.6.1.4.1.32473.7.1"
#define POLICY_B "1.3.6.1.4.1.32473.7.2"

/* A chain of leaf, issuing CA and root. Rules look at keys, names and extensions only, so nothing is signed. */
static X509 *leaf, *issuing, *root, *stranger;
static STACK_OF(X509) *chain;
static struct ct_certificate certificate;
static struct ct_rule_subject subject;
static struct ct_explanation explanation;

static X509 *new_certificate(void)
{
    EVP_PKEY *key = pki_new_key(PKI_P256, 0);
    X509 *x509 = X509_new();

    ck_assert(key != NULL && x509 != NULL && X509_set_pubkey(x509, key) == 1);
    EVP_PKEY_free(key);
    return x509;
}

static void spki_hash(X509 *x509, uint8_t out[32])
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(X509_get0_pubkey(x509), &der);

    ck_assert_int_gt(len, 0);
    ck_assert_int_eq(EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL), 1);
    OPENSSL_free(der);
}

static void add_extension(X509 *x509, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    ck_assert(extension != NULL && X509_add_ext(x509, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static void add_broken_extension(X509 *x509, int nid)
{
    static const unsigned char bytes[] = { 0x30, 0x05, 0x06, 0x7f };
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;

    ck_assert_int_eq(ASN1_OCTET_STRING_set(value, bytes, sizeof bytes), 1);
    extension = X509_EXTENSION_create_by_NID(NULL, nid, 0, value);
    ck_assert(extension != NULL && X509_add_ext(x509, extension, -1) == 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
}

static int64_t at(const char *text)
{
    int64_t ms;

    ck_assert(ct_time_parse(text, &ms));
    return ms;
}

static void setup(void)
{
    leaf = new_certificate();
    issuing = new_certificate();
    root = new_certificate();
    stranger = new_certificate();
    chain = sk_X509_new_null();
    sk_X509_push(chain, leaf);
    sk_X509_push(chain, issuing);
    sk_X509_push(chain, root);
    memset(&certificate, 0, sizeof certificate);
    memset(certificate.sha256, 0xc1, sizeof certificate.sha256);
    certificate.well_formed = true;
    certificate.not_before_ms = at("2026-05-01T00:00:00Z");
    subject = (struct ct_rule_subject){ .certificate = &certificate,
                                        .leaf = leaf,
                                        .chain = chain,
                                        .server_name = "login.example.com",
                                        .now_ms = at("2026-06-01T00:00:00Z") };
    memset(&explanation, 0, sizeof explanation);
}

static void teardown(void)
{
    ct_explanation_clear(&explanation);
    sk_X509_free(chain);
    X509_free(leaf);
    X509_free(issuing);
    X509_free(root);
    X509_free(stranger);
}

/* A rule without conditions. */
static struct ct_rule blank(const char *name)
{
    return (struct ct_rule){ .name = strdup(name),
                             .issued_before_ms = INT64_MAX,
                             .issued_after_ms = INT64_MIN,
                             .policy = SIZE_MAX,
                             .expires_ms = INT64_MAX };
}

static struct ct_rule of_issuer(const char *name, X509 *ca)
{
    struct ct_rule rule = blank(name);

    rule.has_issuer = true;
    spki_hash(ca, rule.issuer_spki);
    return rule;
}

/* Does this one rule match? The rule is cleared. */
static bool matches(struct ct_rule rule)
{
    enum clientct_reason failed;
    bool found = ct_rules_match(&rule, 1, &subject, NULL, &failed) == &rule;

    ck_assert_msg(!failed, "could not tell");
    ct_rule_clear(&rule);
    return found;
}

/* Is it that nobody can tell whether this one rule matches? */
static bool fails(struct ct_rule rule)
{
    enum clientct_reason failed;

    ck_assert(ct_rules_match(&rule, 1, &subject, NULL, &failed) == NULL || !failed);
    ct_rule_clear(&rule);
    return failed;
}

START_TEST(issuer_is_any_ca_of_the_verified_chain)
{
    ck_assert(matches(of_issuer("issuing", issuing)));
    ck_assert(matches(of_issuer("root", root)));
    ck_assert(!matches(of_issuer("stranger", stranger)));
}
END_TEST

START_TEST(a_client_is_not_its_own_issuer)
{
    STACK_OF(X509) *alone = sk_X509_new_null();

    ck_assert(!matches(of_issuer("leaf", leaf)));
    sk_X509_push(alone, leaf);
    subject.chain = alone;
    ck_assert(!matches(of_issuer("leaf", leaf)));
    ck_assert(!matches(of_issuer("issuing", issuing)));
    subject.chain = NULL;
    ck_assert(!matches(of_issuer("leaf", leaf)));
    sk_X509_free(alone);
}
END_TEST

START_TEST(certificate_is_the_hash_of_the_leaf)
{
    struct ct_rule rule = blank("one");

    rule.has_certificate = true;
    memset(rule.certificate, 0xc1, sizeof rule.certificate);
    ck_assert(matches(rule));
    rule = blank("other");
    rule.has_certificate = true;
    memset(rule.certificate, 0xc1, sizeof rule.certificate);
    rule.certificate[31] ^= 1;
    ck_assert(!matches(rule));
}
END_TEST

START_TEST(server_name_is_exact_or_one_label_wild)
{
    static const struct {
        const char *pattern, *name;
        bool want;
    } rows[] = {
        { "login.example.com", "login.example.com", true },
        { "login.example.com", "LOGIN.Example.COM", true },
        { "login.example.com", "xlogin.example.com", false },
        { "login.example.com", "login.example.co", false },
        /* nginx takes these for the same host */
        { "login.example.com", "login.example.com.", true },
        { "login.example.com", "login.example.com:443", true },
        { "login.example.com", "login.example.com.:443", true },
        { "*.example.com", "login.example.com.", true },
        { "*.example.com", "login.example.com:443", true },
        { "login.example.com", "login.example.com..", false },
        { "login.example.com", ".", false },
        { "login.example.com", ":443", false },
        { "*.example.com", ".", false },
        { "*.example.com", "login.example.com", true },
        { "*.example.com", "LOGIN.EXAMPLE.COM", true },
        { "*.example.com", "a.b.example.com", false },
        { "*.example.com", "example.com", false },
        { "*.example.com", ".example.com", false },
        { "*.example.com", "login.example.org", false },
        { "*.example.com", "", false },
        { "*.example.com", "*.example.com", true },
        { "login.example.com", "*.example.com", false },
        { "login.example.com", "", false },
        { "login.example.com", NULL, false },
        { "*.example.com", NULL, false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_rule rule = blank("name");

        rule.server_name = strdup(rows[i].pattern);
        subject.server_name = rows[i].name;
        ck_assert_msg(matches(rule) == rows[i].want, "%s against %s", rows[i].pattern,
                      rows[i].name != NULL ? rows[i].name : "(none)");
    }
}
END_TEST

START_TEST(issued_before_excludes_and_issued_after_includes_its_moment)
{
    static const struct {
        const char *before, *after;
        bool want;
    } rows[] = {
        { "2026-05-01T00:00:00Z", NULL, false },
        { "2026-05-01T00:00:01Z", NULL, true },
        { "2026-04-30T23:59:59Z", NULL, false },
        { NULL, "2026-05-01T00:00:00Z", true },
        { NULL, "2026-05-01T00:00:01Z", false },
        { NULL, "2026-04-30T23:59:59Z", true },
        { "2026-06-01T00:00:00Z", "2026-04-01T00:00:00Z", true },
        { "2026-04-02T00:00:00Z", "2026-04-01T00:00:00Z", false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_rule rule = blank("issued");

        rule.issued_before_ms = rows[i].before != NULL ? at(rows[i].before) : INT64_MAX;
        rule.issued_after_ms = rows[i].after != NULL ? at(rows[i].after) : INT64_MIN;
        ck_assert_msg(matches(rule) == rows[i].want, "row %zu", i);
    }
}
END_TEST

START_TEST(times_that_were_not_read_cannot_be_judged)
{
    struct ct_rule rule = blank("issued");

    certificate.well_formed = false;
    rule.issued_before_ms = at("2030-01-01T00:00:00Z");
    ck_assert(fails(rule));
}
END_TEST

static struct ct_rule of_policy(const char *oid)
{
    struct ct_rule rule = blank("policy");

    rule.certificate_policy = OBJ_txt2obj(oid, 1);
    return rule;
}

static struct ct_rule of_usage(const char *oid)
{
    struct ct_rule rule = blank("usage");

    rule.extended_key_usage = OBJ_txt2obj(oid, 1);
    return rule;
}

static void add_policies(X509 *x509, const char *one, const char *two)
{
    CERTIFICATEPOLICIES *policies = CERTIFICATEPOLICIES_new();
    const char *const oids[] = { one, two };

    for (size_t i = 0; i < 2; i++) {
        POLICYINFO *info = POLICYINFO_new();

        ASN1_OBJECT_free(info->policyid);
        info->policyid = OBJ_txt2obj(oids[i], 1);
        ck_assert_int_gt(sk_POLICYINFO_push(policies, info), 0);
    }
    ck_assert_int_eq(X509_add1_ext_i2d(x509, NID_certificate_policies, policies, 0, 0), 1);
    CERTIFICATEPOLICIES_free(policies);
}

START_TEST(certificate_policy_is_one_of_the_leaf)
{
    ck_assert(!matches(of_policy(POLICY_A)));
    add_policies(leaf, POLICY_B, POLICY_A);
    ck_assert(matches(of_policy(POLICY_A)));
    ck_assert(matches(of_policy(POLICY_B)));
    ck_assert(!matches(of_policy("1.3.6.1.4.1.32473.7")));
    ck_assert(!matches(of_policy("2.5.29.32.0")));
}
END_TEST

START_TEST(extended_key_usage_is_one_of_the_leaf)
{
    ck_assert(!matches(of_usage(EKU_CLIENT)));
    add_extension(leaf, NID_ext_key_usage, "emailProtection,clientAuth");
    ck_assert(matches(of_usage(EKU_CLIENT)));
    ck_assert(matches(of_usage(EKU_EMAIL)));
    ck_assert(!matches(of_usage("1.3.6.1.5.5.7.3.1")));
}
END_TEST

START_TEST(a_broken_or_repeated_extension_cannot_be_judged)
{
    ERR_clear_error();
    add_broken_extension(leaf, NID_certificate_policies);
    ck_assert(fails(of_policy(POLICY_A)));
    add_extension(leaf, NID_ext_key_usage, "clientAuth");
    ck_assert(!fails(of_usage(EKU_CLIENT)));
    add_extension(leaf, NID_ext_key_usage, "clientAuth");
    ck_assert(fails(of_usage(EKU_CLIENT)));
    ck_assert_msg(ERR_peek_error() == 0, "the application's error queue is not ours");
}
END_TEST

START_TEST(what_cannot_be_judged_stops_the_search)
{
    struct ct_rule rules[] = { of_policy(POLICY_A), blank("everybody") };
    enum clientct_reason failed;

    rules[1].exempt = true;
    add_broken_extension(leaf, NID_certificate_policies);
    ck_assert(ct_rules_match(rules, 2, &subject, NULL, &failed) == NULL);
    ck_assert_int_eq(failed, CLIENTCT_BAD_EXTENSIONS);
    ct_rule_clear(&rules[0]);
    ct_rule_clear(&rules[1]);
}
END_TEST

START_TEST(all_given_conditions_must_hold)
{
    for (int wrong = -1; wrong < 4; wrong++) {
        struct ct_rule rule = of_issuer("all", wrong == 0 ? stranger : issuing);

        rule.server_name = strdup(wrong == 1 ? "other.example.com" : "*.example.com");
        rule.issued_before_ms = at(wrong == 2 ? "2026-01-01T00:00:00Z" : "2027-01-01T00:00:00Z");
        rule.has_certificate = true;
        memset(rule.certificate, wrong == 3 ? 0 : 0xc1, sizeof rule.certificate);
        ck_assert_msg(matches(rule) == (wrong == -1), "condition %d", wrong);
    }
}
END_TEST

START_TEST(the_first_that_matches_decides)
{
    struct ct_rule rules[] = { of_issuer("no", stranger), of_issuer("root", root), of_issuer("issuing", issuing) };
    enum clientct_reason failed = CLIENTCT_INTERNAL_ERROR;

    ck_assert_ptr_eq(ct_rules_match(rules, 3, &subject, NULL, &failed), &rules[1]);
    ck_assert(!failed);
    ck_assert_ptr_eq(ct_rules_match(rules, 1, &subject, NULL, &failed), NULL);
    ck_assert(!failed);
    ck_assert_ptr_eq(ct_rules_match(NULL, 0, &subject, NULL, &failed), NULL);
    ck_assert(!failed);
    for (size_t i = 0; i < 3; i++) {
        ct_rule_clear(&rules[i]);
    }
}
END_TEST

START_TEST(explains_each_rule_up_to_the_one_that_matches)
{
    struct ct_rule rules[] = { of_issuer("partner", stranger), blank("named"), blank("old"), blank("not reached") };
    enum clientct_reason failed;

    rules[1].server_name = strdup("api.example.com");
    rules[2].issued_before_ms = at("2026-12-01T00:00:00Z");
    ck_assert_ptr_eq(ct_rules_match(rules, 4, &subject, &explanation, &failed), &rules[2]);
    ck_assert_uint_eq(explanation.count, 3);
    ck_assert_str_eq(explanation.conditions[0]->name, "rule partner");
    ck_assert(!explanation.conditions[0]->met);
    ck_assert(strncmp(explanation.conditions[0]->seen, "the chain's CAs are sha256:", 27) == 0);
    ck_assert(strncmp(explanation.conditions[0]->needed, "issuer sha256:", 14) == 0);
    ck_assert_str_eq(explanation.conditions[1]->seen, "login.example.com");
    ck_assert_str_eq(explanation.conditions[1]->needed, "server_name api.example.com");
    ck_assert_str_eq(explanation.conditions[2]->name, "rule old");
    ck_assert(explanation.conditions[2]->met);
    for (size_t i = 0; i < 4; i++) {
        ct_rule_clear(&rules[i]);
    }
}
END_TEST

START_TEST(says_that_an_exemption_has_expired_from_its_moment_on)
{
    struct ct_rule rule = blank("old");
    enum clientct_reason failed;

    rule.exempt = true;
    rule.expires_ms = subject.now_ms + 1;
    ck_assert_ptr_eq(ct_rules_match(&rule, 1, &subject, &explanation, &failed), &rule);
    ck_assert_str_eq(explanation.conditions[0]->seen, "matches");
    rule.expires_ms = subject.now_ms;
    ck_assert_ptr_eq(ct_rules_match(&rule, 1, &subject, &explanation, &failed), &rule);
    ck_assert_str_eq(explanation.conditions[1]->seen, "matches, but its exemption has expired");
    ct_rule_clear(&rule);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules");
    TCase *tc = tcase_create("rules");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, issuer_is_any_ca_of_the_verified_chain);
    tcase_add_test(tc, a_client_is_not_its_own_issuer);
    tcase_add_test(tc, certificate_is_the_hash_of_the_leaf);
    tcase_add_test(tc, server_name_is_exact_or_one_label_wild);
    tcase_add_test(tc, issued_before_excludes_and_issued_after_includes_its_moment);
    tcase_add_test(tc, times_that_were_not_read_cannot_be_judged);
    tcase_add_test(tc, certificate_policy_is_one_of_the_leaf);
    tcase_add_test(tc, extended_key_usage_is_one_of_the_leaf);
    tcase_add_test(tc, a_broken_or_repeated_extension_cannot_be_judged);
    tcase_add_test(tc, what_cannot_be_judged_stops_the_search);
    tcase_add_test(tc, all_given_conditions_must_hold);
    tcase_add_test(tc, the_first_that_matches_decides);
    tcase_add_test(tc, explains_each_rule_up_to_the_one_that_matches);
    tcase_add_test(tc, says_that_an_exemption_has_expired_from_its_moment_on);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
