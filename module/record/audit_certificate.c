/* SPDX-License-Identifier: Apache-2.0 */
#include "record/audit_certificate.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/der.h"
#include "evidence/extension.h"
#include "evidence/names.h"

#define PART_MAX_BYTES 64u /* of one attribute of a name, as RFC 5280 bounds most of them */
#define PARTS_MAX 4        /* attributes of one type that are written */
#define ATTRIBUTES_MAX 32  /* of a name that are looked at */
#define NAMES_MAX 4        /* of alternative names */
#define USAGES_MAX 16
#define OID_TEXT_SIZE 80
#define MORE "\xE2\x80\xA6" /* U+2026: there are more than were written */

/* As much of it as a certificate in order has: 20 bytes, RFC 5280, section 4.1.2.2. */
static void put_serial(struct ct_audit_writer *w, const X509 *leaf)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
    int len = ASN1_STRING_length(serial);

    if (len > 0 && len <= 32) {
        ct_audit_hex(w, "tls.client.x509.serial_number", ASN1_STRING_get0_data(serial), (size_t)len, true);
    }
}

/* Under the name of ECS 8 and that of ECS 9. */
static void put_date(struct ct_audit_writer *w, const char *key, const char *same, const ASN1_TIME *at)
{
    char text[32];
    int64_t ms;

    if (ct_time_of_asn1(at, &ms)) {
        ct_time_format(ms, text, sizeof text);
        ct_audit_date(w, key, text);
        ct_audit_date(w, same, text);
    }
}

static void put_alternative_name(void *arg, const char *name, size_t len)
{
    ct_audit_element_of(arg, name, len, CT_AUDIT_STRING_MAX);
}

static void put_alternative_names(struct ct_audit_writer *w, const X509 *leaf, size_t most)
{
    ct_audit_array(w, "tls.client.x509.alternative_names");
    ct_each_alternative_name(leaf, most, put_alternative_name, w);
    ct_audit_array_end(w);
}

static bool is_nameless(const X509 *leaf)
{
    return X509_NAME_entry_count(X509_get_subject_name(leaf)) == 0;
}

void ct_audit_put_certificate(struct ct_audit_writer *w, const X509 *leaf)
{
    ct_audit_name(w, "tls.client.subject", X509_get_subject_name(leaf));
    ct_audit_name(w, "tls.client.issuer", X509_get_issuer_name(leaf));
    put_serial(w, leaf);
    put_date(w, "tls.client.not_before", "tls.client.x509.not_before", X509_get0_notBefore(leaf));
    put_date(w, "tls.client.not_after", "tls.client.x509.not_after", X509_get0_notAfter(leaf));
}

/* --- extended key usages --- */

/* 1.3.6.1.5.5.7.3.n of RFC 5280, section 4.2.1.12, as OpenSSL calls them for short. */
static const char *name_of_usage(struct ct_bytes oid)
{
    static const uint8_t purposes[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03 };
    static const uint8_t any[] = { 0x55, 0x1d, 0x25, 0x00 };
    static const uint8_t smartcard[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x02 };
    static const char *const names[] = { [1] = "serverAuth",      [2] = "clientAuth",   [3] = "codeSigning",
                                         [4] = "emailProtection", [8] = "timeStamping", [9] = "OCSPSigning" };
    uint8_t last = oid.len == sizeof purposes + 1 ? oid.data[sizeof purposes] : 0;

    if (last > 0 && last < sizeof names / sizeof names[0] && memcmp(oid.data, purposes, sizeof purposes) == 0) {
        return names[last];
    }
    if (ct_bytes_equal(oid, (struct ct_bytes){ any, sizeof any })) {
        return "anyExtendedKeyUsage";
    }
    return ct_bytes_equal(oid, (struct ct_bytes){ smartcard, sizeof smartcard }) ? "msSmartcardLogin" : NULL;
}

/* X.690, 8.19, in dotted form. False: an arc is larger than anybody uses, or there are too many. */
static bool dotted(struct ct_bytes oid, char out[OID_TEXT_SIZE])
{
    uint64_t arc = 0;
    size_t used = 0;

    for (size_t i = 0; i < oid.len; i++) {
        uint64_t first;
        int n;

        if (arc >> 56 != 0) {
            return false;
        }
        arc = arc << 7 | (oid.data[i] & 0x7f);
        if ((oid.data[i] & 0x80) != 0) {
            continue;
        }
        first = arc < 80 ? arc / 40 : 2;
        n = used == 0 ? snprintf(out, OID_TEXT_SIZE, "%llu.%llu", (unsigned long long)first,
                                 (unsigned long long)(arc - first * 40))
                      : snprintf(out + used, OID_TEXT_SIZE - used, ".%llu", (unsigned long long)arc);
        used += (size_t)n;
        if (used >= OID_TEXT_SIZE) {
            return false;
        }
        arc = 0;
    }
    return oid.len > 0 && (oid.data[oid.len - 1] & 0x80) == 0;
}

