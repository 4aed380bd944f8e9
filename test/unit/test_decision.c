/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "decision/evaluation.h"
#include "scene.h"
#include "unit.h"

static struct scene scene;

static void teardown(void)
{
    scene_clear(&scene);
}

/* One decision of a fresh checker over the scene's configuration. */
static struct clientct_verdict decide(const struct clientct_input *input)
{
    struct clientct_checker *checker = clientct_checker_new(scene.config);
    struct clientct_verdict verdict;

    ck_assert_ptr_nonnull(checker);
    ck_assert_int_eq(clientct_decide(checker, input, &verdict), verdict.accept);
    clientct_checker_free(checker);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    return verdict;
}

static void expect(const char *what, const struct clientct_input *input, bool accept, enum clientct_reason reason)
{
    struct clientct_verdict verdict = decide(input);

    ck_assert_msg(verdict.reason == reason, "%s: %s (%s), want %s", what, clientct_reason_name(verdict.reason),
                  verdict.detail, clientct_reason_name(reason));
    ck_assert_msg(verdict.accept == accept, "%s: accept %d", what, verdict.accept);
    ck_assert_msg(verdict.detail[0] != '\0' || reason == CLIENTCT_COMPLIANT || reason == CLIENTCT_NOT_EVALUATED,
                  "%s: no detail", what);
    clientct_verdict_clear(&verdict);
}

START_TEST(embedded_scts_decide)
{
    static const struct {
        const char *logs;
        bool accept;
        enum clientct_reason reason;
    } rows[] = {
        { "a", true, CLIENTCT_COMPLIANT },     { "abc", true, CLIENTCT_COMPLIANT },
        { "", false, CLIENTCT_NO_SCTS },       { "A", false, CLIENTCT_BAD_SIGNATURE },
        { "d", false, CLIENTCT_UNKNOWN_LOG },  { "ABCd", false, CLIENTCT_BAD_SIGNATURE },
        { "ABCdb", true, CLIENTCT_COMPLIANT }, { "Aa", true, CLIENTCT_COMPLIANT },
    };

    scene_set(&scene, "policy = one\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene_client client;

        scene_client(&scene, rows[i].logs, &client);
        expect(rows[i].logs, &client.input, rows[i].accept, rows[i].reason);
        scene_client_clear(&client);
    }
}
END_TEST

START_TEST(one_log_counts_once)
{
    struct scene_client client;

    scene_set(&scene, "policy = two\n[two]\nmin_scts = 2\n");
    scene_client(&scene, "aa", &client);
    expect("the same log twice", &client.input, false, CLIENTCT_TOO_FEW_SCTS);
    scene_client_clear(&client);
    scene_client(&scene, "ab", &client);
    expect("two logs", &client.input, true, CLIENTCT_COMPLIANT);
    scene_client_clear(&client);
}
END_TEST

START_TEST(operators_are_told_apart)
{
    struct scene_client client;

    scene_set(&scene, "policy = two\n[two]\nmin_scts = 2\nmin_operators = 2\n");
    scene.listed[1].log_operator = "Alpha";
    scene_list(&scene, pki_now());
    scene_client(&scene, "ab", &client);
    expect("one operator", &client.input, false, CLIENTCT_TOO_FEW_OPERATORS);
    scene_client_clear(&client);
    scene_client(&scene, "ac", &client);
    expect("two operators", &client.input, true, CLIENTCT_COMPLIANT);
    scene_client_clear(&client);
}
END_TEST

START_TEST(without_issuer_embedded_scts_do_not_count_but_x509_entries_do)
{
    struct scene_client client;
    struct pki_bytes list = { 0 };

    scene_set(&scene, "");
    scene_client(&scene, "a", &client);
    client.input.chain = NULL;
    expect("no chain", &client.input, false, CLIENTCT_ISSUER_UNKNOWN);
    scene_x509_list(&scene, &client, "b", &list);
    client.input.tls_scts = list.data;
    client.input.tls_scts_len = list.len;
    expect("no chain, SCTs by TLS", &client.input, true, CLIENTCT_COMPLIANT);
    pki_bytes_clear(&list);
    scene_client_clear(&client);
}
END_TEST

