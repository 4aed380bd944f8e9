/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "logs/log.h"

bool ct_log_set_add(struct ct_log_set *set, struct ct_log *log)
{
    if (set->count == set->room) {
        size_t room = set->room == 0 ? 16 : set->room * 2;
        struct ct_log *logs = reallocarray(set->logs, room, sizeof *logs);

        if (logs == NULL) {
            return false;
        }
        set->logs = logs;
        set->room = room;
    }
    log->order = (unsigned)set->count;
    memcpy(&set->logs[set->count++], log, sizeof *log);
    memset(log, 0, sizeof *log);
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct ct_log *x = a, *y = b;
    int order = memcmp(x->id, y->id, CT_LOG_ID_LEN);

    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

void ct_log_set_sort(struct ct_log_set *set)
{
    if (set->count > 1) {
        qsort(set->logs, set->count, sizeof *set->logs, compare);
    }
}

static int compare_with_id(const void *id, const void *log)
{
    return memcmp(id, ((const struct ct_log *)log)->id, CT_LOG_ID_LEN);
}

const struct ct_log *ct_log_set_find(const struct ct_log_set *set, const uint8_t id[CT_LOG_ID_LEN])
{
    if (set->count == 0) {
        return NULL;
    }
    return bsearch(id, set->logs, set->count, sizeof *set->logs, compare_with_id);
}

void ct_log_set_clear(struct ct_log_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        ct_log_clear(&set->logs[i]);
    }
    free(set->logs);
    memset(set, 0, sizeof *set);
}
