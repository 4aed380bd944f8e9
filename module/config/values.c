/* SPDX-License-Identifier: Apache-2.0 */
#include "config/values.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define AUDIT_SINKS_MAX 8u

/* The words as "a, b or c". */
static void words_text(const char *const *words, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; words[i] != NULL && used + strlen(words[i]) + 8 < size; i++) {
        const char *before = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";

        used = (size_t)(stpcpy(stpcpy(out + used, before), words[i]) - out);
    }
}

/* People quote by habit; that the quotes are the trouble is not seen easily. */
static const char *quote_hint(const char *value)
{
    return value[0] == '"' || value[0] == '\'' ? "; quotes are not taken off here" : "";
}

bool ct_parse_word(const struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *word,
                   const char *const *words, size_t *index)
{
    const char *nearest;
    char expected[200];

    for (*index = 0; words[*index] != NULL; (*index)++) {
        if (strcmp(words[*index], word) == 0) {
            return true;
        }
    }
    words_text(words, expected, sizeof expected);
    nearest = ct_nearest_word(word, words);
    if (nearest != NULL) {
        ct_setting_error(reader, line->line, "`%s`: expected %s, found `%.100s`; did you mean `%s`?", line->name,
                         expected, word, nearest);
    } else {
        ct_setting_error(reader, line->line, "`%s`: expected %s, found `%.100s`%s", line->name, expected, word,
                         quote_hint(word));
    }
    return false;
}

void ct_parse_mode(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    static const char *const words[] = { "enforce", "report", "off", NULL };
    static const enum clientct_mode modes[] = { CLIENTCT_MODE_ENFORCE, CLIENTCT_MODE_REPORT, CLIENTCT_MODE_OFF };
    enum clientct_mode *mode = value;
    size_t index;

    if (ct_parse_word(reader, line, line->value, words, &index)) {
        *mode = modes[index];
    }
}

void ct_parse_on_stale(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    static const char *const words[] = { "warn", "report", "refuse", NULL };
    static const enum ct_on_stale answers[] = { CT_STALE_WARN, CT_STALE_REPORT, CT_STALE_REFUSE };
    enum ct_on_stale *on_stale = value;
    size_t index;

    if (ct_parse_word(reader, line, line->value, words, &index)) {
        *on_stale = answers[index];
    }
}

void ct_parse_revocation(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    static const char *const words[] = { "as-found", "require", NULL };
    static const enum ct_revocation answers[] = { CT_REVOCATION_AS_FOUND, CT_REVOCATION_REQUIRE };
    enum ct_revocation *revocation = value;
    size_t index;

    if (ct_parse_word(reader, line, line->value, words, &index)) {
        *revocation = answers[index];
    }
}

void ct_parse_reload(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    static const char *const words[] = { "handshake", "context", NULL };
    static const enum ct_reload occasions[] = { CT_RELOAD_HANDSHAKE, CT_RELOAD_CONTEXT };
    enum ct_reload *reload = value;
    size_t index;

    if (ct_parse_word(reader, line, line->value, words, &index)) {
        *reload = occasions[index];
    }
}

static void parse_bool(struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *const *words,
                       bool *value)
{
    size_t index;

    if (ct_parse_word(reader, line, line->value, words, &index)) {
        *value = index == 1;
    }
}

void ct_parse_leaf_index(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    static const char *const words[] = { "require", "ignore", NULL };

    parse_bool(reader, line, words, value);
}

void ct_parse_allowed(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    static const char *const words[] = { "refuse", "allow", NULL };

    parse_bool(reader, line, words, value);
}

void ct_parse_resumption(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    static const char *const words[] = { "refuse", "checked", "allow", NULL };
    enum clientct_resumption *resumption = value;
    size_t index;

    if (ct_parse_word(reader, line, line->value, words, &index)) {
        *resumption = (enum clientct_resumption)index;
    }
}

void ct_parse_yes_no(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    static const char *const words[] = { "no", "yes", NULL };

    parse_bool(reader, line, words, value);
}

