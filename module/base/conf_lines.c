/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf_lines.h"

#include <stdlib.h>
#include <string.h>

struct line_reader {
    const char *file;
    struct ct_conf *conf;
    struct ct_problems *problems;
    size_t line_room, section_room;
    size_t section; /* the one that lines go to; CT_CONF_NONE after a header that cannot be read */
    unsigned line;
    bool out_of_memory;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
}

/* Takes white space off both ends, in place. */
static char *trimmed(char *text)
{
    size_t len;

    while (is_space(*text)) {
        text++;
    }
    len = strlen(text);
    while (len > 0 && is_space(text[len - 1])) {
        len--;
    }
    text[len] = '\0';
    return text;
}

static void cut_comment(char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] == '#' && (i == 0 || is_space(text[i - 1]))) {
            text[i] = '\0';
            return;
        }
    }
}

/* Room for one more item; false, and the reader is out of memory, when there is none. */
static bool make_room(struct line_reader *reader, void **items, size_t count, size_t *room, size_t size)
{
    size_t more = *room == 0 ? 64 : *room * 2;
    void *grown;

    if (count < *room) {
        return true;
    }
    grown = reallocarray(*items, more, size);
    if (grown == NULL) {
        reader->out_of_memory = true;
        return false;
    }
    *items = grown;
    *room = more;
    return true;
}

static void add_section(struct line_reader *reader, const char *name)
{
    struct ct_conf *conf = reader->conf;
    void *items = conf->sections;

    reader->section = CT_CONF_NONE;
    if (!make_room(reader, &items, conf->section_count, &reader->section_room, sizeof *conf->sections)) {
        return;
    }
    conf->sections = items;
    conf->sections[conf->section_count] =
        (struct ct_conf_section){ .name = name, .line = reader->line, .first = CT_CONF_NONE, .last = CT_CONF_NONE };
    reader->section = conf->section_count++;
}

static void add_line(struct line_reader *reader, const char *name, const char *value, bool unusable)
{
    struct ct_conf *conf = reader->conf;
    struct ct_conf_section *section;
    void *items = conf->lines;
    size_t index = conf->line_count;

    if (reader->section == CT_CONF_NONE || !make_room(reader, &items, index, &reader->line_room, sizeof *conf->lines)) {
        return;
    }
    conf->lines = items;
    conf->lines[index] = (struct ct_conf_line){
        .line = reader->line, .unusable = unusable, .name = name, .value = value, .next = CT_CONF_NONE
    };
    conf->line_count++;
    section = &conf->sections[reader->section];
    if (section->first == CT_CONF_NONE) {
        section->first = index;
    } else {
        conf->lines[section->last].next = index;
    }
    section->last = index;
}

/* Says what is wrong with the name of a setting or a section, if anything is. */
static bool check_name(struct line_reader *reader, const char *what, const char *name)
{
    size_t len = 0;

    while (is_name_character(name[len])) {
        len++;
    }
    if (strstr(name, "::") != NULL) {
        ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line,
                       "`::` in `%.100s`: a setting is written under its own section header here", name);
        return false;
    }
    if (name[0] == '\0') {
        ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line, "the name of the %s is missing", what);
        return false;
    }
    if (name[len] != '\0') {
        ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line,
                       "the name of a %s is made of letters, digits, `_`, `-` and `.`; found `%.100s`", what, name);
        return false;
    }
    if (len > CT_CONF_MAX_NAME) {
        ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line,
                       "the name of a %s has at most %u characters; found %zu", what, CT_CONF_MAX_NAME, len);
        return false;
    }
    return true;
}

static void read_header(struct line_reader *reader, char *text)
{
    char *end = strchr(text, ']');
    char *name;

    reader->section = CT_CONF_NONE;
    if (end == NULL) {
        ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line,
                       "the section header `%.100s` has no closing `]`", text);
        return;
    }
    if (end[1] != '\0') {
        ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line,
                       "found `%.100s` behind a section header, where only a comment may stand", trimmed(end + 1));
        return;
    }
    *end = '\0';
    name = trimmed(text + 1);
    if (check_name(reader, "section", name)) {
        add_section(reader, name);
    }
}

static void read_setting(struct line_reader *reader, char *text)
{
    char *equals = strchr(text, '=');
    char *name, *value;
    bool unusable = false;

    if (equals == NULL) {
        ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line,
                       text[0] == ';' || text[0] == '/'
                           ? "expected `name = value`, found `%.100s`; a comment begins with `#`"
                           : "expected `name = value`, found `%.100s`",
                       text);
        return;
    }
    *equals = '\0';
    name = trimmed(text);
    value = trimmed(equals + 1);
    if (!check_name(reader, "setting", name)) {
        return;
    }
    if (value[0] == '\0') {
        ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line,
                       "`%s` has no value; leave the line out to get the default", name);
        unusable = true;
    } else if (strchr(value, '\\') != NULL) {
        ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line,
                       "a backslash in `%s`: nothing is escaped and no line is continued here", name);
        unusable = true;
    } else if (strchr(value, '$') != NULL) {
        ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line,
                       "`$` in `%s`: variables and the environment are not expanded here; write the value itself",
                       name);
        unusable = true;
    }
    add_line(reader, name, value, unusable);
}

/* Which section a broken header would have begun is unknown: what follows must not go to the one before it. */
static void leave_out(struct line_reader *reader, const char *text)
{
    while (is_space(*text)) {
        text++;
    }
    if (*text == '[') {
        reader->section = CT_CONF_NONE;
    }
}

