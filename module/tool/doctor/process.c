/* clientct doctor: a running process and its children, as /proc shows them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/doctor/doctor.h"
#include "tool/metrics/read.h"
#include "config/snapshot.h"
#include "tool/tool.h"

#define CHILDREN_MAX 64
#define GROUPS_MAX 64

/* What a process has mapped that matters here. */
struct mapped {
    char component[PATH_MAX]; /* "": none */
    char libcrypto[PATH_MAX]; /* the first one */
    char metrics[PATH_MAX];   /* its file of counters */
    bool two_libcryptos, readable;
};

static const char *last_part(const char *path)
{
    return strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
}

/* `shared`: mapped MAP_SHARED, as counters are and libraries (whose names may look alike) are not. */
static void look_at_map(struct mapped *mapped, const char *path, bool shared)
{
    const char *name = last_part(path);

    if (strncmp(name, "clientct.so", 11) == 0) {
        snprintf(mapped->component, sizeof mapped->component, "%s", path);
    } else if (strncmp(name, "libcrypto.so", 12) == 0) {
        mapped->two_libcryptos =
            mapped->two_libcryptos || (mapped->libcrypto[0] != '\0' && strcmp(mapped->libcrypto, path) != 0);
        if (mapped->libcrypto[0] == '\0') {
            snprintf(mapped->libcrypto, sizeof mapped->libcrypto, "%s", path);
        }
    } else if (shared && ct_metrics_name_ok(name)) {
        snprintf(mapped->metrics, sizeof mapped->metrics, "%s", path);
    }
}

static void read_maps(pid_t pid, struct mapped *mapped)
{
    char name[64], line[PATH_MAX + 200];
    FILE *maps;

    memset(mapped, 0, sizeof *mapped);
    snprintf(name, sizeof name, "/proc/%ld/maps", (long)pid);
    maps = fopen(name, "re");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        char *path = strchr(line, '/');
        const char *permissions = strchr(line, ' '); /* " rw-s" behind the addresses */

        mapped->readable = true;
        if (path != NULL) {
            path[strcspn(path, "\n")] = '\0';
            look_at_map(mapped, path, permissions != NULL && strnlen(permissions, 5) == 5 && permissions[4] == 's');
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
}

/* OPENSSL_CONF as it was when the process began, to be freed. NULL: not set, or written over (nginx does). */
static char *openssl_conf_of(pid_t pid)
{
    static const char wanted[] = "OPENSSL_CONF=";
    char name[64];
    struct tool_file file;
    char *found = NULL;

    snprintf(name, sizeof name, "/proc/%ld/environ", (long)pid);
    if (!tool_read_file("the environment", name, 1 << 22, &file)) {
        return NULL;
    }
    for (size_t at = 0; at < file.len && found == NULL; at += strlen((char *)file.data + at) + 1) {
        if (strncmp((char *)file.data + at, wanted, sizeof wanted - 1) == 0) {
            found = tool_format("%s", (char *)file.data + at + sizeof wanted - 1);
        }
    }
    tool_file_clear(&file);
    return found;
}

struct identity {
    uid_t uid;
    gid_t gid;
    gid_t groups[GROUPS_MAX];
    size_t group_count;
    pid_t parent;
};

static bool identity_of(pid_t pid, struct identity *identity)
{
    char name[64], line[1024];
    unsigned long a, b;
    long parent;
    FILE *status;
    int seen = 0;

    memset(identity, 0, sizeof *identity);
    snprintf(name, sizeof name, "/proc/%ld/status", (long)pid);
    status = fopen(name, "re");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (sscanf(line, "PPid: %ld", &parent) == 1) {
            identity->parent = (pid_t)parent;
            seen++;
        } else if (sscanf(line, "Uid: %*u %lu %*u %lu", &a, &b) == 2) {
            identity->uid = (uid_t)b; /* of the file system */
            seen++;
        } else if (sscanf(line, "Gid: %*u %lu %*u %lu", &a, &b) == 2) {
            identity->gid = (gid_t)b;
            seen++;
        } else if (strncmp(line, "Groups:", 7) == 0) {
            char *at = line + 7, *end = at;
            for (unsigned long group = strtoul(at, &end, 10); end != at && identity->group_count < GROUPS_MAX;
                 group = strtoul(at, &end, 10)) {
                identity->groups[identity->group_count++] = (gid_t)group;
                at = end;
            }
            seen++;
        }
    }
    if (status != NULL) {
        fclose(status);
    }
    return seen == 4;
}