START_TEST(an_issuer_twin_does_not_do)
{
    struct scene_client client;
    struct pki_ca twin = { 0 };

    scene_set(&scene, "");
    scene_client(&scene, "a", &client);
    pki_ca_new(&twin, "Scene CA", NULL, NULL, 30);
    sk_X509_set(client.chain, 1, twin.certificate);
    expect("same name, other key", &client.input, false, CLIENTCT_BAD_SIGNATURE);
    pki_ca_clear(&twin);
    scene_client_clear(&client);
}
END_TEST

START_TEST(sources_are_pooled_and_only_those_configured)
{
    struct scene_client client;
    struct pki_bytes list = { 0 };

    scene_set(&scene, "policy = two\n[two]\nmin_scts = 2\n");
    scene_client(&scene, "a", &client);
    scene_x509_list(&scene, &client, "b", &list);
    expect("embedded only", &client.input, false, CLIENTCT_TOO_FEW_SCTS);
    client.input.tls_scts = list.data;
    client.input.tls_scts_len = list.len;
    expect("embedded and TLS", &client.input, true, CLIENTCT_COMPLIANT);
    scene_configure(&scene, "sources = embedded\npolicy = two\n[two]\nmin_scts = 2\n");
    expect("TLS is no source", &client.input, false, CLIENTCT_TOO_FEW_SCTS);
    client.input.tls_scts_len--;
    scene_configure(&scene, "sources = tls\n");
    expect("a broken list", &client.input, false, CLIENTCT_MALFORMED_SCT_LIST);
    pki_bytes_clear(&list);
    scene_client_clear(&client);
}
END_TEST

START_TEST(the_store_is_a_source)
{
    struct scene_client client;
    struct pki_bytes list = { 0 };
    char settings[128], name[80];

    scene_set(&scene, "");
    snprintf(settings, sizeof settings, "sct_store = %s\n", scene.dir);
    scene_configure(&scene, settings);
    scene_client(&scene, "", &client);
    expect("empty store", &client.input, false, CLIENTCT_NO_SCTS);
    scene_x509_list(&scene, &client, "a", &list);
    pki_sha256_hex(client.minted.der.data, client.minted.der.len, name);
    strcat(name, ".sct");
    scene_put(&scene, name, list.data, list.len);
    expect("in the store", &client.input, true, CLIENTCT_COMPLIANT);
    pki_bytes_clear(&list);
    scene_client_clear(&client);
}
END_TEST

START_TEST(scts_are_looked_at_in_the_order_of_the_sources)
{
    struct scene_client client;
    struct pki_bytes tls = { 0 }, ocsp = { 0 };
    struct clientct_verdict verdict;
    struct pki_sct stapled;

    scene_set(&scene, "");
    scene_client(&scene, "a", &client);
    stapled = (struct pki_sct){ .log = &scene.logs[2], .time_ms = pki_now() - PKI_HOUR };
    pki_ocsp_response(&ocsp, &(struct pki_ocsp){ .certificate = client.minted.certificate,
                                                 .ca = &scene.ca,
                                                 .this_update_ms = pki_now() - PKI_HOUR,
                                                 .next_update_ms = pki_now() + PKI_DAY,
                                                 .scts = &stapled,
                                                 .sct_count = 1 });
    scene_x509_list(&scene, &client, "b", &tls);
    client.input.tls_scts = tls.data;
    client.input.tls_scts_len = tls.len;
    client.input.ocsp_response = ocsp.data;
    client.input.ocsp_response_len = ocsp.len;
    client.input.explain = true;
    verdict = decide(&client.input);
    ck_assert_uint_eq(verdict.sct_count, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(verdict.scts[i]->source, CLIENTCT_SOURCE_EMBEDDED + i);
        ck_assert_int_eq(verdict.scts[i]->status, CLIENTCT_VALID);
    }
    clientct_verdict_clear(&verdict);
    pki_bytes_clear(&tls);
    pki_bytes_clear(&ocsp);
    scene_client_clear(&client);
}
END_TEST

