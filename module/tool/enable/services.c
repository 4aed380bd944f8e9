/* SPDX-License-Identifier: Apache-2.0 */
/* One table of servers that take their environment from somewhere else than the unit; for all others a drop-in does. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tool/enable/services.h"
#include "tool/enable/unit.h"
#include "tool/tool.h"

#define VARIABLE "OPENSSL_CONF=" SERVICES_OPENSSL_CNF
#define TOOL CLIENTCT_BINDIR "/clientct"
#define FOUND_MAX 64

/* A way beside the drop-in, for units whose name matches. */
struct way {
    const char *unit; /* the name, or with a '@' at its end the template, without ".service" */
    bool (*enable)(struct edits *edits, const struct way *way);
    bool (*disable)(struct edits *edits, const struct way *way);
    const char *path;  /* the file that gets our lines; a '*' stands for one folder's name */
    const char *lines; /* NULL: made by `enable` */
    enum edits_place place;
};

/* --- files with a '*' in their path --- */

static size_t expand(const struct edits *edits, const char *path, char *found[FOUND_MAX], size_t count)
{
    const char *star = strchr(path, '*');

    if (star == NULL) {
        if (count < FOUND_MAX && edits_exists(edits, path)) {
            found[count++] = tool_format("%s", path);
        }
        return count;
    }
    char *above = tool_format("%s%.*s", edits->root, (int)(star - path), path);
    DIR *folder = opendir(above);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.') {
            char *one = tool_format("%.*s%s%s", (int)(star - path), path, entry->d_name, star + 1);
            count = expand(edits, one, found, count);
            free(one);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    free(above);
    return count;
}

static bool block_everywhere(struct edits *edits, const struct way *way)
{
    char *found[FOUND_MAX];
    size_t count = expand(edits, way->path, found, 0);
    bool ok = true;

    if (count == 0) {
        tool_error("%s is not there, and this service takes its environment from it", way->path);
        ok = false;
    }
    for (size_t i = 0; i < count; i++) {
        ok = ok && edits_block(edits, found[i], way->place, way->lines);
        free(found[i]);
    }
    return ok;
}

static bool unblock_everywhere(struct edits *edits, const struct way *way)
{
    char *found[FOUND_MAX];
    size_t count = expand(edits, way->path, found, 0);
    bool ok = true;

    for (size_t i = 0; i < count; i++) {
        ok = edits_unblock(edits, found[i]) && ok;
        free(found[i]);
    }
    return ok;
}

/* 2.4 has another syntax than 2.3, and says in its file that it is 2.4. */
static bool dovecot(struct edits *edits, const struct way *way)
{
    char *text = NULL;
    struct way made = *way;

    if (!edits_text(edits, way->path, &text)) {
        return false;
    }
    made.lines = text != NULL && strstr(text, "dovecot_config_version") != NULL
                     ? "import_environment {\n  OPENSSL_CONF = " SERVICES_OPENSSL_CNF "\n}\n"
                     : "import_environment = $import_environment " VARIABLE "\n";
    free(text);
    return block_everywhere(edits, &made);
}

/* What Postfix keeps of its environment is one list, so it has to be said whole: the last line of the file counts. */
static bool postfix(struct edits *edits, const struct way *way)
{
    static const char usual[] = "MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ XAUTHORITY DISPLAY LANG=C POSTLOG_SERVICE "
                                "POSTLOG_HOSTNAME";
    char *text = NULL, *lines, *now = NULL;
    struct way made = *way;
    bool ok;

    if (!edits_unblock(edits, way->path) || !edits_text(edits, way->path, &text)) {
        return false;
    }
    for (const char *line = text; line != NULL && *line != '\0';) {
        size_t len = strcspn(line, "\n"), name = strlen("import_environment");
        if (strncmp(line, "import_environment", name) == 0 && strchr(" \t=", line[name]) != NULL) {
            size_t skip = name + strspn(line + name, " \t=");
            free(now);
            now = tool_format("%.*s", (int)(len - skip), line + skip);
        }
        line += len + (line[len] == '\n');
    }
    lines = tool_format("import_environment = %s " VARIABLE "\n", now != NULL ? now : usual);
    made.lines = lines;
    ok = block_everywhere(edits, &made);
    free(lines);
    free(now);
    free(text);
    return ok;
}

static const struct way ways[] = {
    { "nginx", block_everywhere, unblock_everywhere, "/etc/nginx/nginx.conf", "env OPENSSL_CONF;\n", EDITS_TOP },
    { "apache2", block_everywhere, unblock_everywhere, "/etc/apache2/envvars", "export " VARIABLE "\n", EDITS_TOP },
    { "postgresql", block_everywhere, unblock_everywhere, "/etc/postgresql/*/*/environment",
      "OPENSSL_CONF = '" SERVICES_OPENSSL_CNF "'\n", EDITS_TOP },
    { "postgresql@", block_everywhere, unblock_everywhere, "/etc/postgresql/*/*/environment",
      "OPENSSL_CONF = '" SERVICES_OPENSSL_CNF "'\n", EDITS_TOP },
    { "dovecot", dovecot, unblock_everywhere, "/etc/dovecot/dovecot.conf", NULL, EDITS_END },
    { "postfix", postfix, unblock_everywhere, "/etc/postfix/main.cf", NULL, EDITS_END },
    { "postfix@", postfix, unblock_everywhere, "/etc/postfix/main.cf", NULL, EDITS_END },
};
#define WAY_COUNT (sizeof ways / sizeof ways[0])