bool ct_check_path(const struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *path)
{
    if (path[0] == '/') {
        return true;
    }
    ct_setting_error(reader, line->line,
                     "`%s`: expected an absolute path, found `%.100s`%s; a server's working directory is not yours",
                     line->name, path, quote_hint(path));
    return false;
}

void ct_parse_path(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    struct ct_setting_path *path = value;

    if (ct_check_path(reader, line, line->value)) {
        path->path = ct_setting_copy(reader, line->value);
        path->line = line->line;
    }
}

void ct_parse_archive(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    struct ct_setting_path *archive = value;
    const char *path = line->value + strlen("file:");

    if (strncmp(line->value, "file:", strlen("file:")) != 0) {
        ct_setting_error(reader, line->line, "`archive`: expected file:PATH, found `%.100s`%s", line->value,
                         line->value[0] == '/' ? "; write `file:` before the path" : "");
    } else if (ct_check_path(reader, line, path)) {
        archive->path = ct_setting_copy(reader, path);
        archive->line = line->line;
    }
}

void ct_parse_log_list(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    struct ct_settings *settings = value;
    void *items = settings->log_lists;
    char *path;

    if (!ct_check_path(reader, line, line->value)) {
        return;
    }
    for (size_t i = 0; i < settings->log_list_count; i++) {
        if (strcmp(settings->log_lists[i].path, line->value) == 0) {
            ct_setting_error(reader, line->line, "`log_list` names this file on line %u already",
                             settings->log_lists[i].line);
            return;
        }
    }
    if (settings->log_list_count == CT_LOG_LISTS_MAX) {
        ct_setting_error(reader, line->line, "at most %u log lists are read", CT_LOG_LISTS_MAX);
        return;
    }
    if (!ct_setting_grow(reader, &items, settings->log_list_count, sizeof *settings->log_lists)) {
        return;
    }
    settings->log_lists = items;
    path = ct_setting_copy(reader, line->value);
    if (path != NULL) {
        settings->log_lists[settings->log_list_count++] = (struct ct_setting_path){ .path = path, .line = line->line };
    }
}

void ct_parse_audit(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    static const char *const words[] = { "journald", "syslog", "none", "file:PATH", NULL };
    static const enum ct_audit_kind kinds[] = { CT_AUDIT_JOURNALD, CT_AUDIT_SYSLOG, CT_AUDIT_NONE };
    struct ct_settings *settings = value;
    struct ct_audit_sink_setting sink = { .kind = CT_AUDIT_FILE, .line = line->line };
    void *items = settings->audit;
    const char *path = NULL;
    size_t index;

    if (strncmp(line->value, "file:", 5) == 0 && strcmp(line->value, "file:PATH") != 0) {
        path = line->value + 5;
        if (!ct_check_path(reader, line, path)) {
            return;
        }
    } else if (!ct_parse_word(reader, line, line->value, words, &index)) {
        return;
    } else if (index == 3) {
        ct_setting_error(reader, line->line, "`audit`: for PATH write the file's path, such as file:/var/log/clientct");
        return;
    } else {
        sink.kind = kinds[index];
    }
    for (size_t i = 0; i < settings->audit_count; i++) {
        const struct ct_audit_sink_setting *other = &settings->audit[i];

        if (sink.kind == CT_AUDIT_NONE || other->kind == CT_AUDIT_NONE) {
            ct_setting_error(reader, line->line, "`audit = none` stands alone; line %u has an `audit` too",
                             other->line);
            return;
        }
        if (sink.kind == other->kind && (path == NULL || strcmp(path, other->path) == 0)) {
            ct_setting_error(reader, line->line, "`audit` names this on line %u already", other->line);
            return;
        }
    }
    if (settings->audit_count == AUDIT_SINKS_MAX) {
        ct_setting_error(reader, line->line, "at most %u audit records are kept side by side", AUDIT_SINKS_MAX);
        return;
    }
    if (!ct_setting_grow(reader, &items, settings->audit_count, sizeof *settings->audit)) {
        return;
    }
    settings->audit = items;
    if (path != NULL && (sink.path = ct_setting_copy(reader, path)) == NULL) {
        return;
    }
    settings->audit[settings->audit_count++] = sink;
}

