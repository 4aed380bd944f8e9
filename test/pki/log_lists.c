/* SPDX-License-Identifier: Apache-2.0 */
/* Log lists in every format that is read. */
#include "pki.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/pem.h>

/* jansson takes NULL for a failed value and the setters then fail: one check covers both. */
static void set(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) != 0) {
        pki_die("cannot build JSON (%s)", name);
    }
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        pki_die("cannot build JSON");
    }
}

static json_t *base64(const uint8_t *data, size_t len)
{
    unsigned char *text = malloc(4 * ((len + 2) / 3) + 1);

    if (text == NULL) {
        pki_die("out of memory");
    }
    EVP_EncodeBlock(text, data, (int)len);
    json_t *value = json_string((const char *)text);
    free(text);
    return value;
}

static json_t *time_string(int64_t at_ms)
{
    char text[32];

    pki_format_time(at_ms, text);
    return json_string(text);
}

static void set_v3_state(json_t *to, const struct pki_listed_log *log)
{
    if (log->state == NULL) {
        return;
    }
    json_t *about = json_object(), *state = json_object();
    set(about, "timestamp", time_string(log->state_since_ms));
    if (strcmp(log->state, "readonly") == 0) {
        json_t *head = json_object();
        uint8_t root[32] = { 0 };
        set(head, "sha256_root_hash", base64(root, sizeof root));
        set(head, "tree_size", json_integer(1));
        set(about, "final_tree_head", head);
    }
    set(state, log->state, about);
    set(to, "state", state);
}

static json_t *v3_log(const struct pki_listed_log *log)
{
    json_t *entry = json_object();

    set(entry, "description", json_string(log->description));
    set(entry, "log_id", base64(log->log->id, sizeof log->log->id));
    set(entry, "key", base64(log->log->spki.data, log->log->spki.len));
    if (log->tiled) {
        set(entry, "submission_url", json_string(log->url));
        set(entry, "monitoring_url", json_string(log->url));
    } else {
        set(entry, "url", json_string(log->url));
    }
    set(entry, "mmd", json_integer(log->tiled ? 60 : 86400));
    set_v3_state(entry, log);
    if (log->start_ms != INT64_MIN && log->end_ms != INT64_MAX) {
        json_t *interval = json_object();
        set(interval, "start_inclusive", time_string(log->start_ms));
        set(interval, "end_exclusive", time_string(log->end_ms));
        set(entry, "temporal_interval", interval);
    }
    if (log->previous_operator != NULL) {
        json_t *previous = json_array(), *one = json_object();
        set(one, "name", json_string(log->previous_operator));
        set(one, "end_time", time_string(log->previous_until_ms));
        append(previous, one);
        set(entry, "previous_operators", previous);
    }
    if (log->log_type != NULL) {
        set(entry, "log_type", json_string(log->log_type));
    }
    return entry;
}

static json_t *operator_named(json_t *operators, const char *name)
{
    json_t *entry;
    size_t i;

    json_array_foreach(operators, i, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "name")), name) == 0) {
            return entry;
        }
    }
    entry = json_object();
    json_t *email = json_array();
    append(email, json_string("ct@example.com"));
    set(entry, "name", json_string(name));
    set(entry, "email", email);
    set(entry, "logs", json_array());
    set(entry, "tiled_logs", json_array());
    append(operators, entry);
    return entry;
}

static json_t *v3_list(const struct pki_listed_log *logs, size_t count, int64_t timestamp_ms)
{
    json_t *list = json_object(), *operators = json_array();

    set(list, "version", json_string("1.0"));
    if (timestamp_ms != INT64_MIN) {
        set(list, "log_list_timestamp", time_string(timestamp_ms));
    }
    for (size_t i = 0; i < count; i++) {
        json_t *owner = operator_named(operators, logs[i].log_operator);
        append(json_object_get(owner, logs[i].tiled ? "tiled_logs" : "logs"), v3_log(&logs[i]));
    }
    set(list, "operators", operators);
    return list;
}

static json_t *sigstore_log(const struct pki_listed_log *log)
{
    json_t *entry = json_object(), *key = json_object(), *valid = json_object(), *id = json_object();

    set(key, "rawBytes", base64(log->log->spki.data, log->log->spki.len));
    set(key, "keyDetails",
        json_string(log->log->signature_algorithm == 1 ? "PKIX_RSA_PKCS1V15_2048_SHA256" : "PKIX_ECDSA_P256_SHA_256"));
    if (log->start_ms != INT64_MIN) {
        set(valid, "start", time_string(log->start_ms));
    }
    if (log->end_ms != INT64_MAX) {
        set(valid, "end", time_string(log->end_ms));
    }
    set(key, "validFor", valid);
    set(id, "keyId", base64(log->log->id, sizeof log->log->id));
    set(entry, "baseUrl", json_string(log->url));
    set(entry, "hashAlgorithm", json_string("SHA2_256"));
    set(entry, "publicKey", key);
    set(entry, "logId", id);
    return entry;
}

static json_t *sigstore_root(const struct pki_listed_log *logs, size_t count)
{
    json_t *root = json_object(), *ctlogs = json_array();

    for (size_t i = 0; i < count; i++) {
        append(ctlogs, sigstore_log(&logs[i]));
    }
    set(root, "mediaType", json_string("application/vnd.dev.sigstore.trustedroot+json;version=0.1"));
    set(root, "tlogs", json_array());
    set(root, "certificateAuthorities", json_array());
    set(root, "ctlogs", ctlogs);
    return root;
}

static void write_openssl(FILE *file, const struct pki_listed_log *logs, size_t count)
{
    fputs("enabled_logs = ", file);
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "%slog%zu", i == 0 ? "" : ",", i);
    }
    fputc('\n', file);
    for (size_t i = 0; i < count; i++) {
        json_t *key = base64(logs[i].log->spki.data, logs[i].log->spki.len);
        fprintf(file, "\n[log%zu]\ndescription = %s\nkey = %s\n", i, logs[i].description, json_string_value(key));
        json_decref(key);
    }
}

void pki_write_log_list(const char *path, enum pki_list_format format, const struct pki_listed_log *logs, size_t count,
                        int64_t timestamp_ms)
{
    FILE *file = pki_open(path, "w");
    json_t *json = NULL;
    bool written = true;

    switch (format) {
    case PKI_FORMAT_V3:
        json = v3_list(logs, count, timestamp_ms);
        break;
    case PKI_FORMAT_SINGLE:
        if (count != 1) {
            pki_die("the format single takes one log");
        }
        json = v3_log(&logs[0]);
        break;
    case PKI_FORMAT_SIGSTORE:
        json = sigstore_root(logs, count);
        break;
    case PKI_FORMAT_OPENSSL:
        write_openssl(file, logs, count);
        break;
    case PKI_FORMAT_PEM:
        for (size_t i = 0; i < count && written; i++) {
            written = PEM_write_PUBKEY(file, logs[i].log->key) == 1;
        }
        break;
    }
    if (json != NULL) {
        written = json_dumpf(json, file, JSON_INDENT(2)) == 0 && fputc('\n', file) != EOF;
        json_decref(json);
    }
    if (fclose(file) != 0 || !written) {
        pki_die("cannot write %s", path);
    }
}
