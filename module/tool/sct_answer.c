/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/sct_answer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "evidence/sct.h"

static bool decode_base64(const char *text, size_t text_len, uint8_t *out, size_t max, size_t *len)
{
    return ct_base64_read((struct ct_bytes){ (const uint8_t *)text, text_len }, out, max, len);
}

/* The JSON's members put together as a SerializedSCT: from there on it is read by the code that reads all SCTs. */
static const char *serialize(json_t *root, uint8_t *bytes, size_t *total)
{
    json_t *version = json_object_get(root, "sct_version");
    json_t *id = json_object_get(root, "id");
    json_t *timestamp = json_object_get(root, "timestamp");
    json_t *extensions = json_object_get(root, "extensions");
    json_t *signature = json_object_get(root, "signature");
    uint8_t *at = bytes;
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
                                             TOOL_SCT_MAX_BYTES / 2 - 64, &len)) {
        return "\"extensions\" is not base64, or too long";
    }
    at = ct_write_u16(at, (uint16_t)len) + len;
    if (!decode_base64(json_string_value(signature), json_string_length(signature), at, TOOL_SCT_MAX_BYTES / 2 - 64,
                       &len)) {
        return "\"signature\" is not base64, or too long";
    }
    *total = (size_t)(at - bytes) + len;
    return NULL;
}

const char *tool_sct_of_answer(struct ct_bytes json, uint8_t out[TOOL_SCT_MAX_BYTES], size_t *len)
{
    json_t *root = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    const char *trouble = json_is_object(root) ? serialize(root, out, len) : "the answer is not a JSON object";

    *len = trouble == NULL ? *len : 0;
    json_decref(root);
    return trouble;
}

bool tool_may_be_answer(const struct tool_file *file)
{
    size_t at = 0;

    while (at < file->len && isspace(file->data[at])) {
        at++;
    }
    return at < file->len && file->data[at] == '{';
}

bool tool_answer_to_list(struct tool_file *file)
{
    uint8_t *list = malloc(4 + (size_t)TOOL_SCT_MAX_BYTES + 1);
    size_t len = 0;

    if (list == NULL) {
        tool_out_of_memory();
    }
    if (!tool_may_be_answer(file) ||
        tool_sct_of_answer((struct ct_bytes){ file->data, file->len }, list + 4, &len) != NULL ||
        len + 2 > TOOL_SCT_MAX_BYTES) {
        free(list);
        return false;
    }
    ct_write_u16(ct_write_u16(list, (uint16_t)(len + 2)), (uint16_t)len);
    free(file->data);
    file->data = list;
    file->len = len + 4;
    file->data[file->len] = '\0';
    return true;
}

bool tool_read_scts(const char *what, const char *name, size_t max, struct tool_file *out)
{
    if (!tool_read_file(what, name, max, out)) {
        return false;
    }
    (void)tool_answer_to_list(out);
    return true;
}
