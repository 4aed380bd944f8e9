/* SPDX-License-Identifier: Apache-2.0 */
/* What ctpki mints is what it says: libcrypto, which shares no code with it, agrees. */
#include "oracle.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

enum { LOG_EC, LOG_RSA, LOG_STRANGE, LOG_COUNT };
enum source { EMBEDDED, TLS, OCSP };

static struct pki_ca ca;
static struct pki_log logs[LOG_COUNT];
static struct pki_oracle oracle;

static void make_world(void)
{
    pki_ca_new(&ca, "Test CA", NULL, NULL, 30);
    for (int i = 0; i < LOG_COUNT; i++) {
        pki_log_new(&logs[i], pki_new_key(i == LOG_RSA ? PKI_RSA : PKI_P256, 0));
    }
    const struct pki_log *known[] = { &logs[LOG_EC], &logs[LOG_RSA] };
    pki_oracle_new(&oracle, known, 2);
}

static void free_world(void)
{
    for (int i = 0; i < LOG_COUNT; i++) {
        pki_log_clear(&logs[i]);
    }
    pki_oracle_clear(&oracle);
    pki_ca_clear(&ca);
}

/* Mints a certificate with the SCTs where `source` says and asks libcrypto. */
static void ask(enum source source, struct pki_leaf leaf, const struct pki_sct *scts, size_t count,
                enum pki_list_fault fault, struct pki_opinion *opinion)
{
    struct pki_minted minted = { 0 };
    struct pki_bytes bytes = { 0 };
    struct pki_entry entry = { 0 };

    if (source == EMBEDDED) {
        leaf.scts = scts;
        leaf.sct_count = count;
        leaf.list_fault = fault;
    }
    pki_mint(&minted, &leaf, &ca);
    if (source == EMBEDDED) {
        pki_oracle_embedded(&oracle, minted.certificate, ca.certificate, pki_now(), opinion);
    } else if (source == TLS) {
        pki_entry_of(&entry, minted.certificate, ca.certificate, PKI_ENTRY_X509);
        pki_add_sct_list(&bytes, &entry, scts, count, fault);
        pki_oracle_tls(&oracle, minted.certificate, ca.certificate, &bytes, pki_now(), opinion);
    } else {
        struct pki_ocsp ocsp = {
            .certificate = minted.certificate,
            .ca = &ca,
            .status = V_OCSP_CERTSTATUS_GOOD,
            .this_update_ms = pki_now() - PKI_HOUR,
            .next_update_ms = pki_now() + PKI_HOUR,
            .scts = scts,
            .sct_count = count,
            .list_fault = fault,
        };
        pki_ocsp_response(&bytes, &ocsp);
        pki_oracle_ocsp(&oracle, minted.certificate, ca.certificate, &bytes, pki_now(), opinion);
    }
    pki_entry_clear(&entry);
    pki_bytes_clear(&bytes);
    pki_minted_clear(&minted);
}

START_TEST(libcrypto_accepts_good_scts_from_every_source)
{
    static const uint8_t extensions[] = { 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x07 };
    EVP_PKEY *rsa = pki_new_key(PKI_RSA, 0);
    const struct {
        const char *name;
        struct pki_leaf leaf;
    } leaves[] = {
        { "plain", { 0 } },
        { "list first", { .position = PKI_FIRST } },
        { "list in the middle", { .position = PKI_MIDDLE } },
        { "rsa key and alternative name", { .key = rsa, .san = "DNS:client.example,email:a@example.com" } },
        { "padding", { .padding = 300 } },
        { "long padding", { .padding = 66000 } },
        { "certificate policy", { .policy = "1.2.3.4" } },
    };
    struct pki_opinion opinion;
    int64_t then = pki_now() - 30 * PKI_MINUTE;

    for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++) {
        for (enum source source = EMBEDDED; source <= OCSP; source++) {
            struct pki_sct scts[] = {
                { .log = &logs[LOG_EC],
                  .time_ms = then,
                  .extensions = extensions,
                  .extensions_len = sizeof extensions },
                { .log = &logs[LOG_RSA], .time_ms = then },
            };
            ask(source, leaves[i].leaf, scts, 2, PKI_LIST_NONE, &opinion);
            ck_assert_msg(opinion.parsed && opinion.count == 2, "%s, source %d", leaves[i].name, source);
            ck_assert_msg(opinion.validate == 1, "%s, source %d", leaves[i].name, source);
        }
    }
    EVP_PKEY_free(rsa);
}
END_TEST

#define UNPARSED SCT_VALIDATION_STATUS_NOT_SET

