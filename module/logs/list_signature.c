/* SPDX-License-Identifier: Apache-2.0 */
/* The detached signature of a log list, as the publisher of the v3 list makes it: over the file's bytes, raw. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "logs/log_list.h"

#define KEY_PEM_MAX (64u * 1024)

/* The one PUBLIC KEY in the file; NULL with the reason. */
static EVP_PKEY *read_key(struct ct_bytes pem, const char **why)
{
    BIO *bio = NULL;
    EVP_PKEY *key = NULL;
    char *name = NULL;
    char *header = NULL;
    unsigned char *der = NULL;
    unsigned char *second = NULL;
    const unsigned char *at = NULL;
    long len = 0;
    long second_len = 0;

    *why = "the key file is not a PEM file with a PUBLIC KEY";
    if (pem.len == 0 || pem.len > KEY_PEM_MAX) {
        goto out;
    }
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    if (bio == NULL || PEM_read_bio(bio, &name, &header, &der, &len) != 1) {
        goto out;
    }
    if (strcmp(name, PEM_STRING_PUBLIC) != 0) {
        *why = "the key file has something else than a PUBLIC KEY (`openssl pkey -pubout` writes one)";
        goto out;
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    name = header = NULL;
    if (PEM_read_bio(bio, &name, &header, &second, &second_len) == 1) {
        *why = "the key file has several keys; it must say which one signs";
        goto out;
    }
    at = der;
    key = d2i_PUBKEY(NULL, &at, len);
    if (key == NULL || at != der + len) {
        *why = "the key in the key file does not decode";
        EVP_PKEY_free(key);
        key = NULL;
    }
out:
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    OPENSSL_clear_free(second, (size_t)second_len);
    BIO_free(bio);
    return key;
}

static bool strong_enough(const EVP_PKEY *key)
{
    return (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048) ||
           (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) >= 256);
}

bool ct_log_list_signature_ok(struct ct_bytes text, struct ct_bytes signature, struct ct_bytes key_pem,
                              const char **why)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *parameters = NULL; /* owned by `verify` */
    EVP_MD_CTX *verify = NULL;
    bool ok = false;

    ERR_set_mark();
    key = read_key(key_pem, why);
    if (key == NULL) {
        goto out;
    }
    if (!strong_enough(key)) {
        *why = "the key is neither RSA with 2048 bits or more nor ECDSA with 256 or more";
        goto out;
    }
    *why = "the signature cannot be checked (out of memory, or no such algorithm available)";
    verify = EVP_MD_CTX_new();
    if (verify == NULL || EVP_DigestVerifyInit_ex(verify, &parameters, "SHA256", NULL, NULL, key, NULL) != 1) {
        goto out;
    }
    if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PADDING) != 1) {
        goto out;
    }
    ok = EVP_DigestVerify(verify, signature.data, signature.len, text.data, text.len) == 1;
    *why = ok ? NULL : "the signature is not this key's signature over this list";
out:
    ERR_pop_to_mark();
    EVP_MD_CTX_free(verify);
    EVP_PKEY_free(key);
    return ok;
}
