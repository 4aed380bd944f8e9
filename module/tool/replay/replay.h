/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientct replay: what other settings, lists or clocks would make of clients that are known. Everything is decided by
 * the library's checker; here is only what is put in and how two answers differ.
 */
#ifndef CT_TOOL_REPLAY_H
#define CT_TOOL_REPLAY_H

#include "tool/replay/record.h"
#include "tool/tool.h"

#define REPLAY_ROWS_MAX 100000u
#define REPLAY_GROUPS_MAX 10000u

/* --- one answer --- */

struct replay_answer {
    bool known; /* false: there is nothing to compare with */
    bool accept, decided, compliant;
    bool out_of_date; /* the certificate itself is not valid then: no server asks us */
    enum clientct_reason reason;
    enum clientct_mode mode;
    char policy[80], rule[80]; /* "": none */
    char shadow_policy[80];    /* likewise */
    bool shadow_compliant;
    enum clientct_reason shadow_reason;
    char detail[320];        /* "": of a record out of the cache, which has other words */
    int64_t at_ms, until_ms; /* the same answer at least until then */
};

/* Whom it is about; nothing is owned. */
struct replay_subject {
    X509 *leaf;
    STACK_OF(X509) *chain;
    const struct replay_record *record; /* NULL: a certificate without one */
    const char *server_name;            /* of a certificate without a record */
};

void replay_decide(struct clientct_checker *checker, const struct replay_subject *subject, int64_t at_ms,
                   struct replay_answer *answer);
void replay_recorded(const struct replay_record *record, struct replay_answer *answer);
/* The next moment at which the answer may be another one; INT64_MAX: none. */
int64_t replay_next(const struct replay_answer *answer, const X509 *leaf);

/* --- what two answers mean --- */

enum replay_change {
    REPLAY_SAME,
    REPLAY_LOCKED_OUT, /* accepted before, and now refused */
    REPLAY_LET_IN,
    REPLAY_FAILS,  /* accepted both times, and not compliant any more: enforcing would refuse it */
    REPLAY_PASSES, /* the other way round */
    REPLAY_OTHER,  /* another reason, mode, policy or rule */
    REPLAY_EXPIRES,
    REPLAY_CHANGES
};
extern const char *const replay_change_names[REPLAY_CHANGES];
enum replay_change replay_compare(const struct replay_answer *before, const struct replay_answer *after);
/* Whether all is the same that a record keeps, words and shadow policy included. */
bool replay_identical(const struct replay_answer *before, const struct replay_answer *after);

/* --- the sum: tally.c --- */

/* Numbers that were seen; 16 bytes each at most. Zero-initialise. */
struct replay_set {
    uint64_t *slots;
    size_t count, room;
};
/* True: it was not there before. */
bool replay_set_add(struct replay_set *set, uint64_t number);

struct replay_group {
    char *name;
    uint64_t certificates[REPLAY_CHANGES];
};

struct replay_groups {
    struct replay_group **items;
    size_t count;
    void *tree;
};

/* One certificate and what becomes of it. */
struct replay_row {
    uint8_t sha256[32];
    char *name, *issuer, *detail;
    enum replay_change change;
    enum clientct_reason before, after;
    bool before_known;
};

/* On one day: so many certificates change in this way. */
struct replay_moment {
    int64_t day, first_ms; /* day: since 1970, UTC */
    enum replay_change change;
    enum clientct_reason reason;
    uint64_t certificates;
    char detail[320]; /* of the first */
};

struct replay_tally {
    uint64_t records, repeated, foreign, newer, lost, undecided;
    uint64_t unreadable, precertificates; /* certificates that are none, and log entries that are no certificates yet */
    uint64_t decisions;                   /* by the library */
    uint64_t identical;                   /* answers that are what they are compared with, to the letter */
    uint64_t certificates, changed[REPLAY_CHANGES];
    struct replay_set seen, certificate_set, changed_set;
    struct replay_groups issuers, reasons;
    struct replay_row *rows;
    size_t row_count, row_room;
    uint64_t rows_beyond;
    struct replay_moment *moments;
    size_t moment_count, moment_room;
};

void replay_add(struct replay_tally *tally, const struct replay_subject *subject, const struct replay_answer *before,
                const struct replay_answer *after);
/* The answer became `after` at after->at_ms. */
void replay_add_moment(struct replay_tally *tally, const struct replay_subject *subject,
                       const struct replay_answer *before, const struct replay_answer *after);
void replay_finish(struct replay_tally *tally);
void replay_tally_clear(struct replay_tally *tally);

/* --- input: input.c, archive.c, log.c, certificates.c; judge.c --- */

struct replay_work {
    struct clientct_checker *checker, *against; /* against NULL: what was recorded */
    int64_t now_ms;
    bool has_at;
    int64_t at_ms;
    const char *server_name;
    STACK_OF(X509) *issuers;     /* CA certificates, of files of certificates and --issuer */
    struct replay_issuer *cache; /* issuers of records, decoded once; NULL at first */
    struct replay_tally tally;
};

/* Decides about one, and adds it up. */
void replay_judge(struct replay_work *work, const struct replay_subject *subject);
/*
 * An archive, a file of certificates, a folder of certificates, or the folder of a static-ct log. Goes over it twice:
 * first for the CA certificates in it, which may stand behind what they have issued. False: standard error says why.
 */
bool replay_input(struct replay_work *work, const char *operand, bool issuers) CT_MUST_USE;
void replay_work_clear(struct replay_work *work);
bool replay_archive(struct replay_work *work, const char *name, int fd) CT_MUST_USE;
bool replay_is_log(const char *folder) CT_MUST_USE;
bool replay_log(struct replay_work *work, const char *folder) CT_MUST_USE;
/* The certificate in DER, retained by the caller; those of issuers are remembered. NULL: it is none. */
X509 *replay_certificate(struct replay_work *work, struct ct_bytes der, bool issuer) CT_MUST_USE;

/* --- what people see: show.c --- */

void replay_show_text(const struct replay_work *work);
void replay_show_json(const struct replay_work *work);

#endif
