/* SPDX-License-Identifier: Apache-2.0 */
#include "list_fixture.h"
#include "log_keys.h"

#define CTLOG(kind, key, id, more) \
    "{" more "\"hashAlgorithm\":\"SHA2_256\",\"publicKey\":{\"rawBytes\":\"" key "\",\"keyDetails\":\"" kind \
    "\"},\"logId\":{\"keyId\":\"" id "\"}}"
#define P256_LOG CTLOG("PKIX_ECDSA_P256_SHA_256", KEY_P256_A, ID_P256_A, "\"baseUrl\":\"https://ct.example/a\",")
#define ROOT(logs) \
    "{\"mediaType\":\"application/vnd.dev.sigstore.trustedroot+json;version=0.1\"," \
    "\"tlogs\":[{\"publicKey\":5}],\"certificateAuthorities\":7,\"ctlogs\":[" logs "]}"
#define WINDOW(window) \
    ROOT("{\"hashAlgorithm\":\"SHA2_256\",\"publicKey\":{\"rawBytes\":\"" KEY_P256_A \
         "\",\"keyDetails\":\"PKIX_ECDSA_P256_SHA_256\",\"validFor\":" window "},\"logId\":{\"keyId\":\"" ID_P256_A \
         "\"}}")

#define P256_FROM_TO(from, to) \
    "{\"hashAlgorithm\":\"SHA2_256\",\"publicKey\":{\"rawBytes\":\"" KEY_P256_A \
    "\",\"keyDetails\":\"PKIX_ECDSA_P256_SHA_256\",\"validFor\":{\"start\":\"" from "\",\"end\":\"" to \
    "\"}},\"logId\":{\"keyId\":\"" ID_P256_A "\"}}"
#define OTHER_LOG CTLOG("PKIX_ECDSA_P256_SHA_256", KEY_P256_B, ID_P256_B, "\"baseUrl\":\"https://ct.example/b\",")

START_TEST(reads_ctlogs_and_nothing_else)
{
    struct parsed p =
        parse(ROOT(P256_LOG "," CTLOG("PKIX_RSA_PKCS1V15_2048_SHA256", KEY_RSA_2048, ID_RSA_2048,
                                      "\"baseUrl\":\"https://ct.example/r\",\"operator\":\"example.org\",")));
    const struct ct_log *log;

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_int_eq(p.list.format, CT_LIST_SIGSTORE);
    ck_assert_uint_eq(p.list.logs.count, 2);
    ck_assert_int_eq(p.list.timestamp_ms, INT64_MIN);
    log = log_named(&p, "https://ct.example/a");
    ck_assert_str_eq(log->url, "https://ct.example/a");
    ck_assert_ptr_null(log->log_operator);
    ck_assert_int_eq(log->state, CT_LOG_USABLE);
    ck_assert(!log->has_state && !log->tiled);
    ck_assert_int_eq(log->sct_from_ms, INT64_MIN);
    ck_assert_int_eq(log->sct_until_ms, INT64_MAX);
    ck_assert_int_eq(log->interval_start_ms, INT64_MIN);
    log = log_named(&p, "https://ct.example/r");
    ck_assert_str_eq(log->log_operator, "example.org");
    ck_assert_int_eq(log->key_type, CT_KEY_RSA);
    parsed_clear(&p);
}
END_TEST

START_TEST(window_bounds_the_timestamps_of_scts)
{
    struct parsed p = parse(WINDOW("{\"start\":\"2022-07-01T00:00:00Z\",\"end\":\"2022-07-31T00:00:00.5Z\"}"));

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_int_eq(p.list.logs.logs[0].sct_from_ms, 1656633600000);
    ck_assert_int_eq(p.list.logs.logs[0].sct_until_ms, 1659225600500);
    parsed_clear(&p);

    p = parse(WINDOW("{\"start\":\"2022-07-01T00:00:00Z\"}"));
    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_int_eq(p.list.logs.logs[0].sct_from_ms, 1656633600000);
    ck_assert_int_eq(p.list.logs.logs[0].sct_until_ms, INT64_MAX);
    parsed_clear(&p);
}
END_TEST

START_TEST(bare_rsa_key_has_the_id_of_its_subject_public_key_info)
{
    struct parsed p = parse(ROOT(CTLOG("PKCS1_RSA_PKCS1V5", BARE_RSA_2048, ID_RSA_2048, "")));

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_int_eq(p.list.logs.logs[0].key_type, CT_KEY_RSA);
    ck_assert_uint_eq(p.list.logs.logs[0].spki.len, 294);
    ck_assert_ptr_nonnull(ct_log_get0_key(&p.list.logs.logs[0]));
    parsed_clear(&p);
}
END_TEST

