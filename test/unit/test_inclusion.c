/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `require_inclusion`: what kept proofs do to a client with good SCTs, and that nothing but a proof of that very
 * promise, to a root that the log signed, helps a thief who has the log's key.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kept_proof.h"
#include "unit.h"

#define GOOD CLIENTCT_COMPLIANT
#define MISSING CLIENTCT_INCLUSION_MISSING
#define UNUSABLE CLIENTCT_INCLUSION_UNUSABLE

static struct scene scene;
static struct scene_client client;
static struct clientct_checker *checker;

static void configure(const char *top, const char *policy)
{
    char text[600];

    snprintf(text, sizeof text, "audit = none\nproof_store = %s\n%s\npolicy = p\n[p]\nrequire_inclusion = yes\n%s",
             scene.dir, top, policy);
    scene_configure(&scene, text);
    if (checker != NULL) {
        clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    }
}

static void start(const char *logs, const char *top, const char *policy)
{
    scene_set(&scene, "");
    configure(top, policy);
    checker = clientct_checker_new(scene.config);
    ck_assert_ptr_nonnull(checker);
    scene_client(&scene, logs, &client);
}

static void teardown(void)
{
    clientct_checker_free(checker);
    checker = NULL;
    scene_client_clear(&client);
    scene_clear(&scene);
}

static void expect(const char *what, enum clientct_reason reason, bool cached)
{
    struct clientct_verdict verdict;

    ck_assert(clientct_decide(checker, &client.input, &verdict) == (reason == GOOD));
    ck_assert_msg(verdict.reason == reason && verdict.cached == cached, "%s: %s%s, want %s%s (%s)", what,
                  clientct_reason_name(verdict.reason), verdict.cached ? ", cached" : "", clientct_reason_name(reason),
                  cached ? ", cached" : "", verdict.detail);
    clientct_verdict_clear(&verdict);
}

static void keep(size_t log, size_t nth, enum kept_fault fault)
{
    struct pki_bytes proofs = { 0 };

    kept_for_client(&scene, &client, log, nth, fault, &proofs);
    kept_put(&scene, &client, &proofs);
    pki_bytes_clear(&proofs);
    usleep(200000); /* a verdict by what has changed just now is not kept */
}

static void path_of(char path[192])
{
    char name[96];

    pki_sha256_hex(client.minted.der.data, client.minted.der.len, name);
    snprintf(path, 192, "%s/%s.tlog-proof", scene.dir, name);
}

START_TEST(an_sct_counts_only_with_its_proof)
{
    char path[192];

    start("a", "", "");
    expect("no proof", MISSING, false);
    expect("again", MISSING, true);
    keep(0, 0, KEPT_GOOD);
    expect("a proof was put in", GOOD, false);
    expect("again", GOOD, true);
    keep(0, 0, KEPT_HASH);
    expect("changed in its place", UNUSABLE, false);
    keep(0, 0, KEPT_GOOD);
    expect("and back", GOOD, false);
    path_of(path);
    ck_assert_int_eq(unlink(path), 0);
    expect("taken out", MISSING, false);
    configure("", "min_scts = 1\ninclusion_grace = 0\n");
    expect("the same, in other words", MISSING, false);
    scene_configure(&scene, "audit = none\n");
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    expect("asked for no more", GOOD, false);
}
END_TEST

/* The log's key makes a good SCT for what never was in its tree; the proofs that there are, are of other entries. */
START_TEST(stolen_log_key_lets_nobody_in)
{
    static const struct {
        const char *what;
        enum kept_fault fault;
        enum clientct_reason reason;
    } rows[] = {
        { "a tree without the entry", KEPT_OTHER_ENTRY, UNUSABLE },
        { "a fork: the way leads elsewhere than the signed root", KEPT_OTHER_ROOT, UNUSABLE },
        { "a hash of the way is another", KEPT_HASH, UNUSABLE },
        { "the log did not sign", KEPT_SIGNATURE, UNUSABLE },
        { "another key's checkpoint", KEPT_KEY_ID, MISSING },
        { "another place", KEPT_INDEX, UNUSABLE },
        { "as it should be", KEPT_GOOD, GOOD },
    };

    start("a", "", "");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        keep(0, 0, rows[i].fault);
        expect(rows[i].what, rows[i].reason, false);
    }
    keep(1, 0, KEPT_GOOD);
    expect("signed by the key of another log of the list", MISSING, false);
    keep(3, 0, KEPT_GOOD);
    expect("signed by a key of no log", MISSING, false);
}
END_TEST

