/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sigstore's trusted_root.json (https://github.com/sigstore/protobuf-specs, TrustedRoot). Only `ctlogs` is ours: the
 * file's other members speak of other services and are not looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "base/der.h"
#include "logs/json.h"
#include "logs/readers.h"

#define PLACE_MAX 96

/* PublicKeyDetails that a CT log may have. */
static const struct key_kind {
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

/* Writers of protobuf's JSON may use either form of a member's name. */
static const char *name_of(const json_t *object, const char *name, const char *original)
{
    return json_object_get(object, name) == NULL && json_object_get(object, original) != NULL ? original : name;
}

/* The bare key is wrapped, because keyId is the SHA-256 of the SubjectPublicKeyInfo even then. */
static void set_bare_rsa_key(struct ct_list_input *in, const char *place, const char *base64, struct ct_log *log)
{
    static const uint8_t algorithm[] = {
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    };
    size_t len = 0;
    uint8_t *bare = ct_list_decode_key(in, 0, place, base64, &len);
    uint8_t *spki = bare == NULL ? NULL : malloc(len + 64);
    uint8_t *at = spki;
    size_t bits = 0;

    if (bare != NULL && spki == NULL) {
        ct_list_out_of_memory(in);
    } else if (bare != NULL) {
        bits = 1 + ct_der_length_size(1 + len) + 1 + len;
        at = ct_der_write_header(at, CT_DER_SEQUENCE, sizeof algorithm + bits);
        memcpy(at, algorithm, sizeof algorithm);
        at = ct_der_write_header(at + sizeof algorithm, CT_DER_BIT_STRING, 1 + len);
        *at++ = 0; /* unused bits */
        memcpy(at, bare, len);
        ct_list_set_key(in, 0, place, log, (struct ct_bytes){ spki, (size_t)(at - spki) + len });
    }
    free(spki);
    free(bare);
}

/* Narrows the log's window; both ends are included. */
static bool read_window(struct ct_list_input *in, const char *outer, const json_t *object, struct ct_log *log)
{
    const char *name = name_of(object, "validFor", "valid_for");
    const json_t *window = ct_json_member(in, outer, object, name, JSON_OBJECT, CT_OPTIONAL);
    int64_t from_ms = INT64_MIN, until_ms = INT64_MAX;
    char place[PLACE_MAX];

    if (window == NULL) {
        return false;
    }
    snprintf(place, sizeof place, "%s.%s", outer, name);
    ct_json_time(in, place, window, "start", CT_OPTIONAL, &from_ms);
    ct_json_time(in, place, window, "end", CT_OPTIONAL, &until_ms);
    log->sct_from_ms = from_ms > log->sct_from_ms ? from_ms : log->sct_from_ms;
    log->sct_until_ms = until_ms < log->sct_until_ms ? until_ms : log->sct_until_ms;
    if (log->sct_from_ms > log->sct_until_ms) {
        ct_list_complain(in, 0, "%s: expected start before end", place);
    }
    return from_ms != INT64_MIN;
}

/* Which kind of key it says it is; NULL, with a complaint, for one that no log signs SCTs with. */
static const struct key_kind *read_kind(struct ct_list_input *in, const char *place, const json_t *key)
{
    const char *member = name_of(key, "keyDetails", "key_details");
    const char *kind = ct_json_text(in, place, key, member, CT_REQUIRED);

    for (size_t i = 0; kind != NULL && i < sizeof key_kinds / sizeof key_kinds[0]; i++) {
        if (strcmp(kind, key_kinds[i].name) == 0) {
            return &key_kinds[i];
        }
    }
    if (kind != NULL) {
        ct_json_complain(in, place, member, "an ECDSA P-256 or RSA PKCS#1 v1.5 key with SHA-256",
                         json_object_get(key, member));
    }
    return NULL;
}

static void read_key(struct ct_list_input *in, const char *place, const json_t *entry, struct ct_log *log)
{
    const char *key_name = name_of(entry, "publicKey", "public_key");
    const char *id_name = name_of(entry, "logId", "log_id");
    const json_t *key = ct_json_member(in, place, entry, key_name, JSON_OBJECT, CT_REQUIRED);
    const json_t *id = ct_json_member(in, place, entry, id_name, JSON_OBJECT, CT_REQUIRED);
    const struct key_kind *kind = NULL;
    const char *raw = NULL;
    bool begins, narrowed;
    size_t said;
    char key_place[64], id_place[64], raw_place[PLACE_MAX];

    if (key == NULL || id == NULL) {
        return;
    }
    snprintf(key_place, sizeof key_place, "%s.%s", place, key_name);
    snprintf(id_place, sizeof id_place, "%s.%s", place, id_name);
    raw = name_of(key, "rawBytes", "raw_bytes");
    snprintf(raw_place, sizeof raw_place, "%s.%s", key_place, raw);

    kind = read_kind(in, key_place, key);
    if (kind != NULL && kind->bare && json_is_string(json_object_get(key, raw))) {
        set_bare_rsa_key(in, raw_place, json_string_value(json_object_get(key, raw)), log);
    }
    said = strlen(in->doubt);
    if (kind == NULL || !kind->bare || log->spki.data != NULL) {
        ct_json_key_and_id(in, key_place, key, raw, id_place, id, name_of(id, "keyId", "key_id"), log);
    }
    if (kind == NULL) {
        in->doubt[said] = '\0'; /* of another kind of key nothing more is expected */
    }
    if (kind != NULL && log->spki.data != NULL && log->key_type != kind->type) {
        ct_list_complain(in, 0, "%s.keyDetails: expected the kind of key that rawBytes holds, found \"%s\"", key_place,
                         kind->name);
    }

    begins = read_window(in, key_place, key, log);
    narrowed = read_window(in, place, entry, log);
    if (!begins && !narrowed && in->doubt[0] == '\0') { /* what does not count needs no second warning */
        ct_list_warn(in, 0, "%s: has no validFor.start, so SCTs of any time before count too", key_place);
    }
}

static void read_log(struct ct_list_input *in, const char *place, const json_t *entry)
{
    struct ct_log log = ct_list_begin_log(in);

    if (json_is_object(entry)) {
        const char *base_url = ct_json_label(in, place, entry, name_of(entry, "baseUrl", "base_url"));
        const char *hash_name = name_of(entry, "hashAlgorithm", "hash_algorithm");
        const char *hash = ct_json_text(in, place, entry, hash_name, CT_REQUIRED);

        ct_list_copy(in, &log.description, base_url);
        ct_list_copy(in, &log.url, base_url);
        ct_list_copy(in, &log.log_operator, ct_json_label(in, place, entry, "operator"));
        if (hash != NULL && strcmp(hash, "SHA2_256") != 0) {
            ct_json_complain(in, place, hash_name, "SHA2_256", json_object_get(entry, hash_name));
        }
        read_key(in, place, entry, &log);
    } else {
        ct_json_complain(in, place, "", "an object", entry);
    }
    ct_list_end_log(in, 0, place, &log);
}

void ct_list_read_sigstore(struct ct_list_input *in, const json_t *root)
{
    const json_t *logs = ct_json_member(in, "", root, "ctlogs", JSON_ARRAY, CT_OPTIONAL);

    for (size_t i = 0; i < json_array_size(logs); i++) {
        char place[40];

        snprintf(place, sizeof place, "ctlogs[%zu]", i);
        read_log(in, place, json_array_get(logs, i));
    }
}
