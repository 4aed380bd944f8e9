/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/certificate.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/der.h"

/* 1.3.6.1.4.1.11129.2.4.2 and .3: RFC 6962, sections 3.3 and 3.1 */
static const uint8_t oid_sct_list[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02 };
static const uint8_t oid_poison[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03 };

/* 1.3.101.75: RFC 9162, section 7.1 */
static const uint8_t oid_transparency_information[] = { 0x2b, 0x65, 0x4b };

static bool is_oid(struct ct_bytes content, const uint8_t *oid, size_t len)
{
    return ct_bytes_equal(content, (struct ct_bytes){ oid, len });
}

/* Extension of RFC 5280, section 4.1; `critical` written out although FALSE is not DER, but common and harmless. */
static bool read_extension(struct ct_certificate *out, struct ct_bytes whole, struct ct_bytes content)
{
    struct ct_reader r = ct_reader_of(content);
    struct ct_bytes oid = ct_der_expect(&r, CT_DER_OID).content;
    struct ct_bytes value;

    if (ct_der_peek(&r) == CT_DER_BOOLEAN && ct_der_read(&r).content.len != 1) {
        return false;
    }
    value = ct_der_expect(&r, CT_DER_OCTET_STRING).content;
    if (!ct_reader_finished(&r)) {
        return false;
    }
    if (is_oid(oid, oid_poison, sizeof oid_poison)) {
        out->poison_extension = out->poison ? (struct ct_bytes){ NULL, 0 } : whole; /* of two neither */
        out->poison = true;
    }
    if (is_oid(oid, oid_transparency_information, sizeof oid_transparency_information)) {
        out->has_rfc9162 = true;
    }
    if (is_oid(oid, oid_sct_list, sizeof oid_sct_list)) {
        out->duplicate_extension = out->has_sct_list;
        out->has_sct_list = true;
        out->sct_extension = whole;
        out->sct_list_value = value;
    }
    return true;
}

static bool read_extensions(struct ct_certificate *out)
{
    struct ct_reader r = ct_reader_of(out->extensions);
    bool duplicate = false;

    while (r.left > 0) {
        struct ct_der extension = ct_der_expect(&r, CT_DER_SEQUENCE);

        if (r.failed || !read_extension(out, extension.whole, extension.content)) {
            return false;
        }
        duplicate = duplicate || out->duplicate_extension;
    }
    out->duplicate_extension = duplicate;
    return true;
}

/* Certificate and TBSCertificate of RFC 5280, section 4.1, as far as the extensions. */
static bool walk(struct ct_certificate *out)
{
    struct ct_reader r = ct_reader_of((struct ct_bytes){ out->der, out->der_len });
    struct ct_reader certificate = ct_reader_of(ct_der_expect(&r, CT_DER_SEQUENCE).content);
    struct ct_der tbs = ct_der_expect(&certificate, CT_DER_SEQUENCE);
    struct ct_reader fields = ct_reader_of(tbs.content);

    out->signature_algorithm = ct_der_expect(&certificate, CT_DER_SEQUENCE).whole;
    (void)ct_der_expect(&certificate, CT_DER_BIT_STRING); /* signature */
    if (!ct_reader_finished(&r) || !ct_reader_finished(&certificate)) {
        return false;
    }
    out->tbs = tbs.whole;
    while (fields.left > 0 && ct_der_peek(&fields) != CT_DER_CONTEXT(3)) {
        (void)ct_der_read(&fields);
        if (fields.failed) {
            return false;
        }
    }
    out->before_extensions = (struct ct_bytes){ tbs.content.data, tbs.content.len - fields.left };
    if (fields.left > 0) {
        struct ct_reader explicit = ct_reader_of(ct_der_expect(&fields, CT_DER_CONTEXT(3)).content);

        out->extensions = ct_der_expect(&explicit, CT_DER_SEQUENCE).content;
        if (!ct_reader_finished(&explicit)) {
            return false;
        }
    }
    return ct_reader_finished(&fields) && read_extensions(out);
}

/* Takes der, which is freed by ct_certificate_clear, also after a failure. */
static enum ct_certificate_result take_der(uint8_t *der, size_t len, struct ct_certificate *out)
{
    out->der = der;
    out->der_len = len;
    if (EVP_Digest(der, len, out->sha256, NULL, EVP_sha256(), NULL) != 1) {
        ct_certificate_clear(out);
        return CT_CERTIFICATE_OUT_OF_MEMORY;
    }
    out->well_formed = walk(out);
    if (out->well_formed &&
        EVP_Digest(out->tbs.data, out->tbs.len, out->signed_sha256, NULL, EVP_sha256(), NULL) != 1) {
        ct_certificate_clear(out);
        return CT_CERTIFICATE_OUT_OF_MEMORY;
    }
    if (!out->well_formed) {
        struct ct_certificate bare = { .der = out->der, .der_len = out->der_len };

        memcpy(bare.sha256, out->sha256, sizeof bare.sha256);
        *out = bare; /* what was read before the error is not relied upon */
    }
    return CT_CERTIFICATE_OK;
}

enum ct_certificate_result ct_certificate_read_der(struct ct_bytes der, struct ct_certificate *out)
{
    uint8_t *copy = OPENSSL_memdup(der.data, der.len);

    memset(out, 0, sizeof *out);
    if (copy == NULL) {
        return CT_CERTIFICATE_OUT_OF_MEMORY;
    }
    return take_der(copy, der.len, out);
}

enum ct_certificate_result ct_certificate_read(X509 *x509, struct ct_certificate *out)
{
    uint8_t *der = NULL;
    int len = i2d_X509(x509, &der); /* the TBSCertificate comes out as it was received: libcrypto keeps its bytes */
    enum ct_certificate_result result;

    memset(out, 0, sizeof *out);
    if (len <= 0) {
        return CT_CERTIFICATE_OUT_OF_MEMORY;
    }
    if ((result = take_der(der, (size_t)len, out)) != CT_CERTIFICATE_OK) {
        return result;
    }
    if (!ct_time_of_asn1(X509_get0_notBefore(x509), &out->not_before_ms) ||
        !ct_time_of_asn1(X509_get0_notAfter(x509), &out->not_after_ms)) {
        out->well_formed = false;
    }
    return CT_CERTIFICATE_OK;
}

bool ct_certificate_is(const struct ct_certificate *certificate, const uint8_t sha256[32])
{
    return memcmp(certificate->sha256, sha256, sizeof certificate->sha256) == 0 ||
           (certificate->has_twin && memcmp(certificate->twin_sha256, sha256, sizeof certificate->twin_sha256) == 0);
}

void ct_certificate_clear(struct ct_certificate *certificate)
{
    if (certificate == NULL) {
        return;
    }
    OPENSSL_free(certificate->der);
    memset(certificate, 0, sizeof *certificate);
}

X509 *ct_issuer_in(const STACK_OF(X509) *chain)
{
    return sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : NULL;
}

bool ct_certificate_sct_list(const struct ct_certificate *certificate, struct ct_bytes *list)
{
    struct ct_reader r = ct_reader_of(certificate->sct_list_value);

    *list = (struct ct_bytes){ NULL, 0 };
    if (!certificate->has_sct_list) {
        return false;
    }
    *list = ct_der_expect(&r, CT_DER_OCTET_STRING).content;
    if (!ct_reader_finished(&r)) {
        *list = (struct ct_bytes){ NULL, 0 };
        return false;
    }
    return true;
}

bool ct_spki_sha256(const X509 *certificate, uint8_t hash[32])
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    return ok;
}
