/* SPDX-License-Identifier: Apache-2.0 */
/* One log that stands in several places: in one list, or in several lists. */
#ifndef CT_DUPLICATES_H
#define CT_DUPLICATES_H

#include "logs/formats.h"

/*
 * Sorts the logs of one list and makes each of them one entry. Entries that agree are one; where they do not, the log
 * does not count. In Sigstore's trusted roots, the windows of one key's entries all count.
 */
void ct_list_settle_duplicates(struct ct_list_input *in);

/*
 * Sorts the logs of several lists, added list by list, and makes each of them one entry: that of the first list, with
 * its names, and the others behind it (ct_log.also): the log counts only where it would by each of the lists. A warning
 * names all that differ. Where a later list calls the operator of a common log by another name, its other logs of that
 * name go by the first list's name (of several, by that of most common logs): one operator must not count as two. False
 * when memory is short.
 */
bool ct_logs_join(struct ct_log_set *logs, struct ct_problems *problems) CT_MUST_USE;

#endif
