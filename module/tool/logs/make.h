/* SPDX-License-Identifier: Apache-2.0 */
/* Making a v3 log list: of keys, of other lists in any format, of what logs say of themselves. */
#ifndef CT_TOOL_LOGS_MAKE_H
#define CT_TOOL_LOGS_MAKE_H

#include <stddef.h>
#include <stdint.h>

/* What the one who makes the list says of the logs; NULL: what the sources say. */
struct make_options {
    const char *description; /* of the only log */
    const char *log_operator;
    const char *url;            /* where certificates are submitted: of the only log, as the next */
    const char *monitoring_url; /* where a tiled log is read; makes the log a tiled one */
    const char *mmd;            /* maximum merge delay, in seconds */
    int64_t at_ms;              /* the time of the list, and the beginning of states that no source gives */
};

/* `sources` are files, "-" and http(s) URLs. Prints the list; the exit code of the verb, with a remark on stderr. */
int tool_make_log_list(const struct make_options *options, char **sources, size_t count);

#endif
