/* SPDX-License-Identifier: Apache-2.0 */
#include "record/metrics.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lease.h"
#include "record/metrics_board.h"
#include "record/metrics_file.h"
#include "record/metrics_takeover.h"
#include "base/self.h"
#include "base/shared.h"

#define RETRY_MS 1000
/* Longer than a file takes to be made; two at once would make two files of one process, which are added up. */
#define OPENING_MS 1000
#define NAMES_TRIED 64
/* A child is given a file of its own when it has come so far, which a process for one connection does not... */
#define CHILD_VERDICTS 5
/* ... and no more of them than this, so that the directory is bounded: the others count in their parent's. */
#define CHILD_FILES 64

_Static_assert(CT_METRICS_SESSIONS_RESUMED - CT_METRICS_SESSIONS_RESUMABLE ==
                   CLIENTCT_SESSION_RESUMED - CLIENTCT_SESSION_RESUMABLE,
               "the counters of sessions stand in the order of enum clientct_session");

/* A board, and which process may count on it without looking further. */
struct mapping {
    _Atomic(pid_t) pid;
    pid_t maker; /* whose file it is */
    struct ct_metrics_board *board;
};

/* Shared by a process and its later children, whichever files they have. */
struct family {
    pid_t first;
    _Atomic uint32_t child_files; /* that children have made */
};

struct ct_metrics {
    char program[32], boot_id[40]; /* found out early: a chroot has no /proc */
    struct ct_shared directory;    /* a string; none: metrics are off */
    struct ct_shared mapping;      /* a struct mapping; none: no file now */
    struct ct_shared gauges;       /* struct ct_metrics_gauges as last told, for the next file */
    struct family *family;
    _Atomic(pid_t) counting_pid; /* which process has decided `verdicts` times */
    _Atomic uint32_t verdicts;
    struct ct_lease opening;                     /* who makes a file, or tells the audit's counts */
    _Atomic int64_t tried_ms;                    /* monotonic; 0: not yet */
    _Atomic int64_t looked_ms;                   /* monotonic: whether the file is still there */
    atomic_bool told_denying;                    /* with the gauges */
    _Atomic uint64_t told;                       /* the generation that was counted as a load */
    struct ct_audit_counts audit;                /* as last told; whoever has the lease */
    struct ct_archive_counts archive;            /* likewise */
    atomic_bool shared;                          /* children count in this process's file */
    atomic_bool wanted;                          /* there is a directory */
    _Atomic uint64_t lost, loads, load_failures; /* counted while there was no file */
};

static void add(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static void mapping_free(void *arg)
{
    struct mapping *mapping = arg;

    ct_metrics_board_free(mapping->board);
    free(mapping);
}

static void *object_of(const struct ct_share *share)
{
    return share == NULL ? NULL : ct_share_get0(share);
}

static struct ct_metrics_file *file_of(const struct ct_share *share)
{
    return ct_metrics_board_file(((struct mapping *)ct_share_get0(share))->board);
}

static void find_boot_id(char *out, size_t size)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, out, size - 1);

    out[len > 0 ? len : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (fd >= 0) {
        close(fd);
    }
}

static bool path_of(char *path, size_t size, const struct ct_metrics *metrics, const char *directory, pid_t pid,
                    int64_t started_ms)
{
    int len = snprintf(path, size, "%s/%s.%ld.%lld", directory, metrics->program, (long)pid, (long long)started_ms);

    return len >= 0 && (size_t)len < size;
}

#define METRICS_PATH_SIZE 1024 /* a quarter of PATH_MAX: it stands on the stack of a handshake */

/* What a file of this process begins with; NULL when memory is short. */
static struct ct_metrics_file *make_head(struct ct_metrics *metrics, pid_t pid, int64_t started_ms)
{
    struct ct_metrics_file *head = calloc(1, sizeof *head);
    struct ct_share *gauges;

    if (head == NULL) {
        return NULL;
    }
    head->version = CT_METRICS_VERSION;
    head->kind = CT_METRICS_PROCESS;
    head->started_ms = started_ms;
    head->started_boot_ms = (uint64_t)ct_boot_ms();
    head->pid = pid;
    memcpy(head->boot_id, metrics->boot_id, sizeof head->boot_id);
    memcpy(head->program, metrics->program, sizeof head->program);
    gauges = ct_shared_get1(&metrics->gauges);
    if (gauges != NULL) {
        memcpy(&head->gauges, ct_share_get0(gauges), sizeof head->gauges);
    }
    ct_share_release(gauges);
    return head;
}

