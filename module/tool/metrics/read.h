/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a directory of metrics files: all of them added up, and what each living process has in force. */
#ifndef CT_TOOL_METRICS_H
#define CT_TOOL_METRICS_H

#include <jansson.h>
#include <stdio.h>

#include "record/metrics_file.h"

struct tool_metrics_process {
    char name[CT_METRICS_NAME_SIZE]; /* of its file: <program>.<pid>.<start> */
    int64_t pid;
    int64_t started_ms;
    struct ct_metrics_gauges gauges;
};

struct tool_metrics {
    struct ct_metrics_file sum;             /* counters of all processes there have been */
    struct tool_metrics_process *processes; /* the living, by name */
    size_t count;
    size_t folded;   /* files of processes that are gone, folded away by this reading */
    size_t unusable; /* files that could not be read or are damaged or of another version */
};

/*
 * Reads the directory; with `fold`, files that no process has mapped any more are added to the file "folded" and
 * removed, if this user may and no other reader is at it. False: stderr says why. Free with tool_metrics_clear.
 */
bool tool_metrics_read(const char *directory, bool fold, struct tool_metrics *out) CT_MUST_USE;
void tool_metrics_clear(struct tool_metrics *metrics);

/* The text format of Prometheus, version 0.0.4. */
void tool_metrics_print(const struct tool_metrics *metrics, int64_t now_ms, FILE *to);
json_t *tool_metrics_json(const struct tool_metrics *metrics, int64_t now_ms);

#endif