/* Cut anywhere, and with any byte changed, it is the same proof or none; nothing in it can be a crash. */
START_TEST(changed_proof_is_none)
{
    struct pki_bytes good = { 0 };
    size_t accepted = 0;

    start("a", "", "");
    kept_for_client(&scene, &client, 0, 0, KEPT_GOOD, &good);
    for (size_t cut = 0; cut < good.len; cut += 7) {
        struct pki_bytes some = { .data = good.data, .len = cut };

        kept_put(&scene, &client, &some);
        expect("cut", cut == 0 ? MISSING : UNUSABLE, false);
    }
    for (size_t at = 0; at < good.len; at++) {
        struct clientct_verdict verdict;

        good.data[at] ^= 1;
        kept_put(&scene, &client, &good);
        if (clientct_decide(checker, &client.input, &verdict)) {
            accepted++;
        } else {
            ck_assert_msg(verdict.reason == UNUSABLE || verdict.reason == MISSING, "byte %zu: %s", at,
                          clientct_reason_name(verdict.reason));
        }
        clientct_verdict_clear(&verdict);
        good.data[at] ^= 1;
    }
    ck_assert_uint_eq(accepted, 0);
    pki_bytes_clear(&good);
}
END_TEST

START_TEST(grace_is_from_the_time_of_the_sct)
{
    int64_t now = pki_now();

    start("a", "", "inclusion_grace = 1d\n"); /* its SCT is 30 minutes old */
    client.input.at_ms = now;
    expect("within", GOOD, false);
    client.input.at_ms = now + 23 * PKI_HOUR;
    expect("still within", GOOD, true);
    client.input.at_ms = now + 24 * PKI_HOUR;
    expect("over", MISSING, false);
    client.input.at_ms = now + 400 * PKI_DAY;
    expect("long over, and the certificate, too", MISSING, true);
    client.input.at_ms = now + 24 * PKI_HOUR - 30 * PKI_MINUTE - 2 * PKI_SECOND;
    expect("the last moment, with the clock put back", GOOD, true);
    client.input.at_ms = now + 24 * PKI_HOUR;
    keep(0, 0, KEPT_GOOD);
    expect("over, with a proof", GOOD, false);
    client.input.at_ms = now - PKI_HOUR;
    expect("a clock before the SCT", CLIENTCT_FUTURE_TIMESTAMP, false);
}
END_TEST

START_TEST(each_log_needs_its_own_proof)
{
    struct pki_bytes proofs = { 0 };

    start("ab", "", "min_scts = 2\n");
    expect("none", MISSING, false);
    kept_for_client(&scene, &client, 1, 1, KEPT_GOOD, &proofs);
    kept_put(&scene, &client, &proofs);
    expect("of one", CLIENTCT_TOO_FEW_SCTS, false);
    kept_for_client(&scene, &client, 0, 0, KEPT_GOOD, &proofs);
    kept_put(&scene, &client, &proofs);
    expect("of both, in one file", GOOD, false);
    pki_bytes_clear(&proofs);
    for (int i = 0; i < 16; i++) {
        kept_for_client(&scene, &client, 0, 0, KEPT_HASH, &proofs);
    }
    kept_for_client(&scene, &client, 0, 0, KEPT_GOOD, &proofs);
    kept_for_client(&scene, &client, 1, 1, KEPT_GOOD, &proofs);
    kept_put(&scene, &client, &proofs);
    expect("behind the sixteenth nothing is looked at", UNUSABLE, false);
    pki_bytes_clear(&proofs);
}
END_TEST

/* The same log by TLS, for the final certificate: the one that has a proof counts, whatever came before it. */
START_TEST(an_unproven_sct_does_not_stand_for_a_proven_one)
{
    struct pki_bytes list = { 0 }, proofs = { 0 };
    struct pki_entry entry;

    start("a", "", "");
    memset(&entry, 0, sizeof entry);
    scene_x509_list(&scene, &client, "a", &list);
    pki_entry_of(&entry, client.minted.certificate, scene.ca.certificate, PKI_ENTRY_X509);
    client.input.tls_scts = list.data;
    client.input.tls_scts_len = list.len;
    expect("neither", MISSING, false);
    kept_for_sct(&scene.logs[0], &entry, &list, 0, KEPT_GOOD, &proofs);
    kept_put(&scene, &client, &proofs);
    expect("the second", GOOD, false);
    client.input.tls_scts = NULL;
    expect("the first alone", UNUSABLE, false);
    kept_for_client(&scene, &client, 0, 0, KEPT_GOOD, &proofs);
    kept_put(&scene, &client, &proofs);
    expect("both have one, one behind the other", GOOD, false);
    pki_entry_clear(&entry);
    pki_bytes_clear(&list);
    pki_bytes_clear(&proofs);
}
END_TEST

