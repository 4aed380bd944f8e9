/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/signature.h"

#include <pthread.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include "pki.h"
#include "unit.h"

static const uint8_t digest[32] = { 1, 2, 3 };

static void log_with(struct ct_log *log, EVP_PKEY *key)
{
    struct pki_log minted = { 0 };
    const char *why = "";

    memset(log, 0, sizeof *log);
    EVP_PKEY_up_ref(key);
    pki_log_new(&minted, key);
    ck_assert_msg(ct_log_set_key(log, (struct ct_bytes){ minted.spki.data, minted.spki.len }, &why), "%s", why);
    pki_log_clear(&minted);
}

static size_t sign(EVP_PKEY *key, uint8_t *out, size_t size)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

    ck_assert_int_eq(EVP_PKEY_sign_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
    ck_assert_int_eq(EVP_PKEY_sign(ctx, out, &size, digest, sizeof digest), 1);
    EVP_PKEY_CTX_free(ctx);
    return size;
}

START_TEST(checks_both_kinds_of_keys)
{
    static const enum pki_key_type types[] = { PKI_P256, PKI_RSA };

    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = pki_new_key(types[i], 2048);
        uint8_t signature[512], other[32] = { 9 };
        size_t len = sign(key, signature, sizeof signature);
        struct ct_log log;

        log_with(&log, key);
        ck_assert_int_eq(ct_signature_check(&log, digest, (struct ct_bytes){ signature, len }), CT_SIGNATURE_OK);
        ck_assert_int_eq(ct_signature_check(&log, other, (struct ct_bytes){ signature, len }), CT_SIGNATURE_BAD);
        ck_assert_int_eq(ct_signature_check(&log, digest, (struct ct_bytes){ signature, len - 1 }), CT_SIGNATURE_BAD);
        ck_assert_int_eq(ct_signature_check(&log, digest, (struct ct_bytes){ signature, 0 }), CT_SIGNATURE_BAD);
        signature[len - 1] ^= 1;
        ck_assert_int_eq(ct_signature_check(&log, digest, (struct ct_bytes){ signature, len }), CT_SIGNATURE_BAD);
        ck_assert_uint_eq(ERR_peek_error(), 0);
        ct_log_clear(&log);
        EVP_PKEY_free(key);
    }
}
END_TEST

struct many_checks {
    struct ct_log *log;
    struct ct_bytes good, bad;
    unsigned wrong;
};

static void *check_many(void *arg)
{
    struct many_checks *checks = arg;

    for (int i = 0; i < 50; i++) {
        checks->wrong += ct_signature_check(checks->log, digest, checks->good) != CT_SIGNATURE_OK;
        checks->wrong += ct_signature_check(checks->log, digest, checks->bad) != CT_SIGNATURE_BAD;
    }
    return NULL;
}

START_TEST(threads_share_a_log)
{
    static const enum pki_key_type types[] = { PKI_P256, PKI_RSA };

    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = pki_new_key(types[i], 2048);
        uint8_t good[512], bad[512];
        size_t len = sign(key, good, sizeof good);
        struct many_checks checks[4];
        pthread_t threads[4];
        struct ct_log log;

        memcpy(bad, good, len);
        bad[len - 1] ^= 1;
        log_with(&log, key);
        for (int t = 0; t < 4; t++) {
            checks[t] = (struct many_checks){ &log, { good, len }, { bad, len }, 0 };
            ck_assert_int_eq(pthread_create(&threads[t], NULL, check_many, &checks[t]), 0);
        }
        for (int t = 0; t < 4; t++) {
            ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
            ck_assert_uint_eq(checks[t].wrong, 0);
        }
        ct_log_clear(&log);
        EVP_PKEY_free(key);
    }
}
END_TEST

START_TEST(the_algorithm_must_be_the_keys_own)
{
    static const struct {
        uint8_t hash, signature;
        bool p256, rsa;
    } rows[] = { { 4, 3, true, false },  { 4, 1, false, true },  { 5, 3, false, false }, { 2, 3, false, false },
                 { 4, 0, false, false }, { 4, 2, false, false }, { 0, 1, false, false } };
    EVP_PKEY *p256 = pki_new_key(PKI_P256, 0);
    uint8_t signature[80];
    struct ct_sct sct = { .signature = { signature, sign(p256, signature, sizeof signature) } };
    struct ct_log ecdsa = { .key_type = CT_KEY_P256 }, rsa = { .key_type = CT_KEY_RSA };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sct.hash_algorithm = rows[i].hash;
        sct.signature_algorithm = rows[i].signature;
        ck_assert_msg(ct_signature_plausible(&ecdsa, &sct) == rows[i].p256, "row %zu, P-256", i);
        ck_assert_msg(ct_signature_plausible(&rsa, &sct) == rows[i].rsa, "row %zu, RSA", i);
    }
    EVP_PKEY_free(p256);
}
END_TEST

