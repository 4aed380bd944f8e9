/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of following a log: reading its entries. */
#ifndef CT_TOOL_FOLLOW_H
#define CT_TOOL_FOLLOW_H

#include "tool/monitor/monitor.h"

/*
 * Reads the entries from log->state.reading to the end of the tree of `head`: each is hashed into the frontier, looked
 * at, and said where it is watched for. With `tiles`, each leaf hash is compared with the tree's own as well, to find
 * the entry that is not what its hash says; nothing is said then. MONITOR_IN_ORDER: all is read; the root is the
 * caller's to compare.
 */
enum monitor_result follow_read(struct monitor *monitor, struct monitor_log *log, const struct ct_tree_head *head,
                                const char *note, struct source_tiles *tiles) CT_MUST_USE;

#endif
