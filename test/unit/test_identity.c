/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/identity.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "base/clock.h"
#include "pki.h"
#include "unit.h"

static struct pki_ca ca;

static void set_up(void)
{
    pki_ca_new(&ca, "Some CA", NULL, NULL, 30);
}

static void tear_down(void)
{
    pki_ca_clear(&ca);
}

static X509 *certificate(const char *names, const char *usages, const char *not_after)
{
    X509 *x509 = X509_dup(ca.certificate);
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(x509));
    ASN1_INTEGER *serial = s2i_ASN1_INTEGER(NULL, "0x80DEADBEEF");

    ck_assert(X509_set_serialNumber(x509, serial) == 1);
    ASN1_INTEGER_free(serial);
    ck_assert(X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_UTF8, (const uint8_t *)"Meters", -1, -1, 0) == 1);
    ck_assert(X509_set_subject_name(x509, name) == 1);
    X509_NAME_free(name);
    const char *const values[][2] = { { "subjectAltName", names }, { "extendedKeyUsage", usages } };
    for (size_t i = 0; i < 2; i++) {
        X509_EXTENSION *extension =
            values[i][1] == NULL ? NULL : X509V3_EXT_conf(NULL, NULL, values[i][0], values[i][1]);

        ck_assert(values[i][1] == NULL || X509_add_ext(x509, extension, -1) == 1);
        X509_EXTENSION_free(extension);
    }
    ck_assert(ASN1_TIME_set_string_X509(X509_getm_notAfter(x509), not_after) == 1);
    ck_assert(X509_sign(x509, ca.key, EVP_sha256()) > 0);
    return x509;
}

START_TEST(says_what_libcrypto_says)
{
    static const char *const ends[] = { "491231235959Z", "500101000000Z", "20510203040506Z", "99991231235959Z" };

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        X509 *x509 = certificate("URI:spiffe://example.org/a,email:a@b.example,DNS:c.example,IP:10.0.0.1", "clientAuth",
                                 strlen(ends[i]) == 13 && ends[i][0] == '5' ? "19500101000000Z" : ends[i]);
        uint8_t *der = NULL;
        size_t len = (size_t)i2d_X509(x509, &der);
        struct ct_identity identity;
        int64_t ms = 0;

        ck_assert(ct_identity_of_certificate((struct ct_bytes){ der, len }, &identity));
        ck_assert(identity.serial.len == 5 && memcmp(identity.serial.data, "\x80\xde\xad\xbe\xef", 5) == 0);
        ck_assert(ct_time_of_asn1(X509_get0_notAfter(x509), &ms));
        ck_assert_int_eq(identity.not_after_ms, ms);
        ck_assert(ct_time_of_asn1(X509_get0_notBefore(x509), &ms));
        ck_assert_int_eq(identity.not_before_ms, ms);
        uint8_t *name = NULL;
        int name_len = i2d_X509_NAME(X509_get_subject_name(x509), &name);
        ck_assert(ct_bytes_equal(identity.subject, (struct ct_bytes){ name, (size_t)name_len }));
        OPENSSL_free(name);
        OPENSSL_free(der);
        X509_free(x509);
    }
}
END_TEST

START_TEST(names_usages_and_attributes_one_by_one)
{
    static const struct {
        unsigned kind;
        const char *text;
    } want[] = { { CT_NAME_URI, "spiffe://example.org/a" },
                 { CT_NAME_EMAIL, "a@b.example" },
                 { CT_NAME_DNS, "c.example" } };
    X509 *x509 = certificate("URI:spiffe://example.org/a,email:a@b.example,DNS:c.example", "clientAuth,serverAuth",
                             "20510203040506Z");
    uint8_t *der = NULL;
    size_t len = (size_t)i2d_X509(x509, &der), seen = 0;
    struct ct_identity identity;
    struct ct_bytes value, oid;
    unsigned kind;
    uint8_t tag;

    ck_assert(ct_identity_of_certificate((struct ct_bytes){ der, len }, &identity));
    struct ct_reader names = ct_reader_of(identity.alternative_names);
    for (; ct_identity_next_name(&names, &kind, &value); seen++) {
        ck_assert(kind == want[seen].kind && value.len == strlen(want[seen].text) &&
                  memcmp(value.data, want[seen].text, value.len) == 0);
    }
    ck_assert_uint_eq(seen, 3);
    ck_assert_uint_eq(identity.usages.len, 20);
    struct ct_name_walk walk = ct_name_walk_of(identity.subject);
    for (seen = 0; ct_name_walk_next(&walk, &oid, &tag, &value); seen++) {
        const char *text = seen == 0 ? "Some CA" : "Meters";
        ck_assert(value.len == strlen(text) && memcmp(value.data, text, value.len) == 0);
    }
    ck_assert_uint_eq(seen, 2);
    /* The TBSCertificate alone says the same; anything shorter says nothing. */
    struct ct_identity again;
    uint8_t *tbs = NULL;
    size_t tbs_len = (size_t)i2d_re_X509_tbs(x509, &tbs);
    ck_assert(ct_identity_of_tbs((struct ct_bytes){ tbs, tbs_len }, &again));
    ck_assert(ct_bytes_equal(again.alternative_names, identity.alternative_names));
    for (size_t cut = 0; cut < tbs_len; cut++) {
        ck_assert_msg(!ct_identity_of_tbs((struct ct_bytes){ tbs, cut }, &again), "cut to %zu", cut);
    }
    OPENSSL_free(tbs);
    OPENSSL_free(der);
    X509_free(x509);
}
END_TEST

START_TEST(two_extensions_of_one_kind_are_not_read)
{
    X509 *x509 = certificate("DNS:a.example", NULL, "20510203040506Z");
    X509_EXTENSION *second = X509V3_EXT_conf(NULL, NULL, "subjectAltName", "DNS:b.example");
    struct ct_identity identity;
    uint8_t *der = NULL;

    ck_assert(X509_add_ext(x509, second, -1) == 1 && X509_sign(x509, ca.key, EVP_sha256()) > 0);
    size_t len = (size_t)i2d_X509(x509, &der);
    ck_assert_msg(!ct_identity_of_certificate((struct ct_bytes){ der, len }, &identity), "which of the two counts?");
    X509_EXTENSION_free(second);
    OPENSSL_free(der);
    X509_free(x509);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identity");
    TCase *tcase = tcase_create("identity");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, says_what_libcrypto_says);
    tcase_add_test(tcase, names_usages_and_attributes_one_by_one);
    tcase_add_test(tcase, two_extensions_of_one_kind_are_not_read);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
