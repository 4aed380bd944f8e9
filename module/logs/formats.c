#include "logs/formats.h"

#include <openssl/evp.h>
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
    uint8_t decoded[CT_LOG_KEY_MAX + 3];
    uint8_t again[4 * ((CT_LOG_KEY_MAX + 2) / 3) + 1];
    size_t text_len = strlen(text);
    size_t padding = 0;
    int n = -1;

    *len = 0;
    if (text_len == 0 || text_len % 4 != 0 || text_len >= sizeof again) {
        return false;
    }
    padding = (text[text_len - 1] == '=') + (text[text_len - 2] == '=');
    n = EVP_DecodeBlock(decoded, (const uint8_t *)text, (int)text_len);
    if (n < 0 || (size_t)n < padding || (size_t)n - padding > room) {
        return false;
    }
    /* EVP_DecodeBlock is forgiving (white space, misplaced padding, stray bits): only what it would write is read. */
    if (EVP_EncodeBlock(again, decoded, n - (int)padding) != (int)text_len || memcmp(again, text, text_len) != 0) {
        return false;
    }
    *len = (size_t)n - padding;
    memcpy(out, decoded, *len);
    return true;
}

void ct_list_copy(struct ct_list_input *in, char **to, const char *text)
{
    if (text == NULL) {
        return;
    }
    free(*to);
    *to = strdup(text);
    if (*to == NULL) {
        ct_problem_add(in->problems, CT_ERROR, in->file, 0, "out of memory");
    }
}

struct ct_log ct_list_new_log(void)
{
    return (struct ct_log){
        .state = CT_LOG_USABLE,
        .state_since_ms = INT64_MIN,
        .interval_start_ms = INT64_MIN,
        .interval_end_ms = INT64_MAX,
        .sct_from_ms = INT64_MIN,
        .sct_until_ms = INT64_MAX,
    };
}

void ct_list_set_key(struct ct_list_input *in, unsigned line, const char *place, struct ct_log *log, const char *base64)
{
    uint8_t spki[CT_LOG_KEY_MAX];
    const char *separator = *place != '\0' ? ": " : "";
    const char *why = NULL;
    size_t len = 0;

    if (!ct_base64_decode(base64, spki, sizeof spki, &len)) {
        ct_problem_add(in->problems, CT_ERROR, in->file, line, "%s%sexpected a public key in base64, found \"%.60s\"",
                       place, separator, base64);
    } else if (!ct_log_set_key(log, (struct ct_bytes){ spki, len }, &why)) {
        ct_problem_add(in->problems, CT_ERROR, in->file, line, "%s%s%s", place, separator, why);
    }
}

void ct_list_add(struct ct_list_input *in, unsigned line, const char *place, struct ct_log *log, size_t errors_before)
{
    const char *separator = *place != '\0' ? ": " : "";
    char prefix[2 * 8 + 1];

    if (log->description == NULL) {
        ct_hex(log->id, 8, prefix);
        ct_list_copy(in, &log->description, prefix);
    }
    ct_list_copy(in, &log->list, in->file);
    if (in->problems->errors != errors_before) {
        goto out;
    }
    if (in->list->logs.count == CT_LOG_LIST_MAX_LOGS) {
        ct_problem_add(in->problems, CT_ERROR, in->file, line, "%s%sthe list has more than %u logs, which is the limit",
                       place, separator, CT_LOG_LIST_MAX_LOGS);
        goto out;
    }
    if (log->mimic) {
        ct_problem_add(in->problems, CT_WARNING, in->file, line,
                       "%s%sthe private key of \"%s\" is public, so its SCTs prove nothing and never count; remove it",
                       place, separator, log->description);
    }
    if (!ct_log_set_add(&in->list->logs, log)) {
        ct_problem_add(in->problems, CT_ERROR, in->file, line, "out of memory");
    }
out:
    ct_log_clear(log);
}
