/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of metrics files. A file that no process has mapped is final: it is folded away. Its counts then stand
 * in "folded", together with its name until it has been removed, so that a crash at any point counts nothing twice.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/metrics/read.h"
#include "tool/tool.h"

#define FOLDED_NEW "folded.new"
#define FILES_MAX 100000
#define FOLD_MAX 4096 /* files folded at a time; the next reading goes on */
#define FOLDED_MAX_BYTES (sizeof(struct ct_metrics_file) + (size_t)FOLD_MAX * CT_METRICS_NAME_SIZE)
#define PASSES 20

struct names {
    char (*items)[CT_METRICS_NAME_SIZE];
    size_t count, room;
};

struct folded {
    struct ct_metrics_file sum;
    struct names removed; /* counted in sum; they may still be there */
    bool damaged;
};

/* `name` has passed ct_metrics_name_ok, and so fits. */
static void names_add(struct names *names, const char *name)
{
    names->items = tool_grown(names->items, names->count, &names->room, sizeof *names->items);
    snprintf(names->items[names->count++], sizeof *names->items, "%.*s", CT_METRICS_NAME_SIZE - 1, name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool names_have(const struct names *names, const char *name)
{
    return names->count > 0 && bsearch(name, names->items, names->count, sizeof *names->items, compare_names) != NULL;
}

static void names_sort(struct names *names)
{
    if (names->count > 0) {
        qsort(names->items, names->count, sizeof *names->items, compare_names);
    }
}

/* Opens a regular file for reading, without following or waiting; -1: errno. */
static int open_file(int directory, const char *name, struct stat *st)
{
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

/* Not mapped: whoever serves could cut the file short under our eyes, which a mapping answers with SIGBUS. */
static size_t read_some(int fd, uint8_t *data, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t n = pread(fd, data + len, size - len, (off_t)len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
    }
    return len;
}

/*
 * Whether a process has the file open for writing or mapped. The kernel grants a read lease only where nobody has:
 * that holds across chroots and process-id namespaces, and no reused process id can mislead it.
 */
static bool in_use(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) {
        return true; /* or there are no leases here: then nothing is ever folded */
    }
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

static void folded_clear(struct folded *folded)
{
    free(folded->removed.items);
    memset(folded, 0, sizeof *folded);
}

static void folded_read(int directory, struct folded *folded)
{
    uint8_t *data = calloc(1, FOLDED_MAX_BYTES + 1);
    struct stat st;
    size_t len;
    int fd;

    if (data == NULL) {
        tool_out_of_memory();
    }
    folded_clear(folded);
    fd = open_file(directory, CT_METRICS_FOLDED, &st);
    if (fd < 0) {
        folded->damaged = errno != ENOENT;
        goto out;
    }
    len = read_some(fd, data, FOLDED_MAX_BYTES);
    close(fd);
    if (ct_metrics_file_parse((struct ct_bytes){ data, len }, &folded->sum) != CT_METRICS_OK ||
        folded->sum.kind != CT_METRICS_SUM) {
        memset(&folded->sum, 0, sizeof folded->sum);
        folded->damaged = true;
        goto out;
    }
    char *save = NULL;
    for (char *line = strtok_r((char *)data + sizeof(struct ct_metrics_file), "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        if (ct_metrics_name_ok(line)) {
            names_add(&folded->removed, line);
        }
    }
    names_sort(&folded->removed);
out:
    free(data);
}

static bool write_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool folded_write(int directory, const struct folded *folded)
{
    bool ok = false;
    int fd;

    (void)unlinkat(directory, FOLDED_NEW, 0); /* of a reader that died: we hold the lock */
    fd = openat(directory, FOLDED_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    ok = write_all(fd, &folded->sum, sizeof folded->sum);
    for (size_t i = 0; i < folded->removed.count && ok; i++) {
        ok = write_all(fd, folded->removed.items[i], strlen(folded->removed.items[i])) && write_all(fd, "\n", 1);
    }
    ok = ok && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && renameat(directory, FOLDED_NEW, directory, CT_METRICS_FOLDED) == 0;
    if (!ok) {
        (void)unlinkat(directory, FOLDED_NEW, 0);
    }
    (void)fsync(directory);
    return ok;
}

static void remove_names(int directory, const struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        (void)unlinkat(directory, names->items[i], 0);
    }
}

/* The lock's descriptor, or -1: another reader folds, or this user may not. */
static int lock_directory(int directory)
{
    int fd = openat(directory, CT_METRICS_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void list_names(DIR *dir, struct names *names)
{
    struct dirent *entry;

    names->count = 0;
    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL && names->count < FILES_MAX) {
        if (ct_metrics_name_ok(entry->d_name)) {
            names_add(names, entry->d_name);
        }
    }
    if (names->count == FILES_MAX) {
        tool_warning("the directory has more than %d metrics files; the others are not counted", FILES_MAX);
    }
    names_sort(names);
}

static void add_process(struct tool_metrics *out, const struct ct_metrics_file *file)
{
    struct tool_metrics_process *process;

    if ((out->count & (out->count + 1)) == 0) { /* the next power of two is full */
        out->processes = reallocarray(out->processes, 2 * (out->count + 1), sizeof *out->processes);
        if (out->processes == NULL) {
            tool_out_of_memory();
        }
    }
    process = &out->processes[out->count++];
    memset(process, 0, sizeof *process);
    /* Not the file's name: that may be of a process before this one. */
    snprintf(process->name, sizeof process->name, "%s.%" PRId64 ".%" PRId64, file->program, file->pid,
             file->started_ms);
    process->pid = file->pid;
    process->started_ms = file->started_ms;
    memcpy(&process->gauges, &file->gauges, sizeof process->gauges);
}

/* One file: into the sum, and among the living or the dead. */
static void read_one(int directory, const char *name, struct tool_metrics *out, struct ct_metrics_file *dead_sum,
                     struct names *dead)
{
    uint8_t data[sizeof(struct ct_metrics_file)];
    struct ct_metrics_file file;
    struct stat st;
    int fd = open_file(directory, name, &st);
    enum ct_metrics_parsed parsed;
    bool alive;

    if (fd < 0) {
        out->unusable += errno != ENOENT; /* folded by another reader meanwhile: the caller finds out */
        return;
    }
    alive = in_use(fd); /* before it is read: what is read of the dead is final */
    for (int attempt = 0;; attempt++) {
        parsed = ct_metrics_file_parse((struct ct_bytes){ data, read_some(fd, data, sizeof data) }, &file);
        if (parsed != CT_METRICS_OK || (atomic_load(&file.gauges.sequence) & 1) == 0 || attempt == 10) {
            break;
        }
    }
    close(fd);
    if (parsed == CT_METRICS_OK && file.kind == CT_METRICS_PROCESS) {
        ct_metrics_file_add(&out->sum, &file);
        if (alive) {
            add_process(out, &file);
        }
    } else if (parsed != CT_METRICS_UNFINISHED) {
        out->unusable++;
        return;
    }
    if (!alive && dead->count < FOLD_MAX) {
        names_add(dead, name);
        if (parsed == CT_METRICS_OK) {
            ct_metrics_file_add(dead_sum, &file);
        }
    }
}

/* With the lock held: what is dead is counted in "folded", then removed. */
static void fold(int directory, struct folded *folded, const struct ct_metrics_file *dead_sum, struct names *dead,
                 struct tool_metrics *out)
{
    const struct names before = folded->removed;

    remove_names(directory, &before);
    if (dead->count == 0) {
        return;
    }
    ct_metrics_file_add(&folded->sum, dead_sum);
    atomic_store(&folded->sum.magic, CT_METRICS_MAGIC);
    folded->sum.version = CT_METRICS_VERSION;
    folded->sum.kind = CT_METRICS_SUM;
    folded->sum.sequence++;
    folded->removed = *dead;
    if (folded_write(directory, folded)) {
        remove_names(directory, dead);
        out->folded = dead->count;
    }
    folded->removed = before;
}

/* Reads everything once. */
static void read_pass(DIR *dir, struct folded *folded, bool locked, struct tool_metrics *out)
{
    struct ct_metrics_file *dead_sum = calloc(1, sizeof *dead_sum);
    struct names names = { 0 }, dead = { 0 };

    if (dead_sum == NULL) {
        tool_out_of_memory();
    }
    tool_metrics_clear(out);
    folded_read(dirfd(dir), folded);
    ct_metrics_file_add(&out->sum, &folded->sum);
    list_names(dir, &names);
    for (size_t i = 0; i < names.count; i++) {
        if (!names_have(&folded->removed, names.items[i])) {
            read_one(dirfd(dir), names.items[i], out, dead_sum, &dead);
        }
    }
    if (locked && !folded->damaged) {
        fold(dirfd(dir), folded, dead_sum, &dead, out);
    }
    free(names.items);
    free(dead.items);
    free(dead_sum);
}

bool tool_metrics_read(const char *directory, bool fold_away, struct tool_metrics *out)
{
    struct folded *folded = calloc(2, sizeof *folded);
    DIR *dir = opendir(directory);
    int lock = -1;

    memset(out, 0, sizeof *out);
    if (folded == NULL) {
        tool_out_of_memory();
    }
    if (dir == NULL) {
        tool_error("cannot read the metrics directory %s: %s", directory, strerror(errno));
        goto out;
    }
    signal(SIGIO, SIG_IGN); /* what the kernel sends to the holder of a lease when somebody opens the file */
    lock = fold_away ? lock_directory(dirfd(dir)) : -1;
    for (int pass = 0; pass < PASSES; pass++) {
        read_pass(dir, &folded[0], lock >= 0, out);
        /* Without the lock another reader may have folded meanwhile, and files were missed. */
        folded_read(dirfd(dir), &folded[1]);
        if (lock >= 0 || folded[0].sum.sequence == folded[1].sum.sequence) {
            break;
        }
    }
    if (folded[0].damaged) {
        tool_warning("%s/%s cannot be used: the counts of processes that are gone are missing, and no file is folded "
                     "away; move it aside",
                     directory, CT_METRICS_FOLDED);
        out->unusable++;
    }
out:
    folded_clear(&folded[0]);
    folded_clear(&folded[1]);
    free(folded);
    if (lock >= 0) {
        close(lock);
    }
    if (dir != NULL) {
        closedir(dir);
        return true;
    }
    return false;
}

void tool_metrics_clear(struct tool_metrics *metrics)
{
    free(metrics->processes);
    memset(metrics, 0, sizeof *metrics);
}
