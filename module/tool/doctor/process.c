/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clientct/process_status.h>

#include "tool/doctor/inside.h"
#include "tool/doctor/process.h"
#include "tool/doctor/sockets.h"
#include "tool/tool.h"

#define PROCESSES_MAX 4096

/* Of a process: what was found of ours in it. */
enum found { FOUND_NOTHING, FOUND_OPENSSL, FOUND_COMPONENT };

struct family {
    pid_t pids[PROCESSES_MAX];
    enum found found[PROCESSES_MAX];
    size_t count;
};

/* What all of them together show. */
struct sums {
    size_t looked, components, in_force;
};

static bool same_program(pid_t a, pid_t b)
{
    char name[64], first[PATH_MAX], second[PATH_MAX];
    ssize_t len, other;

    snprintf(name, sizeof name, "/proc/%ld/exe", (long)a);
    len = readlink(name, first, sizeof first);
    snprintf(name, sizeof name, "/proc/%ld/exe", (long)b);
    other = readlink(name, second, sizeof second);
    return len > 0 && len == other && memcmp(first, second, (size_t)len) == 0;
}

/* The first process of the server that this one is of: a worker's number means the whole. */
static pid_t first_of(pid_t pid)
{
    struct inside_identity identity;
    struct inside inside;

    for (int i = 0; i < 16 && inside_identity(pid, &identity) && identity.parent > 1; i++) {
        if (!same_program(pid, identity.parent)) {
            break;
        }
        inside_look(identity.parent, &inside);
        if (inside.component_count == 0) {
            break; /* an interpreter that runs another program */
        }
        pid = identity.parent;
    }
    return pid;
}

static bool is_member(const struct family *family, pid_t pid)
{
    for (size_t i = 0; i < family->count; i++) {
        if (family->pids[i] == pid) {
            return true;
        }
    }
    return false;
}

/* Adds the children of who is in it, but for ourselves; false: there were no new ones. */
static bool add_children(struct family *family)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    struct inside_identity identity;
    size_t before = family->count;

    while (proc != NULL && (entry = readdir(proc)) != NULL && family->count < PROCESSES_MAX) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && pid != getpid() && pid != getppid() && !is_member(family, pid) &&
            inside_identity(pid, &identity) && is_member(family, identity.parent)) {
            family->pids[family->count++] = pid;
        }
    }
    if (proc != NULL) {
        closedir(proc);
    }
    return family->count > before;
}

static void say_files(struct doctor *doctor, const char *who, pid_t pid, const struct inside_identity *identity,
                      const struct clientct_state *state)
{
    int error;

    switch (inside_files(pid, identity, state, &error)) {
    case INSIDE_FILES_SAME:
        doctor_say(doctor, DOCTOR_GOOD, "files", "%s can read %s and all it names, and has them in force", who,
                   state->config_file);
        break;
    case INSIDE_FILES_CHANGED:
        doctor_say(doctor, DOCTOR_NOTE, "files", "%s and what it names say something else by now than %s has in force",
                   state->config_file, who);
        break;
    case INSIDE_FILES_UNREADABLE:
        doctor_say(doctor, DOCTOR_NOTE, "files",
                   "%s cannot read, or not use, %s or what it names (%s); it keeps what it had until the server itself "
                   "reloads",
                   who, state->config_file, strerror(error));
        break;
    case INSIDE_FILES_UNKNOWN:
        doctor_say(doctor, DOCTOR_NOTE, "files", "whether %s can read them could not be tried; run this as root", who);
        break;
    }
}

