/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rule_names.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "base/der.h"
#include "evidence/identity.h"
#include "policy/rules.h"
#include "unit.h"

/* One GeneralName; how many bytes it takes. */
static size_t put_name(uint8_t *to, unsigned kind, const void *text, size_t len)
{
    uint8_t *at = ct_der_write_header(to, (uint8_t)(0x80 | kind), len);

    memcpy(at, text, len);
    return (size_t)(at - to) + len;
}

static enum ct_name_match match_one(unsigned kind, const char *pattern, const void *name, size_t len)
{
    static uint8_t der[70000];
    struct ct_bytes first;

    return ct_rule_names_match((struct ct_bytes){ der, put_name(der, kind, name, len) }, kind, pattern, &first);
}

static void expect(unsigned kind, const char *pattern, const char *name, enum ct_name_match want)
{
    ck_assert_msg(match_one(kind, pattern, name, strlen(name)) == want, "%s for %s: want %d", pattern, name, (int)want);
}

START_TEST(uris_match_by_their_bytes)
{
    static const struct {
        const char *pattern, *name;
        enum ct_name_match want;
    } rows[] = {
        { "spiffe://td.example/ns/pay", "spiffe://td.example/ns/pay", CT_NAME_MATCHES },
        { "spiffe://td.example/ns/pay", "spiffe://td.example/ns/pay/", CT_NAME_DIFFERS },
        { "spiffe://td.example/ns/pay", "spiffe://td.example/ns/payroll", CT_NAME_DIFFERS },
        { "spiffe://td.example/ns/pay", "SPIFFE://td.example/ns/pay", CT_NAME_DIFFERS },
        { "spiffe://td.example/ns/pay", "spiffe://td.example/ns/Pay", CT_NAME_DIFFERS },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay/sa/web", CT_NAME_MATCHES },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay/x", CT_NAME_MATCHES },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay/", CT_NAME_DIFFERS },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay", CT_NAME_DIFFERS },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/payroll/x", CT_NAME_DIFFERS },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example.evil/ns/pay/x", CT_NAME_DIFFERS },
        { "spiffe://td.example/*", "spiffe://td.example/anything", CT_NAME_MATCHES },
        /* What leads elsewhere than it seems to. */
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay/../admin", CT_NAME_UNREADABLE },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay/..", CT_NAME_UNREADABLE },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay/./x", CT_NAME_UNREADABLE },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay/%2e%2E/admin", CT_NAME_UNREADABLE },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay/x%2Fy", CT_NAME_UNREADABLE },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay/x\\y", CT_NAME_UNREADABLE },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay/x y", CT_NAME_UNREADABLE },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay/\xC3\xBC", CT_NAME_UNREADABLE },
        { "spiffe://td.example/ns/pay/*", "", CT_NAME_UNREADABLE },
        { "spiffe://td.example/ns/pay/*", "spiffe://td.example/ns/pay/.x/..y/a.b", CT_NAME_MATCHES },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(CT_NAME_URI, rows[i].pattern, rows[i].name, rows[i].want);
    }
}
END_TEST

START_TEST(dns_names_match_by_labels)
{
    static const struct {
        const char *pattern, *name;
        enum ct_name_match want;
    } rows[] = {
        { "a.example", "a.example", CT_NAME_MATCHES },     { "a.example", "A.Example", CT_NAME_MATCHES },
        { "a.example", "b.a.example", CT_NAME_DIFFERS },   { "a.example", "a.example.", CT_NAME_DIFFERS },
        { "a.example", "a.example:443", CT_NAME_DIFFERS }, { "*.example", "a.example", CT_NAME_MATCHES },
        { "*.example", "A.EXAMPLE", CT_NAME_MATCHES },     { "*.example", "a.b.example", CT_NAME_DIFFERS },
        { "*.example", ".example", CT_NAME_DIFFERS },      { "*.example", "example", CT_NAME_DIFFERS },
        { "*.example", "*.example", CT_NAME_MATCHES },     { "a.example", "*.example", CT_NAME_DIFFERS },
        { "a.example", "a.exa mple", CT_NAME_UNREADABLE }, { "a.example", "\xC3\xA4.example", CT_NAME_UNREADABLE },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(CT_NAME_DNS, rows[i].pattern, rows[i].name, rows[i].want);
    }
}
END_TEST

START_TEST(addresses_match_by_name_and_host)
{
    static const struct {
        const char *pattern, *name;
        enum ct_name_match want;
    } rows[] = {
        { "pay@a.example", "pay@a.example", CT_NAME_MATCHES }, { "pay@a.example", "pay@A.Example", CT_NAME_MATCHES },
        { "pay@a.example", "Pay@a.example", CT_NAME_DIFFERS }, { "pay@a.example", "xpay@a.example", CT_NAME_DIFFERS },
        { "pay@a.example", "pay@b.example", CT_NAME_DIFFERS }, { "*@a.example", "pay@a.example", CT_NAME_MATCHES },
        { "*@a.example", "pay@x.a.example", CT_NAME_DIFFERS }, { "*@a.example", "@a.example", CT_NAME_DIFFERS },
        { "*@a.example", "a.example", CT_NAME_DIFFERS },       { "*@a.example", "x@y@a.example", CT_NAME_MATCHES },
        { "*@a.example", "x@a.example@b", CT_NAME_DIFFERS },   { "*@a.example", "x y@a.example", CT_NAME_UNREADABLE },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(CT_NAME_EMAIL, rows[i].pattern, rows[i].name, rows[i].want);
    }
}
END_TEST