/* An empty array: the extension is there and cannot be read. No array: it is not there, and every use is allowed. */
static void put_usages(struct ct_audit_writer *w, const X509 *leaf)
{
    struct ct_bytes content;
    enum ct_extension_found found = ct_extension_sequence(leaf, ct_oid_usages, &content);
    struct ct_reader r = ct_reader_of(content);
    bool cut = false;

    if (found == CT_EXTENSION_NONE) {
        return;
    }
    ct_audit_array(w, "clientct.extended_key_usage");
    for (int i = 0; r.left > 0 && !cut; i++) {
        struct ct_bytes oid = ct_der_expect(&r, CT_DER_OID).content;
        const char *name = r.failed ? NULL : name_of_usage(oid);
        char text[OID_TEXT_SIZE];

        cut = i == USAGES_MAX || r.failed || (name == NULL && !dotted(oid, text));
        ct_audit_element(w, cut ? MORE : name != NULL ? name : text, OID_TEXT_SIZE);
    }
    ct_audit_array_end(w);
}

/* --- the public key --- */

static size_t bits_of(struct ct_bytes magnitude)
{
    size_t bits;

    while (magnitude.len > 0 && magnitude.data[0] == 0) {
        magnitude.data++;
        magnitude.len--;
    }
    bits = magnitude.len * 8;
    for (unsigned top = magnitude.len > 0 ? magnitude.data[0] : 0x80; top < 0x80; top <<= 1) {
        bits--;
    }
    return bits;
}

/* RSAPublicKey of RFC 8017, A.1.1. */
static void put_rsa(struct ct_audit_writer *w, struct ct_bytes key)
{
    struct ct_reader outer = ct_reader_of(key);
    struct ct_reader r = ct_reader_of(ct_der_expect(&outer, CT_DER_SEQUENCE).content);
    struct ct_bytes modulus = ct_der_expect(&r, CT_DER_INTEGER).content;
    struct ct_bytes exponent = ct_der_expect(&r, CT_DER_INTEGER).content;
    uint64_t value = 0;

    if (r.failed) {
        return;
    }
    ct_audit_number(w, "tls.client.x509.public_key_size", bits_of(modulus));
    if (bits_of(exponent) < 64) {
        for (size_t i = 0; i < exponent.len; i++) {
            value = value << 8 | exponent.data[i];
        }
        ct_audit_number(w, "tls.client.x509.public_key_exponent", value);
    }
}

/* ECParameters of RFC 5480, section 2.1.1: curves that have a name. */
static void put_curve(struct ct_audit_writer *w, const X509_ALGOR *algorithm)
{
    static const struct {
        uint8_t oid[9];
        uint8_t len;
        const char *name;
        unsigned bits;
    } curves[] = {
        { { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 }, 8, "nistp256", 256 },
        { { 0x2b, 0x81, 0x04, 0x00, 0x22 }, 5, "nistp384", 384 },
        { { 0x2b, 0x81, 0x04, 0x00, 0x23 }, 5, "nistp521", 521 },
    };
    const void *value = NULL;
    int type = V_ASN1_UNDEF;

    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    for (size_t i = 0; type == V_ASN1_OBJECT && i < sizeof curves / sizeof curves[0]; i++) {
        if (OBJ_length(value) == curves[i].len && memcmp(OBJ_get0_data(value), curves[i].oid, curves[i].len) == 0) {
            ct_audit_number(w, "tls.client.x509.public_key_size", curves[i].bits);
            ct_audit_word(w, "tls.client.x509.public_key_curve", curves[i].name);
        }
    }
}

/* As it stands in the certificate: nothing is decoded into a key. */
static void put_key(struct ct_audit_writer *w, const X509 *leaf)
{
    const X509_PUBKEY *spki = X509_get_X509_PUBKEY(leaf);
    ASN1_OBJECT *type = NULL;
    X509_ALGOR *algorithm = NULL;
    const unsigned char *bytes = NULL;
    const char *name = NULL;
    int len = 0, nid;

    if (spki == NULL || X509_PUBKEY_get0_param(&type, &bytes, &len, &algorithm, spki) != 1 || type == NULL) {
        return;
    }
    nid = OBJ_obj2nid(type);
    name = nid == NID_rsaEncryption          ? "RSA"
           : nid == NID_X9_62_id_ecPublicKey ? "EC"
           : nid != NID_undef                ? OBJ_nid2sn(nid)
                                             : NULL;
    if (name == NULL) {
        return;
    }
    ct_audit_text(w, "tls.client.x509.public_key_algorithm", name);
    if (nid == NID_rsaEncryption && len > 0) {
        put_rsa(w, (struct ct_bytes){ bytes, (size_t)len });
    } else if (nid == NID_X9_62_id_ecPublicKey) {
        put_curve(w, algorithm);
    }
}

