/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on OCSP evidence, one a row: whoever is not the verified issuer or its responder must not be believed. */
#include <check.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "evidence/evidence.h"
#include "pki.h"

enum signer {
    ISSUER,
    DELEGATED,
    DELEGATED_WITHOUT_USAGE,
    DELEGATED_EXPIRED,
    DELEGATED_EARLY,
    DELEGATED_FORGED, /* says in every field that the issuer issued it */
    DELEGATED_BY_TWIN,
    DELEGATED_BY_OTHER,
    DELEGATED_BY_SUB_CA,
    SELF_SIGNED_RESPONDER,
    TWIN,
    OTHER_CA,
    LEAF,
    SIGNERS
};

static const uint8_t list[] = { 0, 5, 0, 3, 'a', 'b', 'c' };
static struct pki_ca ca, twin, other, sub;
static struct pki_minted leaf, sibling;
static struct pki_minted minted[SIGNERS];
static STACK_OF(X509) *chain;
static struct ct_certificate certificate;
static int64_t now;

struct plan {
    enum signer signer;
    bool by_key;   /* the responder id is a key hash */
    bool no_certs; /* the signer's certificate is not sent along */
    int status;
    int64_t age, left; /* thisUpdate is `age` before now, nextUpdate `left` ahead; zero: an hour */
    bool no_next_update;
    const EVP_MD *id_digest, *signature_digest; /* NULL: SHA-256 */
    bool id_of_sibling, id_of_twin;
    unsigned copies; /* single responses about the certificate beyond the one */
    unsigned others; /* about its sibling, put first */
    unsigned certs;  /* surplus certificates */
    bool no_list, two_lists;
    bool bare_list; /* without the inner OCTET STRING */
    bool list_trailing, list_empty;
    bool critical; /* the SCT extension is critical */
    bool critical_unknown, critical_unknown_outside;
};

struct row {
    const char *name;
    struct plan plan;
    enum clientct_reason want; /* NOT_EVALUATED: the list comes out */
    const char *detail;        /* is part of the detail */
};

