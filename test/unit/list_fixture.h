/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing one list in a test, and asking what was said about it. */
#ifndef CT_TEST_LIST_FIXTURE_H
#define CT_TEST_LIST_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "logs/log_list.h"
#include "unit.h"

struct parsed {
    struct ct_log_list list;
    struct ct_problems problems;
    bool ok;
};

static inline struct parsed parse_bytes(struct ct_bytes text)
{
    struct parsed p = { 0 };

    p.ok = ct_log_list_parse("list", text, &p.list, &p.problems);
    return p;
}

static inline struct parsed parse(const char *text)
{
    return parse_bytes((struct ct_bytes){ (const uint8_t *)text, strlen(text) });
}

static inline void parsed_clear(struct parsed *p)
{
    ct_log_list_clear(&p->list);
    ct_problems_clear(&p->problems);
}

/* Whether a problem of that severity contains the words. */
static inline bool said(const struct parsed *p, enum ct_severity severity, const char *words)
{
    for (size_t i = 0; i < p->problems.count; i++) {
        if (p->problems.items[i].severity == severity && strstr(p->problems.items[i].text, words) != NULL) {
            return true;
        }
    }
    return false;
}

static inline const char *first_problem(const struct parsed *p)
{
    return p->problems.count > 0 ? p->problems.items[0].text : "no problem";
}

static inline const struct ct_log *log_named(const struct parsed *p, const char *description)
{
    for (size_t i = 0; i < p->list.logs.count; i++) {
        if (strcmp(p->list.logs.logs[i].description, description) == 0) {
            return &p->list.logs.logs[i];
        }
    }
    ck_abort_msg("no log %s: %s", description, first_problem(p));
    return NULL;
}

/* A list that cannot be used is refused for the stated reason and leaves nothing behind. */
static inline void assert_refused(const char *name, const char *text, const char *words)
{
    struct parsed p = parse(text);

    ck_assert_msg(!p.ok, "%s: accepted", name);
    ck_assert_msg(p.problems.errors > 0, "%s: refused without an error", name);
    ck_assert_msg(p.list.logs.count == 0 && p.list.logs.logs == NULL, "%s: logs are left", name);
    ck_assert_msg(said(&p, CT_ERROR, words), "%s: expected \"%s\", found \"%s\"", name, words, first_problem(&p));
    parsed_clear(&p);
}

static inline void assert_accepted(const char *name, const char *text, size_t logs)
{
    struct parsed p = parse(text);

    ck_assert_msg(p.ok, "%s: %s", name, first_problem(&p));
    ck_assert_msg(p.list.logs.count == logs, "%s: %zu logs", name, p.list.logs.count);
    parsed_clear(&p);
}

static inline size_t counting(const struct parsed *p)
{
    size_t count = 0;

    for (size_t i = 0; i < p->list.logs.count; i++) {
        count += p->list.logs.logs[i].unusable == NULL;
    }
    return count;
}

/* The list stays; so many of its logs count, and the warning says what is left out. */
static inline void assert_left_out(const char *name, const char *text, size_t logs, const char *words)
{
    struct parsed p = parse(text);

    ck_assert_msg(p.ok, "%s: %s", name, first_problem(&p));
    ck_assert_msg(counting(&p) == logs, "%s: %zu logs count", name, counting(&p));
    ck_assert_msg(said(&p, CT_WARNING, words), "%s: expected \"%s\", found \"%s\"", name, words, first_problem(&p));
    parsed_clear(&p);
}

/* A file of the shared vectors; skips the rest of the test when there are none. */
static inline bool read_vector(const char *name, char **text)
{
    const char *directory = getenv("CLIENTCT_SHARED_VECTORS");
    char path[4096];
    FILE *file = NULL;
    size_t len;

    if (directory == NULL) {
        return false;
    }
    snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    *text = calloc(1, 1 << 20);
    ck_assert_ptr_nonnull(*text);
    len = fread(*text, 1, (1 << 20) - 1, file);
    ck_assert(len > 0 && len < (1 << 20) - 1);
    fclose(file);
    return true;
}

static inline Suite *suite_of(const char *name, const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < count; i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

#endif
