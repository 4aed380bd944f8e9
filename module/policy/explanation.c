#include "policy/explanation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ct_explanation_add(struct ct_explanation *explanation, const char *name, bool met, const char *seen,
                        const char *needed_format, ...)
{
    struct clientct_condition *grown;
    struct clientct_condition added = { .met = met };
    char needed[512];
    size_t seen_size, name_size;
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
    /* The name shares the allocation of `seen`, so that whoever frees `seen` and `needed` has freed everything. */
    seen_size = strlen(seen) + 1;
    name_size = strlen(name) + 1;
    added.seen = malloc(seen_size + name_size);
    added.needed = strdup(needed);
    if (added.seen == NULL || added.needed == NULL) {
        free(added.seen);
        free(added.needed);
        return;
    }
    memcpy(added.seen, seen, seen_size);
    memcpy(added.seen + seen_size, name, name_size);
    added.name = added.seen + seen_size;
    explanation->conditions[explanation->count++] = added;
}

void ct_explanation_clear(struct ct_explanation *explanation)
{
    if (explanation == NULL) {
        return;
    }
    for (size_t i = 0; i < explanation->count; i++) {
        free(explanation->conditions[i].seen);
        free(explanation->conditions[i].needed);
    }
    free(explanation->conditions);
    memset(explanation, 0, sizeof *explanation);
}
