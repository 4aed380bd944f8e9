/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of files and pipes, handed to one tally, or to several that work side by side. */
#ifndef CT_TOOL_REPORT_INPUT_H
#define CT_TOOL_REPORT_INPUT_H

#include "tool/report/stream.h"
#include "tool/report/tally.h"

#define REPORT_JOBS_MAX 64

struct report_source {
    const char *name; /* for people */
    enum report_input kind;
    const char *units; /* as report_read wants them */
    uint64_t size;     /* bytes, to say how far it is; 0: nobody knows */
};

struct report_work;

/* `jobs` threads; 1: none but the caller's. `tally`: like those that are made for the others, and holds the sum. */
struct report_work *report_work_begin(struct report_tally *tally, unsigned jobs) CT_MUST_USE;
/*
 * All of the stream, from its first bytes on which were read already. What is longer than a line can be is passed over
 * and counted as foreign. False: it cannot be read, or is not what the source says; that was said. `source` is used
 * until the work ends.
 */
bool report_work_add(struct report_work *work, const struct report_source *source, struct report_stream *stream,
                     struct ct_bytes first) CT_MUST_USE;
/* When this returns everything is in the tally. */
void report_work_end(struct report_work *work);

#endif
