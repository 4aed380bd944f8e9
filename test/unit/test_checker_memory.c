/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs short anywhere in a checker's making, a reload or a decision: nobody is let in for it, nothing
 * breaks, and nothing of it is remembered. libcrypto is told to use the functions of short_memory.h too.
 */
#include <openssl/crypto.h>
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"
#include "short_memory.h"
#include "unit.h"

static void *allocate(size_t size, const char *where, int line)
{
    return is_short() ? NULL : __real_malloc(size);
}

static void *reallocate(void *old, size_t size, const char *where, int line)
{
    return is_short() ? NULL : __real_realloc(old, size);
}

static void release(void *old, const char *where, int line)
{
    free(old);
}

static struct scene scene;

static const char settings[] = "sources = embedded, tls, ocsp, store\nsct_store = /nowhere\nocsp_store = %s\n"
                               "policy = p\nshadow_policy = chrome\nrules = r\n[p]\nmin_scts = 2\nmin_operators = 2\n"
                               "[r]\nname = name\n[name]\nserver_name = *.example\npolicy = q\n[q]\nmin_scts = 3\n";

static const struct client {
    const char *name;
    const char *logs;
    const char *server_name;
    bool accept;
    enum clientct_reason reason;
    enum { AS_IT_IS, IS_REVOKED, IS_REVOKED_AND_TWIN } shown; /* revoked by a responder of the CA; its other form */
} clients[] = {
    { "logged", "ab", NULL, true, CLIENTCT_COMPLIANT, AS_IT_IS },
    { "logged, by a rule", "abc", "a.example", true, CLIENTCT_COMPLIANT, AS_IT_IS },
    { "too few for the rule", "ab", "a.example", false, CLIENTCT_TOO_FEW_SCTS, AS_IT_IS },
    { "unlogged", "", NULL, false, CLIENTCT_NO_SCTS, AS_IT_IS },
    { "one wrong signature", "aB", NULL, false, CLIENTCT_TOO_FEW_SCTS, AS_IT_IS },
    { "two wrong signatures", "AB", NULL, false, CLIENTCT_BAD_SIGNATURE, AS_IT_IS },
    { "revoked", "ab", NULL, false, CLIENTCT_REVOKED, IS_REVOKED },
    { "a revoked one's twin", "ab", NULL, false, CLIENTCT_REVOKED, IS_REVOKED_AND_TWIN },
};
#define CLIENT_COUNT (int)(sizeof clients / sizeof clients[0])

static void begin_shortage(size_t which, bool for_good)
{
    allocations = 0;
    fails_at = which;
    stays_short = for_good;
    counting = true;
}

static struct clientct_verdict decide(struct clientct_checker *checker, const struct clientct_input *input)
{
    struct clientct_verdict verdict;

    (void)!clientct_decide(checker, input, &verdict);
    return verdict;
}

/* All of them where an error would let somebody in; elsewhere some do. */
static size_t step(bool harmless)
{
    return harmless ? 7 : 1;
}

/* In clientct.cnf, so that the response's file is found and nothing else is. */
static void configure(const char *ocsp_store)
{
    char text[600];

    snprintf(text, sizeof text, settings, ocsp_store);
    scene_configure(&scene, text);
}

static void revoke(const struct scene_client *client)
{
    struct pki_leaf leaf = { .cn = "Responder", .delegated_responder = true, .no_sct_extension = true };
    struct pki_minted responder = { 0 };
    struct pki_bytes ocsp = { 0 };
    char name[65 + 5];

    pki_mint(&responder, &leaf, &scene.ca);
    pki_ocsp_response(&ocsp, &(struct pki_ocsp){ .certificate = client->minted.certificate,
                                                 .ca = &scene.ca,
                                                 .signer = &(struct pki_ca){ responder.certificate, responder.key },
                                                 .status = V_OCSP_CERTSTATUS_REVOKED,
                                                 .this_update_ms = pki_now() - PKI_HOUR,
                                                 .next_update_ms = pki_now() + PKI_DAY });
    pki_sha256_hex(client->minted.der.data, client->minted.der.len, name);
    strcat(name, ".ocsp");
    scene_put(&scene, name, ocsp.data, ocsp.len);
    pki_bytes_clear(&ocsp);
    pki_minted_clear(&responder);
    configure(scene.dir);
}

