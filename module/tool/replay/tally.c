/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/replay/replay.h"

#include <openssl/evp.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define MOMENTS_MAX 4096u /* looked through for each change */

static void *kept(void *memory)
{
    if (memory == NULL) {
        tool_out_of_memory();
    }
    return memory;
}

static bool put(uint64_t *slots, size_t room, uint64_t number)
{
    size_t at = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (room - 1);

    while (slots[at] != 0) {
        if (slots[at] == number) {
            return false;
        }
        at = (at + 1) & (room - 1);
    }
    slots[at] = number;
    return true;
}

bool replay_set_add(struct replay_set *set, uint64_t number)
{
    if (set->count * 2 >= set->room) {
        size_t room = set->room == 0 ? 1024 : set->room * 2;
        uint64_t *slots = kept(calloc(room, sizeof *slots));

        for (size_t i = 0; i < set->room; i++) {
            if (set->slots[i] != 0) {
                (void)put(slots, room, set->slots[i]);
            }
        }
        free(set->slots);
        set->slots = slots;
        set->room = room;
    }
    if (!put(set->slots, set->room, number != 0 ? number : 1)) {
        return false;
    }
    set->count++;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct replay_group *)a)->name, ((const struct replay_group *)b)->name);
}

static struct replay_group *group_of(struct replay_groups *groups, const char *name)
{
    static char others[] = "(others)";
    struct replay_group key = { .name = (char *)name };
    void *found = tfind(&key, &groups->tree, by_name);
    struct replay_group *group;
    size_t room = groups->count;

    if (found == NULL && groups->count >= REPLAY_GROUPS_MAX) {
        key.name = others;
        found = tfind(&key, &groups->tree, by_name);
    }
    if (found != NULL) {
        return *(struct replay_group *const *)found;
    }
    group = kept(calloc(1, sizeof *group));
    group->name = tool_format("%s", key.name);
    if ((room & (room - 1)) == 0) {
        groups->items = kept(reallocarray(groups->items, room < 8 ? 8 : 2 * room, sizeof(void *)));
    }
    groups->items[groups->count++] = group;
    kept(tsearch(group, &groups->tree, by_name));
    return group;
}

static void hash_of(const struct replay_subject *subject, uint8_t sha256[32])
{
    if (X509_digest(subject->leaf, EVP_sha256(), sha256, NULL) != 1) {
        tool_out_of_memory();
    }
}

static uint64_t number_of(const uint8_t sha256[32], uint64_t with)
{
    uint64_t number;

    memcpy(&number, sha256, sizeof number);
    return number ^ with * UINT64_C(0xd6e8feb86659fd93);
}

static char *change_text(const struct replay_answer *before, const struct replay_answer *after)
{
    return before->known
               ? tool_format("%s -> %s", clientct_reason_name(before->reason), clientct_reason_name(after->reason))
               : tool_format("%s", clientct_reason_name(after->reason));
}

static void add_row(struct replay_tally *tally, const struct replay_subject *subject, const uint8_t sha256[32],
                    enum replay_change change, const struct replay_answer *before, const struct replay_answer *after)
{
    struct replay_row *row;

    if (tally->row_count == REPLAY_ROWS_MAX) {
        tally->rows_beyond++;
        return;
    }
    tally->rows = tool_grown(tally->rows, tally->row_count, &tally->row_room, sizeof *row);
    row = &tally->rows[tally->row_count++];
    *row = (struct replay_row){ .name = tool_subject(subject->leaf),
                                .issuer = tool_name(X509_get_issuer_name(subject->leaf)),
                                .detail = tool_format("%s", after->detail),
                                .change = change,
                                .before = before->reason,
                                .after = after->reason,
                                .before_known = before->known };
    memcpy(row->sha256, sha256, sizeof row->sha256);
}

void replay_add(struct replay_tally *tally, const struct replay_subject *subject, const struct replay_answer *before,
                const struct replay_answer *after)
{
    enum replay_change change = replay_compare(before, after);
    uint8_t sha256[32];
    char *text;

    hash_of(subject, sha256);
    tally->certificates += replay_set_add(&tally->certificate_set, number_of(sha256, 0));
    tally->identical += replay_identical(before, after);
    tally->undecided += !after->decided && after->reason != CLIENTCT_NOT_EVALUATED;
    /* A certificate counts once for each way in which it changes, whatever number of names it was seen with. */
    if (change == REPLAY_SAME || !replay_set_add(&tally->changed_set, number_of(sha256, change))) {
        return;
    }
    tally->changed[change]++;
    if (change == REPLAY_EXPIRES) {
        return;
    }
    text = tool_name(X509_get_issuer_name(subject->leaf));
    group_of(&tally->issuers, text)->certificates[change]++;
    free(text);
    text = change_text(before, after);
    group_of(&tally->reasons, text)->certificates[change]++;
    free(text);
    add_row(tally, subject, sha256, change, before, after);
}