/* A file of this process's own; with `gone`, one in place of the file that somebody has cut or removed. */
static struct ct_metrics_board *make_file(struct ct_metrics *metrics, const char *directory, pid_t pid,
                                          struct ct_metrics_board *gone)
{
    char path[METRICS_PATH_SIZE];
    int64_t started_ms = ct_now_ms();
    struct ct_metrics_board *board = NULL;
    struct ct_metrics_file *head = make_head(metrics, pid, started_ms);

    if (head == NULL) {
        return NULL;
    }
    errno = EEXIST;
    /* Taken: by a file begun in this millisecond, after the clock was set back, or where another machine writes. */
    for (int attempt = 0; board == NULL && attempt < NAMES_TRIED && errno == EEXIST; attempt++) {
        if (!path_of(path, sizeof path, metrics, directory, pid, started_ms + attempt)) {
            break;
        }
        if (gone == NULL) {
            board = ct_metrics_board_new(path, head);
        } else if (ct_metrics_board_move(gone, path)) {
            board = gone;
        }
    }
    free(head);
    return board;
}

/* Goes on in the file of a process that is gone; NULL: there is none, and there may be a new one. */
static struct ct_metrics_board *take_over(struct ct_metrics *metrics, const char *directory, pid_t pid)
{
    struct ct_metrics_file *counted = calloc(1, sizeof *counted), *head = NULL;
    struct ct_metrics_board *board = NULL;
    struct ct_metrics_takeover takeover;

    if (counted != NULL &&
        ct_metrics_takeover_begin(&takeover, directory, metrics->program, ct_metrics_board_size(), counted)) {
        char path[METRICS_PATH_SIZE];

        snprintf(path, sizeof path, "%s/%s", directory, takeover.name);
        head = make_head(metrics, pid, ct_now_ms());
        if (head != NULL) {
            ct_metrics_file_add(head, counted);
            board = ct_metrics_board_new_in(takeover.fd, path, head);
        }
        ct_metrics_takeover_end(&takeover);
    }
    free(head);
    free(counted);
    return board;
}

static struct mapping *mapping_new(struct ct_metrics *metrics, const char *directory, pid_t pid)
{
    _Atomic uint32_t *child_files = pid == metrics->family->first ? NULL : &metrics->family->child_files;
    struct mapping *mapping = calloc(1, sizeof *mapping);

    if (mapping == NULL) {
        return NULL;
    }
    mapping->board = take_over(metrics, directory, pid);
    if (mapping->board == NULL && (child_files == NULL || atomic_fetch_add(child_files, 1) < CHILD_FILES)) {
        mapping->board = make_file(metrics, directory, pid, NULL);
    }
    if (mapping->board == NULL) {
        if (child_files != NULL) {
            atomic_fetch_sub(child_files, 1);
        }
        free(mapping);
        return NULL;
    }
    mapping->maker = pid;
    atomic_init(&mapping->pid, pid);
    return mapping;
}

/* `mapping` is another process's, or NULL. */
static void start_file(struct ct_metrics *metrics, struct mapping *mapping, pid_t pid)
{
    int64_t now_ms = ct_monotonic_ms(), tried_ms = atomic_load(&metrics->tried_ms);
    struct ct_share *directory = ct_shared_get1(&metrics->directory);
    struct mapping *fresh = NULL;

    if (directory == NULL || (tried_ms != 0 && now_ms - tried_ms < RETRY_MS)) {
        goto out;
    }
    fresh = mapping_new(metrics, ct_share_get0(directory), pid);
    if (fresh != NULL && ct_shared_set(&metrics->mapping, fresh, mapping_free)) {
        atomic_store(&metrics->tried_ms, 0);
        goto out;
    }
    if (fresh != NULL) {
        mapping_free(fresh);
    }
    if (mapping != NULL) {
        atomic_store(&mapping->pid, pid);
    } else {
        atomic_store(&metrics->tried_ms, now_ms);
    }
out:
    ct_share_release(directory);
}

/* Once in RETRY_MS, by one thread. */
static bool is_time_to_look(struct ct_metrics *metrics, int64_t now_ms)
{
    int64_t looked_ms = atomic_load_explicit(&metrics->looked_ms, memory_order_relaxed);

    return now_ms - looked_ms >= RETRY_MS && atomic_compare_exchange_strong(&metrics->looked_ms, &looked_ms, now_ms);
}

