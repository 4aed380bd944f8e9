/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded number of TLS 1.3 connections with a client certificate, one after the other, each with a request that has
 * to be answered 200. usage: bench_load DIR PORT COUNT [return]
 * After one more connection it prints "ready" and waits for its input to end, then "handshakes NANOSECONDS" for all of
 * them and "resumed NUMBER". With `return` each offers the session of the one before.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "pki.h"

static int connect_to(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct timeval longest = { .tv_sec = 10 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1; /* as curl, Go and browsers do: a server that sends no tickets acknowledges late what Nagle waits for */

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        pki_die("cannot connect to port %d", port);
    }
    return fd;
}

static SSL_SESSION *last; /* that the server has given */
static int resumed;

static int keep(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION_free(last);
    last = session;
    return 1;
}

static void request(SSL_CTX *ctx, int port, bool returning)
{
    static const char text[] = "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n";
    char answer[1024] = "";
    SSL *ssl = SSL_new(ctx);
    int fd = connect_to(port);

    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_set_tlsext_host_name(ssl, "localhost") != 1 ||
        (returning && last != NULL && SSL_set_session(ssl, last) != 1) || SSL_connect(ssl) != 1 ||
        SSL_write(ssl, text, sizeof text - 1) <= 0 || SSL_read(ssl, answer, sizeof answer - 1) <= 0 ||
        strstr(answer, " 200 ") == NULL) {
        pki_die("the server refuses: %.60s", answer);
    }
    resumed += SSL_session_reused(ssl);
    SSL_shutdown(ssl); /* or libssl takes the session for a bad one */
    SSL_free(ssl);
    close(fd);
}

int main(int argc, char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    char chain[512], key[512], ca[512];
    bool returning = argc == 5 && strcmp(argv[4], "return") == 0;
    uint64_t start;

    if (argc != 4 && !returning) {
        pki_die("usage: bench_load DIR PORT COUNT [return]");
    }
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(ctx, bench_path(argv[1], "client-2.pem", chain)) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, bench_path(argv[1], "client-2.key", key), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(ctx, bench_path(argv[1], "ca.pem", ca), NULL) != 1) {
        pki_die("cannot set up TLS");
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, keep);
    request(ctx, atoi(argv[2]), false);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {}
    resumed = 0;
    start = bench_now_ns();
    for (int i = 0; i < atoi(argv[3]); i++) {
        request(ctx, atoi(argv[2]), returning);
    }
    printf("handshakes %llu\nresumed %d\n", (unsigned long long)(bench_now_ns() - start), resumed);
    SSL_SESSION_free(last);
    SSL_CTX_free(ctx);
    return 0;
}
