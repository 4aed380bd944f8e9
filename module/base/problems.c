/* SPDX-License-Identifier: Apache-2.0 */
#include "base/problems.h"

#include <openssl/asn1.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Enough for a summary of many logs; a value that is quoted in full must not flood a log. */
#define PROBLEM_TEXT_MAX 8000
/* Words longer than this are never suggestions, which bounds the work. */
#define WORD_MAX_LEN 64

size_t ct_plain_character(struct ct_bytes text)
{
    unsigned long c = 0;
    int len;

    if (text.len > 0 && text.data[0] >= 0x20 && text.data[0] < 0x7f) { /* nearly all are */
        return 1;
    }
    len = UTF8_getc(text.data, text.len > 6 ? 6 : (int)text.len, &c);
    if (len <= 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 0;
    }
    if ((c < 0x20 && c != '\t') || (c >= 0x7f && c <= 0x9f)) {
        return 0;
    }
    /* Bidirectional controls show a line in another order than the one in which it is read (CVE-2021-42574). */
    if (c == 0x200e || c == 0x200f || c == 0x061c || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) {
        return 0;
    }
    return (size_t)len;
}

/* What an operator's file says may end in terminals and logs: nothing but plain characters leaves here. */
static void make_plain(char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        size_t step = ct_plain_character((struct ct_bytes){ (const uint8_t *)text, left });

        if (step == 0) {
            *text = '?';
            step = 1;
        }
        text += step;
        left -= step;
    }
}

void ct_problem_add(struct ct_problems *problems, enum ct_severity severity, const char *file, unsigned line,
                    const char *format, ...)
{
    struct ct_problem problem = { .severity = severity, .line = line };
    char *text = NULL;
    va_list arguments;

    if (severity == CT_WARNING) {
        problems->warnings++;
    } else {
        problems->errors++;
    }
    if (problems->count >= CT_PROBLEMS_MAX) {
        return;
    }
    if (problems->items == NULL) {
        problems->items = calloc(CT_PROBLEMS_MAX, sizeof *problems->items);
        if (problems->items == NULL) {
            return;
        }
    }
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL;
    }
    va_end(arguments);
    if (text != NULL) {
        if (strlen(text) > PROBLEM_TEXT_MAX) {
            memcpy(text + PROBLEM_TEXT_MAX - 3, "...", 4);
        }
        make_plain(text);
    }
    problem.text = text;
    problem.file = strdup(file);
    if (problem.text == NULL || problem.file == NULL) {
        free(problem.text);
        free(problem.file);
        return;
    }
    make_plain(problem.file);
    problems->items[problems->count++] = problem;
}

void ct_problems_clear(struct ct_problems *problems)
{
    if (problems == NULL) {
        return;
    }
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].file);
        free(problems->items[i].text);
    }
    free(problems->items);
    *problems = (struct ct_problems){ 0 };
}

/* Line 0, the file as a whole, comes last: what is missing is often only misspelt further up. */
static bool comes_after(const struct ct_problem *a, const struct ct_problem *b)
{
    return b->line != 0 && (a->line == 0 || a->line > b->line);
}

void ct_problems_sort(struct ct_problems *problems, size_t from)
{
    for (size_t i = from + 1; i < problems->count; i++) {
        struct ct_problem moved = problems->items[i];
        size_t at = i;

        while (at > from && comes_after(&problems->items[at - 1], &moved)) {
            problems->items[at] = problems->items[at - 1];
            at--;
        }
        problems->items[at] = moved;
    }
}

void ct_problems_first(const struct ct_problems *problems, char *out, size_t size)
{
    if (size == 0) {
        return;
    }
    out[0] = '\0';
    for (size_t i = 0; i < problems->count; i++) {
        const struct ct_problem *problem = &problems->items[i];

        if (problem->severity != CT_ERROR) {
            continue;
        }
        if (problem->line != 0) {
            snprintf(out, size, "%s:%u: %s", problem->file, problem->line, problem->text);
        } else {
            snprintf(out, size, "%s: %s", problem->file, problem->text);
        }
        return;
    }
    if (problems->errors > 0) {
        snprintf(out, size, "there are errors, but memory was too short to keep what they are");
    }
}

static unsigned char folded(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (unsigned char)(c - 'A' + 'a');
    }
    return c == '-' ? '_' : (unsigned char)c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * How many characters must be put in, taken out, replaced or swapped with their neighbour to make one word the
 * other; case does not count, nor does - for _. Anything above `limit` is given as limit + 1.
 */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len, size_t limit)
{
    size_t rows[3][WORD_MAX_LEN + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    if (a_len > b_len + limit || b_len > a_len + limit) {
        return limit + 1;
    }
    for (size_t j = 0; j <= b_len; j++) {
        above[j] = j;
        before[j] = 0;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *spare = before;
        size_t best = row[0] = i;

        for (size_t j = 1; j <= b_len; j++) {
            size_t same = folded(a[i - 1]) == folded(b[j - 1]) ? 0 : 1;

            row[j] = least(above[j - 1] + same, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1])) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
            best = least(best, row[j]);
        }
        if (best > limit) {
            return limit + 1;
        }
        before = above;
        above = row;
        row = spare;
    }
    return above[b_len];
}

const char *ct_nearest_word(const char *word, const char *const *words)
{
    const char *nearest = NULL;
    size_t len = strnlen(word, WORD_MAX_LEN + 1);
    size_t limit = len < 3 ? 1 : len / 3 + (len > 4 ? 1 : 0);

    if (len == 0 || len > WORD_MAX_LEN) {
        return NULL;
    }
    for (; *words != NULL; words++) {
        size_t other = strnlen(*words, WORD_MAX_LEN + 1);
        size_t d;

        if (other > WORD_MAX_LEN) {
            continue;
        }
        d = distance(word, len, *words, other, limit);
        /* A word that shares no letter with it is no suggestion. */
        if (d > limit || d >= len || d >= other) {
            continue;
        }
        nearest = *words;
        if (d == 0) {
            break;
        }
        limit = d - 1;
    }
    return nearest;
}