/* What has been counted is shown; in a new file, where somebody has cut or removed the one there was. */
static void show(struct ct_metrics *metrics, struct mapping *mapping)
{
    int64_t now_ms = ct_monotonic_ms(), tried_ms;
    bool cut = !ct_metrics_board_show(mapping->board);
    struct ct_share *directory;
    uint64_t ticket;

    /* A child that counts in its parent's file leaves this to the parent: two new files would count twice. */
    if (mapping->maker != ct_self_pid() || (!cut && !is_time_to_look(metrics, now_ms)) ||
        (ticket = ct_lease_try(&metrics->opening, OPENING_MS)) == 0) {
        return;
    }
    directory = ct_shared_get1(&metrics->directory);
    tried_ms = atomic_load(&metrics->tried_ms);
    if (directory != NULL && (tried_ms == 0 || now_ms - tried_ms >= RETRY_MS) &&
        (ct_metrics_board_is_removed(mapping->board) ||
         (cut && !ct_metrics_board_show(mapping->board)))) { /* another thread may have been faster */
        atomic_store(&metrics->tried_ms, now_ms);
        (void)make_file(metrics, ct_share_get0(directory), mapping->maker, mapping->board);
    }
    ct_share_release(directory);
    ct_lease_end(&metrics->opening, ticket);
}

/* What was counted while there was no file. */
static void settle(struct ct_metrics *metrics, struct ct_metrics_file *file)
{
    if (atomic_load_explicit(&metrics->lost, memory_order_relaxed) != 0) {
        add(&file->counters[CT_METRICS_LOST], atomic_exchange(&metrics->lost, 0));
    }
    if (atomic_load_explicit(&metrics->loads, memory_order_relaxed) != 0) {
        add(&file->counters[CT_METRICS_LOADS], atomic_exchange(&metrics->loads, 0));
        add(&file->counters[CT_METRICS_LOAD_FAILURES], atomic_exchange(&metrics->load_failures, 0));
    }
}

/* Whether this process has decided so often that it is more than a child for one connection. */
static bool has_come_far(const struct ct_metrics *metrics, pid_t pid)
{
    return !atomic_load_explicit(&metrics->shared, memory_order_relaxed) &&
           atomic_load(&metrics->counting_pid) == pid &&
           atomic_load_explicit(&metrics->verdicts, memory_order_relaxed) >= CHILD_VERDICTS;
}

/* The board to count on, retained; NULL: there is none now. */
static struct ct_share *current(struct ct_metrics *metrics)
{
    struct ct_share *share;
    struct mapping *mapping;
    uint64_t ticket;
    pid_t pid;

    if (!atomic_load_explicit(&metrics->wanted, memory_order_acquire)) {
        return NULL;
    }
    share = ct_shared_get1(&metrics->mapping);
    mapping = object_of(share);
    pid = ct_self_pid();
    if ((mapping == NULL || (atomic_load(&mapping->pid) != pid && has_come_far(metrics, pid))) &&
        (ticket = ct_lease_try(&metrics->opening, OPENING_MS)) != 0) {
        /* Another thread may have been faster. */
        ct_share_release(share);
        share = ct_shared_get1(&metrics->mapping);
        mapping = object_of(share);
        if (mapping == NULL || atomic_load(&mapping->pid) != pid) {
            start_file(metrics, mapping, pid);
        }
        ct_lease_end(&metrics->opening, ticket);
        ct_share_release(share);
        share = ct_shared_get1(&metrics->mapping);
        mapping = object_of(share);
    }
    if (mapping != NULL) {
        settle(metrics, ct_metrics_board_file(mapping->board));
    }
    return share;
}

struct ct_metrics *ct_metrics_new(const char *directory)
{
    struct ct_metrics *metrics = calloc(1, sizeof *metrics);

