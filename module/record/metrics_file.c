/* SPDX-License-Identifier: Apache-2.0 */
#include "record/metrics_file.h"

#include <string.h>

#include "base/problems.h"

/* The layout is an interface between programs of different builds: a change of any size is a new version. */
_Static_assert(sizeof(struct ct_metrics_label) == 72, "layout");
_Static_assert(sizeof(struct ct_metrics_gauges) == 608 + CT_METRICS_LISTS * 256, "layout");
_Static_assert(sizeof(struct ct_metrics_file) % 8 == 0, "layout");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "counters in shared memory must not need a lock");

const uint64_t ct_metrics_bounds_ns[CT_METRICS_BUCKETS - 1] = {
    2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000,
};

static bool is_label(const struct ct_metrics_label *label, enum ct_metrics_table table, bool accept,
                     enum clientct_reason reason, const char *policy)
{
    return label->reason == (uint8_t)reason && label->accept == (accept ? 1 : 0) && label->table == (uint8_t)table &&
           strcmp(label->policy, policy) == 0;
}

static void add(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

/* As much of it as there is room for, ending between two characters of UTF-8. */
static void copy_cut(char *out, size_t size, const char *text)
{
    size_t len = strnlen(text, size);

    if (len == size) {
        len--;
        while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    memset(out, 0, size);
    memcpy(out, text, len);
}

void ct_metrics_count(struct ct_metrics_file *file, enum ct_metrics_table table, bool accept,
                      enum clientct_reason reason, const char *name, uint64_t by)
{
    char policy[sizeof file->labels[0].policy];

    copy_cut(policy, sizeof policy, name == NULL ? "" : name);
    for (size_t i = 0; i < CT_METRICS_LABELS; i++) {
        struct ct_metrics_label *label = &file->labels[i];
        uint32_t state = atomic_load_explicit(&label->state, memory_order_acquire);

        if (state == CT_METRICS_FREE &&
            atomic_compare_exchange_strong_explicit(&label->state, &state, CT_METRICS_BEING_WRITTEN,
                                                    memory_order_acquire, memory_order_acquire)) {
            label->table = (uint8_t)table;
            label->accept = accept ? 1 : 0;
            label->reason = (uint8_t)reason;
            memcpy(label->policy, policy, sizeof label->policy);
            atomic_store_explicit(&label->state, CT_METRICS_IN_USE, memory_order_release);
            add(&label->count, by);
            return;
        }
        /* One that is being written is passed over: its writer may be dead. Equal labels are added up by the reader. */
        if (state == CT_METRICS_IN_USE && is_label(label, table, accept, reason, policy)) {
            add(&label->count, by);
            return;
        }
    }
    add(&file->unlabelled[table][accept ? 1 : 0], by);
}

static uint64_t read_counter(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_all(_Atomic uint64_t *sum, const _Atomic uint64_t *counters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add(&sum[i], read_counter(&counters[i]));
    }
}

void ct_metrics_file_add(struct ct_metrics_file *sum, const struct ct_metrics_file *file)
{
    add_all(sum->counters, file->counters, CT_METRICS_COUNTER_COUNT);
    add_all(sum->modes, file->modes, 3);
    add_all(sum->buckets, file->buckets, CT_METRICS_BUCKETS);
    add(&sum->duration_ns, read_counter(&file->duration_ns));
    for (size_t table = 0; table < CT_METRICS_TABLE_COUNT; table++) {
        add_all(sum->unlabelled[table], file->unlabelled[table], 2);
    }
    for (size_t i = 0; i < CT_METRICS_LABELS; i++) {
        const struct ct_metrics_label *label = &file->labels[i];

        if (atomic_load(&label->state) == CT_METRICS_IN_USE) {
            ct_metrics_count(sum, (enum ct_metrics_table)label->table, label->accept != 0,
                             (enum clientct_reason)label->reason, label->policy, read_counter(&label->count));
        }
    }
}

/* Whether a person may see it as it is: no control characters, nothing that is not UTF-8. */
static bool is_plain(const char *text)
{
    struct ct_bytes left = { (const uint8_t *)text, strlen(text) };

    while (left.len > 0) {
        size_t step = ct_plain_character(left);

        if (step == 0) {
            return false;
        }
        left.data += step;
        left.len -= step;
    }
    return true;
}

/* More than any process can have counted: bounded, so that no file makes the sum overflow. */
#define COUNT_MAX (UINT64_C(1) << 48)
#define SUM_MAX (UINT64_C(1) << 60) /* and of nanoseconds */

static bool within(const _Atomic uint64_t *counters, size_t count, uint64_t max)
{
    for (size_t i = 0; i < count; i++) {
        if (read_counter(&counters[i]) > max) {
            return false;
        }
    }
    return true;
}

static bool counts_are_possible(const struct ct_metrics_file *file)
{
    uint64_t max = file->kind == CT_METRICS_SUM ? SUM_MAX : COUNT_MAX;
    bool possible = within(file->counters, CT_METRICS_COUNTER_COUNT, max) && within(file->modes, 3, max) &&
                    within(file->buckets, CT_METRICS_BUCKETS, max) && within(&file->duration_ns, 1, SUM_MAX);

    for (size_t i = 0; i < CT_METRICS_TABLE_COUNT && possible; i++) {
        possible = within(file->unlabelled[i], 2, max);
    }
    for (size_t i = 0; i < CT_METRICS_LABELS && possible; i++) {
        possible = within(&file->labels[i].count, 1, max);
    }
    return possible;
}

/* Text that cannot be shown is no text. */
#define CLEAN_STRING(array) clean_string(array, sizeof array)
static void clean_string(char *text, size_t size)
{
    text[size - 1] = '\0';
    if (!is_plain(text)) {
        memset(text, 0, size);
    }
}

enum ct_metrics_parsed ct_metrics_file_parse(struct ct_bytes data, struct ct_metrics_file *out)
{
    if (data.len < sizeof *out) {
        memset(out, 0, sizeof *out);
        return data.len == 0 ? CT_METRICS_UNFINISHED : CT_METRICS_DAMAGED;
    }
    memcpy(out, data.data, sizeof *out);
    if (atomic_load(&out->magic) == 0) {
        return CT_METRICS_UNFINISHED;
    }
    if (atomic_load(&out->magic) != CT_METRICS_MAGIC) {
        return CT_METRICS_DAMAGED;
    }
    if (out->version != CT_METRICS_VERSION) {
        return CT_METRICS_OTHER_VERSION;
    }
    if ((out->kind != CT_METRICS_PROCESS && out->kind != CT_METRICS_SUM) || !counts_are_possible(out)) {
        return CT_METRICS_DAMAGED;
    }
    CLEAN_STRING(out->boot_id);
    CLEAN_STRING(out->program);
    for (size_t i = 0; i < CT_METRICS_LABELS; i++) {
        struct ct_metrics_label *label = &out->labels[i];

        label->policy[sizeof label->policy - 1] = '\0';
        if (atomic_load(&label->state) != CT_METRICS_IN_USE || label->table >= CT_METRICS_TABLE_COUNT ||
            label->accept > 1 || label->reason >= CLIENTCT_REASON_COUNT || !is_plain(label->policy)) {
            memset(label, 0, sizeof *label);
        }
    }
    CLEAN_STRING(out->gauges.config_file);
    CLEAN_STRING(out->gauges.why);
    if (out->gauges.mode > CLIENTCT_MODE_OFF) {
        out->gauges.mode = CLIENTCT_MODE_ENFORCE;
    }
    if (out->gauges.list_count > CT_METRICS_LISTS) {
        out->gauges.list_count = CT_METRICS_LISTS;
    }
    for (size_t i = 0; i < CT_METRICS_LISTS; i++) {
        CLEAN_STRING(out->gauges.lists[i].path);
    }
    return CT_METRICS_OK;
}

static bool ends_in_number(const char *name, size_t *len)
{
    size_t at = *len;

    while (at > 0 && name[at - 1] >= '0' && name[at - 1] <= '9') {
        at--;
    }
    if (at == *len || *len - at > 20 || at == 0 || name[at - 1] != '.') {
        return false;
    }
    *len = at - 1;
    return true;
}

bool ct_metrics_name_ok(const char *name)
{
    size_t len = strlen(name);

    return len < CT_METRICS_NAME_SIZE && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.") == len &&
           ends_in_number(name, &len) && ends_in_number(name, &len) && len > 0;
}
