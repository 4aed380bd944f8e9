/* SPDX-License-Identifier: Apache-2.0 */
/* SCTs and their lists: RFC 6962, sections 3.2 and 3.3, written from the sender's side. */
#include "pki.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#define FAULT_NAME(id, name) name,

const char *pki_sct_fault_name(enum pki_sct_fault fault)
{
    static const char *const names[] = { PKI_SCT_FAULTS(FAULT_NAME) };

    return names[fault];
}

const char *pki_list_fault_name(enum pki_list_fault fault)
{
    static const char *const names[] = { PKI_LIST_FAULTS(FAULT_NAME) };

    return names[fault];
}

void pki_add_leaf_index(struct pki_bytes *extensions, uint64_t index)
{
    pki_add_uint(extensions, 0, 1); /* leaf_index */
    pki_add_uint(extensions, 5, 2);
    pki_add_uint(extensions, index, 5);
}

void pki_issuer_key_hash(X509 *issuer, uint8_t out[32])
{
    uint8_t *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &spki);

    if (len <= 0 || EVP_Digest(spki, (size_t)len, out, NULL, EVP_sha256(), NULL) != 1) {
        pki_die("cannot hash the issuer's key");
    }
    OPENSSL_free(spki);
}

static void add_der(struct pki_bytes *to, uint8_t *der, int len, const char *what)
{
    if (len <= 0) {
        pki_die("cannot encode %s", what);
    }
    pki_add(to, der, (size_t)len);
    OPENSSL_free(der);
}

void pki_entry_of(struct pki_entry *entry, X509 *certificate, X509 *issuer, enum pki_entry_type type)
{
    uint8_t *der = NULL;
    int len = i2d_X509(certificate, &der);
    X509 *copy = X509_dup(certificate);
    int at;

    if (copy == NULL) {
        pki_die("out of memory");
    }
    add_der(&entry->certificate, der, len, "a certificate");
    while ((at = X509_get_ext_by_NID(copy, NID_ct_precert_scts, -1)) >= 0) {
        X509_EXTENSION_free(X509_delete_ext(copy, at));
    }
    der = NULL;
    len = i2d_re_X509_tbs(copy, &der);
    add_der(&entry->precert_tbs, der, len, "a TBSCertificate");
    pki_issuer_key_hash(issuer, entry->issuer_key_hash);
    entry->type = type;
    X509_free(copy);
}

void pki_entry_clear(struct pki_entry *entry)
{
    pki_bytes_clear(&entry->certificate);
    pki_bytes_clear(&entry->precert_tbs);
    *entry = (struct pki_entry){ 0 };
}

/* digitally-signed struct of section 3.2 */
static void add_signed_struct(struct pki_bytes *to, const struct pki_entry *entry, const struct pki_sct *sct)
{
    enum pki_entry_type type = entry->type;

    if (sct->fault == PKI_SCT_ENTRY_TYPE) {
        type = type == PKI_ENTRY_X509 ? PKI_ENTRY_PRECERT : PKI_ENTRY_X509;
    }
    pki_add_uint(to, 0, 1); /* v1 */
    pki_add_uint(to, 0, 1); /* certificate_timestamp */
    pki_add_uint(to, (uint64_t)sct->time_ms, 8);
    pki_add_uint(to, type, 2);
    if (type == PKI_ENTRY_PRECERT) {
        pki_add(to, entry->issuer_key_hash, sizeof entry->issuer_key_hash);
        pki_add_vector(to, 3, entry->precert_tbs.data, entry->precert_tbs.len);
    } else {
        pki_add_vector(to, 3, entry->certificate.data, entry->certificate.len);
    }
    pki_add_vector(to, 2, sct->extensions, sct->extensions_len);
}

static void sign(struct pki_bytes *signature, const struct pki_log *log, const struct pki_bytes *message)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *buffer = NULL;
    size_t len = 0;

    if (context == NULL || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, log->key) != 1 ||
        EVP_DigestSign(context, NULL, &len, message->data, message->len) != 1 || (buffer = malloc(len)) == NULL ||
        EVP_DigestSign(context, buffer, &len, message->data, message->len) != 1) {
        pki_die("a log cannot sign");
    }
    pki_add(signature, buffer, len);
    free(buffer);
    EVP_MD_CTX_free(context);
}

static void spoil_signature(struct pki_bytes *signature, const struct pki_sct *sct)
{
    if (sct->fault == PKI_SCT_SIGNATURE) {
        signature->data[signature->len - 1] ^= 1;
    } else if (sct->fault == PKI_SCT_DER) {
        pki_add_uint(signature, 0, 1);
    } else if (sct->fault == PKI_SCT_BER) {
        if (sct->log->signature_algorithm != 3 || signature->data[1] > 127) {
            pki_die("bad=ber needs an ECDSA signature with a short length");
        }
        struct pki_bytes longer = { 0 };
        pki_add_uint(&longer, 0x3081, 2);
        pki_add(&longer, signature->data + 1, signature->len - 1);
        pki_bytes_clear(signature);
        *signature = longer;
    }
}

