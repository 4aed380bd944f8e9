/* A log list as its reader fills it, and what the readers of all formats share. */
#ifndef CT_FORMATS_H
#define CT_FORMATS_H

#include "base/problems.h"
#include "logs/log.h"

#define CT_LOG_LIST_MAX_BYTES (10u * 1024 * 1024)
#define CT_LOG_LIST_MAX_LOGS 10000u

enum ct_log_list_format {
    CT_LIST_V3,        /* v3 log list JSON */
    CT_LIST_SINGLE_V3, /* a single log's log.v3.json */
    CT_LIST_SIGSTORE,  /* trusted_root.json */
    CT_LIST_OPENSSL,   /* ct_log_list.cnf */
    CT_LIST_PEM        /* PUBLIC KEY blocks */
};

/* Zero-initialise. */
struct ct_log_list {
    enum ct_log_list_format format;
    int64_t timestamp_ms; /* log_list_timestamp; INT64_MIN: the list has none */
    char *version;        /* NULL: none */
    struct ct_log_set logs;
};

#define CT_LOG_LIST_MAX_TEXT 1000u /* bytes of a description, operator or URL */
#define CT_LOG_KEY_MAX 2048u       /* bytes of a SubjectPublicKeyInfo; RSA-8192 has 1,062 */

/* One list being read. Readers report errors in `problems` and go on; what an error touches is not added. */
struct ct_list_input {
    const char *file;
    struct ct_bytes text;
    struct ct_log_list *list;
    struct ct_problems *problems;
};

/* A log about which nothing is known yet: usable, no interval. */
struct ct_log ct_list_new_log(void);
/*
 * Moves *log, whose key is set, into the list (it is zeroed in every case), unless errors were reported since
 * `errors_before`. `place` is where it stands, for messages ("" when the line says enough).
 */
void ct_list_add(struct ct_list_input *in, unsigned line, const char *place, struct ct_log *log, size_t errors_before);
/* Sets the log's key from standard base64 of a SubjectPublicKeyInfo; reports errors. */
void ct_list_set_key(struct ct_list_input *in, unsigned line, const char *place, struct ct_log *log,
                     const char *base64);
/* *to becomes a copy of `text`; nothing happens for NULL. Reports a shortage of memory. */
void ct_list_copy(struct ct_list_input *in, char **to, const char *text);

/* Strict base64 (RFC 4648, section 4: padded, canonical, no white space). False also when `out` has no room. */
bool ct_base64_decode(const char *text, uint8_t *out, size_t room, size_t *len) CT_MUST_USE;
/* 1 to CT_LOG_LIST_MAX_TEXT bytes of one line that is fit for logs, terminals and tables. */
bool ct_list_text_ok(const char *text) CT_MUST_USE;

#endif
