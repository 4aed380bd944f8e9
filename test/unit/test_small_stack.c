/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers run handshakes on threads of 64 KiB and in jobs of 32 KiB: what a handshake makes of ours, the reading of
 * changed files and everything that is recorded included, stays within a quarter of that. Measured with a thread whose
 * stack is painted before.
 */
#include <openssl/ocsp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kept_proof.h"
#include "unit.h"

#define STACK (256u * 1024)
#define LIMIT (16u * 1024)
#define PAINT 0xa5

static size_t used_of(const uint8_t *stack)
{
    size_t untouched = 0;

    while (untouched < STACK && stack[untouched] == PAINT) {
        untouched++;
    }
    return STACK - untouched;
}

/* How much stack a thread needs that does this. */
static size_t measure(void *(*work)(void *arg), void *arg)
{
    uint8_t *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;
    size_t used;

    ck_assert_ptr_ne(stack, MAP_FAILED);
    memset(stack, PAINT, STACK);
    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstack(&attributes, stack, STACK), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, work, arg), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    used = used_of(stack);
    pthread_attr_destroy(&attributes);
    munmap(stack, STACK);
    return used;
}

static struct scene scene;
static struct clientct_checker *checker;
static struct scene_client client;
static bool admitted;

/* What a thread has on its stack before anything is called: the C library's own, thread-local variables too. */
static void *nothing(void *arg)
{
    return arg;
}

static void *handshake(void *arg)
{
    struct clientct_verdict verdict;

    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    admitted = clientct_decide(checker, &client.input, &verdict);
    clientct_record(checker, &client.input, &verdict, 1000);
    clientct_verdict_clear(&verdict);
    return arg;
}

static const struct {
    const char *what, *settings; /* @: the directory */
    const char *list;            /* NULL: the scene's */
} rows[] = {
    { "first verdict", "policy = one\n", NULL },
    { "all sources, audit and metrics",
      "policy = chrome\nshadow_policy = apple\nsct_store = @\nocsp_store = @\naudit = file:@/audit\n"
      "audit = syslog\naudit = journald\nmetrics = @/metrics\n"
      "archive = file:@/archive\n",
      NULL },
    { "a proof of inclusion",
      "policy = p\nproof_store = @\nsct_store = @\nocsp_store = @\n[p]\nmin_scts = 2\nrequire_inclusion = yes\n",
      NULL },
    { "SCTs from OCSP and the store alone, revocation asked for",
      "policy = three\nsources = ocsp, store\nsct_store = @\nocsp_store = @\nrevocation = require\n"
      "[three]\nmin_scts = 3\n",
      NULL },
    { "settings full of mistakes", "polic = one\nmod = off\n[polcy]\n[x]\nmin_sct = 1\n", NULL },
    { "a list that is not JSON", "policy = one\n", "{\"operators\": [}" },
    { "a list that nests deep", "policy = one\n", "deep" },
    { "a list of OpenSSL", "policy = one\n", "enabled_logs = a\n[a]\ndescription = x\nkey = AAAA\n" },
    { "a rule with a certificate", "rules = r\npolicy = one\n[r]\nx = x\n[x]\nissuer = @/ca.pem\nexempt = yes\n",
      NULL },
};

/* A response with SCTs, signed by a responder that the CA has certified, and a list: both are read and believed. */
static void fill_stores(void)
{
    struct pki_minted minted = { 0 };
    struct pki_ca responder;
    struct pki_bytes ocsp = { 0 }, list = { 0 };
    struct pki_sct sct = { .log = &scene.logs[2], .time_ms = pki_now() - PKI_HOUR };
    char hex[65], name[80];

    pki_mint(&minted, &(struct pki_leaf){ .cn = "Responder", .delegated_responder = true, .no_sct_extension = true },
             &scene.ca);
    responder = (struct pki_ca){ .certificate = minted.certificate, .key = minted.key };
    pki_ocsp_response(&ocsp, &(struct pki_ocsp){ .certificate = client.minted.certificate,
                                                 .ca = &scene.ca,
                                                 .signer = &responder,
                                                 .status = V_OCSP_CERTSTATUS_GOOD,
                                                 .this_update_ms = pki_now() - PKI_HOUR,
                                                 .next_update_ms = pki_now() + PKI_DAY,
                                                 .scts = &sct,
                                                 .sct_count = 1 });
    scene_x509_list(&scene, &client, "abc", &list);
    pki_sha256_hex(client.minted.der.data, client.minted.der.len, hex);
    snprintf(name, sizeof name, "%s.ocsp", hex);
    scene_put(&scene, name, ocsp.data, ocsp.len);
    snprintf(name, sizeof name, "%s.sct", hex);
    scene_put(&scene, name, list.data, list.len);
    pki_bytes_clear(&ocsp);
    pki_bytes_clear(&list);
    pki_minted_clear(&minted);
}

START_TEST(a_handshake_fits_into_sixteen_kibibytes)
{
    static char deep[4000];
    char settings[1200], path[128];
    struct pki_bytes proofs = { 0 };
    size_t base, used = 0;

    if (getenv("CLIENTCT_SANITIZERS") != NULL && strcmp(getenv("CLIENTCT_SANITIZERS"), "none") != 0) {
        return; /* which have frames of their own size */
    }
    scene_set(&scene, "policy = one\n");
    scene_client(&scene, "ab", &client);
    kept_for_client(&scene, &client, 0, 0, KEPT_GOOD, &proofs);
    kept_for_client(&scene, &client, 1, 1, KEPT_GOOD, &proofs);
    kept_put(&scene, &client, &proofs);
    pki_bytes_clear(&proofs);
    checker = clientct_checker_new(scene.config);
    ck_assert_ptr_nonnull(checker);
    clientct_checker_start_recording(checker);
    snprintf(path, sizeof path, "%s/metrics", scene.dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/ca", scene.dir);
    pki_ca_write(&scene.ca, path);
    for (const char *from = rows[_i].settings; *from != '\0'; from++) {
        used += (size_t)snprintf(settings + used, sizeof settings - used, *from == '@' ? "%s" : "%.1s",
                                 *from == '@' ? scene.dir : from);
    }
    scene_configure(&scene, settings);
    if (rows[_i].list != NULL) {
        memset(deep, '[', sizeof deep);
        deep[0] = '{';
        memcpy(deep + 1, "\"a\":", 4);
        scene_put(&scene, "list", strcmp(rows[_i].list, "deep") == 0 ? deep : rows[_i].list,
                  strcmp(rows[_i].list, "deep") == 0 ? sizeof deep : strlen(rows[_i].list));
    }
    fill_stores();
    base = measure(nothing, NULL);
    used = measure(handshake, NULL);
    if (getenv("CLIENTCT_TEST_SHOW_STACK") != NULL) {
        fprintf(stderr, "%s: %zu bytes over %zu\n", rows[_i].what, used - base, base);
    }
    ck_assert_uint_gt(used, base);
    ck_assert_msg(admitted, "%s", rows[_i].what); /* by the settings of before, where those of now cannot be used */
    ck_assert_msg(used - base < LIMIT, "%s: %zu bytes of stack", rows[_i].what, used - base);
    clientct_checker_free(checker);
    scene_client_clear(&client);
    snprintf(path, sizeof path, "rm -rf %s", scene.dir);
    ck_assert_int_eq(system(path), 0);
    scene_clear(&scene);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("small_stack");
    TCase *tc = tcase_create("small_stack");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_handshake_fits_into_sixteen_kibibytes, 0, (int)(sizeof rows / sizeof rows[0]));
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
