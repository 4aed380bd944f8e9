/* SPDX-License-Identifier: Apache-2.0 */
/* Leaf certificates: minted without SCTs first, logged, then completed. */
#include "pki.h"
#include "x509_parts.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void add_private_extension(X509 *certificate, const char *oid, int critical, const uint8_t *data, size_t len)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;

    if (object == NULL || value == NULL || ASN1_OCTET_STRING_set(value, data, (int)len) != 1 ||
        (extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, value)) == NULL ||
        X509_add_ext(certificate, extension, -1) != 1) {
        pki_die("cannot add the extension %s", oid);
    }
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(object);
}

static const char *usage_of(const struct pki_leaf *leaf)
{
    if (leaf->eku != NULL) {
        return leaf->eku;
    }
    if (leaf->delegated_responder) {
        return "OCSPSigning";
    }
    return leaf->server ? "serverAuth" : "clientAuth";
}

static void add_extensions(X509 *certificate, const struct pki_leaf *leaf, X509 *issuer)
{
    static const uint8_t asn1_null[] = { 0x05, 0x00 };

    if (!leaf->only_sct) {
        pki_add_config_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE");
        pki_add_config_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature");
        pki_add_config_extension(certificate, issuer, NID_ext_key_usage, usage_of(leaf));
        pki_add_config_extension(certificate, issuer, NID_subject_key_identifier, "hash");
        pki_add_config_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
    }
    if (leaf->san != NULL) {
        pki_add_config_extension(certificate, issuer, NID_subject_alt_name, leaf->san);
    }
    if (leaf->policy != NULL) {
        pki_add_config_extension(certificate, issuer, NID_certificate_policies, leaf->policy);
    }
    if (leaf->second_policy != NULL) {
        pki_add_config_extension(certificate, issuer, NID_certificate_policies, leaf->second_policy);
    }
    if (leaf->padding > 0) {
        uint8_t *padding = calloc(1, leaf->padding);
        if (padding == NULL) {
            pki_die("out of memory");
        }
        add_private_extension(certificate, PKI_OID_PADDING, 0, padding, leaf->padding);
        free(padding);
    }
    if (leaf->poison) {
        add_private_extension(certificate, PKI_OID_POISON, 1, asn1_null, sizeof asn1_null);
    }
}

static void add_list(X509 *certificate, const struct pki_bytes *list, enum pki_list_fault fault, int at)
{
    X509_EXTENSION *extension = pki_sct_list_extension(PKI_OID_SCT_LIST, list, fault);

    if (X509_add_ext(certificate, extension, at) != 1) {
        pki_die("cannot add an SCT list");
    }
    X509_EXTENSION_free(extension);
}

static int place_of(const X509 *certificate, enum pki_position position)
{
    switch (position) {
    case PKI_FIRST:
        return 0;
    case PKI_MIDDLE:
        return X509_get_ext_count(certificate) / 2;
    case PKI_LAST:
        break;
    }
    return -1;
}

static void embed(X509 *certificate, const struct pki_leaf *leaf, const struct pki_entry *entry)
{
    struct pki_bytes list = { 0 }, second = { 0 };
    size_t first = leaf->two_sct_extensions && leaf->sct_count > 1 ? 1 : leaf->sct_count;

    if (leaf->raw_list != NULL) {
        pki_add(&list, leaf->raw_list->data, leaf->raw_list->len);
    } else {
        pki_add_sct_list(&list, entry, leaf->scts, first, leaf->list_fault);
    }
    if (leaf->change_list != NULL) {
        leaf->change_list(leaf->change_arg, &list);
    }
    add_list(certificate, &list, leaf->list_fault, place_of(certificate, leaf->position));
    if (leaf->two_sct_extensions) {
        size_t from = first == leaf->sct_count ? 0 : first;
        pki_add_sct_list(&second, entry, leaf->scts + from, leaf->sct_count - from, leaf->list_fault);
        add_list(certificate, &second, leaf->list_fault, -1);
    }
    pki_bytes_clear(&list);
    pki_bytes_clear(&second);
}

static void encode(X509 *certificate, struct pki_bytes *out)
{
    uint8_t *der = NULL;
    int len = i2d_X509(certificate, &der);

    if (len <= 0) {
        pki_die("cannot encode a certificate");
    }
    pki_add(out, der, (size_t)len);
    OPENSSL_free(der);
}

void pki_mint(struct pki_minted *out, const struct pki_leaf *leaf, const struct pki_ca *ca)
{
    int64_t now = pki_now();
    int64_t not_before = leaf->not_before_ms != 0 ? leaf->not_before_ms : now - PKI_HOUR;
    int64_t not_after = leaf->not_after_ms != 0 ? leaf->not_after_ms : now + 90 * PKI_DAY;
    struct pki_entry entry = { 0 };
    uint8_t *tbs = NULL;
    int tbs_len;

    if (leaf->key == NULL) {
        out->key = pki_new_key(PKI_P256, 0);
    } else if (EVP_PKEY_up_ref(leaf->key) == 1) {
        out->key = leaf->key;
    } else {
        pki_die("cannot share a key");
    }
    X509 *certificate =
        pki_new_certificate(leaf->cn == NULL ? "client" : leaf->cn, out->key, ca->certificate, not_before, not_after);
    add_extensions(certificate, leaf, ca->certificate);
    /* Signing fills in the AlgorithmIdentifier within the TBSCertificate: only then is that what a log would get. */
    pki_sign_certificate(certificate, ca->key);
    tbs_len = i2d_re_X509_tbs(certificate, &tbs);
    if (tbs_len <= 0) {
        pki_die("cannot encode a TBSCertificate");
    }
    pki_add(&out->precert_tbs, tbs, (size_t)tbs_len);
    OPENSSL_free(tbs);

    if (!leaf->no_sct_extension &&
        (leaf->sct_count > 0 || leaf->list_fault != PKI_LIST_NONE || leaf->raw_list != NULL)) {
        entry.type = PKI_ENTRY_PRECERT;
        entry.precert_tbs = out->precert_tbs;
        encode(certificate, &entry.certificate);
        pki_issuer_key_hash(ca->certificate, entry.issuer_key_hash);
        embed(certificate, leaf, &entry);
        pki_sign_certificate(certificate, ca->key);
        pki_bytes_clear(&entry.certificate);
    }
    encode(certificate, &out->der);
    X509_free(certificate);
    /* What tests get is what a peer would: parsed from bytes, with libcrypto's cached encoding. */
    const uint8_t *der = out->der.data;
    out->certificate = d2i_X509(NULL, &der, (long)out->der.len);
    if (out->certificate == NULL) {
        pki_die("cannot read back a certificate");
    }
}

void pki_minted_write(const struct pki_minted *minted, const struct pki_ca *ca, const char *prefix)
{
    char *pem = pki_path(prefix, ".pem"), *der = pki_path(prefix, ".der");
    FILE *file = pki_open(pem, "w");

    if (PEM_write_X509(file, minted->certificate) != 1 || PEM_write_X509(file, ca->certificate) != 1 ||
        fclose(file) != 0) {
        pki_die("cannot write %s", pem);
    }
    pki_write_file(der, minted->der.data, minted->der.len);
    pki_write_key(prefix, minted->key);
    free(pem);
    free(der);
}

void pki_minted_clear(struct pki_minted *minted)
{
    X509_free(minted->certificate);
    EVP_PKEY_free(minted->key);
    pki_bytes_clear(&minted->der);
    pki_bytes_clear(&minted->precert_tbs);
    *minted = (struct pki_minted){ 0 };
}
