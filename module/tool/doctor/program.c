/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "tool/doctor/program.h"
#include "tool/tool.h"

#define PROGRAM_MAX_BYTES (512u * 1024 * 1024)
#define SCRIPTS_MAX 4 /* interpreters that are scripts themselves */

extern char **environ;

const char *doctor_start_getenv(const struct doctor_start *start, const char *name)
{
    char **at = start->environment != NULL ? start->environment : environ;
    size_t len = strlen(name);

    for (; *at != NULL; at++) {
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=') {
            return *at + len + 1;
        }
    }
    return NULL;
}

bool doctor_start_become(const struct doctor_start *start)
{
    for (int i = 0; i < DOCTOR_LIMITS; i++) {
        struct rlimit limit = { start->limits[i].value, start->limits[i].value };
        if (start->limits[i].set && setrlimit((__rlimit_resource_t)i, &limit) != 0) {
            return false;
        }
    }
    if (!doctor_views_show(&start->views, start->root) ||
        (start->lacks_override && prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) != 0) ||
        (start->lacks_search && prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH, 0, 0, 0) != 0)) {
        return false;
    }
    if (start->root != NULL && (chroot(start->root) != 0 || chdir("/") != 0)) {
        return false;
    }
    if (start->directory != NULL && chdir(start->directory) != 0) {
        return false;
    }
    return !start->has_user ||
           (setgroups(start->group_count, start->groups) == 0 && setresgid(start->gid, start->gid, start->gid) == 0 &&
            setresuid(start->uid, start->uid, start->uid) == 0);
}

static char *outside(const struct doctor_start *start, const char *path)
{
    return tool_format("%s%s", start->root != NULL ? start->root : "", path);
}

/* To be freed; NULL: nowhere. */
static char *find_in_path(const char *command, const struct doctor_start *start)
{
    const char *path = doctor_start_getenv(start, "PATH");
    char *copy = tool_format("%s", path != NULL ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin");
    char *save = NULL, *found = NULL;
    struct stat st;

    if (strchr(command, '/') != NULL) {
        found = tool_format("%s", command);
    } else {
        for (char *dir = strtok_r(copy, ":", &save); dir != NULL && found == NULL; dir = strtok_r(NULL, ":", &save)) {
            char *here = tool_format("%s/%s", dir, command);
            char *there = outside(start, here);
            bool fits = stat(there, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;

            free(there);
            if (fits) {
                found = here;
            } else {
                free(here);
            }
        }
    }
    free(copy);
    return found;
}

/* Where privileges change with the start, OpenSSL and the dynamic loader do not look at the environment. */
static bool is_secure(const char *path, const struct doctor_start *start)
{
    uid_t uid = start->has_user ? start->uid : getuid();
    gid_t gid = start->has_user ? start->gid : getgid();
    struct stat st;

    if (stat(path, &st) != 0) {
        return false;
    }
    return ((st.st_mode & S_ISUID) != 0 && st.st_uid != uid) || ((st.st_mode & S_ISGID) != 0 && st.st_gid != gid) ||
           (uid != 0 && getxattr(path, "security.capability", NULL, 0) > 0);
}

/* The dynamic loader of an ELF program, to be freed; NULL: it has none, or is no program for this machine. */
static char *loader_of(struct ct_bytes program)
{
    ElfW(Ehdr) head;
    const unsigned char kind[] = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
                                   __ELF_NATIVE_CLASS == 64 ? ELFCLASS64 : ELFCLASS32 };

    if (program.len < sizeof head || memcmp(program.data, kind, sizeof kind) != 0) {
        return NULL;
    }
    memcpy(&head, program.data, sizeof head);
    for (unsigned i = 0; i < head.e_phnum && head.e_phentsize == sizeof(ElfW(Phdr)); i++) {
        ElfW(Phdr) segment;

        if (head.e_phoff > program.len || program.len - head.e_phoff < (i + 1) * sizeof segment) {
            break;
        }
        memcpy(&segment, program.data + head.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type == PT_INTERP && segment.p_offset < program.len && segment.p_filesz > 1 &&
            segment.p_filesz <= program.len - segment.p_offset) {
            return tool_format("%.*s", (int)(segment.p_filesz - 1), (const char *)program.data + segment.p_offset);
        }
    }
    return NULL;
}

static bool mentions(const struct ct_file *file, const char *text)
{
    return memmem(file->data, file->len, text, strlen(text)) != NULL;
}

/*
 * Functions by which a program leads its OpenSSL past the configuration that all others load. One that has OpenSSL in
 * it has them, too, and openssl(1) makes no use of them unless it is told to.
 */
static const char *own_way_of(const struct ct_file *file, const struct doctor_program *program)
{
    static const char *const names[] = { "OPENSSL_INIT_set_config_filename", "OSSL_LIB_CTX_load_config",
                                         "OSSL_LIB_CTX_set0_default", "OSSL_LIB_CTX_new" };
    const char *base = strrchr(program->path, '/') + 1;

    if (strcmp(base, "openssl") == 0 || mentions(file, "config_diagnostics")) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (mentions(file, names[i])) {
            return names[i];
        }
    }
    return NULL;
}

