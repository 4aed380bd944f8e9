/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/doctor/words.h"

#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

#define BLANK " \t\r\n"

static bool is_blank(char c)
{
    return c != '\0' && strchr(BLANK, c) != NULL;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* What stands behind a backslash; *c is its last character afterwards. */
static char escaped(const char **c, bool *odd)
{
    static const char names[] = "abfnrtvs\\\"'", values[] = "\a\b\f\n\r\t\v \\\"'";
    const char *name = **c != '\0' ? strchr(names, **c) : NULL;

    if (name != NULL) {
        return values[name - names];
    }
    if (**c == 'x' && hex((*c)[1]) >= 0 && hex((*c)[2]) >= 0) {
        *c += 2;
        return (char)((unsigned)hex((*c)[-1]) << 4 | (unsigned)hex(**c));
    }
    *odd = true;
    return **c;
}

char *doctor_next_word(const char **at, bool *odd)
{
    const char *c = *at + strspn(*at, BLANK);
    char *out, *to;
    char quote = '\0';

    if (*c == '\0') {
        return NULL;
    }
    to = out = tool_format("%s", c);
    for (; *c != '\0' && (quote != '\0' || !is_blank(*c)); c++) {
        if (quote != '\0' ? *c == quote : *c == '"' || *c == '\'') {
            quote = quote != '\0' ? '\0' : *c;
        } else if (*c == '\\' && c[1] != '\0') {
            c++;
            *to++ = escaped(&c, odd);
        } else {
            *odd = *odd || *c == '\\';
            *to++ = *c;
        }
    }
    *odd = *odd || quote != '\0';
    *to = '\0';
    *at = c;
    return out;
}

/* The value from `c`, which is behind "=": written to `to`, where that is not NULL; where it ends. */
static const char *take_value(const char *c, char *to)
{
    size_t len = 0, end = 0; /* `end`: behind the last character that is not a blank to be cut off */
    char quote = '\0';
    bool begun = false; /* with something that is not in quotes: quotes are then characters like others */

    for (; *c != '\0' && (quote != '\0' || (*c != '\n' && *c != '\r')); c++) {
        char put[2] = { *c, '\0' };
        size_t count = 1;
        bool keeps = quote != '\0' || !is_blank(*c);

        if (quote == '\0' && !begun && (*c == '"' || *c == '\'')) {
            quote = *c;
            continue;
        }
        if (quote != '\0' && *c == quote) {
            quote = '\0';
            end = len;
            continue;
        }
        if (quote == '\0' && !begun && is_blank(*c)) {
            continue;
        }
        if (*c == '\\' && quote != '\'' && c[1] != '\0') {
            bool stays = quote == '"' && strchr("\"\\`$\n", c[1]) == NULL; /* the backslash, too */

            c++;
            count = (*c != '\n' && *c != '\r') + (size_t)stays;
            put[count > 0 ? count - 1 : 0] = *c;
            keeps = true;
        }
        for (size_t i = 0; i < count; i++, len++) {
            if (to != NULL) {
                to[len] = put[i];
            }
        }
        begun = begun || (quote == '\0' && count > 0);
        end = keeps ? len : end;
    }
    if (to != NULL) {
        to[end] = '\0';
    }
    return c;
}

char *doctor_next_variable(const char **at, bool *odd)
{
    const char *c = *at;
    char *out = NULL;

    while (out == NULL && *(c += strspn(c, BLANK)) != '\0') {
        size_t line = strcspn(c, "\n\r"), name = strcspn(c, "=\n\r");

        if (*c == '#' || *c == ';') {
            *odd = *odd || c[line - 1] == '\\';
            c += line;
        } else if (name == line) {
            c += line; /* no assignment */
        } else {
            const char *value = c + name + 1, *end = take_value(value, NULL);

            while (name > 0 && is_blank(c[name - 1])) {
                name--;
            }
            out = tool_format("%.*s=%.*s", (int)name, c, (int)(end - value), value);
            c = take_value(value, out + name + 1);
        }
    }
    *at = c;
    return out;
}

/* What a specifier stands for, to be freed; NULL: not known here. */
static char *meaning_of(char specifier, const char *name, const char *instance)
{
    const char *dot = strrchr(name, '.');
    int before_dot = dot != NULL ? (int)(dot - name) : (int)strlen(name);

    switch (specifier) {
    case '%':
        return tool_format("%%");
    case 'n':
        return tool_format("%s", name);
    case 'N':
        return tool_format("%.*s", before_dot, name);
    case 'p':
        return tool_format("%.*s", (int)strcspn(name, "@."), name);
    case 'I':
        if (strpbrk(instance, "-\\") != NULL) {
            return NULL; /* another writing of a path */
        }
        return tool_format("%s", instance);
    case 'i':
        return tool_format("%s", instance);
    case 't':
        return tool_format("/run");
    case 'E':
        return tool_format("/etc");
    case 'S':
        return tool_format("/var/lib");
    case 'C':
        return tool_format("/var/cache");
    case 'L':
        return tool_format("/var/log");
    case 'T':
        return tool_format("/tmp");
    case 'V':
        return tool_format("/var/tmp");
    case 'h':
        return tool_format("/root");
    default:
        return NULL;
    }
}

char *doctor_specified(const char *text, const char *name, const char *instance, bool *odd)
{
    char *out = tool_format("%s", "");

    for (const char *at = text; *at != '\0'; at++) {
        char *meaning = *at == '%' ? meaning_of(at[1], name, instance) : NULL;
        char *before = out;

        *odd = *odd || (*at == '%' && meaning == NULL);
        at += meaning != NULL;
        out = meaning != NULL ? tool_format("%s%s", before, meaning) : tool_format("%s%c", before, *at);
        free(meaning);
        free(before);
    }
    return out;
}
