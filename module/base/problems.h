/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the files an operator wrote: all of it, not the first of it. */
#ifndef CT_PROBLEMS_H
#define CT_PROBLEMS_H

#include "base/bytes.h"

enum ct_severity {
    CT_ERROR,  /* the file cannot be used */
    CT_WARNING /* legal, but surely not meant */
};

struct ct_problem {
    enum ct_severity severity;
    char *file;    /* as the operator wrote it; never NULL */
    unsigned line; /* from 1; 0: the file as a whole */
    char *text;    /* what was expected, what was found, what to do; one line, no full stop at the end */
};

/* Zero-initialise. At most CT_PROBLEMS_MAX are kept; all are counted, so none can be lost silently. */
#define CT_PROBLEMS_MAX 200
struct ct_problems {
    struct ct_problem *items;
    size_t count;
    size_t errors; /* counted even when the item itself could not be stored */
    size_t warnings;
};

void ct_problem_add(struct ct_problems *problems, enum ct_severity severity, const char *file, unsigned line,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));
void ct_problems_clear(struct ct_problems *problems);
/* Puts the problems from index `from` on, all of one file, into the order of its lines; line 0 comes last. */
void ct_problems_sort(struct ct_problems *problems, size_t from);

/* "file:line: text" of the first error for a one-line message; a fixed text when it could not be stored. */
void ct_problems_first(const struct ct_problems *problems, char *out, size_t size);

/* The entry of `words` (NULL-terminated) nearest to `word`, or NULL when none is near enough to be meant. */
const char *ct_nearest_word(const char *word, const char *const *words);

/*
 * The length of the UTF-8 character that `text` begins with; 0 when it is not one, or is a control character
 * other than tab, or one that makes a line look like another (bidirectional controls, line separators).
 */
size_t ct_plain_character(struct ct_bytes text) CT_MUST_USE;

#endif
