/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/checkpoint.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/der.h"
#include "logs/signature.h"

#define NOTE_SIGNATURE_TYPE 0x05 /* RFC6962NoteSignature */
#define KEY_ID_LEN 4
#define SIGNATURE_MAX 1100u /* RSA-8192 has 1024 bytes; it stands on the stack of a handshake */
#define HASH_SHA256 4       /* RFC 5246, section 7.4.1.4.1 */
#define SIGNATURE_RSA 1
#define SIGNATURE_ECDSA 3

const char *ct_head_result_name(enum ct_head_result result)
{
    static const char *const names[] = {
#define HEAD_NAME(id, name, text) name,
        CT_HEAD_RESULTS(HEAD_NAME)
#undef HEAD_NAME
    };

    return names[result];
}

const char *ct_head_result_text(enum ct_head_result result)
{
    static const char *const texts[] = {
#define HEAD_TEXT(id, name, text) text,
        CT_HEAD_RESULTS(HEAD_TEXT)
#undef HEAD_TEXT
    };

    return texts[result];
}

/* TreeHeadSignature: 00 01 || timestamp || tree_size || root, in a digitally-signed struct of RFC 5246, section 4.7. */
static enum ct_head_result verify(const struct ct_log *log, const struct ct_tree_head *head, struct ct_bytes signature)
{
    struct ct_reader r = ct_reader_of(signature);
    uint8_t hash_algorithm = ct_read_u8(&r);
    uint8_t algorithm = ct_read_u8(&r);
    struct ct_bytes value = ct_read_vector16(&r);
    uint8_t signed_bytes[2 + 8 + 8 + CT_HASH_LEN] = { 0, 1 };
    struct ct_bytes whole = { signed_bytes, sizeof signed_bytes };
    struct ct_hasher hasher = { 0 };
    struct ct_hash digest;
    bool failed;

    if (!ct_reader_finished(&r)) {
        return CT_HEAD_MALFORMED;
    }
    if (hash_algorithm != HASH_SHA256 || algorithm != (log->key_type == CT_KEY_RSA ? SIGNATURE_RSA : SIGNATURE_ECDSA)) {
        return CT_HEAD_BAD_SIGNATURE;
    }
    memcpy(ct_write_u64(ct_write_u64(signed_bytes + 2, head->timestamp_ms), head->size), head->root.bytes, CT_HASH_LEN);
    ct_hash_parts(&hasher, &whole, 1, &digest);
    failed = hasher.failed;
    ct_hasher_clear(&hasher);
    if (failed) {
        return CT_HEAD_FAILED;
    }
    switch (ct_signature_check(log, digest.bytes, value)) {
    case CT_SIGNATURE_OK:
        return CT_HEAD_OK;
    case CT_SIGNATURE_BAD:
        return CT_HEAD_BAD_SIGNATURE;
    case CT_SIGNATURE_FAILED:
        break;
    }
    return CT_HEAD_FAILED;
}

/* Up to the next newline, which is taken too; without one it is not a line. */
static bool read_line(struct ct_reader *r, struct ct_bytes *line)
{
    const uint8_t *end = r->left == 0 ? NULL : memchr(r->at, '\n', r->left);

    if (end == NULL) {
        return false;
    }
    *line = ct_read_bytes(r, (size_t)(end - r->at));
    (void)ct_read_u8(r);
    return true;
}