void ct_parse_duration(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    int64_t *duration = value;
    int64_t ms;

    if (!ct_duration_parse(line->value, &ms)) {
        ct_setting_error(reader, line->line,
                         "`%s`: expected a number with s, m, h or d, such as 60s or 35d, or 0, found `%.100s`",
                         line->name, line->value);
        return;
    }
    *duration = ms;
}

void ct_parse_resumption_window(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    int64_t *window = value;
    int64_t ms = CT_SECOND_MS;

    ct_parse_duration(reader, line, &ms);
    if (ms < CT_SECOND_MS || ms > CT_DAY_MS) {
        ct_setting_error(reader, line->line, "`%s`: expected 1s to 1d, found `%.100s`%s", line->name, line->value,
                         ms == 0 ? "; to have no session resumed, write `resumption = refuse`" : "");
        return;
    }
    *window = ms;
}

void ct_parse_time(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    int64_t *time = value;
    int64_t ms;

    if (!ct_time_parse(line->value, &ms)) {
        ct_setting_error(reader, line->line, "`%s`: expected a time such as 2027-06-01T00:00:00Z, found `%.100s`",
                         line->name, line->value);
        return;
    }
    *time = ms;
}

bool ct_parse_number(const char *text, unsigned *number)
{
    size_t len = strlen(text);

    if (len < 1 || len > 9 || strspn(text, "0123456789") != len || (text[0] == '0' && len > 1)) {
        return false;
    }
    *number = (unsigned)strtoul(text, NULL, 10);
    return true;
}

void ct_parse_count(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    unsigned *count = value;
    unsigned number;

    if (!ct_parse_number(line->value, &number) || number < 1 || number > CT_COUNT_MAX) {
        ct_setting_error(reader, line->line, "`%s`: expected a number from 1 to %u, found `%.100s`", line->name,
                         CT_COUNT_MAX, line->value);
        return;
    }
    *count = number;
}

bool ct_each_item(struct ct_settings_reader *reader, const struct ct_conf_line *line,
                  bool each(struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *item,
                            size_t index, void *value),
                  void *value)
{
    char *copy = ct_setting_copy(reader, line->value);
    char *item = copy;
    size_t index = 0;
    bool ok = copy != NULL;

    while (item != NULL) {
        char *comma = strchr(item, ',');
        size_t len;

        if (comma != NULL) {
            *comma++ = '\0';
        }
        item += strspn(item, " \t");
        len = strlen(item);
        while (len > 0 && (item[len - 1] == ' ' || item[len - 1] == '\t')) {
            item[--len] = '\0';
        }
        if (len == 0) {
            ct_setting_error(reader, line->line, "`%s`: there is nothing before or behind a comma", line->name);
            ok = false;
            break;
        }
        if (!each(reader, line, item, index++, value)) {
            ok = false;
        }
        item = comma;
    }
    free(copy);
    return ok;
}

static bool add_source(struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *item,
                       size_t index, void *value)
{
    static const char *const words[] = { "embedded", "tls", "ocsp", "store", NULL };
    static const enum clientct_source sources[] = { CLIENTCT_SOURCE_EMBEDDED, CLIENTCT_SOURCE_TLS, CLIENTCT_SOURCE_OCSP,
                                                    CLIENTCT_SOURCE_STORE };
    unsigned *bits = value;
    size_t word;

    if (!ct_parse_word(reader, line, item, words, &word)) {
        return false;
    }
    if ((*bits & CT_SOURCE_BIT(sources[word])) != 0) {
        ct_setting_error(reader, line->line, "`sources` names `%s` twice", item);
        return false;
    }
    *bits |= CT_SOURCE_BIT(sources[word]);
    return true;
}

void ct_parse_sources(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    unsigned *sources = value;
    unsigned bits = 0;

    if (ct_each_item(reader, line, add_source, &bits)) {
        *sources = bits;
    }
}
