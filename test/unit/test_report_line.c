/* SPDX-License-Identifier: Apache-2.0 */
/* Lines as the record writes them take the report's straight path; the fuzz target says that both paths agree. */
#include <openssl/x509v3.h>

#include <string.h>

#include "record/audit_record.h"
#include "tool/report/line.h"
#include "unit.h"

static X509 *certificate(const char *cn, const char *names, const char *usages)
{
    X509 *leaf = X509_new();
    X509_NAME *name = X509_NAME_new();
    const char *const values[] = { names, usages };
    const int kinds[] = { NID_subject_alt_name, NID_ext_key_usage };

    ck_assert(leaf != NULL && name != NULL);
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "C", MBSTRING_ASC, (const unsigned char *)"DE", -1, -1, 0), 1);
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"A, B", -1, -1, 0), 1);
    ck_assert_int_eq(X509_set_issuer_name(leaf, name), 1);
    if (cn != NULL) {
        ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0),
                         1);
        ck_assert_int_eq(X509_set_subject_name(leaf, name), 1);
    }
    X509_NAME_free(name);
    ck_assert_int_eq(X509_set_version(leaf, X509_VERSION_3), 1);
    ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(leaf), 4711), 1);
    ck_assert_int_eq(ASN1_TIME_set_string((ASN1_TIME *)X509_getm_notBefore(leaf), "20260101000000Z"), 1);
    ck_assert_int_eq(ASN1_TIME_set_string((ASN1_TIME *)X509_getm_notAfter(leaf), "20270101000000Z"), 1);
    for (size_t i = 0; i < 2; i++) {
        X509_EXTENSION *extension = values[i] != NULL ? X509V3_EXT_conf_nid(NULL, NULL, kinds[i], values[i]) : NULL;

        ck_assert(values[i] == NULL || (extension != NULL && X509_add_ext(leaf, extension, -1) == 1));
        X509_EXTENSION_free(extension);
    }
    return leaf;
}

/* With everything that a line can have. */
static void write_line(X509 *leaf, bool all, struct ct_audit_line *line)
{
    static const char *const shown[] = { "a.example", NULL, "b \"quoted\"" };
    const struct clientct_sct_result scts[] = {
        { .source = CLIENTCT_SOURCE_TLS, .status = CLIENTCT_UNKNOWN_LOG, .decoded = true, .log_id = { 7 } },
        { .source = CLIENTCT_SOURCE_EMBEDDED, .status = CLIENTCT_MALFORMED_SCT_LIST },
    };
    const struct clientct_sct_result *pointers[] = { &scts[0], &scts[1] };
    const struct ct_audit_origin origin = { .now_ms = INT64_C(1764000000123),
                                            .sequence = 7,
                                            .dropped = all ? 3 : 0,
                                            .pid = 42,
                                            .id = 99,
                                            .process = "nginx",
                                            .host = all ? "edge-1" : NULL };
    struct clientct_input input = { .leaf = leaf };
    struct clientct_verdict verdict = { .decided = true, .reason = CLIENTCT_NO_SCTS, .leaf_sha256 = { 1 } };

    if (all) {
        input.server_name = "a.example";
        input.shown_server_names = shown;
        input.shown_server_name_count = 3;
        input.client_address = "2001:db8::1";
        input.client_port = 7;
        input.tls_version = "TLSv1.3";
        input.session = CLIENTCT_SESSION_RESUMABLE;
        input.chain_error = X509_V_ERR_CERT_HAS_EXPIRED;
        verdict.policy = "two";
        verdict.rule = "partner";
        verdict.shadow_policy = "chrome";
        verdict.shadow_reason = CLIENTCT_COMPLIANT;
        verdict.shadow_compliant = true;
        verdict.scts = pointers;
        verdict.sct_count = 2;
        snprintf(verdict.detail, sizeof verdict.detail, "needs \"2\",\thas\n1 \xc3\xbc \xff");
    }
    ct_audit_decision_line(&origin, &input, &verdict, 1234, line);
    ck_assert_uint_gt(line->len, 2);
}

static void read_back(const struct ct_audit_line *written, struct report_line *line)
{
    report_read((struct ct_bytes){ (const uint8_t *)written->text, written->len - 1 }, REPORT_FROM_FILE, NULL, line);
    ck_assert_msg(line->straight, "%.*s", (int)written->len, written->text);
}

START_TEST(every_line_that_is_written_goes_straight)
{
    static const char *const names[] = { "device 7", "q\"uo\\te, \xc3\xbc", NULL };
    static struct ct_audit_line written;
    static struct report_line line;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        X509 *leaf = certificate(names[i], "URI:spiffe://td.example/a,DNS:x.example", "serverAuth,clientAuth,1.2.3.4");

        for (int all = 0; all < 2; all++) {
            write_line(leaf, all == 1, &written);
            read_back(&written, &line);
            ck_assert_int_eq(line.kind, REPORT_DECISION);
            ck_assert_int_eq(line.at_ms, INT64_C(1764000000123));
            ck_assert_int_eq(line.not_after_ms, INT64_C(1798761600000));
            ck_assert(line.sequence == 7 && line.pid == 42 && line.entity.len > 2 && line.has_certificate);
            ck_assert(line.stranger == (all == 1) && line.would_refuse && line.dropped == (all == 1 ? 3 : 0));
            ck_assert_uint_eq(line.usages,
                              REPORT_USAGE_SAID | REPORT_USAGE_CLIENT | REPORT_USAGE_SERVER | REPORT_USAGE_OTHER);
            ck_assert_uint_eq(line.unknown_log_count, all == 1 ? 1 : 0);
            ck_assert_uint_gt(line.subject.len, 8);
            ck_assert(REPORT_IS(line.issuer, "O=A\\, B,C=DE"));
        }
        X509_free(leaf);
    }
    write_line(NULL, true, &written);
    read_back(&written, &line);
    ct_audit_event_line(&(struct ct_audit_origin){ .now_ms = 1764000000000, .sequence = 1, .pid = 1, .process = "x" },
                        "configuration-failed", false, "line 3: \"what\"", 1, &written);
    read_back(&written, &line);
    ck_assert_int_eq(line.kind, REPORT_EVENT);
}
END_TEST

START_TEST(an_entry_of_the_journal_goes_straight)
{
    static const char entry[] =
        "{\"__CURSOR\":\"s=1\",\"_PID\":\"7\",\"_UID\":\"33\",\"_EXE\":\"/usr/sbin/nginx\","
        "\"_SYSTEMD_UNIT\":\"nginx.service\",\"PRIORITY\":\"6\",\"_HOSTNAME\":\"h\",\"MESSAGE\":"
        "\"{\\\"@timestamp\\\":\\\"2026-11-23T21:14:05Z\\\",\\\"event.module\\\":\\\"clientct\\\","
        "\\\"event.action\\\":\\\"reload\\\",\\\"process.pid\\\":7}\"}";
    static struct report_line line;

    report_read((struct ct_bytes){ (const uint8_t *)entry, strlen(entry) }, REPORT_FROM_JOURNAL, NULL, &line);
    ck_assert(line.straight && line.kind == REPORT_EVENT && line.exported);
    ck_assert_ptr_null(line.unvouched);
    ck_assert(REPORT_IS(line.unit, "nginx.service") && REPORT_IS(line.user, "33"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report_line");
    TCase *all = tcase_create("report_line");

    tcase_add_test(all, every_line_that_is_written_goes_straight);
    tcase_add_test(all, an_entry_of_the_journal_goes_straight);
    suite_add_tcase(suite, all);
    return unit_run(suite);
}
