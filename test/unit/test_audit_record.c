/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_line.h"

START_TEST(names_all_server_names_where_there_were_several)
{
    static const char *const shown[] = { "strict.example", NULL, "a.example\"" };
    struct clientct_input input = full_input(NULL);
    struct clientct_verdict verdict = { .reason = CLIENTCT_NO_SCTS };
    struct ct_audit_line line = { .wants_fields = false };
    const json_t *names;
    json_t *json;

    input.shown_server_names = shown;
    input.shown_server_name_count = 1;
    ct_audit_decision_line(&origin, &input, &verdict, 1, &line);
    json = parsed(&line);
    ck_assert_ptr_null(json_object_get(json, "clientct.server_names"));
    json_decref(json);

    input.shown_server_name_count = 3;
    ct_audit_decision_line(&origin, &input, &verdict, 1, &line);
    json = parsed(&line);
    names = json_object_get(json, "clientct.server_names");
    ck_assert_uint_eq(json_array_size(names), 3);
    ck_assert_str_eq(json_string_value(json_array_get(names, 0)), shown[0]);
    ck_assert(json_is_null(json_array_get(names, 1)));
    ck_assert_str_eq(json_string_value(json_array_get(names, 2)), shown[2]);
    json_decref(json);
}
END_TEST

START_TEST(writes_what_it_knows)
{
    static const struct {
        const char *key, *value;
    } rows[] = {
        { "@timestamp", "2025-11-24T16:00:00.123Z" },
        { "event.kind", "event" },
        { "event.action", "client-certificate" },
        { "event.outcome", "failure" },
        { "event.reason", "too-few-scts" },
        { "process.name", "nginx" },
        { "process.entity_id", "0123456789abcdef-42" },
        { "host.name", "web1" },
        { "event.dataset", "clientct.audit" },
        { "ecs.version", "9.0.0" },
        { "client.ip", "192.0.2.7" },
        { "tls.version_protocol", "tls" },
        { "tls.version", "1.3" },
        { "tls.client.server_name", "a.example" },
        { "tls.client.hash.sha256", "ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB" },
        { "tls.client.subject", "CN=device 7,O=Org" },
        { "tls.client.issuer", "CN=device 7,O=Org" },
        { "tls.client.not_before", "2026-01-01T00:00:00Z" },
        { "tls.client.not_after", "2027-01-01T00:00:00Z" },
        { "tls.client.x509.not_before", "2026-01-01T00:00:00Z" },
        { "tls.client.x509.not_after", "2027-01-01T00:00:00Z" },
        { "tls.client.x509.serial_number", "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" },
        { "clientct.verdict", "refuse" },
        { "clientct.would_be", "refuse" },
        { "clientct.reason", "too-few-scts" },
        { "clientct.mode", "enforce" },
        { "clientct.policy", "two" },
        { "clientct.rule", "partner" },
        { "clientct.shadow.policy", "chrome" },
        { "clientct.shadow.reason", "no-current-log" },
        { "clientct.detail", "needs 2, has 1" },
    };
    X509 *leaf = certificate_named(MBSTRING_UTF8, "device 7", -1);
    struct clientct_input input = full_input(leaf);
    struct clientct_sct_result scts[2];
    struct clientct_verdict verdict;
    struct ct_audit_line line = { .wants_fields = true };
    const json_t *sct;
    json_t *json;

    fill_verdict(&verdict, scts, 2);
    ct_audit_decision_line(&origin, &input, &verdict, 412345, &line);
    json = parsed(&line);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(strcmp(text_of(json, rows[i].key), rows[i].value) == 0, "%s: %s, want %s", rows[i].key,
                      text_of(json, rows[i].key), rows[i].value);
    }
    ck_assert_int_eq(json_integer_value(json_object_get(json, "event.sequence")), 7);
    ck_assert_int_eq(json_integer_value(json_object_get(json, "event.duration")), 412345);
    ck_assert_int_eq(json_integer_value(json_object_get(json, "client.port")), 4711);
    ck_assert_int_eq(json_integer_value(json_object_get(json, "clientct.dropped")), 3);
    ck_assert_int_eq(json_integer_value(json_object_get(json, "clientct.sct_count")), 2);
    ck_assert(json_is_false(json_object_get(json, "clientct.shadow.compliant")));
    ck_assert_str_eq(json_string_value(json_array_get(json_object_get(json, "event.type"), 1)), "denied");
    sct = json_array_get(json_object_get(json, "clientct.scts"), 1);
    ck_assert_str_eq(text_of(sct, "source"), "tls");
    ck_assert_str_eq(text_of(sct, "log"), "Log A");
    ck_assert_str_eq(text_of(sct, "operator"), "Alpha");
    ck_assert_str_eq(text_of(sct, "status"), "valid");
    ck_assert_str_eq(text_of(sct, "timestamp"), "2025-11-24T16:00:00.001Z");
    ck_assert_uint_eq(strlen(text_of(sct, "log_id")), 64);
    ck_assert(line.priority == CT_AUDIT_WARNING);
    line.fields[line.fields_len] = '\0';
    ck_assert_ptr_nonnull(strstr(line.fields, "CLIENTCT_VERDICT=refuse\nCLIENTCT_REASON=too-few-scts\n"));
    json_decref(json);
    X509_free(leaf);
}
END_TEST