/* A log may promise twice, and keep one of both. */
START_TEST(second_sct_of_a_log_counts_where_only_it_is_proven)
{
    start("aa", "", "");
    keep(0, 1, KEPT_GOOD);
    expect("the second", GOOD, false);
    keep(0, 0, KEPT_GOOD);
    expect("the first", GOOD, false);
}
END_TEST

START_TEST(grace_ends_to_the_millisecond)
{
    struct pki_bytes list = { 0 };
    struct ct_scts scts = { 0 };

    start("a", "", "inclusion_grace = 1h\n");
    pki_embedded_list(client.minted.certificate, &list);
    ck_assert_int_eq(ct_sct_list_decode((struct ct_bytes){ list.data, list.len }, CLIENTCT_SOURCE_EMBEDDED, &scts),
                     CT_LIST_OK);
    for (int i = 0; i < 2; i++) { /* the second time from memory */
        client.input.at_ms = (int64_t)scts.items[0].timestamp_ms + PKI_HOUR - 1;
        expect("a millisecond before", GOOD, i == 1);
        client.input.at_ms++;
        expect("the end", MISSING, i == 1);
    }
    ct_scts_clear(&scts);
    pki_bytes_clear(&list);
}
END_TEST

START_TEST(what_cannot_be_read_is_no_proof)
{
    struct pki_bytes proofs = { 0 };
    char path[192], other[192];
    static char large[129 * 1024];

    start("a", "", "");
    kept_for_client(&scene, &client, 0, 0, KEPT_GOOD, &proofs);
    path_of(path);
    kept_put(&scene, &client, &proofs);
    snprintf(other, sizeof other, "%s/elsewhere", scene.dir);
    ck_assert_int_eq(rename(path, other), 0);
    ck_assert_int_eq(symlink(other, path), 0);
    expect("a symbolic link", UNUSABLE, false);
    ck_assert_int_eq(unlink(path), 0);
    memset(large, '\n', sizeof large);
    memcpy(large, proofs.data, proofs.len);
    pki_write_file(path, (uint8_t *)large, sizeof large);
    expect("too large", UNUSABLE, false);
    configure("", "");
    pki_write_file(path, (const uint8_t *)"prose\n", 6);
    expect("no proof at all", UNUSABLE, false);
    pki_bytes_clear(&proofs);
}
END_TEST

START_TEST(shadow_policy_looks_at_proofs_too)
{
    char text[400];

    start("a", "", "");
    snprintf(text, sizeof text, "audit = none\nproof_store = %s\nshadow_policy = p\n[p]\nrequire_inclusion = yes\n",
             scene.dir);
    scene_configure(&scene, text);
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    for (int round = 0; round < 3; round++) {
        struct clientct_verdict verdict;

        if (round == 2) {
            keep(0, 0, KEPT_GOOD);
        }
        ck_assert(clientct_decide(checker, &client.input, &verdict));
        ck_assert_int_eq(verdict.reason, GOOD);
        ck_assert_int_eq(verdict.shadow_reason, round == 2 ? GOOD : MISSING);
        ck_assert_int_eq(verdict.cached, round == 1);
        clientct_verdict_clear(&verdict);
    }
}
END_TEST

START_TEST(it_is_explained)
{
    struct clientct_verdict verdict;

    start("a", "", "");
    client.input.explain = true;
    ck_assert(!clientct_decide(checker, &client.input, &verdict));
    ck_assert_int_eq(verdict.reason, MISSING);
    ck_assert_uint_eq(verdict.sct_count, 1);
    ck_assert_int_eq(verdict.scts[0]->status, MISSING);
    ck_assert_ptr_nonnull(strstr(verdict.detail, "no kept proof"));
    ck_assert_msg(strstr(verdict.advice, "clientct prove --keep") != NULL, "%s", verdict.advice);
    clientct_verdict_clear(&verdict);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inclusion");
    TCase *tc = tcase_create("inclusion");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, an_sct_counts_only_with_its_proof);
    tcase_add_test(tc, stolen_log_key_lets_nobody_in);
    tcase_add_test(tc, changed_proof_is_none);
    tcase_add_test(tc, grace_is_from_the_time_of_the_sct);
    tcase_add_test(tc, each_log_needs_its_own_proof);
    tcase_add_test(tc, an_unproven_sct_does_not_stand_for_a_proven_one);
    tcase_add_test(tc, second_sct_of_a_log_counts_where_only_it_is_proven);
    tcase_add_test(tc, grace_ends_to_the_millisecond);
    tcase_add_test(tc, what_cannot_be_read_is_no_proof);
    tcase_add_test(tc, shadow_policy_looks_at_proofs_too);
    tcase_add_test(tc, it_is_explained);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