#define GOOD CLIENTCT_NOT_EVALUATED
#define UNUSABLE CLIENTCT_OCSP_UNUSABLE
static const struct row rows[] = {
    { "signed by the issuer", { .signer = ISSUER }, GOOD, "" },
    { "signed by the issuer, named by its key", { .signer = ISSUER, .by_key = true }, GOOD, "" },
    { "issuer's certificate sent along", { .signer = ISSUER, .certs = 1 }, GOOD, "" },
    { "delegated responder", { .signer = DELEGATED }, GOOD, "" },
    { "delegated responder, named by its key", { .signer = DELEGATED, .by_key = true }, GOOD, "" },
    { "no nextUpdate, six days old", { .age = 6 * CT_DAY_MS, .no_next_update = true }, GOOD, "" },
    { "critical SCT extension", { .critical = true }, GOOD, "" },
    { "fifteen other single responses", { .others = 15 }, GOOD, "" },

    { "delegated responder not sent along", { .signer = DELEGATED, .no_certs = true }, UNUSABLE, "not in it" },
    { "delegated without id-kp-OCSPSigning", { .signer = DELEGATED_WITHOUT_USAGE }, UNUSABLE, "not for OCSP signing" },
    { "delegated responder expired", { .signer = DELEGATED_EXPIRED }, UNUSABLE, "expired" },
    { "delegated responder not valid yet", { .signer = DELEGATED_EARLY }, UNUSABLE, "not valid yet" },
    { "responder with a forged signature", { .signer = DELEGATED_FORGED }, UNUSABLE, "was not signed" },
    { "responder of the issuer's twin", { .signer = DELEGATED_BY_TWIN }, UNUSABLE, "was not" },
    { "responder of the issuer's twin, by key", { .signer = DELEGATED_BY_TWIN, .by_key = true }, UNUSABLE, "was not" },
    { "responder of another CA", { .signer = DELEGATED_BY_OTHER }, UNUSABLE, "was not issued" },
    { "responder of a CA below the issuer", { .signer = DELEGATED_BY_SUB_CA }, UNUSABLE, "was not issued" },
    { "self-signed responder", { .signer = SELF_SIGNED_RESPONDER }, UNUSABLE, "was not issued" },
    { "issuer's twin", { .signer = TWIN }, UNUSABLE, "not signed by the issuer" },
    { "issuer's twin, named by its key", { .signer = TWIN, .by_key = true }, UNUSABLE, "was not issued" },
    { "another CA", { .signer = OTHER_CA }, UNUSABLE, "was not issued" },
    { "the client itself", { .signer = LEAF }, UNUSABLE, "not for OCSP signing" },

    { "revoked", { .status = V_OCSP_CERTSTATUS_REVOKED }, CLIENTCT_REVOKED, "revoked" },
    { "revoked, delegated", { .status = V_OCSP_CERTSTATUS_REVOKED, .signer = DELEGATED }, CLIENTCT_REVOKED, "revoked" },
    { "revoked says a stranger", { .status = V_OCSP_CERTSTATUS_REVOKED, .signer = TWIN }, UNUSABLE, "not signed" },
    { "revoked, of another certificate",
      { .status = V_OCSP_CERTSTATUS_REVOKED, .id_of_sibling = true },
      UNUSABLE,
      "another certificate" },
    { "unknown", { .status = V_OCSP_CERTSTATUS_UNKNOWN }, UNUSABLE, "does not know" },

    { "expired", { .age = CT_DAY_MS, .left = -CT_SECOND_MS }, UNUSABLE, "has expired (nextUpdate)" },
    { "expires now", { .age = CT_DAY_MS, .left = INT64_MIN }, UNUSABLE, "has expired (nextUpdate)" },
    { "not valid yet", { .age = -CT_SECOND_MS }, UNUSABLE, "not valid yet (thisUpdate)" },
    { "nextUpdate before thisUpdate", { .age = CT_SECOND_MS, .left = -CT_DAY_MS }, UNUSABLE, "before thisUpdate" },
    { "no nextUpdate, seven days old",
      { .age = 7 * CT_DAY_MS, .no_next_update = true },
      UNUSABLE,
      "older than 7 days" },

    { "about another certificate", { .id_of_sibling = true }, UNUSABLE, "another certificate" },
    { "about the twin's certificate of that number", { .id_of_twin = true }, UNUSABLE, "another issuer's" },
    { "two single responses about it", { .copies = 1 }, UNUSABLE, "speaks more than once" },
    { "seventeen single responses", { .others = 16 }, UNUSABLE, "the limit is 16" },
    { "nine certificates", { .signer = DELEGATED, .certs = 8 }, UNUSABLE, "the limit is 8" },

    { "no SCT list", { .no_list = true }, UNUSABLE, "no SCT list" },
    { "two SCT lists", { .two_lists = true }, UNUSABLE, "two SCT lists" },
    { "list without OCTET STRING", { .bare_list = true }, UNUSABLE, "exactly one DER OCTET STRING" },
    { "byte behind the OCTET STRING", { .list_trailing = true }, UNUSABLE, "exactly one DER OCTET STRING" },
    { "empty OCTET STRING", { .list_empty = true }, UNUSABLE, "exactly one DER OCTET STRING" },
    { "unknown critical extension", { .critical_unknown = true }, UNUSABLE, "critical" },
    { "unknown critical extension of the response", { .critical_unknown_outside = true }, UNUSABLE, "critical" },
};

static ASN1_GENERALIZEDTIME *time_of(int64_t ms)
{
    ASN1_GENERALIZEDTIME *t = ASN1_GENERALIZEDTIME_set(NULL, (time_t)(ms / CT_SECOND_MS));

    ck_assert_ptr_nonnull(t);
    return t;
}

static X509_EXTENSION *extension_of(const char *oid, bool critical, const uint8_t *value, size_t len)
{
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    X509_EXTENSION *extension;

    ck_assert_int_eq(ASN1_OCTET_STRING_set(octets, value, (int)len), 1);
    extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, octets);
    ck_assert_ptr_nonnull(extension);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(object);
    return extension;
}