    if (metrics == NULL) {
        return NULL;
    }
    void *family = mmap(NULL, sizeof *metrics->family, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (family == MAP_FAILED) {
        free(metrics);
        return NULL;
    }
    metrics->family = family;
    metrics->family->first = ct_self_pid();
    ct_self_program(metrics->program, sizeof metrics->program);
    find_boot_id(metrics->boot_id, sizeof metrics->boot_id);
    if (!ct_metrics_set_directory(metrics, directory)) {
        ct_metrics_free(metrics);
        return NULL;
    }
    return metrics;
}

void ct_metrics_free(struct ct_metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    ct_shared_clear(&metrics->mapping);
    ct_shared_clear(&metrics->gauges);
    ct_shared_clear(&metrics->directory);
    munmap(metrics->family, sizeof *metrics->family);
    free(metrics);
}

bool ct_metrics_set_directory(struct ct_metrics *metrics, const char *directory)
{
    struct ct_share *before = ct_shared_get1(&metrics->directory);
    const char *old = object_of(before);
    bool same = directory == NULL ? old == NULL : old != NULL && strcmp(directory, old) == 0;
    char *copy = same || directory == NULL ? NULL : strdup(directory);
    bool ok = same || ((directory == NULL || copy != NULL) && ct_shared_set(&metrics->mapping, NULL, NULL) &&
                       ct_shared_set(&metrics->directory, copy, free));

    ct_share_release(before);
    if (!ok) {
        free(copy);
        return false;
    }
    if (!same) {
        atomic_store(&metrics->tried_ms, 0);
        atomic_store(&metrics->wanted, directory != NULL);
    }
    ct_share_release(current(metrics)); /* opened early, while it may be */
    return true;
}

static size_t bucket_of(uint64_t elapsed_ns)
{
    size_t bucket = 0;

    while (bucket < CT_METRICS_BUCKETS - 1 && elapsed_ns > ct_metrics_bounds_ns[bucket]) {
        bucket++;
    }
    return bucket;
}

void ct_metrics_decision(struct ct_metrics *metrics, const struct clientct_verdict *verdict, uint64_t elapsed_ns)
{
    pid_t pid = ct_self_pid();
    struct ct_metrics_file *file;
    struct ct_share *share;

    if (atomic_load_explicit(&metrics->counting_pid, memory_order_relaxed) != pid) {
        atomic_store(&metrics->verdicts, 0); /* after a fork */
        atomic_store(&metrics->counting_pid, pid);
    }
    if (atomic_load_explicit(&metrics->verdicts, memory_order_relaxed) < CHILD_VERDICTS) {
        atomic_fetch_add_explicit(&metrics->verdicts, 1, memory_order_relaxed);
    }
    share = current(metrics);
    if (share == NULL) {
        add(&metrics->lost, atomic_load_explicit(&metrics->wanted, memory_order_relaxed) ? 1 : 0);
        return;
    }
    file = file_of(share);
    ct_metrics_count(file, CT_METRICS_ENFORCED, verdict->accept, verdict->reason, verdict->policy, 1);
    if (verdict->shadow_policy != NULL && verdict->shadow_reason != CLIENTCT_NOT_EVALUATED) {
        ct_metrics_count(file, CT_METRICS_SHADOW, verdict->shadow_compliant, verdict->shadow_reason,
                         verdict->shadow_policy, 1);
    }
    add(&file->modes[verdict->mode], 1);
    add(&file->counters[CT_METRICS_CACHE_HITS], verdict->cached ? 1 : 0);
    add(&file->counters[CT_METRICS_SIGNATURES], verdict->signatures_checked);
    add(&file->buckets[bucket_of(elapsed_ns)], 1);
    add(&file->duration_ns, elapsed_ns);
    show(metrics, ct_share_get0(share));
    ct_share_release(share);
}

void ct_metrics_session(struct ct_metrics *metrics, enum clientct_session session)
{
    struct ct_share *share;
    struct ct_metrics_file *file;

    if (session <= CLIENTCT_SESSION_UNKNOWN || session >= CLIENTCT_SESSION_COUNT) {
        return;
    }
    share = current(metrics);
    if (share != NULL) {
        file = file_of(share);
        add(&file->counters[CT_METRICS_SESSIONS_RESUMABLE + (session - CLIENTCT_SESSION_RESUMABLE)], 1);
    }
    ct_share_release(share);
}

static void copy_end(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);
    const char *from = len < size ? text : text + (len - size + 1);

    while (((unsigned char)*from & 0xc0) == 0x80) {
        from++; /* not in the middle of a character */
    }
    snprintf(out, size, "%s", from);
}

