/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCSP responses as evidence: RFC 6960, and the SCT list of RFC 6962, section 3.3.
 *
 * Only the verified issuer may vouch: its own key, or a responder certificate that it signed for this purpose.
 * Whatever depends on the time narrows from_ms and until_ms, refusals too: what is said holds within.
 */
#include "evidence/evidence.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/der.h"

#define MAX_SINGLE_RESPONSES 16
#define MAX_CERTIFICATES 8
/* A response without nextUpdate says that newer information is always to be had: it is believed for this long. */
#define MAX_AGE_WITHOUT_NEXT_UPDATE (7 * CT_DAY_MS)
/* X509_VERIFY_PARAM level 1: 80 bits, so neither MD5 nor SHA-1 signs a responder's certificate. */
#define RESPONDER_AUTH_LEVEL 1

/* Why there is no evidence, in the words of the report; NULL is success all through this file. */
static const char out_of_memory[] = "out of memory";

/* OCSPResponse and ResponseBytes of RFC 6960, 4.2.1, by our own reader: libcrypto lets trailing bytes pass here. */
static const char *read_basic(struct ct_bytes bytes, OCSP_BASICRESP **basic)
{
    const uint8_t der_enumerated = 0x0a;
    static const uint8_t id_pkix_ocsp_basic[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01 };
    struct ct_reader outer = ct_reader_of(bytes);
    struct ct_reader response = ct_reader_of(ct_der_expect(&outer, CT_DER_SEQUENCE).content);
    struct ct_der status = ct_der_expect(&response, der_enumerated);
    struct ct_reader tagged;
    struct ct_reader body;
    struct ct_der type;
    struct ct_der value;
    const unsigned char *at;

    if (!ct_reader_finished(&outer) || response.failed || status.content.len != 1) {
        return "the response is not one DER OCSPResponse";
    }
    if (status.content.data[0] != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        return "the response's status is not successful";
    }
    tagged = ct_reader_of(ct_der_expect(&response, CT_DER_CONTEXT(0)).content);
    body = ct_reader_of(ct_der_expect(&tagged, CT_DER_SEQUENCE).content);
    type = ct_der_expect(&body, CT_DER_OID);
    value = ct_der_expect(&body, CT_DER_OCTET_STRING);
    if (!ct_reader_finished(&response) || !ct_reader_finished(&tagged) || !ct_reader_finished(&body)) {
        return "the response is not one DER OCSPResponse";
    }
    if (!ct_bytes_equal(type.content, (struct ct_bytes){ id_pkix_ocsp_basic, sizeof id_pkix_ocsp_basic })) {
        return "the response is not a basic one";
    }
    at = value.content.data;
    *basic = d2i_OCSP_BASICRESP(NULL, &at, (long)value.content.len);
    if (*basic == NULL || at != value.content.data + value.content.len) {
        return "the basic response does not decode exactly";
    }
    return NULL;
}

/* Whether `id` names this certificate of this issuer; hashes other than SHA-1 and those of SHA-2 name nothing. */
static const char *id_matches(const OCSP_CERTID *id, X509 *leaf, X509 *issuer, bool *matches)
{
    ASN1_OBJECT *algorithm = NULL;
    OCSP_CERTID *expected;
    const EVP_MD *digest;

    *matches = false;
    /* OCSP_id_get0_info only reads, but takes no const. */
    if (OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, (OCSP_CERTID *)id) != 1) {
        return "a certificate id does not decode";
    }
    switch (OBJ_obj2nid(algorithm)) {
    case NID_sha1:
        digest = EVP_sha1();
        break;
    case NID_sha256:
        digest = EVP_sha256();
        break;
    case NID_sha384:
        digest = EVP_sha384();
        break;
    case NID_sha512:
        digest = EVP_sha512();
        break;
    default:
        return NULL;
    }
    if ((expected = OCSP_cert_to_id(digest, leaf, issuer)) == NULL) {
        return out_of_memory;
    }
    *matches = OCSP_id_cmp(expected, id) == 0;
    OCSP_CERTID_free(expected);
    return NULL;
}

static bool says_revoked(OCSP_SINGLERESP *single)
{
    return OCSP_single_get0_status(single, NULL, NULL, NULL, NULL) == V_OCSP_CERTSTATUS_REVOKED;
}

struct singles {
    OCSP_SINGLERESP *about[MAX_SINGLE_RESPONSES];
    size_t count;
};