/* `basic` NULL: not those of the response as a whole. */
static void add_extensions(const struct plan *plan, OCSP_BASICRESP *basic, OCSP_SINGLERESP *single)
{
    uint8_t value[sizeof list + 3] = { 0x04, sizeof list };
    size_t len = 2 + sizeof list;
    X509_EXTENSION *extension;
    unsigned lists = plan->no_list ? 0 : plan->two_lists ? 2 : 1;

    memcpy(value + 2, list, sizeof list);
    if (plan->bare_list) {
        memcpy(value, list, sizeof list);
        len = sizeof list;
    }
    if (plan->list_trailing) {
        len++;
    }
    if (plan->list_empty) {
        value[1] = 0;
        len = 2;
    }
    extension = extension_of(PKI_OID_OCSP_SCT_LIST, plan->critical, value, len);
    for (unsigned i = 0; i < lists; i++) {
        ck_assert_int_eq(OCSP_SINGLERESP_add_ext(single, extension, -1), 1);
    }
    X509_EXTENSION_free(extension);
    extension = extension_of(PKI_OID_PADDING, true, value, len);
    if (plan->critical_unknown) {
        ck_assert_int_eq(OCSP_SINGLERESP_add_ext(single, extension, -1), 1);
    }
    if (plan->critical_unknown_outside && basic != NULL) {
        ck_assert_int_eq(OCSP_BASICRESP_add_ext(basic, extension, -1), 1);
    }
    X509_EXTENSION_free(extension);
}

static OCSP_SINGLERESP *add_single(const struct plan *plan, OCSP_BASICRESP *basic, X509 *subject, X509 *issuer)
{
    const EVP_MD *digest = plan->id_digest != NULL ? plan->id_digest : EVP_sha256();
    int64_t left = plan->left == INT64_MIN ? 0 : plan->left != 0 ? plan->left : CT_DAY_MS / 24;
    ASN1_GENERALIZEDTIME *this_update = time_of(now - (plan->age != 0 ? plan->age : CT_DAY_MS / 24));
    ASN1_GENERALIZEDTIME *next_update = plan->no_next_update ? NULL : time_of(now + left);
    OCSP_CERTID *id = OCSP_cert_id_new(digest, X509_get_subject_name(issuer), X509_get0_pubkey_bitstr(issuer),
                                       X509_get0_serialNumber(subject));
    OCSP_SINGLERESP *single = OCSP_basic_add1_status(basic, id, plan->status, OCSP_REVOKED_STATUS_NOSTATUS,
                                                     plan->status == V_OCSP_CERTSTATUS_REVOKED ? this_update : NULL,
                                                     this_update, next_update);

    ck_assert_ptr_nonnull(single);
    OCSP_CERTID_free(id);
    ASN1_GENERALIZEDTIME_free(this_update);
    ASN1_GENERALIZEDTIME_free(next_update);
    return single;
}

/* The response's DER; free it. */
static struct ct_bytes build(const struct plan *plan)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    unsigned long flags =
        (plan->by_key ? OCSP_RESPID_KEY : 0) | (plan->no_certs || plan->signer == ISSUER ? OCSP_NOCERTS : 0);
    X509 *subject = plan->id_of_sibling ? sibling.certificate : leaf.certificate;
    X509 *issuer = plan->id_of_twin ? twin.certificate : ca.certificate;
    const EVP_MD *digest = plan->signature_digest != NULL ? plan->signature_digest : EVP_sha256();
    OCSP_RESPONSE *response;
    uint8_t *der = NULL;
    int len;

    for (unsigned i = 0; i < plan->others; i++) {
        add_single(plan, basic, sibling.certificate, ca.certificate);
    }
    for (unsigned i = 0; i <= plan->copies; i++) {
        add_extensions(plan, i == 0 ? basic : NULL, add_single(plan, basic, subject, issuer));
    }
    for (unsigned i = 0; i < plan->certs; i++) {
        ck_assert_int_eq(OCSP_basic_add1_cert(basic, ca.certificate), 1);
    }
    ck_assert_int_eq(
        OCSP_basic_sign(basic, minted[plan->signer].certificate, minted[plan->signer].key, digest, NULL, flags), 1);
    response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    len = i2d_OCSP_RESPONSE(response, &der);
    ck_assert_int_gt(len, 0);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    return (struct ct_bytes){ der, (size_t)len };
}