/* NULL: the drop-in is all it needs. */
static const struct way *way_of(const char *unit)
{
    for (size_t i = 0; i < WAY_COUNT; i++) {
        size_t len = strlen(ways[i].unit);
        bool template = ways[i].unit[len - 1] == '@';
        if (strncmp(unit, ways[i].unit, len) == 0 && (template || strcmp(unit + len, ".service") == 0)) {
            return &ways[i];
        }
    }
    return NULL;
}

/* --- AppArmor --- */

/* /usr/sbin/named is confined by usr.sbin.named, which includes local/usr.sbin.named. To be freed; NULL: it is not. */
static char *profile_of(const struct edits *edits, const char *program)
{
    char *name = program[0] == '/' ? tool_format("%s", program + 1) : NULL;
    char *profile = NULL, *local = NULL;

    for (char *slash = name; slash != NULL && (slash = strchr(slash, '/')) != NULL;) {
        *slash = '.';
    }
    if (name != NULL) {
        profile = tool_format("/etc/apparmor.d/%s", name);
        local = edits_exists(edits, profile) ? tool_format("/etc/apparmor.d/local/%s", name) : NULL;
    }
    free(profile);
    free(name);
    return local;
}

#define PROFILE_LINES \
    "/etc/clientct/** r,\n" \
    "/etc/ssl/openssl.cnf r,\n" CLIENTCT_MODULESDIR "/clientct.so mr,\n" \
    "/var/lib/clientct/** r,\n" \
    "/run/clientct/ r,\n" \
    "/run/clientct/** rwk,\n"

/* --- the drop-in --- */

static char *drop_in_of(const char *service, const char *program, const char *config)
{
    char *confined = unit_value(service, "NoExecPaths");
    char *protected = unit_value(service, "ProtectSystem");
    bool read_only = protected != NULL && (strcmp(protected, "strict") == 0 || strcmp(protected, "full") == 0);
    char *check = program != NULL ? tool_format("ExecStartPre=" TOOL
                                                " doctor --config %s --accept watches --accept unknown -- %s\n",
                                                config, program)
                                  : tool_format("%s", "");
    char *text = tool_format("# Made by `clientct enable`; `clientct disable` removes it.\n[Service]\n"
                             "Environment=" VARIABLE "\n%s%s%s",
                             confined != NULL ? "ExecPaths=" TOOL "\n" : "",
                             read_only ? "ReadWritePaths=-/run/clientct -/var/log/clientct\n" : "", check);

    free(check);
    free(confined);
    free(protected);
    return text;
}

bool services_enable(struct edits *edits, const char *unit, const char *config)
{
    const struct way *way = way_of(unit);
    char *service = unit_service(edits, unit);
    char *program, *local, *drop_in, *path;
    bool ok;

    if (service == NULL) {
        tool_error("there is no service %s here: neither a unit of systemd nor a script in /etc/init.d", unit);
        return false;
    }
    program = unit_program(service);
    local = program != NULL ? profile_of(edits, program) : NULL;
    drop_in = drop_in_of(service, program, config);
    path = unit_drop_in(unit);
    ok = edits_set(edits, path, drop_in) && (way == NULL || way->enable(edits, way)) &&
         (local == NULL || edits_block(edits, local, EDITS_END, PROFILE_LINES));
    free(path);
    free(drop_in);
    free(local);
    free(program);
    free(service);
    return ok;
}

bool services_disable(struct edits *edits, const char *unit)
{
    const struct way *way = way_of(unit);
    char *service = unit_service(edits, unit);
    char *program = service != NULL ? unit_program(service) : NULL;
    char *local = program != NULL ? profile_of(edits, program) : NULL;
    char *path = unit_drop_in(unit);
    bool ok = edits_set(edits, path, NULL);

    ok = (way == NULL || way->disable(edits, way)) && ok;
    ok = (local == NULL || edits_unblock(edits, local)) && ok;
    free(path);
    free(local);
    free(program);
    free(service);
    return ok;
}

size_t services_remaining(struct edits *edits)
{
    char *found[FOUND_MAX];
    size_t files = expand(edits, "/etc/systemd/system/*/clientct.conf", found, 0), count = 0;

    for (size_t i = 0; i < files; i++) {
        char *text = NULL;
        count += !edits_text(edits, found[i], &text) || text != NULL;
        free(text);
        free(found[i]);
    }
    return count;
}