/* All single responses about this certificate, at least one. */
static const char *find_singles(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer, struct singles *out)
{
    int count = OCSP_resp_count(basic);

    out->count = 0;
    if (count < 1 || count > MAX_SINGLE_RESPONSES) {
        return "the response has none or too many single responses (the limit is 16)";
    }
    if (OCSP_resp_get0_certs(basic) != NULL && sk_X509_num(OCSP_resp_get0_certs(basic)) > MAX_CERTIFICATES) {
        return "the response carries too many certificates (the limit is 8)";
    }
    for (int i = 0; i < count; i++) {
        OCSP_SINGLERESP *candidate = OCSP_resp_get0(basic, i);
        const char *why;
        bool matches;

        if ((why = id_matches(OCSP_SINGLERESP_get0_id(candidate), leaf, issuer, &matches)) != NULL) {
            return why;
        }
        if (matches) {
            out->about[out->count++] = candidate;
        }
    }
    return out->count > 0 ? NULL : "the response is about another certificate, or another issuer's";
}

/* Inside [start, end)? Either way narrows the interval in which that answer stays the same. */
static bool within(int64_t start, int64_t end, int64_t now, struct ct_evidence *out)
{
    if (now < start) {
        out->until_ms = start < out->until_ms ? start : out->until_ms;
        return false;
    }
    out->from_ms = start > out->from_ms ? start : out->from_ms;
    if (now >= end) {
        out->from_ms = end > out->from_ms ? end : out->from_ms;
        return false;
    }
    out->until_ms = end < out->until_ms ? end : out->until_ms;
    return true;
}

/* *since: the responder has to be valid now, or to have been at some time since then. */
static const char *check_freshness(OCSP_SINGLERESP *single, int64_t now, int *status, int64_t *since,
                                   struct ct_evidence *out)
{
    ASN1_GENERALIZEDTIME *this_update = NULL;
    ASN1_GENERALIZEDTIME *next_update = NULL;
    int64_t start;
    int64_t end;

    *status = OCSP_single_get0_status(single, NULL, NULL, &this_update, &next_update);
    if (this_update == NULL || !ct_time_of_asn1(this_update, &start)) {
        return "thisUpdate does not decode";
    }
    if (next_update == NULL) {
        end = start + MAX_AGE_WITHOUT_NEXT_UPDATE;
    } else if (!ct_time_of_asn1(next_update, &end) || end < start) {
        return "nextUpdate does not decode or is before thisUpdate";
    }
    *since = now;
    if (*status == V_OCSP_CERTSTATUS_REVOKED && within(start, INT64_MAX, now, out)) {
        *since = start; /* what was revoked stays revoked, when nextUpdate and the responder's time are over, too */
        return NULL;
    }
    if (within(start, end, now, out)) {
        return NULL;
    }
    if (now < start) {
        return "the response is not valid yet (thisUpdate)";
    }
    return next_update != NULL ? "the response has expired (nextUpdate)"
                               : "the response has no nextUpdate and is older than 7 days";
}

/* A responder or an issuer may have got its certificate after thisUpdate, and may have lost it since. */
static bool valid_since(X509 *certificate, int64_t since, int64_t now, struct ct_evidence *out)
{
    int64_t start;
    int64_t end;

    if (!ct_time_of_asn1(X509_get0_notBefore(certificate), &start) ||
        !ct_time_of_asn1(X509_get0_notAfter(certificate), &end)) {
        return false;
    }
    end += CT_SECOND_MS; /* notAfter is included to the second, RFC 5280, 4.1.2.5 */
    return since == now ? within(start, end, now, out) : end > since && within(start, INT64_MAX, now, out);
}

/* What needs no cryptography in RFC 6960, 4.2.2.2, comes first: strangers cannot make us check their signatures. */
static const char *check_responder(X509 *responder, X509 *issuer, int64_t since, int64_t now, struct ct_evidence *out)
{
    EVP_PKEY *issuer_key = X509_get0_pubkey(issuer);

    if (X509_check_issued(issuer, responder) != X509_V_OK) {
        return "the responder's certificate was not issued by the certificate's issuer";
    }
    /* Without the extension X509_get_extended_key_usage has all bits set. */
    if ((X509_get_extension_flags(responder) & (EXFLAG_INVALID | EXFLAG_XKUSAGE)) != EXFLAG_XKUSAGE ||
        (X509_get_extended_key_usage(responder) & XKU_OCSP_SIGN) == 0) {
        return "the responder's certificate is not for OCSP signing";
    }
    if (!valid_since(responder, since, now, out)) {
        return "the responder's certificate has expired or is not valid yet";
    }
    if (!valid_since(issuer, since, now, out)) {
        return "the issuer's certificate has expired or is not valid yet";
    }
    if (issuer_key == NULL || X509_verify(responder, issuer_key) != 1) {
        return "the responder's certificate was not signed by the certificate's issuer";
    }
    return NULL;
}

