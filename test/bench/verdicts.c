/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts, cold and warm, good and bad, beside the bare signature checks that they cannot do without, and beside
 * libcrypto's own Certificate Transparency. usage: bench_verdicts DIR [--once | ROUNDS]
 */
#include <openssl/ct.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "pki.h"
#include "subject.h"

#define BARE_CHECKS 10 /* signatures differ a little in what they cost */

struct bare {
    EVP_PKEY *key;
    uint8_t digests[BARE_CHECKS][32];
    uint8_t signatures[BARE_CHECKS][80];
    size_t lengths[BARE_CHECKS];
};

static void bare_set(struct bare *bare)
{
    bare->key = pki_new_key(PKI_P256, 0);
    for (size_t i = 0; i < BARE_CHECKS; i++) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(bare->key, NULL);

        bare->lengths[i] = sizeof bare->signatures[i];
        if (RAND_bytes(bare->digests[i], 32) != 1 || EVP_PKEY_sign_init(ctx) != 1 ||
            EVP_PKEY_sign(ctx, bare->signatures[i], &bare->lengths[i], bare->digests[i], 32) != 1) {
            pki_die("cannot sign");
        }
        EVP_PKEY_CTX_free(ctx);
    }
}

static void bare_check(void *arg)
{
    struct bare *bare = arg;

    for (size_t i = 0; i < BARE_CHECKS; i++) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(bare->key, NULL);

        if (EVP_PKEY_verify_init(ctx) != 1 ||
            EVP_PKEY_verify(ctx, bare->signatures[i], bare->lengths[i], bare->digests[i], 32) != 1) {
            pki_die("a signature does not verify");
        }
        EVP_PKEY_CTX_free(ctx);
    }
}

/* SCT_LIST_validate with a store that knows the logs; the list is decoded beforehand. */
struct libcrypto {
    CT_POLICY_EVAL_CTX *context;
    CTLOG_STORE *store;
    X509 *leaf;
    STACK_OF(SCT) *list;
};

static void libcrypto_set(struct libcrypto *libcrypto, const char *dir, const struct bench_subject *subject)
{
    const uint8_t *at = subject->der;
    char path[512];
    FILE *file;

    libcrypto->leaf = d2i_X509(NULL, &at, (long)subject->der_len);
    libcrypto->list = X509_get_ext_d2i(libcrypto->leaf, NID_ct_precert_scts, NULL, NULL);
    libcrypto->store = CTLOG_STORE_new();
    libcrypto->context = CT_POLICY_EVAL_CTX_new();
    if (libcrypto->list == NULL || libcrypto->store == NULL || libcrypto->context == NULL) {
        pki_die("libcrypto does not take the certificate");
    }
    file = pki_open(bench_path(dir, "ct_log_list.cnf", path), "w");
    fprintf(file, "enabled_logs =");
    for (int i = 0; i < 4; i++) {
        fprintf(file, "%s log%d", i == 0 ? "" : ",", i);
    }
    for (int i = 0; i < 4; i++) {
        char name[16], prefix[512];
        struct pki_log log = { 0 };
        char encoded[256];

        snprintf(name, sizeof name, "log-%d", i);
        pki_log_read(&log, bench_path(dir, name, prefix));
        EVP_EncodeBlock((unsigned char *)encoded, log.spki.data, (int)log.spki.len);
        fprintf(file, "\n[log%d]\ndescription = log %d\nkey = %s\n", i, i, encoded);
        pki_log_clear(&log);
    }
    fclose(file);
    if (CTLOG_STORE_load_file(libcrypto->store, path) != 1) {
        pki_die("libcrypto does not take %s", path);
    }
    CT_POLICY_EVAL_CTX_set_shared_CTLOG_STORE(libcrypto->context, libcrypto->store);
    CT_POLICY_EVAL_CTX_set1_cert(libcrypto->context, libcrypto->leaf);
    CT_POLICY_EVAL_CTX_set1_issuer(libcrypto->context, subject->ca);
    CT_POLICY_EVAL_CTX_set_time(libcrypto->context, (uint64_t)pki_now());
}

