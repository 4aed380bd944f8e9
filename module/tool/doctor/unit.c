#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "tool/doctor/unit.h"
#include "tool/tool.h"

#define UNIT_MAX_BYTES (1024u * 1024)
#define VARIABLES_MAX 1024
#define DROP_INS_MAX 256

/* Where systemd looks, the first wins; of drop-ins the names are sorted over all of them (systemd.unit(5)). */
static const char *const directories[] = { "/etc/systemd/system", "/run/systemd/system",
                                           "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                           "/lib/systemd/system" };
#define DIRECTORIES (sizeof directories / sizeof directories[0])

/* What changes what the service sees of the machine, and is made by the manager alone. */
static const char *const worlds[] = { "PrivateTmp",       "ProtectHome",
                                      "ProtectSystem",    "InaccessiblePaths",
                                      "NoExecPaths",      "TemporaryFileSystem",
                                      "BindPaths",        "BindReadOnlyPaths",
                                      "RootImage",        "DynamicUser",
                                      "AppArmorProfile",  "SELinuxContext",
                                      "SystemCallFilter", "MemoryDenyWriteExecute",
                                      "PrivateUsers" };

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
    char *user, *group, *extra_groups, *unset, *pass;
    const char *name, *instance;
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

/* The specifiers that matter for files and names; others stay as they are. To be freed. */
static char *specified(const struct reading *reading, const char *text)
{
    char *out = tool_format("%s", "");

    for (const char *at = text; *at != '\0'; at++) {
        char one[2] = { *at, '\0' };
        const char *put = one;

        if (*at == '%' && at[1] != '\0') {
            put = at[1] == 'i' || at[1] == 'I' ? reading->instance
                  : at[1] == 'n'               ? reading->name
                  : at[1] == 't'               ? "/run"
                  : at[1] == '%'               ? "%"
                                               : NULL;
            if (put != NULL) {
                at++;
            } else {
                put = one;
            }
        }
        char *before = out;
        out = tool_format("%s%s", before, put);
        free(before);
    }
    return out;
}

/* The next word, with quotes and backslashes taken off, to be freed; NULL: no more. */
static char *next_word(const char **at)
{
    const char *c = *at + strspn(*at, " \t\n");
    char *out, *to;
    char quote = '\0';

    if (*c == '\0') {
        return NULL;
    }
    to = out = tool_format("%s", c);
    for (; *c != '\0' && (quote != '\0' || !isspace((unsigned char)*c)); c++) {
        if (quote != '\0' ? *c == quote : *c == '"' || *c == '\'') {
            quote = quote != '\0' ? '\0' : *c;
        } else {
            *to++ = *c == '\\' && c[1] != '\0' ? *++c : *c;
        }
    }
    *to = '\0';
    *at = c;
    return out;
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

/* systemd.exec(5): lines with comments, quotes, and backslashes at the end. */
static void read_environment_file(struct reading *reading, const char *entry)
{
    bool optional = entry[0] == '-';
    char *path = specified(reading, entry + optional);
    struct ct_file file;
    int error = ct_file_read(path, UNIT_MAX_BYTES, true, &file);
    char *save = NULL;

    if (error != 0) {
        if (!optional) {
            doctor_say(reading->doctor, DOCTOR_UNKNOWN, "unit", "EnvironmentFile=%s cannot be read: %s", path,
                       strerror(error));
            reading->is_bad = true;
        }
        free(path);
        return;
    }
    for (char *line = strtok_r((char *)file.data, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        line += strspn(line, " \t");
        size_t name = strcspn(line, "=");
        if (line[0] == '#' || line[0] == ';' || line[name] != '=') {
            continue;
        }
        const char *at = line + name + 1;
        char *value = next_word(&at);
        char *assignment = tool_format("%.*s=%s", (int)name, line, value != NULL ? value : "");
        set_variable(reading->unit, assignment);
        free(value);
        free(assignment);
    }
    ct_file_clear(&file);
    free(path);
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
    const char *at = value + strspn(value, "@-:+!| \t");
    char *word = next_word(&at);

    free(reading->unit->command);
    reading->unit->command = word != NULL ? specified(reading, word) : NULL;
    free(word);
}

static void take_setting(struct reading *reading, const char *key, const char *value)
{
    struct doctor_unit *unit = reading->unit;

    if (strcmp(key, "Environment") == 0) {
        char *text = specified(reading, value), *word;
        const char *at = text;
        if (value[0] == '\0') {
            clear_variables(unit);
        }
        while ((word = next_word(&at)) != NULL) {
            set_variable(unit, word);
            free(word);
        }
        free(text);
    } else if (strcmp(key, "EnvironmentFile") == 0) {
        if (value[0] == '\0') {
            set(&reading->files, "");
        } else {
            add(&reading->files, value, '\n');
        }
    } else if (strcmp(key, "UnsetEnvironment") == 0) {
        add(&reading->unset, value, ' ');
    } else if (strcmp(key, "PassEnvironment") == 0) {
        add(&reading->pass, value, ' ');
    } else if (strcmp(key, "User") == 0) {
        set(&reading->user, value);
    } else if (strcmp(key, "Group") == 0) {
        set(&reading->group, value);
    } else if (strcmp(key, "SupplementaryGroups") == 0) {
        add(&reading->extra_groups, value, ' ');
    } else if (strcmp(key, "RootDirectory") == 0) {
        free((char *)unit->start.root);
        unit->start.root = value[0] != '\0' && strcmp(value, "/") != 0 ? specified(reading, value) : NULL;
    } else if (strcmp(key, "WorkingDirectory") == 0) {
        free((char *)unit->start.directory);
        unit->start.directory = value[0] == '/' ? specified(reading, value) : NULL;
    } else if (strcmp(key, "ExecStart") == 0) {
        take_command(reading, value);
    }
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (strcmp(key, limits[i].name) == 0) {
            take_limit(unit, limits[i].limit, value);
        }
    }
    for (size_t i = 0; i < sizeof worlds / sizeof worlds[0]; i++) {
        if (strcmp(key, worlds[i]) == 0 && value[0] != '\0' && strcmp(value, "no") != 0 &&
            strcmp(value, "false") != 0 && strstr(unit->not_reproduced, worlds[i]) == NULL) {
            add(&unit->not_reproduced, worlds[i], ' ');
        }
    }
}

/* Lines of [Service]; a backslash at the end joins the next one. */
static void take_text(struct reading *reading, char *text)
{
    bool in_service = false;

    for (char *at = text; (at = strstr(at, "\\\n")) != NULL;) {
        at[0] = at[1] = ' ';
    }
    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        line += strspn(line, " \t");
        for (size_t len = strlen(line); len > 0 && isspace((unsigned char)line[len - 1]); len--) {
            line[len - 1] = '\0';
        }
        char *equals = strchr(line, '=');
        if (line[0] == '[') {
            in_service = strcmp(line, "[Service]") == 0;
        } else if (in_service && line[0] != '#' && line[0] != ';' && equals != NULL) {
            char *value = equals + 1 + strspn(equals + 1, " \t");
            for (*equals = '\0'; equals > line && isspace((unsigned char)equals[-1]);) {
                *--equals = '\0';
            }
            take_setting(reading, line, value);
        }
    }
}

static bool take_file(struct reading *reading, const char *path)
{
    struct ct_file file;

    if (ct_file_read(path, UNIT_MAX_BYTES, true, &file) != 0) {
        return false;
    }
    take_text(reading, (char *)file.data);
    ct_file_clear(&file);
    return true;
}

static int by_name(const void *a, const void *b)
{
    const char *first = *(char *const *)a, *second = *(char *const *)b;

    return strcmp(strrchr(first, '/'), strrchr(second, '/'));
}

static void take_drop_ins(struct reading *reading, const char *name)
{
    char *paths[DROP_INS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < DIRECTORIES; i++) {
        char *directory = tool_format("%s/%s.d", directories[i], name);
        DIR *open = opendir(directory);
        struct dirent *entry;

        while (open != NULL && (entry = readdir(open)) != NULL && count < DROP_INS_MAX) {
            size_t len = strlen(entry->d_name);
            bool known = len < 6 || strcmp(entry->d_name + len - 5, ".conf") != 0;

            for (size_t k = 0; k < count && !known; k++) {
                known = strcmp(strrchr(paths[k], '/') + 1, entry->d_name) == 0; /* of one name the first counts */
            }
            if (!known) {
                paths[count++] = tool_format("%s/%s", directory, entry->d_name);
            }
        }
        if (open != NULL) {
            closedir(open);
        }
        free(directory);
    }
    qsort(paths, count, sizeof paths[0], by_name);
    for (size_t i = 0; i < count; i++) {
        (void)take_file(reading, paths[i]);
        free(paths[i]);
    }
}

static bool find_user(struct reading *reading)
{
    struct doctor_start *start = &reading->unit->start;
    const struct passwd *user = reading->user != NULL && reading->user[0] != '\0' ? getpwnam(reading->user) : NULL;
    int count = 64;
    char *word;

    if (reading->user == NULL || reading->user[0] == '\0') {
        return true;
    }
    if (user == NULL) {
        doctor_say(reading->doctor, DOCTOR_UNKNOWN, "unit", "there is no user %s", reading->user);
        return false;
    }
    start->has_user = true;
    start->uid = user->pw_uid;
    start->gid = user->pw_gid;
    if (reading->group != NULL && reading->group[0] != '\0') {
        const struct group *group = getgrnam(reading->group);
        if (group == NULL) {
            doctor_say(reading->doctor, DOCTOR_UNKNOWN, "unit", "there is no group %s", reading->group);
            return false;
        }
        start->gid = group->gr_gid;
    }
    start->groups = calloc(128, sizeof *start->groups);
    if (start->groups == NULL) {
        tool_out_of_memory();
    }
    if (getgrouplist(reading->user, start->gid, start->groups, &count) < 0) {
        count = 64;
    }
    start->group_count = (size_t)count;
    const char *at = reading->extra_groups != NULL ? reading->extra_groups : "";
    while ((word = next_word(&at)) != NULL) {
        const struct group *group = getgrnam(word);
        if (group != NULL && start->group_count < 128) {
            start->groups[start->group_count++] = group->gr_gid;
        }
        free(word);
    }
    return true;
}

/* Variables in the order in which systemd lays them over each other. */
static void lay_environment(struct reading *reading)
{
    char *files = tool_format("%s", reading->files != NULL ? reading->files : "");
    char *save = NULL, *word;
    const char *at = reading->pass != NULL ? reading->pass : "";

    while ((word = next_word(&at)) != NULL) {
        const char *value = getenv(word);
        if (value != NULL && doctor_start_getenv(&reading->unit->start, word) == NULL) {
            char *assignment = tool_format("%s=%s", word, value);
            set_variable(reading->unit, assignment);
            free(assignment);
        }
        free(word);
    }
    for (char *file = strtok_r(files, "\n", &save); file != NULL; file = strtok_r(NULL, "\n", &save)) {
        read_environment_file(reading, file);
    }
    free(files);
    at = reading->unset != NULL ? reading->unset : "";
    while ((word = next_word(&at)) != NULL) {
        unset_variable(reading->unit, word);
        free(word);
    }
    if (doctor_start_getenv(&reading->unit->start, "PATH") == NULL) {
        set_variable(reading->unit, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin");
    }
}

bool doctor_unit_read(struct doctor *doctor, const char *name, struct doctor_unit *unit)
{
    struct reading reading = { .doctor = doctor, .unit = unit };
    char *full = strchr(name, '.') != NULL ? tool_format("%s", name) : tool_format("%s.service", name);
    const char *at = strchr(full, '@'), *suffix = strrchr(full, '.');
    bool is_instance = at != NULL && suffix != NULL && suffix > at;
    char *template = is_instance ? tool_format("%.*s@%s", (int)(at - full), full, suffix) : NULL;
    char *instance = is_instance ? tool_format("%.*s", (int)(suffix - at - 1), at + 1) : tool_format("%s", "");
    const char *const names[] = { full, template };
    char *found = NULL;

    memset(unit, 0, sizeof *unit);
    unit->start.environment = calloc(VARIABLES_MAX + 1, sizeof *unit->start.environment);
    unit->not_reproduced = tool_format("%s", "");
    if (unit->start.environment == NULL) {
        tool_out_of_memory();
    }
    reading.name = full;
    reading.instance = instance;
    for (size_t n = 0; n < 2 && names[n] != NULL && found == NULL; n++) {
        for (size_t i = 0; i < DIRECTORIES && found == NULL; i++) {
            char *path = tool_format("%s/%s", directories[i], names[n]);
            if (strchr(names[n], '/') == NULL && take_file(&reading, path)) {
                found = path;
            } else {
                free(path);
            }
        }
    }
    if (found == NULL) {
        doctor_say(doctor, DOCTOR_UNKNOWN, "unit", "there is no unit file %s in the directories of systemd", full);
        reading.is_bad = true;
    } else {
        if (template != NULL) {
            take_drop_ins(&reading, template);
        }
        take_drop_ins(&reading, full);
        lay_environment(&reading);
        if (unit->command == NULL) {
            doctor_say(doctor, DOCTOR_UNKNOWN, "unit", "%s has no ExecStart=", found);
            reading.is_bad = true;
        }
        reading.is_bad = !find_user(&reading) || reading.is_bad;
    }
    if (!reading.is_bad) {
        doctor_say(doctor, DOCTOR_NOTE, "unit", "%s and its drop-ins: %s, as %s, with OPENSSL_CONF=%s", found,
                   unit->command, reading.user != NULL && reading.user[0] != '\0' ? reading.user : "root",
                   doctor_start_getenv(&unit->start, "OPENSSL_CONF") != NULL
                       ? doctor_start_getenv(&unit->start, "OPENSSL_CONF")
                       : "(not set)");
    }
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
    free(unit->not_reproduced);
    memset(unit, 0, sizeof *unit);
}
