/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's ct_log_list.cnf (CTLOG_STORE_load_file(3)): `enabled_logs` names sections that have a description and a
 * key. The file is in OpenSSL's own format, so OpenSSL's own reader, NCONF, takes it apart. Before it sees the text,
 * what would make it read something else (files, the environment) is refused; and because it lets the last of two equal
 * names win and knows no lines, the lines are noted here, so that every remark says where.
 */
#include <openssl/conf.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "logs/readers.h"

/* NCONF looks through the whole section for each name that is set again. */
#define REPEATS_MAX 100
/* NCONF reads lines in pieces of 511 bytes, and may drop a backslash at the end of a piece. */
#define PIECE 500u

/* A line that sets a name. The spans lie in the list's text. */
struct assignment {
    struct ct_bytes section, name;
    unsigned line;
};

struct notes {
    struct assignment *items;
    size_t count, room;
    struct ct_bytes section; /* of the lines that come */
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static struct ct_bytes trimmed(struct ct_bytes text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

static struct ct_bytes until(struct ct_bytes text, uint8_t c)
{
    const uint8_t *end = text.len == 0 ? NULL : memchr(text.data, c, text.len);

    return (struct ct_bytes){ text.data, end == NULL ? text.len : (size_t)(end - text.data) };
}

static struct ct_bytes text_of(const char *text)
{
    return (struct ct_bytes){ (const uint8_t *)text, strlen(text) };
}

/* --- what NCONF must not see --- */

/* Whether the word stands in the line, however backslashes are strewn over it. */
static bool has_word(struct ct_bytes line, const char *word)
{
    size_t matched = 0;

    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] == '\\' || line.data[i] == '\n' || line.data[i] == '\r') {
            continue;
        }
        /* The words begin with a dot and have no other. */
        matched = line.data[i] == (uint8_t)word[matched] ? matched + 1 : line.data[i] == (uint8_t)word[0] ? 1 : 0;
        if (word[matched] == '\0') {
            return true;
        }
    }
    return false;
}

/* Whether a $ stands there that NCONF would take for the beginning of a variable's name. */
static bool has_variable(struct ct_bytes line)
{
    bool escaped = false;

    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] == '$' && (!escaped || line.len > PIECE)) {
            return true;
        }
        escaped = line.data[i] == '\\' && !escaped;
    }
    return false;
}

/* The line without its comment, where it is certain that it is one: a # that no quote or backslash comes before. */
static struct ct_bytes without_comment(struct ct_bytes line)
{
    struct ct_bytes plain = until(line, '#');

    return until(until(until(until(plain, '\\'), '"'), '\''), '`').len == plain.len ? plain : line;
}

/* A line with those that continue it, backslashes and all. False when NCONF must not see it. */
static bool check_line(struct ct_list_input *in, unsigned number, struct ct_bytes line)
{
    if (line.len > 0 && memchr(line.data, '\0', line.len) != NULL) {
        ct_list_complain(in, number, "expected text, found a NUL byte");
    } else if (has_word(line, ".include")) {
        ct_list_complain(in, number, "`.include`: no other files are read from here; copy the lines in");
    } else if (has_word(line, ".pragma")) {
        ct_list_complain(in, number, "`.pragma`: this file is read as it stands; remove the line");
    } else if (has_variable(line)) {
        ct_list_complain(in, number,
                         "`$`: variables and the environment are not read here; write what it stands for, "
                         "or \\$ for the sign itself");
    } else {
        return true;
    }
    return false;
}

/* --- which line says what --- */

static bool note(struct notes *notes, unsigned number, struct ct_bytes line)
{
    struct ct_bytes text = trimmed(line);
    struct ct_bytes name = trimmed(until(text, '='));
    struct ct_bytes section = notes->section;
    const uint8_t *colons;

    if (text.len == 0) {
        return true;
    }
    if (text.data[0] == '[') {
        text = (struct ct_bytes){ text.data + 1, text.len - 1 };
        notes->section = trimmed(until(text, ']'));
        return true;
    }
    if (name.len == text.len) {
        return true; /* NCONF says what is wrong with it */
    }
    if ((colons = memmem(name.data, name.len, "::", 2)) != NULL) {
        section = (struct ct_bytes){ name.data, (size_t)(colons - name.data) };
        name = (struct ct_bytes){ colons + 2, (size_t)(name.data + name.len - colons) - 2 };
    }
    if (notes->count == notes->room) {
        size_t room = notes->room == 0 ? 64 : notes->room * 2;
        struct assignment *items = reallocarray(notes->items, room, sizeof *items);

        if (items == NULL) {
            return false;
        }
        notes->items = items;
        notes->room = room;
    }
    notes->items[notes->count++] = (struct assignment){ section, name, number };
    return true;
}

