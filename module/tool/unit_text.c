/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "tool/tool.h"
#include "tool/unit_text.h"

#define FILE_MAX_BYTES (1024u * 1024)
#define DROP_INS_MAX 256
#define FOLDERS_MAX 512
#define NAMES_MAX 16

/* Where the manager of the system looks, the first wins. */
static const char *const roots[] = {
    "/etc/systemd/system.control",   "/run/systemd/system.control",  "/run/systemd/transient",
    "/run/systemd/generator.early",  "/etc/systemd/system",          "/etc/systemd/system.attached",
    "/run/systemd/system",           "/run/systemd/system.attached", "/run/systemd/generator",
    "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",      "/lib/systemd/system",
    "/run/systemd/generator.late",
};
#define ROOTS (sizeof roots / sizeof roots[0])

/* Names of one unit, or folders of drop-ins. */
struct list {
    char *items[FOLDERS_MAX];
    size_t count;
};

/* Takes `item` over; what is there already is not there twice. */
static void put(struct list *list, char *item, size_t max)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], item) == 0) {
            free(item);
            return;
        }
    }
    if (list->count == max) {
        free(item);
        return;
    }
    list->items[list->count++] = item;
}

static void clear(struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
}

char *tool_unit_template(const char *name)
{
    const char *at = strchr(name, '@');
    const char *dot = strrchr(name, '.');

    return at != NULL && dot != NULL && at + 1 < dot ? tool_format("%.*s%s", (int)(at + 1 - name), name, dot) : NULL;
}

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

static void append(char **text, const char *more, size_t len)
{
    char *longer = tool_format("%s%.*s", *text, (int)len, more);

    free(*text);
    *text = longer;
}

/* A backslash at the very end joins the next line, unless another one stands before it. */
static bool goes_on(const char *line, size_t len)
{
    bool escaped = false;

    for (size_t i = 0; i < len; i++) {
        escaped = !escaped && line[i] == '\\';
    }
    return escaped;
}

/* Appends the lines of [Service]; `raw` is a file as it stands. */
static void append_service(char **service, const char *raw)
{
    bool inside = false, joining = false;

    for (const char *line = raw, *next; *line != '\0'; line = next) {
        size_t len = strcspn(line, "\n");
        size_t blank = strspn(line, " \t\r");

        next = line + len + (line[len] == '\n');
        blank = blank < len ? blank : len;
        line += blank;
        len -= blank;
        if (len == 0 || *line == '#' || *line == ';') { /* also between joined lines */
            continue;
        }
        bool joins = goes_on(line, len);
        len -= joins;
        if (!joining && *line == '[') {
            while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL) {
                len--;
            }
            inside = len == 9 && strncmp(line, "[Service]", 9) == 0;
        } else if (inside) {
            append(service, line, len);
            append(service, joins ? " " : "\n", 1);
        }
        joining = joins;
    }
    if (inside && joining) {
        append(service, "\n", 1);
    }
}

/* False: there is no such file. What is there and no regular file, such as a link to /dev/null, says nothing. */
static bool append_file(const char *root, const char *path, char **service)
{
    char *there = tool_format("%s%s", root, path);
    struct ct_file file;
    int error = ct_file_read(there, FILE_MAX_BYTES, true, &file);

    free(there);
    if (error == 0) {
        append_service(service, (const char *)file.data);
        ct_file_clear(&file);
    }
    return error != ENOENT && error != ENOTDIR;
}

/* The unit file's path, to be freed: the first that is there. NULL: none. */
static char *find(const char *root, const char *name)
{
    for (size_t i = 0; i < ROOTS; i++) {
        char *path = tool_format("%s/%s", roots[i], name);
        char *there = tool_format("%s%s", root, path);
        bool found = access(there, F_OK) == 0;

        free(there);
        if (found) {
            return path;
        }
        free(path);
    }
    return NULL;
}

/* The name that a symbolic link of this path gives another name to, to be freed; NULL: it is none. */
static char *target_of(const char *root, const char *path)
{
    char *there = tool_format("%s%s", root, path);
    char target[PATH_MAX];
    ssize_t len = readlink(there, target, sizeof target - 1);

    free(there);
    if (len <= 0) {
        return NULL;
    }
    target[len] = '\0';
    return tool_format("%s", strrchr(target, '/') != NULL ? strrchr(target, '/') + 1 : target);
}

