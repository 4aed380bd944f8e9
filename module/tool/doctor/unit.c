/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "tool/doctor/unit.h"
#include "tool/doctor/words.h"
#include "tool/tool.h"
#include "tool/unit_text.h"

#define FILE_MAX_BYTES (1024u * 1024)
#define VARIABLES_MAX 1024
#define DYNAMIC_USER 64998 /* of those that systemd takes for DynamicUser= */

/* What may take files or rights from a service, or give it others, and is not played here. */
static const char *const unseen[] = { "NoExecPaths",    "RootImage",      "MountImages",       "ExtensionImages",
                                      "PAMName",        "SELinuxContext", "SmackProcessLabel", "ExtensionDirectories",
                                      "AppArmorProfile" };

/* What may end a service, or keep it from writing, and lets no client in. */
static const char *const harmless[] = { "ProtectSystem", "SystemCallFilter", "MemoryDenyWriteExecute",
                                        "ReadOnlyPaths" };

static const struct {
    const char *name;
    int limit;
} limits[] = {
    { "LimitNOFILE", RLIMIT_NOFILE }, { "LimitAS", RLIMIT_AS },       { "LimitDATA", RLIMIT_DATA },
    { "LimitSTACK", RLIMIT_STACK },   { "LimitFSIZE", RLIMIT_FSIZE }, { "LimitMEMLOCK", RLIMIT_MEMLOCK },
    { "LimitCPU", RLIMIT_CPU },       { "LimitNPROC", RLIMIT_NPROC },
};

struct reading {
    struct doctor *doctor;
    struct doctor_unit *unit;
    char *files; /* EnvironmentFile=, one a line: they come after Environment=, whatever the order */
    char *user, *group, *extra_groups, *unset, *pass, *home, *capabilities;
    const char *name, *instance;
    bool private_tmp, dynamic_user, private_users, is_privileged;
    bool odd; /* something in it that systemd may read in another way */
    bool is_bad;
};

static void set(char **to, const char *value)
{
    free(*to);
    *to = tool_format("%s", value);
}

static void add(char **to, const char *value, char separator)
{
    char *before = *to;

    *to = before != NULL && before[0] != '\0' ? tool_format("%s%c%s", before, separator, value)
                                              : tool_format("%s", value);
    free(before);
}

static char *specified(struct reading *reading, const char *text)
{
    return doctor_specified(text, reading->name, reading->instance, &reading->odd);
}

static void set_variable(struct doctor_unit *unit, const char *assignment)
{
    char **list = unit->start.environment;
    size_t len = strcspn(assignment, "=");
    size_t i = 0;

    while (list[i] != NULL && (strncmp(list[i], assignment, len) != 0 || list[i][len] != '=')) {
        i++;
    }
    if (i < VARIABLES_MAX && assignment[len] == '=') {
        free(list[i]);
        list[i] = tool_format("%s", assignment);
    }
}

static void unset_variable(struct doctor_unit *unit, const char *name)
{
    char **list = unit->start.environment;
    size_t len = strcspn(name, "=");

    for (size_t i = 0; list[i] != NULL; i++) {
        if (strncmp(list[i], name, len) == 0 && list[i][len] == '=') {
            free(list[i]);
            do {
                list[i] = list[i + 1];
            } while (list[i++] != NULL);
            return;
        }
    }
}

static void clear_variables(struct doctor_unit *unit)
{
    for (char **at = unit->start.environment; *at != NULL; at++) {
        free(*at);
        *at = NULL;
    }
}

static void read_environment_file(struct reading *reading, const char *path)
{
    struct ct_file file;
    int error = ct_file_read(path, FILE_MAX_BYTES, true, &file);
    char *variable;

    if (error != 0) {
        doctor_say(reading->doctor, DOCTOR_UNKNOWN, "unit", "EnvironmentFile=%s cannot be read: %s", path,
                   strerror(error));
        reading->is_bad = true;
        return;
    }
    for (const char *at = (const char *)file.data; (variable = doctor_next_variable(&at, &reading->odd)) != NULL;) {
        set_variable(reading->unit, variable);
        free(variable);
    }
    ct_file_clear(&file);
}

