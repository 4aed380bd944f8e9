/* SPDX-License-Identifier: Apache-2.0 */
/* clientct inspect: SCT lists and SCTs as they are, RFC 6962, sections 3.2 and 3.3. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "tool/inspect/inspect.h"
#include "logs/log.h"
#include "logs/signature.h"
#include "tool/tool.h"

/* What is shown of bytes that nobody can name. */
#define SHOWN_BYTES 64

static json_t *json_of_bytes(struct ct_bytes bytes)
{
    return tool_json_hex(bytes.data, bytes.len < SHOWN_BYTES ? bytes.len : SHOWN_BYTES);
}

static json_t *json_of_base64(const uint8_t *data, size_t len)
{
    unsigned char text[64];

    /* four characters for three bytes; only log ids come here */
    if (len > 45) {
        return json_null();
    }
    EVP_EncodeBlock(text, data, (int)len);
    return tool_json_text((const char *)text);
}

static json_t *numbered(const char *name, unsigned number)
{
    char *text = tool_format("%s (%u)", name, number);
    json_t *value = tool_json_text(text);

    free(text);
    return value;
}

/* RFC 5246, section 7.4.1.4.1 */
static const char *hash_name(uint8_t number)
{
    static const char *const names[] = { "none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512" };

    return number < sizeof names / sizeof names[0] ? names[number] : "unknown";
}

static const char *signature_name(uint8_t number)
{
    static const char *const names[] = { "anonymous", "rsa", "dsa", "ecdsa" };

    return number < sizeof names / sizeof names[0] ? names[number] : "unknown";
}

static json_t *json_of_extensions(struct ct_bytes extensions, bool *sound)
{
    struct ct_reader r = ct_reader_of(extensions);
    json_t *out = tool_json_array();

    while (!r.failed && r.left > 0) {
        uint8_t type = ct_read_u8(&r);
        struct ct_bytes data = ct_read_vector16(&r);
        if (r.failed) {
            break;
        }
        json_t *one = tool_json_object();
        tool_json_set(one, "type", numbered(type == 0 ? "leaf_index" : "unknown", type));
        tool_json_set(one, "length", tool_json_count(data.len));
        tool_json_set(one, "value", json_of_bytes(data));
        tool_json_append(out, one);
    }
    if (!ct_reader_finished(&r)) {
        json_t *rest = tool_json_object();
        tool_json_set(rest, "problem", tool_json_text("the extensions' lengths do not add up"));
        tool_json_set(rest, "value", json_of_bytes(extensions));
        tool_json_append(out, rest);
        /* A log may put what it likes here; only static-ct logs need the form, so the SCT itself stands. */
        *sound = false;
    }
    return out;
}

static json_t *json_of_signature(const struct ct_sct *sct)
{
    static const struct ct_log p256 = { .key_type = CT_KEY_P256 }, rsa = { .key_type = CT_KEY_RSA };
    json_t *out = tool_json_object();
    const char *form = ct_signature_plausible(&p256, sct)  ? "sha256 with ecdsa, strict DER for P-256"
                       : ct_signature_plausible(&rsa, sct) ? "sha256 with rsa"
                                                           : "none that a log may use with SHA-256 and P-256 or RSA";

    tool_json_set(out, "hash", numbered(hash_name(sct->hash_algorithm), sct->hash_algorithm));
    tool_json_set(out, "algorithm", numbered(signature_name(sct->signature_algorithm), sct->signature_algorithm));
    tool_json_set(out, "form", tool_json_text(form));
    tool_json_set(out, "length", tool_json_count(sct->signature.len));
    tool_json_set(out, "value", tool_json_hex(sct->signature.data, sct->signature.len));
    return out;
}

/* What no integer of jansson holds is printed all the same, as text. */
static json_t *json_of_milliseconds(uint64_t ms)
{
    char text[24];

    if (ms <= INT64_MAX) {
        return tool_json_count(ms);
    }
    snprintf(text, sizeof text, "%" PRIu64, ms);
    return tool_json_text(text);
}

json_t *tool_inspect_sct(struct ct_bytes serialized, bool *sound)
{
    json_t *out = tool_json_object();
    struct ct_sct sct;
    char when[TOOL_TIME_SIZE];
    uint64_t leaf_index;

    ct_sct_decode(serialized, CLIENTCT_SOURCE_TLS, &sct);
    tool_json_set(out, "length", tool_json_count(serialized.len));
    tool_json_set(out, "decoded", tool_json_bool(sct.decoded));
    if (!sct.decoded) {
        tool_json_set(out, "problem", tool_json_text(clientct_reason_text(sct.status)));
        tool_json_set(out, "bytes", json_of_bytes(serialized));
        *sound = false;
        return out;
    }
    tool_time_format(sct.timestamp_ms, when);
    tool_json_set(out, "version", tool_json_text("v1"));
    tool_json_set(out, "log_id", tool_json_hex(sct.log_id, CT_LOG_ID_LEN));
    tool_json_set(out, "log_id_base64", json_of_base64(sct.log_id, CT_LOG_ID_LEN));
    tool_json_set(out, "timestamp", tool_json_text(when));
    tool_json_set(out, "timestamp_ms", json_of_milliseconds(sct.timestamp_ms));
    tool_json_set(out, "extensions", json_of_extensions(sct.extensions, sound));
    if (ct_sct_leaf_index(sct.extensions, &leaf_index)) {
        tool_json_set(out, "leaf_index", tool_json_count(leaf_index));
    }
    tool_json_set(out, "signature", json_of_signature(&sct));
    return out;
}

json_t *tool_inspect_sct_list(struct ct_bytes list, bool *sound)
{
    json_t *out = tool_json_object();
    json_t *scts = tool_json_array();
    struct ct_scts decoded = { 0 };
    struct ct_reader r = ct_reader_of(list);
    size_t shown = 0;

    enum ct_list_result result = ct_sct_list_decode(list, CLIENTCT_SOURCE_TLS, &decoded);
    ct_scts_clear(&decoded);
    if (result == CT_LIST_OUT_OF_MEMORY) {
        tool_out_of_memory();
    }
    tool_json_set(out, "length", tool_json_count(list.len));
    tool_json_set(out, "well_formed", tool_json_bool(result == CT_LIST_OK));
    if (result != CT_LIST_OK) {
        tool_json_set(out, "problem",
                      tool_json_text("the list's lengths do not add up, or it is empty; a server uses "
                                     "nothing of it"));
        tool_json_set(out, "bytes", json_of_bytes(list));
        *sound = false;
    }
    struct ct_reader items = ct_reader_of(ct_read_vector16(&r));
    while (!items.failed && items.left > 0 && shown < CT_SCTS_MAX) {
        struct ct_bytes serialized = ct_read_vector16(&items);
        if (!items.failed) {
            tool_json_append(scts, tool_inspect_sct(serialized, sound));
            shown++;
        }
    }
    tool_json_set(out, "scts", scts);
    return out;
}