static void look(struct ct_bytes response, int64_t at, struct ct_evidence *out)
{
    ct_evidence_ocsp(&certificate, leaf.certificate, chain, NULL, response, at, out);
}

START_TEST(believes_only_the_issuer_and_its_responders)
{
    const struct row *row = &rows[_i];
    struct ct_bytes der = build(&row->plan);
    struct ct_evidence evidence;
    bool good = row->want == GOOD;

    ERR_clear_error();
    look(der, now, &evidence);
    ck_assert_msg(evidence.trouble == row->want, "%s: %s, wanted %s (%s)", row->name,
                  clientct_reason_name(evidence.trouble), clientct_reason_name(row->want), evidence.detail);
    ck_assert_msg(strstr(evidence.detail, row->detail) != NULL, "%s: %s", row->name, evidence.detail);
    ck_assert_msg(evidence.present == good, "%s: present %d", row->name, evidence.present);
    ck_assert_msg(!good || ct_bytes_equal(evidence.list, (struct ct_bytes){ list, sizeof list }), "%s: list",
                  row->name);
    ck_assert_msg(evidence.revoked == (row->want == CLIENTCT_REVOKED), "%s: revoked", row->name);
    ck_assert_msg(evidence.from_ms <= now && now < evidence.until_ms, "%s: the interval leaves out now", row->name);
    ck_assert_msg(ERR_peek_error() == 0, "%s: leaves errors in the queue", row->name);
    ct_evidence_clear(&evidence);
    OPENSSL_free((void *)der.data);
}
END_TEST

START_TEST(takes_sha1_and_sha2_certificate_ids_only)
{
    const EVP_MD *const digests[] = { EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512(), EVP_sha3_256() };
    struct ct_bytes der = build(&(struct plan){ .id_digest = digests[_i] });
    struct ct_evidence evidence;

    look(der, now, &evidence);
    ck_assert_msg(evidence.present == (_i < 4), "%s: %s", EVP_MD_get0_name(digests[_i]), evidence.detail);
    ct_evidence_clear(&evidence);
    OPENSSL_free((void *)der.data);
}
END_TEST

START_TEST(refuses_signatures_over_broken_hashes)
{
    struct ct_bytes der = build(&(struct plan){ .signature_digest = EVP_sha1() });
    struct ct_evidence evidence;

    look(der, now, &evidence);
    ck_assert_int_eq(evidence.trouble, CLIENTCT_OCSP_UNUSABLE);
    ck_assert_ptr_nonnull(strstr(evidence.detail, "broken hash"));
    ct_evidence_clear(&evidence);
    OPENSSL_free((void *)der.data);
}
END_TEST

/* Every byte of a good response matters or is the inner certificate id's spelling: no flip may add or change a list. */
START_TEST(a_flipped_bit_never_gives_another_list)
{
    struct ct_bytes der = build(&(struct plan){ .signer = DELEGATED });
    unsigned survivors = 0;

    for (size_t i = 0; i < der.len; i++) {
        struct ct_evidence evidence;
        uint8_t *byte = (uint8_t *)der.data + i;

        *byte ^= 1u << (i % 8);
        look(der, now, &evidence);
        if (evidence.present) {
            survivors++;
            ck_assert_msg(ct_bytes_equal(evidence.list, (struct ct_bytes){ list, sizeof list }), "byte %zu", i);
        }
        ck_assert_msg(!evidence.revoked, "byte %zu", i);
        ct_evidence_clear(&evidence);
        *byte ^= 1u << (i % 8);
    }
    ck_assert_uint_eq(survivors, 0);
    OPENSSL_free((void *)der.data);
}
END_TEST

START_TEST(refuses_every_truncation_and_trailing_bytes)
{
    struct ct_bytes der = build(&(struct plan){ .signer = ISSUER });
    uint8_t *longer = calloc(1, der.len + 1);
    struct ct_evidence evidence;

    memcpy(longer, der.data, der.len);
    for (size_t len = 1; len < der.len; len++) {
        look((struct ct_bytes){ der.data, len }, now, &evidence);
        ck_assert_msg(evidence.trouble == CLIENTCT_OCSP_UNUSABLE && !evidence.present, "%zu bytes", len);
        ct_evidence_clear(&evidence);
    }
    look((struct ct_bytes){ longer, der.len + 1 }, now, &evidence);
    ck_assert_int_eq(evidence.trouble, CLIENTCT_OCSP_UNUSABLE);
    ct_evidence_clear(&evidence);
    free(longer);
    OPENSSL_free((void *)der.data);
}
END_TEST