/* A path, or a pattern of some; "-" before it: they need not be there. */
static void read_environment_files(struct reading *reading, const char *entry)
{
    bool optional = entry[0] == '-';
    char *pattern = specified(reading, entry + optional);
    glob_t found;

    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            read_environment_file(reading, found.gl_pathv[i]);
        }
        globfree(&found);
    } else if (!optional) {
        doctor_say(reading->doctor, DOCTOR_UNKNOWN, "unit", "there is no EnvironmentFile=%s: systemd does not start it",
                   pattern);
        reading->is_bad = true;
    }
    free(pattern);
}

static void take_limit(struct doctor_unit *unit, int which, const char *value)
{
    char *end;
    unsigned long long number = strtoull(value, &end, 10);
    unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : *end == 'T' ? 40 : 0;

    unit->start.limits[which].set = true;
    unit->start.limits[which].value = strncmp(value, "infinity", 8) == 0 ? RLIM_INFINITY : (rlim_t)(number << shift);
}

static void take_command(struct reading *reading, const char *value)
{
    size_t prefixes = strspn(value, "@-:+!| \t");
    const char *at = value + prefixes;
    char *word = doctor_next_word(&at, &reading->odd);

    free(reading->unit->command);
    reading->unit->command = word != NULL ? specified(reading, word) : NULL;
    reading->is_privileged = memchr(value, '+', prefixes) != NULL || memchr(value, '!', prefixes) != NULL;
    free(word);
}

static bool is_no(const char *value)
{
    static const char *const words[] = { "", "no", "false", "off", "0", "n", "f" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(value, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* ProtectHome= has one value, and the last counts. */
static void protect_home(struct reading *reading, const char *value)
{
    static const char *const homes[] = { "/home", "/root", "/run/user" };
    struct doctor_views *views = &reading->unit->start.views;

    for (size_t i = 0; i < sizeof homes / sizeof homes[0]; i++) {
        if (strcmp(value, "tmpfs") == 0) {
            doctor_views_add(views, VIEW_EMPTY, homes[i], NULL, true);
        } else if (!is_no(value) && strcmp(value, "read-only") != 0) {
            doctor_views_add(views, VIEW_HIDDEN, homes[i], NULL, true);
        }
    }
}

/* Lists of paths: "-" before one: it need not be there; "+": it is below the service's root, as all are here. */
static void take_paths(struct reading *reading, enum doctor_view_kind kind, const char *value)
{
    char *text = specified(reading, value), *word;
    const char *at = text;

    if (value[0] == '\0') {
        doctor_views_drop(&reading->unit->start.views, kind);
    }
    while ((word = doctor_next_word(&at, &reading->odd)) != NULL) {
        char *path = word + strspn(word, "-+");
        char *colon = strchr(path, ':');
        char *place = NULL;

        if (colon != NULL) {
            *colon = '\0';
            place = tool_format("%.*s", (int)strcspn(colon + 1, ":"), colon + 1);
        }
        if (kind == VIEW_BIND) {
            doctor_views_add(&reading->unit->start.views, kind, place != NULL ? place : path, path, word[0] == '-');
        } else {
            doctor_views_add(&reading->unit->start.views, kind, path, NULL, word[0] == '-');
        }
        free(place);
        free(word);
    }
    free(text);
}

static void take_environment(struct reading *reading, const char *value)
{
    char *text = specified(reading, value), *word;
    const char *at = text;

    if (value[0] == '\0') {
        clear_variables(reading->unit);
    }
    while ((word = doctor_next_word(&at, &reading->odd)) != NULL) {
        set_variable(reading->unit, word);
        free(word);
    }
    free(text);
}

/* Lists that grow, and begin anew with an empty value. */
static void take_list(char **list, const char *value, char separator)
{
    if (value[0] == '\0') {
        set(list, "");
    } else {
        add(list, value, separator);
    }
}

static void take_directory(struct reading *reading, const char *value)
{
    const char *path = value + (value[0] == '-');

    free((char *)reading->unit->start.directory);
    reading->unit->start.directory = path[0] != '\0' ? specified(reading, path) : NULL;
}

static void take_root(struct reading *reading, const char *value)
{
    free((char *)reading->unit->start.root);
    reading->unit->start.root = value[0] != '\0' && strcmp(value, "/") != 0 ? specified(reading, value) : NULL;
}

static void name_setting(char **names, const char *const *table, size_t count, const char *key, const char *value)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(key, table[i]) == 0 && !is_no(value) && strstr(*names, key) == NULL) {
            add(names, key, ' ');
        }
    }
}