/* All names of the unit: the one that was asked for, the one it is a link to, and those that are links to it. */
static void find_names(const char *root, const char *name, struct list *names)
{
    put(names, tool_format("%s", name), NAMES_MAX);
    for (size_t n = 0; n < names->count; n++) {
        char *path = find(root, names->items[n]);
        char *target = path != NULL ? target_of(root, path) : NULL;

        if (target != NULL && ends_in(target, ".service")) {
            put(names, target, NAMES_MAX);
        } else {
            free(target);
        }
        free(path);
        for (size_t i = 0; i < ROOTS; i++) {
            char *folder = tool_format("%s%s", root, roots[i]);
            DIR *open = opendir(folder);
            struct dirent *entry;

            free(folder);
            while (open != NULL && (entry = readdir(open)) != NULL) {
                char *link = tool_format("%s/%s", roots[i], entry->d_name);
                char *to = entry->d_type == DT_LNK && ends_in(entry->d_name, ".service") ? target_of(root, link) : NULL;

                if (to != NULL && strcmp(to, names->items[n]) == 0) {
                    put(names, tool_format("%s", entry->d_name), NAMES_MAX);
                }
                free(to);
                free(link);
            }
            if (open != NULL) {
                closedir(open);
            }
        }
    }
}

/* NAME.d, and foo-.service.d for foo-bar.service; of one name in several folders the first counts. */
static void put_folders(struct list *folders, const char *root, const char *name)
{
    const char *dot = strrchr(name, '.');

    put(folders, tool_format("%s/%s.d", root, name), FOLDERS_MAX);
    for (const char *dash = dot; dot != NULL && dash > name; dash--) {
        if (dash[-1] == '-' && dash != dot) {
            put(folders, tool_format("%s/%.*s%s.d", root, (int)(dash - name), name, dot), FOLDERS_MAX);
        }
    }
}

static void find_folders(const struct list *names, struct list *folders)
{
    for (size_t n = 0; n < names->count; n++) {
        char *template = tool_unit_template(names->items[n]);

        for (size_t i = 0; i < ROOTS; i++) {
            put_folders(folders, roots[i], names->items[n]);
            if (template != NULL) {
                put_folders(folders, roots[i], template);
            }
        }
        free(template);
    }
    for (size_t i = 0; i < ROOTS; i++) {
        put(folders, tool_format("%s/service.d", roots[i]), FOLDERS_MAX);
    }
}

static const char *last_part(const char *path)
{
    return strrchr(path, '/') + 1;
}

static int by_last_part(const void *a, const void *b)
{
    return strcmp(last_part(*(char *const *)a), last_part(*(char *const *)b));
}

static void append_drop_ins(const char *root, const struct list *names, const char *leave_out, char **service)
{
    struct list folders = { 0 }, files = { 0 };

    find_folders(names, &folders);
    for (size_t i = 0; i < folders.count; i++) {
        char *path = tool_format("%s%s", root, folders.items[i]);
        DIR *open = opendir(path);
        struct dirent *entry;

        free(path);
        while (open != NULL && (entry = readdir(open)) != NULL) {
            bool known = !ends_in(entry->d_name, ".conf") || entry->d_name[0] == '.' ||
                         (leave_out != NULL && strcmp(entry->d_name, leave_out) == 0);

            for (size_t k = 0; k < files.count && !known; k++) {
                known = strcmp(last_part(files.items[k]), entry->d_name) == 0;
            }
            if (!known) {
                put(&files, tool_format("%s/%s", folders.items[i], entry->d_name), DROP_INS_MAX);
            }
        }
        if (open != NULL) {
            closedir(open);
        }
    }
    qsort(files.items, files.count, sizeof files.items[0], by_last_part);
    for (size_t i = 0; i < files.count; i++) {
        (void)append_file(root, files.items[i], service);
    }
    clear(&folders);
    clear(&files);
}

char *tool_unit_text(const char *root, const char *name, const char *leave_out, char **found)
{
    struct list names = { 0 };
    char *service = tool_format("%s", "");
    char *path = NULL;

    find_names(root, name, &names);
    for (size_t i = 0; i < names.count && path == NULL; i++) {
        char *template = tool_unit_template(names.items[i]);

        path = find(root, names.items[i]);
        path = path == NULL && template != NULL ? find(root, template) : path;
        free(template);
    }
    if (path != NULL) {
        char *target = target_of(root, path);

        if (target != NULL && strcmp(target, "null") == 0) { /* masked */
            free(path);
            path = NULL;
        } else {
            (void)append_file(root, path, &service);
        }
        free(target);
    }
    append_drop_ins(root, &names, leave_out, &service);
    clear(&names);
    *found = path;
    return service;
}