static void say_state(struct doctor *doctor, const char *who, const struct doctor_state *status, const char *config)
{
    const struct clientct_state *state = &status->state;
    char last[160] = "no verdict yet";

    if (status->last_ms != 0) {
        char when[TOOL_TIME_SIZE];
        tool_time_format((uint64_t)status->last_ms, when);
        snprintf(last, sizeof last, "%llu verdict%s, %llu refused; the last one %s, %s, at %s",
                 (unsigned long long)status->verdicts, tool_s(status->verdicts), (unsigned long long)status->refusals,
                 status->last_accept ? "let in" : "refused", clientct_reason_name(status->last_reason), when);
    }
    doctor_say(doctor,
               doctor_state_denies(state)            ? DOCTOR_DENIES
               : state->mode == CLIENTCT_MODE_OFF    ? DOCTOR_BAD
               : state->mode == CLIENTCT_MODE_REPORT ? DOCTOR_WATCHES
                                                     : DOCTOR_GOOD,
               "in force", "%s: %s, generation %llu of %s, %zu log%s, clients are %sasked for SCTs; %s%s%s", who,
               doctor_state_denies(state) ? "refuses every certificate" : clientct_mode_name(state->mode),
               (unsigned long long)state->generation, state->config_file, state->logs, tool_s(state->logs),
               status->contexts_tls > 0 ? "" : "not ", last, state->why[0] != '\0' ? "; trouble: " : "", state->why);
    if (config != NULL && strcmp(config, state->config_file) != 0) {
        doctor_say(doctor, DOCTOR_BAD, "in force", "%s reads %s, not %s", who, state->config_file, config);
    }
}

/* What is decided when a context is made, and stays as it was when settings change. */
static void say_contexts(struct doctor *doctor, const char *who, const struct doctor_state *status)
{
    if (status->state.wants_tls_scts && status->contexts_tls < status->contexts) {
        doctor_say(doctor, DOCTOR_NOTE, "contexts",
                   "%s: %u of %u made without tls in sources, and cannot ask clients for SCTs now that it is there; "
                   "restart or reload the server",
                   who, status->contexts - status->contexts_tls, status->contexts);
    }
}

/* Which of `checked` and `refuse` connections really got: a server may undo what `checked` needs. */
static void say_sessions(struct doctor *doctor, const char *who, const uint64_t sessions[CLIENTCT_SESSION_COUNT])
{
    char text[240] = "";
    size_t used = 0;

    for (int i = CLIENTCT_SESSION_UNKNOWN + 1; i < CLIENTCT_SESSION_COUNT; i++) {
        if (sessions[i] > 0 && used < sizeof text) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%llu %s", used > 0 ? ", " : "",
                                     (unsigned long long)sessions[i], clientct_session_name((enum clientct_session)i));
        }
    }
    if (used > 0) {
        doctor_say(doctor, DOCTOR_NOTE, "sessions", "%s: %s%s", who, text,
                   sessions[CLIENTCT_SESSION_UNDONE] > 0
                       ? "; where the server undoes what `resumption = checked` needs, it is as with refuse"
                       : "");
    }
}

static void say_component(struct doctor *doctor, const char *who, const struct inside_component *component)
{
    if (component->other_version) {
        doctor_say(doctor, DOCTOR_UNKNOWN, "component",
                   "%s: %s is of another version than this clientct, so what it says cannot be read", who,
                   component->path);
    } else if (component->status.attached == CT_ATTACHED_HANDED_ON) {
        doctor_say(doctor, DOCTOR_NOTE, "component", "%s: %s has handed on to the build for another OpenSSL", who,
                   component->path);
    } else if (component->status.attached == CT_ATTACHED_OTHER_LIBCRYPTO) {
        doctor_say(doctor, DOCTOR_BAD, "component", "%s: %s " DOCTOR_TAKES_NO_PART, who, component->path);
    } else if (component->status.attached != CT_ATTACHED) {
        doctor_say(doctor, DOCTOR_BAD, "component", "%s: %s could not hook in, or was never called", who,
                   component->path);
    } else if (!component->status.known) {
        doctor_say(doctor, DOCTOR_NOTE, "component", "%s: %s has hooked in, and no SSL_CTX for servers has been made",
                   who, component->path);
    }
    if (strstr(component->path, " (deleted)") != NULL) {
        doctor_say(doctor, DOCTOR_NOTE, "component",
                   "%s: the file was replaced since; restart the server to use the new one", who);
    }
}

static enum found look_at_one(struct doctor *doctor, pid_t pid, const char *config, struct sums *sums)
{
    struct inside_identity identity;
    struct inside inside;
    char who[96];

