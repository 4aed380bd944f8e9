/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/formats.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ct_list_text_ok(const char *text)
{
    struct ct_bytes left = { (const uint8_t *)text, strlen(text) };

    if (left.len == 0 || left.len > CT_LOG_LIST_MAX_TEXT) {
        return false;
    }
    while (left.len > 0) {
        size_t step = ct_plain_character(left);

        if (step == 0 || *left.data == '\t') {
            return false;
        }
        left.data += step;
        left.len -= step;
    }
    return true;
}

bool ct_base64_decode(const char *text, uint8_t *out, size_t room, size_t *len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t text_len = strlen(text);
    size_t plain = strspn(text, alphabet);
    size_t padding = text_len - plain;
    size_t whole; /* the bytes of all groups of four but the last */
    uint8_t last[3];
    unsigned char again[5];

    *len = 0;
    if (text_len == 0 || text_len % 4 != 0 || text_len > INT32_MAX || padding > 2 ||
        strspn(text + plain, "=") != padding) {
        return false;
    }
    whole = (text_len / 4 - 1) * 3;
    if (whole + 3 - padding > room ||
        (whole > 0 && EVP_DecodeBlock(out, (const uint8_t *)text, (int)text_len - 4) != (int)whole) ||
        EVP_DecodeBlock(last, (const uint8_t *)text + text_len - 4, 4) != 3) {
        return false;
    }
    /* The bits that padding leaves over have to be zero. */
    if (EVP_EncodeBlock(again, last, 3 - (int)padding) != 4 || memcmp(again, text + text_len - 4, 4) != 0) {
        return false;
    }
    memcpy(out + whole, last, 3 - padding);
    *len = whole + 3 - padding;
    return true;
}

void ct_list_out_of_memory(struct ct_list_input *in)
{
    ct_problem_add(in->problems, CT_ERROR, in->file, 0, "out of memory");
}

void ct_list_copy(struct ct_list_input *in, char **to, const char *text)
{
    if (text == NULL) {
        return;
    }
    free(*to);
    *to = strdup(text);
    if (*to == NULL) {
        ct_list_out_of_memory(in);
    }
}

struct ct_log ct_list_begin_log(struct ct_list_input *in)
{
    in->in_log = true;
    in->errors_before = in->problems->errors;
    in->doubt[0] = '\0';
    in->doubt_line = 0;
    return (struct ct_log){
        .state = CT_LOG_USABLE,
        .state_since_ms = INT64_MIN,
        .interval_start_ms = INT64_MIN,
        .interval_end_ms = INT64_MAX,
        .sct_from_ms = INT64_MIN,
        .sct_until_ms = INT64_MAX,
    };
}

void ct_list_complain(struct ct_list_input *in, unsigned line, const char *format, ...)
{
    char text[CT_LOG_DOUBT_MAX];
    size_t used = strlen(in->doubt);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!in->in_log) {
        ct_problem_add(in->problems, CT_ERROR, in->file, line, "%s", text);
        return;
    }
    if (used == 0) {
        in->doubt_line = line;
    }
    if (snprintf(in->doubt + used, sizeof in->doubt - used, "%s%s", used > 0 ? "; " : "", text) < 0) { /* may be cut */
        in->doubt[used] = '\0';
    }
}

void ct_list_warn(struct ct_list_input *in, unsigned line, const char *format, ...)
{
    char text[CT_LOG_DOUBT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ct_problem_add(in->problems, CT_WARNING, in->file, line, "%s", text);
}

void ct_list_set_key(struct ct_list_input *in, unsigned line, const char *place, struct ct_log *log,
                     struct ct_bytes spki)
{
    const char *why = NULL;

    if (ct_log_set_key(log, spki, &why)) {
        return;
    }
    if (why == NULL) {
        ct_problem_add(in->problems, CT_ERROR, in->file, line,
                       "a key's SHA-256 cannot be computed (out of memory, or no digest available)");
    } else {
        ct_list_complain(in, line, "%s%s%s", place, *place != '\0' ? ": " : "", why);
    }
}

uint8_t *ct_list_decode_key(struct ct_list_input *in, unsigned line, const char *place, const char *base64, size_t *len)
{
    size_t room = strlen(base64) / 4 * 3 + 3;
    uint8_t *key = NULL;

    if (room > CT_LOG_KEY_MAX) {
        ct_list_complain(in, line, "%s: expected a public key of at most %u bytes, found %zu characters of base64",
                         place, CT_LOG_KEY_MAX, strlen(base64));
        return NULL;
    }
    if ((key = malloc(room)) == NULL) {
        ct_list_out_of_memory(in);
        return NULL;
    }
    if (!ct_base64_decode(base64, key, room, len)) {
        ct_list_complain(in, line, "%s: expected a public key in base64, found \"%.60s\"", place, base64);
        free(key);
        return NULL;
    }
    return key;
}

void ct_list_set_key_base64(struct ct_list_input *in, unsigned line, const char *place, struct ct_log *log,
                            const char *base64)
{
    size_t len = 0;
    uint8_t *key = ct_list_decode_key(in, line, place, base64, &len);

    if (key != NULL) {
        ct_list_set_key(in, line, place, log, (struct ct_bytes){ key, len });
    }
    free(key);
}

/* What makes a log that was read as it should be still not count. */
static void doubt_mimics(struct ct_list_input *in, unsigned line, const char *place, const struct ct_log *log)
{
    if (log->identified && ct_log_id_is_mimic(log->id)) {
        ct_list_complain(in, line, "%s%sits private key is public, so its SCTs prove nothing; remove it", place,
                         *place != '\0' ? ": " : "");
    }
}

void ct_list_end_log(struct ct_list_input *in, unsigned line, const char *place, struct ct_log *log)
{
    struct ct_log_list *list = in->list;
    char prefix[2 * 8 + 1];

    doubt_mimics(in, line, place, log);
    if (log->description == NULL && log->identified) {
        ct_hex(log->id, 8, prefix);
        ct_list_copy(in, &log->description, prefix);
    } else if (log->description == NULL) {
        ct_list_copy(in, &log->description, *place != '\0' ? place : "a log without a name");
    }
    ct_list_copy(in, &log->list, in->file);
    if (in->doubt[0] != '\0') {
        free(log->unusable);
        log->unusable = NULL;
        ct_list_copy(in, &log->unusable, in->doubt);
    }
    in->in_log = false;
    if (in->problems->errors != in->errors_before) {
        goto out;
    }
    if (list->logs.count + list->nameless.count == CT_LOG_LIST_MAX_LOGS) {
        ct_problem_add(in->problems, CT_ERROR, in->file, line, "%s%sthe list has more than %u logs, which is the limit",
                       place, *place != '\0' ? ": " : "", CT_LOG_LIST_MAX_LOGS);
        goto out;
    }
    if (in->doubt[0] != '\0') {
        ct_list_warn(in, in->doubt_line != 0 ? in->doubt_line : line, "\"%.100s\" does not count: %s", log->description,
                     in->doubt);
    }
    if (!ct_log_set_add(log->identified ? &list->logs : &list->nameless, log)) {
        ct_list_out_of_memory(in);
    }
out:
    ct_log_clear(log);
}
