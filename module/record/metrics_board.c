#include "record/metrics_board.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file_limit.h"
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

static size_t shown_size(void)
{
    return probe_offset() + 1;
}

/* A new file of the full size, its blocks allocated; its mapping, at `at` unless that is NULL, or NULL. */
static uint8_t *map_new_file(const char *path, void *at)
{
    struct ct_file_limit limit;
    void *mapping = MAP_FAILED;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error;

    if (fd < 0) {
        return NULL;
    }
    ct_file_limit_begin(&limit);
    do {
        error = posix_fallocate(fd, 0, (off_t)shown_size());
    } while (error == EINTR);
    ct_file_limit_end(&limit);
    if (error == 0) {
        mapping = mmap(at, shown_size(), PROT_READ | PROT_WRITE, MAP_SHARED | (at != NULL ? MAP_FIXED : 0), fd, 0);
    }
    close(fd);
    if (mapping == MAP_FAILED) {
        unlink(path);
        errno = ENOSPC; /* whatever it was, another name does not help */
        return NULL;
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

/* Copied in this order: the page that shows a cut, what is counted, what is in force, and the magic number. */
static bool copy(const struct ct_metrics_board *board)
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

    while (labels < CT_METRICS_LABELS && atomic_load(&file->labels[labels].state) != CT_METRICS_FREE) {
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
    /* Its own process may always be written to; a system that has not got this call counts nothing. */
    copied = process_vm_writev(ct_self_pid(), parts.from, (unsigned long)parts.count, parts.to,
                               (unsigned long)parts.count, 0);
    if (copied < 0 || (size_t)copied != parts.size) {
        return false;
    }
    if (with_gauges) {
        atomic_store(&board->memory->gauges_shown, told);
    }
    return true;
}

bool ct_metrics_board_show(struct ct_metrics_board *board)
{
    struct memory *memory = board->memory;
    bool ok = true;

    atomic_fetch_add(&memory->changed, 1);
    for (int round = 0; ok && round < ROUNDS && atomic_load(&memory->changed) != atomic_load(&memory->shown); round++) {
        uint64_t now = (uint64_t)ct_monotonic_ms() | 1, since = atomic_load(&memory->showing), seen;

        /* Two at once could put an older count over a newer one. Whoever copies now will look again when it is done. */
        if ((since != 0 && now - since < SHOWING_MS) ||
            !atomic_compare_exchange_strong(&memory->showing, &since, now)) {
            return true;
        }
        seen = atomic_load(&memory->changed);
        ok = copy(board);
        if (ok) {
            atomic_store(&memory->shown, seen);
        }
        (void)atomic_compare_exchange_strong(&memory->showing, &now, 0);
    }
    return ok;
}

void ct_metrics_board_free(void *arg)
{
    struct ct_metrics_board *board = arg;

    if (board->memory != NULL) {
        munmap(board->memory, sizeof *board->memory);
    }
    if (board->shown != NULL) {
        munmap(board->shown, shown_size());
    }
    free(board);
}

struct ct_metrics_board *ct_metrics_board_new(const char *path, const struct ct_metrics_file *head)
{
    struct ct_metrics_board *board = calloc(1, sizeof *board);
    void *memory;
    int error = ENOMEM;

    if (board == NULL) {
        return NULL;
    }
    memory = mmap(NULL, sizeof *board->memory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        goto failed;
    }
    board->memory = memory;
    memcpy(&board->memory->file, head, sizeof *head);
    atomic_store(&board->memory->file.magic, CT_METRICS_MAGIC);
    atomic_store(&board->memory->gauges, 1);
    board->shown = map_new_file(path, NULL);
    if (board->shown == NULL) {
        error = errno;
        goto failed;
    }
    if (ct_metrics_board_show(board)) {
        return board;
    }
    unlink(path);
failed:
    ct_metrics_board_free(board);
    errno = error;
    return NULL;
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
    return ct_metrics_board_show(board);
}