static void gauges_of(const struct ct_snapshot *snapshot, const char *denying, struct ct_metrics_gauges *gauges)
{
    memset(gauges, 0, sizeof *gauges);
    gauges->mode = (uint8_t)(snapshot->config == NULL ? CLIENTCT_MODE_ENFORCE : snapshot->config->settings.mode);
    gauges->config_failed = snapshot->config_failed;
    gauges->lists_failed = snapshot->book_failed;
    gauges->denies_all = denying != NULL;
    gauges->generation = snapshot->generation;
    gauges->since_ms = ct_now_ms();
    copy_end(gauges->config_file, sizeof gauges->config_file, snapshot->config_file);
    snprintf(gauges->why, sizeof gauges->why, "%s", denying != NULL ? denying : snapshot->why);
    for (size_t i = 0; snapshot->book != NULL && i < snapshot->book->list_count && i < CT_METRICS_LISTS; i++) {
        copy_end(gauges->lists[i].path, sizeof gauges->lists[i].path, snapshot->book->lists[i].path);
        gauges->lists[i].timestamp_ms = snapshot->book->lists[i].timestamp_ms;
        gauges->list_count++;
    }
}

bool ct_metrics_snapshot(struct ct_metrics *metrics, const struct ct_snapshot *snapshot, const char *denying)
{
    struct ct_metrics_gauges *gauges;
    struct ct_share *share;

    atomic_store(&metrics->shared, snapshot->config != NULL && snapshot->config->settings.reload == CT_RELOAD_CONTEXT);
    if (snapshot->generation != atomic_load(&metrics->told) ||
        (denying != NULL) != atomic_load(&metrics->told_denying)) {
        bool failed = snapshot->config_failed || snapshot->book_failed;

        gauges = malloc(sizeof *gauges);
        if (gauges == NULL) {
            return false;
        }
        gauges_of(snapshot, denying, gauges);
        if (!ct_shared_set(&metrics->gauges, gauges, free)) {
            free(gauges);
            return false;
        }
        atomic_store(&metrics->told_denying, denying != NULL);
        if (atomic_exchange(&metrics->told, snapshot->generation) != snapshot->generation) {
            /* What was kept, because the files are out of reach, was not loaded. */
            add(&metrics->load_failures, failed ? 1 : 0);
            add(&metrics->loads, failed || !snapshot->reading.kept ? 1 : 0);
        }
    }
    share = current(metrics);
    if (share != NULL) {
        struct ct_share *told = ct_shared_get1(&metrics->gauges);

        if (told != NULL) {
            ct_metrics_board_set_gauges(((struct mapping *)ct_share_get0(share))->board, ct_share_get0(told));
        }
        show(metrics, ct_share_get0(share));
        ct_share_release(told);
        ct_share_release(share);
    }
    return true;
}

/* What somebody counts by itself, and how much of it was told before. */
struct total {
    int counter;
    uint64_t now, *told;
};

/* Adds what has come since; where another one is just telling, whoever comes next sees the same totals. */
static void tell(struct ct_metrics *metrics, const struct total *totals, size_t count)
{
    struct ct_share *share = current(metrics);
    uint64_t ticket = share == NULL ? 0 : ct_lease_try(&metrics->opening, OPENING_MS);

    if (ticket != 0) {
        for (size_t i = 0; i < count; i++) {
            uint64_t now = totals[i].now, told = *totals[i].told;

            /* Fewer than before: another one has begun to count. */
            add(&file_of(share)->counters[totals[i].counter], now >= told ? now - told : now);
            *totals[i].told = now;
        }
        ct_lease_end(&metrics->opening, ticket);
    }
    ct_share_release(share);
}

void ct_metrics_audit(struct ct_metrics *metrics, const struct ct_audit_counts *counts)
{
    const struct total totals[] = {
        { CT_METRICS_AUDIT_WRITTEN, counts->written, &metrics->audit.written },
        { CT_METRICS_AUDIT_DROPPED_RATE, counts->dropped_rate, &metrics->audit.dropped_rate },
        { CT_METRICS_AUDIT_DROPPED_SINK, counts->dropped_sink, &metrics->audit.dropped_sink },
    };

    tell(metrics, totals, sizeof totals / sizeof totals[0]);
}

void ct_metrics_archive(struct ct_metrics *metrics, const struct ct_archive_counts *counts)
{
    const struct total totals[] = {
        { CT_METRICS_ARCHIVE_WRITTEN, counts->written, &metrics->archive.written },
        { CT_METRICS_ARCHIVE_LOST_RATE, counts->lost_rate, &metrics->archive.lost_rate },
        { CT_METRICS_ARCHIVE_LOST_SINK, counts->lost_sink, &metrics->archive.lost_sink },
    };

    tell(metrics, totals, sizeof totals / sizeof totals[0]);
}

void ct_metrics_show(struct ct_metrics *metrics)
{
    struct ct_share *share = current(metrics);

    if (share != NULL) {
        show(metrics, ct_share_get0(share));
    }
    ct_share_release(share);
}