/* libcrypto unpacks the basic response from its OCTET STRING and does not ask whether that was all. */
START_TEST(refuses_bytes_behind_the_basic_response)
{
    struct ct_bytes der = build(&(struct plan){ .signer = ISSUER });
    const unsigned char *at = der.data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len);
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    uint8_t *inner = NULL;
    int inner_len = i2d_OCSP_BASICRESP(basic, &inner);
    uint8_t *longer = calloc(1, der.len + 1);
    struct ct_evidence evidence;
    const uint8_t *place = memmem(der.data, der.len, inner, (size_t)inner_len);

    /* Four enclosing lengths, each two bytes long here, grow by one. */
    ck_assert_int_gt(inner_len, 256);
    ck_assert_ptr_nonnull(place);
    memcpy(longer, der.data, der.len);
    for (size_t i = 0; i + 3 < (size_t)(place - der.data); i++) {
        if (longer[i + 1] == 0x82) {
            uint16_t len = (uint16_t)(longer[i + 2] << 8 | longer[i + 3]);

            ct_write_u16(longer + i + 2, (uint16_t)(len + 1));
            i += 3;
        }
    }
    at = longer;
    OCSP_RESPONSE *accepted = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len + 1);
    ck_assert_msg(accepted != NULL && at == longer + der.len + 1, "the test's own surgery");
    look((struct ct_bytes){ longer, der.len + 1 }, now, &evidence);
    ck_assert_int_eq(evidence.trouble, CLIENTCT_OCSP_UNUSABLE);
    ck_assert_ptr_nonnull(strstr(evidence.detail, "decode exactly"));
    ct_evidence_clear(&evidence);
    OCSP_RESPONSE_free(accepted);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OPENSSL_free(inner);
    free(longer);
    OPENSSL_free((void *)der.data);
}
END_TEST

START_TEST(says_for_how_long_the_answer_holds)
{
    const int64_t hour = CT_DAY_MS / 24;
    const int64_t second_now = now / CT_SECOND_MS * CT_SECOND_MS;
    struct ct_bytes der = build(&(struct plan){ .signer = ISSUER });
    struct ct_bytes delegated = build(&(struct plan){ .signer = DELEGATED, .left = 400 * CT_DAY_MS });
    struct ct_evidence evidence;
    int64_t end;

    look(der, now, &evidence);
    ck_assert_int_eq(evidence.from_ms, second_now - hour);
    ck_assert_int_eq(evidence.until_ms, second_now + hour);
    ct_evidence_clear(&evidence);
    /* Refusals too: early until it begins, late from when it ended. */
    look(der, now - 2 * hour, &evidence);
    ck_assert_int_eq(evidence.from_ms, INT64_MIN);
    ck_assert_int_eq(evidence.until_ms, second_now - hour);
    ct_evidence_clear(&evidence);
    look(der, now + 2 * hour, &evidence);
    ck_assert_int_eq(evidence.from_ms, second_now + hour);
    ck_assert_int_eq(evidence.until_ms, INT64_MAX);
    ct_evidence_clear(&evidence);
    /* The responder's certificate ends before the response does. */
    look(delegated, now, &evidence);
    ck_assert(evidence.present);
    ck_assert(ct_time_of_asn1(X509_get0_notAfter(minted[DELEGATED].certificate), &end));
    ck_assert_int_eq(evidence.until_ms, end + CT_SECOND_MS);
    ct_evidence_clear(&evidence);
    look(delegated, end + CT_SECOND_MS, &evidence);
    ck_assert_int_eq(evidence.trouble, CLIENTCT_OCSP_UNUSABLE);
    ck_assert_int_eq(evidence.from_ms, end + CT_SECOND_MS);
    ct_evidence_clear(&evidence);
    OPENSSL_free((void *)der.data);
    OPENSSL_free((void *)delegated.data);
}
END_TEST

