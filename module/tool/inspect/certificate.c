/* SPDX-License-Identifier: Apache-2.0 */
/* clientct inspect: what Certificate Transparency needs to know of a certificate or an OCSP response. */
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/certificate.h"
#include "evidence/names.h"
#include "base/clock.h"
#include "base/der.h"
#include "tool/inspect/inspect.h"
#include "tool/tool.h"

/* Far more than one client needs. */
#define NAMES_MAX 100

static json_t *json_of_name(const X509_NAME *name)
{
    char *text = tool_name(name);
    json_t *value = tool_json_text(text);

    free(text);
    return value;
}

static json_t *json_of_integer(const ASN1_INTEGER *integer)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(integer, NULL);
    char *hex = number != NULL ? BN_bn2hex(number) : NULL;
    json_t *value = tool_json_text(hex);

    OPENSSL_free(hex);
    BN_free(number);
    return value;
}

static json_t *json_of_asn1_time(const ASN1_TIME *time)
{
    int64_t ms;

    return time != NULL && ct_time_of_asn1(time, &ms) ? tool_json_time(ms) : json_null();
}

static void set_spki(json_t *out, const char *key, const X509 *certificate)
{
    uint8_t sha256[32];
    bool known = ct_spki_sha256(certificate, sha256);

    tool_json_set(out, key, known ? tool_json_hex(sha256, sizeof sha256) : json_null());
}

static void set_lifetime(json_t *out, X509 *certificate)
{
    int64_t from, until;
    char text[40];

    if (ct_time_of_asn1(X509_get0_notBefore(certificate), &from) &&
        ct_time_of_asn1(X509_get0_notAfter(certificate), &until)) {
        tool_duration_format(until - from, text, sizeof text);
        tool_json_set(out, "lifetime", tool_json_text(text));
        tool_json_set(out, "lifetime_seconds", tool_json_count((uint64_t)((until - from) / CT_SECOND_MS)));
    }
}

static void set_file_names(json_t *out, const struct ct_certificate *read)
{
    char hex[65], name[80];

    ct_hex(read->sha256, sizeof read->sha256, hex);
    snprintf(name, sizeof name, "%s.sct", hex);
    tool_json_set(out, "file_in_sct_store", tool_json_text(name));
    snprintf(name, sizeof name, "%s.ocsp", hex);
    tool_json_set(out, "file_in_ocsp_store", tool_json_text(name));
}

static void set_embedded(json_t *out, const struct ct_certificate *read, bool *sound)
{
    struct ct_bytes list;

    tool_json_set(out, "strict_der", tool_json_bool(read->well_formed));
    tool_json_set(out, "precertificate", tool_json_bool(read->poison));
    tool_json_set(out, "two_sct_extensions", tool_json_bool(read->duplicate_extension));
    if (!read->well_formed || read->duplicate_extension) {
        *sound = false;
    }
    if (read->has_rfc9162) {
        tool_json_set(out, "rfc9162", tool_json_text("Transparency Information (1.3.101.75), which is not read here"));
    }
    if (!read->has_sct_list) {
        tool_json_set(out, "sct_list", json_null());
    } else if (ct_certificate_sct_list(read, &list)) {
        tool_json_set(out, "sct_list", tool_inspect_sct_list(list, sound));
    } else {
        json_t *broken = tool_json_object();
        tool_json_set(broken, "well_formed", json_false());
        tool_json_set(broken, "problem", tool_json_text("the extension is not exactly one DER OCTET STRING"));
        tool_json_set(out, "sct_list", broken);
        *sound = false;
    }
}

static void append_name(void *arg, const char *name, size_t len)
{
    char *text = tool_alternative_name(name, len);

    tool_json_append(arg, tool_json_text(text));
    free(text);
}

static json_t *json_of_alternative_names(const X509 *certificate)
{
    json_t *names = tool_json_array();

    ct_each_alternative_name(certificate, NAMES_MAX, append_name, names);
    return names;
}

