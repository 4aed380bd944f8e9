/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor: what lies in a process, read through /proc/PID/maps and mem: never through a file that it names. */
#ifndef CT_TOOL_INSIDE_H
#define CT_TOOL_INSIDE_H

#include <sys/types.h>

#include "tool/doctor/status.h"

#define INSIDE_OPENSSLS 4
#define INSIDE_GROUPS 64

struct inside_component {
    char path[256]; /* as the process names it, cut */
    bool other_version;
    struct doctor_state status;
};

struct inside {
    int error;              /* errno: it could not be looked into; 0: it could */
    size_t component_count; /* two where there is a build for each of two OpenSSLs */
    struct inside_component components[INSIDE_OPENSSLS];
    size_t openssl_count; /* files with an OpenSSL 3 or later in them */
    char openssls[INSIDE_OPENSSLS][256];
};
void inside_look(pid_t pid, struct inside *out);

/* Who it is to the file system. */
struct inside_identity {
    pid_t parent;
    uid_t uid;
    gid_t gid;
    gid_t groups[INSIDE_GROUPS];
    size_t group_count;
    char name[32];
};
bool inside_identity(pid_t pid, struct inside_identity *out) CT_MUST_USE;

enum inside_files {
    INSIDE_FILES_SAME,       /* what is in force is what the files say */
    INSIDE_FILES_CHANGED,    /* they say something else by now */
    INSIDE_FILES_UNREADABLE, /* this process cannot read them: *error says why */
    INSIDE_FILES_UNKNOWN,    /* could not be tried */
};
/* Reads clientct.cnf and all it names as the process would: its root, mounts, user and groups. */
enum inside_files inside_files(pid_t pid, const struct inside_identity *identity, const struct clientct_state *in_force,
                               int *error);

#endif
