/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of files and pipes, handed to one tally, or to several that work side by side. */
#ifndef CT_TOOL_REPORT_INPUT_H
#define CT_TOOL_REPORT_INPUT_H

#include "tool/report/stream.h"
#include "tool/report/tally.h"

#define REPORT_JOBS_MAX 64
#define REPORT_FIRST_MAX 64 /* bytes that tell what an input is */

struct report_source {
    const char *name; /* for people */
    enum report_input kind;
    const char *units; /* as report_read wants them */
    uint64_t size;     /* bytes, to say how far it is; 0: nobody knows */
};

/* One input whose lines are to be read. */
struct report_opened {
    const struct report_source *source; /* used until all inputs have been read */
    struct report_stream *stream;       /* NULL: there are none, or they are in the tally already */
    bool keep_descriptor;
    uint8_t first[REPORT_FIRST_MAX]; /* what was read of it already */
    size_t first_len;
};

struct report_inputs {
    size_t count;
    /* The input of that number. Called by any thread. False: it cannot be used; that was said. */
    bool (*open)(void *arg, size_t number, struct report_tally *tally, struct report_opened *opened);
    void *arg;
};

/*
 * All inputs into the tally, by `jobs` threads; 1: none but the caller's. Each takes an input of its own, and where
 * none is left the next lines of one that another thread has. What is longer than a line can be is passed over and
 * counted as foreign. False: something cannot be read, or is not what its source says; that was said.
 */
bool report_read_inputs(const struct report_inputs *inputs, struct report_tally *tally, unsigned jobs) CT_MUST_USE;

#endif