static void libcrypto_check(void *arg)
{
    struct libcrypto *libcrypto = arg;

    if (SCT_LIST_validate(libcrypto->list, libcrypto->context) != 1) {
        pki_die("libcrypto finds an SCT that is not valid");
    }
}

enum { COLD_1, COLD_2, COLD_3, WARM, REFUSE_AGAIN, FLOOD_FEW, FLOOD_MANY, LOGS_10, LOGS_10000, SUBJECTS };

static const struct {
    const char *name, *config, *client;
    bool ever_new, accept;
    unsigned signatures;
} rows[SUBJECTS] = {
    [COLD_1] = { "cold_1", "one.cnf", "client-1", true, true, 1 },
    [COLD_2] = { "cold_2", "two.cnf", "client-2", true, true, 2 },
    [COLD_3] = { "cold_3", "three.cnf", "client-3", true, true, 3 },
    [WARM] = { "warm", "two.cnf", "client-2", false, true, 2 },
    [REFUSE_AGAIN] = { "refuse_again", "two.cnf", "client-bad", false, false, 3 },
    [FLOOD_FEW] = { "flood_few", "two.cnf", "client-flood-few", true, false, 32 },
    [FLOOD_MANY] = { "flood_many", "two.cnf", "client-flood-many", true, false, 32 },
    [LOGS_10] = { "logs_10", "logs-10.cnf", "client-2", true, true, 2 },
    [LOGS_10000] = { "logs_10000", "logs-10000.cnf", "client-2", true, true, 2 },
};

int main(int argc, char **argv)
{
    struct bench_subject subjects[SUBJECTS];
    struct bench_workload workloads[SUBJECTS + 1], pair[2];
    struct bare bare;
    struct libcrypto libcrypto;
    bool once = argc > 2 && strcmp(argv[2], "--once") == 0;
    unsigned rounds = argc > 2 && !once ? (unsigned)atoi(argv[2]) : 201;

    if (argc < 2 || rounds == 0) {
        pki_die("usage: bench_verdicts DIR [--once | ROUNDS]");
    }
    for (size_t i = 0; i < SUBJECTS; i++) {
        bench_subject_set(&subjects[i], argv[1], bench_checker(argv[1], rows[i].config), rows[i].client);
        subjects[i].ever_new = rows[i].ever_new;
        subjects[i].accept = rows[i].accept;
        subjects[i].signatures = rows[i].signatures;
        workloads[i] = (struct bench_workload){
            .name = rows[i].name,
            .prepare = bench_subject_prepare,
            .run = bench_subject_decide,
            .arg = &subjects[i],
        };
    }
    bare_set(&bare);
    libcrypto_set(&libcrypto, argv[1], &subjects[COLD_3]);
    workloads[SUBJECTS] = (struct bench_workload){ .name = "bare_10", .run = bare_check, .arg = &bare };
    bench_run(workloads, SUBJECTS + 1, rounds, once);
    /* In times, not in work, and so by themselves; the verdict without its record, of which libcrypto has none. */
    pair[0] = workloads[COLD_3];
    pair[0].name = "verdict_3";
    pair[0].run = bench_subject_only_decide;
    pair[1] = (struct bench_workload){ .name = "libcrypto_3", .run = libcrypto_check, .arg = &libcrypto };
    bench_run(pair, 2, rounds, once);
    for (size_t i = 0; i < SUBJECTS; i++) {
        clientct_checker_free(subjects[i].checker);
        bench_subject_clear(&subjects[i]);
    }
    EVP_PKEY_free(bare.key);
    SCT_LIST_free(libcrypto.list);
    CT_POLICY_EVAL_CTX_free(libcrypto.context);
    CTLOG_STORE_free(libcrypto.store);
    X509_free(libcrypto.leaf);
    return 0;
}