static void add_sct(struct pki_bytes *to, const struct pki_entry *entry, const struct pki_sct *sct)
{
    struct pki_bytes message = { 0 }, signature = { 0 }, extensions = { 0 };
    uint8_t id[32], hash_algorithm = 4, signature_algorithm = sct->log->signature_algorithm;

    add_signed_struct(&message, entry, sct);
    sign(&signature, sct->log, &message);
    spoil_signature(&signature, sct);
    memcpy(id, sct->log->id, sizeof id);
    pki_add(&extensions, sct->extensions, sct->extensions_len);
    if (sct->fault == PKI_SCT_LOG_ID) {
        id[31] ^= 1;
    } else if (sct->fault == PKI_SCT_HASH_ALG) {
        hash_algorithm = 5;
    } else if (sct->fault == PKI_SCT_SIG_ALG) {
        signature_algorithm ^= 1 ^ 3;
    } else if (sct->fault == PKI_SCT_EXTENSIONS) {
        pki_add_uint(&extensions, 0x0f000100, 4); /* type 15, one byte */
    }
    pki_add_uint(to, sct->fault == PKI_SCT_VERSION ? 1 : 0, 1);
    pki_add(to, id, sizeof id);
    pki_add_uint(to, (uint64_t)sct->time_ms, 8);
    pki_add_vector(to, 2, extensions.data, extensions.len);
    pki_add_uint(to, hash_algorithm, 1);
    pki_add_uint(to, signature_algorithm, 1);
    pki_add_vector(to, 2, signature.data, signature.len);
    if (sct->fault == PKI_SCT_TRAILING) {
        pki_add_uint(to, 0, 1);
    } else if (sct->fault == PKI_SCT_TRUNCATED) {
        to->len -= 8;
    }
    pki_bytes_clear(&message);
    pki_bytes_clear(&signature);
    pki_bytes_clear(&extensions);
}

void pki_add_sct_list(struct pki_bytes *to, const struct pki_entry *entry, const struct pki_sct *scts, size_t count,
                      enum pki_list_fault fault)
{
    struct pki_bytes serialized = { 0 };

    for (size_t i = 0; i < count && fault != PKI_LIST_EMPTY; i++) {
        struct pki_bytes one = { 0 };
        add_sct(&one, entry, &scts[i]);
        pki_add_vector(&serialized, 2, one.data, one.len);
        pki_bytes_clear(&one);
    }
    if (fault == PKI_LIST_ZERO_ENTRY) {
        pki_add_uint(&serialized, 0, 2);
    }
    if (fault == PKI_LIST_SHORT) {
        pki_add_uint(to, serialized.len + 1, 2);
        pki_add(to, serialized.data, serialized.len);
    } else {
        pki_add_vector(to, 2, serialized.data, serialized.len);
    }
    if (fault == PKI_LIST_TRAILING) {
        pki_add_uint(to, 0, 1);
    }
    pki_bytes_clear(&serialized);
}

X509_EXTENSION *pki_sct_list_extension(const char *oid, const struct pki_bytes *list, enum pki_list_fault fault)
{
    ASN1_OCTET_STRING *inner = ASN1_OCTET_STRING_new(), *outer = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    struct pki_bytes value = { 0 };
    X509_EXTENSION *extension;
    uint8_t *der = NULL;
    int len;

    if (inner == NULL || outer == NULL || object == NULL ||
        ASN1_OCTET_STRING_set(inner, list->data, (int)list->len) != 1) {
        pki_die("cannot make an SCT list extension");
    }
    len = i2d_ASN1_OCTET_STRING(inner, &der);
    if (fault == PKI_LIST_OCTET_BER) {
        pki_add_uint(&value, 0x0484, 2); /* OCTET STRING with four bytes of length */
        pki_add_vector(&value, 4, list->data, list->len);
        OPENSSL_free(der);
    } else {
        add_der(&value, der, len, "an SCT list");
    }
    if (fault == PKI_LIST_OCTET_TRAILING) {
        pki_add_uint(&value, 0, 1);
    }
    if (ASN1_OCTET_STRING_set(outer, value.data, (int)value.len) != 1 ||
        (extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, outer)) == NULL) {
        pki_die("cannot make an SCT list extension");
    }
    pki_bytes_clear(&value);
    ASN1_OCTET_STRING_free(inner);
    ASN1_OCTET_STRING_free(outer);
    ASN1_OBJECT_free(object);
    return extension;
}

void pki_embedded_list(X509 *certificate, struct pki_bytes *list)
{
    int at = X509_get_ext_by_NID(certificate, NID_ct_precert_scts, -1);

    if (at < 0) {
        pki_die("the certificate has no SCT list to take");
    }
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
    const uint8_t *der = ASN1_STRING_get0_data(value);
    ASN1_OCTET_STRING *inner = d2i_ASN1_OCTET_STRING(NULL, &der, ASN1_STRING_length(value));
    if (inner == NULL) {
        pki_die("the SCT list of the certificate is not an OCTET STRING");
    }
    pki_add(list, ASN1_STRING_get0_data(inner), (size_t)ASN1_STRING_length(inner));
    ASN1_OCTET_STRING_free(inner);
}
