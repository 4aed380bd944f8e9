#include "logs/log_list.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "logs/readers.h"

const char *ct_log_list_format_name(enum ct_log_list_format format)
{
    switch (format) {
    case CT_LIST_V3:
        return "v3";
    case CT_LIST_SINGLE_V3:
        return "log.v3";
    case CT_LIST_SIGSTORE:
        return "sigstore";
    case CT_LIST_OPENSSL:
        return "openssl";
    case CT_LIST_PEM:
        return "pem";
    }
    return "unknown-format";
}

/* Whether a line of the text starts with `start`, white space before it aside. */
static bool has_line(struct ct_bytes text, const char *start)
{
    const uint8_t *at = text.data;
    const uint8_t *end = text.data + text.len;
    size_t len = strlen(start);

    while (at < end) {
        while (at < end && (*at == ' ' || *at == '\t')) {
            at++;
        }
        if ((size_t)(end - at) >= len && memcmp(at, start, len) == 0) {
            return true;
        }
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL) {
            break;
        }
        at++;
    }
    return false;
}

static void read_json(struct ct_list_input *in)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)in->text.data, in->text.len, JSON_REJECT_DUPLICATES, &error);
    bool is_v3, is_sigstore, is_single;

    if (root == NULL) {
        ct_problem_add(in->problems, CT_ERROR, in->file, error.line > 0 ? (unsigned)error.line : 0, "expected JSON: %s",
                       error.text);
        return;
    }
    is_v3 = json_object_get(root, "operators") != NULL;
    is_sigstore = json_object_get(root, "ctlogs") != NULL;
    is_single = json_object_get(root, "key") != NULL;
    if (is_v3 + is_sigstore + is_single != 1) {
        ct_problem_add(in->problems, CT_ERROR, in->file, 0,
                       "expected a log list: JSON with exactly one of \"operators\" (v3 list), \"ctlogs\" (Sigstore "
                       "trusted root) and \"key\" (a log's log.v3.json), found %s of them",
                       is_v3 + is_sigstore + is_single == 0 ? "none" : "several");
    } else if (is_v3) {
        in->list->format = CT_LIST_V3;
        ct_list_read_v3(in, root);
    } else if (is_sigstore) {
        in->list->format = CT_LIST_SIGSTORE;
        ct_list_read_sigstore(in, root);
    } else {
        in->list->format = CT_LIST_SINGLE_V3;
        ct_list_read_single_v3(in, root);
    }
    json_decref(root);
}

/* The format is found by content: files are renamed, and a list's reader must not depend on its name. */
static void read_by_content(struct ct_list_input *in)
{
    static const uint8_t byte_order_mark[] = { 0xef, 0xbb, 0xbf };
    size_t first = 0;

    if (in->text.len >= 3 && memcmp(in->text.data, byte_order_mark, 3) == 0) {
        ct_problem_add(in->problems, CT_ERROR, in->file, 1, "starts with a byte order mark; save it as plain UTF-8");
        return;
    }
    while (first < in->text.len && memchr(" \t\r\n", in->text.data[first], 4) != NULL) {
        first++;
    }
    if (first < in->text.len && in->text.data[first] == '{') {
        read_json(in);
    } else if (has_line(in->text, "-----BEGIN ")) {
        in->list->format = CT_LIST_PEM;
        ct_list_read_pem(in);
    } else if (has_line(in->text, "enabled_logs")) {
        in->list->format = CT_LIST_OPENSSL;
        ct_list_read_openssl(in);
    } else {
        ct_problem_add(in->problems, CT_ERROR, in->file, 0,
                       "expected a log list, found %s; v3 JSON, log.v3.json, Sigstore's trusted_root.json, OpenSSL's "
                       "ct_log_list.cnf (with enabled_logs) and PEM public keys are read",
                       first == in->text.len ? "an empty file" : "something else");
    }
}

static void check_whole(struct ct_list_input *in)
{
    struct ct_log_set *logs = &in->list->logs;
    const struct ct_log *twice = NULL;
    size_t counting = 0;
    char hex[2 * CT_LOG_ID_LEN + 1];

    for (size_t i = 0; i < logs->count; i++) {
        counting += !logs->logs[i].mimic;
    }
    if (counting == 0) {
        ct_problem_add(in->problems, CT_ERROR, in->file, 0,
                       "expected at least one log, found none that can count; with this list every certificate "
                       "would be refused");
    }
    if (!ct_log_set_finish(logs, &twice)) {
        ct_hex(twice->id, CT_LOG_ID_LEN, hex);
        ct_problem_add(in->problems, CT_ERROR, in->file, 0,
                       "the logs \"%s\" and \"%s\" have the same key (log id %s); remove one", twice[0].description,
                       twice[1].description, hex);
    }
}

bool ct_log_list_parse(const char *file, struct ct_bytes text, struct ct_log_list *list, struct ct_problems *problems)
{
    struct ct_list_input in = { .file = file, .text = text, .list = list, .problems = problems };
    size_t errors_before = problems->errors;

    memset(list, 0, sizeof *list);
    list->timestamp_ms = INT64_MIN;
    if (text.len > CT_LOG_LIST_MAX_BYTES) {
        ct_problem_add(problems, CT_ERROR, file, 0, "expected at most 10 MiB, found %zu bytes", text.len);
    } else {
        read_by_content(&in);
    }
    if (problems->errors == errors_before) {
        check_whole(&in);
    }
    if (problems->errors != errors_before) {
        ct_log_list_clear(list);
        return false;
    }
    return true;
}

void ct_log_list_clear(struct ct_log_list *list)
{
    if (list == NULL) {
        return;
    }
    free(list->version);
    ct_log_set_clear(&list->logs);
    memset(list, 0, sizeof *list);
}
