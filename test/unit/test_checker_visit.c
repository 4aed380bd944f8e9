/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "scene.h"
#include "unit.h"

static struct scene scene;

struct visited {
    size_t count;
    size_t stop_after; /* 0: never */
    uint8_t der[8][2048];
    size_t len[8];
    char name[8][64];
};

static bool note(void *arg, const uint8_t *der, size_t len, const char *name)
{
    struct visited *visited = arg;

    ck_assert_uint_lt(visited->count, 8);
    ck_assert_uint_le(len, sizeof visited->der[0]);
    memcpy(visited->der[visited->count], der, len);
    visited->len[visited->count] = len;
    strncpy(visited->name[visited->count], name, sizeof visited->name[0] - 1);
    visited->count++;
    return visited->count != visited->stop_after;
}

static bool has(const struct visited *visited, const void *der, size_t len)
{
    for (size_t i = 0; i < visited->count; i++) {
        if (visited->len[i] == len && memcmp(visited->der[i], der, len) == 0) {
            return true;
        }
    }
    return false;
}

static void configure_with_rules(void)
{
    char prefix[96], settings[1024];

    snprintf(prefix, sizeof prefix, "%s/ca", scene.dir);
    pki_ca_write(&scene.ca, prefix);
    snprintf(settings, sizeof settings,
             "rules = rules\n[rules]\nfirst = first\nagain = again\nhash = hash\n"
             "[first]\nissuer = %s.pem\nserver_name = a.example\npolicy = one\n"
             "[again]\nissuer = %s.pem\nserver_name = b.example\npolicy = one\n"
             "[hash]\nissuer = sha256:%064d\npolicy = one\n",
             prefix, prefix, 0);
    scene_configure(&scene, settings);
}

static void setup(void)
{
    scene_set(&scene, "");
}

static void teardown(void)
{
    scene_clear(&scene);
}

START_TEST(visits_every_log_that_can_count)
{
    struct clientct_checker *checker = clientct_checker_new(scene.config);
    struct visited visited = { 0 };

    ck_assert(clientct_checker_visit_logs(checker, note, &visited));
    ck_assert_uint_eq(visited.count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_msg(has(&visited, scene.logs[i].spki.data, scene.logs[i].spki.len), "log %zu is visited", i);
    }
    ck_assert_str_ne(visited.name[0], "");
    clientct_checker_free(checker);
}
END_TEST

START_TEST(visits_a_ca_of_two_rules_once_and_no_hash)
{
    struct clientct_checker *checker;
    struct visited visited = { 0 };
    unsigned char *der = NULL;
    int len = i2d_X509(scene.ca.certificate, &der);

    configure_with_rules();
    checker = clientct_checker_new(scene.config);
    ck_assert(clientct_checker_visit_anchors(checker, note, &visited));
    ck_assert_uint_eq(visited.count, 1);
    ck_assert(has(&visited, der, (size_t)len));
    ck_assert_str_eq(visited.name[0], "first");
    OPENSSL_free(der);
    clientct_checker_free(checker);
}
END_TEST

START_TEST(ends_when_the_visitor_says_so)
{
    struct clientct_checker *checker = clientct_checker_new(scene.config);
    struct visited visited = { .stop_after = 2 };

    ck_assert(!clientct_checker_visit_logs(checker, note, &visited));
    ck_assert_uint_eq(visited.count, 2);
    clientct_checker_free(checker);
}
END_TEST

START_TEST(has_nothing_to_visit_without_a_configuration)
{
    struct clientct_checker *checker;
    struct visited visited = { 0 };

    scene_put(&scene, "clientct.cnf", "nonsense\n", 9);
    checker = clientct_checker_new(scene.config);
    ck_assert_ptr_nonnull(checker);
    ck_assert(!clientct_checker_visit_logs(checker, note, &visited));
    ck_assert(!clientct_checker_visit_anchors(checker, note, &visited));
    ck_assert_uint_eq(visited.count, 0);
    clientct_checker_free(checker);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checker_visit");
    TCase *visit = tcase_create("visit");

    tcase_add_checked_fixture(visit, setup, teardown);
    tcase_add_test(visit, visits_every_log_that_can_count);
    tcase_add_test(visit, visits_a_ca_of_two_rules_once_and_no_hash);
    tcase_add_test(visit, ends_when_the_visitor_says_so);
    tcase_add_test(visit, has_nothing_to_visit_without_a_configuration);
    suite_add_tcase(suite, visit);
    return unit_run(suite);
}
