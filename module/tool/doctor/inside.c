/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <clientct/process_status.h>

#include "config/snapshot.h"
#include "tool/doctor/inside.h"
#include "tool/tool.h"

#define CHUNK (1024u * 1024)
#define LINES_MAX 65536u
#define WRITABLE_MAX_BYTES (16u * CHUNK)  /* looked through for a status */
#define READABLE_MAX_BYTES (512u * CHUNK) /* looked through for an OpenSSL */
#define FILES_PATIENCE_MS 5000

/* Only OpenSSL 3 and later has this word in it: the line of openssl.cnf that its loading asks for. */
static const char openssl_mark[] = "config_diagnostics";

struct mapping {
    unsigned long begin, end;
    char permissions[5];
    unsigned long inode;
    char path[256];
};

static bool parse_mapping(const char *line, struct mapping *mapping)
{
    int path_at = 0;

    memset(mapping, 0, sizeof *mapping);
    if (sscanf(line, "%lx-%lx %4s %*s %*s %lu %n", &mapping->begin, &mapping->end, mapping->permissions,
               &mapping->inode, &path_at) < 4 ||
        mapping->end <= mapping->begin || strlen(mapping->permissions) != 4) {
        return false;
    }
    snprintf(mapping->path, sizeof mapping->path, "%s", path_at > 0 ? line + path_at : "");
    mapping->path[strcspn(mapping->path, "\n")] = '\0';
    return true;
}

/* Looks through memory in pieces that overlap by `overlap` bytes; the address of what `find` finds, or 0. */
static unsigned long look_through(int mem, const struct mapping *mapping, size_t overlap, size_t *budget,
                                  const uint8_t *(*find)(const uint8_t *data, size_t len))
{
    uint8_t *piece = malloc(CHUNK);
    unsigned long found = 0;

    if (piece == NULL) {
        tool_out_of_memory();
    }
    for (unsigned long at = mapping->begin; at < mapping->end && found == 0 && *budget > 0;) {
        size_t want = mapping->end - at < CHUNK ? mapping->end - at : CHUNK;
        ssize_t got = pread(mem, piece, want, (off_t)at);
        const uint8_t *hit = got > 0 ? find(piece, (size_t)got) : NULL;

        found = hit != NULL ? at + (unsigned long)(hit - piece) : 0;
        *budget -= got > 0 && (size_t)got < *budget ? (size_t)got : *budget;
        if (got <= 0 || (size_t)got <= overlap || at + (size_t)got >= mapping->end) {
            break;
        }
        at += (size_t)got - overlap;
    }
    free(piece);
    return found;
}

static const uint8_t *find_status(const uint8_t *data, size_t len)
{
    static const char magic[] = CT_PROCESS_STATUS_MAGIC;

    return memmem(data, len, magic, sizeof magic - 1);
}

static const uint8_t *find_openssl(const uint8_t *data, size_t len)
{
    return memmem(data, len, openssl_mark, sizeof openssl_mark);
}

static void look_for_status(int mem, const struct mapping *mapping, size_t *budget, struct inside *out)
{
    unsigned long at = look_through(mem, mapping, sizeof CT_PROCESS_STATUS_MAGIC, budget, find_status);
    struct inside_component *component = &out->components[out->component_count];

    /* A state that was being written has another checksum: a moment later it is whole. */
    for (int i = 0; at != 0 && i < 10 && !component->status.known; i++) {
        uint8_t bytes[sizeof(struct ct_process_status)];
        ssize_t got = pread(mem, bytes, sizeof bytes, (off_t)at);
        enum doctor_status_parsed parsed =
            doctor_status_parse((struct ct_bytes){ bytes, got > 0 ? (size_t)got : 0 }, &component->status);

        if (parsed == DOCTOR_STATUS_NONE) {
            return;
        }
        out->component_count += i == 0 ? 1 : 0;
        component->other_version = parsed == DOCTOR_STATUS_OTHER_VERSION;
        snprintf(component->path, sizeof component->path, "%s", mapping->path);
        if (component->other_version || component->status.contexts == 0) {
            return;
        }
        poll(NULL, 0, i);
    }
}