START_TEST(a_revoked_certificate_is_refused_whatever_else_it_has)
{
    static const char *const settings[] = { "", "rules = r\n[r]\nx = x\n[x]\nexempt = yes\n" };
    struct scene_client client;
    struct pki_bytes ocsp = { 0 };

    scene_set(&scene, "");
    scene_client(&scene, "abc", &client);
    pki_ocsp_response(&ocsp, &(struct pki_ocsp){ .certificate = client.minted.certificate,
                                                 .ca = &scene.ca,
                                                 .status = V_OCSP_CERTSTATUS_REVOKED,
                                                 .this_update_ms = pki_now() - PKI_HOUR,
                                                 .next_update_ms = pki_now() + PKI_DAY });
    client.input.ocsp_response = ocsp.data;
    client.input.ocsp_response_len = ocsp.len;
    for (size_t i = 0; i < 2; i++) {
        scene_configure(&scene, settings[i]);
        expect(i == 0 ? "logged" : "exempt", &client.input, false, CLIENTCT_REVOKED);
    }
    scene_configure(&scene, "sources = embedded\n");
    expect("OCSP is no source", &client.input, true, CLIENTCT_COMPLIANT);
    pki_bytes_clear(&ocsp);
    scene_client_clear(&client);
}
END_TEST

START_TEST(signature_checks_are_bounded)
{
    struct scene_client client;
    struct clientct_verdict verdict;
    char logs[200];

    scene_set(&scene, "");
    memset(logs, 'A', sizeof logs - 1);
    logs[sizeof logs - 1] = '\0';
    logs[0] = 'B';
    logs[1] = 'C';
    scene_client(&scene, logs, &client);
    verdict = decide(&client.input);
    ck_assert(!verdict.accept);
    ck_assert_uint_eq(verdict.signatures_checked, 2 + CT_SIGNATURE_CHECKS_PER_LOG);
    ck_assert_uint_eq(verdict.sct_count, 199);
    clientct_verdict_clear(&verdict);
    scene_client_clear(&client);
}
END_TEST

START_TEST(checks_stop_when_the_policy_is_met)
{
    struct scene_client client;
    struct clientct_verdict verdict;

    scene_set(&scene, "");
    scene_client(&scene, "abc", &client);
    verdict = decide(&client.input);
    ck_assert_uint_eq(verdict.signatures_checked, 1);
    ck_assert_int_eq(verdict.scts[0]->status, CLIENTCT_VALID);
    ck_assert_int_eq(verdict.scts[2]->status, CLIENTCT_NOT_CHECKED);
    clientct_verdict_clear(&verdict);
    client.input.explain = true;
    verdict = decide(&client.input);
    ck_assert_uint_eq(verdict.signatures_checked, 3);
    ck_assert_int_eq(verdict.scts[2]->status, CLIENTCT_VALID);
    ck_assert_uint_gt(verdict.condition_count, 0);
    clientct_verdict_clear(&verdict);
    scene_client_clear(&client);
}
END_TEST

START_TEST(explaining_checks_what_a_server_would_before_repeats)
{
    struct scene_client client;
    struct clientct_verdict verdict;
    struct pki_bytes tls = { 0 };
    size_t last;

    scene_set(&scene, "");
    scene_client(&scene, "aaaaaaaabbbbbbbbcccccccc", &client);
    scene_x509_list(&scene, &client, "aaaaaaaab", &tls);
    client.input.tls_scts = tls.data;
    client.input.tls_scts_len = tls.len;
    client.input.explain = true;
    verdict = decide(&client.input);
    ck_assert_uint_eq(verdict.signatures_checked, CT_SIGNATURE_CHECKS_MAX);
    last = verdict.sct_count - 1;
    ck_assert_int_eq(verdict.scts[last]->source, CLIENTCT_SOURCE_TLS);
    ck_assert_int_eq(verdict.scts[last]->status, CLIENTCT_VALID);
    clientct_verdict_clear(&verdict);
    pki_bytes_clear(&tls);
    scene_client_clear(&client);
}
END_TEST

