/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "scene.h"
#include "unit.h"

static struct scene scene;
static struct clientct_checker *checker;

static void start(const char *settings)
{
    scene_set(&scene, settings);
    checker = clientct_checker_new(scene.config);
    ck_assert_ptr_nonnull(checker);
}

static void teardown(void)
{
    clientct_checker_free(checker);
    scene_clear(&scene);
}

static void expect(const char *what, const struct clientct_input *input, bool cached, enum clientct_reason reason)
{
    struct clientct_verdict verdict;

    ck_assert(clientct_decide(checker, input, &verdict) == (reason == CLIENTCT_COMPLIANT));
    ck_assert_msg(verdict.reason == reason, "%s: %s, want %s", what, clientct_reason_name(verdict.reason),
                  clientct_reason_name(reason));
    ck_assert_msg(verdict.cached == cached, "%s: cached is %d", what, verdict.cached);
    clientct_verdict_clear(&verdict);
}

START_TEST(a_repeated_verdict_is_the_same_but_for_the_work)
{
    static const char *const clients[] = { "ab", "A", "" };

    start("policy = two\nshadow_policy = one\n[two]\nmin_scts = 2\n");
    for (size_t i = 0; i < 3; i++) {
        struct scene_client client;
        struct clientct_verdict first, again;

        scene_client(&scene, clients[i], &client);
        ck_assert_int_eq(clientct_decide(checker, &client.input, &first),
                         clientct_decide(checker, &client.input, &again));
        ck_assert(!first.cached && again.cached);
        ck_assert_uint_eq(again.signatures_checked, 0);
        ck_assert(first.accept == again.accept && first.decided == again.decided &&
                  first.compliant == again.compliant && first.reason == again.reason && first.mode == again.mode &&
                  first.policy == again.policy && first.rule == again.rule &&
                  first.shadow_policy == again.shadow_policy && first.shadow_reason == again.shadow_reason &&
                  first.shadow_compliant == again.shadow_compliant && first.generation == again.generation);
        ck_assert_mem_eq(first.leaf_sha256, again.leaf_sha256, 32);
        ck_assert(again.accept || again.detail[0] != '\0');
        clientct_verdict_clear(&first);
        clientct_verdict_clear(&again);
        scene_client_clear(&client);
    }
}
END_TEST

/* By what the rules say to it, a name is one of few; a client could make up any number. */
START_TEST(names_are_told_apart_by_the_rules_that_match)
{
    static const struct {
        const char *name, *rule;
        bool cached;
    } rows[] = {
        { NULL, "none", false },      { "x.example", "none", true }, { "1.c.example", "c", false },
        { "2.C.example", "c", true }, { "y.example", "none", true }, { "a.example", "a", false },
        { "A.EXAMPLE.", "a", true },  { "2.c.example", "c", false }, /* a client has two places */
    };
    struct scene_client client;

    start("rules = r\n[r]\na = a\nc = c\n[a]\nserver_name = a.example\npolicy = one\n"
          "[c]\nserver_name = *.c.example\npolicy = one\n");
    scene_client(&scene, "a", &client);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct clientct_verdict verdict;

        client.input.server_name = rows[i].name;
        ck_assert(clientct_decide(checker, &client.input, &verdict));
        ck_assert_str_eq(verdict.rule != NULL ? verdict.rule : "none", rows[i].rule);
        if (i < 7) { /* which of the two is pushed out then is not said */
            ck_assert_msg(verdict.cached == rows[i].cached, "row %zu", i);
        }
        clientct_verdict_clear(&verdict);
    }
    scene_client_clear(&client);
}
END_TEST