/* Runs in a child: becomes like the process, and opens. The kernel decides, not our notion of its rules. */
static int try_to_read(pid_t pid, const struct identity *identity, const char *path)
{
    char root[64];
    int fd;

    snprintf(root, sizeof root, "/proc/%ld/root", (long)pid);
    if (geteuid() == 0) {
        if (chroot(root) != 0 || chdir("/") != 0 || setgroups(identity->group_count, identity->groups) != 0 ||
            setresgid(identity->gid, identity->gid, identity->gid) != 0 ||
            setresuid(identity->uid, identity->uid, identity->uid) != 0) {
            return 255;
        }
    } else if (geteuid() != identity->uid) {
        return 255;
    }
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? errno & 0x7f : 0;
}

static void look_at_readable(struct doctor *doctor, pid_t pid, const struct identity *identity,
                             const struct ct_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->watched.count; i++) {
        const char *path = snapshot->watched.items[i].path;
        int status = 0;
        pid_t child = fork();

        if (child == 0) {
            _exit(try_to_read(pid, identity, path));
        }
        if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) == 255) {
            doctor_say(doctor, DOCTOR_NOTE, "files",
                       "whether process %ld can read them could not be tried; run this "
                       "as root",
                       (long)pid);
            return;
        }
        if (WEXITSTATUS(status) != 0) {
            doctor_say(doctor, DOCTOR_NOTE, "files",
                       "process %ld (user %lu) cannot read %s: %s; it keeps what it had "
                       "read until the server itself reloads",
                       (long)pid, (unsigned long)identity->uid, path, strerror(WEXITSTATUS(status)));
            return;
        }
    }
    doctor_say(doctor, DOCTOR_GOOD, "files", "process %ld (user %lu) can read clientct.cnf and all it names", (long)pid,
               (unsigned long)identity->uid);
}

/* To be freed; NULL: it cannot be used. */
static struct ct_metrics_file *read_metrics(const char *path)
{
    struct ct_metrics_file *file = calloc(1, sizeof *file);
    struct tool_file bytes = { 0 };

    if (file == NULL) {
        tool_out_of_memory();
    }
    if (!tool_read_file("the counters", path, sizeof *file, &bytes) ||
        ct_metrics_file_parse((struct ct_bytes){ bytes.data, bytes.len }, file) != CT_METRICS_OK) {
        free(file);
        file = NULL;
    }
    tool_file_clear(&bytes);
    return file;
}

static void look_at_metrics(struct doctor *doctor, pid_t pid, const char *path)
{
    struct ct_metrics_file *file = read_metrics(path);

    if (file != NULL) {
        const struct ct_metrics_gauges *gauges = &file->gauges;
        bool off = gauges->mode == CLIENTCT_MODE_OFF && !gauges->denies_all;
        uint64_t decisions = 0;

        for (size_t i = 0; i < CT_METRICS_BUCKETS; i++) {
            decisions += atomic_load(&file->buckets[i]);
        }
        doctor_say(doctor,
                   off                       ? DOCTOR_BAD
                   : gauges->generation == 0 ? DOCTOR_NOTE
                                             : DOCTOR_GOOD,
                   "in force", "process %ld: %s, generation %llu, %llu verdicts so far%s%s", (long)pid,
                   gauges->denies_all ? "refuses everybody, it could never read its configuration"
                                      : clientct_mode_name((enum clientct_mode)gauges->mode),
                   (unsigned long long)gauges->generation, (unsigned long long)decisions,
                   gauges->why[0] != '\0' ? "; the last reload failed: " : "", gauges->why);
    }
    free(file);
}

/* The clientct.cnf that a process says it has read, to be freed; NULL: it does not say. */
static char *config_in_metrics(const char *path)
{
    struct ct_metrics_file *file = path[0] != '\0' ? read_metrics(path) : NULL;
    bool there = file != NULL && file->gauges.config_file[0] == '/';
    char *config = there ? tool_format("%s", file->gauges.config_file) : NULL;

    free(file);
    return config;
}

static size_t children_of(pid_t parent, pid_t *pids)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    struct identity identity;
    size_t count = 0;

    while (proc != NULL && (entry = readdir(proc)) != NULL && count < CHILDREN_MAX) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && identity_of(pid, &identity) && identity.parent == parent) {
            pids[count++] = pid;
        }
    }
    if (proc != NULL) {
        closedir(proc);
    }
    return count;
}

