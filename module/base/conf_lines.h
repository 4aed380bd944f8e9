/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict line reader of clientct.cnf: `[section]`, `name = value`, `#` comments at the start of a line or
 * after white space. What libcrypto's NCONF would expand, include, inherit or quietly override is an error here.
 * What the names and values mean is not looked at.
 */
#ifndef CT_CONF_LINES_H
#define CT_CONF_LINES_H

#include "base/problems.h"

#define CT_CONF_MAX_BYTES (1024u * 1024)
#define CT_CONF_MAX_LINE 4096u
#define CT_CONF_MAX_NAME 64u
#define CT_CONF_NONE SIZE_MAX

struct ct_conf_line {
    unsigned line; /* from 1 */
    bool unusable; /* an error was reported for the value: it counts as given, and is not to be read */
    const char *name;
    const char *value; /* without white space around it; never empty */
    size_t next;       /* the next line of the same section; CT_CONF_NONE: none */
};

struct ct_conf_section {
    const char *name; /* "" for the lines before the first header */
    unsigned line;    /* of the header; 0 for the lines before the first */
    size_t first;     /* CT_CONF_NONE: empty */
    size_t last;
};

/* Strings belong to the struct. sections[0] is what stands before the first header. */
struct ct_conf {
    char *text;
    struct ct_conf_section *sections;
    size_t section_count;
    struct ct_conf_line *lines;
    size_t line_count;
    size_t *by_name; /* indices of the named sections, sorted by name; one index a name */
    size_t name_count;
};

/*
 * Splits the text into lines. Every line that cannot be read is reported, and the rest is still there to be
 * checked; a repeated section is an error, and its lines are appended to the first section of that name. False
 * when there was an error. Clear *conf in either case.
 */
bool ct_conf_read(const char *file, struct ct_bytes text, struct ct_conf *conf,
                  struct ct_problems *problems) CT_MUST_USE;
/* The index of the section of that name, never 0; CT_CONF_NONE when there is none. */
size_t ct_conf_find(const struct ct_conf *conf, const char *name);
void ct_conf_clear(struct ct_conf *conf);

#endif
