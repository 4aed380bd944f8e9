/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "tool/prove/work.h"

static const uint8_t free_slot[32];

/* The slot of `value`, or the free one where it would go; hashes are spread already. */
static uint8_t *slot_of(const struct prove_set *set, const uint8_t value[32])
{
    size_t at;

    memcpy(&at, value, sizeof at);
    for (at %= set->room; memcmp(set->slots[at], free_slot, 32) != 0 && memcmp(set->slots[at], value, 32) != 0;) {
        at = at + 1 == set->room ? 0 : at + 1;
    }
    return set->slots[at];
}

static void grow(struct prove_set *set)
{
    struct prove_set larger = { .count = set->count, .room = set->room == 0 ? 1024 : 2 * set->room };

    larger.slots = calloc(larger.room, sizeof *larger.slots);
    if (larger.slots == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < set->room; i++) {
        if (memcmp(set->slots[i], free_slot, 32) != 0) {
            memcpy(slot_of(&larger, set->slots[i]), set->slots[i], 32);
        }
    }
    free(set->slots);
    *set = larger;
}

bool prove_set_add(struct prove_set *set, const uint8_t value[32])
{
    uint8_t *slot;

    if (4 * (set->count + 1) > 3 * set->room) {
        grow(set);
    }
    slot = slot_of(set, value);
    if (memcmp(slot, value, 32) == 0) {
        return false;
    }
    memcpy(slot, value, 32);
    set->count++;
    return true;
}

bool prove_set_has(const struct prove_set *set, const uint8_t value[32])
{
    return set->room > 0 && memcmp(slot_of(set, value), value, 32) == 0;
}

void prove_set_clear(struct prove_set *set)
{
    free(set->slots);
    memset(set, 0, sizeof *set);
}
