/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explanation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The copy begins at *at, which moves behind it. */
static const char *copy_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);

    *at += size;
    return copy;
}

void ct_explanation_add(struct ct_explanation *explanation, const char *name, bool met, const char *seen,
                        const char *needed_format, ...)
{
    const struct clientct_condition **grown;
    struct clientct_condition *added;
    char needed[512], *texts;
    va_list args;

    if (explanation == NULL) {
        return;
    }
    va_start(args, needed_format);
    vsnprintf(needed, sizeof needed, needed_format, args);
    va_end(args);

    /* An explanation that memory is too short for is left out: it never changes a decision. */
    grown = realloc(explanation->conditions, (explanation->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return;
    }
    explanation->conditions = grown;
    added = malloc(sizeof *added + strlen(name) + strlen(seen) + strlen(needed) + 3);
    if (added == NULL) {
        return;
    }
    texts = (char *)(added + 1);
    added->name = copy_text(&texts, name);
    added->seen = copy_text(&texts, seen);
    added->needed = copy_text(&texts, needed);
    added->met = met;
    explanation->conditions[explanation->count++] = added;
}

void ct_explanation_clear(struct ct_explanation *explanation)
{
    if (explanation == NULL) {
        return;
    }
    for (size_t i = 0; i < explanation->count; i++) {
        free((void *)explanation->conditions[i]);
    }
    free(explanation->conditions);
    memset(explanation, 0, sizeof *explanation);
}