static void take_setting(struct reading *reading, const char *key, const char *value)
{
    struct doctor_unit *unit = reading->unit;

    if (strcmp(key, "Environment") == 0) {
        take_environment(reading, value);
    } else if (strcmp(key, "EnvironmentFile") == 0) {
        take_list(&reading->files, value, '\n');
    } else if (strcmp(key, "UnsetEnvironment") == 0) {
        take_list(&reading->unset, value, ' ');
    } else if (strcmp(key, "PassEnvironment") == 0) {
        take_list(&reading->pass, value, ' ');
    } else if (strcmp(key, "CapabilityBoundingSet") == 0) {
        add(&reading->capabilities, value[0] != '\0' ? value : "none", '\n');
    } else if (strcmp(key, "User") == 0) {
        set(&reading->user, value);
    } else if (strcmp(key, "Group") == 0) {
        set(&reading->group, value);
    } else if (strcmp(key, "SupplementaryGroups") == 0) {
        take_list(&reading->extra_groups, value, ' ');
    } else if (strcmp(key, "RootDirectory") == 0) {
        take_root(reading, value);
    } else if (strcmp(key, "WorkingDirectory") == 0) {
        take_directory(reading, value);
    } else if (strcmp(key, "ExecStart") == 0) {
        take_command(reading, value);
    } else if (strcmp(key, "DynamicUser") == 0) {
        reading->dynamic_user = !is_no(value);
    } else if (strcmp(key, "PrivateUsers") == 0) {
        reading->private_users = !is_no(value);
    } else if (strcmp(key, "PrivateTmp") == 0) {
        reading->private_tmp = !is_no(value);
    } else if (strcmp(key, "ProtectHome") == 0) {
        set(&reading->home, value);
    } else if (strcmp(key, "InaccessiblePaths") == 0) {
        take_paths(reading, VIEW_HIDDEN, value);
    } else if (strcmp(key, "TemporaryFileSystem") == 0) {
        take_paths(reading, VIEW_EMPTY, value);
    } else if (strcmp(key, "BindPaths") == 0 || strcmp(key, "BindReadOnlyPaths") == 0) {
        take_paths(reading, VIEW_BIND, value);
    }
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (strcmp(key, limits[i].name) == 0) {
            take_limit(unit, limits[i].limit, value);
        }
    }
    name_setting(&unit->unseen, unseen, sizeof unseen / sizeof unseen[0], key, value);
    name_setting(&unit->harmless, harmless, sizeof harmless / sizeof harmless[0], key, value);
}

static void take_text(struct reading *reading, char *text)
{
    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        for (size_t len = strlen(line); len > 0 && isspace((unsigned char)line[len - 1]); len--) {
            line[len - 1] = '\0';
        }
        char *equals = strchr(line, '=');
        if (equals != NULL) {
            char *value = equals + 1 + strspn(equals + 1, " \t");
            for (*equals = '\0'; equals > line && isspace((unsigned char)equals[-1]);) {
                *--equals = '\0';
            }
            take_setting(reading, line, value);
        }
    }
}

/* Whether root may still open what others alone may: CapabilityBoundingSet= gives it a list, or takes from all. */
static bool keeps_override(const char *lists, const char *capability)
{
    char *copy = tool_format("%s", lists != NULL ? lists : "");
    char *save = NULL;
    bool kept = true, begun = false;

    for (char *list = strtok_r(copy, "\n", &save); list != NULL; list = strtok_r(NULL, "\n", &save)) {
        bool inverted = list[0] == '~';
        bool named = strstr(list, capability) != NULL;

        if (strcmp(list, "none") == 0) {
            kept = false;
        } else if (inverted) {
            kept = kept && !named;
        } else {
            kept = named || (begun && kept);
        }
        begun = true;
    }
    free(copy);
    return kept;
}

