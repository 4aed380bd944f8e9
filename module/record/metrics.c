#include "record/metrics.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file_limit.h"
#include "base/lease.h"
#include "record/metrics_file.h"
#include "base/self.h"
#include "base/shared.h"

#define RETRY_MS 1000
/* Longer than a file takes to be made; two at once would make two files of one process, which are added up. */
#define OPENING_MS 1000
#define NAMES_TRIED 64

_Static_assert(CT_METRICS_SESSIONS_RESUMED - CT_METRICS_SESSIONS_RESUMABLE ==
                   CLIENTCT_SESSION_RESUMED - CLIENTCT_SESSION_RESUMABLE,
               "the counters of sessions stand in the order of enum clientct_session");

/* A file that is mapped; the descriptor is closed at once, for a daemon would close it and reuse its number. */
struct mapping {
    _Atomic(pid_t) pid; /* of the process that may count in it without looking further */
    struct ct_metrics_file *file;
};

struct ct_metrics {
    char program[32], boot_id[40];               /* found out early: a chroot has no /proc */
    struct ct_shared directory;                  /* a string; none: metrics are off */
    struct ct_shared mapping;                    /* a struct mapping; none: no file now */
    struct ct_shared gauges;                     /* struct ct_metrics_gauges as last told, for the next file */
    struct ct_lease opening;                     /* who makes a file, or tells the audit's counts */
    _Atomic int64_t tried_ms;                    /* monotonic; 0: not yet */
    atomic_bool told_denying;                    /* with the gauges */
    _Atomic uint64_t told;                       /* the generation that was counted as a load */
    struct ct_audit_counts audit;                /* as last told; whoever has the lease */
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

    munmap(mapping->file, sizeof *mapping->file);
    free(mapping);
}

static void *object_of(const struct ct_share *share)
{
    return share == NULL ? NULL : ct_share_get0(share);
}

/* argv[0] is not asked: nginx and others write their titles over it. */
static void find_program(char *out, size_t size)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    const char *name = "process";
    size_t used = 0;

    if (len > 0) {
        path[len] = '\0';
        name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    }
    for (; *name != '\0' && *name != ' ' && used < size - 1; name++) {
        bool plain = isascii((unsigned char)*name) && (isalnum((unsigned char)*name) || strchr("_-+", *name) != NULL);

        out[used] = plain || (*name == '.' && used > 0) ? *name : '_';
        used++;
    }
    out[used] = '\0';
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

/* A new file of the full size, its name taken; its mapping, or NULL. */
static struct ct_metrics_file *file_create(const char *directory, const char *program, pid_t pid, int64_t started_ms)
{
    char path[PATH_MAX];
    struct ct_file_limit limit;
    void *memory = MAP_FAILED;
    int error = ENAMETOOLONG;
    int fd = -1;
    int len = snprintf(path, sizeof path, "%s/%s.%ld.%lld", directory, program, (long)pid, (long long)started_ms);

