/* SPDX-License-Identifier: Apache-2.0 */
#include "record/metrics_takeover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES_MAX 1024 /* of the directory that are looked at */
#define TRIES_MAX 64     /* files that are opened */

/* Whatever it is, opening it neither waits nor follows a link. */
#define OPEN_FLAGS (O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)

static int open_plain(int directory, const char *name, int flags, struct stat *st)
{
    int fd = openat(directory, name, flags | OPEN_FLAGS);

    if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/*
 * Whether no process has the file open for writing or mapped: the kernel grants a read lease only then. Somebody who
 * opens it for writing in this moment makes the kernel send SIGIO; it goes to this thread, which holds it back and
 * takes it away again, so that the application sees nothing of it.
 */
static bool is_unused(int fd)
{
    const struct timespec at_once = { 0, 0 };
    struct f_owner_ex thread = { .type = F_OWNER_TID, .pid = (pid_t)syscall(SYS_gettid) };
    sigset_t one, before;
    bool unused = false;

    sigemptyset(&one);
    sigaddset(&one, SIGIO);
    if (pthread_sigmask(SIG_BLOCK, &one, &before) != 0) {
        return false;
    }
    if (fcntl(fd, F_SETOWN_EX, &thread) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
        unused = true;
        (void)fcntl(fd, F_SETLEASE, F_UNLCK);
        if (sigismember(&before, SIGIO) == 0) {
            (void)sigtimedwait(&one, NULL, &at_once);
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return unused;
}

/* Whether `name` is among the names behind the sum in "folded": counted there, and only not removed yet. */
static bool is_folded(int directory, const char *name)
{
    char text[1024];
    char line[CT_METRICS_NAME_SIZE] = "";
    size_t len = 0;
    struct stat st;
    off_t at = sizeof(struct ct_metrics_file);
    int fd = open_plain(directory, CT_METRICS_FOLDED, O_RDONLY, &st);
    bool folded = fd < 0 && errno != ENOENT; /* it cannot be known */
    ssize_t n = 0;

    while (fd >= 0 && !folded && (n = pread(fd, text, sizeof text, at)) > 0) {
        for (ssize_t i = 0; i < n && !folded; i++) {
            if (text[i] == '\n') {
                line[len] = '\0';
                folded = strcmp(line, name) == 0;
                len = 0;
            } else if (len < sizeof line - 1) {
                line[len++] = text[i];
            }
        }
        at += n;
    }
    if (fd >= 0) {
        folded = folded || n < 0;
        close(fd);
    }
    return folded;
}

static bool is_of_program(const char *name, const char *program)
{
    size_t len = strlen(program);

    return strncmp(name, program, len) == 0 && name[len] == '.' && ct_metrics_name_ok(name);
}

/* The file, open for reading; -1: it is none of ours, or in use. */
static int open_unused(int directory, const char *name, size_t size, struct stat *st)
{
    int fd = open_plain(directory, name, O_RDONLY, st);

    if (fd >= 0 && (st->st_uid != geteuid() || st->st_nlink != 1 || st->st_size != (off_t)size || !is_unused(fd))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool read_counts(int fd, size_t size, struct ct_metrics_file *counted)
{
    uint8_t *data = malloc(size);
    bool ok = data != NULL && pread(fd, data, size, 0) == (ssize_t)size &&
              ct_metrics_file_parse((struct ct_bytes){ data, size }, counted) == CT_METRICS_OK &&
              counted->kind == CT_METRICS_PROCESS;

    free(data);
    return ok;
}

/* With the lock held. The file, open for reading and writing, and what stands in it; -1: it is not to be had. */
static int take(int directory, const char *name, size_t size, struct ct_metrics_file *counted)
{
    struct stat st, again;
    int fd = open_unused(directory, name, size, &st), writable = -1;

    if (fd < 0) {
        return -1;
    }
    if (!is_folded(directory, name) && read_counts(fd, size, counted)) {
        writable = open_plain(directory, name, O_RDWR, &again);
    }
    close(fd);
    if (writable >= 0 && (again.st_dev != st.st_dev || again.st_ino != st.st_ino)) {
        close(writable);
        writable = -1;
    }
    return writable;
}

/*
 * The first one that is to be had, whose name is copied, and without `counted` the first that might be; -1: there is
 * none.
 */
static int find(DIR *dir, const char *program, size_t size, struct ct_metrics_file *counted,
                char name[CT_METRICS_NAME_SIZE])
{
    struct dirent *entry;
    struct stat st;
    int fd = -1, tries = 0;

    rewinddir(dir);
    for (int i = 0; i < ENTRIES_MAX && tries < TRIES_MAX && fd < 0 && (entry = readdir(dir)) != NULL; i++) {
        if (is_of_program(entry->d_name, program)) {
            fd = counted == NULL ? open_unused(dirfd(dir), entry->d_name, size, &st)
                                 : take(dirfd(dir), entry->d_name, size, counted);
            tries++;
            memcpy(name, entry->d_name, strlen(entry->d_name) + 1); /* not too long: is_of_program has looked */
        }
    }
    return fd;
}

/* Only where there might be something: the lock is a file, too. */
static bool may_find(DIR *dir, const char *program, size_t size)
{
    char name[CT_METRICS_NAME_SIZE];
    int fd = find(dir, program, size, NULL, name);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

bool ct_metrics_takeover_begin(struct ct_metrics_takeover *takeover, const char *directory, const char *program,
                               size_t size, struct ct_metrics_file *counted)
{
    DIR *dir = opendir(directory);
    struct stat st;

    takeover->fd = takeover->lock = -1;
    if (dir != NULL && may_find(dir, program, size)) {
        takeover->lock = openat(dirfd(dir), CT_METRICS_LOCK, O_RDWR | O_CREAT | OPEN_FLAGS, 0600);
        if (takeover->lock >= 0 && fstat(takeover->lock, &st) == 0 && S_ISREG(st.st_mode) &&
            flock(takeover->lock, LOCK_EX | LOCK_NB) == 0) {
            takeover->fd = find(dir, program, size, counted, takeover->name);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    if (takeover->fd < 0) {
        ct_metrics_takeover_end(takeover);
        return false;
    }
    return true;
}

void ct_metrics_takeover_end(struct ct_metrics_takeover *takeover)
{
    if (takeover->fd >= 0) {
        close(takeover->fd);
    }
    if (takeover->lock >= 0) {
        (void)flock(takeover->lock, LOCK_UN); /* also where a child forked meanwhile has the descriptor, too */
        close(takeover->lock);
    }
}
