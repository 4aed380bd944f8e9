/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SCTs of one certificate against policies: what is known of each SCT, checked once, whatever number of
 * policies asks. Signatures are the expensive part, and bounded: a client must not keep a server busy by sending more.
 */
#ifndef CT_EVALUATION_H
#define CT_EVALUATION_H

#include "evidence/certificate.h"
#include "logs/log.h"
#include "policy/policy.h"
#include "evidence/signed_entry.h"

#define CT_SIGNATURE_CHECKS_MAX 32
#define CT_SIGNATURE_CHECKS_PER_LOG 8

/* The signature checks that were made for one witness. They serve several policies: hence by the finest measure. */
struct ct_witness_checks {
    size_t sct; /* the first of these, which are all the same witness: no policy counts them twice */
    unsigned checks;
    bool verified, included; /* by a signature; by a proof, too */
};

/* What is known of one SCT, whatever policy asks. */
struct ct_sct_checks {
    uint8_t signature, inclusion;
};

/* Zero-initialise; set the first block; ct_evaluation_clear frees the rest. */
struct ct_evaluation {
    const struct ct_certificate *certificate;
    X509 *issuer; /* of the verified chain; NULL: none */
    const struct ct_log_set *logs;
    int64_t now_ms;
    bool check_all;          /* do not stop when the policy is met */
    bool leaf_index_ignored; /* SCTs of static-ct logs count without it */
    struct ct_bytes proofs;  /* the certificate's kept proofs, for policies that ask for them; empty: none */
    bool proofs_unreadable;

    struct ct_scts scts;
    struct ct_sct_checks *known; /* one for each SCT */
    size_t known_room;
    struct ct_signed_entry entries[2]; /* by enum ct_entry_type */
    unsigned checks;
    struct ct_witness_checks witnesses[CT_SIGNATURE_CHECKS_MAX];
    size_t witness_count;
    bool failed; /* memory ran out somewhere: refuse */
};

/* Adds what a source brought. The bytes must outlive the evaluation. */
enum ct_list_result ct_evaluation_add(struct ct_evaluation *evaluation, struct ct_bytes list,
                                      enum clientct_source source) CT_MUST_USE;

/*
 * Decides by one policy: sets the status of every SCT as this policy sees it and returns CLIENTCT_COMPLIANT or the
 * reason. May be called again, for another policy or after more SCTs were added: nothing is checked twice.
 * `detail` (may be NULL) gets one line, `explanation` (may be NULL) every condition.
 */
enum clientct_reason ct_evaluation_judge(struct ct_evaluation *evaluation, const struct ct_policy *policy, char *detail,
                                         size_t detail_size, struct ct_explanation *explanation) CT_MUST_USE;
void ct_evaluation_clear(struct ct_evaluation *evaluation);

#endif