START_TEST(where_the_rule_cannot_be_told_the_strictest_mode_holds)
{
    static const struct {
        const char *top, *rule;
        bool accept;
        enum clientct_mode mode;
    } rows[] = {
        { "enforce", "report", false, CLIENTCT_MODE_ENFORCE }, { "report", "enforce", false, CLIENTCT_MODE_ENFORCE },
        { "report", "off", true, CLIENTCT_MODE_REPORT },       { "off", "report", true, CLIENTCT_MODE_REPORT },
        { "off", "enforce", false, CLIENTCT_MODE_ENFORCE },
    };
    EXTENDED_KEY_USAGE *usage = EXTENDED_KEY_USAGE_new();
    struct scene_client client;

    scene_set(&scene, "");
    scene_client(&scene, "a", &client);
    ck_assert_int_gt(sk_ASN1_OBJECT_push(usage, OBJ_txt2obj("1.2.3.4", 1)), 0);
    for (size_t i = 0; i < 2; i++) { /* there twice */
        ck_assert_int_eq(X509_add1_ext_i2d(client.input.leaf, NID_ext_key_usage, usage, 0, X509V3_ADD_APPEND), 1);
    }
    EXTENDED_KEY_USAGE_free(usage);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct clientct_verdict verdict;
        char settings[300];

        snprintf(settings, sizeof settings,
                 "mode = %s\nrules = rules\n[rules]\nr = r\n[r]\nextended_key_usage = 1.2.3.4\nmode = %s\n",
                 rows[i].top, rows[i].rule);
        scene_configure(&scene, settings);
        verdict = decide(&client.input);
        ck_assert_msg(verdict.accept == rows[i].accept && verdict.mode == rows[i].mode, "%s, %s: accept %d, mode %s",
                      rows[i].top, rows[i].rule, verdict.accept, clientct_mode_name(verdict.mode));
        ck_assert_int_eq(verdict.reason, CLIENTCT_BAD_EXTENSIONS);
        ck_assert_ptr_nonnull(strstr(verdict.detail, "twice"));
        clientct_verdict_clear(&verdict);
    }
    scene_client_clear(&client);
}
END_TEST

START_TEST(report_and_off_do_not_refuse)
{
    struct scene_client client;
    struct clientct_verdict verdict;

    scene_set(&scene, "mode = report\n");
    scene_client(&scene, "", &client);
    verdict = decide(&client.input);
    ck_assert(verdict.accept);
    ck_assert(!verdict.compliant);
    ck_assert_int_eq(verdict.reason, CLIENTCT_NO_SCTS);
    ck_assert_int_eq(verdict.mode, CLIENTCT_MODE_REPORT);
    clientct_verdict_clear(&verdict);
    scene_configure(&scene, "mode = off\n");
    expect("off", &client.input, true, CLIENTCT_NOT_EVALUATED);
    scene_client_clear(&client);
}
END_TEST

START_TEST(what_is_broken_is_refused_whatever_it_says)
{
    static const struct {
        const char *name;
        struct pki_leaf leaf;
        enum clientct_reason reason;
    } rows[] = {
        { "two lists", { .two_sct_extensions = true }, CLIENTCT_BAD_EXTENSIONS },
        { "poison", { .poison = true }, CLIENTCT_PRECERTIFICATE },
        { "empty list", { .list_fault = PKI_LIST_EMPTY }, CLIENTCT_MALFORMED_SCT_LIST },
        { "trailing byte", { .list_fault = PKI_LIST_TRAILING }, CLIENTCT_MALFORMED_SCT_LIST },
        { "octet string", { .list_fault = PKI_LIST_OCTET_TRAILING }, CLIENTCT_MALFORMED_SCT_LIST },
    };

    scene_set(&scene, "");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene_client client;

        scene_client_of(&scene, rows[i].leaf, "ab", &client);
        expect(rows[i].name, &client.input, false, rows[i].reason);
        scene_client_clear(&client);
    }
}
END_TEST

