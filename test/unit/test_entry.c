/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/entry.h"

#include <string.h>

#include "logs/answers.h"
#include "pki.h"
#include "unit.h"

static struct pki_ca ca;

static void set_up(void)
{
    pki_ca_new(&ca, "CA", NULL, NULL, 30);
}

static void tear_down(void)
{
    pki_ca_clear(&ca);
}

/* A TimestampedEntry, made with the writers of the test PKI. */
static void timestamped(struct pki_bytes *out, unsigned type, const char *body, const char *extensions)
{
    pki_add_uint(out, 1234567, 8);
    pki_add_uint(out, type, 2);
    if (type == 1) {
        pki_add(out, "0123456789abcdef0123456789abcdef", 32);
    }
    pki_add_vector(out, 3, (const uint8_t *)body, strlen(body));
    pki_add_vector(out, 2, (const uint8_t *)extensions, strlen(extensions));
}

START_TEST(bundles_are_read_entry_by_entry)
{
    struct pki_bytes bundle = { 0 };
    uint8_t fingerprints[64] = { 1 };
    struct ct_log_entry entry;

    timestamped(&bundle, 0, "certificate", "ext");
    pki_add_vector(&bundle, 2, fingerprints, 64);
    timestamped(&bundle, 1, "tbs", "");
    pki_add_vector(&bundle, 3, (const uint8_t *)"precertificate", 14);
    pki_add_vector(&bundle, 2, fingerprints, 32);
    struct ct_reader r = ct_reader_of((struct ct_bytes){ bundle.data, bundle.len });
    ck_assert(ct_log_entry_next(&r, &entry));
    ck_assert(entry.type == CT_ENTRY_X509 && entry.timestamp_ms == 1234567 && entry.body.len == 11 &&
              entry.extensions.len == 3 && entry.fingerprints.len == 64 && entry.submitted.len == 0);
    ck_assert(ct_log_entry_next(&r, &entry));
    ck_assert(entry.type == CT_ENTRY_PRECERT && entry.issuer_key_hash.len == 32 && entry.body.len == 3 &&
              entry.submitted.len == 14 && entry.fingerprints.len == 32);
    ck_assert(ct_reader_finished(&r));
    for (size_t len = 1; len < bundle.len; len++) {
        struct ct_reader cut = ct_reader_of((struct ct_bytes){ bundle.data, len });
        bool good = true;

        while (good && cut.left > 0) {
            good = ct_log_entry_next(&cut, &entry);
        }
        ck_assert_msg(!good || len == 8 + 2 + 3 + 11 + 2 + 3 + 2 + 64, "cut to %zu", len);
    }
    pki_bytes_clear(&bundle);
}
END_TEST

START_TEST(what_is_no_entry_is_not_read)
{
    static const uint8_t half[33] = { 0 };
    struct pki_bytes bundle = { 0 };
    struct ct_log_entry entry;

    timestamped(&bundle, 2, "x", "");
    struct ct_reader r = ct_reader_of((struct ct_bytes){ bundle.data, bundle.len });
    ck_assert_msg(!ct_log_entry_next(&r, &entry), "an entry type that does not exist");
    pki_bytes_clear(&bundle);
    timestamped(&bundle, 0, "", "");
    pki_add_uint(&bundle, 0, 2);
    r = ct_reader_of((struct ct_bytes){ bundle.data, bundle.len });
    ck_assert_msg(!ct_log_entry_next(&r, &entry), "an empty certificate");
    pki_bytes_clear(&bundle);
    timestamped(&bundle, 0, "x", "");
    pki_add_vector(&bundle, 2, half, sizeof half);
    r = ct_reader_of((struct ct_bytes){ bundle.data, bundle.len });
    ck_assert_msg(!ct_log_entry_next(&r, &entry), "half a fingerprint");
    pki_bytes_clear(&bundle);
}
END_TEST