START_TEST(says_what_enforcing_would_do)
{
    static const struct {
        const char *name;
        enum clientct_mode mode;
        bool accept, compliant;
        enum clientct_reason reason;
        const char *verdict, *would_be;
        int priority;
    } rows[] = {
        { "refused", CLIENTCT_MODE_ENFORCE, false, false, CLIENTCT_NO_SCTS, "refuse", "refuse", 4 },
        { "accepted", CLIENTCT_MODE_ENFORCE, true, true, CLIENTCT_COMPLIANT, "accept", "accept", 6 },
        { "raw key", CLIENTCT_MODE_ENFORCE, true, false, CLIENTCT_NO_CERTIFICATE, "accept", "accept", 5 },
        { "watched", CLIENTCT_MODE_REPORT, true, false, CLIENTCT_NO_SCTS, "accept", "refuse", 5 },
        { "watched, good", CLIENTCT_MODE_REPORT, true, true, CLIENTCT_EXEMPT, "accept", "accept", 6 },
        { "off", CLIENTCT_MODE_OFF, true, false, CLIENTCT_NOT_EVALUATED, "accept", "(none)", 5 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct clientct_input input = { 0 };
        struct clientct_verdict verdict = {
            .accept = rows[i].accept, .compliant = rows[i].compliant, .mode = rows[i].mode, .reason = rows[i].reason
        };
        struct ct_audit_line line = { .wants_fields = false };
        json_t *json;

        ct_audit_decision_line(&origin, &input, &verdict, 1, &line);
        json = parsed(&line);
        ck_assert_msg(strcmp(text_of(json, "clientct.verdict"), rows[i].verdict) == 0, "%s", rows[i].name);
        ck_assert_msg(strcmp(text_of(json, "clientct.would_be"), rows[i].would_be) == 0, "%s", rows[i].name);
        ck_assert_msg((int)line.priority == rows[i].priority, "%s: %d", rows[i].name, (int)line.priority);
        json_decref(json);
    }
}
END_TEST

START_TEST(hostile_names_stay_one_plain_string)
{
    static const struct {
        const char *name;
        int type;
        const char *value;
        int len;
        const char *want;
    } rows[] = {
        { "quotes and backslashes", V_ASN1_UTF8STRING, "a\"b\\c", 5, "CN=a\\\"b\\\\c,O=Org" },
        { "two attributes in one", V_ASN1_UTF8STRING, "a,O=Bank", 8, "CN=a\\,O=Bank,O=Org" },
        { "blanks at both ends", V_ASN1_UTF8STRING, " a b ", 5, "CN=\\ a b\\ ,O=Org" },
        { "a hash sign first", V_ASN1_UTF8STRING, "#04", 3, "CN=\\#04,O=Org" },
        { "a new line", V_ASN1_UTF8STRING, "a\n{\"b\":1}", 9, "CN=a\xEF\xBF\xBD{\\\"b\\\":1},O=Org" },
        { "a NUL", V_ASN1_UTF8STRING, "a\0b", 3,
          "CN=a\xEF\xBF\xBD"
          "b,O=Org" },
        { "an escape sequence", V_ASN1_UTF8STRING, "\033[31m", 5, "CN=\xEF\xBF\xBD[31m,O=Org" },
        { "DEL", V_ASN1_UTF8STRING, "\x7f", 1, "CN=\xEF\xBF\xBD,O=Org" },
        { "C1 control", V_ASN1_UTF8STRING, "\xC2\x9B", 2, "CN=\xEF\xBF\xBD\xEF\xBF\xBD,O=Org" },
        { "Latin-1", V_ASN1_T61STRING, "J\xFCrgen", 6, "CN=J\xEF\xBF\xBDrgen,O=Org" },
        { "cut UTF-8", V_ASN1_UTF8STRING, "a\xE2\x82", 3, "CN=a\xEF\xBF\xBD\xEF\xBF\xBD,O=Org" },
        { "overlong UTF-8", V_ASN1_UTF8STRING, "\xC0\xAF", 2, "CN=\xEF\xBF\xBD\xEF\xBF\xBD,O=Org" },
        { "a character that reorders", V_ASN1_UTF8STRING,
          "\xE2\x80\xAE"
          "abc",
          6,
          "CN=\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
          "abc,O=Org" },
        { "UTF-8", V_ASN1_UTF8STRING, "J\xC3\xBCrgen \xF0\x9F\x98\x80", 12, "CN=J\xC3\xBCrgen \xF0\x9F\x98\x80,O=Org" },
        { "BMPString", V_ASN1_BMPSTRING, "\0J\0\xFC\0,", 6, "CN=J\xC3\xBC\\,,O=Org" },
        { "BMPString with a surrogate", V_ASN1_BMPSTRING, "\xD8\x3D", 2, "CN=\xEF\xBF\xBD,O=Org" },
        { "BMPString of odd length", V_ASN1_BMPSTRING, "\0J\0", 3, "CN=J,O=Org" },
        { "UniversalString", V_ASN1_UNIVERSALSTRING, "\0\1\xF6\0", 4, "CN=\xF0\x9F\x98\x80,O=Org" },
        { "UniversalString beyond Unicode", V_ASN1_UNIVERSALSTRING, "\xFF\xFF\xFF\xFF", 4, "CN=\xEF\xBF\xBD,O=Org" },
        { "empty", V_ASN1_UTF8STRING, "", 0, "CN=,O=Org" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        X509 *leaf = certificate_named(MBSTRING_UTF8, "x", -1);
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(X509_get_subject_name(leaf), 1);
        ASN1_STRING *data = (ASN1_STRING *)X509_NAME_ENTRY_get_data(entry);
        ASN1_STRING *typed = ASN1_STRING_type_new(rows[i].type);
        struct clientct_input input = full_input(leaf);
        struct clientct_verdict verdict = { .reason = CLIENTCT_NO_SCTS };
        struct ct_audit_line line = { .wants_fields = true };
        json_t *json;
        json_t *want;

        /* In place: OpenSSL's setters refuse some of what another version's parser may let through. */
        ck_assert(typed != NULL && ASN1_STRING_set(typed, rows[i].value, rows[i].len) == 1);
        ck_assert_int_eq(ASN1_STRING_copy(data, typed), 1);
        ASN1_STRING_free(typed);
        ct_audit_decision_line(&origin, &input, &verdict, 1, &line);
        json = parsed(&line);
        want = json_string(rows[i].want); /* RFC 4514's form: the line's own escapes have been read back */
        ck_assert_ptr_nonnull(want);
        ck_assert_msg(json_equal(json_object_get(json, "tls.client.subject"), want), "%s: %s, want %s", rows[i].name,
                      text_of(json, "tls.client.subject"), rows[i].want);
        json_decref(want);
        json_decref(json);
        X509_free(leaf);
    }
}
END_TEST

START_TEST(long_strings_end_at_a_character)
{
    /* Two bytes each, so that the cut falls into one for every other offset. */
    for (size_t offset = 0; offset < 4; offset++) {
        char name[1200] = "";
        struct clientct_input input = { .server_name = name };
        struct clientct_verdict verdict = { .reason = CLIENTCT_NO_SCTS };
        struct ct_audit_line line = { .wants_fields = true };
        const char *got;
        json_t *json;

        memset(name, 'a', offset);
        for (size_t i = offset; i + 2 < sizeof name; i += 2) {
            memcpy(name + i, "\xC3\xBC", 3);
        }
        ct_audit_decision_line(&origin, &input, &verdict, 1, &line);
        json = parsed(&line);
        got = text_of(json, "tls.client.server_name");
        ck_assert_uint_le(strlen(got), CT_AUDIT_STRING_MAX);
        ck_assert_uint_ge(strlen(got), CT_AUDIT_STRING_MAX - 3);
        ck_assert_str_eq(got + strlen(got) - 3, "\xE2\x80\xA6");
        json_decref(json);
    }
}
END_TEST

START_TEST(a_string_of_just_the_limit_is_not_cut)
{
    char name[CT_AUDIT_STRING_MAX + 2];

    for (size_t len = CT_AUDIT_STRING_MAX - 4; len <= CT_AUDIT_STRING_MAX + 1; len++) {
        struct clientct_input input = { .server_name = name };
        struct clientct_verdict verdict = { .reason = CLIENTCT_NO_SCTS };
        struct ct_audit_line line = { .wants_fields = false };
        json_t *json;

        memset(name, 'a', len);
        name[len] = '\0';
        ct_audit_decision_line(&origin, &input, &verdict, 1, &line);
        json = parsed(&line);
        ck_assert_msg((strcmp(text_of(json, "tls.client.server_name"), name) == 0) == (len <= CT_AUDIT_STRING_MAX),
                      "%zu: %s", len, text_of(json, "tls.client.server_name"));
        json_decref(json);
    }
}
END_TEST

START_TEST(the_worst_line_is_whole)
{
    char quotes[2000];
    X509 *leaf;
    const char *const shown[CLIENTCT_SERVER_NAMES_MAX] = { quotes, quotes, quotes, quotes };
    struct clientct_input input;
    struct clientct_sct_result scts[40];
    struct clientct_verdict verdict;
    struct ct_audit_line line = { .wants_fields = true };
    struct ct_audit_origin long_origin = origin;
    json_t *json;
    size_t written;

    memset(quotes, '"', sizeof quotes - 1);
    quotes[sizeof quotes - 1] = '\0';
    leaf = certificate_named(MBSTRING_UTF8, "x", 1);
    for (int i = 0; i < 200; i++) { /* many attributes of types without a name */
        X509_NAME *name = (X509_NAME *)X509_get_subject_name(leaf);

        ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "1.3.6.1.4.1.32473.987654321.1", MBSTRING_UTF8,
                                                    (const unsigned char *)"\"\"\"\"", 4, -1, 0),
                         1);
    }
    X509_set_issuer_name(leaf, X509_get_subject_name(leaf));
    input = full_input(leaf);
    input.server_name = quotes;
    input.shown_server_names = shown;
    input.shown_server_name_count = CLIENTCT_SERVER_NAMES_MAX;
    input.client_address = "2001:db8:1111:2222:3333:4444:5555:6666";
    input.client_port = 65535;
    fill_verdict(&verdict, scts, 40);
    verdict.policy = verdict.rule = verdict.shadow_policy = quotes;
    verdict.generation = INT64_MAX;
    memset(verdict.detail, '"', sizeof verdict.detail - 1);
    for (size_t i = 0; i < 40; i++) {
        scts[i].log = scts[i].log_operator = quotes;
        scts[i].timestamp_ms = UINT64_C(253402300799999);
    }
    long_origin.sequence = long_origin.dropped = INT64_MAX;
    long_origin.process = quotes;
    ct_audit_decision_line(&long_origin, &input, &verdict, INT64_MAX, &line);
    json = parsed(&line);
    written = json_array_size(json_object_get(json, "clientct.scts"));
    ck_assert_msg(written >= 2 && written < CT_AUDIT_SCTS_MAX, "%zu SCTs", written);
    ck_assert_int_eq(json_integer_value(json_object_get(json, "clientct.sct_count")), 40);
    ck_assert_uint_le(line.fields_len, sizeof line.fields);
    json_decref(json);

    for (size_t i = 0; i < 40; i++) {
        scts[i].log = scts[i].log_operator = NULL;
        scts[i].decoded = false;
    }
    ct_audit_decision_line(&origin, &input, &verdict, 1, &line);
    json = parsed(&line);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "clientct.scts")), CT_AUDIT_SCTS_MAX);
    json_decref(json);
    X509_free(leaf);
}
END_TEST

