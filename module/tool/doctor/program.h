/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor: a program as it would be started: which file, by whom, where, with which name in openssl.cnf. */
#ifndef CT_TOOL_PROGRAM_H
#define CT_TOOL_PROGRAM_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "tool/doctor/view.h"

#define DOCTOR_LIMITS 16

/* How it is started. Zero-initialised: as a child of this process, as it is. */
struct doctor_start {
    char **environment; /* NULL: this process's own */
    const char *root;   /* NULL: this one */
    const char *directory;
    bool has_user;
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    size_t group_count;
    struct doctor_views views;
    bool lacks_override, lacks_search; /* CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: root opens only what it may */
    struct {
        bool set;
        rlim_t value;
    } limits[DOCTOR_LIMITS]; /* by RLIMIT_… */
};

/* All strings to be freed. */
struct doctor_program {
    char *path;            /* the program, or the interpreter of a script; from its root directory */
    char *script;          /* NULL: none */
    char *loader;          /* the dynamic loader that it asks for */
    char *config_name;     /* as stand_in.h has it; "": OpenSSL's own, openssl_conf */
    bool names_its_config; /* it sets a name that is not known here */
    const char *own_way;   /* a function by which it may load another configuration, or none; NULL: none */
    bool secure;           /* setuid, setgid or file capabilities: the environment does not count */
};

/* Finds `command` as the shell would; false: *why, to be freed, says why it cannot be looked at. */
bool doctor_program_find(const char *command, const struct doctor_start *start, struct doctor_program *program,
                         char **why) CT_MUST_USE;
void doctor_program_clear(struct doctor_program *program);

/* In a child, before it executes anything: becomes what `start` says. False: errno says why not. */
bool doctor_start_become(const struct doctor_start *start) CT_MUST_USE;
/* A variable of the environment that it is started with; NULL: it is not set. */
const char *doctor_start_getenv(const struct doctor_start *start, const char *name);

#endif
