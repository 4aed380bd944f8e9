/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server's worker grows by: resident memory before the library is loaded, and after a list of 100 logs is read
 * and every entry of the cache is taken. libcrypto's own needs are made resident beforehand, since a TLS server has
 * them anyway. usage: bench_memory DIR LIBCLIENTCT-SO
 * Prints "memory BYTES", "private BYTES" (of it not shared with other processes) and "cache_entry BYTES".
 */
#include <dlfcn.h>
#include <malloc.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include <clientct/clientct.h>

#include "bench.h"
#include "decision/cache.h"
#include "pki.h"

#define VERDICTS (4 * CT_CACHE_ENTRIES) /* so that the last bucket has its entries too */

struct functions {
    struct clientct_checker *(*checker_new)(const char *);
    void (*start_recording)(struct clientct_checker *);
    bool (*decide)(struct clientct_checker *, const struct clientct_input *, size_t, struct clientct_verdict *, size_t);
    void (*record)(struct clientct_checker *, const struct clientct_input *, size_t, const struct clientct_verdict *,
                   size_t, uint64_t);
    void (*verdict_clear)(struct clientct_verdict *, size_t);
};

static void find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);

    if (symbol == NULL) {
        pki_die("the library has no %s", name);
    }
    memcpy(function, &symbol, sizeof symbol);
}

struct resident {
    uint64_t all, own;
};

static struct resident resident(void)
{
    unsigned long all = 0, clean = 0, dirty = 0, value;
    FILE *file = pki_open("/proc/self/smaps_rollup", "r");
    char line[256];

    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Rss: %lu", &value) == 1) {
            all = value;
        } else if (sscanf(line, "Private_Clean: %lu", &value) == 1) {
            clean = value;
        } else if (sscanf(line, "Private_Dirty: %lu", &value) == 1) {
            dirty = value;
        }
    }
    fclose(file);
    return (struct resident){ all * 1024, (clean + dirty) * 1024 };
}

/* What any server has used before a first client comes. */
static void use_libcrypto(X509 *leaf, X509 *ca, EVP_PKEY *ca_key)
{
    X509 *again = bench_signed_again(leaf, ca_key);
    uint8_t digest[32];

    if (X509_verify(again, X509_get0_pubkey(ca)) != 1 || X509_check_purpose(again, -1, 0) != 1 ||
        EVP_Digest("", 0, digest, NULL, EVP_sha256(), NULL) != 1) {
        pki_die("libcrypto does not take the client");
    }
    X509_free(again);
}

int main(int argc, char **argv)
{
    struct functions f;
    struct resident before, after;
    struct clientct_checker *checker;
    struct clientct_input input = { .client_address = "127.0.0.1", .tls_version = "TLSv1.3" };
    char path[512];
    struct ct_cache *cache;
    void *library;
    EVP_PKEY *ca_key;
    X509 *leaf, *ca, **clients = calloc(VERDICTS, sizeof *clients);

    if (argc != 3 || clients == NULL) {
        pki_die("usage: bench_memory DIR LIBCLIENTCT-SO");
    }
    leaf = pki_read_certificate(bench_path(argv[1], "client-1.pem", path));
    ca = pki_read_certificate(bench_path(argv[1], "ca.pem", path));
    ca_key = pki_read_key(bench_path(argv[1], "ca", path));
    input.chain = sk_X509_new_null();
    input.server_name = "client.bench.example";
    if (sk_X509_push(input.chain, leaf) <= 0 || sk_X509_push(input.chain, ca) <= 0) {
        pki_die("no memory for a chain");
    }
    use_libcrypto(leaf, ca, ca_key);
    for (size_t i = 0; i < VERDICTS; i++) {
        clients[i] = bench_signed_again(leaf, ca_key);
    }
    (void)malloc_trim(0); /* so that what is free takes up none: it counts once it is used */
    (void)resident();     /* stdio's own buffers */
    before = resident();

    library = dlopen(argv[2], RTLD_NOW);
    if (library == NULL) {
        pki_die("%s", dlerror());
    }
    find(library, "clientct_checker_new", &f.checker_new);
    find(library, "clientct_checker_start_recording", &f.start_recording);
    find(library, "clientct_decide_sized", &f.decide);
    find(library, "clientct_record_sized", &f.record);
    find(library, "clientct_verdict_clear_sized", &f.verdict_clear);
    checker = f.checker_new(bench_path(argv[1], "one.cnf", path));
    if (checker == NULL) {
        pki_die("no memory for a checker");
    }
    f.start_recording(checker);
    for (unsigned i = 0; i < VERDICTS; i++) {
        struct clientct_verdict verdict;

        input.leaf = clients[i];
        (void)sk_X509_set(input.chain, 0, input.leaf);
        if (!f.decide(checker, &input, sizeof input, &verdict, sizeof verdict)) {
            pki_die("refused: %s", verdict.detail);
        }
        f.record(checker, &input, sizeof input, &verdict, sizeof verdict, 1000);
        f.verdict_clear(&verdict, sizeof verdict);
    }
    after = resident();
    cache = ct_cache_new();
    printf("memory %llu\nprivate %llu\ncache_entry %zu\n", (unsigned long long)(after.all - before.all),
           (unsigned long long)(after.own - before.own),
           cache == NULL ? 0 : malloc_usable_size(cache) / CT_CACHE_ENTRIES);
    ct_cache_free(cache);
    for (size_t i = 0; i < VERDICTS; i++) {
        X509_free(clients[i]);
    }
    free(clients);
    X509_free(leaf);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    sk_X509_free(input.chain);
    return 0;
}
