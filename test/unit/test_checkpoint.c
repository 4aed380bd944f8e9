/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "logs/proof_file.h"
#include "pki.h"
#include "unit.h"

#define ORIGIN "log.example/2026"
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

static struct pki_log signer;
static struct ct_log trusted;

static void set_up(void)
{
    const char *why;

    pki_log_new(&signer, pki_new_key(PKI_P256, 0));
    ck_assert(ct_log_set_key(&trusted, (struct ct_bytes){ signer.spki.data, signer.spki.len }, &why));
}

static void tear_down(void)
{
    ct_log_clear(&trusted);
    pki_log_clear(&signer);
}

/* digitally-signed over 00 01 || timestamp || size || root, made with libcrypto's one-call interface. */
static void sign_head(uint64_t timestamp, uint64_t size, const uint8_t root[32], struct pki_bytes *out)
{
    struct pki_bytes input = { 0 };
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t signature[128];
    size_t len = sizeof signature;

    pki_add_uint(&input, 1, 2);
    pki_add_uint(&input, timestamp, 8);
    pki_add_uint(&input, size, 8);
    pki_add(&input, root, 32);
    ck_assert(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, signer.key) == 1 &&
              EVP_DigestSign(ctx, signature, &len, input.data, input.len) == 1);
    EVP_MD_CTX_free(ctx);
    pki_add_uint(out, 0x0403, 2);
    pki_add_vector(out, 2, signature, len);
    pki_bytes_clear(&input);
}

static void key_id_of(const char *origin, uint8_t type, uint8_t id[4])
{
    struct pki_bytes input = { 0 };
    uint8_t hash[32];

    pki_add(&input, origin, strlen(origin));
    pki_add_uint(&input, '\n', 1);
    pki_add_uint(&input, type, 1);
    pki_add(&input, signer.id, sizeof signer.id);
    ck_assert(EVP_Digest(input.data, input.len, hash, NULL, EVP_sha256(), NULL) == 1);
    memcpy(id, hash, 4);
    pki_bytes_clear(&input);
}

/* A signature line; `fault` names what is wrong with it. */
static char *line(const char *name, uint64_t timestamp, uint64_t size, const char *fault)
{
    static char lines[4][1024];
    static unsigned next;
    char *text = lines[next++ % 4];
    struct pki_bytes bytes = { 0 };
    uint8_t id[4], root[33], base64[800];

    EVP_DecodeBlock(root, (const uint8_t *)ROOT, (int)strlen(ROOT));
    key_id_of(name, strcmp(fault, "type") == 0 ? 4 : 5, id);
    if (strcmp(fault, "key id") == 0) {
        id[0] ^= 1;
    }
    pki_add(&bytes, id, sizeof id);
    pki_add_uint(&bytes, strcmp(fault, "timestamp") == 0 ? timestamp + 1 : timestamp, 8);
    if (strcmp(fault, "root") == 0) {
        root[3] ^= 1;
    }
    sign_head(timestamp, size, root, &bytes);
    if (strcmp(fault, "hash") == 0) {
        bytes.data[12] = 5;
    }
    if (strcmp(fault, "trailing") == 0) {
        pki_add_uint(&bytes, 0, 1);
    }
    EVP_EncodeBlock(base64, bytes.data, (int)(strcmp(fault, "cut") == 0 ? 3 : bytes.len));
    snprintf(text, sizeof lines[0], "\xe2\x80\x94 %s %s\n", name, (const char *)base64);
    pki_bytes_clear(&bytes);
    return text;
}

static enum ct_head_result read_note(const char *text, struct ct_tree_head *head)
{
    return ct_checkpoint_read((struct ct_bytes){ (const uint8_t *)text, strlen(text) }, ORIGIN, &trusted, head);
}

START_TEST(a_good_checkpoint)
{
    struct ct_tree_head head;
    char note[8192];

    snprintf(note, sizeof note, ORIGIN "\n20852163\n" ROOT "\n\n%s", line(ORIGIN, 1700000000123, 20852163, ""));
    ck_assert_int_eq(read_note(note, &head), CT_HEAD_OK);
    ck_assert_uint_eq(head.size, 20852163);
    ck_assert_uint_eq(head.timestamp_ms, 1700000000123);
    /* Witnesses and others, before and behind; two of the log's own, of which the later counts. */
    snprintf(note, sizeof note, ORIGIN "\n5\n" ROOT "\n\n%s%s%s%s", line("witness.example", 1, 5, ""),
             line(ORIGIN, 2000, 5, ""), line(ORIGIN, 3000, 5, ""), line(ORIGIN, 4000, 5, "type"));
    ck_assert_int_eq(read_note(note, &head), CT_HEAD_OK);
    ck_assert_uint_eq(head.timestamp_ms, 3000);
}
END_TEST