START_TEST(libcrypto_sees_the_faults_it_looks_for)
{
    /* VALID where libcrypto does not look: the module has to. */
    static const sct_validation_status_t expected[PKI_SCT_FAULT_COUNT] = {
        [PKI_SCT_NONE] = SCT_VALIDATION_STATUS_VALID,
        [PKI_SCT_SIGNATURE] = SCT_VALIDATION_STATUS_INVALID,
        [PKI_SCT_HASH_ALG] = UNPARSED,
        [PKI_SCT_SIG_ALG] = SCT_VALIDATION_STATUS_VALID,
        [PKI_SCT_VERSION] = SCT_VALIDATION_STATUS_UNKNOWN_VERSION,
        [PKI_SCT_TRAILING] = SCT_VALIDATION_STATUS_VALID,
        [PKI_SCT_DER] = SCT_VALIDATION_STATUS_INVALID,
        [PKI_SCT_BER] = SCT_VALIDATION_STATUS_INVALID,
        [PKI_SCT_LOG_ID] = SCT_VALIDATION_STATUS_UNKNOWN_LOG,
        [PKI_SCT_TRUNCATED] = UNPARSED,
        [PKI_SCT_ENTRY_TYPE] = SCT_VALIDATION_STATUS_INVALID,
        [PKI_SCT_EXTENSIONS] = SCT_VALIDATION_STATUS_INVALID,
    };
    struct pki_opinion opinion;

    for (enum pki_sct_fault fault = PKI_SCT_NONE; fault < PKI_SCT_FAULT_COUNT; fault++) {
        for (enum source source = EMBEDDED; source <= OCSP; source++) {
            struct pki_sct sct = { .log = &logs[LOG_EC], .time_ms = pki_now() - PKI_HOUR, .fault = fault };
            ask(source, (struct pki_leaf){ 0 }, &sct, 1, PKI_LIST_NONE, &opinion);
            ck_assert_msg(opinion.parsed == (expected[fault] != UNPARSED), "%s, source %d: %s",
                          pki_sct_fault_name(fault), source, opinion.parsed ? "parsed" : "not parsed");
            ck_assert_msg(opinion.statuses[0] == expected[fault], "%s, source %d: status %d, not %d",
                          pki_sct_fault_name(fault), source, opinion.statuses[0], expected[fault]);
        }
    }
}
END_TEST

START_TEST(libcrypto_knows_time_and_logs)
{
    struct pki_sct future = { .log = &logs[LOG_EC], .time_ms = pki_now() + PKI_DAY };
    struct pki_sct strange = { .log = &logs[LOG_STRANGE], .time_ms = pki_now() - PKI_DAY };
    struct pki_opinion opinion;

    ask(EMBEDDED, (struct pki_leaf){ 0 }, &future, 1, PKI_LIST_NONE, &opinion);
    ck_assert_int_eq(opinion.statuses[0], SCT_VALIDATION_STATUS_INVALID);
    ask(EMBEDDED, (struct pki_leaf){ 0 }, &strange, 1, PKI_LIST_NONE, &opinion);
    ck_assert_int_eq(opinion.statuses[0], SCT_VALIDATION_STATUS_UNKNOWN_LOG);
}
END_TEST

START_TEST(broken_lists_are_broken)
{
    struct pki_sct sct = { .log = &logs[LOG_EC], .time_ms = pki_now() - PKI_HOUR };
    const struct {
        enum pki_list_fault fault;
        bool parsed; /* by libcrypto, which is lenient */
        size_t count;
    } rows[] = {
        { PKI_LIST_NONE, true, 1 },      { PKI_LIST_TRAILING, false, 0 },      { PKI_LIST_SHORT, false, 0 },
        { PKI_LIST_EMPTY, true, 0 },     { PKI_LIST_OCTET_TRAILING, true, 1 }, { PKI_LIST_ZERO_ENTRY, false, 0 },
        { PKI_LIST_OCTET_BER, true, 1 },
    };
    struct pki_opinion opinion;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ask(EMBEDDED, (struct pki_leaf){ 0 }, &sct, 1, rows[i].fault, &opinion);
        ck_assert_msg(opinion.parsed == rows[i].parsed && opinion.count == rows[i].count, "%s: parsed %d, %zu SCTs",
                      pki_list_fault_name(rows[i].fault), opinion.parsed, opinion.count);
    }
}
END_TEST

