/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/json.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/clock.h"

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "something unknown";
}

void ct_json_complain(struct ct_list_input *in, const char *place, const char *name, const char *expected,
                      const json_t *found)
{
    const char *dot = *place != '\0' && *name != '\0' ? "." : "";

    if (json_is_string(found)) {
        ct_list_complain(in, 0, "%s%s%s: expected %s, found \"%.60s\"", place, dot, name, expected,
                         json_string_value(found));
    } else {
        ct_list_complain(in, 0, "%s%s%s: expected %s, found %s", place, dot, name, expected,
                         found == NULL ? "nothing" : type_name(found));
    }
}

/* As ct_json_member, with words of one's own for what is expected. Who writes null means that there is nothing. */
static const json_t *member(struct ct_list_input *in, const char *place, const json_t *object, const char *name,
                            json_type type, enum ct_need need, const char *expected)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL || json_is_null(value) ? need == CT_REQUIRED : json_typeof(value) != type) {
        ct_json_complain(in, place, name, expected, value);
        return NULL;
    }
    return json_is_null(value) ? NULL : value;
}

const json_t *ct_json_member(struct ct_list_input *in, const char *place, const json_t *object, const char *name,
                             json_type type, enum ct_need need)
{
    const char *expected = type == JSON_OBJECT ? "an object" : type == JSON_ARRAY ? "an array" : "a text";

    return member(in, place, object, name, type, need, expected);
}

const char *ct_json_text(struct ct_list_input *in, const char *place, const json_t *object, const char *name,
                         enum ct_need need)
{
    const json_t *value = ct_json_member(in, place, object, name, JSON_STRING, need);
    const char *text = json_string_value(value);

    if (text == NULL || (*text == '\0' && need == CT_OPTIONAL)) {
        return NULL;
    }
    if (!ct_list_text_ok(text)) {
        ct_json_complain(in, place, name, "1 to 1000 bytes of text without control characters", value);
        return NULL;
    }
    return text;
}

const char *ct_json_label(struct ct_list_input *in, const char *place, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    const char *text = json_string_value(value);

    if (value == NULL || json_is_null(value) || (text != NULL && *text == '\0')) {
        return NULL;
    }
    if (text == NULL || !ct_list_text_ok(text)) {
        ct_list_warn(in, 0, "%s%s%s: expected 1 to 1000 bytes of text without control characters, found %s; left out",
                     place, *place != '\0' ? "." : "", name, text == NULL ? type_name(value) : "another");
        return NULL;
    }
    return text;
}

/* What Go programs write for a time that was never set. */
#define NO_TIME_MS INT64_C(-62135596800000)

void ct_json_time(struct ct_list_input *in, const char *place, const json_t *object, const char *name,
                  enum ct_need need, int64_t *ms)
{
    const char *expected = "an RFC 3339 time such as 2026-01-02T03:04:05Z";
    const json_t *value = member(in, place, object, name, JSON_STRING, need, expected);
    int64_t parsed = 0;

    if (value == NULL) {
        return;
    }
    if (!ct_time_parse(json_string_value(value), &parsed)) {
        ct_json_complain(in, place, name, expected, value);
        return;
    }
    if (parsed != NO_TIME_MS) {
        *ms = parsed;
    }
}

/* Whether the member that should be the log's id is. */
static bool id_is_right(struct ct_list_input *in, const char *id_place, const json_t *id, const char *id_name,
                        const struct ct_log *log)
{
    unsigned char computed[4 * ((CT_LOG_ID_LEN + 2) / 3) + 1];

    EVP_EncodeBlock(computed, log->id, CT_LOG_ID_LEN);
    if (strcmp((const char *)computed, json_string_value(id)) == 0) {
        return true;
    }
    ct_list_complain(in, 0,
                     "%s%s%s (%.100s): expected \"%s\", the SHA-256 of the key, found \"%.60s\"; one of the two is "
                     "another log's",
                     id_place, *id_place != '\0' ? "." : "", id_name,
                     log->description != NULL ? log->description : "no description", (const char *)computed,
                     json_string_value(id));
    return false;
}

void ct_json_key_and_id(struct ct_list_input *in, const char *key_place, const json_t *key_object, const char *key_name,
                        const char *id_place, const json_t *id_object, const char *id_name, struct ct_log *log)
{
    const json_t *key = member(in, key_place, key_object, key_name, JSON_STRING, CT_REQUIRED, "base64");
    const json_t *id = member(in, id_place, id_object, id_name, JSON_STRING, CT_REQUIRED, "base64");
    char place[160];

    if (key != NULL && log->spki.data == NULL) {
        snprintf(place, sizeof place, "%s%s%s", key_place, *key_place != '\0' ? "." : "", key_name);
        ct_list_set_key_base64(in, 0, place, log, json_string_value(key));
    }
    log->identified = log->identified && id != NULL && id_is_right(in, id_place, id, id_name, log);
}
