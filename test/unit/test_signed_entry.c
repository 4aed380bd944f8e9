/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/signed_entry.h"

#include <string.h>

#include <openssl/sha.h>

#include "pki.h"
#include "unit.h"

static struct pki_ca ca;
static struct pki_log log_a;
static struct pki_sct sct_spec;
static struct pki_minted minted;
static struct ct_certificate certificate;

static void mint(struct pki_leaf leaf)
{
    leaf.scts = &sct_spec;
    leaf.sct_count = 1;
    pki_mint(&minted, &leaf, &ca);
    ck_assert_int_eq(ct_certificate_read(minted.certificate, &certificate), CT_CERTIFICATE_OK);
}

static void discard(void)
{
    ct_certificate_clear(&certificate);
    pki_minted_clear(&minted);
}

static void setup(void)
{
    pki_ca_new(&ca, "Test CA", NULL, NULL, 30);
    pki_log_new(&log_a, pki_new_key(PKI_P256, 0));
    sct_spec = (struct pki_sct){ .log = &log_a, .time_ms = pki_now() - PKI_HOUR };
}

static void teardown(void)
{
    pki_ca_clear(&ca);
    pki_log_clear(&log_a);
}

START_TEST(gives_back_the_tbs_that_was_precertified)
{
    static const struct {
        const char *name;
        struct pki_leaf leaf;
    } rows[] = {
        { "list last", { .position = PKI_LAST } },
        { "list first", { .position = PKI_FIRST } },
        { "list in the middle", { .position = PKI_MIDDLE } },
        { "list alone", { .only_sct = true } },
        { "large neighbour", { .padding = 70000 } },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t *tbs;
        size_t len;

        mint(rows[i].leaf);
        ck_assert_int_eq(ct_tbs_without_sct_list(&certificate, &tbs, &len), CT_ENTRY_OK);
        ck_assert_msg(len == minted.precert_tbs.len, "%s: %zu bytes, want %zu", rows[i].name, len,
                      minted.precert_tbs.len);
        ck_assert_msg(memcmp(tbs, minted.precert_tbs.data, len) == 0, "%s", rows[i].name);
        free(tbs);
        discard();
    }
}
END_TEST

START_TEST(refuses_what_it_cannot_rebuild)
{
    uint8_t *tbs;
    size_t len;
    struct ct_signed_entry entry;

    mint((struct pki_leaf){ .no_sct_extension = true });
    ck_assert_int_eq(ct_tbs_without_sct_list(&certificate, &tbs, &len), CT_ENTRY_MALFORMED);
    ck_assert_ptr_null(tbs);
    discard();
    mint((struct pki_leaf){ .two_sct_extensions = true });
    ck_assert_int_eq(ct_tbs_without_sct_list(&certificate, &tbs, &len), CT_ENTRY_MALFORMED);
    discard();
    mint((struct pki_leaf){ 0 });
    ck_assert_int_eq(ct_signed_entry_build(&certificate, NULL, CT_ENTRY_PRECERT, &entry), CT_ENTRY_NO_ISSUER);
    ck_assert(!entry.built);
    discard();
}
END_TEST

/* The digest by the book: everything concatenated, then hashed. */
static void digest_by_the_book(enum ct_entry_type type, const struct ct_sct *sct, uint8_t digest[32])
{
    struct pki_bytes bytes = { 0 };
    uint8_t key_hash[32];

    pki_add_uint(&bytes, 0, 1);
    pki_add_uint(&bytes, 0, 1);
    pki_add_uint(&bytes, sct->timestamp_ms, 8);
    pki_add_uint(&bytes, type, 2);
    if (type == CT_ENTRY_PRECERT) {
        pki_issuer_key_hash(ca.certificate, key_hash);
        pki_add(&bytes, key_hash, 32);
        pki_add_vector(&bytes, 3, minted.precert_tbs.data, minted.precert_tbs.len);
    } else {
        pki_add_vector(&bytes, 3, minted.der.data, minted.der.len);
    }
    pki_add_vector(&bytes, 2, sct->extensions.data, sct->extensions.len);
    SHA256(bytes.data, bytes.len, digest);
    pki_bytes_clear(&bytes);
}

START_TEST(hashes_the_struct_of_rfc_6962)
{
    static const enum ct_entry_type types[] = { CT_ENTRY_X509, CT_ENTRY_PRECERT };

    mint((struct pki_leaf){ 0 });
    for (size_t i = 0; i < 2; i++) {
        struct ct_signed_entry entry;
        struct ct_sct sct = {
            .decoded = true,
            .timestamp_ms = 0x0123456789abcdefu,
            .extensions = { (const uint8_t *)"\x00\x00\x05\x00\x00\x00\x00\x09", 8 },
        };
        uint8_t got[32], want[32];

        ck_assert_int_eq(ct_signed_entry_build(&certificate, ca.certificate, types[i], &entry), CT_ENTRY_OK);
        ck_assert(ct_signed_entry_digest(&entry, &sct, got));
        digest_by_the_book(types[i], &sct, want);
        ck_assert_mem_eq(got, want, 32);
        sct.decoded = false;
        ck_assert(!ct_signed_entry_digest(&entry, &sct, got));
        ct_signed_entry_clear(&entry);
        ck_assert(!ct_signed_entry_digest(&entry, &sct, got));
    }
    discard();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signed_entry");
    TCase *tc = tcase_create("signed_entry");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, gives_back_the_tbs_that_was_precertified);
    tcase_add_test(tc, refuses_what_it_cannot_rebuild);
    tcase_add_test(tc, hashes_the_struct_of_rfc_6962);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
