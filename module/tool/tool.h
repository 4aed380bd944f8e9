/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of the `clientct` command share: arguments, files, certificates, and output that cannot lie. */
#ifndef CT_TOOL_H
#define CT_TOOL_H

#include <jansson.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdnoreturn.h>

#include <clientct/clientct.h>

#include "base/bytes.h"

enum tool_exit {
    TOOL_YES = 0,
    TOOL_NO = 1,
    TOOL_USAGE = 2,    /* wrong arguments, unreadable files, a configuration that cannot be used */
    TOOL_UNDECIDED = 3 /* an internal failure: no answer */
};

/* --- arguments --- */

/* One row an option: it parses, and it is a line of --help. */
struct tool_option {
    const char *name;  /* without the dashes */
    const char *value; /* what --help calls the value; NULL: a flag; "X..." may be given several times */
    const char *help;
    const char **text; /* where the value goes; several are joined by newlines, in memory to be freed */
    bool *flag;        /* where a flag goes */
};

struct tool_usage {
    const char *verb;
    const char *synopsis;              /* behind the verb, such as "[options] CERT" */
    const char *about;                 /* a few lines, each ended by a newline */
    const struct tool_option *options; /* ended by a row without a name */
    int min_operands, max_operands;    /* max -1: no limit */
};

/*
 * Reads the options; the operands are then argv[optind] and on. False: *code is what the verb returns (help was
 * asked for, or the arguments are wrong and stderr says how). Options are matched whole and given at most once.
 */
bool tool_arguments(const struct tool_usage *usage, int argc, char **argv, int *code) CT_MUST_USE;

/* RFC 3339, or seconds since 1970. */
bool tool_time_parse(const char *text, int64_t *ms) CT_MUST_USE;

/* --- output --- */

/*
 * Everything that is printed passes here. Control characters, bytes that are not UTF-8 and characters that
 * reorder text are shown as \xNN: certificates and files may be hostile to a terminal.
 */
enum tool_style { TOOL_PLAIN, TOOL_BOLD, TOOL_DIM, TOOL_GOOD, TOOL_BAD, TOOL_CAUTION };
/* To standard output, without ending the line: a newline in the arguments is escaped too. */
void tool_put(enum tool_style style, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tool_end_line(void);
/* The same as one line. */
void tool_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* To standard error, one line: "clientct: …" and "clientct: warning: …". */
void tool_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tool_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/*
 * How far it is: one passing line on standard error, where that is a terminal and it takes longer than a moment. What
 * is printed next takes its place, and tool_progress_end clears it.
 */
void tool_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tool_progress_end(void);
/* Into a page: escaped as above, with nothing in it that can be markup; at most `max` characters, then an ellipsis. */
void tool_put_html(FILE *to, const char *text, size_t max);
/* The escaped text, to be freed; never NULL. */
char *tool_escaped(const char *text, size_t len);
/* asprintf that does not fail. */
char *tool_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends the process with TOOL_UNDECIDED. */
noreturn void tool_out_of_memory(void);
/* An array of `count` elements of `size` bytes with room for one more; NULL and no room: a new one. */
void *tool_grown(void *items, size_t count, size_t *room, size_t size) CT_MUST_USE;
/* What standard output could not take is an error as well: the exit code to leave with instead of `code`. */
int tool_finish_output(int code);

/* JSON values that are never NULL; text that is not UTF-8 is escaped as above, NULL gives null. */
json_t *tool_json_text(const char *text);
json_t *tool_json_hex(const uint8_t *data, size_t len);
json_t *tool_json_time(int64_t ms);
json_t *tool_json_bool(bool value);
json_t *tool_json_count(uint64_t value);
json_t *tool_json_object(void);
json_t *tool_json_array(void);
/* These steal `value`. */
void tool_json_set(json_t *object, const char *key, json_t *value);
void tool_json_append(json_t *array, json_t *value);
/* Prints and frees. */
void tool_json_print(json_t *value);
/* `indent` blanks before each line but the first; without the last `less` characters. Frees the value. */
void tool_json_put(json_t *value, int indent, size_t less, FILE *to);
/* Arrays that may be too long for memory: their elements are made by any thread; NULL: that one is left out. */
struct tool_json_rows {
    const char *key; /* needs no escaping */
    size_t count;
    json_t *(*make)(const void *arg, size_t i);
    const void *arg;
};
/* The object, which has members already, with the arrays behind them; made by that many threads. */
void tool_json_print_long(json_t *object, const struct tool_json_rows *lists, size_t count, unsigned threads);

/* "2026-01-02T03:04:05Z"; a number of milliseconds where no calendar reaches. */
#define TOOL_TIME_SIZE 40
void tool_time_format(uint64_t ms, char out[TOOL_TIME_SIZE]);
/* The end of a noun behind a number: "1 log", "2 logs". */
static inline const char *tool_s(uint64_t count)
{
    return count == 1 ? "" : "s";
}
/* "35 days", "90 minutes": the largest unit that is still exact enough to read. */
void tool_duration_format(int64_t ms, char *out, size_t size);

/* --- input --- */

struct tool_file {
    uint8_t *data; /* NUL-terminated; the NUL is not counted */
    size_t len;
};
/* The whole file, at most `max` bytes; "-" is standard input. `what` is for messages, as in "the certificate". */
bool tool_read_file(const char *what, const char *name, size_t max, struct tool_file *out) CT_MUST_USE;
/* The two halves of it: -1 where it cannot be opened, which is said; to be closed unless it is standard input. */
int tool_open_file(const char *what, const char *name) CT_MUST_USE;
/* Appends what comes to `out`, which may have something already, and closes `fd`. */
bool tool_read_open_file(const char *what, const char *name, int fd, size_t max, struct tool_file *out) CT_MUST_USE;
void tool_file_clear(struct tool_file *file);

#define TOOL_CERTIFICATES_MAX_BYTES (1024u * 1024)
/* One DER certificate, or all of a PEM file in its order; at least one. NULL: stderr says why. */
STACK_OF(X509) *tool_certificates_of(const char *what, const char *name, const struct tool_file *file) CT_MUST_USE;
STACK_OF(X509) *tool_read_certificates(const char *what, const char *name) CT_MUST_USE;
void tool_certificates_free(STACK_OF(X509) *certificates);
/* RFC 2253 form, cut to a readable length; to be freed. */
char *tool_name(const X509_NAME *name);
/* An alternative name as ct_each_alternative_name gives it; with a NUL in it escaped as above. To be freed. */
char *tool_alternative_name(const char *name, size_t len);
/* The subject; where it is empty the first of the alternative names, such as "uri:spiffe://...". To be freed. */
char *tool_subject(const X509 *certificate);

/* --- the chain --- */

/* X509_V_OK when `issuer` really issued `subject`: names, key usage, and the signature verifies; else the reason. */
int tool_issued(X509 *subject, X509 *issuer);
/* The one of `candidates` (may be NULL) with the issuer's name and a key that this libcrypto cannot read; or NULL. */
X509 *tool_unreadable_issuer(X509 *subject, STACK_OF(X509) *candidates);
/* What follows from that, as a sentence; to be freed. */
char *tool_unreadable_issuer_text(const X509 *issuer);
/*
 * The chain from `leaf` upwards through `candidates` (may be NULL), each step as tool_issued says. The elements are
 * retained: free with tool_certificates_free. No trust anchor is consulted: that is the server's part.
 */
STACK_OF(X509) *tool_chain_build(X509 *leaf, STACK_OF(X509) *candidates) CT_MUST_USE;

#endif
