/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/signed_entry.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/der.h"

#define ENTRY_MAX 0xffffffu /* opaque<1..2^24-1> */

static uint8_t *put(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len > 0) {
        memcpy(to, from, len);
    }
    return to + len;
}

static size_t element_size(size_t content)
{
    return 1 + ct_der_length_size(content) + content;
}

/* The TBSCertificate without one of its extensions. */
static enum ct_entry_result tbs_without(const struct ct_certificate *certificate, struct ct_bytes cut, uint8_t **out,
                                        size_t *len)
{
    struct ct_bytes all = certificate->extensions;
    struct ct_bytes fields = certificate->before_extensions;
    size_t extensions, explicit, content;
    uint8_t *at;

    *out = NULL;
    *len = 0;
    extensions = all.len - cut.len;
    /* Without any extension the optional [3] goes too: Extensions is SEQUENCE SIZE (1..MAX). */
    explicit = extensions == 0 ? 0 : element_size(element_size(extensions));
    content = fields.len + explicit;
    if (element_size(content) > ENTRY_MAX) {
        return CT_ENTRY_MALFORMED;
    }
    if ((*out = malloc(element_size(content))) == NULL) {
        return CT_ENTRY_OUT_OF_MEMORY;
    }
    at = ct_der_write_header(*out, CT_DER_SEQUENCE, content);
    at = put(at, fields.data, fields.len);
    if (extensions > 0) {
        size_t before = (size_t)(cut.data - all.data);

        at = ct_der_write_header(at, CT_DER_CONTEXT(3), element_size(extensions));
        at = ct_der_write_header(at, CT_DER_SEQUENCE, extensions);
        at = put(at, all.data, before);
        at = put(at, cut.data + cut.len, all.len - before - cut.len);
    }
    *len = (size_t)(at - *out);
    return CT_ENTRY_OK;
}

enum ct_entry_result ct_tbs_without_sct_list(const struct ct_certificate *certificate, uint8_t **out, size_t *len)
{
    *out = NULL;
    *len = 0;
    if (!certificate->well_formed || !certificate->has_sct_list || certificate->duplicate_extension) {
        return CT_ENTRY_MALFORMED;
    }
    return tbs_without(certificate, certificate->sct_extension, out, len);
}

enum ct_entry_result ct_signed_entry_of_precertificate(const struct ct_certificate *certificate, X509 *issuer,
                                                       struct ct_signed_entry *entry)
{
    enum ct_entry_result result;

    memset(entry, 0, sizeof *entry);
    entry->type = CT_ENTRY_PRECERT;
    if (issuer == NULL) {
        return CT_ENTRY_NO_ISSUER;
    }
    if (!certificate->well_formed || certificate->poison_extension.len == 0 || certificate->has_sct_list) {
        return CT_ENTRY_MALFORMED;
    }
    if (!ct_spki_sha256(issuer, entry->issuer_key_hash)) {
        return CT_ENTRY_OUT_OF_MEMORY;
    }
    result = tbs_without(certificate, certificate->poison_extension, &entry->owned, &entry->body.len);
    entry->body.data = entry->owned;
    entry->built = result == CT_ENTRY_OK;
    return result;
}

enum ct_entry_result ct_signed_entry_build(const struct ct_certificate *certificate, X509 *issuer,
                                           enum ct_entry_type type, struct ct_signed_entry *entry)
{
    enum ct_entry_result result;

    memset(entry, 0, sizeof *entry);
    entry->type = type;
    if (type == CT_ENTRY_X509) {
        if (certificate->der_len == 0 || certificate->der_len > ENTRY_MAX) {
            return CT_ENTRY_MALFORMED;
        }
        entry->body = (struct ct_bytes){ certificate->der, certificate->der_len };
    } else {
        if (issuer == NULL) {
            return CT_ENTRY_NO_ISSUER;
        }
        if (!ct_spki_sha256(issuer, entry->issuer_key_hash)) {
            return CT_ENTRY_OUT_OF_MEMORY;
        }
        result = ct_tbs_without_sct_list(certificate, &entry->owned, &entry->body.len);
        if (result != CT_ENTRY_OK) {
            return result;
        }
        entry->body.data = entry->owned;
    }
    entry->built = true;
    return CT_ENTRY_OK;
}

void ct_signed_entry_clear(struct ct_signed_entry *entry)
{
    if (entry == NULL) {
        return;
    }
    free(entry->owned);
    memset(entry, 0, sizeof *entry);
}

/*
 * struct { Version sct_version = v1(0); SignatureType signature_type = certificate_timestamp(0); uint64 timestamp;
 *          LogEntryType entry_type; signed_entry; CtExtensions extensions; }: hashed in pieces, never copied together.
 * MerkleTreeLeaf of section 3.4 has zeros in the same places, for its own version and type; `prefix` more of them
 * come before it.
 */
static bool hash_entry(const struct ct_signed_entry *entry, const struct ct_sct *sct, size_t prefix, uint8_t hash[32])
{
    uint8_t head[1 + 1 + 1 + 8 + 2 + 32 + 3] = { 0 };
    uint8_t tail[2];
    uint8_t *at = head + prefix + 2;
    EVP_MD_CTX *md;
    bool ok;

    if (!entry->built || !sct->decoded || (md = EVP_MD_CTX_new()) == NULL) {
        return false;
    }
    at = ct_write_u64(at, sct->timestamp_ms);
    at = ct_write_u16(at, (uint16_t)entry->type);
    if (entry->type == CT_ENTRY_PRECERT) {
        at = put(at, entry->issuer_key_hash, sizeof entry->issuer_key_hash);
    }
    at = ct_write_u24(at, (uint32_t)entry->body.len);
    (void)ct_write_u16(tail, (uint16_t)sct->extensions.len);
    ok = EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(md, head, (size_t)(at - head)) == 1 &&
         EVP_DigestUpdate(md, entry->body.data, entry->body.len) == 1 && EVP_DigestUpdate(md, tail, sizeof tail) == 1 &&
         EVP_DigestUpdate(md, sct->extensions.data, sct->extensions.len) == 1 &&
         EVP_DigestFinal_ex(md, hash, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}

bool ct_signed_entry_digest(const struct ct_signed_entry *entry, const struct ct_sct *sct, uint8_t digest[32])
{
    return hash_entry(entry, sct, 0, digest);
}

bool ct_signed_entry_leaf_hash(const struct ct_signed_entry *entry, const struct ct_sct *sct, uint8_t hash[32])
{
    return hash_entry(entry, sct, 1, hash);
}
