/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions through the cache. A cached verdict is stale with another snapshot, chain, SCT list or server name (the
 * tag), with another file of the certificate in a store (its stamp), and from the moment on at which the same input
 * would give another verdict (the interval that ct_decide reports).
 */
#ifndef CT_CACHED_DECISION_H
#define CT_CACHED_DECISION_H

#include "decision/cache.h"
#include "decision/decision.h"

/* As ct_decide, asking and feeding the cache. `cache` NULL: none. */
void ct_decide_cached(struct ct_cache *cache, const struct ct_snapshot *snapshot, const struct clientct_input *input,
                      int64_t now_ms, struct clientct_verdict *verdict);

#endif
