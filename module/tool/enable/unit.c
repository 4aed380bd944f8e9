/* SPDX-License-Identifier: Apache-2.0 */
/* What of a unit is asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/enable/unit.h"
#include "tool/tool.h"
#include "tool/unit_text.h"

#define OUR_DROP_IN "clientct.conf"

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

char *unit_service(const struct edits *edits, const char *name)
{
    char *found = NULL;
    char *service = tool_unit_text(edits->root, name, OUR_DROP_IN, &found);
    bool there = found != NULL;

    if (!there) {
        char *script = tool_format("/etc/init.d/%.*s", (int)(strlen(name) - strlen(".service")), name);
        there = edits_exists(edits, script); /* systemd makes a unit of it, to which drop-ins apply */
        free(script);
    }
    free(found);
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