static bool digest_is_broken(OCSP_BASICRESP *basic)
{
    const X509_ALGOR *algorithm = OCSP_resp_get0_tbs_sigalg(basic);
    const ASN1_OBJECT *oid = NULL;
    int digest = NID_undef;

    X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
    return OBJ_find_sigid_algs(OBJ_obj2nid(oid), &digest, NULL) != 1 || digest == NID_sha1 || digest == NID_md5 ||
           digest == NID_md4 || digest == NID_md2 || digest == NID_md5_sha1;
}

/*
 * OCSP_basic_verify with the issuer as `certs` and OCSP_TRUSTOTHER: when the responder id names the issuer, only the
 * issuer's key is tried. Otherwise the responder is one of the response's certificates, and its chain must end at
 * the issuer, the only anchor in the store, with nothing between (OCSP_NOCHAIN) and no other way out
 * (OCSP_NOEXPLICIT); libcrypto then wants id-kp-OCSPSigning. The times of both were looked at before, by us.
 */
static const char *check_signature(OCSP_BASICRESP *basic, X509 *issuer, int64_t since, int64_t now,
                                   struct ct_evidence *out)
{
    const unsigned long flags = OCSP_TRUSTOTHER | OCSP_NOCHAIN | OCSP_NOEXPLICIT | OCSP_PARTIAL_CHAIN;
    X509_VERIFY_PARAM *param;
    X509 *signer = NULL;
    const char *why = out_of_memory;
    STACK_OF(X509) *trusted = sk_X509_new_null();
    X509_STORE *store = X509_STORE_new();

    if (trusted == NULL || store == NULL || sk_X509_push(trusted, issuer) <= 0 ||
        X509_STORE_add_cert(store, issuer) != 1) {
        goto out;
    }
    if (digest_is_broken(basic)) {
        why = "the response is signed with an unknown algorithm or a broken hash (MD5, SHA-1)";
        goto out;
    }
    if (OCSP_resp_get0_signer(basic, &signer, trusted) != 1) {
        why = "the response names a responder whose certificate is not in it";
        goto out;
    }
    if (signer != issuer && (why = check_responder(signer, issuer, since, now, out)) != NULL) {
        goto out;
    }
    param = X509_STORE_get0_param(store);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
    X509_VERIFY_PARAM_set_auth_level(param, RESPONDER_AUTH_LEVEL);
    why = OCSP_basic_verify(basic, trusted, store, flags) == 1
              ? NULL
              : "the response is not signed by the issuer or a responder that it authorised";
out:
    sk_X509_free(trusted);
    X509_STORE_free(store);
    return why;
}

/* The raw bytes of the extension: libcrypto's own decoder of it is the CT code that we do not use. */
static const char *read_list(OCSP_SINGLERESP *single, struct ct_evidence *out)
{
    int at = OCSP_SINGLERESP_get_ext_by_NID(single, NID_ct_cert_scts, -1);
    const ASN1_OCTET_STRING *value;
    struct ct_reader reader;
    struct ct_der list;

    if (at < 0) {
        return "the response carries no SCT list";
    }
    if (OCSP_SINGLERESP_get_ext_by_NID(single, NID_ct_cert_scts, at) >= 0) {
        return "the response carries two SCT lists";
    }
    value = X509_EXTENSION_get_data(OCSP_SINGLERESP_get_ext(single, at));
    reader = ct_reader_of((struct ct_bytes){ ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value) });
    list = ct_der_expect(&reader, CT_DER_OCTET_STRING);
    if (!ct_reader_finished(&reader) || list.content.len == 0) {
        return "the response's SCT extension does not hold exactly one DER OCTET STRING with a list in it";
    }
    if ((out->owned = malloc(list.content.len)) == NULL) {
        return out_of_memory;
    }
    memcpy(out->owned, list.content.data, list.content.len);
    out->list = (struct ct_bytes){ out->owned, list.content.len };
    out->present = true;
    return NULL;
}

/* RFC 5280, 4.2: what is critical and not understood must not be used. The SCT list is what we understand. */
static bool has_unknown_critical(OCSP_BASICRESP *basic, OCSP_SINGLERESP *single)
{
    int at = -1;

    if (OCSP_BASICRESP_get_ext_by_critical(basic, 1, -1) >= 0) {
        return true;
    }
    while ((at = OCSP_SINGLERESP_get_ext_by_critical(single, 1, at)) >= 0) {
        const ASN1_OBJECT *oid = X509_EXTENSION_get_object(OCSP_SINGLERESP_get_ext(single, at));

        if (OBJ_obj2nid(oid) != NID_ct_cert_scts) {
            return true;
        }
    }
    return false;
}

