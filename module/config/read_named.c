/* SPDX-License-Identifier: Apache-2.0 */
#include "config/read_named.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Errors that pass by themselves. */
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM;
}

bool ct_is_out_of_reach(int error)
{
    return error == EACCES || error == EPERM || error == EXDEV || is_shortage(error);
}

const char *ct_why_unread(int error, char text[128])
{
    return error == EXDEV ? "the process has another root directory than when it read its first files"
                          : strerror_r(error, text, 128);
}

static void report(struct ct_reading *reading, const char *what, const char *path, size_t max, unsigned line, int error)
{
    bool itself = path == reading->config_file; /* the problem names the file already */
    const char *space = itself ? "" : " ", *name = itself ? "" : path;
    struct ct_problems *problems = reading->problems;
    char text[128];

    switch (error) {
    case EFBIG:
        ct_problem_add(problems, CT_ERROR, reading->config_file, line, "%s%s%s is larger than %zu bytes", what, space,
                       name, max);
        break;
    case EAGAIN:
        ct_problem_add(problems, CT_ERROR, reading->config_file, line, "%s%s%s is being written while it is read", what,
                       space, name);
        break;
    case EINVAL:
        ct_problem_add(problems, CT_ERROR, reading->config_file, line, "%s%s%s is not a regular file", what, space,
                       name);
        break;
    default:
        ct_problem_add(problems, CT_ERROR, reading->config_file, line, "cannot read %s%s%s: %s", what, space, name,
                       ct_why_unread(error, text));
        break;
    }
}

void ct_reading_keeps(struct ct_reading *reading, const char *what, const char *path, int error)
{
    char text[128];

    if (!reading->kept) {
        reading->kept = true;
        snprintf(reading->kept_why, sizeof reading->kept_why, "cannot read %s %.200s any more: %s", what, path,
                 ct_why_unread(error, text));
    }
}

struct ct_named ct_read_named(struct ct_reading *reading, const char *what, const char *path, size_t max, unsigned line,
                              bool in_force)
{
    const struct ct_loaded_file *loaded = ct_file_set_read(&reading->files, path, max);
    struct ct_named named = { 0 };
    int error = loaded == NULL ? ENOMEM : loaded->error;

    if (error == 0 && loaded->file.len > max) {
        error = EFBIG;
    }
    if (error == 0) {
        named.file = &loaded->file;
        return named;
    }
    if (loaded != NULL && loaded->is_earlier && loaded->file.len <= max) {
        named.file = &loaded->file;
        named.is_earlier = true;
    }
    named.kept = (in_force || named.is_earlier) && ct_is_out_of_reach(error);
    reading->unfinished = reading->unfinished || is_shortage(error);
    if (!named.kept) {
        report(reading, what, path, max, line, error);
    } else {
        ct_reading_keeps(reading, what, path, error);
    }
    return named;
}
