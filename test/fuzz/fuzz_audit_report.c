/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of audit files, as clientct report reads them: the straight path and the library say the same of each, and
 * two tallies of every other line add up to that of all.
 */
#include "fuzz.h"
#include "tool/report/tally.h"

#include <string.h>

#define NOW_MS INT64_C(1764000000000)

static bool same(struct report_text a, struct report_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void compare(const struct report_line *a, const struct report_line *b)
{
    FUZZ_REQUIRE(!b->straight && a->kind == b->kind && a->exported == b->exported);
    FUZZ_REQUIRE(a->unvouched == b->unvouched || strcmp(a->unvouched, b->unvouched) == 0);
    if (a->exported) {
        FUZZ_REQUIRE(same(a->unit, b->unit) && same(a->program, b->program) && same(a->user, b->user));
    }
    if (a->kind == REPORT_FOREIGN) {
        return;
    }
    FUZZ_REQUIRE(a->at_ms == b->at_ms && a->sequence == b->sequence && a->pid == b->pid && a->dropped == b->dropped);
    FUZZ_REQUIRE(same(a->process, b->process) && same(a->entity, b->entity));
    if (a->kind == REPORT_EVENT) {
        return;
    }
    FUZZ_REQUIRE(a->stranger == b->stranger && a->judged == b->judged && a->refused == b->refused);
    FUZZ_REQUIRE(a->would_refuse == b->would_refuse && a->has_certificate == b->has_certificate);
    FUZZ_REQUIRE(!a->has_certificate || memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0);
    FUZZ_REQUIRE(same(a->subject, b->subject) && same(a->issuer, b->issuer) && same(a->serial, b->serial));
    FUZZ_REQUIRE(same(a->reason, b->reason) && a->not_after_ms == b->not_after_ms && a->usages == b->usages);
    FUZZ_REQUIRE(same(a->shadow_policy, b->shadow_policy) && a->shadow_compliant == b->shadow_compliant);
    FUZZ_REQUIRE(a->unknown_log_count == b->unknown_log_count && a->unknown_log_count <= REPORT_LOGS_MAX);
    FUZZ_REQUIRE(memcmp(a->unknown_logs, b->unknown_logs, 32 * a->unknown_log_count) == 0);
}

static int by_digest(const void *a, const void *b)
{
    const struct report_certificate *const *one = a, *const *two = b;

    return memcmp((*one)->sha256, (*two)->sha256, 32);
}

/* Who is not locked out stands behind the others, in any order. */
static void sort_the_others(const struct report_tally *tally)
{
    qsort(tally->sorted + tally->kept_locked_out, tally->kept - tally->kept_locked_out, sizeof tally->sorted[0],
          by_digest);
}

static void compare_tallies(const struct report_tally *a, const struct report_tally *b)
{
    FUZZ_REQUIRE(a->lines == b->lines && a->foreign == b->foreign && a->decisions == b->decisions);
    FUZZ_REQUIRE(a->would_refuse == b->would_refuse && a->would_accept == b->would_accept);
    FUZZ_REQUIRE(a->kept == b->kept && a->kept_clients == b->kept_clients && a->locked_out == b->locked_out);
    FUZZ_REQUIRE(a->compliant == b->compliant && a->expired == b->expired && a->days.count == b->days.count);
    FUZZ_REQUIRE(a->clients_locked_out == b->clients_locked_out && strcmp(a->shadow_policy, b->shadow_policy) == 0);
    FUZZ_REQUIRE(a->issuers.count == b->issuers.count && a->reasons.count == b->reasons.count);
    FUZZ_REQUIRE(a->kept_locked_out == b->kept_locked_out);
    sort_the_others(a);
    sort_the_others(b);
    for (size_t i = 0; i < a->kept; i++) {
        const struct report_certificate *one = a->sorted[i], *two = b->sorted[i];

        FUZZ_REQUIRE(memcmp(one->sha256, two->sha256, 32) == 0 && one->decisions == two->decisions);
        FUZZ_REQUIRE(one->state.at_ms == two->state.at_ms && one->state.reason == two->state.reason);
        FUZZ_REQUIRE(one->first_ms == two->first_ms && strcmp(one->subject->text, two->subject->text) == 0);
    }
    for (size_t i = 0; i < a->reasons.count; i++) {
        FUZZ_REQUIRE(strcmp(a->reasons.items[i]->name, b->reasons.items[i]->name) == 0);
        FUZZ_REQUIRE(a->reasons.items[i]->period == b->reasons.items[i]->period);
        FUZZ_REQUIRE(a->reasons.items[i]->certificates == b->reasons.items[i]->certificates);
    }
}

static void check_tally(const struct report_tally *tally, size_t lines)
{
    FUZZ_REQUIRE(tally->lines == lines && tally->foreign <= lines);
    FUZZ_REQUIRE(tally->would_accept + tally->would_refuse == tally->decisions);
    FUZZ_REQUIRE(tally->locked_out + tally->compliant + tally->expired == tally->certificate_count);
    for (size_t i = 0; i < tally->kept; i++) {
        const struct report_certificate *c = tally->sorted[i];

        FUZZ_REQUIRE((i < tally->kept_locked_out) == (c->state.would_refuse && !c->expired));
        FUZZ_REQUIRE(c->first_ms <= c->state.at_ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct report_line line, other;
    struct report_tally *tally = report_tally_new(INT64_MIN, true);
    struct report_tally *parts[] = { report_tally_new(INT64_MIN, true), report_tally_new(INT64_MIN, true) };
    size_t lines = 0;
    size_t at = 0;

    while (at < size) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end != NULL ? (size_t)(end - data) - at : size - at;
        enum report_input from = (enum report_input)(lines % 3);

        memset(&line, 0xa5, sizeof line);
        memset(&other, 0x5a, sizeof other);
        report_read((struct ct_bytes){ data + at, len }, from, NULL, &line);
        report_read_by_library((struct ct_bytes){ data + at, len }, from, NULL, &other);
        compare(&line, &other);
        report_add(tally, "input", &line);
        report_add(parts[lines % 2], "input", &other);
        lines++;
        at += len + 1;
    }
    report_merge(parts[0], parts[1], 2);
    report_finish(tally, NOW_MS);
    report_finish(parts[0], NOW_MS);
    check_tally(tally, lines);
    compare_tallies(tally, parts[0]);
    report_tally_free(tally);
    report_tally_free(parts[0]);
    return 0;
}