static bool is_listed(const struct inside *out, const char *path)
{
    for (size_t i = 0; i < out->openssl_count; i++) {
        if (strcmp(out->openssls[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static void look_for_openssl(int mem, const struct mapping *mapping, size_t *budget, struct inside *out)
{
    if (out->openssl_count < INSIDE_OPENSSLS && !is_listed(out, mapping->path) &&
        look_through(mem, mapping, sizeof openssl_mark, budget, find_openssl) != 0) {
        snprintf(out->openssls[out->openssl_count++], sizeof out->openssls[0], "%s", mapping->path);
    }
}

void inside_look(pid_t pid, struct inside *out)
{
    char name[64], line[4096 + 128];
    size_t writable = WRITABLE_MAX_BYTES, readable = READABLE_MAX_BYTES, lines = 0;
    struct mapping mapping;
    FILE *maps;
    int mem;

    memset(out, 0, sizeof *out);
    snprintf(name, sizeof name, "/proc/%ld/maps", (long)pid);
    maps = fopen(name, "re");
    snprintf(name, sizeof name, "/proc/%ld/mem", (long)pid);
    mem = maps != NULL ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    out->error = mem < 0 ? errno : 0;
    while (mem >= 0 && lines++ < LINES_MAX && fgets(line, sizeof line, maps) != NULL) {
        /* Of files, and private to the process: what else is mapped is not a library's. */
        if (!parse_mapping(line, &mapping) || mapping.inode == 0 || mapping.path[0] != '/' ||
            mapping.permissions[0] != 'r' || mapping.permissions[3] != 'p') {
            continue;
        }
        if (mapping.permissions[1] == 'w' && out->component_count < INSIDE_OPENSSLS) {
            look_for_status(mem, &mapping, &writable, out);
        } else if (mapping.permissions[1] != 'w') {
            look_for_openssl(mem, &mapping, &readable, out);
        }
    }
    if (lines == 1) {
        out->error = EACCES; /* opened, and empty: a kernel's thread, or a process that has just ended */
    }
    if (mem >= 0) {
        close(mem);
    }
    if (maps != NULL) {
        fclose(maps);
    }
}

bool inside_identity(pid_t pid, struct inside_identity *out)
{
    char name[64], line[1024];
    unsigned long number;
    long parent;
    FILE *status;
    int seen = 0;

    memset(out, 0, sizeof *out);
    snprintf(name, sizeof name, "/proc/%ld/status", (long)pid);
    status = fopen(name, "re");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (sscanf(line, "PPid: %ld", &parent) == 1) {
            out->parent = (pid_t)parent;
            seen++;
        } else if (sscanf(line, "Uid: %*u %*u %*u %lu", &number) == 1) {
            out->uid = (uid_t)number; /* of the file system */
            seen++;
        } else if (sscanf(line, "Gid: %*u %*u %*u %lu", &number) == 1) {
            out->gid = (gid_t)number;
            seen++;
        } else if (strncmp(line, "Name:\t", 6) == 0) {
            snprintf(out->name, sizeof out->name, "%.*s", (int)strcspn(line + 6, "\n"), line + 6);
        } else if (strncmp(line, "Groups:", 7) == 0) {
            char *at = line + 7, *end = at;
            for (unsigned long group = strtoul(at, &end, 10); end != at && out->group_count < INSIDE_GROUPS;
                 group = strtoul(at, &end, 10)) {
                out->groups[out->group_count++] = (gid_t)group;
                at = end;
            }
        }
    }
    if (status != NULL) {
        fclose(status);
    }
    return seen == 3;
}

/* Whether its names lead to the same files as ours. */
static bool same_view(pid_t pid)
{
    static const char *const links[] = { "root", "ns/mnt" };

    for (size_t i = 0; i < 2; i++) {
        char name[64], theirs[256], ours[256];
        ssize_t len, own_len;

        snprintf(name, sizeof name, "/proc/%ld/%s", (long)pid, links[i]);
        len = readlink(name, theirs, sizeof theirs);
        snprintf(name, sizeof name, "/proc/self/%s", links[i]);
        own_len = readlink(name, ours, sizeof ours);
        if (len <= 0 || len != own_len || memcmp(theirs, ours, (size_t)len) != 0) {
            return false;
        }
    }
    return true;
}

static bool become(pid_t pid, const struct inside_identity *identity)
{
    char root[64];

    if (geteuid() != 0) {
        return geteuid() == identity->uid && same_view(pid);
    }
    snprintf(root, sizeof root, "/proc/%ld/root", (long)pid);
    return chroot(root) == 0 && chdir("/") == 0 && setgroups(identity->group_count, identity->groups) == 0 &&
           setresgid(identity->gid, identity->gid, identity->gid) == 0 &&
           setresuid(identity->uid, identity->uid, identity->uid) == 0;
}

/* In a child with the process's rights: what comes back is a digest and an errno, never what is in a file. */
struct read_back {
    uint8_t digest[32];
    int error;
};

static noreturn void read_files(pid_t pid, const struct inside_identity *identity, const char *config_file, int to)
{
    struct read_back back = { .error = -1 };

    alarm(FILES_PATIENCE_MS / 1000);
    if (become(pid, identity)) {
        struct ct_snapshot *snapshot = ct_snapshot_read(config_file, NULL, NULL);

        if (snapshot != NULL) {
            back.error = snapshot->config == NULL || snapshot->book_failed ? ENOENT : 0;
            for (size_t i = 0; i < snapshot->reading.files.count; i++) {
                int error = snapshot->reading.files.files[i]->error;
                back.error = error != 0 && (back.error == ENOENT || error != ENOENT) ? error : back.error;
            }
            memcpy(back.digest, snapshot->digest, sizeof back.digest);
        }
    }
    _exit(write(to, &back, sizeof back) == sizeof back ? 0 : 1);
}

enum inside_files inside_files(pid_t pid, const struct inside_identity *identity, const struct clientct_state *in_force,
                               int *error)
{
    struct read_back back = { .error = -1 };
    struct pollfd ready = { .events = POLLIN };
    int ends[2];
    pid_t child;
    bool answered;

    *error = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return INSIDE_FILES_UNKNOWN;
    }
    child = fork();
    if (child == 0) {
        read_files(pid, identity, in_force->config_file, ends[1]);
    }
    close(ends[1]);
    ready.fd = ends[0];
    answered = child > 0 && poll(&ready, 1, FILES_PATIENCE_MS) == 1 && read(ends[0], &back, sizeof back) == sizeof back;
    close(ends[0]);
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    if (!answered || back.error < 0) {
        return INSIDE_FILES_UNKNOWN;
    }
    if (memcmp(back.digest, in_force->digest, sizeof back.digest) == 0 && back.error == 0) {
        return INSIDE_FILES_SAME;
    }
    *error = back.error;
    return back.error != 0 ? INSIDE_FILES_UNREADABLE : INSIDE_FILES_CHANGED;
}