static int compare_spans(struct ct_bytes a, struct ct_bytes b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_names(const void *a, const void *b)
{
    const struct assignment *x = a, *y = b;
    int order = compare_spans(x->section, y->section);

    return order != 0 ? order : compare_spans(x->name, y->name);
}

static int compare_notes(const void *a, const void *b)
{
    const struct assignment *x = a, *y = b;
    int order = compare_names(a, b);

    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* The last line that sets the name, which is the one that NCONF takes; `before` is one more that sets it, or NULL. */
static const struct assignment *find_note(const struct notes *notes, const char *section, const char *name,
                                          const struct assignment **before)
{
    const struct assignment wanted = { text_of(section), text_of(name), 0 };
    const struct assignment *found =
        notes->count == 0 ? NULL : bsearch(&wanted, notes->items, notes->count, sizeof wanted, compare_names);

    *before = NULL;
    if (found == NULL) {
        return NULL;
    }
    while (found + 1 < notes->items + notes->count && compare_names(found, found + 1) == 0) {
        found++;
    }
    if (found > notes->items && compare_names(found - 1, found) == 0) {
        *before = found - 1;
    }
    return found;
}

static unsigned line_of(const struct notes *notes, const char *section, const char *name)
{
    const struct assignment *before = NULL;
    const struct assignment *found = find_note(notes, section, name, &before);

    return found == NULL ? 0 : found->line;
}

/* OpenSSL quietly takes the last of two. */
static void complain_of_two(struct ct_list_input *in, const struct notes *notes, const char *section, const char *name)
{
    const struct assignment *before = NULL;
    const struct assignment *found = find_note(notes, section, name, &before);

    if (before != NULL) {
        ct_list_complain(in, found->line, "%s is set twice, also on line %u; remove one", name, before->line);
    }
}

/* Goes through the lines as NCONF will. False when it must not. */
static bool read_lines(struct ct_list_input *in, struct notes *notes)
{
    const uint8_t *at = in->text.data, *end = at + in->text.len;
    size_t repeats = 0;
    bool ok = true;

    notes->section = text_of("default");
    for (unsigned number = 1, lines; at < end; number += lines) {
        const uint8_t *start = at;
        struct ct_bytes line;

        lines = 0;
        do {
            const uint8_t *feed = memchr(at, '\n', (size_t)(end - at));

            line = trimmed((struct ct_bytes){ at, (size_t)((feed == NULL ? end : feed) - at) });
            at = feed == NULL ? end : feed + 1;
            lines++;
        } while (at < end && line.len > 0 && line.data[line.len - 1] == '\\');
        line = (struct ct_bytes){ start, (size_t)(at - start) };
        line.len -= line.data[line.len - 1] == '\n';
        if (lines == 1) {
            line = without_comment(line);
        }
        ok = check_line(in, number, line) && ok;
        if (!note(notes, number, line)) {
            ct_list_out_of_memory(in);
            return false;
        }
    }
    if (notes->count > 0) { /* an empty file has no array, which qsort does not take */
        qsort(notes->items, notes->count, sizeof *notes->items, compare_notes);
    }
    for (size_t i = 1; i < notes->count; i++) {
        repeats += compare_names(&notes->items[i - 1], &notes->items[i]) == 0;
    }
    if (repeats > REPEATS_MAX) {
        ct_list_complain(in, 0, "names are set again %zu times; expected each once in its section", repeats);
        return false;
    }
    return ok;
}

/*
 * The text with a backslash before each colon in a section's header. NCONF does not take a bare one there, and people
 * name sections by URLs. NULL when memory is short.
 */
static uint8_t *with_colons_escaped(struct ct_bytes text, size_t *len)
{
    size_t colons = 0;
    uint8_t *copy = NULL, *to = NULL;

    for (size_t i = 0; i < text.len; i++) {
        colons += text.data[i] == ':';
    }
    to = copy = malloc(text.len + colons + 1);
    for (struct ct_bytes rest = text, line; copy != NULL && rest.len > 0; rest.data += line.len, rest.len -= line.len) {
        struct ct_bytes start;

        line = until(rest, '\n');
        line.len += line.len < rest.len;
        start = trimmed(line);
        for (size_t i = 0; i < line.len; i++) {
            if (start.len > 0 && start.data[0] == '[' && line.data[i] == ':' && line.data[i - 1] != '\\') {
                *to++ = '\\';
            }
            *to++ = line.data[i];
        }
    }
    *len = copy == NULL ? 0 : (size_t)(to - copy);
    return copy;
}

/* --- the logs --- */

static const char *value_in(const STACK_OF(CONF_VALUE) *section, const char *name)
{
    for (int i = 0; i < sk_CONF_VALUE_num(section); i++) {
        const CONF_VALUE *value = sk_CONF_VALUE_value(section, i);

        if (strcmp(value->name, name) == 0) {
            return value->value;
        }
    }
    return NULL;
}

static void read_section(struct ct_list_input *in, const struct notes *notes, const CONF *conf, const char *name)
{
    const STACK_OF(CONF_VALUE) *section = NCONF_get_section(conf, name);
    const char *description = value_in(section, "description");
    const char *key = value_in(section, "key");
    unsigned enabled_line = line_of(notes, "default", "enabled_logs");
    unsigned line = line_of(notes, name, "key");
    struct ct_log log = ct_list_begin_log(in);

    if (section == NULL) {
        ct_list_complain(in, enabled_line, "enabled_logs: expected names of sections, found \"%.60s\", which is none",
                         name);
        ct_list_copy(in, &log.description, name);
        ct_list_end_log(in, enabled_line, "", &log);
        return;
    }
    if (description != NULL && *description != '\0' && !ct_list_text_ok(description)) {
        ct_list_warn(in, line_of(notes, name, "description"),
                     "description: expected at most %u bytes of text without control characters; left out",
                     CT_LOG_LIST_MAX_TEXT);
    } else if (description != NULL && *description != '\0') {
        ct_list_copy(in, &log.description, description);
    }
    /* OpenSSL refuses a log without a description, but would take one from outside of the section. */
    if (description == NULL) {
        ct_list_complain(in, line, "[%.60s]: expected description = text, found none", name);
    }
    if (key == NULL) {
        ct_list_complain(in, line, "[%.60s]: expected key = base64, found none", name);
    } else {
        ct_list_set_key_base64(in, line, "key", &log, key);
    }
    complain_of_two(in, notes, name, "key");
    complain_of_two(in, notes, name, "description");
    if (log.description == NULL && ct_list_text_ok(name)) {
        ct_list_copy(in, &log.description, name);
    }
    ct_list_end_log(in, line != 0 ? line : enabled_line, "", &log);
}

static void read_enabled(struct ct_list_input *in, const struct notes *notes, const CONF *conf, const char *enabled)
{
    char *names = strdup(enabled);
    char *rest = names;

    if (names == NULL) {
        ct_list_out_of_memory(in);
    }
    while (rest != NULL) {
        char *name = strsep(&rest, ",");
        struct ct_bytes plain = trimmed(text_of(name));

        if (plain.len > 0) { /* OpenSSL passes over what is empty */
            name += plain.data - (const uint8_t *)name;
            name[plain.len] = '\0';
            read_section(in, notes, conf, name);
        }
    }
    free(names);
}

void ct_list_read_openssl(struct ct_list_input *in)
{
    struct notes notes = { 0 };
    BIO *bio = NULL;
    CONF *conf = NULL;
    const char *enabled = NULL;
    uint8_t *text = NULL;
    size_t len = 0;
    long line = 0;

    if (!read_lines(in, &notes)) {
        goto out;
    }
    ERR_set_mark();
    text = with_colons_escaped(in->text, &len);
    bio = text == NULL ? NULL : BIO_new_mem_buf(text, (int)len);
    conf = NCONF_new(NULL);
    if (bio == NULL || conf == NULL) {
        ct_list_out_of_memory(in);
    } else if (NCONF_load_bio(conf, bio, &line) != 1) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());

        ct_list_complain(in, line > 0 ? (unsigned)line : 0, "OpenSSL cannot read this line: %s",
                         reason != NULL ? reason : "no reason given");
    } else if ((enabled = NCONF_get_string(conf, "default", "enabled_logs")) == NULL) {
        ct_list_complain(in, 0,
                         "expected enabled_logs = NAME, ... before the first section: only logs named there "
                         "count");
    } else {
        complain_of_two(in, &notes, "default", "enabled_logs");
        read_enabled(in, &notes, conf, enabled);
    }
    ERR_pop_to_mark();
out:
    NCONF_free(conf);
    BIO_free(bio);
    free(text);
    free(notes.items);
}
