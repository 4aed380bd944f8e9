#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A key for Encrypted Client Hello that OpenSSL 4.0 has just made decrypts nothing until it was written and read again.
#
# Seen with OpenSSL 4.0.3, built from the source that the crate openssl-src 400.0.2+4.0.3 carries.
# OSSL_ECHSTORE_new_config() makes a key pair and its ECHConfig and puts them into a store. A server that is given this
# store by SSL_CTX_set1_echstore() takes no client's ECH for its own: the handshake goes on with the outer name, and
# SSL_ech_get1_status() on the server says so. The same store, written by OSSL_ECHSTORE_write_pem() and read by
# OSSL_ECHSTORE_read_pem(), decrypts. In ssl/ech/ech_store.c the one that was made keeps the bytes of the whole
# ECHConfigList, with its length, where one that was read keeps those of its ECHConfig; they go into HPKE's info, which
# so differs from the client's.
#
# What to take from it: a server loads its ECH keys from PEM, also those that it has just made, and a test of what
# depends on the inner name asks SSL_ech_get1_status() whether there was one. Exit status 1: it is not so any more.
set -euo pipefail

CRATE=openssl-src VERSION=400.0.2+4.0.3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
printf '[package]\nname = "find"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n%s = "=%s"\n' "$CRATE" "$VERSION" \
    >Cargo.toml
echo 'fn main() {}' >src/main.rs
CARGO_HOME=$work/cargo cargo fetch -q
cd cargo/registry/src/*/"$CRATE-$VERSION"/openssl
./Configure no-shared no-apps no-docs no-tests no-quic no-cmp no-cms no-ts no-legacy >"$work/make.log" 2>&1
make -j2 build_libs >>"$work/make.log" 2>&1 || { tail -n 5 "$work/make.log" >&2 && exit 1; }
openssl=$PWD
cd "$work"

cat >ech.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ech.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static void must(int done, const char *what)
{
    if (!done) {
        fprintf(stderr, "%s failed\n", what);
        exit(2);
    }
}

static void identify(SSL_CTX *ctx)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();

    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    must(X509_set_pubkey(certificate, key) && X509_sign(certificate, key, EVP_sha256()) > 0 &&
             SSL_CTX_use_certificate(ctx, certificate) && SSL_CTX_use_PrivateKey(ctx, key),
         "the certificate");
}

static OSSL_ECHSTORE *read_again(OSSL_ECHSTORE *made, int private_too)
{
    OSSL_ECHSTORE *store = OSSL_ECHSTORE_new(NULL, NULL);
    BIO *pem = BIO_new(BIO_s_mem());
    char *text, *config;

    must(OSSL_ECHSTORE_write_pem(made, OSSL_ECHSTORE_LAST, pem) && BIO_write(pem, "", 1) == 1, "write_pem");
    BIO_get_mem_data(pem, &text);
    config = private_too ? text : strstr(text, "-----BEGIN ECHCONFIG");
    must(OSSL_ECHSTORE_read_pem(store, BIO_new_mem_buf(config, -1), private_too ? OSSL_ECH_FOR_RETRY : OSSL_ECH_NO_RETRY),
         "read_pem");
    return store;
}

static int status_of_server(OSSL_ECHSTORE *servers, OSSL_ECHSTORE *clients, const char *what)
{
    SSL_CTX *server_ctx = SSL_CTX_new(TLS_server_method()), *client_ctx = SSL_CTX_new(TLS_client_method());
    SSL *server, *client;
    BIO *to, *from;
    char *inner = NULL, *outer = NULL;
    int status;

    identify(server_ctx);
    must(SSL_CTX_set1_echstore(server_ctx, servers) && SSL_CTX_set1_echstore(client_ctx, clients), "set1_echstore");
    server = SSL_new(server_ctx);
    client = SSL_new(client_ctx);
    must(BIO_new_bio_pair(&to, 0, &from, 0), "the pair");
    SSL_set_bio(server, to, to);
    SSL_set_bio(client, from, from);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    must(SSL_ech_set1_server_names(client, "inside.example", "outside.example", 0), "set1_server_names");
    for (int i = 0; i < 20; i++) {
        SSL_do_handshake(client);
        SSL_do_handshake(server);
    }
    status = SSL_ech_get1_status(server, &inner, &outer);
    printf("%s: the server's status is %d (%s), its name %s\n", what, status,
           status == SSL_ECH_STATUS_SUCCESS ? "success" : "no success", SSL_get_servername(server, 0));
    return status;
}

int main(void)
{
    const OSSL_HPKE_SUITE suite = OSSL_HPKE_SUITE_DEFAULT;
    OSSL_ECHSTORE *made = OSSL_ECHSTORE_new(NULL, NULL);
    int before, after;

    printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
    must(OSSL_ECHSTORE_new_config(made, OSSL_ECH_CURRENT_VERSION, 0, "outside.example", suite), "new_config");
    before = status_of_server(made, read_again(made, 0), "as it was made");
    after = status_of_server(read_again(made, 1), read_again(made, 0), "written and read again");
    return before != SSL_ECH_STATUS_SUCCESS && after == SSL_ECH_STATUS_SUCCESS ? 0 : 1;
}
END
cc -o ech ech.c -I "$openssl/include" "$openssl/libssl.a" "$openssl/libcrypto.a" -ldl -lpthread
./ech || { echo 'It is not as stated above any more' >&2 && exit 1; }
