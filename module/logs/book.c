/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/book.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "logs/duplicates.h"

static struct ct_list_text *list_text_new(const struct ct_file *file)
{
    struct ct_list_text *text = malloc(sizeof *text + file->len);

    if (text != NULL) {
        atomic_init(&text->references, 1);
        text->len = file->len;
        memcpy(text->data, file->data, file->len);
    }
    return text;
}

static struct ct_list_text *list_text_retain(struct ct_list_text *text)
{
    atomic_fetch_add_explicit(&text->references, 1, memory_order_relaxed);
    return text;
}

static void list_text_release(struct ct_list_text *text)
{
    if (text != NULL && atomic_fetch_sub(&text->references, 1) == 1) {
        free(text);
    }
}

struct ct_log_book *ct_book_new(size_t room)
{
    struct ct_log_book *book = calloc(1, sizeof *book);

    if (book == NULL) {
        return NULL;
    }
    atomic_init(&book->references, 1);
    book->oldest_ms = INT64_MAX;
    book->lists = calloc(room + 1, sizeof *book->lists);
    if (book->lists == NULL) {
        free(book);
        return NULL;
    }
    return book;
}

struct ct_log_book *ct_book_retain(struct ct_log_book *book)
{
    atomic_fetch_add_explicit(&book->references, 1, memory_order_relaxed);
    return book;
}

void ct_book_release(struct ct_log_book *book)
{
    if (book == NULL || atomic_fetch_sub(&book->references, 1) != 1) {
        return;
    }
    ct_log_set_clear(&book->logs);
    ct_log_set_clear(&book->nameless);
    for (size_t i = 0; i < book->list_count; i++) {
        free(book->lists[i].path);
        free(book->lists[i].version);
        list_text_release(book->lists[i].text);
    }
    free(book->lists);
    free(book);
}

const struct ct_book_list *ct_book_find(const struct ct_log_book *book, const char *path)
{
    for (size_t i = 0; book != NULL && i < book->list_count; i++) {
        if (strcmp(book->lists[i].path, path) == 0) {
            return &book->lists[i];
        }
    }
    return NULL;
}

/* Puts a parsed list into the book: its logs are moved into the common set. */
static bool take(struct ct_log_book *book, const char *path, struct ct_log_list *list, struct ct_list_text *text,
                 int64_t timestamp_ms, bool has_timestamp, const uint8_t sha256[32])
{
    struct ct_book_list *entry = &book->lists[book->list_count];
    bool ok;

    entry->has_timestamp = has_timestamp;
    entry->timestamp_ms = timestamp_ms;
    entry->format = list->format;
    entry->logs = list->logs.count + list->nameless.count;
    memcpy(entry->sha256, sha256, sizeof entry->sha256);
    entry->text = text;
    ok = (entry->path = strdup(path)) != NULL && text != NULL;
    entry->version = list->version;
    list->version = NULL;
    book->list_count++;
    for (size_t i = 0; i < list->logs.count && ok; i++) {
        ok = ct_log_set_add(&book->logs, &list->logs.logs[i]);
    }
    for (size_t i = 0; i < list->nameless.count && ok; i++) {
        ok = ct_log_set_add(&book->nameless, &list->nameless.logs[i]);
    }
    if (timestamp_ms < book->oldest_ms) {
        book->oldest_ms = timestamp_ms;
    }
    return ok;
}

bool ct_book_add(struct ct_log_book *book, const char *path, const struct ct_file *file,
                 const struct ct_book_list *before, struct ct_problems *problems)
{
    struct ct_log_list list = { 0 };
    bool has_timestamp;
    int64_t timestamp_ms;
    bool ok = false;

    if (!ct_log_list_parse(path, (struct ct_bytes){ file->data, file->len }, &list, problems)) {
        goto out;
    }
    has_timestamp = list.timestamp_ms != INT64_MIN;
    timestamp_ms = has_timestamp ? list.timestamp_ms : file->stamp.mtime_ns / 1000000;
    if (before != NULL && before->has_timestamp && (!has_timestamp || timestamp_ms < before->timestamp_ms)) {
        char old[32];

        ct_time_format(before->timestamp_ms, old, sizeof old);
        ct_problem_add(problems, CT_ERROR, path, 0,
                       "log_list_timestamp goes backwards: the list in "
                       "force is of %s; restart the server if this is meant",
                       old);
        goto out;
    }
    ok = take(book, path, &list, list_text_new(file), timestamp_ms, has_timestamp, file->sha256);
    if (!ok) {
        ct_problem_add(problems, CT_ERROR, path, 0, "out of memory");
    }
out:
    ct_log_list_clear(&list);
    return ok;
}

bool ct_book_add_again(struct ct_log_book *book, const struct ct_book_list *before, struct ct_problems *problems)
{
    struct ct_problems said_before = { 0 };
    struct ct_log_list list = { 0 };
    bool ok = ct_log_list_parse(before->path, (struct ct_bytes){ before->text->data, before->text->len }, &list,
                                &said_before);

    ok = ok && take(book, before->path, &list, list_text_retain(before->text), before->timestamp_ms,
                    before->has_timestamp, before->sha256);
    if (!ok) {
        ct_problem_add(problems, CT_ERROR, before->path, 0, "out of memory");
    }
    ct_problems_clear(&said_before);
    ct_log_list_clear(&list);
    return ok;
}

bool ct_book_finish(struct ct_log_book *book, struct ct_problems *problems)
{
    EVP_MD_CTX *md = NULL;
    bool ok = false;

    if (!ct_logs_join(&book->logs, problems)) {
        ct_problem_add(problems, CT_ERROR, book->list_count > 0 ? book->lists[0].path : "log_list", 0, "out of memory");
        return false;
    }
    md = EVP_MD_CTX_new();
    ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; ok && i < book->list_count; i++) {
        ok = EVP_DigestUpdate(md, book->lists[i].sha256, sizeof book->lists[i].sha256) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(md, book->sha256, NULL) == 1;
    EVP_MD_CTX_free(md);
    if (!ok) {
        ct_problem_add(problems, CT_ERROR, book->list_count > 0 ? book->lists[0].path : "log_list", 0,
                       "the digest of the lists cannot be computed (out of memory, or no digest available)");
    }
    return ok;
}