/* One line without its line feed; a NUL stands behind it. */
static void read_line(struct line_reader *reader, char *text, size_t len)
{
    if (len > CT_CONF_MAX_LINE) {
        ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line,
                       "a line has at most %u bytes; this one has %zu", CT_CONF_MAX_LINE, len);
        leave_out(reader, text);
        return;
    }
    for (size_t at = 0; at < len;) {
        size_t step = ct_plain_character((struct ct_bytes){ (const uint8_t *)text + at, len - at });

        if (step == 0) {
            ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line,
                           "byte 0x%02x in column %zu is not part of plain UTF-8 text",
                           (unsigned)(unsigned char)text[at], at + 1);
            leave_out(reader, text);
            return;
        }
        at += step;
    }
    cut_comment(text);
    text = trimmed(text);
    if (text[0] == '\0') {
        return;
    }
    if (text[0] == '[') {
        read_header(reader, text);
    } else if (text[0] == '.') {
        ct_problem_add(reader->problems, CT_ERROR, reader->file, reader->line,
                       "`%.100s`: there are no directives here; nothing is included, everything stands in this file",
                       text);
    } else {
        read_setting(reader, text);
    }
}

struct named {
    const char *name;
    size_t section;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : (x->section > y->section) - (x->section < y->section);
}

static void append_section(struct ct_conf *conf, struct ct_conf_section *to, struct ct_conf_section *from)
{
    if (from->first == CT_CONF_NONE) {
        return;
    }
    if (to->first == CT_CONF_NONE) {
        to->first = from->first;
    } else {
        conf->lines[to->last].next = from->first;
    }
    to->last = from->last;
    from->first = from->last = CT_CONF_NONE;
}

/* Sorted, so that finding repeated sections takes no quadratic time in a file that is nothing but headers. */
static bool index_sections(struct line_reader *reader)
{
    struct ct_conf *conf = reader->conf;
    size_t count = conf->section_count - 1;
    struct named *named = calloc(count + 1, sizeof *named);
    bool ok = false;

    conf->by_name = calloc(count + 1, sizeof *conf->by_name);
    if (named == NULL || conf->by_name == NULL) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        named[i] = (struct named){ conf->sections[i + 1].name, i + 1 };
    }
    qsort(named, count, sizeof *named, compare_named);
    for (size_t i = 0; i < count; i++) {
        struct ct_conf_section *section = &conf->sections[named[i].section];
        struct ct_conf_section *first;

        if (i == 0 || strcmp(named[i].name, named[i - 1].name) != 0) {
            conf->by_name[conf->name_count++] = named[i].section;
            continue;
        }
        first = &conf->sections[conf->by_name[conf->name_count - 1]];
        ct_problem_add(reader->problems, CT_ERROR, reader->file, section->line,
                       "section [%s] was begun on line %u already; keep all its settings together", section->name,
                       first->line);
        append_section(conf, first, section);
    }
    ok = true;

out:
    free(named);
    return ok;
}

bool ct_conf_read(const char *file, struct ct_bytes text, struct ct_conf *conf, struct ct_problems *problems)
{
    struct line_reader reader = { .file = file, .conf = conf, .problems = problems };
    size_t errors = problems->errors;
    char *at, *end;

    *conf = (struct ct_conf){ 0 };
    if (text.len > CT_CONF_MAX_BYTES) {
        ct_problem_add(problems, CT_ERROR, file, 0, "the file has %zu bytes; at most %u are read", text.len,
                       CT_CONF_MAX_BYTES);
        return false;
    }
    conf->text = malloc(text.len + 1);
    if (conf->text == NULL) {
        reader.out_of_memory = true;
        goto out;
    }
    if (text.len > 0) {
        memcpy(conf->text, text.data, text.len);
    }
    at = conf->text;
    end = conf->text + text.len;
    *end = '\0';
    add_section(&reader, "");
    if (text.len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) {
        ct_problem_add(problems, CT_ERROR, file, 1,
                       "the file begins with a byte-order mark; save it as UTF-8 without one");
        at += 3;
    }
    while (at < end && !reader.out_of_memory) {
        char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t len;

        if (line_end == NULL) {
            line_end = end;
        }
        len = (size_t)(line_end - at);
        reader.line++;
        /* Editors on other systems end lines with CR LF; one CR there changes no meaning, elsewhere it is an error. */
        if (len > 0 && at[len - 1] == '\r') {
            len--;
        }
        at[len] = '\0';
        read_line(&reader, at, len);
        at = line_end + 1;
    }

out:
    if (reader.out_of_memory || !index_sections(&reader)) {
        ct_problem_add(problems, CT_ERROR, file, 0, "memory is short");
    }
    return problems->errors == errors;
}

size_t ct_conf_find(const struct ct_conf *conf, const char *name)
{
    size_t low = 0, high = conf->name_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(conf->sections[conf->by_name[middle]].name, name);

        if (order == 0) {
            return conf->by_name[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return CT_CONF_NONE;
}

void ct_conf_clear(struct ct_conf *conf)
{
    if (conf == NULL) {
        return;
    }
    free(conf->text);
    free(conf->sections);
    free(conf->lines);
    free(conf->by_name);
    *conf = (struct ct_conf){ 0 };
}