START_TEST(what_is_wrong_with_a_checkpoint_has_its_own_reason)
{
    static const struct {
        const char *fault, *name;
        enum ct_head_result want;
    } rows[] = {
        { "root", ORIGIN, CT_HEAD_BAD_SIGNATURE }, { "timestamp", ORIGIN, CT_HEAD_BAD_SIGNATURE },
        { "hash", ORIGIN, CT_HEAD_BAD_SIGNATURE }, { "key id", ORIGIN, CT_HEAD_WRONG_KEY },
        { "type", ORIGIN, CT_HEAD_WRONG_KEY },     { "", "other.example", CT_HEAD_WRONG_KEY },
        { "trailing", ORIGIN, CT_HEAD_MALFORMED }, { "cut", ORIGIN, CT_HEAD_MALFORMED },
    };
    struct ct_tree_head head;
    char note[8192];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(note, sizeof note, ORIGIN "\n5\n" ROOT "\n\n%s", line(rows[i].name, 1000, 5, rows[i].fault));
        ck_assert_msg(read_note(note, &head) == rows[i].want, "%s: %s", rows[i].fault,
                      ct_head_result_name(read_note(note, &head)));
        ck_assert_msg(head.size == 0, "%s: nothing is given", rows[i].fault);
        /* A wrong signature of a known key spoils the note, whatever else is on it. */
        if (rows[i].want == CT_HEAD_BAD_SIGNATURE) {
            snprintf(note, sizeof note, ORIGIN "\n5\n" ROOT "\n\n%s%s", line(ORIGIN, 1000, 5, ""),
                     line(ORIGIN, 1000, 5, rows[i].fault));
            ck_assert_msg(read_note(note, &head) == CT_HEAD_BAD_SIGNATURE, "%s beside a good one", rows[i].fault);
        }
    }
}
END_TEST

START_TEST(what_is_no_checkpoint_is_not_read)
{
    static const struct {
        const char *head;
        enum ct_head_result want;
    } rows[] = {
        { "", CT_HEAD_MALFORMED },
        { "\n5\n" ROOT "\n\n", CT_HEAD_MALFORMED },
        { "other.example\n5\n" ROOT "\n\n", CT_HEAD_WRONG_ORIGIN },
        { ORIGIN "/\n5\n" ROOT "\n\n", CT_HEAD_WRONG_ORIGIN },
        { ORIGIN "\n05\n" ROOT "\n\n", CT_HEAD_MALFORMED },
        { ORIGIN "\n\n" ROOT "\n\n", CT_HEAD_MALFORMED },
        { ORIGIN "\n+5\n" ROOT "\n\n", CT_HEAD_MALFORMED },
        { ORIGIN "\n99999999999999999999\n" ROOT "\n\n", CT_HEAD_MALFORMED },
        { ORIGIN "\n9223372036854775807\n" ROOT "\n\n", CT_HEAD_MALFORMED },
        { ORIGIN "\n5\nAAAA\n\n", CT_HEAD_MALFORMED },
        { ORIGIN "\n5\n" ROOT "\nextension\n\n", CT_HEAD_MALFORMED },
        { ORIGIN "\r\n5\r\n" ROOT "\r\n\r\n", CT_HEAD_WRONG_ORIGIN },
    };
    struct ct_tree_head head;
    char note[2048];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(note, sizeof note, "%s%s", rows[i].head, line(ORIGIN, 1000, 5, ""));
        ck_assert_msg(read_note(note, &head) == rows[i].want, "%zu: %s", i,
                      ct_head_result_name(read_note(note, &head)));
    }
    snprintf(note, sizeof note, ORIGIN "\n5\n" ROOT "\n\n%s", line(ORIGIN, 1000, 5, ""));
    note[strlen(note) - 1] = '\0';
    ck_assert_msg(read_note(note, &head) == CT_HEAD_MALFORMED, "without its last newline");
    ck_assert_int_eq(read_note(ORIGIN "\n5\n" ROOT "\n\n", &head), CT_HEAD_MALFORMED);
    ck_assert_int_eq(read_note(ORIGIN "\n5\n" ROOT "\n\nnot a signature\n", &head), CT_HEAD_MALFORMED);
}
END_TEST

START_TEST(a_note_has_only_so_many_signatures)
{
    struct ct_tree_head head;
    char *note = malloc(64 * 1024);
    size_t at = (size_t)sprintf(note, ORIGIN "\n5\n" ROOT "\n\n");

    for (unsigned i = 0; i + 1 < CT_NOTE_SIGNATURES_MAX; i++) {
        at += (size_t)sprintf(note + at, "\xe2\x80\x94 witness%u.example AAAA\n", i);
    }
    strcpy(note + at, line(ORIGIN, 1000, 5, ""));
    ck_assert_int_eq(read_note(note, &head), CT_HEAD_OK);
    strcat(note, "\xe2\x80\x94 one.too.many AAAA\n");
    ck_assert_int_eq(read_note(note, &head), CT_HEAD_MALFORMED);
    free(note);
}
END_TEST