START_TEST(a_raw_public_key_needs_leave)
{
    struct clientct_input input = { 0 };

    scene_set(&scene, "");
    expect("default", &input, false, CLIENTCT_NO_CERTIFICATE);
    scene_configure(&scene, "raw_public_keys = allow\n");
    expect("allowed", &input, true, CLIENTCT_NO_CERTIFICATE);
}
END_TEST

/* Policy apple wants one log that is none of the static-ct ones, and the list does not always say which are. */
START_TEST(who_writes_leaf_index_is_a_static_ct_log)
{
    struct pki_bytes index = { 0 };

    pki_add_leaf_index(&index, 7);
    scene_set(&scene, "policy = apple\n");
    for (int with = 0; with < 8; with++) { /* bits: the embedded SCTs of a and b, and that of a by TLS, have it */
        struct pki_sct scts[3];
        struct pki_bytes list = { 0 };
        struct pki_entry entry = { 0 };
        struct scene_client client = { 0 };
        /* too long a life for the way that is embedded alone */
        struct pki_leaf leaf = { .sct_count = 2, .scts = scts, .not_after_ms = pki_now() + 500 * PKI_DAY };
        bool another = (with & 2) == 0 || (with & 5) != 5; /* one of the two logs has an SCT without: more never hurt */

        for (int i = 0; i < 3; i++) {
            scts[i] = (struct pki_sct){
                .log = &scene.logs[i % 2],
                .time_ms = pki_now() - PKI_HOUR,
                .extensions = index.data,
                .extensions_len = (with & 1 << i) != 0 ? index.len : 0,
            };
        }
        pki_mint(&client.minted, &leaf, &scene.ca);
        client.chain = sk_X509_new_null();
        ck_assert_int_gt(sk_X509_push(client.chain, client.minted.certificate), 0);
        ck_assert_int_gt(sk_X509_push(client.chain, scene.ca.certificate), 0);
        pki_entry_of(&entry, client.minted.certificate, scene.ca.certificate, PKI_ENTRY_X509);
        pki_add_sct_list(&list, &entry, &scts[2], 1, PKI_LIST_NONE);
        client.input = (struct clientct_input){
            .leaf = client.minted.certificate,
            .chain = client.chain,
            .tls_scts = list.data,
            .tls_scts_len = list.len,
        };
        expect("embedded and by TLS", &client.input, another,
               another ? CLIENTCT_COMPLIANT : CLIENTCT_REQUIRED_LOG_MISSING);
        pki_entry_clear(&entry);
        pki_bytes_clear(&list);
        scene_client_clear(&client);
    }
    pki_bytes_clear(&index);
}
END_TEST

START_TEST(tiled_logs_need_leaf_index)
{
    struct scene_client client;

    scene_set(&scene, "");
    scene.listed[0].tiled = true;
    scene_list(&scene, pki_now());
    scene_client(&scene, "a", &client);
    expect("no leaf_index", &client.input, false, CLIENTCT_BAD_EXTENSIONS);
    scene_configure(&scene, "leaf_index = ignore\n");
    expect("no leaf_index, which is ignored", &client.input, true, CLIENTCT_COMPLIANT);
    scene_client_clear(&client);
}
END_TEST

START_TEST(stale_lists_do_what_on_stale_says)
{
    struct scene_client client;

    scene_set(&scene, "log_list_max_age = 1d\non_stale = refuse\n");
    scene_client(&scene, "a", &client);
    expect("fresh", &client.input, true, CLIENTCT_COMPLIANT);
    scene_list(&scene, pki_now() - 25 * PKI_HOUR);
    expect("stale, refuse", &client.input, false, CLIENTCT_LOG_LIST_STALE);
    scene_configure(&scene, "log_list_max_age = 1d\non_stale = warn\n");
    expect("stale, warn", &client.input, true, CLIENTCT_COMPLIANT);
    scene_client_clear(&client);
    scene_client(&scene, "", &client);
    expect("stale, warn, unlogged", &client.input, false, CLIENTCT_NO_SCTS);
    scene_configure(&scene, "log_list_max_age = 1d\non_stale = report\n");
    expect("stale, report, unlogged", &client.input, true, CLIENTCT_NO_SCTS);
    scene_client_clear(&client);
}
END_TEST

