/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tool/report/tally.h"
#include "tool/tool.h"

#define OTHERS "(others)"

static void *kept(void *memory)
{
    if (memory == NULL) {
        tool_out_of_memory();
    }
    return memory;
}

/* --- days --- */

void report_days_add(struct report_days *days, const struct report_day *day)
{
    size_t low = 0, high = days->count;

    if (high > 0 && days->items[high - 1].day == day->day) { /* nearly always */
        low = high - 1;
    } else {
        while (low < high) {
            size_t middle = low + (high - low) / 2;

            if (days->items[middle].day < day->day) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
    }
    if (low == days->count || days->items[low].day != day->day) {
        if (days->count == days->limit && low == 0) {
            return; /* earlier than all that are kept */
        }
        if (days->count == days->limit) {
            low--;
            memmove(days->items, days->items + 1, low * sizeof *days->items);
        } else {
            if ((days->count & (days->count - 1)) == 0) {
                days->items = kept(realloc(days->items, (days->count > 0 ? 2 * days->count : 1) * sizeof *days->items));
            }
            memmove(days->items + low + 1, days->items + low, (days->count - low) * sizeof *days->items);
            days->count++;
        }
        days->items[low] = (struct report_day){ .day = day->day };
    }
    report_plus(&days->items[low].accepted, day->accepted);
    report_plus(&days->items[low].refused, day->refused);
}

static void add_all_days(struct report_days *into, const struct report_days *from)
{
    for (size_t i = 0; i < from->count; i++) {
        report_days_add(into, &from->items[i]);
    }
}

/* --- names --- */

struct report_name *report_name_new(struct report_text text)
{
    struct report_name *name = kept(malloc(sizeof *name + text.len + 1));

    atomic_init(&name->references, 1);
    name->number = 0;
    name->len = (unsigned)text.len;
    memcpy(name->text, text.data, text.len);
    name->text[text.len] = '\0';
    return name;
}

struct report_name *report_name_share(struct report_name *name)
{
    atomic_fetch_add_explicit(&name->references, 1, memory_order_relaxed);
    return name;
}

void report_name_drop(struct report_name *name)
{
    if (atomic_fetch_sub_explicit(&name->references, 1, memory_order_acq_rel) == 1) {
        free(name);
    }
}

/* --- groups --- */

static struct report_group *group_new(struct report_text name, uint64_t hash)
{
    struct report_group *group = kept(calloc(1, sizeof *group + name.len + 1));

    group->hash = hash;
    group->days.limit = REPORT_GROUP_DAYS_MAX;
    memcpy(group->name, name.data, name.len);
    return group;
}

static void group_free(struct report_group *group)
{
    if (group != NULL) {
        free(group->days.items);
        free(group);
    }
}

static bool same_name(const void *item, const void *key)
{
    const struct report_text *name = key;
    const struct report_group *group = item;

    return strncmp(group->name, name->data, name->len) == 0 && group->name[name->len] == '\0';
}

struct report_group *report_groups_others(struct report_groups *groups)
{
    if (groups->others == NULL) {
        groups->others = group_new((struct report_text){ OTHERS, strlen(OTHERS) }, 0);
    }
    return groups->others;
}

static void add_sums(struct report_group *into, const struct report_group *from)
{
    report_plus(&into->period, from->period);
    add_all_days(&into->days, &from->days);
}

static void drop_group(void *arg, void *item)
{
    struct report_groups *groups = arg;

    add_sums(report_groups_others(groups), item);
    memset(groups->memo, 0, sizeof groups->memo);
    group_free(item);
}

static void free_group(void *arg, void *item)
{
    group_free(item);
}

void report_groups_begin(struct report_groups *groups)
{
    *groups = (struct report_groups){ .sample = { .limit = REPORT_GROUPS_MAX,
                                                  .below = UINT64_MAX,
                                                  .same = same_name,
                                                  .drop = drop_group,
                                                  .arg = groups } };
}

void report_groups_clear(struct report_groups *groups)
{
    groups->sample.drop = free_group;
    report_sample_clear(&groups->sample);
    group_free(groups->others);
    free(groups->items);
}

uint64_t report_group_hash(struct report_text name)
{
    return report_hash(2, name.data, name.len);
}

struct report_group *report_group_of(struct report_groups *groups, struct report_text name)
{
    /* There are few, and they come again and again. */
    size_t place = name.len > 8 ? (name.len * 5 + (uint8_t)name.data[name.len / 2] + (uint8_t)name.data[8]) % 64 : 0;
    struct report_group *group = groups->memo[place];
    uint64_t hash;

    if (group != NULL && same_name(group, &name)) {
        return group;
    }
    hash = report_group_hash(name);
    group = report_sample_find(&groups->sample, hash, &name);
    if (group == NULL && report_sample_takes(&groups->sample, hash)) {
        report_sample_add(&groups->sample, hash, group_new(name, hash));
        group = report_sample_find(&groups->sample, hash, &name);
    }
    if (group == NULL) {
        return report_groups_others(groups);
    }
    groups->memo[place] = group;
    return group;
}

static bool same_hash(const void *item, const void *key)
{
    return true;
}

struct report_group *report_group_at(const struct report_groups *groups, uint64_t hash)
{
    struct report_sample any = groups->sample;
    struct report_group *group;

    any.same = same_hash;
    group = report_sample_find(&any, hash, NULL);
    return group != NULL ? group : groups->others;
}

void report_groups_merge(struct report_groups *into, const struct report_groups *from)
{
    report_sample_lower(&into->sample, from->sample.below);
    for (size_t i = 0; i < from->sample.size; i++) {
        const struct report_group *group = from->sample.slots[i].item;

        if (group != NULL) {
            add_sums(report_group_of(into, (struct report_text){ group->name, strlen(group->name) }), group);
        }
    }
    if (from->others != NULL) {
        add_sums(report_groups_others(into), from->others);
    }
}

static int largest_first(const void *a, const void *b)
{
    const struct report_group *one = *(const struct report_group *const *)a;
    const struct report_group *two = *(const struct report_group *const *)b;

    if (one->certificates != two->certificates) {
        return one->certificates > two->certificates ? -1 : 1;
    }
    if (one->period != two->period) {
        return one->period > two->period ? -1 : 1;
    }
    return strcmp(one->name, two->name);
}

void report_groups_finish(struct report_groups *groups)
{
    report_sample_settle(&groups->sample);
    groups->items = (struct report_group **)report_sample_items(&groups->sample);
    groups->count = groups->sample.count;
    if (groups->others != NULL) { /* report_sample_items has room for one more */
        groups->items[groups->count++] = groups->others;
    }
}

void report_groups_sort(struct report_groups *groups)
{
    qsort(groups->items, groups->count, sizeof groups->items[0], largest_first);
}