static bool find_user(struct reading *reading)
{
    struct doctor_start *start = &reading->unit->start;
    char *name = specified(reading, reading->user != NULL ? reading->user : "");
    const struct passwd *user = name[0] != '\0' ? getpwnam(name) : NULL;
    bool is_dynamic = user == NULL && reading->dynamic_user;
    int count = 64;
    char *word;

    if (reading->is_privileged || (name[0] == '\0' && !is_dynamic)) {
        free(name);
        return true;
    }
    if (user == NULL && !is_dynamic) {
        doctor_say(reading->doctor, DOCTOR_UNKNOWN, "unit", "there is no user %s", name);
        free(name);
        return false;
    }
    start->has_user = true;
    start->uid = is_dynamic ? DYNAMIC_USER : user->pw_uid;
    start->gid = is_dynamic ? DYNAMIC_USER : user->pw_gid;
    if (reading->group != NULL && reading->group[0] != '\0') {
        const struct group *group = getgrnam(reading->group);
        if (group == NULL && !is_dynamic) {
            doctor_say(reading->doctor, DOCTOR_UNKNOWN, "unit", "there is no group %s", reading->group);
            free(name);
            return false;
        }
        start->gid = group != NULL ? group->gr_gid : start->gid;
    }
    start->groups = calloc(128, sizeof *start->groups);
    if (start->groups == NULL) {
        tool_out_of_memory();
    }
    if (is_dynamic) {
        start->groups[0] = start->gid;
        count = 1;
    } else if (getgrouplist(name, start->gid, start->groups, &count) < 0) {
        count = 64;
    }
    start->group_count = (size_t)count;
    const char *at = reading->extra_groups != NULL ? reading->extra_groups : "";
    while ((word = doctor_next_word(&at, &reading->odd)) != NULL) {
        const struct group *group = getgrnam(word);
        if (group != NULL && start->group_count < 128) {
            start->groups[start->group_count++] = group->gr_gid;
        }
        free(word);
    }
    free(name);
    return true;
}

/* What root does not see or may not open any more. */
static void find_view(struct reading *reading)
{
    struct doctor_start *start = &reading->unit->start;

    if (reading->is_privileged) {
        doctor_views_clear(&start->views);
        return;
    }
    protect_home(reading, reading->home != NULL ? reading->home : reading->dynamic_user ? "read-only" : "");
    if (reading->private_tmp || reading->dynamic_user) {
        doctor_views_add(&start->views, VIEW_EMPTY, "/tmp", NULL, true);
        doctor_views_add(&start->views, VIEW_EMPTY, "/var/tmp", NULL, true);
    }
    start->lacks_override = !keeps_override(reading->capabilities, "CAP_DAC_OVERRIDE");
    start->lacks_search = !keeps_override(reading->capabilities, "CAP_DAC_READ_SEARCH");
    if (reading->private_users && !start->has_user) {
        start->lacks_override = start->lacks_search = true; /* its rights end at its own user namespace */
    }
}

/* Variables in the order in which systemd lays them over each other. */
static void lay_environment(struct reading *reading)
{
    static const char *const ours[] = { "OPENSSL_", "SSL_", "LD_" };
    char *files = tool_format("%s", reading->files != NULL ? reading->files : "");
    char *save = NULL, *word;
    const char *at = reading->pass != NULL ? reading->pass : "";

    while ((word = doctor_next_word(&at, &reading->odd)) != NULL) {
        for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
            if (strncmp(word, ours[i], strlen(ours[i])) == 0 &&
                doctor_start_getenv(&reading->unit->start, word) == NULL) {
                doctor_say(reading->doctor, DOCTOR_UNKNOWN, "unit",
                           "PassEnvironment=%s: what the manager of the system has there cannot be seen", word);
                reading->is_bad = true;
            }
        }
        free(word);
    }
    for (char *file = strtok_r(files, "\n", &save); file != NULL; file = strtok_r(NULL, "\n", &save)) {
        read_environment_files(reading, file);
    }
    free(files);
    at = reading->unset != NULL ? reading->unset : "";
    while ((word = doctor_next_word(&at, &reading->odd)) != NULL) {
        unset_variable(reading->unit, word);
        free(word);
    }
    if (doctor_start_getenv(&reading->unit->start, "PATH") == NULL) {
        set_variable(reading->unit, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin");
    }
}

