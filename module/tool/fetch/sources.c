/* SPDX-License-Identifier: Apache-2.0 */
/* Which logs are read, and where: the configuration or a list, and what the command line says beside it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/problems.h"
#include "config/snapshot.h"
#include "tool/fetch/source.h"
#include "tool/tool.h"

/* RFC 6962, section 3: most logs say 24 hours; those that say less say so in the list. */
#define MMD_DEFAULT_MS CT_DAY_MS

static void say_errors(const struct ct_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct ct_problem *problem = &problems->items[i];

        if (problem->severity == CT_ERROR) {
            tool_error("%s:%u: %s", problem->file, problem->line, problem->text);
        }
    }
}

static bool read_configuration(const struct source_options *options, struct sources *sources)
{
    const char *file = options->config != NULL ? options->config : CLIENTCT_DEFAULT_CONFIG;

    sources->snapshot = ct_snapshot_read(file, NULL, NULL);
    if (sources->snapshot == NULL) {
        tool_out_of_memory();
    }
    const struct ct_snapshot *snapshot = sources->snapshot;
    if (snapshot->config == NULL || snapshot->config_failed || snapshot->book == NULL || snapshot->book_failed) {
        say_errors(&snapshot->problems);
        tool_error("%s: the configuration and its log lists are needed: what a log signs is verified with its key; "
                   "--log-list FILE reads a list by itself",
                   options->verb);
        return false;
    }
    sources->book = ct_book_retain(snapshot->book);
    return true;
}

static bool read_list(const struct source_options *options, struct sources *sources)
{
    struct ct_problems problems = { 0 };
    struct ct_file file = { 0 };
    int error = ct_file_read(options->log_list, CT_LOG_LIST_MAX_BYTES, true, &file);
    bool good = false;

    sources->book = ct_book_new(1);
    if (sources->book == NULL) {
        tool_out_of_memory();
    }
    if (error != 0) {
        tool_error("%s: the log list %s cannot be read: %s", options->verb, options->log_list, strerror(error));
    } else {
        good = ct_book_add(sources->book, options->log_list, &file, NULL, &problems) &&
               ct_book_finish(sources->book, &problems);
        say_errors(&problems);
    }
    ct_file_clear(&file);
    ct_problems_clear(&problems);
    return good;
}

static bool same_url(const char *a, const char *b, size_t b_len)
{
    size_t a_len = a == NULL ? 0 : strlen(a);

    while (a_len > 0 && a[a_len - 1] == '/') {
        a_len--;
    }
    while (b_len > 0 && b[b_len - 1] == '/') {
        b_len--;
    }
    return a_len > 0 && a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool is_named(const struct ct_log *log, const char *name, size_t len)
{
    uint8_t id[CT_LOG_ID_LEN];

    return (strlen(log->description) == len && memcmp(log->description, name, len) == 0) ||
           same_url(log->url, name, len) || same_url(log->monitoring_url, name, len) ||
           (ct_unhex(name, len, id, sizeof id) && memcmp(id, log->id, sizeof id) == 0);
}

static void say_unknown(const struct source_options *options, const struct sources *sources, const char *option,
                        const char *name)
{
    const char **words = calloc(sources->count + 1, sizeof *words);

    if (words == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < sources->count; i++) {
        words[i] = sources->items[i].log->description;
    }
    const char *nearest = ct_nearest_word(name, words);
    tool_error("%s: --%s: \"%s\" is neither the description, the URL nor the id of a log in the list%s%s%s",
               options->verb, option, name, nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "\"?" : "");
    free(words);
}

static struct source *find_named(const struct source_options *options, struct sources *sources, const char *option,
                                 const char *name, size_t len)
{
    struct source *found = NULL;
    char *text = tool_format("%.*s", (int)len, name);

    for (size_t i = 0; i < sources->count; i++) {
        if (!is_named(sources->items[i].log, name, len)) {
            continue;
        }
        if (found != NULL) {
            tool_error("%s: --%s: several logs are named \"%s\"; give the URL or the log id", options->verb, option,
                       text);
            free(text);
            return NULL;
        }
        found = &sources->items[i];
    }
    if (found == NULL) {
        say_unknown(options, sources, option, text);
    }
    free(text);
    return found;
}

static void set_url(struct source *source, const char *url, size_t len)
{
    free(source->url);
    source->url = tool_format("%.*s%s", (int)len, url, len > 0 && url[len - 1] == '/' ? "" : "/");
}

/* LOG, or LOG=URL */
static bool choose(const struct source_options *options, struct sources *sources, const char *text, size_t len)
{
    const char *split = memmem(text, len, "=http", strlen("=http"));
    struct source *source = find_named(options, sources, "log", text, split != NULL ? (size_t)(split - text) : len);

    if (source == NULL) {
        return false;
    }
    if (source->chosen) {
        tool_error("%s: --log: \"%s\" is named twice", options->verb, source->log->description);
        return false;
    }
    source->chosen = true;
    for (size_t i = 0; i < sources->count; i++) {
        source->order += sources->items[i].chosen;
    }
    if (split != NULL) {
        set_url(source, split + 1, (size_t)(text + len - split - 1));
    }
    return true;
}

/* LOG=ORIGIN; descriptions may have a "=", origins hardly do: the last one splits. */
static bool pin(const struct source_options *options, struct sources *sources, const char *text, size_t len)
{
    const char *split = memrchr(text, '=', len);
    size_t origin_len = split == NULL ? 0 : (size_t)(text + len - split - 1);
    struct source *source;

    if (origin_len == 0 || origin_len > CT_ORIGIN_MAX) {
        tool_error("%s: --origin: expected LOG=ORIGIN, such as \"Our log=log.example/2026\", found \"%.*s\"",
                   options->verb, (int)len, text);
        return false;
    }
    source = find_named(options, sources, "origin", text, (size_t)(split - text));
    if (source == NULL) {
        return false;
    }
    memcpy(source->origin, split + 1, origin_len);
    source->origin[origin_len] = '\0';
    return true;
}

static bool each(const struct source_options *options, struct sources *sources, const char *lines,
                 bool (*take)(const struct source_options *, struct sources *, const char *, size_t))
{
    for (const char *at = lines; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, "\n");

        if (!take(options, sources, at, len)) {
            return false;
        }
        at += len + (at[len] == '\n');
    }
    return true;
}