START_TEST(another_input_is_another_verdict)
{
    struct scene_client client;
    struct pki_ca twin = { 0 };
    struct pki_bytes list = { 0 };

    start("");
    scene_client(&scene, "a", &client);
    expect("first", &client.input, false, CLIENTCT_COMPLIANT);
    expect("again", &client.input, true, CLIENTCT_COMPLIANT);
    client.input.server_name = "no-rule-asks-for-it.example";
    expect("with a name", &client.input, true, CLIENTCT_COMPLIANT);
    client.input.server_name = NULL;
    scene_x509_list(&scene, &client, "b", &list);
    client.input.tls_scts = list.data;
    client.input.tls_scts_len = list.len;
    expect("with SCTs by TLS", &client.input, false, CLIENTCT_COMPLIANT);
    client.input.tls_scts = NULL;
    pki_ca_new(&twin, "Scene CA", NULL, NULL, 30);
    sk_X509_set(client.chain, 1, twin.certificate);
    expect("another issuer", &client.input, false, CLIENTCT_BAD_SIGNATURE);
    client.input.chain = NULL;
    expect("no issuer", &client.input, false, CLIENTCT_ISSUER_UNKNOWN);
    client.input.chain = client.chain;
    sk_X509_set(client.chain, 1, scene.ca.certificate);
    expect("as at first", &client.input, true, CLIENTCT_COMPLIANT);
    client.input.tls_scts = list.data;
    client.input.tls_scts_len = 0;
    expect("an empty list is not no list", &client.input, false, CLIENTCT_COMPLIANT);
    client.input.explain = true;
    expect("explained", &client.input, false, CLIENTCT_COMPLIANT);
    pki_bytes_clear(&list);
    pki_ca_clear(&twin);
    scene_client_clear(&client);
}
END_TEST

START_TEST(a_changed_policy_or_list_ends_every_verdict)
{
    struct scene_client client;

    start("");
    scene_client(&scene, "a", &client);
    expect("first", &client.input, false, CLIENTCT_COMPLIANT);
    scene_configure(&scene, "policy = two\n[two]\nmin_scts = 2\n");
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    expect("another policy", &client.input, false, CLIENTCT_TOO_FEW_SCTS);
    scene_configure(&scene, "");
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    expect("the first policy, which was decided before", &client.input, true, CLIENTCT_COMPLIANT);
    scene.listed[0].state = "rejected";
    scene_list(&scene, pki_now());
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    expect("the log is rejected", &client.input, false, CLIENTCT_LOG_NOT_TRUSTED);
    scene_client_clear(&client);
}
END_TEST

START_TEST(a_changed_store_ends_the_verdict_of_its_certificate)
{
    struct scene_client client;
    struct pki_bytes list = { 0 };
    char settings[128], name[80], path[192];

    start("");
    snprintf(settings, sizeof settings, "sct_store = %s\n", scene.dir);
    scene_configure(&scene, settings);
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    scene_client(&scene, "", &client);
    expect("nothing in the store", &client.input, false, CLIENTCT_NO_SCTS);
    expect("nothing again", &client.input, true, CLIENTCT_NO_SCTS);
    scene_x509_list(&scene, &client, "a", &list);
    pki_sha256_hex(client.minted.der.data, client.minted.der.len, name);
    strcat(name, ".sct");
    scene_put(&scene, name, list.data, list.len);
    usleep(200000); /* what has changed just now is not kept */
    expect("put in", &client.input, false, CLIENTCT_COMPLIANT);
    expect("put in, again", &client.input, true, CLIENTCT_COMPLIANT);
    snprintf(path, sizeof path, "%s/%s", scene.dir, name);
    ck_assert_int_eq(unlink(path), 0);
    expect("taken out", &client.input, false, CLIENTCT_NO_SCTS);
    pki_bytes_clear(&list);
    scene_client_clear(&client);
}
END_TEST

static int64_t age_of(const char *path)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return ct_now_ms() - ((int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000);
}

