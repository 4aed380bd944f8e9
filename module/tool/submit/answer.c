/* clientct submit: add-chain's question and answer (RFC 6962, section 4.1); is the SCT what we asked for? */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "evidence/sct.h"
#include "logs/signature.h"
#include "evidence/signed_entry.h"
#include "tool/submit/scts.h"
#include "tool/tool.h"

/* The log's clock may be a little ahead of ours, as much as policies allow by default. */
#define CLOCK_SKEW_MS (60 * CT_SECOND_MS)

char *submit_request_json(STACK_OF(X509) *chain)
{
    json_t *root = tool_json_object();
    json_t *array = tool_json_array();

    for (int i = 0; i < sk_X509_num(chain); i++) {
        uint8_t *der = NULL;
        int len = i2d_X509(sk_X509_value(chain, i), &der);
        char *text = len > 0 ? malloc((size_t)(len + 2) / 3 * 4 + 1) : NULL;

        if (text == NULL) {
            tool_out_of_memory();
        }
        EVP_EncodeBlock((unsigned char *)text, der, len);
        tool_json_append(array, tool_json_text(text));
        free(text);
        OPENSSL_free(der);
    }
    tool_json_set(root, "chain", array);
    char *json = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (json == NULL) {
        tool_out_of_memory();
    }
    return json;
}

static bool decode_base64(const char *text, size_t text_len, uint8_t *out, size_t max, size_t *len)
{
    return ct_base64_read((struct ct_bytes){ (const uint8_t *)text, text_len }, out, max, len);
}

bool submit_sct_verifies(struct ct_bytes serialized, const struct ct_log *log, const struct ct_signed_entry *entry,
                         uint64_t *timestamp_ms, char *why, size_t why_size)
{
    struct ct_sct sct = { 0 };
    uint8_t digest[32];
    uint64_t leaf_index;
    const char *trouble = NULL;

    ct_sct_decode(serialized, CLIENTCT_SOURCE_STORE, &sct);
    if (!sct.decoded) {
        trouble = clientct_reason_text(sct.status);
    } else if (memcmp(sct.log_id, log->id, CT_LOG_ID_LEN) != 0) {
        trouble = "the SCT is in the name of another log (log id)";
    } else if (sct.timestamp_ms > (uint64_t)(ct_now_ms() + CLOCK_SKEW_MS)) {
        trouble = clientct_reason_text(CLIENTCT_FUTURE_TIMESTAMP);
    } else if (log->tiled && !ct_sct_leaf_index(sct.extensions, &leaf_index)) {
        trouble = "the log is a tiled one and the SCT has no leaf_index";
    } else if (!ct_signature_plausible(log, &sct)) {
        trouble = "the signature's algorithm or form is not that of the log's key";
    } else if (!ct_signed_entry_digest(entry, &sct, digest)) {
        trouble = "what the log should have signed cannot be built";
    } else if (ct_signature_check(log, digest, sct.signature) != CT_SIGNATURE_OK) {
        trouble = "the signature does not verify with the configured key of the log, for this certificate";
    } else {
        *timestamp_ms = sct.timestamp_ms;
    }
    if (trouble != NULL && why != NULL) {
        snprintf(why, why_size, "%s", trouble);
    }
    return trouble == NULL;
}

/* The JSON's members put together as a SerializedSCT: from there on it is read by the code that reads all SCTs. */
static const char *serialize(json_t *root, struct submit_sct *out)
{
    json_t *version = json_object_get(root, "sct_version");
    json_t *id = json_object_get(root, "id");
    json_t *timestamp = json_object_get(root, "timestamp");
    json_t *extensions = json_object_get(root, "extensions");
    json_t *signature = json_object_get(root, "signature");
    uint8_t *at = out->bytes;
    size_t len = 0;

    if (!json_is_integer(version) || !json_is_string(id) || !json_is_integer(timestamp) || !json_is_string(signature) ||
        (extensions != NULL && !json_is_string(extensions))) {
        return "the answer lacks sct_version, id, timestamp or signature, or they are of another type";
    }
    if (json_integer_value(version) != 0) {
        return "the SCT is not of version v1 (sct_version 0)";
    }
    if (json_integer_value(timestamp) < 0) {
        return "the timestamp is negative";
    }
    *at++ = 0;
    if (!decode_base64(json_string_value(id), json_string_length(id), at, CT_LOG_ID_LEN, &len) ||
        len != CT_LOG_ID_LEN) {
        return "\"id\" is not the base64 of 32 bytes";
    }
    at = ct_write_u64(at + CT_LOG_ID_LEN, (uint64_t)json_integer_value(timestamp));
    /* Room for the two vectors: half of the longest SCT each is far more than any log uses. */
    len = 0;
    if (extensions != NULL && !decode_base64(json_string_value(extensions), json_string_length(extensions), at + 2,
                                             SUBMIT_SCT_MAX_BYTES / 2 - 64, &len)) {
        return "\"extensions\" is not base64, or too long";
    }
    at = ct_write_u16(at, (uint16_t)len) + len;
    if (!decode_base64(json_string_value(signature), json_string_length(signature), at, SUBMIT_SCT_MAX_BYTES / 2 - 64,
                       &len)) {
        return "\"signature\" is not base64, or too long";
    }
    out->len = (size_t)(at - out->bytes) + len;
    return NULL;
}

bool submit_read_answer(struct ct_bytes json, const struct ct_log *log, const struct ct_signed_entry *entry,
                        struct submit_sct *out, char *why, size_t why_size)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, &error);
    const char *trouble;

    out->len = 0;
    if (!json_is_object(root)) {
        trouble = "the answer is not a JSON object";
    } else {
        trouble = serialize(root, out);
    }
    json_decref(root);
    if (trouble != NULL) {
        snprintf(why, why_size, "%s", trouble);
        return false;
    }
    return submit_sct_verifies((struct ct_bytes){ out->bytes, out->len }, log, entry, &out->timestamp_ms, why,
                               why_size);
}
