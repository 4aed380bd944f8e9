/*
 * OpenSSL's ct_log_list.cnf (CTLOG_STORE_load_file(3)): `enabled_logs` names sections that have a description and a
 * key. Read by lines and not by NCONF, which knows no line numbers, expands the environment and includes files.
 */
#include <stdlib.h>
#include <string.h>

#include "log_list_internal.h"

struct entry {
    struct ct_bytes name; /* of the section */
    unsigned line;
    struct ct_bytes description; /* data NULL: not there */
    struct ct_bytes key;
    unsigned key_line;
    bool enabled;
};

struct sections {
    struct entry *items;
    size_t count;
    size_t room;
};

struct ini {
    struct ct_list_input *in;
    unsigned line;
    struct sections sections;
    struct ct_bytes enabled; /* data NULL: not there */
    unsigned enabled_line;
};

static struct ct_bytes trim(struct ct_bytes text)
{
    while (text.len > 0 && memchr(" \t\r", text.data[0], 3) != NULL) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && memchr(" \t\r", text.data[text.len - 1], 3) != NULL) {
        text.len--;
    }
    return text;
}

/* Cuts the text before the first `byte` off and returns it; all of it when there is no such byte. */
static struct ct_bytes cut(struct ct_bytes *text, uint8_t byte)
{
    const uint8_t *found = text->len > 0 ? memchr(text->data, byte, text->len) : NULL;
    struct ct_bytes piece = *text;

    if (found == NULL) {
        *text = (struct ct_bytes){ 0 };
        return piece;
    }
    piece.len = (size_t)(found - text->data);
    text->data = found + 1;
    text->len -= piece.len + 1;
    return piece;
}

static bool is(struct ct_bytes text, const char *word)
{
    return ct_bytes_equal(text, ct_bytes_of(word));
}

static bool contains(struct ct_bytes text, const char *word)
{
    return text.len > 0 && memmem(text.data, text.len, word, strlen(word)) != NULL;
}

static void read_section(struct ini *ini, struct ct_bytes line)
{
    struct sections *sections = &ini->sections;
    struct ct_bytes name = { line.data + 1, line.len - 1 };

    if (name.len < 2 || name.data[name.len - 1] != ']') {
        ct_problem_add(ini->in->problems, CT_ERROR, ini->in->file, ini->line, "expected [section], found \"%s\"",
                       ct_shown_of(line).text);
        name.len += name.len == 0; /* still a section of its own, so that its keys do not go to another */
    } else {
        name.len--;
    }
    if (sections->count == sections->room) {
        size_t room = sections->room == 0 ? 16 : sections->room * 2;
        struct entry *items = reallocarray(sections->items, room, sizeof(*items));

        if (items == NULL) {
            ct_problem_add(ini->in->problems, CT_ERROR, ini->in->file, ini->line, "out of memory");
            return;
        }
        sections->items = items;
        sections->room = room;
    }
    sections->items[sections->count++] = (struct entry){ .name = trim(name), .line = ini->line };
}

static void set_once(struct ini *ini, struct ct_bytes *value, struct ct_bytes key, struct ct_bytes to)
{
    if (value->data != NULL) {
        ct_problem_add(ini->in->problems, CT_ERROR, ini->in->file, ini->line, "%s is set twice; remove one",
                       ct_shown_of(key).text);
    }
    *value = to;
}

static void read_pair(struct ini *ini, struct ct_bytes line)
{
    struct entry *entry = ini->sections.count > 0 ? &ini->sections.items[ini->sections.count - 1] : NULL;
    struct ct_bytes rest = line;
    struct ct_bytes key = trim(cut(&rest, '='));
    struct ct_bytes value = trim(rest);

    if (rest.data == NULL || key.len == 0) {
        ct_problem_add(ini->in->problems, CT_ERROR, ini->in->file, ini->line,
                       "expected [section] or key = value, found \"%s\"", ct_shown_of(line).text);
    } else if (key.data[0] == '.' || contains(key, "::") || contains(value, "$") || contains(value, "\\")) {
        /* OpenSSL would include a file, write into another section, expand or unescape: we would read another list. */
        ct_problem_add(ini->in->problems, CT_ERROR, ini->in->file, ini->line,
                       ".include, .pragma, ::, $ and backslashes are not read here; write the value out");
    } else if (entry == NULL && is(key, "enabled_logs")) {
        set_once(ini, &ini->enabled, key, value);
        ini->enabled_line = ini->line;
    } else if (entry != NULL && is(key, "description")) {
        set_once(ini, &entry->description, key, value);
    } else if (entry != NULL && is(key, "key")) {
        set_once(ini, &entry->key, key, value);
        entry->key_line = ini->line;
    }
}

