/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "list_fixture.h"

static const struct ct_bytes list = { (const uint8_t *)"{\"operators\":[]}", 16 };

struct signer {
    EVP_PKEY *key;
    char pem[8192];
    uint8_t signature[1024];
    size_t signature_len;
};

static void sign(struct signer *s, const char *digest, int padding)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL;

    s->signature_len = sizeof s->signature;
    ck_assert_int_eq(EVP_DigestSignInit_ex(ctx, &parameters, digest, NULL, NULL, s->key, NULL), 1);
    if (padding != 0) {
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(parameters, padding), 1);
    }
    ck_assert_int_eq(EVP_DigestSign(ctx, s->signature, &s->signature_len, list.data, list.len), 1);
    EVP_MD_CTX_free(ctx);
}

static void publish(struct signer *s)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int n;

    ck_assert_int_eq(PEM_write_bio_PUBKEY(bio, s->key), 1);
    n = BIO_read(bio, s->pem, sizeof s->pem - 1);
    ck_assert(n > 0);
    s->pem[n] = '\0';
    BIO_free(bio);
}

static struct signer new_signer(EVP_PKEY *key)
{
    struct signer s = { .key = key };

    ck_assert_ptr_nonnull(key);
    publish(&s);
    return s;
}

static bool verifies(const struct signer *s, struct ct_bytes text, const char **why)
{
    struct ct_bytes pem = { (const uint8_t *)s->pem, strlen(s->pem) };

    *why = NULL;
    return ct_log_list_signature_ok(text, (struct ct_bytes){ s->signature, s->signature_len }, pem, why);
}

START_TEST(takes_rsa_pkcs1_and_ecdsa_with_sha256)
{
    EVP_PKEY *keys[] = { EVP_RSA_gen(2048), EVP_EC_gen("P-256"), EVP_EC_gen("P-384") };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct signer s = new_signer(keys[i]);
        const char *why = NULL;

        sign(&s, "SHA256", 0);
        ck_assert_msg(verifies(&s, list, &why), "key %zu: %s", i, why);
        ck_assert_ptr_null(why);
        EVP_PKEY_free(s.key);
    }
}
END_TEST

START_TEST(refuses_every_changed_byte)
{
    struct signer s = new_signer(EVP_EC_gen("P-256"));
    const char *why = NULL;
    uint8_t text[16];

    sign(&s, "SHA256", 0);
    ERR_clear_error();
    for (size_t i = 0; i < list.len; i++) {
        memcpy(text, list.data, list.len);
        text[i] ^= 1;
        ck_assert_msg(!verifies(&s, (struct ct_bytes){ text, list.len }, &why), "byte %zu of the list", i);
    }
    ck_assert(!verifies(&s, (struct ct_bytes){ list.data, list.len - 1 }, &why));
    for (size_t i = 0; i < s.signature_len; i++) {
        s.signature[i] ^= 1;
        ck_assert_msg(!verifies(&s, list, &why), "byte %zu of the signature", i);
        ck_assert_ptr_nonnull(why);
        s.signature[i] ^= 1;
    }
    s.signature[s.signature_len++] = 0;
    ck_assert_msg(!verifies(&s, list, &why), "a byte behind the signature");
    s.signature_len = 0;
    ck_assert_msg(!verifies(&s, list, &why), "no signature");
    ck_assert_int_eq(ERR_peek_error(), 0);
    EVP_PKEY_free(s.key);
}
END_TEST

START_TEST(refuses_other_algorithms_and_weak_keys)
{
    struct signer s = new_signer(EVP_RSA_gen(2048));
    const char *why = NULL;

    sign(&s, "SHA512", 0);
    ck_assert_msg(!verifies(&s, list, &why), "SHA-512");
    sign(&s, "SHA256", RSA_PKCS1_PSS_PADDING);
    ck_assert_msg(!verifies(&s, list, &why), "PSS");
    sign(&s, "SHA256", RSA_PKCS1_PADDING);
    ck_assert_msg(verifies(&s, list, &why), "PKCS#1 v1.5");
    EVP_PKEY_free(s.key);

    s = new_signer(EVP_RSA_gen(1024));
    sign(&s, "SHA256", 0);
    ck_assert_msg(!verifies(&s, list, &why), "RSA-1024");
    ck_assert_ptr_nonnull(strstr(why, "2048"));
    EVP_PKEY_free(s.key);

    s = new_signer(EVP_EC_gen("P-192"));
    sign(&s, "SHA256", 0);
    ck_assert_msg(!verifies(&s, list, &why), "P-192");
    EVP_PKEY_free(s.key);

    s = new_signer(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
    s.signature_len = 64;
    ck_assert_msg(!verifies(&s, list, &why), "Ed25519");
    ck_assert_ptr_nonnull(strstr(why, "neither RSA"));
    EVP_PKEY_free(s.key);
}
END_TEST

START_TEST(refuses_key_files_that_are_not_one_public_key)
{
    struct signer s = new_signer(EVP_EC_gen("P-256"));
    struct signer other = new_signer(EVP_EC_gen("P-256"));
    const char *why = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    size_t len = strlen(s.pem);
    int n;

    sign(&s, "SHA256", 0);
    memcpy(s.pem + len, other.pem, strlen(other.pem) + 1);
    ck_assert(!verifies(&s, list, &why));
    ck_assert_ptr_nonnull(strstr(why, "several"));
    s.pem[len - 10] = '\0';
    ck_assert_msg(!verifies(&s, list, &why), "cut");
    s.pem[0] = '\0';
    ck_assert_msg(!verifies(&s, list, &why), "empty");
    ck_assert_int_eq(PEM_write_bio_PrivateKey(bio, s.key, NULL, NULL, 0, NULL, NULL), 1);
    n = BIO_read(bio, s.pem, sizeof s.pem - 1);
    ck_assert(n > 0);
    s.pem[n] = '\0';
    ck_assert_msg(!verifies(&s, list, &why), "private key");
    ck_assert_ptr_nonnull(strstr(why, "PUBLIC KEY"));
    publish(&s);
    ck_assert(verifies(&s, list, &why));
    memcpy(s.pem, other.pem, strlen(other.pem) + 1);
    ck_assert_msg(!verifies(&s, list, &why), "another key");
    EVP_PKEY_free(s.key);
    EVP_PKEY_free(other.key);
    BIO_free(bio);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        takes_rsa_pkcs1_and_ecdsa_with_sha256,
        refuses_every_changed_byte,
        refuses_other_algorithms_and_weak_keys,
        refuses_key_files_that_are_not_one_public_key,
    };

    return unit_run(suite_of("log_list_signature", tests, sizeof tests / sizeof tests[0]));
}
