/* clientct report: lines of clientct-audit(5) are read one by one and added up; what is kept is bounded. */
#ifndef CT_TOOL_REPORT_H
#define CT_TOOL_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"

#define REPORT_LINE_MAX ((size_t)64 * 1024) /* journalctl -o json puts much around a line of ours */
#define REPORT_TEXT_MAX 321
#define REPORT_LOGS_MAX 16
#define REPORT_CERTIFICATES_MAX 100000u
#define REPORT_GROUPS_MAX 10000u
#define REPORT_DAYS_MAX 3660u
#define REPORT_PROCESSES_MAX 1000000u
#define REPORT_UNKNOWN_TIME INT64_MIN

/* --- one line: report_read.c --- */

enum report_kind { REPORT_FOREIGN, REPORT_EVENT, REPORT_DECISION };

/*
 * What a line may be believed for. A file that nobody but the servers and root can write holds what they wrote. The
 * journal itself says which process a line came from. Anything else, such as a plain line on standard input or in a
 * file of syslog, may have been written by anybody.
 */
enum report_input { REPORT_FROM_ANYBODY, REPORT_FROM_FILE, REPORT_FROM_JOURNAL };

struct report_line {
    enum report_kind kind;
    const char *unvouched;                 /* why nobody vouches for it, a constant text; NULL: somebody does */
    bool exported;                         /* an entry of the journal, as `journalctl -o json` prints it */
    char unit[80], program[160], user[16]; /* what the journal says of the writer; "": nothing */
    uint64_t sequence, pid;                /* of the line; 0: not said */
    char process[80];
    char entity[64]; /* which process, also where its id was another's before; "": not said */
    bool stranger;   /* the chain did not verify */
    int64_t at_ms;
    uint64_t dropped;
    bool has_certificate;
    uint8_t sha256[32];
    char subject[REPORT_TEXT_MAX], issuer[REPORT_TEXT_MAX];
    int64_t not_after_ms; /* REPORT_UNKNOWN_TIME: not said */
    char serial[65];      /* hexadecimal digits; "": not said */
    bool judged;          /* not with mode = off */
    bool refused;         /* what was done */
    bool would_refuse;    /* what enforcing would do */
    char reason[40];
    char shadow_policy[80]; /* "": none */
    bool shadow_compliant;
    char shadow_reason[40];
    char unknown_logs[REPORT_LOGS_MAX][65]; /* hex */
    size_t unknown_log_count;
};

/*
 * Reads a line of ours, also one that `journalctl -o json` wrapped, that syslog put a head before, or that follows
 * the torn beginning of another. Anything else is foreign. Nothing is printed. `units`: of the journal only these
 * services count, one a line; NULL: all services of the system.
 */
void report_read(struct ct_bytes text, enum report_input from, const char *units, struct report_line *line);

/* --- the sum: report_tally.c --- */

/* Certificates that are locked out now are one thing, refusals of the whole period another: they are never added. */
struct report_group {
    char *name;
    uint64_t period;       /* lines of the whole period; of reasons and issuers those that enforcing would refuse */
    uint64_t certificates; /* that would be locked out now; filled in by report_finish */
    uint64_t decisions;    /* lines in which enforcing would refuse these certificates; likewise */
    uint64_t others;       /* certificates that would get in; likewise */
};

/* Distinct names with their numbers, in the order in which they were first seen until report_finish sorts them. */
struct report_groups {
    struct report_group **items;
    size_t count;
    void *tree;
};

struct report_certificate {
    uint8_t sha256[32];
    char *subject;
    struct report_group *issuer, *reason;
    int64_t first_ms, last_ms, not_after_ms;
    uint64_t decisions, refusals; /* lines; those of them that enforcing would refuse */
    bool would_refuse;            /* by its last line */
    bool has_shadow, shadow_compliant;
    bool expired; /* it would not get in anyway; filled in by report_finish */
};

struct report_day {
    int64_t day; /* since 1970, UTC */
    uint64_t accepted, refused;
};

/* The numbers that lines of one process carry: what is missing between the lowest and the highest was taken out. */
struct report_process {
    uint64_t pid, lowest, highest, lines;
    int64_t last_ms;
    char *name, *entity;
};

struct report_tally {
    int64_t since_ms;
    bool believes_anybody; /* lines that nobody vouches for count, too */
    uint64_t vouched, left_out, strangers;
    struct report_groups sources, reasons_left_out;
    struct report_process **processes; /* the present one of each process id, name and entity, and earlier ones */
    size_t process_count;
    void *process_tree;
    uint64_t missing; /* lines; filled in by report_finish */
    uint64_t lines, foreign, events, older, not_judged, without_certificate, dropped, beyond;
    uint64_t decisions, would_accept, would_refuse, refused;
    int64_t first_ms, last_ms;
    char shadow_policy[80];
    uint64_t shadow_loses, shadow_gains; /* certificates that only the shadow policy refuses, or accepts */
    struct report_certificate **certificates;
    size_t certificate_count;
    void *certificate_tree;
    struct report_groups issuers, reasons, unknown_logs;
    struct report_day days[REPORT_DAYS_MAX];
    size_t day_count;
    /* report_finish */
    size_t compliant, locked_out, expired;
};

/* Memory that is short ends the process, as everywhere in the tool. */
struct report_tally *report_tally_new(int64_t since_ms, bool believes_anybody) CT_MUST_USE;
void report_tally_free(struct report_tally *tally);
/* `source`: the input, for people. */
void report_add(struct report_tally *tally, const char *source, const struct report_line *line);
/* Sorts: who is locked out first, by how often they come; groups by certificates; days by date. */
void report_finish(struct report_tally *tally, int64_t now_ms);

/* --- what people see --- */

void report_show_text(const struct report_tally *tally);
void report_show_json(const struct report_tally *tally);
/* A page with everything in it. False when the file could not be written (errno). */
bool report_write_html(const struct report_tally *tally, int64_t now_ms, FILE *to);
/* Sections for clientct.cnf. False: there are more rules than it takes. */
bool report_show_exemptions(const struct report_tally *tally, int64_t until_ms, int64_t now_ms);

#endif