START_TEST(no_length_of_anything_cuts_a_line)
{
    struct clientct_sct_result scts[16];
    struct clientct_verdict verdict;
    char detail[512];

    fill_verdict(&verdict, scts, 16);
    for (size_t len = 0; len < 320; len += 3) {
        X509 *leaf;
        char cn[64];
        struct clientct_input input;
        struct ct_audit_line line = { .wants_fields = true };

        memset(cn, 'c', sizeof cn);
        leaf = certificate_named(MBSTRING_UTF8, cn, (int)(len % 60 + 1));
        input = full_input(leaf);
        memset(detail, 'd', len);
        detail[len] = '\0';
        input.server_name = detail;
        snprintf(verdict.detail, sizeof verdict.detail, "%.319s", detail);
        ct_audit_decision_line(&origin, &input, &verdict, 1, &line);
        json_decref(parsed(&line));
        X509_free(leaf);
    }
}
END_TEST

START_TEST(moments_have_their_milliseconds)
{
    struct ct_audit_origin even = origin;
    struct ct_audit_line line = { .wants_fields = false };
    json_t *json;

    even.now_ms = INT64_C(1764000000000);
    ct_audit_event_line(&even, "configuration-loaded", true, NULL, 4, &line);
    json = parsed(&line);
    ck_assert_str_eq(text_of(json, "@timestamp"), "2025-11-24T16:00:00.000Z");
    json_decref(json);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit_record");
    TCase *tcase = tcase_create("audit_record");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, names_all_server_names_where_there_were_several);
    tcase_add_test(tcase, writes_what_it_knows);
    tcase_add_test(tcase, says_what_enforcing_would_do);
    tcase_add_test(tcase, hostile_names_stay_one_plain_string);
    tcase_add_test(tcase, long_strings_end_at_a_character);
    tcase_add_test(tcase, a_string_of_just_the_limit_is_not_cut);
    tcase_add_test(tcase, the_worst_line_is_whole);
    tcase_add_test(tcase, no_length_of_anything_cuts_a_line);
    tcase_add_test(tcase, moments_have_their_milliseconds);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
