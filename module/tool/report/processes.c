/* SPDX-License-Identifier: Apache-2.0 */
/* Which lines are missing, by the numbers that the lines of each process carry. */
#include <stdlib.h>
#include <string.h>

#include "tool/report/tally.h"
#include "tool/tool.h"

#define SLACK_MS 1000 /* threads of a process may write in another order than they took their numbers */

void report_process_free(void *arg, void *process)
{
    free(((struct report_process *)process)->runs);
    free(process);
}

/* How long after one the other began; 0: they are of the same time. */
static uint64_t distance(const struct report_run *a, const struct report_run *b)
{
    if (b->first_ms > a->last_ms) {
        return (uint64_t)b->first_ms - (uint64_t)a->last_ms;
    }
    return a->first_ms > b->last_ms ? (uint64_t)a->first_ms - (uint64_t)b->last_ms : 0;
}

/* A process id that came back: its numbers begin again, later than the last line of the one before. */
static bool may_be_one(const struct report_run *a, const struct report_run *b)
{
    if (distance(a, b) <= SLACK_MS) {
        return true;
    }
    return a->first_ms < b->first_ms ? a->highest < b->lowest : b->highest < a->lowest;
}

static void join(struct report_run *into, const struct report_run *run)
{
    into->lowest = run->lowest < into->lowest ? run->lowest : into->lowest;
    into->highest = run->highest > into->highest ? run->highest : into->highest;
    into->first_ms = run->first_ms < into->first_ms ? run->first_ms : into->first_ms;
    into->last_ms = run->last_ms > into->last_ms ? run->last_ms : into->last_ms;
    report_plus(&into->lines, run->lines);
}

static void add_run(struct report_process *process, const struct report_run *run)
{
    struct report_run *nearest = &process->run;
    bool one = process->unique || may_be_one(nearest, run);

    for (unsigned i = 0; !process->unique && i < process->earlier; i++) {
        struct report_run *other = &process->runs[i];
        bool fits = may_be_one(other, run);

        if ((fits && !one) || (fits == one && distance(other, run) < distance(nearest, run))) {
            nearest = other;
            one = fits;
        }
    }
    if (one || process->earlier == REPORT_RUNS_MAX) {
        join(nearest, run);
        return;
    }
    if (process->runs == NULL) {
        process->runs = malloc(REPORT_RUNS_MAX * sizeof *process->runs);
        if (process->runs == NULL) {
            tool_out_of_memory();
        }
    }
    process->runs[process->earlier++] = *run;
}

void report_put_process(struct report_tally *tally, struct report_process *process)
{
    struct report_process *there = report_sample_find(&tally->processes, process->hash, process);

    if (there == NULL && report_sample_takes(&tally->processes, process->hash)) {
        report_sample_add(&tally->processes, process->hash, process);
        return;
    }
    if (there != NULL) {
        add_run(there, &process->run);
        for (unsigned i = 0; i < process->earlier; i++) {
            add_run(there, &process->runs[i]);
        }
    }
    report_process_free(NULL, process);
}

static uint64_t hash_of(const struct report_line *line)
{
    uint64_t hash = report_hash(line->pid, line->process.data, line->process.len);

    return line->entity.len > 0 ? report_hash(3, line->entity.data, line->entity.len) : hash;
}

void report_count_sequence(struct report_tally *tally, const struct report_line *line)
{
    struct report_run run = { line->sequence, line->sequence, 1, line->at_ms, line->at_ms };
    struct report_process *process;
    uint64_t hash;

    if (line->sequence == 0 || (line->pid == 0 && line->entity.len == 0)) {
        return;
    }
    hash = hash_of(line);
    process = report_sample_find(&tally->processes, hash, NULL);
    if (process != NULL) {
        add_run(process, &run);
        return;
    }
    if (!report_sample_takes(&tally->processes, hash)) {
        return;
    }
    process = calloc(1, sizeof *process);
    if (process == NULL) {
        tool_out_of_memory();
    }
    process->hash = hash;
    process->unique = line->entity.len > 0;
    process->run = run;
    report_sample_add(&tally->processes, hash, process);
}

static uint64_t missing_in(const struct report_run *run)
{
    uint64_t between = run->highest - run->lowest;

    return between >= run->lines ? between - run->lines + 1 : 0;
}

uint64_t report_missing_lines(const struct report_process *process)
{
    uint64_t missing = missing_in(&process->run);

    for (unsigned i = 0; i < process->earlier; i++) {
        report_plus(&missing, missing_in(&process->runs[i]));
    }
    return missing;
}
