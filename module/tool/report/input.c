#include "tool/report/input.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/tool.h"

#define BLOCK ((size_t)512 * 1024) /* many lines, and little enough to stay in a processor's cache */
#define PROGRESS_NS INT64_C(200000000)

/* Whole lines, but for the last of an input. */
struct block {
    const struct report_source *source;
    size_t len;
    uint8_t data[BLOCK];
};

struct worker {
    pthread_t thread;
    struct report_work *work;
    struct report_tally *tally;
    struct report_line line;
};

struct report_work {
    unsigned jobs;
    struct worker *workers;
    bool shows_progress, shown;
    int64_t shown_ns;
    uint64_t lines; /* of the input that is read; for messages, where there is one worker */
    /* Blocks on their way, where there are several; under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    struct block **free, **full;
    size_t free_count, full_count;
    bool ended;
};

/* --- lines --- */

static bool add_line(struct worker *worker, const struct report_source *source, struct ct_bytes text)
{
    struct report_line *line = &worker->line;

    report_read(text, source->kind, source->units, line);
    /* One plain line, and all the others may be a forger's, too: a MESSAGE may look like an entry. */
    if (source->kind == REPORT_FROM_JOURNAL && !line->exported) {
        return false;
    }
    report_add(worker->tally, source->name, line);
    return true;
}

static bool add_lines(struct worker *worker, const struct report_source *source, struct ct_bytes lines)
{
    const uint8_t *at = lines.data, *end = lines.data + lines.len;

    while (at < end) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline != NULL ? newline : end) - at);

        worker->work->lines += worker->work->jobs == 1;
        if (len > 0 && !add_line(worker, source, (struct ct_bytes){ at, len })) {
            return false;
        }
        at += len + 1;
    }
    return true;
}

/* --- workers --- */

static struct block *take(struct report_work *work, struct block **from, size_t *count, pthread_cond_t *when)
{
    struct block *block = NULL;

    pthread_mutex_lock(&work->lock);
    while (*count == 0 && !(work->ended && from == work->full)) {
        pthread_cond_wait(when, &work->lock);
    }
    if (*count > 0) {
        block = from[0];
        memmove(from, from + 1, --*count * sizeof *from);
    }
    pthread_mutex_unlock(&work->lock);
    return block;
}

static void put(struct report_work *work, struct block **to, size_t *count, pthread_cond_t *when, struct block *block)
{
    pthread_mutex_lock(&work->lock);
    to[(*count)++] = block;
    pthread_cond_signal(when);
    pthread_mutex_unlock(&work->lock);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    struct report_work *work = worker->work;
    struct block *block;

    while ((block = take(work, work->full, &work->full_count, &work->filled)) != NULL) {
        (void)add_lines(worker, block->source, (struct ct_bytes){ block->data, block->len });
        put(work, work->free, &work->free_count, &work->emptied, block);
    }
    return NULL;
}

static void *kept(void *memory)
{
    if (memory == NULL) {
        tool_out_of_memory();
    }
    return memory;
}

struct report_work *report_work_begin(struct report_tally *tally, unsigned jobs)
{
    struct report_work *work = kept(calloc(1, sizeof *work));
    size_t blocks = jobs == 1 ? 1 : (size_t)jobs * 3;

    work->jobs = jobs;
    work->shows_progress = isatty(STDERR_FILENO) == 1;
    work->shown_ns = ct_monotonic_ns();
    work->workers = kept(calloc(jobs, sizeof *work->workers));
    work->free = kept(calloc(blocks, sizeof *work->free));
    work->full = kept(calloc(blocks, sizeof *work->full));
    pthread_mutex_init(&work->lock, NULL);
    pthread_cond_init(&work->filled, NULL);
    pthread_cond_init(&work->emptied, NULL);
    for (size_t i = 0; i < blocks; i++) {
        work->free[work->free_count++] = kept(malloc(sizeof(struct block)));
    }
    for (unsigned i = 0; i < jobs; i++) {
        struct worker *worker = &work->workers[i];

        worker->work = work;
        worker->tally = i == 0 ? tally : report_tally_new(tally->since_ms, tally->believes_anybody);
        if (jobs > 1 && pthread_create(&worker->thread, NULL, run, worker) != 0) {
            tool_out_of_memory();
        }
    }
    return work;
}

