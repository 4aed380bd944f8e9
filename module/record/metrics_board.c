/* SPDX-License-Identifier: Apache-2.0 */
#include "record/metrics_board.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file_limit.h"
#include "base/file_set.h"
#include "base/self.h"

/* Longer than any copy takes: whoever has been at it for as long is dead, and what it left is copied again. */
#define SHOWING_MS 1000
#define ROUNDS 64 /* of changes made meanwhile; the next count goes on */

struct memory {
    _Atomic uint64_t showing;              /* since when somebody copies, in milliseconds; 0: nobody does */
    _Atomic uint64_t changed, shown;       /* counts changes; how many of them the file has */
    _Atomic uint64_t gauges, gauges_shown; /* likewise */
    struct ct_metrics_file file;
};

struct ct_metrics_board {
    struct memory *memory; /* shared with children, backed by no file */
    uint8_t *shown;        /* the mapped file; only the kernel writes here */
    bool whole;            /* something else stood in the file: all of it is written, labels not in use too */
    char *path;            /* of the file; NULL: not known */
    struct ct_root root;   /* in which that was its name */
    dev_t dev;
    ino_t ino;
};

/*
 * A byte of the file lies in the page after the counters. A file that is cut anywhere inside the counters has lost that
 * page, and so a copy finds out, even where the page with the counters is still there.
 */
static size_t probe_offset(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (sizeof(struct ct_metrics_file) + page - 1) / page * page;
}

size_t ct_metrics_board_size(void)
{
    return probe_offset() + 1;
}

/* Has the file's blocks allocated, and maps it, at `at` unless that is NULL; NULL: it cannot be. */
static uint8_t *map_file(int fd, void *at)
{
    struct ct_file_limit limit;
    void *mapping = MAP_FAILED;
    int error;

    ct_file_limit_begin(&limit);
    do {
        error = posix_fallocate(fd, 0, (off_t)ct_metrics_board_size());
    } while (error == EINTR);
    ct_file_limit_end(&limit);
    if (error == 0) {
        mapping =
            mmap(at, ct_metrics_board_size(), PROT_READ | PROT_WRITE, MAP_SHARED | (at != NULL ? MAP_FIXED : 0), fd, 0);
    }
    return mapping == MAP_FAILED ? NULL : mapping;
}

static uint8_t *map_new_file(const char *path, void *at)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    uint8_t *mapping;

    if (fd < 0) {
        return NULL;
    }
    mapping = map_file(fd, at);
    close(fd);
    if (mapping == NULL) {
        unlink(path);
        errno = ENOSPC; /* whatever it was, another name does not help */
    }
    return mapping;
}

struct parts {
    struct iovec from[8], to[8];
    int count;
    size_t size;
};

static void add_part(struct parts *parts, const void *from, uint8_t *to, size_t len)
{
    parts->from[parts->count] = (struct iovec){ .iov_base = (void *)from, .iov_len = len };
    parts->to[parts->count] = (struct iovec){ .iov_base = to, .iov_len = len };
    parts->count++;
    parts->size += len;
}

enum copied {
    COPIED,
    CUT,       /* somebody has cut the file */
    FORBIDDEN, /* by a filter of system calls, say: nothing is shown, and another file would not help */
};

/* Copied in this order: the page that shows a cut, what is counted, what is in force, and the magic number. */
static enum copied copy(const struct ct_metrics_board *board)
{
    const struct ct_metrics_file *file = &board->memory->file;
    const size_t head = offsetof(struct ct_metrics_file, version);
    const size_t gauges = offsetof(struct ct_metrics_file, gauges);
    const size_t body = offsetof(struct ct_metrics_gauges, mode);
    uint64_t told = atomic_load(&board->memory->gauges);
    uint32_t even = atomic_load_explicit(&file->gauges.sequence, memory_order_acquire);
    uint32_t odd = even | 1;
    uint8_t zero = 0;
    struct parts parts = { .count = 0 };
    bool with_gauges = told != atomic_load(&board->memory->gauges_shown) && even != odd;
    size_t labels = 0;
    ssize_t copied;

    while (labels < CT_METRICS_LABELS &&
           (board->whole || atomic_load(&file->labels[labels].state) != CT_METRICS_FREE)) {
        labels++;
    }
    add_part(&parts, &zero, board->shown + probe_offset(), 1);
    add_part(&parts, (const uint8_t *)file + head, board->shown + head,
             offsetof(struct ct_metrics_file, labels) + labels * sizeof file->labels[0] - head);
    if (with_gauges) {
        add_part(&parts, &odd, board->shown + gauges, sizeof odd);
        add_part(&parts, (const uint8_t *)file + gauges + body, board->shown + gauges + body,
                 sizeof file->gauges - body);
        add_part(&parts, &even, board->shown + gauges, sizeof even);
    }
    add_part(&parts, &file->magic, board->shown, sizeof file->magic);
    /* Its own process may always be written to, if this call is not forbidden altogether. */
    copied = process_vm_writev(ct_self_pid(), parts.from, (unsigned long)parts.count, parts.to,
                               (unsigned long)parts.count, 0);
    if (copied < 0 && errno != EFAULT) {
        return FORBIDDEN;
    }
    if (copied < 0 || (size_t)copied != parts.size) {
        return CUT;
    }
    if (with_gauges) {
        atomic_store(&board->memory->gauges_shown, told);
    }
    return COPIED;
}