/* Written again within a tick of the clock, a file can look as before. */
START_TEST(a_verdict_by_a_file_that_has_just_changed_is_not_kept)
{
    struct scene_client client;
    struct pki_bytes list = { 0 };
    char settings[128], name[80], path[192];
    bool seen = false;

    start("");
    snprintf(settings, sizeof settings, "sct_store = %s\n", scene.dir);
    scene_configure(&scene, settings);
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    scene_client(&scene, "", &client);
    scene_x509_list(&scene, &client, "a", &list);
    pki_sha256_hex(client.minted.der.data, client.minted.der.len, name);
    strcat(name, ".sct");
    snprintf(path, sizeof path, "%s/%s", scene.dir, name);
    for (int i = 0; i < 100 && !seen; i++) { /* a busy machine may be slower than that */
        struct clientct_verdict first, second;

        scene_put(&scene, name, list.data, list.len);
        (void)!clientct_decide(checker, &client.input, &first);
        (void)!clientct_decide(checker, &client.input, &second);
        if (age_of(path) < 90) {
            seen = true;
            ck_assert(first.accept && second.accept && !first.cached && !second.cached);
        }
        clientct_verdict_clear(&first);
        clientct_verdict_clear(&second);
    }
    ck_assert(seen);
    pki_bytes_clear(&list);
    scene_client_clear(&client);
}
END_TEST

/* A link is not followed, but that is known of it until it changes. */
START_TEST(a_link_among_the_evidence_keeps_no_verdict_from_the_cache)
{
    struct scene_client client;
    struct pki_bytes list = { 0 };
    char settings[300], hex[65], path[192], target[192];

    start("");
    scene_client(&scene, "", &client);
    snprintf(settings, sizeof settings, "sct_store = %s\nocsp_store = %s\n", scene.dir, scene.dir);
    scene_configure(&scene, settings);
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    scene_x509_list(&scene, &client, "a", &list);
    scene_put(&scene, "elsewhere", list.data, list.len);
    pki_sha256_hex(client.minted.der.data, client.minted.der.len, hex);
    snprintf(target, sizeof target, "%s/elsewhere", scene.dir);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s.%s", scene.dir, hex, i == 0 ? "sct" : "ocsp");
        ck_assert_int_eq(symlink(target, path), 0);
    }
    usleep(200000);
    expect("links", &client.input, false, CLIENTCT_NO_SCTS);
    expect("links, again", &client.input, true, CLIENTCT_NO_SCTS);
    ck_assert_int_eq(unlink(path), 0);
    expect("one link", &client.input, false, CLIENTCT_NO_SCTS);
    expect("one link, again", &client.input, true, CLIENTCT_NO_SCTS);
    pki_bytes_clear(&list);
    scene_client_clear(&client);
}
END_TEST

/* Whatever a program gives as the time, nothing overflows, and nothing that is too early or too late counts. */
static void decide_at_the_ends(const char *staleness, enum clientct_reason late)
{
    static const int64_t times[] = { INT64_MAX, INT64_MAX - 1, INT64_MAX - 1000, INT64_MIN, INT64_MIN + 1, -1, 1 };
    struct scene_client client;
    char settings[600];

    start("");
    snprintf(settings, sizeof settings,
             "sct_store = %s\nocsp_store = %s\n%spolicy = p\nrules = r\n"
             "[p]\nsct_max_age = 1d\nclock_skew = 1d\n[r]\nx = x\n[x]\nserver_name = x.example\nexempt = yes\n"
             "expires = 2020-01-01T00:00:00Z\n",
             scene.dir, scene.dir, staleness);
    scene_configure(&scene, settings);
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    scene_client(&scene, "ab", &client);
    for (size_t i = 0; i < 2 * sizeof times / sizeof times[0]; i++) {
        struct clientct_verdict verdict;

        client.input.at_ms = times[i / 2];
        ck_assert_msg(!clientct_decide(checker, &client.input, &verdict), "%" PRId64, times[i / 2]);
        ck_assert_msg(verdict.reason == (times[i / 2] > 1 ? late : CLIENTCT_FUTURE_TIMESTAMP), "%" PRId64 ": %s",
                      times[i / 2], clientct_reason_name(verdict.reason));
        clientct_verdict_clear(&verdict);
    }
    scene_client_clear(&client);
}