json_t *tool_inspect_certificate(X509 *certificate, X509 *issuer, bool *sound)
{
    struct ct_certificate read = { 0 };
    json_t *out = tool_json_object();

    if (ct_certificate_read(certificate, &read) != CT_CERTIFICATE_OK) {
        tool_out_of_memory();
    }
    tool_json_set(out, "subject", json_of_name(X509_get_subject_name(certificate)));
    tool_json_set(out, "alternative_names", json_of_alternative_names(certificate));
    tool_json_set(out, "issuer", json_of_name(X509_get_issuer_name(certificate)));
    tool_json_set(out, "serial", json_of_integer(X509_get0_serialNumber(certificate)));
    tool_json_set(out, "sha256", tool_json_hex(read.sha256, sizeof read.sha256));
    tool_json_set(out, "ca", tool_json_bool(X509_check_ca(certificate) > 0));
    tool_json_set(out, "not_before", json_of_asn1_time(X509_get0_notBefore(certificate)));
    tool_json_set(out, "not_after", json_of_asn1_time(X509_get0_notAfter(certificate)));
    set_lifetime(out, certificate);
    set_spki(out, "spki_sha256", certificate);
    if (issuer != NULL && tool_issued(certificate, issuer) == X509_V_OK) {
        set_spki(out, "issuer_key_hash", issuer);
    } else {
        tool_json_set(out, "issuer_key_hash", json_null());
    }
    set_file_names(out, &read);
    set_embedded(out, &read, sound);
    ct_certificate_clear(&read);
    ERR_clear_error();
    return out;
}

static const char *ocsp_status_name(int status)
{
    return status == V_OCSP_CERTSTATUS_GOOD ? "good" : status == V_OCSP_CERTSTATUS_REVOKED ? "revoked" : "unknown";
}

/* The singleExtension with SCTs (RFC 6962, 3.3): its value is an OCTET STRING around the list. */
static void set_ocsp_scts(json_t *out, OCSP_SINGLERESP *single, bool *sound)
{
    int at = OCSP_SINGLERESP_get_ext_by_NID(single, NID_ct_cert_scts, -1);
    const X509_EXTENSION *extension = at >= 0 ? OCSP_SINGLERESP_get_ext(single, at) : NULL;

    if (extension == NULL) {
        tool_json_set(out, "sct_list", json_null());
        return;
    }
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data((X509_EXTENSION *)extension);
    struct ct_bytes content = { ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value) };
    struct ct_reader r = ct_reader_of(content);
    struct ct_bytes list = ct_der_expect(&r, CT_DER_OCTET_STRING).content;
    if (ct_reader_finished(&r)) {
        tool_json_set(out, "sct_list", tool_inspect_sct_list(list, sound));
        return;
    }
    json_t *broken = tool_json_object();
    tool_json_set(broken, "well_formed", json_false());
    tool_json_set(broken, "problem", tool_json_text("the extension is not exactly one DER OCTET STRING"));
    tool_json_set(out, "sct_list", broken);
    *sound = false;
}

static json_t *json_of_single(OCSP_SINGLERESP *single, bool *sound)
{
    json_t *out = tool_json_object();
    ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
    ASN1_INTEGER *serial = NULL;
    ASN1_OCTET_STRING *key_hash = NULL;
    int status = OCSP_single_get0_status(single, NULL, NULL, &this_update, &next_update);

    /* OpenSSL's signature lacks a const here: the id is read, not changed. */
    if (OCSP_id_get0_info(NULL, NULL, &key_hash, &serial, (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single)) == 1) {
        tool_json_set(out, "serial", json_of_integer(serial));
        tool_json_set(out, "issuer_key_hash_in_id",
                      tool_json_hex(ASN1_STRING_get0_data(key_hash), (size_t)ASN1_STRING_length(key_hash)));
    }
    tool_json_set(out, "status", tool_json_text(ocsp_status_name(status)));
    tool_json_set(out, "this_update", json_of_asn1_time(this_update));
    tool_json_set(out, "next_update", json_of_asn1_time(next_update));
    set_ocsp_scts(out, single, sound);
    return out;
}

/* Far more than one client certificate needs; a response of 1 MiB could hold ten thousand. */
#define SINGLES_MAX 64

json_t *tool_inspect_ocsp(OCSP_RESPONSE *response, bool *sound)
{
    json_t *out = tool_json_object();
    json_t *singles = tool_json_array();
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);

    tool_json_set(out, "response_status", tool_json_text(OCSP_response_status_str(OCSP_response_status(response))));
    tool_json_set(out, "signature", tool_json_text("not verified: inspect shows, `clientct verify --ocsp` judges"));
    if (basic == NULL) {
        tool_json_set(out, "problem", tool_json_text("no basic response in it"));
        *sound = false;
    } else {
        tool_json_set(out, "produced_at", json_of_asn1_time(OCSP_resp_get0_produced_at(basic)));
        tool_json_set(out, "count", tool_json_count((size_t)OCSP_resp_count(basic)));
    }
    for (int i = 0; basic != NULL && i < OCSP_resp_count(basic) && i < SINGLES_MAX; i++) {
        tool_json_append(singles, json_of_single(OCSP_resp_get0(basic, i), sound));
    }
    tool_json_set(out, "responses", singles);
    OCSP_BASICRESP_free(basic);
    ERR_clear_error();
    return out;
}