bool sources_read(const struct source_options *options, const struct fetch_manners *manners, struct sources *sources)
{
    int64_t mmd_ms = MMD_DEFAULT_MS;

    memset(sources, 0, sizeof *sources);
    if (options->config != NULL && options->log_list != NULL) {
        tool_error("%s: --config and --log-list both say which logs there are; give one of them", options->verb);
        return false;
    }
    if (options->mmd != NULL && !ct_duration_parse(options->mmd, &mmd_ms)) {
        tool_error("%s: --mmd: expected a time such as 60s or 24h, found \"%s\"", options->verb, options->mmd);
        return false;
    }
    if (options->log_list != NULL ? !read_list(options, sources) : !read_configuration(options, sources)) {
        return false;
    }
    sources->count = sources->book->logs.count;
    sources->items = calloc(sources->count + 1, sizeof *sources->items);
    if (sources->items == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < sources->count; i++) {
        struct source *source = &sources->items[i];
        const struct ct_log *log = &sources->book->logs.logs[i];
        const char *url = log->monitoring_url != NULL && !options->submits ? log->monitoring_url : log->url;

        *source =
            (struct source){ .log = log, .mmd_ms = mmd_ms, .chosen = options->logs == NULL && log->unusable == NULL };
        if (options->mmd == NULL && log->mmd_ms > 0) {
            source->mmd_ms = log->mmd_ms;
        }
        if (url != NULL) {
            set_url(source, url, strlen(url));
        }
        if (!ct_origin_of_url(log->url, source->origin)) {
            source->origin[0] = '\0';
        }
    }
    if (!each(options, sources, options->logs, choose) || !each(options, sources, options->origins, pin)) {
        return false;
    }
    for (size_t i = 0; i < sources->count; i++) {
        const struct source *source = &sources->items[i];
        const char *trouble = source->url == NULL ? NULL : fetch_url_trouble(source->url, manners);

        if (source->chosen && trouble != NULL) {
            tool_error("%s: the URL of \"%s\": %s %s", options->verb, source->log->description, source->url, trouble);
            return false;
        }
    }
    return true;
}

struct source *sources_find(struct sources *sources, const uint8_t id[CT_LOG_ID_LEN])
{
    for (size_t i = 0; i < sources->count; i++) {
        if (memcmp(sources->items[i].log->id, id, CT_LOG_ID_LEN) == 0) {
            return &sources->items[i];
        }
    }
    return NULL;
}

void sources_clear(struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        free(sources->items[i].url);
    }
    free(sources->items);
    ct_book_release(sources->book);
    ct_snapshot_release(sources->snapshot);
    memset(sources, 0, sizeof *sources);
}