START_TEST(an_ecdsa_signature_must_be_der)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
        bool ok;
    } rows[] = {
        { "smallest", "\x30\x06\x02\x01\x01\x02\x01\x7f", 8, true },
        { "zero where the first bit is set", "\x30\x07\x02\x01\x01\x02\x02\x00\x80", 9, true },
        { "needless zero", "\x30\x07\x02\x02\x00\x01\x02\x01\x01", 9, false },
        { "negative", "\x30\x06\x02\x01\x81\x02\x01\x01", 8, false },
        { "zero", "\x30\x06\x02\x01\x00\x02\x01\x01", 8, false },
        { "empty integer", "\x30\x05\x02\x00\x02\x01\x01", 7, false },
        { "long form", "\x30\x81\x06\x02\x01\x01\x02\x01\x01", 9, false },
        { "trailing in the sequence", "\x30\x08\x02\x01\x01\x02\x01\x01\x05\x00", 10, false },
        { "trailing behind", "\x30\x06\x02\x01\x01\x02\x01\x01\x00", 9, false },
        { "one integer", "\x30\x03\x02\x01\x01", 5, false },
        { "another tag", "\x31\x06\x02\x01\x01\x02\x01\x01", 8, false },
        { "empty", "", 0, false },
    };
    struct ct_log log = { .key_type = CT_KEY_P256 };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_sct sct = { .hash_algorithm = 4,
                              .signature_algorithm = 3,
                              .signature = { (const uint8_t *)rows[i].bytes, rows[i].len } };

        ck_assert_msg(ct_signature_plausible(&log, &sct) == rows[i].ok, "%s", rows[i].name);
    }
}
END_TEST

/*
 * A provider that verifies whole messages only, as tpm2-openssl does: it has the default one's keys and signatures, but
 * not the functions that verify a digest.
 */
enum { ALGORITHMS_MAX = 64, FUNCTIONS_MAX = 64 };
static OSSL_PROVIDER *complete;
static OSSL_ALGORITHM keys[ALGORITHMS_MAX], signatures[3];
static OSSL_DISPATCH without_verify[2][FUNCTIONS_MAX];

static const OSSL_ALGORITHM *whole_query(void *provctx, int operation, int *no_cache)
{
    *no_cache = 0;
    return operation == OSSL_OP_KEYMGMT ? keys : operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int whole_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                      void **provctx)
{
    static const OSSL_DISPATCH functions[] = { { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))whole_query },
                                               { 0, NULL } };

    *out = functions;
    *provctx = OSSL_PROVIDER_get0_provider_ctx(complete);
    return 1;
}

static void fill_whole_provider(OSSL_LIB_CTX *libctx)
{
    static const char *const names[] = { "ECDSA", "RSA" };
    const OSSL_ALGORITHM *from;
    size_t used = 0;
    int no_cache;

    ck_assert_ptr_nonnull(complete = OSSL_PROVIDER_load(libctx, "default"));
    for (from = OSSL_PROVIDER_query_operation(complete, OSSL_OP_KEYMGMT, &no_cache); from->algorithm_names != NULL;
         from++) {
        ck_assert_uint_lt(used, ALGORITHMS_MAX - 1);
        keys[used] = *from;
        keys[used++].property_definition = "provider=whole";
    }
    for (size_t i = 0; i < 2; i++) {
        const OSSL_DISPATCH *function;

        for (from = OSSL_PROVIDER_query_operation(complete, OSSL_OP_SIGNATURE, &no_cache);
             from->algorithm_names != NULL && strncmp(from->algorithm_names, names[i], strlen(names[i])) != 0; from++) {
        }
        ck_assert_ptr_nonnull(from->algorithm_names);
        used = 0;
        for (function = from->implementation; function->function_id != 0; function++) {
            ck_assert_uint_lt(used, FUNCTIONS_MAX - 1);
            if (function->function_id != OSSL_FUNC_SIGNATURE_VERIFY_INIT &&
                function->function_id != OSSL_FUNC_SIGNATURE_VERIFY) {
                without_verify[i][used++] = *function;
            }
        }
        signatures[i] = (OSSL_ALGORITHM){ from->algorithm_names, "provider=whole", without_verify[i], NULL };
    }
}

START_TEST(a_provider_that_verifies_whole_messages_only_stops_nobody)
{
    static const enum pki_key_type types[] = { PKI_P256, PKI_RSA };
    OSSL_PROVIDER *whole;
    EVP_PKEY_CTX *ctx;
    EVP_PKEY *key;

    fill_whole_provider(NULL);
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "whole", whole_init), 1);
    whole = OSSL_PROVIDER_load(NULL, "whole");
    ck_assert_ptr_nonnull(whole);
    for (size_t i = 0; i < 2; i++) {
        uint8_t signature[512];
        struct ct_log log;
        size_t len;

        ck_assert_int_eq(EVP_set_default_properties(NULL, ""), 1);
        key = pki_new_key(types[i], 2048);
        len = sign(key, signature, sizeof signature);
        ck_assert_int_eq(EVP_set_default_properties(NULL, "?provider=whole"), 1);
        log_with(&log, key);
        /* The provider is one: what it is asked first it cannot. */
        ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ct_log_get0_key(&log), "provider=whole");
        ck_assert_ptr_nonnull(ctx);
        ck_assert_int_le(EVP_PKEY_verify_init(ctx), 0);
        EVP_PKEY_CTX_free(ctx);
        ERR_clear_error();
        ck_assert_int_eq(ct_signature_check(&log, digest, (struct ct_bytes){ signature, len }), CT_SIGNATURE_OK);
        signature[len - 1] ^= 1;
        ck_assert_int_eq(ct_signature_check(&log, digest, (struct ct_bytes){ signature, len }), CT_SIGNATURE_BAD);
        ck_assert_uint_eq(ERR_peek_error(), 0);
        ct_log_clear(&log);
        EVP_PKEY_free(key);
    }
    ck_assert_int_eq(EVP_set_default_properties(NULL, ""), 1);
    OSSL_PROVIDER_unload(whole);
    OSSL_PROVIDER_unload(complete);
}
END_TEST