static bool look_at_libraries(struct doctor *doctor, pid_t pid, const struct mapped *mapped)
{
    char inside[PATH_MAX + 64], needed[32];

    if (mapped->component[0] == '\0') {
        doctor_say(doctor, DOCTOR_BAD, "component",
                   mapped->libcrypto[0] != '\0'
                       ? "clientct.so is not loaded into process %ld"
                       : "process %ld has neither clientct.so nor libcrypto.so: an OpenSSL of its own, or none",
                   (long)pid);
        return false;
    }
    doctor_say(doctor, DOCTOR_GOOD, "component", "%s is loaded into process %ld", mapped->component, (long)pid);
    if (strstr(mapped->component, " (deleted)") != NULL) {
        doctor_say(doctor, DOCTOR_NOTE, "component",
                   "the file was replaced since; restart the server to use the new "
                   "one");
        return true;
    }
    snprintf(inside, sizeof inside, "/proc/%ld/root%s", (long)pid, mapped->component);
    doctor_libcrypto_of(inside, needed);
    if (needed[0] != '\0' && strncmp(last_part(mapped->libcrypto), needed, strlen(needed)) != 0) {
        doctor_say(doctor, DOCTOR_BAD, "libcrypto", "the component is built for %s, the process uses %s", needed,
                   mapped->libcrypto);
    } else {
        doctor_say(doctor, DOCTOR_GOOD, "libcrypto", "%s, which the component is built for", mapped->libcrypto);
    }
    if (mapped->two_libcryptos) {
        doctor_say(doctor, DOCTOR_UNKNOWN, "libcrypto",
                   "process %ld has two of them: the one that serves may not be "
                   "ours",
                   (long)pid);
    }
    return true;
}

static void look_at_workers(struct doctor *doctor, pid_t pid, const char *config)
{
    struct ct_snapshot *snapshot = ct_snapshot_read(config, NULL);
    pid_t pids[CHILDREN_MAX + 1] = { pid };
    size_t count = 1 + children_of(pid, pids + 1);

    if (snapshot == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < count; i++) {
        struct mapped mapped;
        struct identity identity;

        read_maps(pids[i], &mapped);
        if (mapped.component[0] == '\0' || !identity_of(pids[i], &identity)) {
            continue;
        }
        look_at_readable(doctor, pids[i], &identity, snapshot);
        if (mapped.metrics[0] != '\0') {
            look_at_metrics(doctor, pids[i], mapped.metrics);
        }
    }
    ct_snapshot_release(snapshot);
}

void doctor_process(struct doctor *doctor, pid_t pid, const char *config)
{
    char name[64], root[64], program[PATH_MAX] = "";
    char *openssl_conf = NULL, *component = NULL, *named = NULL;
    struct mapped mapped;
    ssize_t len;

    read_maps(pid, &mapped);
    if (!mapped.readable) {
        bool gone = kill(pid, 0) != 0 && errno == ESRCH;
        doctor_say(doctor, gone ? DOCTOR_BAD : DOCTOR_UNKNOWN, "process",
                   gone ? "there is no process %ld" : "what process %ld has mapped cannot be read; run this as root",
                   (long)pid);
        return;
    }
    look_at_libraries(doctor, pid, &mapped);
    snprintf(name, sizeof name, "/proc/%ld/exe", (long)pid);
    snprintf(root, sizeof root, "/proc/%ld/root", (long)pid);
    len = readlink(name, program, sizeof program - 1);
    program[len > 0 ? len : 0] = '\0';
    openssl_conf = openssl_conf_of(pid);
    if (openssl_conf != NULL && doctor_ignores_environment(name)) {
        doctor_say(doctor, DOCTOR_BAD, "privileges",
                   "%s is setuid, setgid or has file capabilities, so it ignores "
                   "OPENSSL_CONF",
                   program);
    }
    if (openssl_conf == NULL && mapped.component[0] != '\0') {
        named = config_in_metrics(mapped.metrics);
        /* nginx writes its title over its environment. */
        doctor_say(doctor, config == NULL && named == NULL ? DOCTOR_UNKNOWN : DOCTOR_NOTE, "openssl.cnf",
                   "OPENSSL_CONF is not in the environment of process %ld any more, or never was%s", (long)pid,
                   config == NULL && named == NULL ? "; say with --config which clientct.cnf is meant" : "");
    } else {
        const struct doctor_view view = { last_part(program), openssl_conf, root };
        doctor_openssl_conf(doctor, &view, &component, &named);
    }
    if (config != NULL && named != NULL && strcmp(config, named) != 0) {
        doctor_say(doctor, DOCTOR_BAD, "clientct.cnf", "the process reads %s, not %s", named, config);
    }
    if (config != NULL || named != NULL) {
        free(doctor_clientct_conf(doctor, config != NULL ? config : named));
        look_at_workers(doctor, pid, config != NULL ? config : named);
    }
    free(openssl_conf);
    free(component);
    free(named);
}