START_TEST(one_odd_log_does_not_count_and_the_others_do)
{
    static const struct {
        const char *name, *text, *words;
    } rows[] = {
        { "id of another key", ROOT(CTLOG("PKIX_ECDSA_P256_SHA_256", KEY_P256_A, ID_P256_B, "")),
          "ctlogs[0].logId.keyId" },
        { "no key", ROOT("{\"hashAlgorithm\":\"SHA2_256\",\"logId\":{\"keyId\":\"x\"}}"),
          "ctlogs[0].publicKey: expected" },
        { "no id", ROOT("{\"hashAlgorithm\":\"SHA2_256\",\"publicKey\":{}}"), "ctlogs[0].logId: expected" },
        { "no key bytes",
          ROOT("{\"hashAlgorithm\":\"SHA2_256\",\"publicKey\":{\"keyDetails\":"
               "\"PKIX_ECDSA_P256_SHA_256\"},\"logId\":{\"keyId\":\"x\"}}"),
          "ctlogs[0].publicKey.rawBytes: expected base64" },
        { "no kind",
          ROOT("{\"hashAlgorithm\":\"SHA2_256\",\"publicKey\":{\"rawBytes\":\"" KEY_P256_A
               "\"},\"logId\":{\"keyId\":\"" ID_P256_A "\"}}"),
          "ctlogs[0].publicKey.keyDetails: expected" },
        { "Ed25519", ROOT(P256_LOG "," CTLOG("PKIX_ED25519", KEY_ED25519, "x", "")),
          "ctlogs[1].publicKey.keyDetails: expected an ECDSA P-256 or RSA" },
        { "ML-DSA", ROOT(P256_LOG "," CTLOG("ML_DSA_65", "MIIHtDALBglghkgBZQMEAxI=", "x", "")),
          "ctlogs[1].publicKey.keyDetails: expected an ECDSA P-256 or RSA" },
        { "RSA said to be P-256", ROOT(CTLOG("PKIX_ECDSA_P256_SHA_256", KEY_RSA_2048, ID_RSA_2048, "")),
          "keyDetails: expected the kind of key that rawBytes holds" },
        { "SubjectPublicKeyInfo said to be bare", ROOT(CTLOG("PKCS1_RSA_PKCS1V5", KEY_RSA_2048, ID_RSA_2048, "")),
          "ctlogs[0].publicKey.rawBytes: the RSA key" },
        { "bare key said to be a SubjectPublicKeyInfo",
          ROOT(CTLOG("PKIX_RSA_PKCS1V15_2048_SHA256", BARE_RSA_2048, ID_RSA_2048, "")), "SubjectPublicKeyInfo" },
        { "RSA-1024", ROOT(CTLOG("PKIX_RSA_PKCS1V5", KEY_RSA_1024, "x", "")), "shorter than 2048" },
        { "another hash",
          ROOT("{\"hashAlgorithm\":\"SHA2_512\",\"publicKey\":{\"rawBytes\":\"" KEY_P256_A
               "\",\"keyDetails\":\"PKIX_ECDSA_P256_SHA_256\"},\"logId\":{\"keyId\":\"" ID_P256_A "\"}}"),
          "ctlogs[0].hashAlgorithm: expected SHA2_256, found \"SHA2_512\"" },
        { "no hash",
          ROOT("{\"publicKey\":{\"rawBytes\":\"" KEY_P256_A
               "\",\"keyDetails\":\"PKIX_ECDSA_P256_SHA_256\"},\"logId\":{\"keyId\":\"" ID_P256_A "\"}}"),
          "ctlogs[0].hashAlgorithm: expected" },
        { "window backwards", WINDOW("{\"start\":\"2023-01-01T00:00:00Z\",\"end\":\"2022-01-01T00:00:00Z\"}"),
          "validFor: expected start before end" },
        { "window is a text", WINDOW("\"always\""), "validFor: expected an object" },
        { "window's end is a number", WINDOW("{\"end\":5}"), "validFor.end: expected an RFC 3339 time" },
        { "log is a text", ROOT("\"x\""), "ctlogs[0]: expected an object, found \"x\"" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        /* By itself it leaves nothing; with another log behind it, that one counts. */
        char *text = strdup(rows[i].text), *with = NULL;
        bool alone = strstr(text, "https://ct.example/a") == NULL;

        if (alone) {
            assert_refused(rows[i].name, text, rows[i].words);
        }
        text[strlen(text) - 2] = '\0'; /* the closing brackets */
        ck_assert_int_ge(asprintf(&with, "%s,%s]}", text, OTHER_LOG), 0);
        assert_left_out(rows[i].name, with, alone ? 1 : 2, rows[i].words);
        free(with);
        free(text);
    }
    assert_accepted("the same log twice", ROOT(P256_LOG "," P256_LOG), 1);
    assert_refused("no ctlogs", ROOT(""), "expected at least one log");
    assert_refused("ctlogs is an object", "{\"ctlogs\":{}}", "ctlogs: expected an array");
}
END_TEST

START_TEST(every_window_of_a_key_counts)
{
    struct parsed p = parse(ROOT(P256_FROM_TO("2022-01-01T00:00:00Z", "2022-06-30T00:00:00Z") "," P256_FROM_TO(
        "2023-01-01T00:00:00Z", "2023-06-30T00:00:00Z")));
    const struct ct_log *log;

    ck_assert_msg(p.ok && p.problems.warnings == 0, "%s", first_problem(&p));
    ck_assert_uint_eq(p.list.logs.count, 1);
    log = &p.list.logs.logs[0];
    ck_assert(ct_log_signs_at(log, 1641000000000) && ct_log_signs_at(log, 1672600000000)); /* January of both */
    ck_assert(!ct_log_signs_at(log, 1661000000000));                                       /* August between */
    ck_assert(!ct_log_signs_at(log, 1640000000000) && !ct_log_signs_at(log, 1690000000000));
    parsed_clear(&p);
}
END_TEST

START_TEST(a_window_without_a_start_is_said)
{
    assert_left_out("no window", ROOT(P256_LOG), 1, "ctlogs[0].publicKey: has no validFor.start");
    assert_left_out("null", WINDOW("null"), 1, "has no validFor.start");
    assert_left_out("no start", WINDOW("{\"end\":\"2030-01-01T00:00:00Z\"}"), 1, "has no validFor.start");
}
END_TEST

START_TEST(reads_what_later_versions_add_and_either_form_of_names)
{
    struct parsed p = parse(
        "{\"mediaType\":\"application/vnd.dev.sigstore.trustedroot.v0.2+json\",\"ctlogs\":[{\"base_url\":"
        "\"https://ct.example/a\",\"hash_algorithm\":\"SHA2_256\",\"public_key\":{\"raw_bytes\":\"" KEY_P256_A
        "\",\"key_details\":\"PKIX_ECDSA_P256_SHA_256\",\"valid_for\":{\"start\":\"2022-01-01T00:00:00Z\",\"end\":null}"
        "},\"log_id\":{\"key_id\":\"" ID_P256_A "\"},\"operator\":\"ct.example\",\"additionalPublicKeys\":[{"
        "\"rawBytes\":\"AAAA\",\"keyDetails\":\"ML_DSA_65\"}],\"witnesses\":{\"groups\":[null]},\"checkpointKeyId\":"
        "null}]}");

    ck_assert_msg(p.ok && p.problems.warnings == 0, "%s", first_problem(&p));
    ck_assert_str_eq(log_named(&p, "https://ct.example/a")->log_operator, "ct.example");
    ck_assert_int_eq(log_named(&p, "https://ct.example/a")->sct_from_ms, 1640995200000);
    parsed_clear(&p);
}
END_TEST

START_TEST(reads_a_real_trusted_root)
{
    char *text = NULL;
    struct parsed p;
    const struct ct_log *bare;

    if (!read_vector("private-log/trusted_root.json", &text)) {
        return;
    }
    p = parse(text);
    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_uint_eq(p.list.logs.count, 4);
    bare = log_named(&p, "https://ctfe.sigstage.dev/test");
    ck_assert_int_eq(bare->key_type, CT_KEY_RSA);
    ck_assert_int_eq(bare->sct_until_ms, 1659225600000);
    for (size_t i = 0; i < p.list.logs.count; i++) {
        ck_assert_ptr_nonnull(ct_log_get0_key(&p.list.logs.logs[i]));
    }
    parsed_clear(&p);
    free(text);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        reads_ctlogs_and_nothing_else,
        window_bounds_the_timestamps_of_scts,
        bare_rsa_key_has_the_id_of_its_subject_public_key_info,
        one_odd_log_does_not_count_and_the_others_do,
        every_window_of_a_key_counts,
        a_window_without_a_start_is_said,
        reads_what_later_versions_add_and_either_form_of_names,
        reads_a_real_trusted_root,
    };

    return unit_run(suite_of("log_list_sigstore", tests, sizeof tests / sizeof tests[0]));
}
