/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Full TLS 1.3 handshakes with client certificates through memory BIOs, in one process; only the server's calls are
 * measured. The component, or none, comes from OPENSSL_CONF. usage: bench_handshakes DIR KIND [--once | ROUNDS]
 * KIND: p256-warm, p256-cold, rsa-warm, rsa-cold (the server's key; the same or ever-new verdicts), p256-resumed.
 * Prints "KIND NANOSECONDS RESIDENT-KIB", or the name of the dump with --once.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "pki.h"

struct scene {
    SSL_CTX *server_ctx, *client_ctx;
    SSL *server, *client;
    SSL_SESSION *session; /* NULL: full handshakes */
    const char *name;
    EVP_PKEY *ca_key; /* NULL: the same client each time */
    bool collect;
    uint64_t server_ns;
};

static SSL_CTX *context(const SSL_METHOD *method, const char *dir, const char *prefix)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    char chain[512], key[512], ca[512], name[64];

    snprintf(name, sizeof name, "%s.pem", prefix);
    bench_path(dir, name, chain);
    snprintf(name, sizeof name, "%s.key", prefix);
    bench_path(dir, name, key);
    bench_path(dir, "ca.pem", ca);
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(ctx, chain) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1) {
        pki_die("cannot set up TLS with %s", chain);
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return ctx;
}

static void server_new(void *arg)
{
    struct scene *scene = arg;

    if ((scene->server = SSL_new(scene->server_ctx)) == NULL) {
        pki_die("no memory for a connection");
    }
    SSL_set_accept_state(scene->server);
}

static void server_step(void *arg)
{
    struct scene *scene = arg;
    int result = SSL_do_handshake(scene->server);

    if (result != 1 && SSL_get_error(scene->server, result) != SSL_ERROR_WANT_READ) {
        pki_die("the server fails: is the certificate refused?");
    }
}

static void server_free(void *arg)
{
    struct scene *scene = arg;

    SSL_free(scene->server);
}

static void on_server(struct scene *scene, void (*run)(void *))
{
    uint64_t start = bench_now_ns();

    if (scene->collect) {
        bench_measured(run, scene);
    } else {
        run(scene);
    }
    scene->server_ns += bench_now_ns() - start;
}

static void connect_both(struct scene *scene)
{
    BIO *to_server, *to_client;

    if ((scene->client = SSL_new(scene->client_ctx)) == NULL ||
        BIO_new_bio_pair(&to_server, 1 << 17, &to_client, 1 << 17) != 1) {
        pki_die("no memory for a connection");
    }
    SSL_set_bio(scene->server, to_client, to_client);
    SSL_set_bio(scene->client, to_server, to_server);
    SSL_set_connect_state(scene->client);
}

static void handshake(struct scene *scene)
{
    char byte;
    int done = 0;

    scene->server_ns = 0;
    on_server(scene, server_new);
    connect_both(scene);
    if (scene->ca_key != NULL) {
        X509 *fresh = bench_signed_again(SSL_get_certificate(scene->client), scene->ca_key);

        if (SSL_use_certificate(scene->client, fresh) != 1) {
            pki_die("cannot give the client its certificate");
        }
        X509_free(fresh);
    }
    if (SSL_set_tlsext_host_name(scene->client, "host.bench.example") != 1 ||
        (scene->session != NULL && SSL_set_session(scene->client, scene->session) != 1)) {
        pki_die("cannot prepare the client");
    }
    for (int turn = 0; turn < 8 && done != 1; turn++) {
        done = SSL_do_handshake(scene->client);
        on_server(scene, server_step);
        done = done == 1 && SSL_is_init_finished(scene->server);
    }
    if (!done || SSL_session_reused(scene->server) != (scene->session != NULL)) {
        pki_die("the handshake %s", done ? "does full and resumed the other way round" : "does not end");
    }
    (void)SSL_read(scene->client, &byte, 1); /* takes what tickets there are */
}

static void finish(struct scene *scene)
{
    /* A session of a connection that was not closed is not to be resumed. */
    SSL_set_shutdown(scene->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_set_shutdown(scene->server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(scene->client);
    on_server(scene, server_free);
    ERR_clear_error();
}

static void learn_session(struct scene *scene)
{
    SSL_CTX_set_session_id_context(scene->server_ctx, (const unsigned char *)"bench", 5);
    SSL_CTX_set_num_tickets(scene->server_ctx, 1);
    handshake(scene);
    scene->session = SSL_get1_session(scene->client);
    finish(scene);
}

static unsigned long resident_kib(void)
{
    char line[256];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "VmRSS: %lu", &kib) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

int main(int argc, char **argv)
{
    bool once = argc > 3 && strcmp(argv[3], "--once") == 0;
    unsigned rounds = argc > 3 && !once ? (unsigned)atoi(argv[3]) : 201;
    struct scene scene = { 0 };
    uint64_t *times = calloc(rounds + 1, sizeof *times);

    if (argc < 3 || rounds == 0 || times == NULL) {
        pki_die("usage: bench_handshakes DIR KIND [--once | ROUNDS]");
    }
    scene.name = argv[2];
    if (strstr(argv[2], "cold") != NULL) {
        char path[512];

        scene.ca_key = pki_read_key(bench_path(argv[1], "ca", path));
    }
    scene.server_ctx = context(TLS_server_method(), argv[1], strstr(argv[2], "rsa") ? "server-rsa" : "server-p256");
    scene.client_ctx = context(TLS_client_method(), argv[1], "client-2");
    SSL_CTX_set_num_tickets(scene.server_ctx, 0);
    SSL_CTX_set_session_cache_mode(scene.server_ctx, SSL_SESS_CACHE_OFF);
    if (strstr(argv[2], "resumed") != NULL) {
        learn_session(&scene);
    }
    handshake(&scene);
    finish(&scene);
    if (once) {
        scene.collect = true;
        handshake(&scene);
        finish(&scene);
        bench_mark(scene.name);
    } else {
        for (unsigned round = 0; round < rounds; round++) {
            handshake(&scene);
            finish(&scene);
            times[round] = scene.server_ns;
        }
        printf("%s %llu %lu\n", scene.name, (unsigned long long)bench_median(times, rounds), resident_kib());
    }
    free(times);
    SSL_SESSION_free(scene.session);
    EVP_PKEY_free(scene.ca_key);
    SSL_CTX_free(scene.server_ctx);
    SSL_CTX_free(scene.client_ctx);
    return 0;
}
