/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, CAs and logs. */
#include "pki.h"
#include "x509_parts.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/conf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

EVP_PKEY *pki_new_key(enum pki_key_type type, unsigned bits)
{
    EVP_PKEY *key = NULL;

    switch (type) {
    case PKI_P256:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        break;
    case PKI_P384:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
        break;
    case PKI_ED25519:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    case PKI_RSA:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)(bits == 0 ? 2048 : bits));
        break;
    }
    if (key == NULL) {
        pki_die("cannot generate a key");
    }
    return key;
}

void pki_add_config_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    CONF *nothing = NCONF_new(NULL); /* certificatePolicies insists on a configuration to refer to */
    X509V3_CTX context;

    if (nothing == NULL) {
        pki_die("out of memory");
    }
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509V3_set_nconf(&context, nothing);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(nothing, &context, nid, value);
    if (extension == NULL || X509_add_ext(certificate, extension, -1) != 1) {
        pki_die("cannot add the extension %s = %s", OBJ_nid2sn(nid), value);
    }
    X509_EXTENSION_free(extension);
    NCONF_free(nothing);
}

void pki_set_time(ASN1_TIME *to, int64_t at_ms)
{
    /* From 1970 on, since time_t may have 32 bits. */
    if (to == NULL || ASN1_TIME_adj(to, 0, (int)(at_ms / PKI_DAY), (long)(at_ms % PKI_DAY / PKI_SECOND)) == NULL) {
        pki_die("cannot set a time");
    }
}

X509 *pki_new_certificate(const char *cn, EVP_PKEY *key, X509 *issuer, int64_t not_before_ms, int64_t not_after_ms)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_NAME_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    uint64_t serial;

    if (certificate == NULL || name == NULL || number == NULL || RAND_bytes((uint8_t *)&serial, sizeof serial) != 1) {
        pki_die("cannot make a certificate");
    }
    /* Always eight bytes, positive: tests of length boundaries need certificates of a known size. */
    serial = (serial & (UINT64_MAX >> 2)) | (UINT64_C(1) << 62);
    if (*cn != '\0' &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) != 1) {
        pki_die("cannot use the name '%s'", cn);
    }
    if (X509_set_version(certificate, X509_VERSION_3) != 1 || ASN1_INTEGER_set_uint64(number, serial) != 1 ||
        X509_set_serialNumber(certificate, number) != 1 || X509_set_subject_name(certificate, name) != 1 ||
        X509_set_issuer_name(certificate, issuer == NULL ? name : X509_get_subject_name(issuer)) != 1 ||
        X509_set_pubkey(certificate, key) != 1) {
        pki_die("cannot fill in a certificate");
    }
    pki_set_time(X509_getm_notBefore(certificate), not_before_ms);
    pki_set_time(X509_getm_notAfter(certificate), not_after_ms);
    ASN1_INTEGER_free(number);
    X509_NAME_free(name);
    return certificate;
}

void pki_sign_certificate(X509 *certificate, EVP_PKEY *key)
{
    /* Edwards curves, ML-DSA and SLH-DSA sign the message itself. */
    bool hashes = EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS");
    const EVP_MD *digest = hashes ? EVP_sha256() : NULL;

    if (X509_sign(certificate, key, digest) <= 0) {
        pki_die("cannot sign a certificate");
    }
}

void pki_ca_new(struct pki_ca *ca, const char *cn, EVP_PKEY *key, const struct pki_ca *issuer, int days)
{
    int64_t now = pki_now();

    if (key == NULL) {
        key = pki_new_key(PKI_P256, 0);
    } else if (EVP_PKEY_up_ref(key) != 1) {
        pki_die("cannot share a key");
    }
    ca->key = key;
    ca->certificate = pki_new_certificate(cn, key, issuer == NULL ? NULL : issuer->certificate, now - PKI_DAY,
                                          now - PKI_DAY + days * PKI_DAY);
    X509 *signer = issuer == NULL ? ca->certificate : issuer->certificate;
    pki_add_config_extension(ca->certificate, signer, NID_basic_constraints, "critical,CA:TRUE");
    pki_add_config_extension(ca->certificate, signer, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature");
    pki_add_config_extension(ca->certificate, signer, NID_subject_key_identifier, "hash");
    pki_add_config_extension(ca->certificate, signer, NID_authority_key_identifier, "keyid:always");
    pki_sign_certificate(ca->certificate, issuer == NULL ? key : issuer->key);
}

void pki_ca_write(const struct pki_ca *ca, const char *prefix)
{
    char *path = pki_path(prefix, ".pem");
    FILE *file = pki_open(path, "w");

    if (PEM_write_X509(file, ca->certificate) != 1 || fclose(file) != 0) {
        pki_die("cannot write %s", path);
    }
    free(path);
    pki_write_key(prefix, ca->key);
}

void pki_ca_read(struct pki_ca *ca, const char *prefix)
{
    char *path = pki_path(prefix, ".pem");

    ca->certificate = pki_read_certificate(path);
    ca->key = pki_read_key(prefix);
    free(path);
}

void pki_ca_clear(struct pki_ca *ca)
{
    X509_free(ca->certificate);
    EVP_PKEY_free(ca->key);
    *ca = (struct pki_ca){ 0 };
}

void pki_log_new(struct pki_log *log, EVP_PKEY *key)
{
    uint8_t *spki = NULL;
    int len = i2d_PUBKEY(key, &spki);

    if (len <= 0 || EVP_Digest(spki, (size_t)len, log->id, NULL, EVP_sha256(), NULL) != 1) {
        pki_die("cannot encode the key of a log");
    }
    log->key = key;
    pki_add(&log->spki, spki, (size_t)len);
    log->signature_algorithm = EVP_PKEY_is_a(key, "RSA") ? 1 : 3;
    OPENSSL_free(spki);
}

void pki_log_write(const struct pki_log *log, const char *prefix)
{
    char *path = pki_path(prefix, ".pub.pem");
    FILE *file = pki_open(path, "w");

    if (PEM_write_PUBKEY(file, log->key) != 1 || fclose(file) != 0) {
        pki_die("cannot write %s", path);
    }
    free(path);
    pki_write_key(prefix, log->key);
}

void pki_log_read(struct pki_log *log, const char *prefix)
{
    pki_log_new(log, pki_read_key(prefix));
}

void pki_log_clear(struct pki_log *log)
{
    EVP_PKEY_free(log->key);
    pki_bytes_clear(&log->spki);
    *log = (struct pki_log){ 0 };
}
