/* SPDX-License-Identifier: Apache-2.0 */
/* Planning, showing and making changes to files of the system. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/enable/edits.h"
#include "tool/tool.h"

#define TEXT_MAX_BYTES (1024u * 1024)
#define BEGIN "# clientct enable: begin"
#define END "# clientct enable: end; `clientct disable` takes these lines out\n"
/* What has to be known to restore the file: whether it is ours alone, or its last line had no end. */
#define BEGIN_PLAIN BEGIN "\n"
#define BEGIN_NEW_FILE BEGIN " (a file of its own)\n"
#define BEGIN_JOINED BEGIN " (the line before had no end)\n"

static char *rooted(const struct edits *edits, const char *path)
{
    return tool_format("%s%s", edits->root, path);
}

static char *copy(const char *text)
{
    return text != NULL ? tool_format("%s", text) : NULL;
}

void edits_clear(struct edits *edits)
{
    for (size_t i = 0; i < edits->count; i++) {
        free(edits->items[i].path);
        free(edits->items[i].before);
        free(edits->items[i].after);
    }
    free(edits->items);
    edits->items = NULL;
    edits->count = 0;
}

bool edits_exists(const struct edits *edits, const char *path)
{
    char *name = rooted(edits, path);
    bool there = access(name, F_OK) == 0;

    free(name);
    return there;
}

/* NULL in *text: there is none. */
static bool read_text(const struct edits *edits, const char *path, char **text)
{
    char *name = rooted(edits, path);
    struct tool_file file = { 0 };
    struct stat status;
    bool there = stat(name, &status) == 0, ok = true;

    *text = NULL;
    if (there && S_ISREG(status.st_mode) && status.st_size == 0) {
        *text = copy("");
    } else if (there) {
        ok = tool_read_file("the file", name, TEXT_MAX_BYTES, &file);
        if (ok && strlen((char *)file.data) != file.len) {
            tool_error("%s is not a text file", path);
            ok = false;
        }
        *text = ok ? copy((char *)file.data) : NULL;
        tool_file_clear(&file);
    }
    free(name);
    return ok;
}

static struct edit *find(struct edits *edits, const char *path)
{
    for (size_t i = 0; i < edits->count; i++) {
        if (strcmp(edits->items[i].path, path) == 0) {
            return &edits->items[i];
        }
    }
    return NULL;
}

/* The edit of this path, which so far changes nothing where it is new. NULL: what is there cannot be read. */
static struct edit *open_edit(struct edits *edits, const char *path)
{
    struct edit *edit = find(edits, path);
    char *text;

    if (edit != NULL) {
        return edit;
    }
    if (!read_text(edits, path, &text)) {
        return NULL;
    }
    struct edit *items = realloc(edits->items, (edits->count + 1) * sizeof *items);
    if (items == NULL) {
        tool_out_of_memory();
    }
    edits->items = items;
    edit = &items[edits->count++];
    *edit = (struct edit){ tool_format("%s", path), text, copy(text) };
    return edit;
}

bool edits_text(struct edits *edits, const char *path, char **text)
{
    const struct edit *edit = find(edits, path);

    if (edit != NULL) {
        *text = copy(edit->after);
        return true;
    }
    return read_text(edits, path, text);
}

bool edits_set(struct edits *edits, const char *path, const char *text)
{
    struct edit *edit = open_edit(edits, path);

    if (edit == NULL) {
        return false;
    }
    char *after = copy(text);
    free(edit->after);
    edit->after = after;
    return true;
}

