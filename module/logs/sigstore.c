/*
 * Sigstore's trusted_root.json (https://github.com/sigstore/protobuf-specs, TrustedRoot). Only `ctlogs` is ours: the
 * file's other members speak of other services and are not looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "base/der.h"
#include "logs/json.h"
#include "logs/readers.h"

/* PublicKeyDetails that a CT log may have. */
static const struct {
    const char *name;
    enum ct_key_type type;
    bool bare; /* rawBytes is a PKCS#1 RSAPublicKey, not a SubjectPublicKeyInfo */
} key_kinds[] = {
    { "PKIX_ECDSA_P256_SHA_256", CT_KEY_P256, false },
    { "PKIX_RSA_PKCS1V15_2048_SHA256", CT_KEY_RSA, false },
    { "PKIX_RSA_PKCS1V15_3072_SHA256", CT_KEY_RSA, false },
    { "PKIX_RSA_PKCS1V15_4096_SHA256", CT_KEY_RSA, false },
    { "PKIX_RSA_PKCS1V5", CT_KEY_RSA, false },
    { "PKCS1_RSA_PKCS1V5", CT_KEY_RSA, true },
};

/* The bare key is wrapped, because keyId is the SHA-256 of the SubjectPublicKeyInfo even then. */
static void set_bare_rsa_key(struct ct_list_input *in, const char *place, const json_t *key, struct ct_log *log)
{
    static const uint8_t algorithm[] = {
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    };
    uint8_t bare[CT_LOG_KEY_MAX - 64];
    uint8_t spki[CT_LOG_KEY_MAX];
    uint8_t *at = spki;
    size_t len = 0;
    size_t bits = 0;
    const char *why = NULL;
    const json_t *raw = ct_json_member(in, place, key, "rawBytes", JSON_STRING, CT_REQUIRED);

    if (raw == NULL) {
        return;
    }
    if (!ct_base64_decode(json_string_value(raw), bare, sizeof bare, &len)) {
        ct_json_complain(in, place, "rawBytes", "a public key in base64", raw);
        return;
    }
    bits = 1 + ct_der_length_size(1 + len) + 1 + len;
    at = ct_der_write_header(at, CT_DER_SEQUENCE, sizeof algorithm + bits);
    memcpy(at, algorithm, sizeof algorithm);
    at = ct_der_write_header(at + sizeof algorithm, CT_DER_BIT_STRING, 1 + len);
    *at++ = 0; /* unused bits */
    memcpy(at, bare, len);
    if (!ct_log_set_key(log, (struct ct_bytes){ spki, (size_t)(at - spki) + len }, &why)) {
        ct_problem_add(in->problems, CT_ERROR, in->file, 0, "%s.rawBytes: %s", place, why);
    }
}

static void read_key(struct ct_list_input *in, const char *place, const json_t *entry, struct ct_log *log)
{
    const json_t *key = ct_json_member(in, place, entry, "publicKey", JSON_OBJECT, CT_REQUIRED);
    const json_t *id = ct_json_member(in, place, entry, "logId", JSON_OBJECT, CT_REQUIRED);
    const json_t *window = NULL;
    const char *kind = NULL;
    size_t errors_before = in->problems->errors;
    size_t i = 0;
    char key_place[64], id_place[64], window_place[80];

    if (key == NULL || id == NULL) {
        return;
    }
    snprintf(key_place, sizeof key_place, "%s.publicKey", place);
    snprintf(id_place, sizeof id_place, "%s.logId", place);
    snprintf(window_place, sizeof window_place, "%s.validFor", key_place);

    kind = ct_json_text(in, key_place, key, "keyDetails", CT_REQUIRED);
    while (kind != NULL && i < sizeof key_kinds / sizeof key_kinds[0] && strcmp(kind, key_kinds[i].name) != 0) {
        i++;
    }
    if (kind == NULL || i == sizeof key_kinds / sizeof key_kinds[0]) {
        if (kind != NULL) {
            ct_json_complain(in, key_place, "keyDetails", "an ECDSA P-256 or RSA PKCS#1 v1.5 key with SHA-256",
                             json_object_get(key, "keyDetails"));
        }
        return;
    }
    if (key_kinds[i].bare) {
        set_bare_rsa_key(in, key_place, key, log);
    }
    if (in->problems->errors == errors_before) {
        ct_json_key_and_id(in, key_place, key, "rawBytes", id_place, id, "keyId", log);
    }
    if (in->problems->errors == errors_before && log->key_type != key_kinds[i].type) {
        ct_json_complain(in, key_place, "keyDetails", "the kind of key that rawBytes holds",
                         json_object_get(key, "keyDetails"));
    }

    window = ct_json_member(in, key_place, key, "validFor", JSON_OBJECT, CT_OPTIONAL);
    if (window != NULL) {
        ct_json_time(in, window_place, window, "start", CT_OPTIONAL, &log->sct_from_ms);
        ct_json_time(in, window_place, window, "end", CT_OPTIONAL, &log->sct_until_ms);
        if (log->sct_from_ms > log->sct_until_ms) {
            ct_problem_add(in->problems, CT_ERROR, in->file, 0, "%s: expected start before end", window_place);
        }
    }
}

static void read_log(struct ct_list_input *in, const char *place, const json_t *entry)
{
    size_t errors_before = in->problems->errors;
    struct ct_log log = ct_list_new_log();
    const char *base_url = ct_json_text(in, place, entry, "baseUrl", CT_OPTIONAL);
    const char *log_operator = ct_json_text(in, place, entry, "operator", CT_OPTIONAL);
    const char *hash = ct_json_text(in, place, entry, "hashAlgorithm", CT_REQUIRED);

    ct_list_copy(in, &log.description, base_url);
    ct_list_copy(in, &log.url, base_url);
    ct_list_copy(in, &log.log_operator, log_operator);
    if (hash != NULL && strcmp(hash, "SHA2_256") != 0) {
        ct_json_complain(in, place, "hashAlgorithm", "SHA2_256", json_object_get(entry, "hashAlgorithm"));
    }
    read_key(in, place, entry, &log);
    ct_list_add(in, 0, place, &log, errors_before);
}

void ct_list_read_sigstore(struct ct_list_input *in, const json_t *root)
{
    const json_t *logs = ct_json_member(in, "", root, "ctlogs", JSON_ARRAY, CT_REQUIRED);

    for (size_t i = 0; i < json_array_size(logs); i++) {
        const json_t *entry = json_array_get(logs, i);
        char place[40];

        snprintf(place, sizeof place, "ctlogs[%zu]", i);
        if (json_is_object(entry)) {
            read_log(in, place, entry);
        } else {
            ct_json_complain(in, place, "", "an object", entry);
        }
    }
}