/* Decimal, without a sign and without zeros in front. */
static bool read_size(struct ct_bytes text, uint64_t *size)
{
    *size = 0;
    if (text.len == 0 || text.len > 19 || (text.len > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        *size = *size * 10 + (uint64_t)(text.data[i] - '0');
    }
    return *size <= CT_TREE_MAX;
}

static bool key_id(const char *origin, const struct ct_log *log, uint8_t id[KEY_ID_LEN])
{
    static const uint8_t kind[] = { '\n', NOTE_SIGNATURE_TYPE };
    const struct ct_bytes parts[] = { { (const uint8_t *)origin, strlen(origin) },
                                      { kind, sizeof kind },
                                      { log->id, sizeof log->id } };
    struct ct_hasher hasher = { 0 };
    struct ct_hash hash;
    bool good;

    ct_hash_parts(&hasher, parts, sizeof parts / sizeof parts[0], &hash);
    good = !hasher.failed;
    ct_hasher_clear(&hasher);
    memcpy(id, hash.bytes, KEY_ID_LEN);
    return good;
}

/* "— NAME BASE64": false when it has not this form. */
static bool split_signature(struct ct_bytes line, struct ct_bytes *name, struct ct_bytes *base64)
{
    static const uint8_t dash[] = { 0xe2, 0x80, 0x94, ' ' };
    struct ct_reader r = ct_reader_of(line);
    const uint8_t *space;

    if (!ct_bytes_equal(ct_read_bytes(&r, sizeof dash), (struct ct_bytes){ dash, sizeof dash }) || r.left == 0 ||
        (space = memchr(r.at, ' ', r.left)) == NULL) {
        return false;
    }
    *name = ct_read_bytes(&r, (size_t)(space - r.at));
    (void)ct_read_u8(&r);
    *base64 = (struct ct_bytes){ r.at, r.left };
    return name->len > 0 && base64->len > 0;
}

/* RFC6962NoteSignature: timestamp || TreeHeadSignature. CT_HEAD_WRONG_KEY: a line of somebody else's. */
static enum ct_head_result read_signature(struct ct_bytes line, const char *origin, const uint8_t id[KEY_ID_LEN],
                                          const struct ct_log *log, bool check, struct ct_tree_head *head)
{
    struct ct_bytes name, base64;
    uint8_t bytes[SIGNATURE_MAX];
    size_t len = 0;
    struct ct_reader r;

    if (!split_signature(line, &name, &base64)) {
        return CT_HEAD_MALFORMED;
    }
    if (!ct_bytes_equal(name, (struct ct_bytes){ (const uint8_t *)origin, strlen(origin) })) {
        return CT_HEAD_WRONG_KEY;
    }
    if (!ct_base64_read(base64, bytes, sizeof bytes, &len)) {
        return base64.len > CT_BASE64_ROOM(sizeof bytes) ? CT_HEAD_WRONG_KEY : CT_HEAD_MALFORMED;
    }
    r = ct_reader_of((struct ct_bytes){ bytes, len });
    if (!ct_bytes_equal(ct_read_bytes(&r, KEY_ID_LEN), (struct ct_bytes){ id, KEY_ID_LEN })) {
        return r.failed ? CT_HEAD_MALFORMED : CT_HEAD_WRONG_KEY;
    }
    head->timestamp_ms = ct_read_u64(&r);
    if (r.failed) {
        return CT_HEAD_MALFORMED;
    }
    return check ? verify(log, head, (struct ct_bytes){ r.at, r.left }) : CT_HEAD_OK;
}

static enum ct_head_result read_note(struct ct_bytes note, const char *origin, const struct ct_log *log, bool check,
                                     struct ct_tree_head *head)
{
    struct ct_reader r = ct_reader_of(note);
    enum ct_head_result result = CT_HEAD_WRONG_KEY;
    struct ct_bytes first, size, root, empty, line;
    struct ct_tree_head read = { 0 };
    char own_origin[CT_ORIGIN_MAX + 1];
    uint8_t id[KEY_ID_LEN];
    size_t len = 0, own = 0;

    memset(head, 0, sizeof *head);
    if (note.len > CT_CHECKPOINT_MAX_BYTES || !read_line(&r, &first) || !read_line(&r, &size) ||
        !read_line(&r, &root) || !read_line(&r, &empty)) {
        return CT_HEAD_MALFORMED;
    }
    if (origin == NULL && first.len > 0 && first.len < sizeof own_origin) {
        memcpy(own_origin, first.data, first.len);
        own_origin[first.len] = '\0';
        origin = own_origin;
    }
    if (origin == NULL || !ct_bytes_equal(first, (struct ct_bytes){ (const uint8_t *)origin, strlen(origin) })) {
        return first.len == 0 ? CT_HEAD_MALFORMED : CT_HEAD_WRONG_ORIGIN;
    }
    /* No extension lines: static-ct-api */
    if (!read_size(size, &read.size) || empty.len != 0 || r.left == 0 ||
        !ct_base64_read(root, read.root.bytes, sizeof read.root.bytes, &len) || len != CT_HASH_LEN) {
        return CT_HEAD_MALFORMED;
    }
    if (!key_id(origin, log, id)) {
        return CT_HEAD_FAILED;
    }
    for (size_t lines = 0; r.left > 0; lines++) {
        enum ct_head_result one;

        if (lines == CT_NOTE_SIGNATURES_MAX || !read_line(&r, &line)) {
            return CT_HEAD_MALFORMED;
        }
        one = read_signature(line, origin, id, log, check, &read);
        if (one == CT_HEAD_WRONG_KEY) {
            continue;
        }
        if (one == CT_HEAD_OK && ++own > CT_NOTE_OWN_SIGNATURES_MAX) {
            return CT_HEAD_MALFORMED;
        }
        if (one != CT_HEAD_OK) {
            return one; /* also where another one of the log's verifies: c2sp.org/signed-note */
        }
        result = CT_HEAD_OK;
        if (read.timestamp_ms >= head->timestamp_ms) {
            *head = read;
        }
    }
    return result;
}

enum ct_head_result ct_checkpoint_read(struct ct_bytes note, const char *origin, const struct ct_log *log,
                                       struct ct_tree_head *head)
{
    return read_note(note, origin, log, true, head);
}

enum ct_head_result ct_checkpoint_peek(struct ct_bytes note, const char *origin, const struct ct_log *log,
                                       struct ct_tree_head *head)
{
    return read_note(note, origin, log, false, head);
}

static bool read_base64_member(const json_t *root, const char *name, uint8_t *out, size_t room, size_t *len)
{
    const json_t *value = json_object_get(root, name);

    return json_is_string(value) &&
           ct_base64_read((struct ct_bytes){ (const uint8_t *)json_string_value(value), json_string_length(value) },
                          out, room, len);
}

/* The log's signature covers the same bytes in both forms, so this note is as good as one that the log served. */
static char *note_of(const char *origin, const struct ct_log *log, const struct ct_tree_head *head,
                     struct ct_bytes signature)
{
    uint8_t line[KEY_ID_LEN + 8 + SIGNATURE_MAX];
    uint8_t root[4 * ((CT_HASH_LEN + 2) / 3) + 1];
    uint8_t encoded[4 * ((sizeof line + 2) / 3) + 1];
    char *note = NULL;

    if (!key_id(origin, log, line)) {
        return NULL;
    }
    memcpy(ct_write_u64(line + KEY_ID_LEN, head->timestamp_ms), signature.data, signature.len);
    EVP_EncodeBlock(root, head->root.bytes, CT_HASH_LEN);
    EVP_EncodeBlock(encoded, line, (int)(KEY_ID_LEN + 8 + signature.len));
    if (asprintf(&note, "%s\n%llu\n%s\n\n\xe2\x80\x94 %s %s\n", origin, (unsigned long long)head->size, root, origin,
                 encoded) < 0) {
        return NULL;
    }
    return note;
}

enum ct_head_result ct_sth_read(struct ct_bytes json, const char *origin, const struct ct_log *log,
                                struct ct_tree_head *head, char **note)
{
    json_t *root = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    json_int_t size = json_integer_value(json_object_get(root, "tree_size"));
    json_int_t timestamp = json_integer_value(json_object_get(root, "timestamp"));
    enum ct_head_result result = CT_HEAD_MALFORMED;
    uint8_t signature[SIGNATURE_MAX];
    struct ct_tree_head read;
    size_t len = 0;

    memset(head, 0, sizeof *head);
    memset(&read, 0, sizeof read);
    if (json_is_integer(json_object_get(root, "tree_size")) && json_is_integer(json_object_get(root, "timestamp")) &&
        size >= 0 && (uint64_t)size <= CT_TREE_MAX && timestamp >= 0 &&
        read_base64_member(root, "sha256_root_hash", read.root.bytes, sizeof read.root.bytes, &len) &&
        len == CT_HASH_LEN && read_base64_member(root, "tree_head_signature", signature, sizeof signature, &len)) {
        read.size = (uint64_t)size;
        read.timestamp_ms = (uint64_t)timestamp;
        result = verify(log, &read, (struct ct_bytes){ signature, len });
    }
    json_decref(root);
    if (note != NULL) {
        *note = result == CT_HEAD_OK ? note_of(origin, log, &read, (struct ct_bytes){ signature, len }) : NULL;
        result = result == CT_HEAD_OK && *note == NULL ? CT_HEAD_FAILED : result;
    }
    if (result == CT_HEAD_OK) {
        *head = read;
    }
    return result;
}

bool ct_origin_of_url(const char *url, char origin[CT_ORIGIN_MAX + 1])
{
    const char *start = url == NULL ? NULL : strstr(url, "://");
    size_t len;

    if (start == NULL) {
        return false;
    }
    start += strlen("://");
    len = strlen(start);
    while (len > 0 && start[len - 1] == '/') {
        len--;
    }
    if (len == 0 || len > CT_ORIGIN_MAX) {
        return false;
    }
    memcpy(origin, start, len);
    origin[len] = '\0';
    return true;
}
