/* SPDX-License-Identifier: Apache-2.0 */
/* A log list as its reader fills it, and what the readers of all formats share. */
#ifndef CT_FORMATS_H
#define CT_FORMATS_H

#include "base/problems.h"
#include "logs/log.h"

#define CT_LOG_LIST_MAX_BYTES (10u * 1024 * 1024)
#define CT_LOG_LIST_MAX_LOGS 10000u

enum ct_log_list_format {
    CT_LIST_V3,        /* v3 log list JSON: Google's, Apple's */
    CT_LIST_SINGLE_V3, /* a single log's log.v3.json */
    CT_LIST_SIGSTORE,  /* trusted_root.json */
    CT_LIST_OPENSSL,   /* ct_log_list.cnf */
    CT_LIST_PEM        /* PUBLIC KEY blocks */
};

/* Zero-initialise. A log that does not count stays in the list, and says why (ct_log.unusable). */
struct ct_log_list {
    enum ct_log_list_format format;
    int64_t timestamp_ms; /* log_list_timestamp; INT64_MIN: the list has none */
    char *version;        /* NULL: none */
    struct ct_log_set logs;
    struct ct_log_set nameless; /* entries that do not say which log they are; none of them counts */
};

#define CT_LOG_LIST_MAX_TEXT 1000u /* bytes of a description, operator or URL */
#define CT_LOG_KEY_MAX 16384u      /* bytes of a public key; longer ones are not looked at */
#define CT_LOG_DOUBT_MAX 400u      /* bytes of what is said against one log */

/*
 * One list being read. What is wrong with a log makes this log not count, and is a warning that names it; what is wrong
 * with the list as a whole, or with the machine, is an error, and nothing of the list is used.
 */
struct ct_list_input {
    const char *file;
    struct ct_bytes text;
    struct ct_log_list *list;
    struct ct_problems *problems;
    bool in_log; /* a log is being read: what is wrong is wrong with it */
    size_t errors_before;
    char doubt[CT_LOG_DOUBT_MAX]; /* all that is wrong with it; "" when nothing is */
    unsigned doubt_line;          /* of the first */
};

/* Begins a log about which nothing is known yet: usable, no interval. */
struct ct_log ct_list_begin_log(struct ct_list_input *in);
/* Moves *log into the list (it is zeroed in every case). `place` is where it stands; with a line, "" is enough. */
void ct_list_end_log(struct ct_list_input *in, unsigned line, const char *place, struct ct_log *log);
/* Says what was expected and found: of the log being read, or of the list. */
void ct_list_complain(struct ct_list_input *in, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Says what is left out of account, and changes nothing. */
void ct_list_warn(struct ct_list_input *in, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ct_list_out_of_memory(struct ct_list_input *in);
/* Sets the log's key from a SubjectPublicKeyInfo; complains of one that cannot be used. */
void ct_list_set_key(struct ct_list_input *in, unsigned line, const char *place, struct ct_log *log,
                     struct ct_bytes spki);
/* The same from base64. */
void ct_list_set_key_base64(struct ct_list_input *in, unsigned line, const char *place, struct ct_log *log,
                            const char *base64);
/* The bytes, to be freed; NULL with a complaint, or when memory is short. */
uint8_t *ct_list_decode_key(struct ct_list_input *in, unsigned line, const char *place, const char *base64,
                            size_t *len);
/* *to becomes a copy of `text`; nothing happens for NULL. Reports a shortage of memory. */
void ct_list_copy(struct ct_list_input *in, char **to, const char *text);

/* Strict base64 (RFC 4648, section 4: padded, canonical, no white space). False also when `out` has no room: it takes
   three bytes for each four characters, less the padding. */
bool ct_base64_decode(const char *text, uint8_t *out, size_t room, size_t *len) CT_MUST_USE;
/* 1 to CT_LOG_LIST_MAX_TEXT bytes of one line that is fit for logs, terminals and tables. */
bool ct_list_text_ok(const char *text) CT_MUST_USE;

#endif
