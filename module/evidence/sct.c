/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/sct.h"

#include <stdlib.h>

#define SCT_VERSION_V1 0

void ct_sct_decode(struct ct_bytes serialized, enum clientct_source source, struct ct_sct *sct)
{
    struct ct_reader r = ct_reader_of(serialized);
    uint8_t version = ct_read_u8(&r);

    *sct = (struct ct_sct){ .source = source, .status = CLIENTCT_MALFORMED_SCT_LIST };
    if (r.failed) {
        return;
    }
    if (version != SCT_VERSION_V1) {
        sct->status = CLIENTCT_UNSUPPORTED_VERSION; /* what follows has a form that we do not know */
        return;
    }
    sct->log_id = ct_read_bytes(&r, CT_LOG_ID_LEN).data;
    sct->timestamp_ms = ct_read_u64(&r);
    sct->extensions = ct_read_vector16(&r);
    sct->hash_algorithm = ct_read_u8(&r);
    sct->signature_algorithm = ct_read_u8(&r);
    sct->signature = ct_read_vector16(&r);
    if (!ct_reader_finished(&r)) {
        *sct = (struct ct_sct){ .source = source, .status = CLIENTCT_MALFORMED_SCT_LIST };
        return;
    }
    sct->decoded = true;
    sct->status = CLIENTCT_NOT_CHECKED;
}

static struct ct_sct *append(struct ct_scts *scts)
{
    if (scts->count == scts->room) {
        size_t room = scts->room == 0 ? 8 : scts->room * 2;
        struct ct_sct *items = realloc(scts->items, room * sizeof *items);

        if (items == NULL) {
            return NULL;
        }
        scts->items = items;
        scts->room = room;
    }
    return &scts->items[scts->count++];
}

/* Whether the list's own lengths add up: an outer length, then at least one item of at least one byte. */
static bool list_is_well_formed(struct ct_bytes list)
{
    struct ct_reader r = ct_reader_of(list);
    struct ct_reader items = ct_reader_of(ct_read_vector16(&r));

    if (!ct_reader_finished(&r) || items.left == 0) {
        return false;
    }
    while (!items.failed && items.left > 0) {
        if (ct_read_vector16(&items).len == 0) {
            return false;
        }
    }
    return ct_reader_finished(&items);
}

enum ct_list_result ct_sct_list_decode(struct ct_bytes list, enum clientct_source source, struct ct_scts *scts)
{
    struct ct_reader r = ct_reader_of(list);
    struct ct_reader items;

    if (!list_is_well_formed(list)) {
        return CT_LIST_MALFORMED;
    }
    items = ct_reader_of(ct_read_vector16(&r));
    while (items.left > 0) {
        struct ct_bytes serialized = ct_read_vector16(&items);
        struct ct_sct *sct;

        if (scts->count >= CT_SCTS_MAX) {
            scts->beyond++;
            continue;
        }
        if ((sct = append(scts)) == NULL) {
            return CT_LIST_OUT_OF_MEMORY;
        }
        ct_sct_decode(serialized, source, sct);
    }
    return CT_LIST_OK;
}

void ct_scts_clear(struct ct_scts *scts)
{
    if (scts == NULL) {
        return;
    }
    free(scts->items);
    *scts = (struct ct_scts){ 0 };
}

bool ct_sct_leaf_index(struct ct_bytes extensions, uint64_t *index)
{
    struct ct_reader r = ct_reader_of(extensions);
    bool found = false;

    while (!r.failed && r.left > 0) {
        uint8_t type = ct_read_u8(&r);
        struct ct_bytes data = ct_read_vector16(&r);

        if (r.failed || type != 0) {
            continue;
        }
        if (found || data.len != 5) {
            return false;
        }
        found = true;
        *index = 0;
        for (size_t i = 0; i < data.len; i++) {
            *index = *index << 8 | data.data[i];
        }
    }
    return found && ct_reader_finished(&r);
}
