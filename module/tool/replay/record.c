/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/replay/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/json_nesting.h"

#define BEGINNING "{\"clientct_archive\":"
/* Bytes that are not there as no bytes: a list of SCTs that the client sent, and that is empty, is not none. */
static const uint8_t nothing[1];

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Decodes into the record's memory, from `*used` on. False: it is there, and is no base64. */
static bool bytes_of(struct replay_record *record, const json_t *value, size_t *used, size_t room, struct ct_bytes *out)
{
    struct ct_bytes text = { (const uint8_t *)json_string_value(value), json_string_length(value) };
    size_t len;

    if (value == NULL) {
        return true;
    }
    if (text.data == NULL || !ct_base64_read(text, record->memory + *used, room - *used, &len)) {
        return false;
    }
    *out = (struct ct_bytes){ len > 0 ? record->memory + *used : nothing, len };
    *used += len;
    return true;
}

static bool read_chain(struct replay_record *record, const json_t *chain, size_t *used, size_t room)
{
    record->chain_count = json_array_size(chain);
    if (record->chain_count == 0 || record->chain_count > CT_ARCHIVE_CHAIN_MAX) {
        return false;
    }
    for (size_t i = 0; i < record->chain_count; i++) {
        if (!bytes_of(record, json_array_get(chain, i), used, room, &record->chain[i]) || record->chain[i].len == 0) {
            return false;
        }
    }
    return true;
}

static bool read_names(struct replay_record *record, const json_t *object)
{
    const json_t *names = json_object_get(object, "server_names");
    json_int_t count = json_integer_value(json_object_get(object, "server_name_count"));

    record->server_name = text_of(object, "server_name");
    if (names == NULL) {
        return true;
    }
    if (count < 1 || count > 1000000 || json_array_size(names) > CLIENTCT_SERVER_NAMES_MAX ||
        (count <= CLIENTCT_SERVER_NAMES_MAX && json_array_size(names) != (size_t)count)) {
        return false;
    }
    record->shown_count = (size_t)count;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *name = json_array_get(names, i);

        if (!json_is_string(name) && !json_is_null(name)) {
            return false;
        }
        record->shown[i] = json_string_value(name);
    }
    return true;
}

static bool reason_of(const json_t *object, const char *key, enum clientct_reason *reason)
{
    const char *name = text_of(object, key);

    for (int i = 0; name != NULL && i < CLIENTCT_REASON_COUNT; i++) {
        if (strcmp(clientct_reason_name((enum clientct_reason)i), name) == 0) {
            *reason = (enum clientct_reason)i;
            return true;
        }
    }
    return false;
}

static bool mode_of(const json_t *object, enum clientct_mode *mode)
{
    const char *name = text_of(object, "mode");

    for (int i = CLIENTCT_MODE_ENFORCE; name != NULL && i <= CLIENTCT_MODE_OFF; i++) {
        if (strcmp(clientct_mode_name((enum clientct_mode)i), name) == 0) {
            *mode = (enum clientct_mode)i;
            return true;
        }
    }
    return false;
}

static bool flag_of(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static bool read_verdict(struct replay_record *record, const json_t *object)
{
    struct replay_recorded *verdict = &record->verdict;

    if (object == NULL) {
        return true;
    }
    record->has_verdict = true;
    *verdict = (struct replay_recorded){
        .accept = flag_of(object, "accept"),
        .decided = flag_of(object, "decided"),
        .compliant = flag_of(object, "compliant"),
        .cached = flag_of(object, "cached"),
        .shadow_compliant = flag_of(object, "shadow_compliant"),
        .policy = text_of(object, "policy"),
        .rule = text_of(object, "rule"),
        .shadow_policy = text_of(object, "shadow_policy"),
        .detail = text_of(object, "detail"),
        .settings = text_of(object, "settings"),
    };
    return reason_of(object, "reason", &verdict->reason) && mode_of(object, &verdict->mode) &&
           (verdict->shadow_policy == NULL || reason_of(object, "shadow_reason", &verdict->shadow_reason));
}

static enum replay_read read_object(struct replay_record *record, size_t line_len)
{
    const json_t *object = record->json;
    const json_t *version = json_object_get(object, "clientct_archive");
    const char *at = text_of(object, "time");
    json_int_t lost = json_integer_value(json_object_get(object, "lost"));
    size_t used = 0, room = CT_BASE64_ROOM(line_len + 3);

    if (!json_is_integer(version) || at == NULL || !ct_time_parse(at, &record->at_ms)) {
        return REPLAY_FOREIGN;
    }
    if (json_integer_value(version) != CT_ARCHIVE_VERSION) {
        return REPLAY_NEWER;
    }
    record->lost = lost > 0 ? (uint64_t)lost : 0;
    record->memory = malloc(room);
    record->no_tls_scts = text_of(object, "no_tls_scts");
    record->ocsp_unread = text_of(object, "ocsp_unread");
    record->proofs_unread = text_of(object, "proofs_unread");
    return record->memory != NULL && read_chain(record, json_object_get(object, "chain"), &used, room) &&
                   bytes_of(record, json_object_get(object, "tls_scts"), &used, room, &record->tls_scts) &&
                   bytes_of(record, json_object_get(object, "ocsp"), &used, room, &record->ocsp) &&
                   bytes_of(record, json_object_get(object, "store"), &used, room, &record->store) &&
                   bytes_of(record, json_object_get(object, "proofs"), &used, room, &record->proofs) &&
                   read_names(record, object) && read_verdict(record, json_object_get(object, "verdict"))
               ? REPLAY_READ
               : REPLAY_FOREIGN;
}

static enum replay_read read_text(struct ct_bytes text, struct replay_record *record)
{
    enum replay_read result = REPLAY_FOREIGN;

    memset(record, 0, sizeof *record);
    if (ct_json_nests_little(text)) {
        record->json = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    }
    if (record->json != NULL) {
        result = read_object(record, text.len);
    }
    if (result != REPLAY_READ) {
        replay_record_clear(record);
    }
    return result;
}

enum replay_read replay_record_read(struct ct_bytes line, struct replay_record *record)
{
    const uint8_t *at = line.data, *last = NULL;
    enum replay_read result;

    memset(record, 0, sizeof *record);
    if (line.len == 0 || line.len > CT_ARCHIVE_RECORD_MAX) {
        return REPLAY_FOREIGN;
    }
    result = read_text(line, record);
    if (result != REPLAY_FOREIGN) {
        return result;
    }
    while ((at = memmem(at, line.len - (size_t)(at - line.data), BEGINNING, strlen(BEGINNING))) != NULL) {
        last = at++;
    }
    return last == NULL || last == line.data
               ? REPLAY_FOREIGN
               : read_text((struct ct_bytes){ last, line.len - (size_t)(last - line.data) }, record);
}

void replay_record_clear(struct replay_record *record)
{
    json_decref(record->json);
    free(record->memory);
    memset(record, 0, sizeof *record);
}
