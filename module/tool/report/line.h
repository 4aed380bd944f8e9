/* SPDX-License-Identifier: Apache-2.0 */
/* One line of clientct-audit(5), as the report needs it. Nothing is printed here, and memory is bounded. */
#ifndef CT_TOOL_REPORT_LINE_H
#define CT_TOOL_REPORT_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define REPORT_LINE_MAX ((size_t)64 * 1024) /* journalctl -o json puts much around a line of ours */
#define REPORT_TEXT_MAX 320                 /* bytes of a subject or an issuer, without a NUL */
#define REPORT_LOGS_MAX 16
#define REPORT_UNKNOWN_TIME INT64_MIN

enum report_kind { REPORT_FOREIGN, REPORT_EVENT, REPORT_DECISION };

/*
 * What a line may be believed for. A file that nobody but the servers and root can write holds what they wrote. The
 * journal itself says which process a line came from. Anything else, such as a plain line on standard input or in a
 * file of syslog, may have been written by anybody.
 */
enum report_input { REPORT_FROM_ANYBODY, REPORT_FROM_FILE, REPORT_FROM_JOURNAL };

/* Text in the line, in its `room`, or constant; not NUL-terminated. Length 0: not said. */
struct report_text {
    const char *data;
    size_t len;
};

/* Extended key usages of a certificate. None of them: the line does not say, as lines before 0.2.0. */
enum report_usage {
    REPORT_USAGE_SAID = 1,
    REPORT_USAGE_CLIENT = 2,
    REPORT_USAGE_SERVER = 4,
    REPORT_USAGE_ANY = 8,
    REPORT_USAGE_OTHER = 16
};

struct report_line {
    enum report_kind kind;
    const char *unvouched;                  /* why nobody vouches for it, a constant text; NULL: somebody does */
    bool exported;                          /* an entry of the journal, as `journalctl -o json` prints it */
    struct report_text unit, program, user; /* what the journal says of the writer */
    uint64_t sequence, pid;                 /* of the line; 0: not said */
    struct report_text process, entity;     /* entity: which process, also where another one had its id */
    bool stranger;                          /* the chain did not verify */
    int64_t at_ms;
    uint64_t dropped;
    bool has_certificate;
    uint8_t sha256[32];
    struct report_text subject; /* where it is empty, the first of the alternative names */
    struct report_text issuer, serial, reason;
    int64_t not_after_ms; /* REPORT_UNKNOWN_TIME: not said */
    unsigned usages;      /* of enum report_usage */
    bool judged;          /* not with mode = off */
    bool refused;         /* what was done */
    bool would_refuse;    /* what enforcing would do */
    struct report_text shadow_policy;
    bool shadow_compliant;
    size_t unknown_log_count;
    bool straight; /* read without the library: for tests and measurements */
    /* What is above is set by each report_read. */
    uint8_t unknown_logs[REPORT_LOGS_MAX][32];
    size_t room_used;
    char room[4096]; /* texts that had to be copied */
};

/*
 * Reads a line of ours, also one that `journalctl -o json` wrapped, that syslog put a head before, or that follows
 * the torn beginning of another. Anything else is foreign. The texts of `line` are good as long as `text` and `line`
 * are. `units`: of the journal only these services count, one a line; NULL: all services of the system.
 */
void report_read(struct ct_bytes text, enum report_input from, const char *units, struct report_line *line);
/* The same, and never by the straight path: both ways say the same, which a fuzz target holds them to. */
void report_read_by_library(struct ct_bytes text, enum report_input from, const char *units, struct report_line *line);

static inline bool report_text_is(struct report_text text, const char *word, size_t len)
{
    return text.len == len && __builtin_memcmp(text.data, word, len) == 0;
}
#define REPORT_IS(text, literal) report_text_is((text), "" literal, sizeof literal - 1)

#endif
