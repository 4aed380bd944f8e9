/* SPDX-License-Identifier: Apache-2.0 */
#include "datagrams.h"

#include <arpa/inet.h>
#include <check.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "clocks.h"
#include "pair.h"
#include "session_ends.h"

static int bound_socket(struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    *address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

static BIO *datagrams_to(int fd, const struct sockaddr_in *peer)
{
    BIO *bio = BIO_new_dgram(fd, BIO_CLOSE);
    BIO_ADDR *address = BIO_ADDR_new();

    ck_assert(bio != NULL && address != NULL);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)peer, sizeof *peer), 0);
    ck_assert_int_eq(
        BIO_ADDR_rawmake(address, AF_INET, &peer->sin_addr, sizeof peer->sin_addr, (unsigned short)peer->sin_port), 1);
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, address);
    BIO_ADDR_free(address);
    return bio;
}

static struct pair datagram_pair(SSL_CTX *server, SSL_CTX *client)
{
    struct pair pair = { SSL_new(server), SSL_new(client) };
    struct sockaddr_in address[2];
    int fds[2] = { bound_socket(&address[0]), bound_socket(&address[1]) };
    BIO *bios[2] = { datagrams_to(fds[0], &address[1]), datagrams_to(fds[1], &address[0]) };

    SSL_set_bio(pair.server, bios[0], bios[0]);
    SSL_set_bio(pair.client, bios[1], bios[1]);
    SSL_set_accept_state(pair.server);
    SSL_set_connect_state(pair.client);
    return pair;
}

/* The session of a connection that got in; NULL: it was refused. */
static SSL_SESSION *connect_by_datagrams(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *session, const char *name,
                                         bool *reused)
{
    struct pair pair = datagram_pair(server, client);
    SSL_SESSION *made = NULL;
    bool in = false;

    ck_assert_int_eq(SSL_set_tlsext_host_name(pair.client, name), 1);
    if (session != NULL) {
        ck_assert_int_eq(SSL_set_session(pair.client, session), 1);
    }
    for (int round = 0; round < 400 && !in; round++) {
        int result = SSL_do_handshake(pair.client);

        ERR_clear_error();
        in = SSL_do_handshake(pair.server) == 1 && result == 1;
        if (!in && SSL_get_error(pair.server, -1) == SSL_ERROR_SSL) {
            break;
        }
        usleep(in ? 0 : 500);
    }
    *reused = in && SSL_session_reused(pair.server);
    if (in) {
        made = SSL_get1_session(pair.client);
        SSL_shutdown(pair.client);
        SSL_shutdown(pair.server);
    }
    free_pair(&pair);
    return made;
}

bool resumed_over_datagrams(const char *name, const char *changes, int64_t seconds)
{
    SSL_CTX *server = SSL_CTX_new(DTLS_server_method()), *client = SSL_CTX_new(DTLS_client_method());
    SSL_SESSION *session;
    bool reused;

    furnish_server(server);
    share_sessions(server);
    ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(client, file("client-", "good", ".pem")), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(client, file("client-", "good", ".key"), SSL_FILETYPE_PEM), 1);
    session = connect_by_datagrams(server, client, NULL, NAME, &reused);
    ck_assert_ptr_nonnull(session);
    ck_assert(!reused);
    if (changes[0] != '\0') {
        reconfigure_with(changes);
    }
    clocks_forward(seconds);
    SSL_SESSION_free(connect_by_datagrams(server, client, session, name, &reused));
    SSL_SESSION_free(session);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    return reused;
}