/* --- the parts of a name --- */

enum { COMMON_NAME, COUNTRY, LOCALITY, STATE, ORGANIZATION, UNIT, PART_KINDS };

/* 2.5.4.n. */
static unsigned kind_of(const X509_NAME_ENTRY *entry)
{
    static const uint8_t kinds[12] = { [3] = COMMON_NAME + 1, [6] = COUNTRY + 1,       [7] = LOCALITY + 1,
                                       [8] = STATE + 1,       [10] = ORGANIZATION + 1, [11] = UNIT + 1 };
    const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(entry);
    const unsigned char *der = OBJ_get0_data(type);
    bool known = OBJ_length(type) == 3 && der[0] == 0x55 && der[1] == 4 && der[2] < sizeof kinds && kinds[der[2]] > 0;

    return known ? kinds[der[2]] - 1u : PART_KINDS;
}

static void put_parts_of(struct ct_audit_writer *w, const char *key, const X509_NAME *name, const uint8_t *of_kind,
                         unsigned count)
{
    ct_audit_array(w, key);
    for (unsigned i = 0; i < count && i < PARTS_MAX; i++) {
        ct_audit_element_of_name(w, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, of_kind[i])), PART_MAX_BYTES);
    }
    if (count > PARTS_MAX) {
        ct_audit_element(w, MORE, sizeof MORE);
    }
    ct_audit_array_end(w);
}

static void put_parts(struct ct_audit_writer *w, const char *const keys[PART_KINDS], const X509_NAME *name)
{
    uint8_t indices[PART_KINDS][PARTS_MAX + 1] = { { 0 } };
    unsigned counts[PART_KINDS] = { 0 };
    int count = X509_NAME_entry_count(name);

    for (int i = 0; i < count && i < ATTRIBUTES_MAX; i++) {
        unsigned kind = kind_of(X509_NAME_get_entry(name, i));

        if (kind < PART_KINDS && counts[kind] <= PARTS_MAX) {
            indices[kind][counts[kind]++] = (uint8_t)i;
        }
    }
    for (unsigned kind = 0; kind < PART_KINDS; kind++) {
        struct ct_audit_writer before = *w;

        if (counts[kind] > 0) {
            put_parts_of(w, keys[kind], name, indices[kind], counts[kind]);
        }
        if (w->full) {
            *w = before;
        }
    }
}

#define PART_KEYS(of) \
    { \
        [COMMON_NAME] = "tls.client.x509." of ".common_name", [COUNTRY] = "tls.client.x509." of ".country", \
        [LOCALITY] = "tls.client.x509." of ".locality", [STATE] = "tls.client.x509." of ".state_or_province", \
        [ORGANIZATION] = "tls.client.x509." of ".organization", [UNIT] = "tls.client.x509." of ".organizational_unit", \
    }

static void put_subject_parts(struct ct_audit_writer *w, const X509 *leaf)
{
    static const char *const keys[] = PART_KEYS("subject");

    put_parts(w, keys, X509_get_subject_name(leaf));
}

static void put_issuer_parts(struct ct_audit_writer *w, const X509 *leaf)
{
    static const char *const keys[] = PART_KEYS("issuer");

    put_parts(w, keys, X509_get_issuer_name(leaf));
}

/* What names a client without a subject is tried with fewer names, before it is given up. */
static void put_names(struct ct_audit_writer *w, const X509 *leaf)
{
    struct ct_bytes ignored;

    if (!is_nameless(leaf) && ct_extension_find(leaf, ct_oid_alternative_names, &ignored) == CT_EXTENSION_NONE) {
        return;
    }
    for (size_t most = NAMES_MAX; most > 0; most /= 2) {
        struct ct_audit_writer before = *w;

        put_alternative_names(w, leaf, most);
        if (!w->full) {
            return;
        }
        *w = before;
    }
}

void ct_audit_put_more_of_certificate(struct ct_audit_writer *w, const X509 *leaf, size_t reserve)
{
    static void (*const parts[])(struct ct_audit_writer *, const X509 *) = { put_names, put_usages, put_key,
                                                                             put_subject_parts, put_issuer_parts };

    if (w->full || (size_t)(w->end - w->at) <= reserve) {
        return;
    }
    w->end -= reserve;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct ct_audit_writer before = *w;

        parts[i](w, leaf);
        if (w->full) {
            *w = before;
        }
    }
    w->end += reserve;
}