void replay_add_moment(struct replay_tally *tally, const struct replay_subject *subject,
                       const struct replay_answer *before, const struct replay_answer *after)
{
    enum replay_change change = replay_compare(before, after);
    int64_t day = after->at_ms / CT_DAY_MS;
    uint8_t sha256[32];
    struct replay_moment *moment = NULL;

    if (change == REPLAY_SAME) {
        return;
    }
    hash_of(subject, sha256);
    if (!replay_set_add(&tally->changed_set, number_of(sha256, 1000 + (uint64_t)day * 16 + change))) {
        return;
    }
    for (size_t i = tally->moment_count; i > 0 && moment == NULL; i--) {
        struct replay_moment *m = &tally->moments[i - 1];

        moment = m->day == day && m->change == change && m->reason == after->reason ? m : NULL;
    }
    if (moment == NULL) {
        if (tally->moment_count == MOMENTS_MAX) {
            return;
        }
        tally->moments = tool_grown(tally->moments, tally->moment_count, &tally->moment_room, sizeof *moment);
        moment = &tally->moments[tally->moment_count++];
        *moment =
            (struct replay_moment){ .day = day, .first_ms = after->at_ms, .change = change, .reason = after->reason };
        memcpy(moment->detail, after->detail, sizeof moment->detail);
    }
    moment->certificates++;
    moment->first_ms = after->at_ms < moment->first_ms ? after->at_ms : moment->first_ms;
}

static uint64_t weight(const struct replay_group *group)
{
    return group->certificates[REPLAY_LOCKED_OUT] * 1000 + group->certificates[REPLAY_LET_IN] * 100 +
           group->certificates[REPLAY_FAILS] * 10 + group->certificates[REPLAY_PASSES] +
           group->certificates[REPLAY_OTHER];
}

static int heaviest_first(const void *a, const void *b)
{
    const struct replay_group *one = *(const struct replay_group *const *)a;
    const struct replay_group *two = *(const struct replay_group *const *)b;

    return weight(one) != weight(two) ? (weight(one) > weight(two) ? -1 : 1) : strcmp(one->name, two->name);
}

static int by_change(const void *a, const void *b)
{
    const struct replay_row *one = a, *two = b;
    int order = one->change != two->change ? (one->change > two->change) - (one->change < two->change)
                                           : strcmp(one->issuer, two->issuer);

    order = order != 0 ? order : strcmp(one->name, two->name);
    return order != 0 ? order : memcmp(one->sha256, two->sha256, sizeof one->sha256);
}

static int by_time(const void *a, const void *b)
{
    const struct replay_moment *one = a, *two = b;

    return one->first_ms != two->first_ms ? (one->first_ms > two->first_ms) - (one->first_ms < two->first_ms)
                                          : (int)one->change - (int)two->change;
}

void replay_finish(struct replay_tally *tally)
{
    if (tally->row_count > 0) {
        qsort(tally->rows, tally->row_count, sizeof *tally->rows, by_change);
    }
    if (tally->moment_count > 0) {
        qsort(tally->moments, tally->moment_count, sizeof *tally->moments, by_time);
    }
    if (tally->issuers.count > 0) {
        qsort(tally->issuers.items, tally->issuers.count, sizeof(void *), heaviest_first);
        qsort(tally->reasons.items, tally->reasons.count, sizeof(void *), heaviest_first);
    }
}

static void keep_in_tree(void *node)
{
}

static void groups_clear(struct replay_groups *groups)
{
    tdestroy(groups->tree, keep_in_tree);
    for (size_t i = 0; i < groups->count; i++) {
        free(groups->items[i]->name);
        free(groups->items[i]);
    }
    free(groups->items);
}

void replay_tally_clear(struct replay_tally *tally)
{
    free(tally->seen.slots);
    free(tally->certificate_set.slots);
    free(tally->changed_set.slots);
    groups_clear(&tally->issuers);
    groups_clear(&tally->reasons);
    for (size_t i = 0; i < tally->row_count; i++) {
        free(tally->rows[i].name);
        free(tally->rows[i].issuer);
        free(tally->rows[i].detail);
    }
    free(tally->rows);
    free(tally->moments);
}