static void read_lines(struct ini *ini)
{
    struct ct_bytes text = ini->in->text;

    while (text.len > 0) {
        struct ct_bytes line = cut(&text, '\n');

        ini->line++;
        for (size_t i = 0; i < line.len; i++) {
            if (line.data[i] == '\t' || line.data[i] == '\r') {
                continue;
            }
            if (line.data[i] < 0x20) {
                ct_problem_add(ini->in->problems, CT_ERROR, ini->in->file, ini->line,
                               "expected text, found a control character");
                return;
            }
        }
        line = trim(cut(&line, '#')); /* as in OpenSSL, a comment may follow a value */
        if (line.len == 0) {
            continue;
        }
        if (line.data[0] == '[') {
            read_section(ini, line);
        } else {
            read_pair(ini, line);
        }
    }
}

static int compare_names(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    int order = memcmp(x->name.data, y->name.data, x->name.len < y->name.len ? x->name.len : y->name.len);

    if (order != 0) {
        return order;
    }
    return (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

static void read_entry(struct ct_list_input *in, const struct entry *entry)
{
    size_t errors_before = in->problems->errors;
    struct ct_log log = ct_list_new_log();
    struct ct_shown name = ct_shown_of(entry->name);

    if (entry->description.len == 0 || entry->description.len > CT_LOG_LIST_MAX_TEXT ||
        !ct_text_is_printable(entry->description)) {
        ct_problem_add(in->problems, CT_ERROR, in->file, entry->line,
                       "[%s]: expected description = text of at most 1000 bytes in UTF-8", name.text);
    } else {
        ct_list_copy(in, &log.description, entry->description);
    }
    if (entry->key.data == NULL) {
        ct_problem_add(in->problems, CT_ERROR, in->file, entry->line, "[%s]: expected key = base64, found none",
                       name.text);
    } else {
        ct_list_set_key(in, entry->key_line, "key", &log, entry->key);
    }
    ct_list_add(in, entry->line, "", &log, errors_before);
}

static void read_enabled(struct ini *ini)
{
    struct ct_list_input *in = ini->in;
    struct sections *sections = &ini->sections;
    struct ct_bytes left = ini->enabled;

    while (left.data != NULL) {
        struct entry wanted = { .name = trim(cut(&left, ',')) };
        struct entry *entry = NULL;

        if (sections->count > 0 && wanted.name.len > 0) {
            entry = bsearch(&wanted, sections->items, sections->count, sizeof(*sections->items), compare_names);
        }
        if (entry == NULL) {
            ct_problem_add(in->problems, CT_ERROR, in->file, ini->enabled_line,
                           "enabled_logs: expected names of sections, found \"%s\", which is none",
                           ct_shown_of(wanted.name).text);
        } else if (entry->enabled) {
            ct_problem_add(in->problems, CT_ERROR, in->file, ini->enabled_line,
                           "enabled_logs: \"%s\" stands there twice; remove one", ct_shown_of(wanted.name).text);
        } else {
            entry->enabled = true;
            read_entry(in, entry);
        }
    }
}

void ct_list_read_openssl(struct ct_list_input *in)
{
    struct ini ini = { .in = in };
    struct sections *sections = &ini.sections;

    read_lines(&ini);
    if (sections->count > 1) {
        qsort(sections->items, sections->count, sizeof(*sections->items), compare_names);
    }
    for (size_t i = 1; i < sections->count; i++) {
        const struct entry *one = &sections->items[i - 1];
        const struct entry *other = &sections->items[i];

        if (compare_names(one, other) == 0) {
            ct_problem_add(in->problems, CT_ERROR, in->file, one->line > other->line ? one->line : other->line,
                           "[%s] stands there twice, also in line %u; remove one", ct_shown_of(one->name).text,
                           one->line < other->line ? one->line : other->line);
        }
    }
    if (ini.enabled.data == NULL) {
        ct_problem_add(in->problems, CT_ERROR, in->file, 0,
                       "expected enabled_logs = NAME, ... before the first section; a log counts when it is named there");
    } else {
        read_enabled(&ini);
    }
    free(sections->items);
}