START_TEST(a_name_with_a_nul_can_be_read_in_two_ways)
{
    ck_assert(match_one(CT_NAME_DNS, "a.example", "a.example\0.evil", 15) == CT_NAME_UNREADABLE);
    ck_assert(match_one(CT_NAME_URI, "x://y/*", "x://y/z\0", 8) == CT_NAME_UNREADABLE);
    ck_assert(match_one(CT_NAME_EMAIL, "a@b.example", "a@b.example\0", 12) == CT_NAME_UNREADABLE);
}
END_TEST

/* Another kind is no such name, and does not matter however odd it is. */
START_TEST(kinds_are_told_apart)
{
    uint8_t der[300];
    size_t len = put_name(der, CT_NAME_DNS, "a.example\0x", 11);
    struct ct_bytes first;

    len += put_name(der + len, CT_NAME_EMAIL, "x@a.example", 11);
    len += put_name(der + len, CT_NAME_URI, "x://a.example/y", 15);
    ck_assert(ct_rule_names_match((struct ct_bytes){ der, len }, CT_NAME_URI, "x://a.example/*", &first) ==
              CT_NAME_MATCHES);
    ck_assert(first.len == 15);
    ck_assert(ct_rule_names_match((struct ct_bytes){ der, len }, CT_NAME_URI, "x://b.example/*", &first) ==
              CT_NAME_DIFFERS);
    ck_assert(ct_rule_names_match((struct ct_bytes){ der, len }, CT_NAME_DNS, "b.example", &first) ==
              CT_NAME_UNREADABLE);
    ck_assert(ct_rule_names_match((struct ct_bytes){ der, len - 1 }, CT_NAME_EMAIL, "x@a.example", &first) ==
              CT_NAME_UNREADABLE);
    ck_assert(ct_rule_names_match((struct ct_bytes){ NULL, 0 }, CT_NAME_URI, "x://a.example/*", &first) ==
              CT_NAME_DIFFERS);
}
END_TEST

START_TEST(thousands_of_names_and_huge_ones_are_bounded)
{
    static uint8_t der[65536];
    static char huge[60000];
    struct ct_bytes first;
    size_t len = 0;

    for (unsigned i = 0; i < CT_RULE_NAMES_MAX; i++) {
        len += put_name(der + len, CT_NAME_DNS, i == 0 ? "a.example" : "b.example", 9);
    }
    ck_assert(ct_rule_names_match((struct ct_bytes){ der, len }, CT_NAME_DNS, "a.example", &first) == CT_NAME_MATCHES);
    len += put_name(der + len, CT_NAME_EMAIL, "x", 1);
    ck_assert(ct_rule_names_match((struct ct_bytes){ der, len }, CT_NAME_DNS, "a.example", &first) ==
              CT_NAME_UNREADABLE);
    memset(huge, 'a', sizeof huge);
    memcpy(huge, "x://y/", 6);
    ck_assert(match_one(CT_NAME_URI, "x://y/*", huge, sizeof huge) == CT_NAME_MATCHES);
    ck_assert(match_one(CT_NAME_URI, "x://y/a", huge, sizeof huge) == CT_NAME_DIFFERS);
}
END_TEST

/* Through the rules: what cannot be told refuses, and does not fall through to the next rule. */
START_TEST(rules_ask_for_names)
{
    X509 *leaf = X509_new();
    struct ct_certificate certificate = { .well_formed = true };
    struct ct_rule_subject subject = { .certificate = &certificate, .leaf = leaf };
    char strict[] = "spiffe://td.example/ns/pay/*", name[] = "strict", other[] = "other";
    struct ct_rule rules[] = {
        { .name = name, .uri = strict, .issued_before_ms = INT64_MAX, .issued_after_ms = INT64_MIN },
        { .name = other, .issued_before_ms = INT64_MAX, .issued_after_ms = INT64_MIN },
    };
    enum clientct_reason failed;
    X509_EXTENSION *extension;

    ck_assert_ptr_eq(ct_rules_match(rules, 2, &subject, NULL, &failed), &rules[1]);
    extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:x,URI:spiffe://td.example/ns/pay/web");
    ck_assert(extension != NULL && X509_add_ext(leaf, extension, -1) == 1);
    ck_assert_ptr_eq(ct_rules_match(rules, 2, &subject, NULL, &failed), &rules[0]);
    ck_assert_int_eq(failed, CLIENTCT_NOT_EVALUATED);
    ck_assert_int_eq(X509_add_ext(leaf, extension, -1), 1);
    ck_assert_ptr_null(ct_rules_match(rules, 2, &subject, NULL, &failed));
    ck_assert_int_eq(failed, CLIENTCT_BAD_EXTENSIONS);
    X509_EXTENSION_free(extension);
    X509_free(leaf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rule_names");
    TCase *tc = tcase_create("rule_names");

    tcase_add_test(tc, uris_match_by_their_bytes);
    tcase_add_test(tc, dns_names_match_by_labels);
    tcase_add_test(tc, addresses_match_by_name_and_host);
    tcase_add_test(tc, a_name_with_a_nul_can_be_read_in_two_ways);
    tcase_add_test(tc, kinds_are_told_apart);
    tcase_add_test(tc, thousands_of_names_and_huge_ones_are_bounded);
    tcase_add_test(tc, rules_ask_for_names);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
