/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The book: all configured log lists together, immutable once finished, shared by reference. Each list keeps its text,
 * so that it is its own last good, whatever becomes of the others. Files are read by whoever fills the book.
 */
#ifndef CT_BOOK_H
#define CT_BOOK_H

#include <stdatomic.h>

#include "base/file.h"
#include "logs/log_list.h"

/* The text of a log list, shared by the books that have it in force. */
struct ct_list_text {
    atomic_uint references;
    size_t len;
    uint8_t data[];
};

/* A log list in force. */
struct ct_book_list {
    char *path;
    struct ct_list_text *text;
    enum ct_log_list_format format;
    int64_t timestamp_ms; /* log_list_timestamp, or the file's modification time where the list has none */
    bool has_timestamp;
    char *version; /* NULL: none */
    size_t logs;
    uint8_t sha256[32]; /* of the file */
};

/* All log lists together. */
struct ct_log_book {
    atomic_uint references;
    struct ct_log_set logs;     /* each once, whatever number of lists it is in */
    struct ct_log_set nameless; /* entries that do not say which log they are; none of them counts */
    struct ct_book_list *lists;
    size_t list_count;
    int64_t oldest_ms; /* of the lists' timestamps */
    uint8_t sha256[32];
};

/* An empty book with room for that many lists, to be filled and then finished; NULL when memory is short. */
struct ct_log_book *ct_book_new(size_t room) CT_MUST_USE;
/* The list that was read from `path`; NULL when there is none (or no book). */
const struct ct_book_list *ct_book_find(const struct ct_log_book *book, const char *path);
/*
 * Parses a list and puts it into the book. `before` is the same list in the book before this one (NULL: it was not
 * there): its timestamp may not go backwards. False with an error in `problems`; where list_count grew all the same,
 * memory ran out half-way and the book cannot be used.
 */
bool ct_book_add(struct ct_log_book *book, const char *path, const struct ct_file *file,
                 const struct ct_book_list *before, struct ct_problems *problems) CT_MUST_USE;
/* Puts a list of an earlier book into this one, as it was. False with an error in `problems`. */
bool ct_book_add_again(struct ct_log_book *book, const struct ct_book_list *before,
                       struct ct_problems *problems) CT_MUST_USE;
/* Looks at all lists together and makes the digest. False with an error in `problems`. */
bool ct_book_finish(struct ct_log_book *book, struct ct_problems *problems) CT_MUST_USE;
struct ct_log_book *ct_book_retain(struct ct_log_book *book);
void ct_book_release(struct ct_log_book *book); /* NULL is fine */

#endif