START_TEST(times_at_the_ends_of_the_scale_are_times)
{
    decide_at_the_ends("on_stale = refuse\nlog_list_max_age = 35d\n", CLIENTCT_LOG_LIST_STALE);
}
END_TEST

/* What is stale is refused before anything is added to a time. */
START_TEST(sums_of_times_end_where_the_scale_ends)
{
    decide_at_the_ends("log_list_max_age = 0\n", CLIENTCT_SCT_TOO_OLD);
}
END_TEST

START_TEST(time_ends_a_verdict_in_both_directions)
{
    struct scene_client client;
    int64_t now = pki_now();

    start("policy = fresh\n[fresh]\nsct_max_age = 1d\n");
    scene_client(&scene, "a", &client); /* its SCT is 30 minutes old */
    client.input.at_ms = now;
    expect("now", &client.input, false, CLIENTCT_COMPLIANT);
    client.input.at_ms = now + 20 * PKI_HOUR;
    expect("in 20 hours", &client.input, true, CLIENTCT_COMPLIANT);
    client.input.at_ms = now + 25 * PKI_HOUR;
    expect("in 25 hours", &client.input, false, CLIENTCT_SCT_TOO_OLD);
    client.input.at_ms = now + 30 * PKI_HOUR;
    expect("in 30 hours", &client.input, true, CLIENTCT_SCT_TOO_OLD);
    client.input.at_ms = now + PKI_HOUR;
    expect("back in time, where the first verdict holds", &client.input, true, CLIENTCT_COMPLIANT);
    client.input.at_ms = now - PKI_HOUR;
    expect("before the SCT", &client.input, false, CLIENTCT_FUTURE_TIMESTAMP);
    client.input.at_ms = now + PKI_HOUR;
    expect("and forth", &client.input, true, CLIENTCT_COMPLIANT);
    scene_client_clear(&client);
}
END_TEST

START_TEST(an_expired_exemption_is_not_served)
{
    struct scene_client client;
    int64_t now = pki_now();
    char settings[512], expires[32];

    start("");
    scene_client(&scene, "", &client);
    ct_time_format(now + PKI_DAY, expires, sizeof expires);
    snprintf(settings, sizeof settings, "rules = r\n[r]\nx = x\n[x]\nexempt = yes\nexpires = %s\n", expires);
    scene_configure(&scene, settings);
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    for (int i = 0; i < 2; i++) {
        struct clientct_verdict verdict;

        client.input.at_ms = now;
        ck_assert(clientct_decide(checker, &client.input, &verdict));
        ck_assert_int_eq(verdict.reason, CLIENTCT_EXEMPT);
        ck_assert_int_eq(verdict.cached, i == 1);
        ck_assert_str_eq(verdict.rule, "x");
        clientct_verdict_clear(&verdict);
    }
    client.input.at_ms = now + 2 * PKI_DAY;
    expect("expired", &client.input, false, CLIENTCT_NO_SCTS);
    scene_client_clear(&client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cached_decision");
    TCase *tc = tcase_create("cached_decision");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, a_repeated_verdict_is_the_same_but_for_the_work);
    tcase_add_test(tc, names_are_told_apart_by_the_rules_that_match);
    tcase_add_test(tc, another_input_is_another_verdict);
    tcase_add_test(tc, a_changed_policy_or_list_ends_every_verdict);
    tcase_add_test(tc, a_changed_store_ends_the_verdict_of_its_certificate);
    tcase_add_test(tc, a_verdict_by_a_file_that_has_just_changed_is_not_kept);
    tcase_add_test(tc, a_link_among_the_evidence_keeps_no_verdict_from_the_cache);
    tcase_add_test(tc, times_at_the_ends_of_the_scale_are_times);
    tcase_add_test(tc, sums_of_times_end_where_the_scale_ends);
    tcase_add_test(tc, time_ends_a_verdict_in_both_directions);
    tcase_add_test(tc, an_expired_exemption_is_not_served);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
