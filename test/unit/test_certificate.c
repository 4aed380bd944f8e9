/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/certificate.h"

#include <string.h>

#include "base/clock.h"
#include "base/der.h"
#include "pki.h"
#include "unit.h"

static struct pki_ca ca;
static struct pki_log log_a;

static void setup(void)
{
    pki_ca_new(&ca, "Test CA", NULL, NULL, 30);
    pki_log_new(&log_a, pki_new_key(PKI_P256, 0));
}

static void teardown(void)
{
    pki_ca_clear(&ca);
    pki_log_clear(&log_a);
}

static struct pki_sct scts[1];
static struct pki_leaf leaf_with_sct(void)
{
    scts[0] = (struct pki_sct){ .log = &log_a, .time_ms = pki_now() - PKI_HOUR };
    return (struct pki_leaf){ .scts = scts, .sct_count = 1 };
}

START_TEST(finds_the_list_wherever_it_stands)
{
    static const enum pki_position positions[] = { PKI_FIRST, PKI_MIDDLE, PKI_LAST };

    for (size_t i = 0; i < 3; i++) {
        struct pki_leaf leaf = leaf_with_sct();
        struct pki_minted minted = { 0 };
        struct ct_certificate certificate;
        struct pki_bytes want = { 0 };
        struct ct_bytes list;

        leaf.position = positions[i];
        pki_mint(&minted, &leaf, &ca);
        ck_assert_int_eq(ct_certificate_read(minted.certificate, &certificate), CT_CERTIFICATE_OK);
        ck_assert(certificate.well_formed);
        ck_assert(certificate.has_sct_list);
        ck_assert(!certificate.duplicate_extension);
        ck_assert(!certificate.poison);
        ck_assert_uint_eq(certificate.der_len, minted.der.len);
        ck_assert_int_eq(memcmp(certificate.der, minted.der.data, minted.der.len), 0);
        pki_embedded_list(minted.certificate, &want);
        ck_assert(ct_certificate_sct_list(&certificate, &list));
        ck_assert(ct_bytes_equal(list, (struct ct_bytes){ want.data, want.len }));
        ck_assert(certificate.not_after_ms - certificate.not_before_ms > 89 * CT_DAY_MS);
        ct_certificate_clear(&certificate);
        pki_bytes_clear(&want);
        pki_minted_clear(&minted);
    }
}
END_TEST

START_TEST(sees_poison_duplicates_and_nothing)
{
    static const struct {
        const char *name;
        bool poison, two, none;
    } rows[] = { { "poison", true, false, false },
                 { "two lists", false, true, false },
                 { "no list", false, false, true } };

    for (size_t i = 0; i < 3; i++) {
        struct pki_leaf leaf = leaf_with_sct();
        struct pki_minted minted = { 0 };
        struct ct_certificate certificate;
        struct ct_bytes list;

        leaf.poison = rows[i].poison;
        leaf.two_sct_extensions = rows[i].two;
        leaf.no_sct_extension = rows[i].none;
        pki_mint(&minted, &leaf, &ca);
        ck_assert_int_eq(ct_certificate_read(minted.certificate, &certificate), CT_CERTIFICATE_OK);
        ck_assert_msg(certificate.well_formed, "%s", rows[i].name);
        ck_assert_msg(certificate.poison == rows[i].poison, "%s", rows[i].name);
        ck_assert_msg(certificate.duplicate_extension == rows[i].two, "%s", rows[i].name);
        ck_assert_msg(certificate.has_sct_list == !rows[i].none, "%s", rows[i].name);
        ck_assert_msg(!rows[i].none || !ct_certificate_sct_list(&certificate, &list), "%s", rows[i].name);
        ct_certificate_clear(&certificate);
        pki_minted_clear(&minted);
    }
}
END_TEST

START_TEST(an_inner_octet_string_must_be_exact)
{
    struct pki_leaf leaf = leaf_with_sct();
    struct pki_minted minted = { 0 };
    struct ct_certificate certificate;
    struct ct_bytes list;

    leaf.list_fault = PKI_LIST_OCTET_TRAILING;
    pki_mint(&minted, &leaf, &ca);
    ck_assert_int_eq(ct_certificate_read(minted.certificate, &certificate), CT_CERTIFICATE_OK);
    ck_assert(certificate.has_sct_list);
    ck_assert(!ct_certificate_sct_list(&certificate, &list));
    ck_assert_uint_eq(list.len, 0);
    ct_certificate_clear(&certificate);
    pki_minted_clear(&minted);
}
END_TEST

