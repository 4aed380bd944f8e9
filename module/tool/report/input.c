/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/report/input.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/tool.h"

#define BLOCK ((size_t)512 * 1024) /* many lines, and little enough to stay in a processor's cache */

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
    struct block block;
};

struct report_work {
    unsigned jobs;
    struct worker *workers; /* the caller is the first */
    uint64_t lines;         /* of the input that is read; for messages, where there is one worker */
    /* The input that is read, by whichever worker has the lock and nothing else to do. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const struct report_source *source;
    struct report_stream *stream;
    bool active, failed, too_long, ended;
    size_t rest_len; /* what was read behind the last newline */
    uint8_t rest[BLOCK];
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

/* --- inputs --- */

static void show_progress(const struct report_source *source, const struct report_stream *stream)
{
    uint64_t place = report_stream_place(stream);

    if (source->size > 0) {
        uint64_t part = place < source->size ? place : source->size;

        tool_progress("%3.0f %% of %.50s (%llu of %llu MB)", 100.0 * (double)part / (double)source->size, source->name,
                      (unsigned long long)(part / 1000000), (unsigned long long)(source->size / 1000000));
    } else {
        tool_progress("%llu MB of %.50s", (unsigned long long)(place / 1000000), source->name);
    }
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

/* The next lines of the input; under the lock. False: there are none, and it is not active any more. */
static bool next_block(struct report_work *work, struct block *block)
{
    size_t len = 0;
    ssize_t got;

    memcpy(block->data, work->rest, work->rest_len);
    block->len = work->rest_len;
    block->source = work->source;
    do {
        got = report_stream_read(work->stream, block->data + block->len, BLOCK - block->len);
        if (got < 0) {
            work->failed = true;
            work->active = false;
            return false;
        }
        block->len += (size_t)got;
        show_progress(work->source, work->stream);
        if (work->too_long) {
            work->too_long = pass_over(block);
        }
        len = got == 0 ? block->len : block->len == BLOCK ? whole_lines(block) : 0;
        if (len == 0 && block->len == BLOCK) { /* longer than any line: its beginning stands for it */
            work->too_long = true;
            len = block->len = REPORT_LINE_MAX + 1;
        }
    } while (len == 0 && got > 0);
    work->active = got > 0;
    work->rest_len = block->len - len;
    memcpy(work->rest, block->data + len, work->rest_len);
    block->len = len;
    return len > 0;
}

/* --- workers --- */

static struct ct_bytes lines_of(const struct block *block)
{
    return (struct ct_bytes){ block->data, block->len };
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    struct report_work *work = worker->work;

    for (;;) {
        bool more;

        pthread_mutex_lock(&work->lock);
        while (!work->active && !work->ended) {
            pthread_cond_wait(&work->changed, &work->lock);
        }
        if (!work->active) {
            pthread_mutex_unlock(&work->lock);
            return NULL;
        }
        more = next_block(work, &worker->block);
        pthread_mutex_unlock(&work->lock);
        if (more) {
            (void)add_lines(worker, worker->block.source, lines_of(&worker->block));
        }
    }
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

    work->jobs = jobs;
    work->workers = kept(calloc(jobs, sizeof *work->workers));
    pthread_mutex_init(&work->lock, NULL);
    pthread_cond_init(&work->changed, NULL);
    for (unsigned i = 0; i < jobs; i++) {
        struct worker *worker = &work->workers[i];

        worker->work = work;
        worker->tally = i == 0 ? tally : report_tally_new(tally->since_ms, tally->believes_anybody);
        if (i > 0 && pthread_create(&worker->thread, NULL, run, worker) != 0) {
            tool_out_of_memory();
        }
    }
    return work;
}

void report_work_end(struct report_work *work)
{
    pthread_mutex_lock(&work->lock);
    work->ended = true;
    pthread_cond_broadcast(&work->changed);
    pthread_mutex_unlock(&work->lock);
    for (unsigned i = 1; i < work->jobs; i++) {
        pthread_join(work->workers[i].thread, NULL);
    }
    for (unsigned i = 1; i < work->jobs; i++) {
        report_merge(work->workers[0].tally, work->workers[i].tally);
    }
    pthread_mutex_destroy(&work->lock);
    pthread_cond_destroy(&work->changed);
    free(work->workers);
    free(work);
}

bool report_work_add(struct report_work *work, const struct report_source *source, struct report_stream *stream,
                     struct ct_bytes first)
{
    struct worker *worker = &work->workers[0];
    bool active = true, good = true;

    pthread_mutex_lock(&work->lock);
    work->source = source;
    work->stream = stream;
    work->failed = work->too_long = false;
    work->lines = 0;
    memcpy(work->rest, first.data, first.len);
    work->rest_len = first.len;
    work->active = true;
    pthread_cond_broadcast(&work->changed);
    pthread_mutex_unlock(&work->lock);
    while (active && good) {
        bool more;

        pthread_mutex_lock(&work->lock);
        more = work->active && next_block(work, &worker->block);
        active = work->active;
        pthread_mutex_unlock(&work->lock);
        if (more && !add_lines(worker, source, lines_of(&worker->block))) {
            tool_error("report: %s, line %llu: --journal expects what `journalctl -t clientct -o json` prints, and "
                       "found something else",
                       source->name, (unsigned long long)work->lines);
            good = false; /* with --journal there is one worker */
        }
    }
    tool_progress_end();
    return good && !work->failed;
}