START_TEST(a_shadow_policy_decides_nothing)
{
    struct scene_client client;
    struct clientct_verdict verdict;

    scene_set(&scene, "shadow_policy = strict\n[strict]\nmin_scts = 2\n");
    scene_client(&scene, "a", &client);
    verdict = decide(&client.input);
    ck_assert(verdict.accept);
    ck_assert_str_eq(verdict.shadow_policy, "strict");
    ck_assert(!verdict.shadow_compliant);
    ck_assert_int_eq(verdict.shadow_reason, CLIENTCT_TOO_FEW_SCTS);
    ck_assert_uint_eq(verdict.signatures_checked, 1); /* nothing twice */
    ck_assert_int_eq(verdict.scts[0]->status, CLIENTCT_VALID);
    clientct_verdict_clear(&verdict);
    scene_client_clear(&client);
    scene_client(&scene, "ab", &client);
    verdict = decide(&client.input);
    ck_assert(verdict.accept);
    ck_assert(verdict.shadow_compliant);
    clientct_verdict_clear(&verdict);
    scene_client_clear(&client);
}
END_TEST

static void exempt_until(int64_t ms)
{
    char settings[512], expires[32];

    ct_time_format(ms, expires, sizeof expires);
    snprintf(settings, sizeof settings,
             "rules = rules\n[rules]\nold = old\n[old]\nissued_before = 2100-01-01T00:00:00Z\nexempt = yes\n"
             "expires = %s\n",
             expires);
    scene_configure(&scene, settings);
}

START_TEST(exemptions_end)
{
    struct clientct_verdict verdict;
    struct scene_client client;

    scene_set(&scene, "");
    scene_client(&scene, "", &client);
    exempt_until(pki_now() + PKI_DAY);
    expect("in force", &client.input, true, CLIENTCT_EXEMPT);
    exempt_until(pki_now() - PKI_DAY);
    expect("expired", &client.input, false, CLIENTCT_NO_SCTS);
    verdict = decide(&client.input);
    ck_assert_str_eq(verdict.rule, "old");
    ck_assert_msg(strstr(verdict.detail, "; the exemption of rule old ended on 20") != NULL, "%s", verdict.detail);
    clientct_verdict_clear(&verdict);
    scene_client_clear(&client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decision");
    TCase *tc = tcase_create("decision");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, embedded_scts_decide);
    tcase_add_test(tc, one_log_counts_once);
    tcase_add_test(tc, operators_are_told_apart);
    tcase_add_test(tc, without_issuer_embedded_scts_do_not_count_but_x509_entries_do);
    tcase_add_test(tc, an_issuer_twin_does_not_do);
    tcase_add_test(tc, sources_are_pooled_and_only_those_configured);
    tcase_add_test(tc, the_store_is_a_source);
    tcase_add_test(tc, scts_are_looked_at_in_the_order_of_the_sources);
    tcase_add_test(tc, a_revoked_certificate_is_refused_whatever_else_it_has);
    tcase_add_test(tc, signature_checks_are_bounded);
    tcase_add_test(tc, checks_stop_when_the_policy_is_met);
    tcase_add_test(tc, explaining_checks_what_a_server_would_before_repeats);
    tcase_add_test(tc, where_the_rule_cannot_be_told_the_strictest_mode_holds);
    tcase_add_test(tc, report_and_off_do_not_refuse);
    tcase_add_test(tc, what_is_broken_is_refused_whatever_it_says);
    tcase_add_test(tc, a_raw_public_key_needs_leave);
    tcase_add_test(tc, tiled_logs_need_leaf_index);
    tcase_add_test(tc, who_writes_leaf_index_is_a_static_ct_log);
    tcase_add_test(tc, stale_lists_do_what_on_stale_says);
    tcase_add_test(tc, a_shadow_policy_decides_nothing);
    tcase_add_test(tc, exemptions_end);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
