/* From one snapshot and one client to a verdict: the order in which everything is asked. */
#ifndef CT_DECISION_H
#define CT_DECISION_H

#include <clientct/clientct.h>

#include "snapshot.h"

/* The interval of time, [from, until), in which the same input gives the same verdict. */
struct ct_horizon {
    int64_t from_ms, until_ms;
};

/* Fills a zeroed verdict, but for `held`, `cached` and `generation`. Pure but for the store and OCSP files it reads. */
void ct_decide(const struct ct_snapshot *snapshot, const struct clientct_input *input, int64_t now_ms,
               struct clientct_verdict *verdict, struct ct_horizon *horizon);

#endif
