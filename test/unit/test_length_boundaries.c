/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking the SCT list out of a TBSCertificate shrinks three nested lengths. Around every size at which a DER length
 * changes its form, the result has to be, byte for byte, the TBSCertificate from before the list was put in.
 */
#include "evidence/certificate.h"
#include "pki.h"
#include "evidence/signed_entry.h"
#include "unit.h"

#include <string.h>

#include <openssl/asn1.h>

enum level { TBS_CERTIFICATE, EXPLICIT, EXTENSIONS, LEVEL_COUNT };
enum moment { BEFORE, AFTER, MOMENT_COUNT };
static const char *const level_names[] = { "TBSCertificate", "[3]", "Extensions" };
static const size_t boundaries[] = { 127, 255, 65535 };
#define BOUNDARY_COUNT (sizeof boundaries / sizeof boundaries[0])

static struct pki_ca ca;
static EVP_PKEY *small_key, *large_key;

static void make_ca(void)
{
    /* Empty names and a short key: only then can a TBSCertificate have 127 bytes. */
    pki_ca_new(&ca, "", NULL, NULL, 30);
    small_key = pki_new_key(PKI_ED25519, 0);
    large_key = pki_new_key(PKI_RSA, 0);
}

static void free_ca(void)
{
    pki_ca_clear(&ca);
    EVP_PKEY_free(small_key);
    EVP_PKEY_free(large_key);
}

/* The contents' length at each level, by libcrypto's reader; zero where there are no extensions. */
static void measure(const uint8_t *tbs, size_t tbs_len, size_t lengths[LEVEL_COUNT])
{
    const unsigned char *at = tbs;
    int tag, class;
    long len;

    lengths[EXPLICIT] = lengths[EXTENSIONS] = 0;
    ck_assert_int_eq(ASN1_get_object(&at, &len, &tag, &class, (long)tbs_len), V_ASN1_CONSTRUCTED);
    lengths[TBS_CERTIFICATE] = (size_t)len;
    const unsigned char *end = at + len;
    while (at < end) {
        ck_assert_int_eq(ASN1_get_object(&at, &len, &tag, &class, (long)(end - at)) & 0x80, 0);
        if (class == V_ASN1_CONTEXT_SPECIFIC && tag == 3) {
            lengths[EXPLICIT] = (size_t)len;
            ck_assert_int_eq(ASN1_get_object(&at, &len, &tag, &class, len), V_ASN1_CONSTRUCTED);
            lengths[EXTENSIONS] = (size_t)len;
        }
        at += len;
    }
}

/* Mints, takes the list out, compares; gives the lengths with the list in and out. */
static void compare(struct pki_leaf leaf, size_t list_len, size_t lengths[MOMENT_COUNT][LEVEL_COUNT])
{
    struct pki_bytes list = { 0 };
    struct pki_minted minted = { 0 };
    struct ct_certificate certificate = { 0 };
    uint8_t *rebuilt = NULL;
    size_t rebuilt_len = 0;

    /* The contents do not matter here, but their length has to be known: signatures vary. */
    for (size_t i = 0; i < list_len; i++) {
        pki_add_uint(&list, i, 1);
    }
    leaf.raw_list = &list;
    pki_mint(&minted, &leaf, &ca);
    ck_assert_int_eq(ct_certificate_read(minted.certificate, &certificate), CT_CERTIFICATE_OK);
    ck_assert_msg(certificate.well_formed && certificate.has_sct_list, "padding %zu, list %zu", leaf.padding, list_len);
    ck_assert_int_eq(ct_tbs_without_sct_list(&certificate, &rebuilt, &rebuilt_len), CT_ENTRY_OK);
    ck_assert_msg(rebuilt_len == minted.precert_tbs.len, "padding %zu, list %zu: %zu bytes, not %zu", leaf.padding,
                  list_len, rebuilt_len, minted.precert_tbs.len);
    ck_assert_msg(memcmp(rebuilt, minted.precert_tbs.data, rebuilt_len) == 0, "padding %zu, list %zu", leaf.padding,
                  list_len);
    measure(certificate.tbs.data, certificate.tbs.len, lengths[BEFORE]);
    measure(minted.precert_tbs.data, minted.precert_tbs.len, lengths[AFTER]);
    free(rebuilt);
    ct_certificate_clear(&certificate);
    pki_minted_clear(&minted);
    pki_bytes_clear(&list);
}

