/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool/tool.h"

static void add(struct tool_names *names, char *name)
{
    names->items = tool_grown(names->items, names->count, &names->room, sizeof *names->items);
    names->items[names->count++] = name;
}

static bool is_certificate_name(const char *name)
{
    static const char *const suffixes[] = { ".pem", ".crt", ".cer", ".der" };
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (name[0] != '.' && len > 4 && strcmp(name + len - 4, suffixes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool tool_names_add(const char *verb, const char *operand, struct tool_names *names)
{
    size_t before = names->count;
    struct dirent *entry;
    struct stat stat_of;
    DIR *directory;

    if (strcmp(operand, "-") == 0 || stat(operand, &stat_of) != 0 || !S_ISDIR(stat_of.st_mode)) {
        add(names, tool_format("%s", operand)); /* what is wrong with it is said where it is read */
        return true;
    }
    directory = opendir(operand);
    if (directory == NULL) {
        tool_error("%s: the folder %s cannot be read: %s", verb, operand, strerror(errno));
        return false;
    }
    while ((entry = readdir(directory)) != NULL) {
        char *path = is_certificate_name(entry->d_name) ? tool_format("%s/%s", operand, entry->d_name) : NULL;

        if (path != NULL && stat(path, &stat_of) == 0 && S_ISREG(stat_of.st_mode)) {
            add(names, path);
        } else {
            free(path);
        }
    }
    closedir(directory);
    if (names->count > before) {
        qsort(names->items + before, names->count - before, sizeof *names->items, compare);
    }
    return true;
}

void tool_names_clear(struct tool_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i]);
    }
    free(names->items);
    memset(names, 0, sizeof *names);
}