START_TEST(believes_nothing_without_an_issuer)
{
    struct ct_bytes der = build(&(struct plan){ .signer = ISSUER });
    STACK_OF(X509) *alone = sk_X509_new_null();
    struct ct_evidence evidence;

    sk_X509_push(alone, leaf.certificate);
    ct_evidence_ocsp(&certificate, leaf.certificate, alone, NULL, der, now, &evidence);
    ck_assert_int_eq(evidence.trouble, CLIENTCT_OCSP_UNUSABLE);
    ct_evidence_clear(&evidence);
    ct_evidence_ocsp(&certificate, leaf.certificate, NULL, NULL, der, now, &evidence);
    ck_assert_int_eq(evidence.trouble, CLIENTCT_OCSP_UNUSABLE);
    ct_evidence_clear(&evidence);
    sk_X509_free(alone);
    OPENSSL_free((void *)der.data);
}
END_TEST

START_TEST(refuses_what_is_no_successful_basic_response)
{
    const struct {
        const char *name, *hex;
    } inputs[] = {
        { "one byte", "30" },
        { "empty sequence", "3000" },
        { "tryLater", "30030a0103" },
        { "successful without bytes", "30030a0100" },
        { "status of two bytes", "30040a020000" },
        { "successful with empty bytes", "30070a0100a0023000" },
        { "another response type", "30130a0100a00e300c06082b060105050730020400" },
        { "empty basic response", "30140a0100a00f300d06092b060105050730010104 00" },
    };
    uint8_t bytes[64];

    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        struct ct_evidence evidence;
        size_t len = strlen(inputs[i].hex) / 2;

        if (!ct_unhex(inputs[i].hex, 2 * len, bytes, len)) {
            len = 1;
        }
        look((struct ct_bytes){ bytes, len }, now, &evidence);
        ck_assert_msg(evidence.trouble == CLIENTCT_OCSP_UNUSABLE, "%s", inputs[i].name);
        ct_evidence_clear(&evidence);
    }
}
END_TEST

START_TEST(refuses_more_than_the_limit)
{
    uint8_t *big = calloc(1, CT_EVIDENCE_MAX_BYTES + 1);
    struct ct_evidence evidence;

    look((struct ct_bytes){ big, CT_EVIDENCE_MAX_BYTES + 1 }, now, &evidence);
    ck_assert_int_eq(evidence.trouble, CLIENTCT_OCSP_UNUSABLE);
    ck_assert_ptr_nonnull(strstr(evidence.detail, "128 KiB"));
    ct_evidence_clear(&evidence);
    free(big);
}
END_TEST

START_TEST(reads_the_file_named_by_the_certificate)
{
    struct ct_bytes der = build(&(struct plan){ .signer = DELEGATED });
    char dir[] = "/tmp/clientct-ocsp-XXXXXX";
    char name[65];
    char path[128];
    struct ct_evidence from_file;
    struct ct_evidence from_bytes;
    FILE *file;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    ct_hex(certificate.sha256, sizeof certificate.sha256, name);
    snprintf(path, sizeof path, "%s/%s.ocsp", dir, name);

    ct_evidence_ocsp(&certificate, leaf.certificate, chain, dir, (struct ct_bytes){ NULL, 0 }, now, &from_file);
    ck_assert(from_file.trouble == CLIENTCT_NOT_EVALUATED && !from_file.present && from_file.detail[0] == '\0');
    ct_evidence_clear(&from_file);

    file = fopen(path, "wb");
    ck_assert_uint_eq(fwrite(der.data, 1, der.len, file), der.len);
    fclose(file);
    ct_evidence_ocsp(&certificate, leaf.certificate, chain, dir, (struct ct_bytes){ NULL, 0 }, now, &from_file);
    look(der, now, &from_bytes);
    ck_assert(from_file.present && from_bytes.present);
    ck_assert(from_file.stamp.size == der.len && from_bytes.stamp.ino == 0);
    ct_evidence_clear(&from_file);
    ct_evidence_clear(&from_bytes);
    remove(path);
    remove(dir);
    OPENSSL_free((void *)der.data);
}
END_TEST

static void mint(enum signer signer, const struct pki_leaf *plan, const struct pki_ca *by)
{
    pki_mint(&minted[signer], plan, by);
}

