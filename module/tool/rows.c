/* SPDX-License-Identifier: Apache-2.0 */
/* JSON with long arrays, whose elements are made by several threads, some thousand at a time. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

#define PART 1024u /* elements that a thread makes at a time */
#define INDENT 4
#define BEFORE ",\n    " /* each element */

struct part {
    pthread_t thread;
    const struct tool_json_rows *list;
    size_t from, until;
    char *text;
    size_t len;
};

static void *make_part(void *arg)
{
    struct part *part = arg;
    FILE *to = open_memstream(&part->text, &part->len);

    if (to == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = part->from; i < part->until; i++) {
        json_t *row = part->list->make(part->list->arg, i);

        if (row != NULL) {
            fputs(BEFORE, to);
            tool_json_put(row, INDENT, 0, to);
        }
    }
    if (fclose(to) != 0) {
        tool_out_of_memory();
    }
    return NULL;
}

/* The last one is this thread's. */
static void make_parts(struct part *parts, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++) {
        if (pthread_create(&parts[i].thread, NULL, make_part, &parts[i]) != 0) {
            tool_out_of_memory();
        }
    }
    make_part(&parts[count - 1]);
    for (size_t i = 0; i + 1 < count; i++) {
        pthread_join(parts[i].thread, NULL);
    }
}

static void put_list(const struct tool_json_rows *list, struct part *parts, unsigned threads)
{
    bool any = false;
    size_t at = 0;

    printf(",\n  \"%s\": [", list->key);
    while (at < list->count) {
        size_t count = 0;

        for (; at < list->count && count < threads; count++) {
            size_t until = list->count - at > PART ? at + PART : list->count;

            parts[count] = (struct part){ .list = list, .from = at, .until = until };
            at = until;
        }
        make_parts(parts, count);
        for (size_t i = 0; i < count; i++) {
            size_t comma = !any && parts[i].len > 0;

            fwrite(parts[i].text + comma, 1, parts[i].len - comma, stdout);
            any = any || parts[i].len > 0;
            free(parts[i].text);
        }
    }
    fputs(any ? "\n  ]" : "]", stdout);
}

void tool_json_print_long(json_t *object, const struct tool_json_rows *lists, size_t count, unsigned threads)
{
    struct part *parts = calloc(threads, sizeof *parts);

    if (parts == NULL) {
        tool_out_of_memory();
    }
    tool_json_put(object, 0, strlen("\n}"), stdout);
    for (size_t i = 0; i < count; i++) {
        put_list(&lists[i], parts, threads);
    }
    fputs("\n}\n", stdout);
    free(parts);
}