/* "~" is the home of the user; without WorkingDirectory= a service is in the root directory. */
static void find_directory(struct reading *reading)
{
    struct doctor_start *start = &reading->unit->start;

    if (start->directory == NULL || strcmp(start->directory, "~") == 0) {
        const struct passwd *user = start->directory != NULL && reading->user != NULL ? getpwnam(reading->user) : NULL;

        free((char *)start->directory);
        start->directory = tool_format("%s", user != NULL ? user->pw_dir : "/");
    }
}

static void read_unit(struct reading *reading, const char *found, char *text)
{
    struct doctor_unit *unit = reading->unit;

    take_text(reading, text);
    lay_environment(reading);
    if (unit->command == NULL) {
        doctor_say(reading->doctor, DOCTOR_UNKNOWN, "unit", "%s has no ExecStart=", found);
        reading->is_bad = true;
    }
    reading->is_bad = !find_user(reading) || reading->is_bad;
    find_view(reading);
    find_directory(reading);
    if (reading->odd) {
        doctor_say(reading->doctor, DOCTOR_UNKNOWN, "unit",
                   "%s or a file that it names has a specifier, an escape or a comment that is not known here, so that "
                   "systemd may read it in another way",
                   found);
    }
}

bool doctor_unit_read(struct doctor *doctor, const char *name, struct doctor_unit *unit)
{
    struct reading reading = { .doctor = doctor, .unit = unit };
    char *full = strchr(name, '.') != NULL ? tool_format("%s", name) : tool_format("%s.service", name);
    char *template = tool_unit_template(full), *found = NULL, *text;
    const char *at = strchr(full, '@');
    char *instance =
        template != NULL ? tool_format("%.*s", (int)(strrchr(full, '.') - at - 1), at + 1) : tool_format("%s", "");

    memset(unit, 0, sizeof *unit);
    unit->start.environment = calloc(VARIABLES_MAX + 1, sizeof *unit->start.environment);
    unit->unseen = tool_format("%s", "");
    unit->harmless = tool_format("%s", "");
    if (unit->start.environment == NULL) {
        tool_out_of_memory();
    }
    reading.name = full;
    reading.instance = instance;
    text = tool_unit_text("", strchr(full, '/') == NULL ? full : "", NULL, &found);
    if (found == NULL) {
        doctor_say(doctor, DOCTOR_UNKNOWN, "unit",
                   "there is no unit file %s in the directories of systemd, or it is "
                   "masked",
                   full);
        reading.is_bad = true;
    } else {
        read_unit(&reading, found, text);
    }
    if (!reading.is_bad) {
        doctor_say(doctor, DOCTOR_NOTE, "unit", "%s and its drop-ins: %s, as %s, with OPENSSL_CONF=%s", found,
                   unit->command,
                   !unit->start.has_user                             ? "root"
                   : reading.user != NULL && reading.user[0] != '\0' ? reading.user
                                                                     : "a dynamic user",
                   doctor_start_getenv(&unit->start, "OPENSSL_CONF") != NULL
                       ? doctor_start_getenv(&unit->start, "OPENSSL_CONF")
                       : "(not set)");
    }
    free(text);
    free(found);
    free(full);
    free(template);
    free(instance);
    free(reading.files);
    free(reading.user);
    free(reading.group);
    free(reading.extra_groups);
    free(reading.unset);
    free(reading.pass);
    free(reading.home);
    free(reading.capabilities);
    return !reading.is_bad;
}

void doctor_unit_clear(struct doctor_unit *unit)
{
    if (unit->start.environment != NULL) {
        clear_variables(unit);
    }
    free(unit->start.environment);
    free((char *)unit->start.root);
    free((char *)unit->start.directory);
    free(unit->start.groups);
    free(unit->command);
    free(unit->unseen);
    free(unit->harmless);
    doctor_views_clear(&unit->start.views);
    memset(unit, 0, sizeof *unit);
}
