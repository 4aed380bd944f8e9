/* Log lists: found by content, one file a format. DESIGN: "Logs". */
#ifndef CT_LOG_LIST_H
#define CT_LOG_LIST_H

#include "logs/log.h"
#include "base/problems.h"

#define CT_LOG_LIST_MAX_BYTES (10u * 1024 * 1024)
#define CT_LOG_LIST_MAX_LOGS 10000u

enum ct_log_list_format {
    CT_LIST_V3,        /* v3 log list JSON */
    CT_LIST_SINGLE_V3, /* a single log's log.v3.json */
    CT_LIST_SIGSTORE,  /* trusted_root.json */
    CT_LIST_OPENSSL,   /* ct_log_list.cnf */
    CT_LIST_PEM        /* PUBLIC KEY blocks */
};
const char *ct_log_list_format_name(enum ct_log_list_format format);

/* Zero-initialise. */
struct ct_log_list {
    enum ct_log_list_format format;
    int64_t timestamp_ms; /* log_list_timestamp; INT64_MIN: the list has none */
    char *version;        /* NULL: none */
    struct ct_log_set logs;
};

/*
 * Reads a list from its bytes. `file` is for messages. False: there are errors in `problems` and nothing of the
 * list may be used.
 */
bool ct_log_list_parse(const char *file, struct ct_bytes text, struct ct_log_list *list,
                       struct ct_problems *problems) CT_MUST_USE;
void ct_log_list_clear(struct ct_log_list *list);

/* A detached signature over the list's bytes: RSA PKCS#1 v1.5 or ECDSA, SHA-256; `key_pem` is a PUBLIC KEY. */
bool ct_log_list_signature_ok(struct ct_bytes text, struct ct_bytes signature, struct ct_bytes key_pem,
                              const char **why) CT_MUST_USE;

#endif
