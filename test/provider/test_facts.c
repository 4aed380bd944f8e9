/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the component relies on in OpenSSL and what its manual pages do not
 * promise. When one of these fails with a new OpenSSL, look there first.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

static int news;
static X509_STORE_CTX_verify_fn found;

static int answer_seven(X509_STORE_CTX *ctx)
{
    return 7;
}

static void on_store_ctx(void *parent, void *pointer, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    news++;
    found = X509_STORE_CTX_get_verify(parent);
}

static void on_store_ctx_replace(void *parent, void *pointer, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    if (argl == 1) {
        X509_STORE_CTX_set_verify(parent, answer_seven);
    }
}

START_TEST(new_function_sees_the_verify_function_at_every_init)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE_CTX, 0, NULL, on_store_ctx, NULL, NULL);

    ck_assert_int_ge(index, 0);
    news = 0;
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, NULL, NULL), 1);
    ck_assert_int_eq(news, 1);
    ck_assert_msg(found != NULL, "verify is set when the new-function runs");
    X509_STORE_CTX_cleanup(ctx);
    X509_STORE_set_verify(store, answer_seven);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, NULL, NULL), 1);
    ck_assert_int_eq(news, 2);
    ck_assert_msg(found == answer_seven, "the store's own verify function is what the new-function sees");
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
}
END_TEST

START_TEST(verify_function_set_by_a_new_function_stays)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    ck_assert_int_ge(CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE_CTX, 1, NULL, on_store_ctx_replace, NULL, NULL),
                     0);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, NULL, NULL), 1);
    ck_assert_msg(X509_STORE_CTX_get_verify(ctx) == answer_seven, "it is still there after X509_STORE_CTX_init");
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
}
END_TEST

static const SSL_METHOD *method_found;
static int extension_added;

static int add_nothing(SSL *ssl, unsigned int type, unsigned int context, const unsigned char **out, size_t *outlen,
                       X509 *certificate, size_t chain_index, int *alert, void *arg)
{
    return 0;
}

static void on_ssl_ctx(void *parent, void *pointer, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    method_found = SSL_CTX_get_ssl_method(parent);
    extension_added = SSL_CTX_add_custom_ext(
        parent, 18, SSL_EXT_TLS1_3_CERTIFICATE_REQUEST | SSL_EXT_TLS1_3_CERTIFICATE | SSL_EXT_TLS1_3_ONLY, add_nothing,
        NULL, NULL, NULL, NULL);
}

START_TEST(ssl_ctx_new_function_knows_the_method_and_can_add_an_extension)
{
    SSL_CTX *ctx;

    ck_assert_int_ge(SSL_CTX_get_ex_new_index(0, NULL, on_ssl_ctx, NULL, NULL), 0);
    ctx = SSL_CTX_new(TLS_server_method());
    ck_assert_ptr_nonnull(ctx);
    ck_assert(method_found == TLS_server_method());
    ck_assert_int_eq(extension_added, 1);
    ck_assert_msg(SSL_CTX_enable_ct(ctx, SSL_CT_VALIDATION_STRICT) == 0, "why client contexts are left alone");
    SSL_CTX_free(ctx);
    ERR_clear_error();
}
END_TEST

static int dup_calls;

static int on_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **from_d, int index, long argl, void *argp)
{
    dup_calls++;
    *from_d = NULL;
    return 1;
}

START_TEST(ssl_dup_copies_slots_unless_a_function_empties_them)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    int plain = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    int guarded = SSL_get_ex_new_index(0, NULL, NULL, on_dup, NULL);
    SSL *ssl = SSL_new(ctx);
    SSL *copy;

    SSL_set_connect_state(ssl);
    ck_assert(SSL_set_ex_data(ssl, plain, &dup_calls) && SSL_set_ex_data(ssl, guarded, &dup_calls));
    copy = SSL_dup(ssl);
    ck_assert_ptr_nonnull(copy);
    ck_assert_ptr_eq(SSL_get_ex_data(copy, plain), &dup_calls);
    ck_assert_ptr_null(SSL_get_ex_data(copy, guarded));
    ck_assert_int_eq(dup_calls, 1);
    SSL_free(copy);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}
END_TEST

START_TEST(default_section_is_inherited_by_strings_and_not_by_sections)
{
    static const char text[] = "config = of the default section\n[ours]\npath = x\n";
    CONF *cnf = NCONF_new(NULL);
    BIO *in = BIO_new_mem_buf(text, -1);
    STACK_OF(CONF_VALUE) *values;

    ck_assert_int_eq(NCONF_load_bio(cnf, in, NULL), 1);
    ck_assert_ptr_nonnull(NCONF_get_string(cnf, "ours", "config"));
    values = NCONF_get_section(cnf, "ours");
    ck_assert_int_eq(sk_CONF_VALUE_num(values), 1);
    NCONF_free(cnf);
    BIO_free(in);
}
END_TEST

START_TEST(impossible_default_properties_keep_an_ssl_ctx_from_being_made)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    SSL_CTX *ctx;

    ck_assert_int_eq(EVP_set_default_properties(libctx, "clientct=loaded"), 1);
    ck_assert_int_eq(EVP_default_properties_is_fips_enabled(libctx), 0);
    ck_assert_ptr_null(SSL_CTX_new_ex(libctx, NULL, TLS_server_method()));
    ck_assert_int_eq(EVP_set_default_properties(libctx, ""), 1);
    ctx = SSL_CTX_new_ex(libctx, NULL, TLS_server_method());
    ck_assert_ptr_nonnull(ctx);
    SSL_CTX_free(ctx);
    ck_assert_int_eq(EVP_set_default_properties(libctx, "fips=yes"), 1);
    ck_assert_int_eq(EVP_default_properties_is_fips_enabled(libctx), 1);
    OSSL_LIB_CTX_free(libctx);
    ERR_clear_error();
}
END_TEST

START_TEST(mark_in_an_empty_queue_leaves_it_empty)
{
    ERR_clear_error();
    ERR_set_mark();
    ERR_raise(ERR_LIB_USER, 1);
    ERR_raise(ERR_LIB_USER, 2);
    ERR_pop_to_mark();
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

START_TEST(mark_keeps_what_was_there)
{
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 1);
    ERR_set_mark();
    ERR_raise(ERR_LIB_USER, 2);
    ERR_pop_to_mark();
    ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), 1);
    ck_assert_uint_eq(ERR_get_error(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("facts");
    TCase *facts = tcase_create("facts");
    SRunner *runner;
    int failed;

    tcase_add_test(facts, new_function_sees_the_verify_function_at_every_init);
    tcase_add_test(facts, verify_function_set_by_a_new_function_stays);
    tcase_add_test(facts, ssl_ctx_new_function_knows_the_method_and_can_add_an_extension);
    tcase_add_test(facts, ssl_dup_copies_slots_unless_a_function_empties_them);
    tcase_add_test(facts, default_section_is_inherited_by_strings_and_not_by_sections);
    tcase_add_test(facts, impossible_default_properties_keep_an_ssl_ctx_from_being_made);
    tcase_add_test(facts, mark_in_an_empty_queue_leaves_it_empty);
    tcase_add_test(facts, mark_keeps_what_was_there);
    suite_add_tcase(suite, facts);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