START_TEST(leaves_of_get_entries_are_the_same_entries)
{
    struct pki_bytes leaf = { 0 }, extra = { 0 }, chain = { 0 }, entries = { 0 };
    struct ct_log_entry entry, again;
    struct ct_entries answer;
    struct ct_hash hash, want;
    struct ct_hasher hasher = { 0 };
    uint8_t base64[2][512];
    char json[2048];

    pki_add_uint(&leaf, 0, 2);
    timestamped(&leaf, 1, "tbs", "");
    pki_add_vector(&extra, 3, (const uint8_t *)"precertificate", 14);
    pki_add_vector(&chain, 3, (const uint8_t *)"issuer", 6);
    pki_add_vector(&chain, 3, (const uint8_t *)"root", 4);
    pki_add_vector(&extra, 3, chain.data, chain.len);
    const struct ct_bytes leaf_input = { leaf.data, leaf.len }, extra_data = { extra.data, extra.len };
    ck_assert(ct_log_entry_of_leaf(leaf_input, extra_data, &entry));
    ck_assert(entry.type == CT_ENTRY_PRECERT && entry.submitted.len == 14 && entry.issuer.len == 6 &&
              memcmp(entry.issuer.data, "issuer", 6) == 0);
    ct_log_entry_hash(&hasher, &entry, &hash);
    ct_hash_leaf(&hasher, (struct ct_bytes){ NULL, 0 }, leaf_input, &want);
    ck_assert_msg(ct_hash_equal(&hash, &want), "the leaf hash is over the MerkleTreeLeaf");
    EVP_EncodeBlock(base64[0], leaf.data, (int)leaf.len);
    EVP_EncodeBlock(base64[1], extra.data, (int)extra.len);
    snprintf(json, sizeof json, "{\"entries\":[{\"leaf_input\":\"%s\",\"extra_data\":\"%s\"},{}]}",
             (const char *)base64[0], (const char *)base64[1]);
    ck_assert(ct_entries_open((struct ct_bytes){ (const uint8_t *)json, strlen(json) }, &answer));
    ck_assert_uint_eq(answer.count, 2);
    ck_assert(ct_entries_next(&answer, &again) && ct_bytes_equal(again.timestamped, entry.timestamped));
    ck_assert_msg(!ct_entries_next(&answer, &again), "an element without its members");
    ck_assert_msg(!ct_entries_next(&answer, &again), "behind the end");
    ct_entries_clear(&answer);
    leaf.data[0] = 1;
    ck_assert_msg(!ct_log_entry_of_leaf(leaf_input, extra_data, &entry), "another version");
    leaf.data[0] = 0;
    pki_add_uint(&leaf, 0, 1);
    ck_assert_msg(!ct_log_entry_of_leaf((struct ct_bytes){ leaf.data, leaf.len }, extra_data, &entry), "trailing");
    ct_hasher_clear(&hasher);
    pki_bytes_clear(&leaf);
    pki_bytes_clear(&extra);
    pki_bytes_clear(&chain);
    pki_bytes_clear(&entries);
}
END_TEST

START_TEST(the_leaf_of_an_sct_is_the_leaf_of_its_entry)
{
    static const uint8_t extensions[] = { 0, 0, 5, 0, 0, 0, 0, 9 };
    struct ct_certificate certificate;
    struct ct_signed_entry entry;
    struct pki_bytes leaf = { 0 };
    struct ct_hasher hasher = { 0 };
    struct ct_hash hash, want;
    struct ct_sct sct = { .decoded = true, .timestamp_ms = 99, .extensions = { extensions, sizeof extensions } };

    ck_assert_int_eq(ct_certificate_read(ca.certificate, &certificate), CT_CERTIFICATE_OK);
    ck_assert_int_eq(ct_signed_entry_build(&certificate, NULL, CT_ENTRY_X509, &entry), CT_ENTRY_OK);
    ck_assert(ct_signed_entry_leaf_hash(&entry, &sct, hash.bytes));
    pki_add_uint(&leaf, 0, 1 + 2);
    pki_add_uint(&leaf, 99, 8);
    pki_add_uint(&leaf, 0, 2);
    pki_add_vector(&leaf, 3, certificate.der, certificate.der_len);
    pki_add_vector(&leaf, 2, extensions, sizeof extensions);
    const struct ct_bytes whole = { leaf.data, leaf.len };
    ct_hash_parts(&hasher, &whole, 1, &want);
    ck_assert(ct_hash_equal(&hash, &want));
    ct_hasher_clear(&hasher);
    ct_signed_entry_clear(&entry);
    ct_certificate_clear(&certificate);
    pki_bytes_clear(&leaf);
}
END_TEST

START_TEST(proofs_in_json)
{
    static const char good[] = "{\"leaf_index\":7,\"audit_path\":[\"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\"]}";
    static const char *const bad[] = { "{}", "{\"leaf_index\":-1,\"audit_path\":[]}",
                                       "{\"leaf_index\":1,\"audit_path\":[\"AAAA\"]}",
                                       "{\"leaf_index\":1,\"audit_path\":[7]}", "" };
    struct ct_proof proof;
    uint64_t index;

    ck_assert(ct_answer_inclusion((struct ct_bytes){ (const uint8_t *)good, sizeof good - 1 }, &index, &proof));
    ck_assert(index == 7 && proof.count == 1 && proof.hashes[0].bytes[0] == 0x0a);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct ct_bytes json = { (const uint8_t *)bad[i], strlen(bad[i]) };
        ck_assert_msg(!ct_answer_inclusion(json, &index, &proof), "%s", bad[i]);
        ck_assert_msg(!ct_answer_consistency(json, &proof), "%s", bad[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("entry");
    TCase *tcase = tcase_create("entry");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, bundles_are_read_entry_by_entry);
    tcase_add_test(tcase, what_is_no_entry_is_not_read);
    tcase_add_test(tcase, leaves_of_get_entries_are_the_same_entries);
    tcase_add_test(tcase, the_leaf_of_an_sct_is_the_leaf_of_its_entry);
    tcase_add_test(tcase, proofs_in_json);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