static const char *examine_single(OCSP_BASICRESP *basic, OCSP_SINGLERESP *single, X509 *issuer, int64_t now,
                                  struct ct_evidence *out)
{
    const char *why;
    int64_t since;
    int status;

    if ((why = check_freshness(single, now, &status, &since, out)) != NULL) {
        return why;
    }
    if (has_unknown_critical(basic, single)) {
        return "the response has a critical extension that is not understood";
    }
    if ((why = check_signature(basic, issuer, since, now, out)) != NULL) {
        return why;
    }
    switch (status) {
    case V_OCSP_CERTSTATUS_GOOD:
        out->good = true;
        return read_list(single, out);
    case V_OCSP_CERTSTATUS_REVOKED:
        out->revoked = true;
        return "the certificate is revoked";
    default:
        return "the responder does not know the certificate";
    }
}

/* Several could contradict each other: then one that says "revoked", and is believed, is what counts, and none else. */
static const char *examine(struct ct_bytes bytes, X509 *leaf, X509 *issuer, int64_t now, struct ct_evidence *out)
{
    OCSP_BASICRESP *basic = NULL;
    struct singles singles;
    const char *why;

    if ((why = read_basic(bytes, &basic)) == NULL && (why = find_singles(basic, leaf, issuer, &singles)) == NULL) {
        for (size_t i = 0; i < singles.count && !out->revoked; i++) {
            if (singles.count == 1 || says_revoked(singles.about[i])) {
                why = examine_single(basic, singles.about[i], issuer, now, out);
            }
        }
        if (singles.count > 1 && !out->revoked) {
            why = "the response speaks more than once about this certificate";
        }
    }
    OCSP_BASICRESP_free(basic);
    return why;
}

/* libcrypto does not tell short memory from bad bytes, which refuse nobody: what it cannot read, it is given twice. */
static const char *examine_surely(struct ct_bytes bytes, X509 *leaf, X509 *issuer, int64_t now, struct ct_evidence *out)
{
    const char *why = examine(bytes, leaf, issuer, now, out);
    void *room;

    if (why == NULL || out->good || out->revoked) {
        return why;
    }
    why = examine(bytes, leaf, issuer, now, out);
    if (why != NULL && !out->good && !out->revoked) {
        room = OPENSSL_malloc(CT_EVIDENCE_MAX_BYTES);
        why = room != NULL ? why : out_of_memory;
        OPENSSL_free(room);
    }
    return why;
}

/* The certificate's file, or its twin's. */
static bool read_response(const struct ct_certificate *certificate, const char *dir, struct ct_file *file,
                          struct ct_evidence *out)
{
    bool read = ct_evidence_read_file(certificate->sha256, dir, ".ocsp", file, out);
    struct ct_file_stamp stamp = out->stamp;

    out->missing = !read && out->trouble == CLIENTCT_NOT_EVALUATED && out->detail[0] == '\0';
    if (out->missing && certificate->has_twin) {
        read = ct_evidence_read_file(certificate->twin_sha256, dir, ".ocsp", file, out);
        out->twin = out->stamp;
        out->stamp = stamp;
        out->missing = !read && out->trouble == CLIENTCT_NOT_EVALUATED && out->detail[0] == '\0';
    }
    return read;
}

void ct_evidence_ocsp(const struct ct_certificate *certificate, X509 *leaf, STACK_OF(X509) *chain, const char *dir,
                      struct ct_bytes response, int64_t now_ms, struct ct_evidence *out)
{
    struct ct_file file = { 0 };
    X509 *issuer = ct_issuer_in(chain);
    const char *why;

    ct_evidence_init(out);
    if (response.len == 0) {
        if (certificate == NULL || !read_response(certificate, dir, &file, out)) {
            return;
        }
        response = (struct ct_bytes){ file.data, file.len };
    }

    /* What a hostile response makes libcrypto say must not stay in the queue of the server's own handshake. */
    ERR_set_mark();
    if (response.len > CT_EVIDENCE_MAX_BYTES) {
        why = "the response is larger than 128 KiB";
    } else if (leaf == NULL || issuer == NULL) {
        why = "the verified chain has no issuer who could have signed the response";
    } else {
        why = examine_surely(response, leaf, issuer, now_ms, out);
    }
    ERR_pop_to_mark();
    if (why != NULL) {
        if (out->revoked) {
            out->trouble = CLIENTCT_REVOKED;
        } else {
            out->trouble = why == out_of_memory ? CLIENTCT_INTERNAL_ERROR : CLIENTCT_OCSP_UNUSABLE;
        }
        snprintf(out->detail, sizeof out->detail, "%s", why);
    }
    ct_file_clear(&file);
}
