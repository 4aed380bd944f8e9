/* Decisions through the cache: the tag, what is kept of a verdict, and a verdict made again from it. */
#ifndef CT_CACHED_DECISION_H
#define CT_CACHED_DECISION_H

#include "decision/cache.h"
#include "decision/decision.h"

/* As ct_decide, asking and feeding the cache. `cache` NULL: none. */
void ct_decide_cached(struct ct_cache *cache, const struct ct_snapshot *snapshot, const struct clientct_input *input,
                      int64_t now_ms, struct clientct_verdict *verdict);

#endif