static void show_twin(struct scene_client *client)
{
    client->input.leaf = scene_twin(&scene, client->minted.certificate);
    sk_X509_set(client->chain, 0, client->input.leaf);
}

START_TEST(short_memory_in_a_decision_lets_nobody_in_and_is_forgotten)
{
    const struct client *row = &clients[_i];
    struct scene_client client;

    scene_set(&scene, "");
    configure("/nowhere");
    scene_client(&scene, row->logs, &client);
    client.input.server_name = row->server_name;
    if (row->shown != AS_IT_IS) {
        revoke(&client);
    }
    if (row->shown == IS_REVOKED_AND_TWIN) {
        show_twin(&client);
    }
    for (int for_good = 0; for_good <= 1; for_good++) {
        size_t n = 0;

        do {
            struct clientct_checker *checker = clientct_checker_new(scene.config);
            struct clientct_verdict verdict;

            ck_assert_ptr_nonnull(checker);
            n += step(row->accept || for_good == 1);
            begin_shortage(n, for_good == 1);
            verdict = decide(checker, &client.input);
            counting = false;
            ck_assert_msg(row->accept || !verdict.accept, "%s is let in at allocation %zu", row->name, n);
            /* Details may be missing from a right verdict; a wrong one must be known for what it is. */
            ck_assert_msg(verdict.reason == row->reason || verdict.reason == CLIENTCT_INTERNAL_ERROR,
                          "%s at allocation %zu: %s", row->name, n, clientct_reason_name(verdict.reason));
            ck_assert(verdict.reason == row->reason || !verdict.accept);
            clientct_verdict_clear(&verdict);
            for (int again = 0; again < 2; again++) {
                verdict = decide(checker, &client.input);
                ck_assert_msg(verdict.accept == row->accept && verdict.reason == row->reason,
                              "%s after allocation %zu: %s", row->name, n, clientct_reason_name(verdict.reason));
                clientct_verdict_clear(&verdict);
            }
            clientct_checker_free(checker);
        } while (allocations >= n);
        /* More than one round: how many allocations a decision makes is the libcrypto's affair. */
        ck_assert_uint_gt(n, step(row->accept || for_good == 1));
    }
    if (row->shown == IS_REVOKED_AND_TWIN) {
        X509_free(client.input.leaf);
    }
    scene_client_clear(&client);
    scene_clear(&scene);
}
END_TEST

START_TEST(short_memory_at_the_start_or_in_a_reload_lets_nobody_in)
{
    struct scene_client client;

    scene_set(&scene, "");
    configure("/nowhere");
    scene_client(&scene, "a", &client);
    for (int reload = 0; reload <= 1; reload++) {
        size_t n = 0;

        do {
            struct clientct_checker *checker = NULL;
            struct clientct_verdict verdict;

            n++;
            if (reload) {
                configure("/nowhere");
                checker = clientct_checker_new(scene.config);
                ck_assert_ptr_nonnull(checker);
                scene_configure(&scene, "policy = p\n[p]\nmin_scts = 2\n[x"); /* not usable: the last good stays */
            }
            begin_shortage(n, n % 2 == 0);
            if (reload) {
                clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
            } else {
                checker = clientct_checker_new(scene.config);
            }
            if (checker != NULL) {
                clientct_checker_start_recording(checker);
            }
            counting = false;
            if (checker != NULL) {
                verdict = decide(checker, &client.input);
                ck_assert_msg(!verdict.accept, "at allocation %zu", n);
                clientct_verdict_clear(&verdict);
            }
            clientct_checker_free(checker);
        } while (allocations >= n);
        ck_assert_uint_gt(n, 1);
    }
    scene_client_clear(&client);
    scene_clear(&scene);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checker_memory");
    TCase *tcase = tcase_create("checker_memory");

    if (CRYPTO_set_mem_functions(allocate, reallocate, release) != 1) {
        return EXIT_FAILURE;
    }
    OPENSSL_init_crypto(0, NULL); /* its own first allocations are not the point */
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, short_memory_in_a_decision_lets_nobody_in_and_is_forgotten, 0, CLIENT_COUNT);
    tcase_add_test(tcase, short_memory_at_the_start_or_in_a_reload_lets_nobody_in);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