START_TEST(a_tree_head_becomes_a_checkpoint)
{
    struct pki_bytes signature = { 0 };
    struct ct_tree_head head, again;
    uint8_t root[33], base64[400];
    char json[1024];
    char *note = NULL;

    EVP_DecodeBlock(root, (const uint8_t *)ROOT, (int)strlen(ROOT));
    sign_head(1234, 77, root, &signature);
    EVP_EncodeBlock(base64, signature.data, (int)signature.len);
    snprintf(json, sizeof json,
             "{\"tree_size\":77,\"timestamp\":1234,\"sha256_root_hash\":\"" ROOT "\",\"tree_head_signature\":\"%s\"}",
             (const char *)base64);
    ck_assert_int_eq(
        ct_sth_read((struct ct_bytes){ (const uint8_t *)json, strlen(json) }, ORIGIN, &trusted, &head, &note),
        CT_HEAD_OK);
    ck_assert(head.size == 77 && head.timestamp_ms == 1234 && memcmp(head.root.bytes, root, 32) == 0);
    ck_assert_int_eq(read_note(note, &again), CT_HEAD_OK);
    ck_assert(again.size == 77 && again.timestamp_ms == 1234 && ct_hash_equal(&again.root, &head.root));
    free(note);
    json[strlen("{\"tree_size\":")] = '8';
    ck_assert_int_eq(
        ct_sth_read((struct ct_bytes){ (const uint8_t *)json, strlen(json) }, ORIGIN, &trusted, &head, &note),
        CT_HEAD_BAD_SIGNATURE);
    ck_assert_ptr_null(note);
    ck_assert_int_eq(ct_sth_read((struct ct_bytes){ (const uint8_t *)"[]", 2 }, ORIGIN, &trusted, &head, NULL),
                     CT_HEAD_MALFORMED);
    pki_bytes_clear(&signature);
}
END_TEST

START_TEST(origins_come_from_submission_prefixes)
{
    char origin[CT_ORIGIN_MAX + 1];

    ck_assert(ct_origin_of_url("https://log.example/2026h1/", origin));
    ck_assert_str_eq(origin, "log.example/2026h1");
    ck_assert(ct_origin_of_url("http://log.example", origin));
    ck_assert_str_eq(origin, "log.example");
    ck_assert(!ct_origin_of_url("log.example", origin) && !ct_origin_of_url("https:///", origin) &&
              !ct_origin_of_url(NULL, origin));
}
END_TEST

START_TEST(proof_files_come_back_as_they_were_written)
{
    static const char note[] = "a\n5\nb\n\n\xe2\x80\x94 a AAAA\n";
    struct ct_proof_file file = { .index = 73894, .checkpoint = { (const uint8_t *)note, sizeof note - 1 } };
    struct ct_proof_file again;
    size_t len;
    char *text;

    for (; file.proof.count < 5; file.proof.count++) {
        memset(file.proof.hashes[file.proof.count].bytes, (int)file.proof.count + 7, CT_HASH_LEN);
    }
    text = ct_proof_file_write(&file, &len);
    ck_assert_uint_eq(len, strlen(text));
    ck_assert(ct_proof_file_read((struct ct_bytes){ (const uint8_t *)text, len }, &again));
    ck_assert(again.index == file.index && again.proof.count == 5 &&
              memcmp(again.proof.hashes, file.proof.hashes, sizeof file.proof.hashes[0] * 5) == 0 &&
              ct_bytes_equal(again.checkpoint, file.checkpoint));
    text[0] = 'C';
    ck_assert(!ct_proof_file_read((struct ct_bytes){ (const uint8_t *)text, len }, &again));
    free(text);
    static const char *const bad[] = {
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\nindex 01\n\nx\n",
        "c2sp.org/tlog-proof@v1\nindex x\n\nx\n",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nx\n",
        "c2sp.org/tlog-proof@v1\nindex 1\n\n",
        "c2sp.org/tlog-proof@v2\nindex 1\n\nx\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(!ct_proof_file_read((struct ct_bytes){ (const uint8_t *)bad[i], strlen(bad[i]) }, &again), "%zu",
                      i);
    }
    static const char extra[] = "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 1\n\nx\n";
    ck_assert(ct_proof_file_read((struct ct_bytes){ (const uint8_t *)extra, sizeof extra - 1 }, &again));
    ck_assert(again.index == 1 && again.checkpoint.len == 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *tcase = tcase_create("checkpoint");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_good_checkpoint);
    tcase_add_test(tcase, what_is_wrong_with_a_checkpoint_has_its_own_reason);
    tcase_add_test(tcase, what_is_no_checkpoint_is_not_read);
    tcase_add_test(tcase, a_note_has_only_so_many_signatures);
    tcase_add_test(tcase, a_tree_head_becomes_a_checkpoint);
    tcase_add_test(tcase, origins_come_from_submission_prefixes);
    tcase_add_test(tcase, proof_files_come_back_as_they_were_written);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