void report_work_end(struct report_work *work)
{
    pthread_mutex_lock(&work->lock);
    work->ended = true;
    pthread_cond_broadcast(&work->filled);
    pthread_mutex_unlock(&work->lock);
    for (unsigned i = 0; work->jobs > 1 && i < work->jobs; i++) {
        pthread_join(work->workers[i].thread, NULL);
    }
    for (unsigned i = 1; i < work->jobs; i++) {
        report_merge(work->workers[0].tally, work->workers[i].tally);
    }
    for (size_t i = 0; i < work->free_count; i++) {
        free(work->free[i]);
    }
    pthread_mutex_destroy(&work->lock);
    pthread_cond_destroy(&work->filled);
    pthread_cond_destroy(&work->emptied);
    free(work->free);
    free(work->full);
    free(work->workers);
    free(work);
}

/* --- inputs --- */

static void show_progress(struct report_work *work, const struct report_source *source,
                          const struct report_stream *stream)
{
    uint64_t place = report_stream_place(stream);
    int64_t now_ns = work->shows_progress ? ct_monotonic_ns() : 0;
    char *name;

    if (!work->shows_progress || now_ns - work->shown_ns < PROGRESS_NS) {
        return;
    }
    work->shown_ns = now_ns;
    work->shown = true;
    name = tool_escaped(source->name, strlen(source->name));
    if (source->size > 0) {
        uint64_t part = place < source->size ? place : source->size;

        fprintf(stderr, "\r\033[K%3.0f %% of %.50s (%llu of %llu MB)", 100.0 * (double)part / (double)source->size,
                name, (unsigned long long)(part / 1000000), (unsigned long long)(source->size / 1000000));
    } else {
        fprintf(stderr, "\r\033[K%llu MB of %.50s", (unsigned long long)(place / 1000000), name);
    }
    free(name);
}

static void clear_progress(struct report_work *work)
{
    if (work->shown) {
        fputs("\r\033[K", stderr);
    }
    work->shown = false;
}

/* What of the block ends with a newline; 0: there is none. */
static size_t whole_lines(const struct block *block)
{
    const uint8_t *last = memrchr(block->data, '\n', block->len);

    return last != NULL ? (size_t)(last - block->data) + 1 : 0;
}

/* The rest of a line that is too long: passed over up to its newline. Returns whether it goes on. */
static bool pass_over(struct block *block)
{
    uint8_t *newline = memchr(block->data, '\n', block->len);
    size_t passed = newline != NULL ? (size_t)(newline - block->data) + 1 : block->len;

    memmove(block->data, block->data + passed, block->len - passed);
    block->len -= passed;
    return newline == NULL;
}

/* Hands lines on. Returns the block to fill next, with `rest` in it; NULL: something else than the source says. */
static struct block *hand_on(struct report_work *work, const struct report_source *source, struct block *block,
                             size_t len)
{
    size_t rest = block->len - len;
    struct block *next = block;

    if (work->jobs == 1) {
        if (!add_lines(&work->workers[0], source, (struct ct_bytes){ block->data, len })) {
            tool_error("report: %s, line %llu: --journal expects what `journalctl -t clientct -o json` prints, and "
                       "found something else",
                       source->name, (unsigned long long)work->lines);
            put(work, work->free, &work->free_count, &work->emptied, block);
            return NULL;
        }
        memmove(block->data, block->data + len, rest);
    } else {
        next = take(work, work->free, &work->free_count, &work->emptied);
        memcpy(next->data, block->data + len, rest);
        block->len = len;
        block->source = source;
        put(work, work->full, &work->full_count, &work->filled, block);
    }
    next->len = rest;
    return next;
}

bool report_work_add(struct report_work *work, const struct report_source *source, struct report_stream *stream,
                     struct ct_bytes first)
{
    struct block *block = take(work, work->free, &work->free_count, &work->emptied);
    bool too_long = false;
    ssize_t got;

    memcpy(block->data, first.data, first.len);
    block->len = first.len;
    work->lines = 0;
    do {
        size_t len;

        got = report_stream_read(stream, block->data + block->len, BLOCK - block->len);
        if (got < 0) {
            break;
        }
        block->len += (size_t)got;
        show_progress(work, source, stream);
        if (too_long) {
            too_long = pass_over(block);
        }
        len = got == 0 ? block->len : block->len == BLOCK ? whole_lines(block) : 0;
        if (len == 0 && block->len == BLOCK) { /* longer than any line: its beginning stands for it */
            too_long = true;
            len = REPORT_LINE_MAX + 1;
            block->len = len;
        }
        if (len > 0 && (block = hand_on(work, source, block, len)) == NULL) {
            return false;
        }
    } while (got > 0);
    clear_progress(work);
    put(work, work->free, &work->free_count, &work->emptied, block);
    return got == 0;
}
