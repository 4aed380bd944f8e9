/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/report/input.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

#define BLOCK ((size_t)512 * 1024) /* many lines, and little enough to stay in a processor's cache */
#define HEAP ((size_t)24 * 1024 * 1024)

/* Whole lines, but for the last of an input. */
struct block {
    const struct report_source *source;
    size_t len;
    uint8_t data[BLOCK];
};

/* The input that a worker has, read by whoever has the lock and nothing else to do. */
struct input {
    pthread_mutex_t lock;
    struct report_opened opened;
    bool active, too_long;
    unsigned readers; /* under the work's lock: who reads from it, its worker included */
    size_t rest_len;  /* what was read behind the last newline */
    uint8_t rest[BLOCK];
};

struct worker {
    pthread_t thread;
    struct report_work *work;
    struct report_tally *tally;
    struct report_line line;
    struct block block;
    struct input input;
};

struct report_work {
    const struct report_inputs *inputs;
    unsigned jobs;
    struct worker *workers; /* the caller is the first */
    uint64_t lines;         /* of the input that is read; for messages, where there is one worker */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t next;      /* the input that nobody has taken yet */
    unsigned opening; /* workers that may have lines to share soon */
    bool failed;
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

static bool add_lines(struct worker *worker)
{
    const struct block *block = &worker->block;
    const uint8_t *at = block->data, *end = block->data + block->len;

    while (at < end) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline != NULL ? newline : end) - at);

        if (worker->work->jobs == 1) {
            worker->work->lines++;
        }
        if (len > 0 && !add_line(worker, block->source, (struct ct_bytes){ at, len })) {
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

/* The next lines of an input that is active; under its lock. Where there are none it is not active any more. */
static bool fill_block(struct input *input, struct block *block, size_t *len)
{
    ssize_t got;

    memcpy(block->data, input->rest, input->rest_len);
    block->len = input->rest_len;
    block->source = input->opened.source;
    *len = 0;
    do {
        got = report_stream_read(input->opened.stream, block->data + block->len, BLOCK - block->len);
        if (got < 0) {
            input->active = false;
            return false;
        }
        block->len += (size_t)got;
        show_progress(input->opened.source, input->opened.stream);
        if (input->too_long) {
            input->too_long = pass_over(block);
        }
        *len = got == 0 ? block->len : block->len == BLOCK ? whole_lines(block) : 0;
        if (*len == 0 && block->len == BLOCK) { /* longer than any line: its beginning stands for it */
            input->too_long = true;
            *len = block->len = REPORT_LINE_MAX + 1;
        }
    } while (*len == 0 && got > 0);
    input->active = got > 0;
    input->rest_len = block->len - *len;
    memcpy(input->rest, block->data + *len, input->rest_len);
    return true;
}

static void begin_input(struct input *input, const struct report_opened *opened)
{
    pthread_mutex_lock(&input->lock);
    input->opened = *opened;
    input->too_long = false;
    memcpy(input->rest, opened->first, opened->first_len);
    input->rest_len = opened->first_len;
    input->active = true;
    pthread_mutex_unlock(&input->lock);
}

/* --- workers --- */

static bool has_failed(struct report_work *work)
{
    bool failed;

    pthread_mutex_lock(&work->lock);
    failed = work->failed;
    pthread_mutex_unlock(&work->lock);
    return failed;
}

/* Block by block, as long as there are any; other workers may do the same. False: failed. */
static bool read_from(struct worker *worker, struct input *input)
{
    bool ok = true;

    while (ok && !has_failed(worker->work)) {
        size_t len = 0;
        bool active;

        pthread_mutex_lock(&input->lock);
        active = input->active;
        if (active) {
            ok = fill_block(input, &worker->block, &len);
        }
        pthread_mutex_unlock(&input->lock);
        if (!active) {
            break;
        }
        worker->block.len = len;
        if (ok && !add_lines(worker)) { /* with --journal there is one worker */
            tool_error("report: %s, line %llu: --journal expects what `journalctl -t clientct -o json` prints, and "
                       "found something else",
                       worker->block.source->name, (unsigned long long)worker->work->lines);
            ok = false;
        }
    }
    return ok;
}

/* Reads the input of that number, which nobody else takes. `opening` counts this worker until there are lines. */
static bool read_own(struct worker *worker, size_t number)
{
    struct report_work *work = worker->work;
    struct input *input = &worker->input;
    struct report_opened opened = { 0 };
    bool ok = work->inputs->open(work->inputs->arg, number, worker->tally, &opened);
    bool lines = ok && opened.stream != NULL;

    if (lines) {
        begin_input(input, &opened);
    }
    if (work->jobs == 1) {
        work->lines = 0;
    }
    pthread_mutex_lock(&work->lock);
    work->opening--;
    input->readers = lines;
    pthread_cond_broadcast(&work->changed);
    pthread_mutex_unlock(&work->lock);
    if (lines) {
        ok = read_from(worker, input);
        pthread_mutex_lock(&input->lock);
        input->active = false;
        report_stream_close(opened.stream, opened.keep_descriptor);
        pthread_mutex_unlock(&input->lock);
        pthread_mutex_lock(&work->lock);
        input->readers = 0;
        pthread_mutex_unlock(&work->lock);
    }
    return ok;
}

/* The input that has the fewest readers; under the lock. NULL: there is none. */
static struct input *busy_input(struct report_work *work)
{
    struct input *found = NULL;

    for (unsigned i = 0; i < work->jobs; i++) {
        struct input *input = &work->workers[i].input;

        if (input->readers > 0 && (found == NULL || input->readers < found->readers)) {
            found = input;
        }
    }
    return found;
}

/* What to do next, under the lock, which is given up meanwhile. False: nothing is left. */
static bool work_on(struct worker *worker)
{
    struct report_work *work = worker->work;
    struct input *input = NULL;
    size_t number = work->next;
    bool ok;

    if (work->failed) {
        return false;
    }
    if (number < work->inputs->count) {
        work->next++;
        work->opening++;
    } else if ((input = busy_input(work)) != NULL) {
        input->readers++;
    } else if (work->opening > 0) {
        pthread_cond_wait(&work->changed, &work->lock);
        return true;
    } else {
        return false;
    }
    pthread_mutex_unlock(&work->lock);
    ok = input == NULL ? read_own(worker, number) : read_from(worker, input);
    pthread_mutex_lock(&work->lock);
    if (input != NULL && input->readers > 0) {
        input->readers = 0; /* it has no more lines */
    }
    if (!ok) {
        work->failed = true;
        pthread_cond_broadcast(&work->changed);
    }
    return true;
}

/*
 * The heap of this thread grows once: where it grows page by page, as for small things, other threads wait each time.
 * Untouched it is no memory. The first request is mapped by itself, and its end makes malloc take the second one, which
 * is smaller, from the heap (mallopt(3), M_MMAP_THRESHOLD).
 */
static void grow_heap(void)
{
    for (size_t i = 0; i < 2; i++) {
        void *volatile memory = malloc(HEAP - i * 4096);

        free(memory);
    }
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    struct report_work *work = worker->work;

    if (work->jobs > 1) {
        grow_heap();
    }
    pthread_mutex_lock(&work->lock);
    while (work_on(worker)) {}
    pthread_mutex_unlock(&work->lock);
    return NULL;
}

static void *kept(void *memory)
{
    if (memory == NULL) {
        tool_out_of_memory();
    }
    return memory;
}

static void start(pthread_t *thread, void *(*routine)(void *), void *arg)
{
    if (pthread_create(thread, NULL, routine, arg) != 0) {
        tool_out_of_memory();
    }
}

/* --- sums --- */

struct pair {
    pthread_t thread;
    struct report_tally *into, *from;
};

static void *merge_pair(void *arg)
{
    const struct pair *pair = arg;

    report_merge(pair->into, pair->from, 2);
    return NULL;
}

/* Two and two at the same time, then those sums, and so on. */
static void merge_all(struct worker *workers, unsigned jobs)
{
    struct pair pairs[REPORT_JOBS_MAX];

    for (unsigned step = 1; step < jobs; step *= 2) {
        unsigned count = 0;

        for (unsigned i = 0; i + step < jobs; i += 2 * step) {
            pairs[count].into = workers[i].tally;
            pairs[count].from = workers[i + step].tally;
            start(&pairs[count].thread, merge_pair, &pairs[count]);
            count++;
        }
        while (count > 0) {
            pthread_join(pairs[--count].thread, NULL);
        }
    }
}

bool report_read_inputs(const struct report_inputs *inputs, struct report_tally *tally, unsigned jobs)
{
    struct report_work work = { .inputs = inputs,
                                .jobs = jobs,
                                .workers = kept(calloc(jobs, sizeof *work.workers)),
                                .lock = PTHREAD_MUTEX_INITIALIZER,
                                .changed = PTHREAD_COND_INITIALIZER };

    for (unsigned i = 0; i < jobs; i++) {
        struct worker *worker = &work.workers[i];

        worker->work = &work;
        worker->tally = i == 0 ? tally : report_tally_new(tally->since_ms, tally->believes_anybody);
        pthread_mutex_init(&worker->input.lock, NULL);
    }
    for (unsigned i = 1; i < jobs; i++) {
        start(&work.workers[i].thread, run, &work.workers[i]);
    }
    run(&work.workers[0]);
    for (unsigned i = 1; i < jobs; i++) {
        pthread_join(work.workers[i].thread, NULL);
    }
    tool_progress_end();
    merge_all(work.workers, jobs);
    for (unsigned i = 0; i < jobs; i++) {
        pthread_mutex_destroy(&work.workers[i].input.lock);
    }
    pthread_mutex_destroy(&work.lock);
    pthread_cond_destroy(&work.changed);
    free(work.workers);
    return !work.failed;
}
