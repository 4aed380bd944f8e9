/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/log_list.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_nesting.h"
#include "base/json_numbers.h"
#include "base/other_file.h"
#include "logs/duplicates.h"
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

/* JSON that is something else which people have, by its name and with what to do; NULL: nothing that we know. */
static const char *other_json(const json_t *root)
{
    const json_t *operators = json_object_get(root, "operators");
    const char *media = json_string_value(json_object_get(root, "mediaType"));

    /* The lists of 2015 to 2019 have their logs beside the operators, who are numbered. */
    if (json_is_array(json_object_get(root, "logs")) && (operators == NULL || json_is_array(operators))) {
        return "a log list of schema version 1 (2015 to 2019), which has no states; take version 3 of the list from "
               "its publisher";
    }
    if (json_is_object(json_object_get(root, "trustedRoot")) || json_is_object(json_object_get(root, "trusted_root"))) {
        return "a Sigstore ClientTrustConfig; save what its member trustedRoot holds in a file of its own, and name "
               "that one";
    }
    if (media != NULL && strstr(media, "trustedroot") != NULL && json_object_get(root, "ctlogs") == NULL) {
        return "a Sigstore trusted root without CT logs (ctlogs)";
    }
    if (media != NULL && strstr(media, "signingconfig") != NULL) {
        return "a Sigstore signing configuration, which has no logs' keys; take trusted_root.json";
    }
    if (json_is_object(json_object_get(root, "signed"))) {
        return "TUF metadata; take the target that it names, trusted_root.json";
    }
    return NULL;
}

static void read_json(struct ct_list_input *in)
{
    json_error_t error;
    /* Numbers larger than an integer are members that we do not know, and not a reason to read nothing. */
    const char *other;
    bool is_v3, is_sigstore, is_single;
    struct ct_bytes text = in->text;
    uint8_t *shrunk = NULL;
    json_t *root;

    if (!ct_json_nests_little(in->text)) {
        ct_list_complain(in, 0, "expected JSON with at most %u levels of arrays and objects, found more",
                         CT_JSON_NESTING_MAX);
        return;
    }
    if (!ct_json_shrink_numbers(&text, &shrunk)) {
        ct_list_out_of_memory(in);
        return;
    }
    root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    free(shrunk);
    other = root == NULL ? NULL : other_json(root);
    if (root == NULL) {
        ct_list_complain(in, error.line > 0 ? (unsigned)error.line : 0, "expected JSON: %s", error.text);
        return;
    }
    is_v3 = json_object_get(root, "operators") != NULL;
    is_sigstore = json_object_get(root, "ctlogs") != NULL;
    is_single = json_object_get(root, "key") != NULL;
    if (other != NULL) {
        ct_list_complain(in, 0, "expected a log list, found %s", other);
    } else if (is_v3 + is_sigstore + is_single != 1) {
        ct_list_complain(in, 0,
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

static bool starts_with(struct ct_bytes text, const char *start, size_t len)
{
    return text.len >= len && memcmp(text.data, start, len) == 0;
}

/* Whether a line sets the name, as in OpenSSL's configuration files. */
static bool sets(struct ct_bytes text, const char *name)
{
    char with_space[16], without[16];

    snprintf(with_space, sizeof with_space, "%s =", name);
    snprintf(without, sizeof without, "%s=", name);
    return has_line(text, with_space) || has_line(text, without);
}

/* What is saved by mistake in the place of a list, by its first bytes (white space aside). */
static const char *other_file(struct ct_bytes text)
{
    static const struct {
        const char *start, *what;
    } rows[] = {
        { "[", "a JSON array; a log list is an object, and begins with {" },
        { "\"", "a JSON text; a log list is an object, and begins with {" },
        { "null", "JSON's null; a log list is an object, and begins with {" },
        { "/*", "source code, such as a browser's built-in list; take the JSON that it is made from" },
        { "//", "source code, such as a browser's built-in list; take the JSON that it is made from" },
        { "#include", "source code, such as a browser's built-in list; take the JSON that it is made from" },
    };
    const char *what = ct_other_file(text);

    if (what == NULL && sets(text, "key")) {
        what = "a ct_log_list.cnf without enabled_logs, so that no log counts for OpenSSL either; put enabled_logs = "
               "NAME, ... with the names of the sections before the first section";
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && what == NULL; i++) {
        what = starts_with(text, rows[i].start, strlen(rows[i].start)) ? rows[i].what : NULL;
    }
    return what != NULL ? what : "something else";
}

/* The format is found by content: files are renamed, and a list's reader must not depend on its name. */
static void read_by_content(struct ct_list_input *in)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    struct ct_bytes text;

    if (starts_with(in->text, byte_order_mark, 3)) { /* some editors put one before UTF-8 */
        in->text.data += 3;
        in->text.len -= 3;
    }
    text = in->text;
    while (text.len > 0 && memchr(" \t\r\n", text.data[0], 4) != NULL) {
        text.data++;
        text.len--;
    }
    if (starts_with(text, "{", 1)) {
        read_json(in);
    } else if (has_line(in->text, "-----BEGIN ")) {
        in->list->format = CT_LIST_PEM;
        ct_list_read_pem(in);
    } else if (has_line(in->text, "enabled_logs") || has_line(in->text, "default::enabled_logs")) {
        in->list->format = CT_LIST_OPENSSL;
        ct_list_read_openssl(in);
    } else {
        ct_list_complain(in, 0,
                         "expected a log list, found %s; v3 JSON, log.v3.json, Sigstore's trusted_root.json, OpenSSL's "
                         "ct_log_list.cnf (with enabled_logs) and PEM public keys are read",
                         text.len == 0 ? "an empty file" : other_file(text));
    }
}

/* Why the first log that does not count does not: the words are those of its warning. */
static const char *first_reason(const struct ct_log_list *list)
{
    return list->nameless.count > 0 ? list->nameless.logs[0].unusable
           : list->logs.count > 0   ? list->logs.logs[0].unusable
                                    : NULL;
}

static void check_whole(struct ct_list_input *in)
{
    struct ct_log_set *logs = &in->list->logs;
    size_t counting = 0;
    const char *why = NULL;

    ct_list_settle_duplicates(in);
    for (size_t i = 0; i < logs->count; i++) {
        counting += logs->logs[i].unusable == NULL;
    }
    if (counting == 0) {
        why = first_reason(in->list);
        ct_problem_add(in->problems, CT_ERROR, in->file, 0,
                       "expected at least one log, found none that can count%s%s; with this list every certificate "
                       "would be refused",
                       why != NULL ? ": " : "", why != NULL ? why : "");
    }
}

bool ct_log_list_parse(const char *file, struct ct_bytes text, struct ct_log_list *list, struct ct_problems *problems)
{
    struct ct_list_input in = { .file = file, .text = text, .list = list, .problems = problems };
    size_t errors_before = problems->errors;

    memset(list, 0, sizeof *list);
    list->timestamp_ms = INT64_MIN;
    if (text.len > CT_LOG_LIST_MAX_BYTES) {
        ct_list_complain(&in, 0, "expected at most 10 MiB, found %zu bytes", text.len);
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
    ct_log_set_clear(&list->nameless);
    memset(list, 0, sizeof *list);
}