static void borrow(enum signer signer, const struct pki_ca *from)
{
    minted[signer].certificate = from->certificate;
    minted[signer].key = from->key;
}

static void forge(enum signer signer, const struct pki_minted *from)
{
    const ASN1_BIT_STRING *signature;

    minted[signer].certificate = X509_dup(from->certificate);
    minted[signer].key = from->key;
    X509_get0_signature(&signature, NULL, minted[signer].certificate);
    ((uint8_t *)ASN1_STRING_get0_data(signature))[ASN1_STRING_length(signature) - 1] ^= 1;
}

static void set_up(void)
{
    /* Shorter than the CA's certificate, which bounds the answer too. */
    const struct pki_leaf responder = { .cn = "Responder",
                                        .delegated_responder = true,
                                        .no_sct_extension = true,
                                        .not_before_ms = pki_now() - PKI_HOUR,
                                        .not_after_ms = pki_now() + 20 * PKI_DAY };
    struct pki_leaf other_time = responder;
    static struct pki_ca self;

    now = ct_now_ms();
    pki_ca_new(&ca, "Client CA", NULL, NULL, 30);
    pki_ca_new(&twin, "Client CA", NULL, NULL, 30);
    pki_ca_new(&other, "Other CA", NULL, NULL, 30);
    pki_ca_new(&sub, "Sub CA", NULL, &ca, 30);
    pki_ca_new(&self, "Responder", NULL, NULL, 30);
    pki_mint(&leaf, &(struct pki_leaf){ .no_sct_extension = true }, &ca);
    pki_mint(&sibling, &(struct pki_leaf){ .no_sct_extension = true }, &ca);
    borrow(ISSUER, &ca);
    borrow(TWIN, &twin);
    borrow(OTHER_CA, &other);
    borrow(SELF_SIGNED_RESPONDER, &self);
    minted[LEAF] = leaf;
    mint(DELEGATED, &responder, &ca);
    forge(DELEGATED_FORGED, &minted[DELEGATED]);
    mint(DELEGATED_WITHOUT_USAGE, &(struct pki_leaf){ .cn = "Responder", .no_sct_extension = true }, &ca);
    other_time.not_before_ms = now - 2 * CT_DAY_MS;
    other_time.not_after_ms = now - CT_DAY_MS;
    mint(DELEGATED_EXPIRED, &other_time, &ca);
    other_time.not_before_ms = now + CT_DAY_MS;
    other_time.not_after_ms = now + 2 * CT_DAY_MS;
    mint(DELEGATED_EARLY, &other_time, &ca);
    mint(DELEGATED_BY_TWIN, &responder, &twin);
    mint(DELEGATED_BY_OTHER, &responder, &other);
    mint(DELEGATED_BY_SUB_CA, &responder, &sub);
    chain = sk_X509_new_null();
    sk_X509_push(chain, leaf.certificate);
    sk_X509_push(chain, ca.certificate);
    if (ct_certificate_read(leaf.certificate, &certificate) != CT_CERTIFICATE_OK) {
        pki_die("cannot read the leaf");
    }
}

int main(void)
{
    Suite *suite = suite_create("evidence_ocsp");
    TCase *tcase = tcase_create("ocsp");
    SRunner *runner = srunner_create(suite);
    int failed;

    set_up();
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, believes_only_the_issuer_and_its_responders, 0, sizeof rows / sizeof rows[0]);
    tcase_add_loop_test(tcase, takes_sha1_and_sha2_certificate_ids_only, 0, 5);
    tcase_add_test(tcase, refuses_signatures_over_broken_hashes);
    tcase_add_test(tcase, a_flipped_bit_never_gives_another_list);
    tcase_add_test(tcase, refuses_every_truncation_and_trailing_bytes);
    tcase_add_test(tcase, refuses_bytes_behind_the_basic_response);
    tcase_add_test(tcase, says_for_how_long_the_answer_holds);
    tcase_add_test(tcase, believes_nothing_without_an_issuer);
    tcase_add_test(tcase, refuses_what_is_no_successful_basic_response);
    tcase_add_test(tcase, refuses_more_than_the_limit);
    tcase_add_test(tcase, reads_the_file_named_by_the_certificate);
    suite_add_tcase(suite, tcase);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