START_TEST(a_list_alone_leaves_no_extensions_behind)
{
    struct pki_sct sct = { .log = &logs[LOG_EC], .time_ms = pki_now() - PKI_HOUR };
    struct pki_leaf leaf = { .only_sct = true, .scts = &sct, .sct_count = 1 };
    struct pki_minted minted = { 0 };

    pki_mint(&minted, &leaf, &ca);
    ck_assert_int_eq(X509_get_ext_count(minted.certificate), 1);
    /* A TBSCertificate without [3] ends with the SubjectPublicKeyInfo. */
    uint8_t *spki = NULL;
    int len = i2d_PUBKEY(minted.key, &spki);
    ck_assert_int_gt(len, 0);
    ck_assert_uint_gt(minted.precert_tbs.len, (size_t)len);
    ck_assert_mem_eq(minted.precert_tbs.data + minted.precert_tbs.len - len, spki, (size_t)len);
    OPENSSL_free(spki);
    pki_minted_clear(&minted);
}
END_TEST

START_TEST(two_extensions_and_poison_are_there)
{
    struct pki_sct scts[] = {
        { .log = &logs[LOG_EC], .time_ms = pki_now() - PKI_HOUR },
        { .log = &logs[LOG_RSA], .time_ms = pki_now() - PKI_HOUR },
    };
    struct pki_leaf leaf = { .scts = scts, .sct_count = 2, .two_sct_extensions = true, .poison = true };
    struct pki_minted minted = { 0 };
    int critical;

    pki_mint(&minted, &leaf, &ca);
    ck_assert_ptr_null(X509_get_ext_d2i(minted.certificate, NID_ct_precert_scts, &critical, NULL));
    ck_assert_int_eq(critical, -2);
    int at = X509_get_ext_by_NID(minted.certificate, NID_ct_precert_poison, -1);
    ck_assert_int_ge(at, 0);
    ck_assert_int_eq(X509_EXTENSION_get_critical(X509_get_ext(minted.certificate, at)), 1);
    pki_minted_clear(&minted);
}
END_TEST

START_TEST(a_replayed_list_does_not_verify)
{
    struct pki_sct sct = { .log = &logs[LOG_EC], .time_ms = pki_now() - PKI_HOUR };
    struct pki_leaf leaf = { .scts = &sct, .sct_count = 1 };
    struct pki_minted first = { 0 }, second = { 0 };
    struct pki_bytes list = { 0 };
    struct pki_opinion opinion;

    pki_mint(&first, &leaf, &ca);
    pki_embedded_list(first.certificate, &list);
    leaf = (struct pki_leaf){ .raw_list = &list };
    pki_mint(&second, &leaf, &ca);
    pki_oracle_embedded(&oracle, second.certificate, ca.certificate, pki_now(), &opinion);
    ck_assert(opinion.parsed);
    ck_assert_int_eq(opinion.statuses[0], SCT_VALIDATION_STATUS_INVALID);
    pki_bytes_clear(&list);
    pki_minted_clear(&first);
    pki_minted_clear(&second);
}
END_TEST

START_TEST(reads_times)
{
    const struct {
        const char *text;
        bool ok;
        int64_t at;
    } rows[] = {
        { "now", true, 1000 },
        { "+30m", true, 1801000 },
        { "-1s", true, 0 },
        { "1970-01-01T00:00:01.5Z", true, 1500 },
        { "1970-01-02T00:00:00Z", true, PKI_DAY },
        { "1969-12-31T23:59:59Z", true, -1000 },
        { "2040-01-02T03:04:05Z", true, INT64_C(2209086245000) },
        { "9999-12-31T23:59:59Z", true, INT64_C(253402300799000) },
        { "12345", true, 12345 },
        { "1970-01-01T00:00:01", false, 0 },
        { "+30", false, 0 },
        { "", false, 0 },
        { "tomorrow", false, 0 },
        { "12x", false, 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t at = 0;
        ck_assert_msg(pki_parse_time(rows[i].text, 1000, &at) == rows[i].ok, "'%s'", rows[i].text);
        ck_assert_msg(!rows[i].ok || at == rows[i].at, "'%s': %lld", rows[i].text, (long long)at);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pki");
    TCase *minted = tcase_create("minted");

    tcase_add_unchecked_fixture(minted, make_world, free_world);
    tcase_set_timeout(minted, 30);
    tcase_add_test(minted, libcrypto_accepts_good_scts_from_every_source);
    tcase_add_test(minted, libcrypto_sees_the_faults_it_looks_for);
    tcase_add_test(minted, libcrypto_knows_time_and_logs);
    tcase_add_test(minted, broken_lists_are_broken);
    tcase_add_test(minted, a_list_alone_leaves_no_extensions_behind);
    tcase_add_test(minted, two_extensions_and_poison_are_there);
    tcase_add_test(minted, a_replayed_list_does_not_verify);
    tcase_add_test(minted, reads_times);
    suite_add_tcase(suite, minted);

    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
