/* Reading units: the first file of its name counts, and all drop-ins by their names. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/enable/unit.h"
#include "tool/tool.h"

#define OUR_DROP_IN "clientct.conf"
#define DROP_INS_MAX 64

static const char *const folders[] = { "/etc/systemd/system",     "/run/systemd/system",
                                       "/run/systemd/generator",  "/usr/local/lib/systemd/system",
                                       "/usr/lib/systemd/system", "/lib/systemd/system" };
#define FOLDER_COUNT (sizeof folders / sizeof folders[0])

char *unit_name(const char *word)
{
    size_t len = strlen(word);
    bool service = len > 8 && strcmp(word + len - 8, ".service") == 0;

    if (len == 0 || len > 200 || word[0] == '.' || word[0] == '@' ||
        strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@") != len) {
        tool_error("expected the name of a service such as nginx.service, found \"%s\"", word);
        return NULL;
    }
    return tool_format("%s%s", word, service ? "" : ".service");
}

char *unit_drop_in(const char *name)
{
    return tool_format("/etc/systemd/system/%s.d/" OUR_DROP_IN, name);
}

/* postgresql@15-main.service is an instance of postgresql@.service; NULL: not an instance. To be freed. */
static char *template_of(const char *name)
{
    const char *at = strchr(name, '@');
    const char *dot = strrchr(name, '.');

    return at != NULL && dot != NULL && at + 1 < dot ? tool_format("%.*s%s", (int)(at + 1 - name), name, dot) : NULL;
}

static void append(char **text, const char *more, size_t len)
{
    char *longer = tool_format("%s%.*s", *text, (int)len, more);

    free(*text);
    *text = longer;
}

/* Appends the lines of [Service]; `raw` is a file as it stands. */
static void append_service(char **service, const char *raw)
{
    bool inside = false, joining = false;

    for (const char *line = raw; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        const char *next = line + len + (line[len] == '\n');
        while (!joining && len > 0 && strchr(" \t", *line) != NULL) {
            line++;
            len--;
        }
        while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL) {
            len--;
        }
        if (len > 0 && (*line == '#' || *line == ';')) { /* also between joined lines */
            line = next;
            continue;
        }
        if (!joining && len > 0 && *line == '[') {
            inside = len == 9 && strncmp(line, "[Service]", 9) == 0;
        } else if (inside && (len > 0 || joining)) {
            joining = len > 0 && line[len - 1] == '\\';
            append(service, line, joining ? len - 1 : len);
            append(service, joining ? " " : "\n", 1);
        }
        line = next;
    }
    if (joining) {
        append(service, "\n", 1);
    }
}

static bool append_file(const struct edits *edits, const char *path, char **service)
{
    char *raw = NULL;
    struct edits now = { .root = edits->root };
    bool there = edits_exists(edits, path) && edits_text(&now, path, &raw) && raw != NULL;

    if (there) {
        append_service(service, raw);
    }
    free(raw);
    return there;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in all the folders' UNIT.d, each once, sorted. */
static size_t list_drop_ins(const struct edits *edits, const char *name, char *found[DROP_INS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < FOLDER_COUNT; i++) {
        char *path = tool_format("%s%s/%s.d", edits->root, folders[i], name);
        DIR *folder = opendir(path);
        free(path);
        if (folder == NULL) {
            continue;
        }
        for (struct dirent *entry; count < DROP_INS_MAX && (entry = readdir(folder)) != NULL;) {
            size_t len = strlen(entry->d_name), k = 0;
            if (len < 6 || strcmp(entry->d_name + len - 5, ".conf") != 0 || strcmp(entry->d_name, OUR_DROP_IN) == 0) {
                continue;
            }
            while (k < count && strcmp(found[k], entry->d_name) != 0) {
                k++;
            }
            if (k == count) {
                found[count++] = tool_format("%s", entry->d_name);
            }
        }
        closedir(folder);
    }
    qsort(found, count, sizeof found[0], by_name);
    return count;
}

/* From the first folder that has it; what comes after is hidden. */
static bool append_first(const struct edits *edits, const char *below, char **service)
{
    bool there = false;

    for (size_t i = 0; i < FOLDER_COUNT && !there; i++) {
        char *path = tool_format("%s/%s", folders[i], below);
        there = append_file(edits, path, service);
        free(path);
    }
    return there;
}

static void append_drop_ins(const struct edits *edits, const char *name, char **service)
{
    char *names[DROP_INS_MAX];
    size_t count = list_drop_ins(edits, name, names);

    for (size_t i = 0; i < count; i++) {
        char *below = tool_format("%s.d/%s", name, names[i]);
        (void)append_first(edits, below, service);
        free(below);
        free(names[i]);
    }
}

char *unit_service(const struct edits *edits, const char *name)
{
    char *template = template_of(name);
    char *service = tool_format("%s", "");
    bool there = append_first(edits, name, &service) || (template != NULL && append_first(edits, template, &service));

    if (!there) {
        char *script = tool_format("/etc/init.d/%.*s", (int)(strlen(name) - strlen(".service")), name);
        there = edits_exists(edits, script); /* systemd makes a unit of it, to which drop-ins apply */
        free(script);
    }
    if (template != NULL) {
        append_drop_ins(edits, template, &service);
    }
    append_drop_ins(edits, name, &service);
    free(template);
    if (!there) {
        free(service);
        service = NULL;
    }
    return service;
}

char *unit_value(const char *service, const char *key)
{
    size_t len = strlen(key);
    const char *found = NULL;
    size_t found_len = 0;

    for (const char *line = service; *line != '\0';) {
        size_t line_len = strcspn(line, "\n");
        if (line_len > len && strncmp(line, key, len) == 0) {
            size_t skip = len + strspn(line + len, " \t");
            if (line[skip] == '=') {
                skip++;
                skip += strspn(line + skip, " \t");
                found = line + skip;
                found_len = line_len > skip ? line_len - skip : 0;
            }
        }
        line += line_len + (line[line_len] == '\n');
    }
    return found != NULL && found_len > 0 ? tool_format("%.*s", (int)found_len, found) : NULL;
}

char *unit_program(const char *service)
{
    char *value = unit_value(service, "ExecStart");
    char *program = NULL;

    if (value != NULL) {
        const char *word = value + strspn(value, "@-:+!|");
        program = tool_format("%.*s", (int)strcspn(word, " \t"), word);
        free(value);
    }
    return program;
}
