/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `clientct prove`: one promise, and whether the log kept it. */
#ifndef CT_TOOL_PROMISE_H
#define CT_TOOL_PROMISE_H

#include <jansson.h>

#include "evidence/signed_entry.h"
#include "logs/proof_file.h"
#include "tool/fetch/source.h"

/* Identifier, stable name, exit status that it asks for, what it means. The first of them to be worst comes last. */
#define PROVE_VERDICTS(X) \
    X(INCLUDED, "included", 0, "the entry is in the tree that the log signed") \
    X(NOT_YET, "not-yet", 4, "the entry is not there, and the log still has time") \
    X(UNREACHABLE, "log-unreachable", 3, "the log could not be asked: nothing is known") \
    X(NO_CERTIFICATE, "no-certificate", 3, "the store has an SCT, and its certificate is not at hand") \
    X(NO_PROOF, "no-proof", 1, "no proof that was kept shows it") \
    X(NO_PROMISE, "no-promise", 1, "the SCT is no promise of a log that is trusted here") \
    X(MISBEHAVES, "log-misbehaves", 1, "what the log serves contradicts what it signed") \
    X(BROKEN, "promise-broken", 1, "the time is over and the entry is not in the tree that the log signed")

enum prove_verdict {
#define PROVE_ENUM(id, name, code, text) PROVE_##id,
    PROVE_VERDICTS(PROVE_ENUM)
#undef PROVE_ENUM
};
const char *prove_verdict_name(enum prove_verdict verdict);
int prove_verdict_code(enum prove_verdict verdict);

/* One SCT and what became of it. */
struct promise {
    struct ct_sct sct;     /* spans into the list that it is from */
    struct source *source; /* NULL: unknown log */
    struct ct_hash leaf;   /* what the log must have */
    enum prove_verdict verdict;
    char *detail;
    struct ct_tree_head head;    /* size 0: none was seen */
    struct ct_proof_file *proof; /* INCLUDED */
    char *note;                  /* backing of proof->checkpoint */
    char *kept;                  /* the proof's file */
};

/* A log's head is asked for once. */
struct prover {
    struct fetch *fetch;
    struct sources *sources;
    struct prover_log {
        bool asked;
        enum source_result result;
        const char *reason;
        char *why, *note;
        struct ct_tree_head head;
        struct source_tiles *tiles;
    } * logs; /* as many as sources */
    int64_t now_ms;
};
void prover_init(struct prover *prover, struct fetch *fetch, struct sources *sources);
void prover_clear(struct prover *prover);

/* Verifies the SCT itself: its log, its signature over `entry`. False: NO_PROMISE, with the detail. */
bool promise_read(struct promise *promise, struct sources *sources, const struct ct_signed_entry *entry) CT_MUST_USE;
/* What the log of a source has signed last; asked for once. */
struct prover_log *prover_log_of(struct prover *prover, struct source *source);
/* Asks the log. */
void promise_ask(struct prover *prover, struct promise *promise);
/* The proof in `dir` for the certificate with this hash, without a network. */
void promise_check_kept(struct promise *promise, const char *dir, const uint8_t sha256[32]);
/* Keeps the proof of an INCLUDED promise. False: it cannot be written, and standard error says why. */
bool promise_keep(struct promise *promise, const char *dir, const uint8_t sha256[32]) CT_MUST_USE;
json_t *promise_json(const struct promise *promise);
void promise_clear(struct promise *promise);

#endif
