/* SPDX-License-Identifier: Apache-2.0 */
/* Audit and metrics of one checker, as the settings in force want them. */
#ifndef CT_RECORDER_H
#define CT_RECORDER_H

#include <clientct/clientct.h>

#include "config/snapshot.h"

struct ct_recorder;

struct ct_recorder *ct_recorder_new(void) CT_MUST_USE;
void ct_recorder_free(struct ct_recorder *recorder);

/*
 * Tells which snapshot is in force: opens, closes and reopens sinks where its settings differ, says in the audit that
 * it was taken or what is wrong with it, once. `denying`: why every certificate is refused whatever its evidence, NULL
 * where none is for such a reason; `by_caller`: the reason is not in the snapshot. Called at start, after every
 * reload, and for every new SSL_CTX. False
 * when memory was short and not all of it was done: to be called again.
 */
bool ct_recorder_apply(struct ct_recorder *recorder, struct ct_snapshot *snapshot, const char *denying,
                       bool by_caller) CT_MUST_USE;
void ct_recorder_decision(struct ct_recorder *recorder, const struct clientct_input *input,
                          const struct clientct_verdict *verdict, uint64_t elapsed_ns);
void ct_recorder_resumption(struct ct_recorder *recorder);

#endif
