/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/certificate.h"

#include <string.h>

#include "base/clock.h"
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
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