/* Paddings around the one that brings the length to the boundary; both sides of it must have been met. */
static void cross(enum moment moment, enum level level, size_t boundary, size_t list_len)
{
    struct pki_leaf leaf = { .cn = "", .key = small_key, .only_sct = true, .padding = 1 };
    size_t lengths[MOMENT_COUNT][LEVEL_COUNT];
    bool at_boundary = false, beyond = false;
    size_t padding = 1;

    for (int i = 0; i < 4; i++) {
        leaf.padding = padding;
        compare(leaf, list_len, lengths);
        padding = padding + boundary > lengths[moment][level] ? padding + boundary - lengths[moment][level] : 1;
    }
    for (leaf.padding = padding > 4 ? padding - 4 : 1; leaf.padding <= padding + 4; leaf.padding++) {
        leaf.position = leaf.padding % 2 == 0 ? PKI_FIRST : PKI_LAST;
        compare(leaf, list_len, lengths);
        at_boundary = at_boundary || lengths[moment][level] == boundary;
        beyond = beyond || lengths[moment][level] == boundary + 1;
    }
    ck_assert_msg(at_boundary && beyond, "%s, %s, list %zu: %zu not met on both sides", level_names[level],
                  moment == BEFORE ? "before" : "after", list_len, boundary);
}

START_TEST(the_result_crosses_every_boundary)
{
    /* A short list crosses one boundary, a long one several at once: 65,536 bytes and more shrink to 127. */
    static const size_t lists[] = { 4, 120, 300, 65600 };

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t boundary = 0; boundary < BOUNDARY_COUNT; boundary++) {
            for (enum level level = TBS_CERTIFICATE; level < LEVEL_COUNT; level++) {
                cross(AFTER, level, boundaries[boundary], lists[i]);
            }
        }
    }
}
END_TEST

START_TEST(the_received_certificate_crosses_every_boundary)
{
    for (size_t boundary = 0; boundary < BOUNDARY_COUNT; boundary++) {
        for (enum level level = TBS_CERTIFICATE; level < LEVEL_COUNT; level++) {
            /* With a list in it no TBSCertificate is as short as 127 bytes. */
            if (level != TBS_CERTIFICATE || boundaries[boundary] != 127) {
                cross(BEFORE, level, boundaries[boundary], 4);
            }
        }
    }
}
END_TEST

START_TEST(the_list_itself_crosses_every_boundary)
{
    struct pki_leaf leaf = { .cn = "client", .key = small_key };
    size_t lengths[MOMENT_COUNT][LEVEL_COUNT];

    /* The OCTET STRINGs and the Extension around the list add up to 24 bytes, so these cover all of them. */
    for (size_t boundary = 0; boundary < BOUNDARY_COUNT; boundary++) {
        for (size_t len = boundaries[boundary] - 24; len <= boundaries[boundary] + 2; len++) {
            leaf.position = (enum pki_position)(len % 3);
            compare(leaf, len, lengths);
        }
    }
}
END_TEST

START_TEST(without_other_extensions_the_explicit_tag_goes_too)
{
    struct pki_leaf leaf = { .cn = "client", .only_sct = true };
    size_t lengths[MOMENT_COUNT][LEVEL_COUNT];
    static const size_t lists[] = { 4, 100, 200, 300, 65000 };

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        leaf.key = i % 2 == 0 ? small_key : large_key;
        compare(leaf, lists[i], lengths);
        ck_assert_uint_gt(lengths[BEFORE][EXPLICIT], 0);
        ck_assert_uint_eq(lengths[AFTER][EXPLICIT], 0);
    }
}
END_TEST

START_TEST(any_place_among_usual_extensions)
{
    struct pki_leaf leaf = { .cn = "client", .san = "DNS:client.example", .policy = "1.2.3.4" };
    EVP_PKEY *keys[] = { small_key, large_key, NULL };
    size_t lengths[MOMENT_COUNT][LEVEL_COUNT];

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        for (leaf.position = PKI_LAST; leaf.position <= PKI_MIDDLE; leaf.position++) {
            leaf.key = keys[i];
            compare(leaf, 120, lengths);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("length_boundaries");
    TCase *tc = tcase_create("length boundaries");

    tcase_add_unchecked_fixture(tc, make_ca, free_ca);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_result_crosses_every_boundary);
    tcase_add_test(tc, the_received_certificate_crosses_every_boundary);
    tcase_add_test(tc, the_list_itself_crosses_every_boundary);
    tcase_add_test(tc, without_other_extensions_the_explicit_tag_goes_too);
    tcase_add_test(tc, any_place_among_usual_extensions);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