    if (!inside_identity(pid, &identity)) {
        return FOUND_NOTHING; /* it has ended meanwhile */
    }
    snprintf(who, sizeof who, "process %ld (%s, user %lu)", (long)pid, identity.name, (unsigned long)identity.uid);
    inside_look(pid, &inside);
    if (inside.error != 0) {
        doctor_say(doctor, DOCTOR_UNKNOWN, "process", "%s cannot be looked into (%s); run this as root", who,
                   strerror(inside.error));
        return FOUND_NOTHING;
    }
    sums->looked++;
    /* A component brings the OpenSSL that it is built for. */
    for (size_t i = 1; i < inside.openssl_count && inside.openssl_count > inside.component_count; i++) {
        doctor_say(doctor, DOCTOR_NOTE, "second",
                   "%s has more than one OpenSSL in it, %s and %s: only one of them is reached, and a dead-man switch "
                   "stops the other one",
                   who, inside.openssls[0], inside.openssls[i]);
    }
    if (inside.component_count == 0) {
        doctor_say(doctor, DOCTOR_NOTE, "component", "%s has no clientct.so in it%s", who,
                   inside.openssl_count > 0 ? "" : ", nor an OpenSSL 3 or later");
        return inside.openssl_count > 0 ? FOUND_OPENSSL : FOUND_NOTHING;
    }
    sums->components++;
    for (size_t i = 0; i < inside.component_count; i++) {
        const struct doctor_state *status = &inside.components[i].status;

        say_component(doctor, who, &inside.components[i]);
        if (status->foreign_calls > 0) {
            doctor_say(doctor, DOCTOR_NOTE, "second",
                       "%s: another OpenSSL than the component's has loaded it, %u times, and "
                       "is not enforced",
                       who, status->foreign_calls);
        }
        if (status->known) {
            sums->in_force++;
            say_state(doctor, who, status, config);
            say_contexts(doctor, who, status);
            say_sessions(doctor, who, status->sessions);
            say_files(doctor, who, pid, &identity, &status->state);
        }
    }
    return FOUND_COMPONENT;
}

/* One that may serve and is not reached, beside others that are: an upgrade in place that has lost the variable. */
static void say_left_out(struct doctor *doctor, const struct family *family, pid_t pid)
{
    bool same = false;

    for (size_t i = 0; i < family->count && !same; i++) {
        same = family->found[i] == FOUND_COMPONENT && same_program(pid, family->pids[i]);
    }
    doctor_say(doctor, same ? DOCTOR_BAD : DOCTOR_UNKNOWN, "left out", "process %ld %s", (long)pid,
               same ? "runs the same program with an OpenSSL and TCP connections, but without clientct.so: was it "
                      "started without OPENSSL_CONF?"
                    : "has an OpenSSL and TCP connections, but no clientct.so: whether it serves clients with TLS "
                      "cannot be seen");
}

void doctor_process(struct doctor *doctor, pid_t pid, const char *config)
{
    struct family *family = calloc(1, sizeof *family);
    struct sums sums = { 0 };
    struct inside_identity identity;

    if (family == NULL) {
        tool_out_of_memory();
    }
    if (!inside_identity(pid, &identity)) {
        doctor_say(doctor, DOCTOR_BAD, "process", "there is no process %ld", (long)pid);
        free(family);
        return;
    }
    family->pids[family->count++] = first_of(pid);
    for (int depth = 0; depth < 16 && add_children(family); depth++) {}
    for (size_t i = 0; i < family->count; i++) {
        family->found[i] = look_at_one(doctor, family->pids[i], config, &sums);
    }
    for (size_t i = 0; i < family->count && sums.components > 0; i++) {
        if (family->found[i] == FOUND_OPENSSL && doctor_has_tcp(family->pids[i])) {
            say_left_out(doctor, family, family->pids[i]);
        }
    }
    if (sums.looked > 0 && sums.components == 0) {
        doctor_say(doctor, DOCTOR_BAD, "component", "clientct.so is not loaded into process %ld, nor into its children",
                   (long)pid);
    } else if (sums.components > 0 && sums.in_force == 0) {
        doctor_say(doctor, DOCTOR_UNKNOWN, "in force", "no process has made an SSL_CTX for servers with this OpenSSL");
    }
    free(family);
}