    if (len < 0 || (size_t)len >= sizeof path) {
        return NULL;
    }
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return NULL;
    }
    ct_file_limit_begin(&limit);
    do {
        error = posix_fallocate(fd, 0, sizeof(struct ct_metrics_file));
    } while (error == EINTR);
    ct_file_limit_end(&limit);
    if (error == 0) {
        memory = mmap(NULL, sizeof(struct ct_metrics_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    close(fd);
    if (memory == MAP_FAILED) {
        unlink(path);
        errno = ENOSPC; /* whatever it was, another name does not help */
        return NULL;
    }
    return memory;
}

static void put_gauges(struct ct_metrics_file *file, const struct ct_metrics_gauges *gauges)
{
    struct ct_metrics_gauges *to = &file->gauges;
    const size_t head = offsetof(struct ct_metrics_gauges, mode);

    /* Not a lock: a writer that died in between must not keep the next one out. */
    uint32_t before = atomic_fetch_or_explicit(&to->sequence, 1, memory_order_acquire) | 1;
    atomic_thread_fence(memory_order_release);
    memcpy((char *)to + head, (const char *)gauges + head, sizeof *to - head);
    atomic_store_explicit(&to->sequence, before + 1, memory_order_release);
}

/* A file of this process's own. */
static struct mapping *mapping_new(struct ct_metrics *metrics, const char *directory, pid_t pid)
{
    struct mapping *mapping = calloc(1, sizeof *mapping);
    int64_t started_ms = ct_now_ms();
    struct ct_metrics_file *file = NULL;
    struct ct_share *gauges;

    if (mapping == NULL) {
        return NULL;
    }
    errno = EEXIST;
    /* Taken: by a file begun in this millisecond, after the clock was set back, or where another machine writes. */
    for (int attempt = 0; file == NULL && attempt < NAMES_TRIED && errno == EEXIST; attempt++) {
        file = file_create(directory, metrics->program, pid, started_ms + attempt);
    }
    if (file == NULL) {
        free(mapping);
        return NULL;
    }
    file->version = CT_METRICS_VERSION;
    file->kind = CT_METRICS_PROCESS;
    file->started_ms = started_ms;
    file->started_boot_ms = (uint64_t)ct_boot_ms();
    file->pid = pid;
    memcpy(file->boot_id, metrics->boot_id, sizeof file->boot_id);
    memcpy(file->program, metrics->program, sizeof file->program);
    gauges = ct_shared_get1(&metrics->gauges);
    if (gauges != NULL) {
        put_gauges(file, ct_share_get0(gauges));
    }
    ct_share_release(gauges);
    atomic_store_explicit(&file->magic, CT_METRICS_MAGIC, memory_order_release);
    atomic_init(&mapping->pid, pid);
    mapping->file = file;
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

/* The file to count in, retained; NULL: there is none now. */
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
    if ((mapping == NULL ||
         (atomic_load(&mapping->pid) != pid && !atomic_load_explicit(&metrics->shared, memory_order_relaxed))) &&
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
        settle(metrics, mapping->file);
    }
    return share;
}

struct ct_metrics *ct_metrics_new(const char *directory)
{
    struct ct_metrics *metrics = calloc(1, sizeof *metrics);

    if (metrics == NULL) {
        return NULL;
    }
    find_program(metrics->program, sizeof metrics->program);
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
    struct ct_share *share = current(metrics);
    struct ct_metrics_file *file;

    if (share == NULL) {
        add(&metrics->lost, atomic_load_explicit(&metrics->wanted, memory_order_relaxed) ? 1 : 0);
        return;
    }
    file = ((struct mapping *)ct_share_get0(share))->file;
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
        file = ((struct mapping *)ct_share_get0(share))->file;
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
            put_gauges(((struct mapping *)ct_share_get0(share))->file, ct_share_get0(told));
        }
        ct_share_release(told);
        ct_share_release(share);
    }
    return true;
}

static uint64_t since(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now; /* fewer than before: another ct_audit has begun to count */
}

void ct_metrics_audit(struct ct_metrics *metrics, const struct ct_audit_counts *counts)
{
    struct ct_share *share = current(metrics);
    uint64_t ticket = share == NULL ? 0 : ct_lease_try(&metrics->opening, OPENING_MS);
    struct ct_metrics_file *file;

    if (ticket != 0) {
        file = ((struct mapping *)ct_share_get0(share))->file;
        add(&file->counters[CT_METRICS_AUDIT_WRITTEN], since(counts->written, metrics->audit.written));
        add(&file->counters[CT_METRICS_AUDIT_DROPPED_RATE], since(counts->dropped_rate, metrics->audit.dropped_rate));
        add(&file->counters[CT_METRICS_AUDIT_DROPPED_SINK], since(counts->dropped_sink, metrics->audit.dropped_sink));
        metrics->audit = *counts;
        ct_lease_end(&metrics->opening, ticket);
    } /* else whoever comes next sees the same totals */
    ct_share_release(share);
}
