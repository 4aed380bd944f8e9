/* SPDX-License-Identifier: Apache-2.0 */
/* One record of an archive (record/archive.h), read from hostile bytes. */
#ifndef CT_TOOL_REPLAY_RECORD_H
#define CT_TOOL_REPLAY_RECORD_H

#include <clientct/clientct.h>
#include <jansson.h>

#include "base/bytes.h"
#include "record/archive_record.h"

/* What the server decided; strings are the record's. */
struct replay_recorded {
    bool accept, decided, compliant, cached, shadow_compliant;
    enum clientct_reason reason, shadow_reason;
    enum clientct_mode mode;
    const char *policy, *rule, *shadow_policy; /* NULL: none */
    const char *detail, *settings;             /* settings: hex of the digest of what was in force */
};

/* Spans point into `memory`, strings into `json`. Zero-initialise; clear with replay_record_clear. */
struct replay_record {
    int64_t at_ms;
    uint64_t lost; /* records that the process lost before this one */
    struct ct_bytes chain[CT_ARCHIVE_CHAIN_MAX];
    size_t chain_count;                                                  /* at least one */
    struct ct_bytes tls_scts, ocsp, store, proofs;                       /* data NULL: none */
    const char *server_name, *no_tls_scts, *ocsp_unread, *proofs_unread; /* NULL: none */
    const char *shown[CLIENTCT_SERVER_NAMES_MAX];
    size_t shown_count; /* may be more than are in `shown` */
    bool has_verdict;
    struct replay_recorded verdict;
    uint8_t *memory;
    json_t *json;
};

enum replay_read {
    REPLAY_READ,
    REPLAY_FOREIGN, /* no record: torn, damaged or something else */
    REPLAY_NEWER    /* of a version that is not known here */
};

/* The line without its newline; the torn beginning of another one may stand before the record. */
enum replay_read replay_record_read(struct ct_bytes line, struct replay_record *record) CT_MUST_USE;
void replay_record_clear(struct replay_record *record);

/*
 * Every line of an archive to `take`, which keeps nothing of the record; `record` is what it says only where `read` is
 * REPLAY_READ. `begun` (may be empty) was read from `fd` before. False: it cannot be read to its end, and standard
 * error says why, in the name of `verb`.
 */
typedef void replay_take(void *arg, enum replay_read read, const struct replay_record *record);
bool replay_records_read(const char *verb, const char *name, int fd, struct ct_bytes begun, replay_take *take,
                         void *arg) CT_MUST_USE;

#endif