/* The name under which the program looks for its section in openssl.cnf. */
static void find_config_name(const struct ct_file *file, struct doctor_program *program)
{
    const char *base = strrchr(program->path, '/') + 1;

    if (strcmp(base, "node") == 0 || strcmp(base, "nodejs") == 0) {
        program->config_name = tool_format("=nodejs_conf");
        return;
    }
    if (!mentions(file, "OPENSSL_INIT_set_config_appname")) {
        program->config_name = tool_format("%s", "");
        return;
    }
    /* nginx, from 1.26 */
    program->names_its_config = strcmp(base, "nginx") != 0;
    program->config_name = tool_format("%s", program->names_its_config ? "" : "nginx");
}

/* The interpreter in the first line of a script, to be freed, with "env" looked through; NULL: it is none. */
static char *interpreter_of(const struct ct_file *file, const struct doctor_start *start)
{
    char line[256];
    char *save = NULL, *word;
    size_t len = file->len < sizeof line - 1 ? file->len : sizeof line - 1;

    if (len < 3 || memcmp(file->data, "#!", 2) != 0) {
        return NULL;
    }
    memcpy(line, file->data, len);
    line[len] = '\0';
    line[strcspn(line, "\n")] = '\0';
    word = strtok_r(line + 2, " \t\r", &save);
    if (word != NULL && strcmp(word, "/usr/bin/env") == 0) {
        do {
            word = strtok_r(NULL, " \t\r", &save);
        } while (word != NULL && (word[0] == '-' || strchr(word, '=') != NULL));
    }
    return word != NULL ? find_in_path(word, start) : NULL;
}

static bool look_at_file(const struct doctor_start *start, struct doctor_program *program, char **why)
{
    for (int i = 0; i < SCRIPTS_MAX; i++) {
        char *there = outside(start, program->path);
        struct ct_file file;
        int error = ct_file_read(there, PROGRAM_MAX_BYTES, true, &file);
        char *next;

        program->secure = error == 0 && is_secure(there, start);
        free(there);
        if (error != 0) {
            *why = tool_format("%s cannot be read: %s", program->path, strerror(error));
            return false;
        }
        next = interpreter_of(&file, start);
        if (next == NULL) {
            program->loader = loader_of((struct ct_bytes){ file.data, file.len });
            if (program->loader == NULL || strstr(program->loader, "/ld-linux") == NULL) {
                *why = program->loader == NULL
                           ? tool_format("%s is statically linked, or not a program of this kind of machine: what is "
                                         "in it cannot be asked",
                                         program->path)
                           : tool_format("%s is started by %s, which is not the GNU loader", program->path,
                                         program->loader);
            } else {
                find_config_name(&file, program);
                program->own_way = own_way_of(&file, program);
            }
            ct_file_clear(&file);
            return *why == NULL;
        }
        ct_file_clear(&file);
        if (program->script == NULL) {
            program->script = program->path;
        } else {
            free(program->path);
        }
        program->path = next;
    }
    *why = tool_format("%s has scripts for interpreters", program->script);
    return false;
}

bool doctor_program_find(const char *command, const struct doctor_start *start, struct doctor_program *program,
                         char **why)
{
    *why = NULL;
    memset(program, 0, sizeof *program);
    program->path = find_in_path(command, start);
    if (program->path == NULL) {
        *why = tool_format("%s is nowhere in PATH", command);
        return false;
    }
    if (program->path[0] != '/' && start->root == NULL) {
        char *absolute = realpath(program->path, NULL);

        if (absolute == NULL) {
            *why = tool_format("%s cannot be found: %s", program->path, strerror(errno));
            return false;
        }
        free(program->path);
        program->path = absolute;
    }
    return look_at_file(start, program, why);
}

void doctor_program_clear(struct doctor_program *program)
{
    free(program->path);
    free(program->script);
    free(program->loader);
    free(program->config_name);
    memset(program, 0, sizeof *program);
}
