/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of `clientct prove`: whom it is about, out of files, archives and stores. */
#ifndef CT_TOOL_PROVE_WORK_H
#define CT_TOOL_PROVE_WORK_H

#include "tool/prove/promise.h"
#include "tool/tool.h"

struct prove_request {
    struct source_options sources;
    struct fetch_options fetch;
    const char *issuer, *scts, *keep, *kept;
    bool json;
};

/* SHA-256 values that were seen. Zero-initialise. */
struct prove_set {
    uint8_t (*slots)[32]; /* all zeros: free */
    size_t count, room;
};

struct prove_work {
    const struct prove_request *request;
    struct fetch_manners manners;
    struct sources sources;
    struct prover prover;
    STACK_OF(X509) *issuers;
    struct tool_file scts;
    const char **stores; /* folders of .sct files among the operands */
    size_t store_count;
    struct prove_set certificates; /* that were asked about */
    struct prove_set promises;     /* of archives: each certificate with each SCT once */
    json_t *array;                 /* of certificates, with --json */
    enum prove_verdict worst;
    size_t counts[PROVE_BROKEN + 1];
    size_t without, foreign, newer; /* records without an SCT, lines that are none, and that are of another version */
    bool failed;                    /* a file that cannot be read or written */
};

/* --- one certificate: subject.c --- */

#define PROVE_LISTS 3 /* beside the certificate: store, TLS, OCSP */
struct prove_subject {
    const char *file;      /* where it is from */
    STACK_OF(X509) *chain; /* the leaf first, then its issuer where that is known */
    struct prove_list {
        struct ct_bytes list;
        enum clientct_source from;
    } lists[PROVE_LISTS]; /* beside what is embedded */
    size_t count;
    bool of_record; /* of an archive: one without SCTs is no news, and the same again neither */
};
void prove_subject(struct prove_work *work, const struct prove_subject *subject);
/* SCTs without their certificate: why, in memory to be freed. */
void prove_unknown(struct prove_work *work, const char *file, const struct ct_scts *scts, enum prove_verdict verdict,
                   char *why);

/* --- where they are from: inputs.c --- */

/* A certificate with its chain, a folder of them, an archive, a store; what cannot be read is said and remembered. */
void prove_inputs(struct prove_work *work, int count, char **operands);
void prove_work_clear(struct prove_work *work);

/* --- the set: set.c --- */

/* True: it was not there before. */
bool prove_set_add(struct prove_set *set, const uint8_t value[32]);
bool prove_set_has(const struct prove_set *set, const uint8_t value[32]) CT_MUST_USE;
void prove_set_clear(struct prove_set *set);

/* --- certificates out of a log: entry.c --- */

/* The last bundle of entries that was read. Zero-initialise. */
struct prove_bundle {
    const struct source *source;
    uint64_t index;
    unsigned width;
    struct fetch_reply reply;
};
/* The certificate with this hash from the entry that an SCT names; NULL: `verdict` and `why` (to be freed) say why. */
X509 *prove_certificate_of(struct prover *prover, struct source *source, uint64_t index, const uint8_t sha256[32],
                           struct prove_bundle *bundle, enum prove_verdict *verdict, char **why) CT_MUST_USE;

#endif
