/* SPDX-License-Identifier: Apache-2.0 */
/* From one snapshot and one client to a verdict: the order in which everything is asked. */
#ifndef CT_DECISION_H
#define CT_DECISION_H

#include <clientct/clientct.h>

#include "config/snapshot.h"

/* What a cache has to know of a decision, beside the verdict. */
struct ct_decision_facts {
    int64_t from_ms, until_ms;      /* [from, until): in this interval of time the same input gives the same verdict */
    const struct ct_rule *rule;     /* of the snapshot's settings; NULL: none matched */
    const struct ct_policy *policy; /* NULL: none was chosen */
    /* As they were read; zero: not looked for. The second: by the hash of the certificate's twin. */
    struct ct_file_stamp ocsp_file, twins_ocsp_file, store_file;
    bool read_ocsp;
    bool has_twin;
    uint8_t twin_sha256[32];
    bool read_store;
    struct ct_file_stamp proof_file;
    bool read_proofs;
    enum clientct_resumption resumption; /* at most, by the rule */
};

/*
 * Fills a zeroed verdict, but for `held`, `cached`, `generation`, `terms` and `holds_until_ms`. Pure but for the store
 * and OCSP files it reads.
 */
void ct_decide(const struct ct_snapshot *snapshot, const struct clientct_input *input, int64_t now_ms,
               struct clientct_verdict *verdict, struct ct_decision_facts *facts);

#endif
