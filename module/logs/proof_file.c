/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/proof_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

#define FIRST_LINE "c2sp.org/tlog-proof@v1"
#define HASH_LINE 44 /* base64 of a hash */

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

static bool begins_with(struct ct_bytes line, const char *word)
{
    return line.len > strlen(word) && memcmp(line.data, word, strlen(word)) == 0;
}

static bool read_index(struct ct_bytes line, uint64_t *index)
{
    struct ct_bytes digits = { line.data + strlen("index "), line.len - strlen("index ") };

    *index = 0;
    if (digits.len > 19 || (digits.len > 1 && digits.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        *index = *index * 10 + (uint64_t)(digits.data[i] - '0');
    }
    return *index < CT_TREE_MAX;
}

/* Where a proof begins at a line's start; the end of the file when none does. */
static size_t begin_of_next(struct ct_bytes text, size_t from)
{
    static const char begin[] = "\n" FIRST_LINE "\n";
    const uint8_t *found;

    if (from == 0 && text.len >= sizeof begin - 2 && memcmp(text.data, begin + 1, sizeof begin - 2) == 0) {
        return 0;
    }
    found = text.len <= from ? NULL : memmem(text.data + from, text.len - from, begin, sizeof begin - 1);
    return found == NULL ? text.len : (size_t)(found - text.data) + 1;
}

bool ct_proof_file_next(struct ct_reader *file, struct ct_bytes *text)
{
    struct ct_bytes rest = { file->at, file->left };
    size_t begin = begin_of_next(rest, 0);
    size_t end = begin == rest.len ? rest.len : begin_of_next(rest, begin + 1);

    (void)ct_read_bytes(file, begin);
    *text = ct_read_bytes(file, end - begin);
    return text->len > 0;
}

bool ct_proof_file_read(struct ct_bytes text, struct ct_proof_file *file)
{
    struct ct_reader r = ct_reader_of(text);
    struct ct_bytes line;
    size_t len = 0;

    memset(file, 0, sizeof *file);
    if (text.len > CT_PROOF_FILE_MAX_BYTES || !read_line(&r, &line) ||
        !ct_bytes_equal(line, (struct ct_bytes){ (const uint8_t *)FIRST_LINE, strlen(FIRST_LINE) }) ||
        !read_line(&r, &line)) {
        return false;
    }
    if (begins_with(line, "extra ") && !read_line(&r, &line)) {
        return false;
    }
    if (!begins_with(line, "index ") || !read_index(line, &file->index)) {
        return false;
    }
    while (read_line(&r, &line) && line.len > 0) {
        if (file->proof.count == CT_PROOF_MAX ||
            !ct_base64_read(line, file->proof.hashes[file->proof.count++].bytes, CT_HASH_LEN, &len) ||
            len != CT_HASH_LEN) {
            return false;
        }
    }
    file->checkpoint = (struct ct_bytes){ r.at, r.left };
    return line.len == 0 && r.left > 0;
}

char *ct_proof_file_write(const struct ct_proof_file *file, size_t *len)
{
    size_t room = sizeof FIRST_LINE + 32 + file->proof.count * (HASH_LINE + 1) + 2 + file->checkpoint.len;
    char *text = malloc(room);
    size_t at;

    *len = 0;
    if (text == NULL) {
        return NULL;
    }
    at = (size_t)snprintf(text, room, FIRST_LINE "\nindex %llu\n", (unsigned long long)file->index);
    for (size_t i = 0; i < file->proof.count; i++) {
        at += (size_t)EVP_EncodeBlock((uint8_t *)text + at, file->proof.hashes[i].bytes, CT_HASH_LEN);
        text[at++] = '\n';
    }
    text[at++] = '\n';
    memcpy(text + at, file->checkpoint.data, file->checkpoint.len);
    at += file->checkpoint.len;
    text[at] = '\0';
    *len = at;
    return text;
}
