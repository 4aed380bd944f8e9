/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tally as a file, to be added to others. Version 1, numbers big-endian: the line below, the sums, the groups, names,
 * certificates, clients, processes and days, each with their number before them; partial.c has it in code. Files of
 * servers are compressed by zstd, whose checksum tells of damage.
 */
#ifndef CT_TOOL_REPORT_PARTIAL_H
#define CT_TOOL_REPORT_PARTIAL_H

#include <sys/types.h>

#include "tool/report/stream.h"
#include "tool/report/tally.h"

#define REPORT_PARTIAL_MAGIC "clientct report, partial, 1\n"
#define REPORT_PARTIAL_MAGIC_LEN (sizeof REPORT_PARTIAL_MAGIC - 1)

/* Bytes from somewhere: as report_stream_read gives them. */
typedef ssize_t report_partial_read_fn(void *arg, uint8_t *to, size_t size);
/* Bytes to somewhere; failures are the callee's to remember. */
typedef void report_partial_write_fn(void *arg, const void *data, size_t len);

/*
 * What stands behind the magic, as a tally. NULL: it is not what we write, and *why says what is wrong (a constant
 * text), or NULL where reading failed. Memory is bounded by what a tally can hold, whatever the input is.
 */
struct report_tally *report_partial_read(report_partial_read_fn *read, void *arg, const char **why) CT_MUST_USE;

enum report_partial_added {
    REPORT_PARTIAL_ADDED,
    REPORT_PARTIAL_WRONG,       /* as above; some of it may have been added */
    REPORT_PARTIAL_OTHER_SINCE, /* made with another --since, or without */
    REPORT_PARTIAL_UNVOUCHED,   /* made with --unvouched, and the tally is not; of these two nothing was added */
};

/* The same, added to a tally that is not finished: there is never a second one in memory. */
enum report_partial_added report_partial_add(struct report_tally *into, report_partial_read_fn *read, void *arg,
                                             const char **why) CT_MUST_USE;
/* With the magic. The tally is not finished; it is settled. */
void report_partial_write(struct report_tally *tally, report_partial_write_fn *write, void *arg);

/* To a file, seen whole or not at all ("-": standard output). 0, or an errno. */
int report_partial_save(struct report_tally *tally, const char *path) CT_MUST_USE;

#endif
