/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proxy certificates (RFC 3820), which clients make themselves, and servers that take them. Run by test_in_process.py;
 * every case is a process that loads the configuration itself.
 */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "case.h"
#include "pair.h"

/* Rules that a client comes under that can choose its notBefore, its policies, its key usage. */
static const char lax_by_date[] = "rules = r\n[r]\nold = old\n[old]\nissued_before = 2020-06-01T00:00:00Z\n"
                                  "exempt = yes\nexpires = 9999-01-01T00:00:00Z\n";
static const char lax_by_policy[] = "rules = r\n[r]\nlab = lab\n[lab]\ncertificate_policy = 1.2.3.4\nmode = report\n";
static const char lax_by_usage[] = "rules = r\n[r]\nmail = mail\n[mail]\nextended_key_usage = emailProtection\n"
                                   "mode = off\n";

static void add_extension(X509 *certificate, const char *name, const char *value)
{
    X509V3_CTX context = { 0 };
    CONF *none = NCONF_new(NULL); /* which proxyCertInfo asks for, and does not need */
    X509_EXTENSION *extension;

    X509V3_set_nconf(&context, none);
    extension = X509V3_EXT_nconf(NULL, &context, name, value);

    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
    NCONF_free(none);
}

/* By the holder of `issuer`, whose key is `key`, or by somebody who only says so. */
static X509 *proxy_of(X509 *issuer, EVP_PKEY *own, EVP_PKEY *key)
{
    X509 *proxy = X509_new();
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(issuer));

    ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"proxy", -1, -1, 0),
                     1);
    ck_assert_int_eq(X509_set_version(proxy, X509_VERSION_3), 1);
    ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(proxy), 7), 1);
    ck_assert_int_eq(X509_set_issuer_name(proxy, X509_get_subject_name(issuer)), 1);
    ck_assert_int_eq(X509_set_subject_name(proxy, name), 1);
    ck_assert_int_eq(ASN1_TIME_set_string(X509_getm_notBefore(proxy), "20200101000000Z"), 1);
    ck_assert_int_eq(ASN1_TIME_set_string(X509_getm_notAfter(proxy), "20490101000000Z"), 1);
    ck_assert_int_eq(X509_set_pubkey(proxy, own), 1);
    add_extension(proxy, "proxyCertInfo", "critical,language:id-ppl-inheritAll");
    add_extension(proxy, "certificatePolicies", "1.2.3.4");
    add_extension(proxy, "extendedKeyUsage", "clientAuth, emailProtection");
    ck_assert_int_gt(X509_sign(proxy, key, EVP_sha256()), 0);
    X509_NAME_free(name);
    return proxy;
}

/* A client that shows `count` proxies, each made with the key of the one before. */
static SSL_CTX *client_with_proxies(const char *holder, const char *signer, int count)
{
    SSL_CTX *client = client_context(holder);
    SSL_CTX *other = client_context(signer);
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *issuer = SSL_CTX_get0_certificate(client);
    EVP_PKEY *key = SSL_CTX_get0_privatekey(other);
    EVP_PKEY *own = NULL;

    ck_assert(X509_up_ref(issuer));
    EVP_PKEY_up_ref(key);
    for (int i = 0; i < count; i++) {
        X509 *proxy;

        own = EVP_EC_gen("P-256");
        proxy = proxy_of(issuer, own, key);
        ck_assert_int_gt(sk_X509_unshift(chain, issuer), 0);
        EVP_PKEY_free(key);
        issuer = proxy;
        key = own;
    }
    ck_assert_int_eq(SSL_CTX_use_cert_and_key(client, issuer, key, chain, 1), 1);
    X509_free(issuer);
    EVP_PKEY_free(key);
    sk_X509_pop_free(chain, X509_free);
    SSL_CTX_free(other);
    return client;
}

static int say_yes(int ok, X509_STORE_CTX *ctx)
{
    return 1;
}

static int never_verify(X509_STORE_CTX *ctx, void *arg)
{
    X509_STORE_CTX_set_verify(ctx, NULL);
    return X509_verify_cert(ctx);
}

static SSL_CTX *grid_server(void)
{
    SSL_CTX *server = server_context();

    ck_assert_int_eq(X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(server), X509_V_FLAG_ALLOW_PROXY_CERTS), 1);
    return server;
}

static bool admits_proxies(SSL_CTX *server, const char *holder, const char *signer, int count, long *result)
{
    SSL_CTX *client = client_with_proxies(holder, signer, count);
    struct pair pair = connect_pair(server, client);
    bool admitted = shake_hands(&pair);

    *result = SSL_get_verify_result(pair.server);
    free_pair(&pair);
    SSL_CTX_free(client);
    ERR_clear_error();
    return admitted;
}

static const char *const settings[] = { "", lax_by_date, lax_by_policy, lax_by_usage };
#define SETTINGS (int)(sizeof settings / sizeof settings[0])

START_TEST(proxy_is_judged_by_the_certificate_of_its_maker)
{
    SSL_CTX *server;
    long result;

    configure(settings[_i]);
    load();
    for (int late = 0; late < 2; late++) {
        server = grid_server();
        if (late) {
            SSL_CTX_set_cert_verify_callback(server, never_verify, NULL);
        }
        for (int count = 1; count <= 3; count++) {
            ck_assert_msg(admits_proxies(server, "good", "good", count, &result), "%d proxies of a logged client",
                          count);
            ck_assert_msg(!admits_proxies(server, "unlogged", "unlogged", count, &result),
                          "%d proxies of an unlogged client", count);
            ck_assert_int_eq(result, X509_V_ERR_NO_VALID_SCTS);
        }
        judges("without proxies", server);
        SSL_CTX_free(server);
    }
}
END_TEST

/* Where the application forgives what is wrong with the chain, it sees what we say of it. */
START_TEST(proxy_that_its_maker_has_not_signed_is_refused)
{
    SSL_CTX *server;
    long result;

    configure(settings[_i]);
    load();
    server = grid_server();
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, say_yes);
    (void)admits_proxies(server, "good", "unlogged", 1, &result);
    ck_assert_int_eq(result, X509_V_ERR_NO_VALID_SCTS);
    SSL_CTX_free(server);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proxy_certificates");
    TCase *cases = tcase_create("proxy_certificates");

    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, proxy_is_judged_by_the_certificate_of_its_maker, 0, SETTINGS);
    tcase_add_loop_test(cases, proxy_that_its_maker_has_not_signed_is_refused, 0, SETTINGS);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
