/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the audit as tests make and read them. */
#ifndef CT_AUDIT_LINE_H
#define CT_AUDIT_LINE_H

#include <jansson.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "pki.h"
#include "record/audit_record.h"
#include "unit.h"

static const struct ct_audit_origin origin = {
    .now_ms = INT64_C(1764000000123),
    .sequence = 7,
    .dropped = 3,
    .pid = 42,
    .id = UINT64_C(0x0123456789abcdef),
    .process = "nginx",
    .host = "web1",
};

/* A self-signed certificate whose subject has one attribute of the given string type. */
static inline X509 *certificate_named(int type, const void *value, int len)
{
    X509 *x509 = X509_new();
    X509_NAME *name = X509_NAME_new();
    BIGNUM *serial = NULL;

    ck_assert(x509 != NULL && name != NULL);
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Org", -1, -1, 0), 1);
    ck_assert_int_eq(X509_NAME_add_entry_by_NID(name, NID_commonName, type, value, len, -1, 0), 1);
    ck_assert_int_eq(X509_set_subject_name(x509, name), 1);
    ck_assert_int_eq(X509_set_issuer_name(x509, name), 1);
    ASN1_TIME_set_string((ASN1_TIME *)X509_getm_notBefore(x509), "20260101000000Z");
    ASN1_TIME_set_string((ASN1_TIME *)X509_getm_notAfter(x509), "20270101000000Z");
    X509_NAME_free(name);
    /* The longest that there is: 20 bytes, RFC 5280, section 4.1.2.2. */
    ck_assert(BN_hex2bn(&serial, "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF") == 40);
    ck_assert(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509)) != NULL);
    BN_free(serial);
    return x509;
}

/* What a person could check of any line: whole, one line, JSON without a key twice, no control characters. */
static inline json_t *parsed(const struct ct_audit_line *line)
{
    json_error_t error;
    json_t *value;

    ck_assert_uint_gt(line->len, 2);
    ck_assert_uint_le(line->len, CT_AUDIT_LINE_MAX);
    ck_assert(line->text[line->len - 1] == '\n');
    for (size_t i = 0; i + 1 < line->len; i++) {
        ck_assert_msg((unsigned char)line->text[i] >= 0x20 && line->text[i] != 0x7f, "control character at %zu", i);
    }
    ck_assert_int_eq(strncmp(line->text, "{\"@timestamp\":\"", 15), 0);
    value = json_loadb(line->text, line->len, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(value != NULL, "%s: %.*s", error.text, (int)line->len, line->text);
    return value;
}

static inline const char *text_of(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));

    return text != NULL ? text : "(none)";
}

static inline void fill_verdict(struct clientct_verdict *verdict, struct clientct_sct_result *scts, size_t count)
{
    static const struct clientct_sct_result *pointers[40];

    ck_assert_uint_le(count, sizeof pointers / sizeof pointers[0]);
    memset(verdict, 0, sizeof *verdict);
    verdict->decided = true;
    verdict->reason = CLIENTCT_TOO_FEW_SCTS;
    verdict->policy = "two";
    verdict->rule = "partner";
    verdict->shadow_policy = "chrome";
    verdict->shadow_reason = CLIENTCT_NO_CURRENT_LOG;
    verdict->generation = 3;
    snprintf(verdict->detail, sizeof verdict->detail, "needs 2, has 1");
    memset(verdict->leaf_sha256, 0xab, sizeof verdict->leaf_sha256);
    for (size_t i = 0; i < count; i++) {
        scts[i] = (struct clientct_sct_result){ .source = CLIENTCT_SOURCE_TLS,
                                                .status = CLIENTCT_VALID,
                                                .decoded = true,
                                                .timestamp_ms = UINT64_C(1764000000000) + i,
                                                .log = "Log A",
                                                .log_operator = "Alpha" };
        memset(scts[i].log_id, (int)i, sizeof scts[i].log_id);
        pointers[i] = &scts[i];
    }
    verdict->scts = pointers;
    verdict->sct_count = count;
}

static inline struct clientct_input full_input(X509 *leaf)
{
    return (struct clientct_input){ .session = CLIENTCT_SESSION_RESUMABLE,
                                    .leaf = leaf,
                                    .server_name = "a.example",
                                    .client_address = "192.0.2.7",
                                    .client_port = 4711,
                                    .tls_version = "TLSv1.3" };
}

#endif