bool ct_metrics_board_show(struct ct_metrics_board *board)
{
    struct memory *memory = board->memory;
    enum copied result = COPIED;

    atomic_fetch_add(&memory->changed, 1);
    for (int round = 0;
         result == COPIED && round < ROUNDS && atomic_load(&memory->changed) != atomic_load(&memory->shown); round++) {
        uint64_t now = (uint64_t)ct_monotonic_ms() | 1, since = atomic_load(&memory->showing), seen;

        /* Two at once could put an older count over a newer one. Whoever copies now will look again when it is done. */
        if ((since != 0 && now - since < SHOWING_MS) ||
            !atomic_compare_exchange_strong(&memory->showing, &since, now)) {
            return true;
        }
        seen = atomic_load(&memory->changed);
        result = copy(board);
        if (result == COPIED) {
            atomic_store(&memory->shown, seen);
        }
        (void)atomic_compare_exchange_strong(&memory->showing, &now, 0);
    }
    return result != CUT;
}

/* Whether it has ever been shown. */
static bool is_shown(const struct ct_metrics_board *board)
{
    return atomic_load(&board->memory->shown) != 0;
}

void ct_metrics_board_free(void *arg)
{
    struct ct_metrics_board *board = arg;

    if (board->memory != NULL) {
        munmap(board->memory, sizeof *board->memory);
    }
    if (board->shown != NULL) {
        munmap(board->shown, ct_metrics_board_size());
    }
    free(board->path);
    free(board);
}

/* Without a file yet; NULL: memory is short. */
static struct ct_metrics_board *board_new(const struct ct_metrics_file *head)
{
    struct ct_metrics_board *board = calloc(1, sizeof *board);
    void *memory;

    if (board == NULL) {
        return NULL;
    }
    memory = mmap(NULL, sizeof *board->memory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        free(board);
        return NULL;
    }
    board->memory = memory;
    memcpy(&board->memory->file, head, sizeof *head);
    atomic_store(&board->memory->file.magic, CT_METRICS_MAGIC);
    atomic_store(&board->memory->gauges, 1);
    return board;
}

/* Without memory for it nobody will find out that the file is removed. */
static void remember(struct ct_metrics_board *board, const char *path)
{
    struct stat st;

    free(board->path);
    board->path = stat(path, &st) == 0 ? strdup(path) : NULL;
    board->root = ct_root_now();
    if (board->path != NULL) {
        board->dev = st.st_dev;
        board->ino = st.st_ino;
    }
}

bool ct_metrics_board_is_removed(const struct ct_metrics_board *board)
{
    struct ct_root root = ct_root_now();
    struct stat st;

    if (board->path == NULL || !ct_root_equal(&root, &board->root)) {
        return false;
    }
    return stat(board->path, &st) == 0 ? st.st_dev != board->dev || st.st_ino != board->ino
                                       : errno == ENOENT || errno == ENOTDIR;
}

struct ct_metrics_board *ct_metrics_board_new(const char *path, const struct ct_metrics_file *head)
{
    struct ct_metrics_board *board = board_new(head);
    int error = ENOMEM;

    if (board == NULL) {
        errno = error;
        return NULL;
    }
    board->shown = map_new_file(path, NULL);
    if (board->shown != NULL) {
        if (ct_metrics_board_show(board) && is_shown(board)) {
            remember(board, path);
            return board;
        }
        unlink(path);
    } else {
        error = errno;
    }
    ct_metrics_board_free(board);
    errno = error;
    return NULL;
}

struct ct_metrics_board *ct_metrics_board_new_in(int fd, const char *path, const struct ct_metrics_file *head)
{
    struct ct_metrics_board *board = board_new(head);

    if (board == NULL) {
        return NULL;
    }
    board->shown = map_file(fd, NULL);
    board->whole = true;
    if (board->shown == NULL || !ct_metrics_board_show(board) || !is_shown(board)) {
        ct_metrics_board_free(board);
        return NULL;
    }
    board->whole = false; /* nobody else has the board yet */
    remember(board, path);
    return board;
}

struct ct_metrics_file *ct_metrics_board_file(struct ct_metrics_board *board)
{
    return &board->memory->file;
}

void ct_metrics_board_set_gauges(struct ct_metrics_board *board, const struct ct_metrics_gauges *gauges)
{
    struct ct_metrics_gauges *to = &board->memory->file.gauges;
    const size_t head = offsetof(struct ct_metrics_gauges, mode);

    /* Not a lock: a writer that died in between must not keep the next one out. */
    uint32_t before = atomic_fetch_or_explicit(&to->sequence, 1, memory_order_acquire) | 1;
    atomic_thread_fence(memory_order_release);
    memcpy((char *)to + head, (const char *)gauges + head, sizeof *to - head);
    atomic_store_explicit(&to->sequence, before + 1, memory_order_release);
    atomic_fetch_add(&board->memory->gauges, 1);
}

bool ct_metrics_board_move(struct ct_metrics_board *board, const char *path)
{
    /* In the place of the old mapping: a thread that has the kernel copy there now writes into the new file. */
    if (map_new_file(path, board->shown) == NULL) {
        return false;
    }
    atomic_fetch_add(&board->memory->gauges, 1);
    if (!ct_metrics_board_show(board)) {
        unlink(path); /* cut at once; there is to be no file for each time */
        return false;
    }
    remember(board, path);
    return true;
}