/* Where our block is in `text`: its mark, and what follows it. NULL: nowhere, or its end is missing. */
static char *find_block(char *text, char **after)
{
    char *begin = strstr(text, BEGIN);
    char *end;

    if (begin == NULL || (begin != text && begin[-1] != '\n') || (end = strstr(begin, END)) == NULL) {
        return NULL;
    }
    *after = end + strlen(END);
    return begin;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

bool edits_unblock(struct edits *edits, const char *path)
{
    struct edit *edit = open_edit(edits, path);
    char *begin, *rest;

    if (edit == NULL) {
        return false;
    }
    if (edit->after == NULL || (begin = find_block(edit->after, &rest)) == NULL) {
        return true;
    }
    bool alone = starts_with(begin, BEGIN_NEW_FILE) && begin == edit->after && *rest == '\0';
    if (starts_with(begin, BEGIN_JOINED) && begin > edit->after) {
        begin--; /* the end of line that we gave it */
    }
    memmove(begin, rest, strlen(rest) + 1);
    if (alone) {
        free(edit->after);
        edit->after = NULL;
    }
    return true;
}

bool edits_block(struct edits *edits, const char *path, enum edits_place place, const char *lines)
{
    struct edit *edit;
    char *text;

    if (!edits_unblock(edits, path) || (edit = open_edit(edits, path)) == NULL) {
        return false;
    }
    const char *now = edit->after != NULL ? edit->after : "";
    bool joined = place == EDITS_END && *now != '\0' && now[strlen(now) - 1] != '\n';
    const char *begin = edit->after == NULL ? BEGIN_NEW_FILE : joined ? BEGIN_JOINED : BEGIN_PLAIN;
    if (place == EDITS_TOP) {
        text = tool_format("%s%s%s%s", begin, lines, END, now);
    } else {
        text = tool_format("%s%s%s%s%s", now, joined ? "\n" : "", begin, lines, END);
    }
    free(edit->after);
    edit->after = text;
    return true;
}

static bool changes(const struct edit *edit)
{
    return (edit->before == NULL) != (edit->after == NULL) ||
           (edit->before != NULL && strcmp(edit->before, edit->after) != 0);
}

size_t edits_pending(const struct edits *edits)
{
    size_t count = 0;

    for (size_t i = 0; i < edits->count; i++) {
        count += changes(&edits->items[i]);
    }
    return count;
}

/* --- the diff: our edits put in or take out one run of lines, so what is alike before and behind is enough --- */

static const char *next_line(const char *text)
{
    const char *end = strchr(text, '\n');

    return end != NULL ? end + 1 : text + strlen(text);
}

static size_t count_lines(const char *text, const char *end)
{
    size_t count = 0;

    for (; text < end; text = next_line(text)) {
        count++;
    }
    return count;
}

static const char *last_line(const char *text, const char *end)
{
    const char *line = end;

    while (line > text && (line == end || line[-1] != '\n')) {
        line--;
    }
    return line;
}

static void put_lines(char sign, const char *text, const char *end)
{
    for (const char *next; text < end; text = next) {
        next = next_line(text);
        bool ended = next > text && next[-1] == '\n';
        tool_put(sign == '+'   ? TOOL_GOOD
                 : sign == '-' ? TOOL_BAD
                               : TOOL_PLAIN,
                 "%c%.*s", sign, (int)(next - text) - ended, text);
        tool_end_line();
        if (!ended) {
            tool_line("\\ No newline at end of file");
        }
    }
}

static void show(const struct edit *edit)
{
    const char *old = edit->before != NULL ? edit->before : "", *new = edit->after != NULL ? edit->after : "";
    const char *old_end = old + strlen(old), *new_end = new + strlen(new);
    const char *a = old, *b = new;
    const char *old_line, *new_line;

    while (a < old_end && b < new_end && next_line(a) - a == next_line(b) - b &&
           memcmp(a, b, (size_t)(next_line(a) - a)) == 0) {
        a = next_line(a);
        b = next_line(b);
    }
    while (old_end > a && new_end > b) {
        old_line = last_line(a, old_end);
        new_line = last_line(b, new_end);
        if (old_end - old_line != new_end - new_line || memcmp(old_line, new_line, (size_t)(old_end - old_line)) != 0) {
            break;
        }
        old_end = old_line;
        new_end = new_line;
    }
    size_t first_old = count_lines(old, a), removed = count_lines(a, old_end), added = count_lines(b, new_end);
    tool_put(TOOL_BOLD, "--- %s", edit->before != NULL ? edit->path : "/dev/null");
    tool_end_line();
    tool_put(TOOL_BOLD, "+++ %s", edit->after != NULL ? edit->path : "/dev/null");
    tool_end_line();
    tool_line("@@ -%zu,%zu +%zu,%zu @@", first_old + (removed > 0), removed, count_lines(new, b) + (added > 0), added);
    put_lines('-', a, old_end);
    put_lines('+', b, new_end);
}

void edits_show(const struct edits *edits)
{
    for (size_t i = 0; i < edits->count; i++) {
        if (changes(&edits->items[i])) {
            show(&edits->items[i]);
        }
    }
}

/* --- making the changes --- */

static bool make_folders(char *name)
{
    for (char *slash = strchr(name + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(name, 0755) != 0 && errno != EEXIST) {
            tool_error("cannot make the folder %s: %s", name, strerror(errno));
            *slash = '/';
            return false;
        }
        *slash = '/';
    }
    return true;
}

static bool write_all(int fd, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t written = write(fd, text, len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        text += written;
        len -= (size_t)written;
    }
    return true;
}

/* A file that is half-written is never seen under its name. A symbolic link stays one: its target is written. */
static bool put_file(char *name, const char *text)
{
    char *target = realpath(name, NULL);
    char *path = target != NULL ? target : name;
    char *fresh = tool_format("%s.clientct-XXXXXX", path);
    struct stat old;
    bool ok = make_folders(name);
    int fd = ok ? mkstemp(fresh) : -1;

    if (fd < 0) {
        if (ok) {
            tool_error("cannot write beside %s: %s", path, strerror(errno));
        }
        ok = false;
    } else {
        bool was_there = stat(path, &old) == 0;
        ok = write_all(fd, text) && fchmod(fd, was_there ? old.st_mode & 07777 : 0644) == 0 &&
             (!was_there || fchown(fd, old.st_uid, old.st_gid) == 0) && fsync(fd) == 0;
        ok = close(fd) == 0 && ok && rename(fresh, path) == 0;
        if (!ok) {
            tool_error("cannot write %s: %s", path, strerror(errno));
            unlink(fresh);
        }
    }
    free(fresh);
    free(target);
    return ok;
}

/* The drop-in's own folder goes with it when it is empty; no other folder is touched. */
static bool remove_file(const char *name)
{
    if (unlink(name) != 0 && errno != ENOENT) {
        tool_error("cannot remove %s: %s", name, strerror(errno));
        return false;
    }
    char *folder = tool_format("%.*s", (int)(strrchr(name, '/') - name), name);
    size_t len = strlen(folder);
    if (len > 2 && strcmp(folder + len - 2, ".d") == 0) {
        (void)rmdir(folder);
    }
    free(folder);
    return true;
}

static bool put(const struct edits *edits, const char *path, const char *text)
{
    char *name = rooted(edits, path);
    bool ok = text != NULL ? put_file(name, text) : remove_file(name);

    free(name);
    return ok;
}

bool edits_apply(const struct edits *edits)
{
    for (size_t i = 0; i < edits->count; i++) {
        const struct edit *edit = &edits->items[i];
        if (!changes(edit) || put(edits, edit->path, edit->after)) {
            continue;
        }
        while (i-- > 0) {
            edit = &edits->items[i];
            if (changes(edit) && !put(edits, edit->path, edit->before)) {
                tool_error("%s could not be put back; it still has what was new", edit->path);
            }
        }
        return false;
    }
    return true;
}
