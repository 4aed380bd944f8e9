/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/answers.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

static struct ct_bytes text_of(const json_t *value)
{
    return (struct ct_bytes){ (const uint8_t *)json_string_value(value), json_string_length(value) };
}

static bool read_hashes(const json_t *array, struct ct_proof *proof)
{
    size_t len = 0;

    proof->count = 0;
    if (!json_is_array(array) || json_array_size(array) > CT_PROOF_MAX) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *value = json_array_get(array, i);

        if (!json_is_string(value) || !ct_base64_read(text_of(value), proof->hashes[i].bytes, CT_HASH_LEN, &len) ||
            len != CT_HASH_LEN) {
            return false;
        }
        proof->count++;
    }
    return true;
}

bool ct_answer_consistency(struct ct_bytes json, struct ct_proof *proof)
{
    json_t *root = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    bool good = read_hashes(json_object_get(root, "consistency"), proof);

    json_decref(root);
    return good;
}

bool ct_answer_inclusion(struct ct_bytes json, uint64_t *index, struct ct_proof *proof)
{
    json_t *root = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *value = json_object_get(root, "leaf_index");
    bool good = json_is_integer(value) && json_integer_value(value) >= 0 &&
                read_hashes(json_object_get(root, "audit_path"), proof);

    *index = good ? (uint64_t)json_integer_value(value) : 0;
    json_decref(root);
    return good;
}

bool ct_entries_open(struct ct_bytes json, struct ct_entries *entries)
{
    json_t *root = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *array = json_object_get(root, "entries");

    memset(entries, 0, sizeof *entries);
    entries->root = root;
    entries->count = json_array_size(array);
    return json_is_array(array);
}

static bool read_base64(const json_t *value, uint8_t **buffer, struct ct_bytes *out)
{
    struct ct_bytes text = text_of(value);

    free(*buffer);
    *buffer = malloc(CT_BASE64_ROOM(text.len) + 1);
    *out = (struct ct_bytes){ *buffer, 0 };
    return json_is_string(value) && *buffer != NULL &&
           ct_base64_read(text, *buffer, CT_BASE64_ROOM(text.len), &out->len);
}

bool ct_entries_next(struct ct_entries *entries, struct ct_log_entry *entry)
{
    const json_t *one = json_array_get(json_object_get(entries->root, "entries"), entries->next);
    struct ct_bytes leaf, extra;

    if (entries->next >= entries->count) {
        return false;
    }
    entries->next++;
    return read_base64(json_object_get(one, "leaf_input"), &entries->leaf, &leaf) &&
           read_base64(json_object_get(one, "extra_data"), &entries->extra, &extra) &&
           ct_log_entry_of_leaf(leaf, extra, entry);
}

void ct_entries_clear(struct ct_entries *entries)
{
    json_decref(entries->root);
    free(entries->leaf);
    free(entries->extra);
    memset(entries, 0, sizeof *entries);
}