enum { LONG_LENGTH, NO_LENGTH, SIGNATURE_IN_PARTS, SPELLINGS };

/* The same certificate in BER, which libcrypto takes from a client. */
static size_t spell(int spelling, const struct pki_bytes *der, uint8_t *out)
{
    struct ct_reader outer = ct_reader_of((struct ct_bytes){ der->data, der->len });
    struct ct_bytes content = ct_der_expect(&outer, CT_DER_SEQUENCE).content;
    struct ct_reader parts = ct_reader_of(content);
    struct ct_bytes signature;
    uint8_t *at = out;

    (void)ct_der_read(&parts);
    (void)ct_der_read(&parts);
    signature = ct_der_expect(&parts, CT_DER_BIT_STRING).whole;
    ck_assert(ct_reader_finished(&parts) && signature.len < 0x80);
    if (spelling == LONG_LENGTH) {
        memcpy(at, (uint8_t[]){ 0x30, 0x83, 0, (uint8_t)(content.len >> 8), (uint8_t)content.len }, 5);
        memcpy(at + 5, content.data, content.len);
        return 5 + content.len;
    }
    memcpy(at, (uint8_t[]){ 0x30, 0x80 }, 2);
    memcpy(at + 2, content.data, content.len - signature.len);
    at += 2 + content.len - signature.len;
    if (spelling == SIGNATURE_IN_PARTS) {
        memcpy(at, (uint8_t[]){ 0x23, (uint8_t)signature.len }, 2);
        at += 2;
    }
    memcpy(at, signature.data, signature.len);
    memset(at + signature.len, 0, 2);
    return (size_t)(at - out) + signature.len + 2;
}

START_TEST(another_spelling_is_the_same_certificate)
{
    struct pki_leaf leaf = leaf_with_sct();
    struct pki_minted minted = { 0 };
    uint8_t ber[4096], sha256[32];

    pki_mint(&minted, &leaf, &ca);
    ck_assert_int_eq(EVP_Digest(minted.der.data, minted.der.len, sha256, NULL, EVP_sha256(), NULL), 1);
    for (int spelling = 0; spelling < SPELLINGS; spelling++) {
        const uint8_t *at = ber;
        X509 *x509 = d2i_X509(NULL, &at, (long)spell(spelling, &minted.der, ber));
        struct ct_certificate certificate;

        ck_assert_msg(x509 != NULL && X509_verify(x509, X509_get0_pubkey(ca.certificate)) == 1, "spelling %d",
                      spelling);
        ck_assert_int_eq(ct_certificate_read(x509, &certificate), CT_CERTIFICATE_OK);
        ck_assert_msg(certificate.well_formed && ct_certificate_is(&certificate, sha256), "spelling %d", spelling);
        ct_certificate_clear(&certificate);
        X509_free(x509);
    }
    pki_minted_clear(&minted);
}
END_TEST

START_TEST(no_truncation_is_well_formed)
{
    struct pki_leaf leaf = leaf_with_sct();
    struct pki_minted minted = { 0 };
    struct ct_certificate certificate;

    pki_mint(&minted, &leaf, &ca);
    for (size_t len = 1; len < minted.der.len; len++) {
        uint8_t *cut = malloc(len); /* exactly as long, so that a sanitizer sees a read beyond */

        memcpy(cut, minted.der.data, len);
        ck_assert_int_eq(ct_certificate_read_der((struct ct_bytes){ cut, len }, &certificate), CT_CERTIFICATE_OK);
        ck_assert_msg(!certificate.well_formed && !certificate.has_sct_list, "cut to %zu", len);
        ct_certificate_clear(&certificate);
        free(cut);
    }
    pki_minted_clear(&minted);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certificate");
    TCase *tc = tcase_create("certificate");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, finds_the_list_wherever_it_stands);
    tcase_add_test(tc, sees_poison_duplicates_and_nothing);
    tcase_add_test(tc, an_inner_octet_string_must_be_exact);
    tcase_add_test(tc, no_truncation_is_well_formed);
    tcase_add_test(tc, another_spelling_is_the_same_certificate);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