/* In the place of FIPS's provider: what the default one of another context has. */
static const int fips_operations[] = { OSSL_OP_KEYMGMT, OSSL_OP_SIGNATURE, OSSL_OP_DIGEST };
static OSSL_ALGORITHM fips_algorithms[3][ALGORITHMS_MAX];

static const OSSL_ALGORITHM *fips_query(void *provctx, int operation, int *no_cache)
{
    *no_cache = 0;
    for (size_t i = 0; i < 3; i++) {
        if (operation == fips_operations[i]) {
            return fips_algorithms[i];
        }
    }
    return NULL;
}

static int fips_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH functions[] = { { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))fips_query },
                                               { 0, NULL } };

    *out = functions;
    *provctx = OSSL_PROVIDER_get0_provider_ctx(complete);
    return 1;
}

static void fill_fips(void)
{
    for (size_t i = 0; i < 3; i++) {
        int no_cache;
        const OSSL_ALGORITHM *from = OSSL_PROVIDER_query_operation(complete, fips_operations[i], &no_cache);

        for (size_t used = 0; from[used].algorithm_names != NULL; used++) {
            ck_assert_uint_lt(used, ALGORITHMS_MAX - 1);
            fips_algorithms[i][used] = from[used];
            fips_algorithms[i][used].property_definition = "provider=fips,fips=yes";
        }
    }
}

START_TEST(beside_fips_there_need_be_no_default_provider)
{
    static const enum pki_key_type types[] = { PKI_P256, PKI_RSA };
    OSSL_PROVIDER *only_for_now = OSSL_PROVIDER_load(NULL, "default"); /* not by itself, or it would stay */
    OSSL_LIB_CTX *elsewhere = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *loaded[4];
    uint8_t signatures_by[2][512];
    struct ct_log logs[2];
    size_t lens[2];

    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = pki_new_key(types[i], 2048);

        lens[i] = sign(key, signatures_by[i], sizeof signatures_by[i]);
        log_with(&logs[i], key);
        EVP_PKEY_free(key);
    }
    fill_whole_provider(elsewhere);
    fill_fips();
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "whole", whole_init), 1);
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "fips", fips_init), 1);
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(elsewhere, "fips", fips_init),
                     1); /* its signatures fetch their digest */
    ck_assert_ptr_nonnull(loaded[0] = OSSL_PROVIDER_load(NULL, "base"));
    ck_assert_ptr_nonnull(loaded[1] = OSSL_PROVIDER_load(NULL, "whole"));
    ck_assert_ptr_nonnull(loaded[2] = OSSL_PROVIDER_load(NULL, "fips"));
    ck_assert_ptr_nonnull(loaded[3] = OSSL_PROVIDER_load(elsewhere, "fips"));
    OSSL_PROVIDER_unload(only_for_now);
    ck_assert_int_eq(OSSL_PROVIDER_available(NULL, "default"), 0);
    ck_assert_int_eq(EVP_set_default_properties(NULL, "?provider=whole"), 1);
    for (size_t i = 0; i < 2; i++) {
        struct ct_bytes signature = { signatures_by[i], lens[i] };

        ck_assert_int_eq(ct_signature_check(&logs[i], digest, signature), CT_SIGNATURE_OK);
        signatures_by[i][lens[i] - 1] ^= 1;
        ck_assert_int_eq(ct_signature_check(&logs[i], digest, signature), CT_SIGNATURE_BAD);
        ck_assert_uint_eq(ERR_peek_error(), 0);
        ct_log_clear(&logs[i]);
    }
    for (size_t i = 4; i-- > 0;) {
        OSSL_PROVIDER_unload(loaded[i]);
    }
    OSSL_PROVIDER_unload(complete);
    OSSL_LIB_CTX_free(elsewhere);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signature");
    TCase *tc = tcase_create("signature");

    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, checks_both_kinds_of_keys);
    tcase_add_test(tc, threads_share_a_log);
    tcase_add_test(tc, the_algorithm_must_be_the_keys_own);
    tcase_add_test(tc, an_ecdsa_signature_must_be_der);
    tcase_add_test(tc, a_provider_that_verifies_whole_messages_only_stops_nobody);
    tcase_add_test(tc, beside_fips_there_need_be_no_default_provider);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
