/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mints what the benchmarks need into a directory: log lists of 10, 100 and 10,000 logs, clients with one to three
 * SCTs, bad ones, a clientct.cnf for each purpose. Apart from the programs that are measured, since minting is slow
 * where instructions are counted. usage: bench_fixture DIR
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "pki.h"

#define SIGNING_LOGS 4
#define MANY_LOGS 10000
#define FLOOD_FEW 32
#define FLOOD_MANY 400

static const char *dir;
static struct pki_ca ca;
static struct pki_log signing[SIGNING_LOGS];

static const char *in_dir(const char *name, char path[512])
{
    return bench_path(dir, name, path);
}

/* The same logs' SCTs over the finished certificate, as TLS brings them: what other libraries can check. */
static void write_list(const char *name, const struct pki_minted *minted, const struct pki_sct *scts, size_t count)
{
    struct pki_bytes list = { 0 };
    struct pki_entry entry = { 0 };
    char path[512], file[64];

    snprintf(file, sizeof file, "%s.sct", name);
    pki_entry_of(&entry, minted->certificate, ca.certificate, PKI_ENTRY_X509);
    pki_add_sct_list(&list, &entry, scts, count, PKI_LIST_NONE);
    pki_write_file(in_dir(file, path), list.data, list.len);
    pki_entry_clear(&entry);
    pki_bytes_clear(&list);
}

/* `count` SCTs, from one log after the other. */
static void mint(const char *name, size_t count, enum pki_sct_fault fault)
{
    struct pki_sct *scts = calloc(count, sizeof *scts);
    struct pki_minted minted = { 0 };
    struct pki_leaf leaf = { .cn = name, .scts = scts, .sct_count = count };
    char path[512];

    if (scts == NULL) {
        pki_die("no memory for %zu SCTs", count);
    }
    for (size_t i = 0; i < count; i++) {
        scts[i] = (struct pki_sct){
            .log = &signing[i % SIGNING_LOGS],
            .time_ms = pki_now() - 30 * PKI_MINUTE - (int64_t)i,
            .fault = fault,
        };
    }
    pki_mint(&minted, &leaf, &ca);
    pki_minted_write(&minted, &ca, in_dir(name, path));
    write_list(name, &minted, scts, count);
    pki_minted_clear(&minted);
    free(scts);
}

static void mint_server(const char *name, EVP_PKEY *key)
{
    struct pki_leaf leaf = {
        .cn = "localhost",
        .server = true,
        .san = "DNS:localhost",
        .no_sct_extension = true,
        .key = key,
    };
    struct pki_minted minted = { 0 };
    char path[512];

    pki_mint(&minted, &leaf, &ca);
    pki_minted_write(&minted, &ca, in_dir(name, path));
    pki_minted_clear(&minted);
    EVP_PKEY_free(key);
}

static void write_lists(void)
{
    static const size_t sizes[] = { 10, 100, MANY_LOGS };
    struct pki_log *others = calloc(MANY_LOGS, sizeof *others);
    struct pki_listed_log *listed = calloc(MANY_LOGS, sizeof *listed);
    char path[512], name[32];

    if (others == NULL || listed == NULL) {
        pki_die("no memory for %d logs", MANY_LOGS);
    }
    for (size_t i = 0; i < MANY_LOGS; i++) {
        if (i >= SIGNING_LOGS) {
            pki_log_new(&others[i], pki_new_key(PKI_P256, 0));
        }
        listed[i] = (struct pki_listed_log){
            .log = i < SIGNING_LOGS ? &signing[i] : &others[i],
            .description = i < SIGNING_LOGS ? "a log that signs" : "a log that is there",
            .log_operator = i % 2 == 0 ? "Alpha" : "Beta",
            .url = "https://log.test/",
            .state = "usable",
            .state_since_ms = pki_now() - 400 * PKI_DAY,
            .start_ms = INT64_MIN,
            .end_ms = INT64_MAX,
        };
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        snprintf(name, sizeof name, "list-%zu.json", sizes[i]);
        pki_write_log_list(in_dir(name, path), PKI_FORMAT_V3, listed, sizes[i], pki_now());
    }
    for (size_t i = SIGNING_LOGS; i < MANY_LOGS; i++) {
        pki_log_clear(&others[i]);
    }
    free(others);
    free(listed);
}

/* All four sources, audit to a file and metrics: what an operator may have on at once. */
static void configure(const char *name, size_t logs, unsigned min_scts)
{
    char path[512], text[4096];
    int len = snprintf(text, sizeof text,
                       "log_list = %s/list-%zu.json\n"
                       "sources = embedded, tls, ocsp, store\n"
                       "sct_store = %s/sct\n"
                       "ocsp_store = %s/ocsp\n"
                       "audit = file:%s/audit.log\n"
                       "metrics = %s/metrics\n"
                       "policy = bench\n"
                       "[bench]\n"
                       "min_scts = %u\n"
                       "min_operators = %u\n",
                       dir, logs, dir, dir, dir, dir, min_scts, min_scts > 1 ? 2 : 1);

    if (len < 0 || (size_t)len >= sizeof text) {
        pki_die("the name of %s is too long", dir);
    }
    pki_write_file(in_dir(name, path), (const uint8_t *)text, (size_t)len);
}

int main(int argc, char **argv)
{
    char path[512];

    if (argc != 2) {
        pki_die("usage: bench_fixture DIR");
    }
    dir = argv[1];
    pki_make_directory(dir);
    pki_make_directory(in_dir("sct", path));
    pki_make_directory(in_dir("ocsp", path));
    pki_make_directory(in_dir("metrics", path));
    pki_ca_new(&ca, "Bench CA", NULL, NULL, 300);
    pki_ca_write(&ca, in_dir("ca", path));
    for (size_t i = 0; i < SIGNING_LOGS; i++) {
        char name[16];

        pki_log_new(&signing[i], pki_new_key(PKI_P256, 0));
        snprintf(name, sizeof name, "log-%zu", i);
        pki_log_write(&signing[i], in_dir(name, path));
    }
    write_lists();
    mint("client-1", 1, PKI_SCT_NONE);
    mint("client-2", 2, PKI_SCT_NONE);
    mint("client-3", 3, PKI_SCT_NONE);
    mint("client-bad", 3, PKI_SCT_SIGNATURE);
    mint("client-flood-few", FLOOD_FEW, PKI_SCT_SIGNATURE);
    mint("client-flood-many", FLOOD_MANY, PKI_SCT_SIGNATURE);
    mint_server("server-p256", pki_new_key(PKI_P256, 0));
    mint_server("server-rsa", pki_new_key(PKI_RSA, 2048));
    configure("one.cnf", 100, 1);
    configure("two.cnf", 100, 2);
    configure("three.cnf", 100, 3);
    configure("logs-10.cnf", 10, 2);
    configure("logs-10000.cnf", MANY_LOGS, 2);
    for (size_t i = 0; i < SIGNING_LOGS; i++) {
        pki_log_clear(&signing[i]);
    }
    pki_ca_clear(&ca);
    return 0;
}
