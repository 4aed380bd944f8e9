/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a tally: what is locked out, and what the sample says of all. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/report/tally.h"

/* A client that renews its certificates is one that comes back, when it was seen in the last week of the lines. */
#define COMES_BACK_MS (7 * CT_DAY_MS)

static int worst_certificate(const void *a, const void *b)
{
    const struct report_certificate *one = *(const struct report_certificate *const *)a;
    const struct report_certificate *two = *(const struct report_certificate *const *)b;

    if (one->decisions != two->decisions) {
        return one->decisions > two->decisions ? -1 : 1;
    }
    return memcmp(one->sha256, two->sha256, sizeof one->sha256);
}

static int worst_client(const void *a, const void *b)
{
    const struct report_client *one = *(const struct report_client *const *)a;
    const struct report_client *two = *(const struct report_client *const *)b;

    if (one->decisions != two->decisions) {
        return one->decisions > two->decisions ? -1 : 1;
    }
    if (one->issuer != two->issuer) {
        return one->issuer < two->issuer ? -1 : 1;
    }
    return strcmp(one->name->text, two->name->text);
}

static uint64_t scaled(double scale, uint64_t number)
{
    double all = scale * (double)number;

    return scale == 1.0 ? number : all >= 18446744073709549568.0 ? UINT64_MAX : (uint64_t)(all + 0.5);
}

static void scale_groups(struct report_groups *groups, double scale)
{
    for (size_t i = 0; i < groups->count; i++) {
        struct report_group *group = groups->items[i];

        group->certificates = scaled(scale, group->certificates);
        group->decisions = scaled(scale, group->decisions);
        group->others = scaled(scale, group->others);
    }
}

static bool is_over(const struct report_state *state, int64_t now_ms)
{
    return state->not_after_ms != REPORT_UNKNOWN_TIME && state->not_after_ms < now_ms;
}

/* Whether it is locked out. */
static bool finish_certificate(struct report_tally *tally, struct report_certificate *certificate, int64_t now_ms)
{
    struct report_state *state = &certificate->state;
    struct report_group *issuer = report_group_at(&tally->issuers, certificate->issuer);
    struct report_group *reason = report_group_at(&tally->reasons, state->reason);
    bool accepted = !state->would_refuse;

    certificate->expired = is_over(state, now_ms);
    tally->shadow_loses += state->has_shadow && accepted && !state->shadow_compliant;
    tally->shadow_gains += state->has_shadow && !accepted && state->shadow_compliant;
    tally->compliant += accepted;
    tally->expired += !accepted && certificate->expired;
    report_plus(&tally->beyond, certificate->decisions); /* so far: those that are kept */
    if (issuer != NULL) {
        issuer->others += accepted;
    }
    if (accepted || certificate->expired) {
        return false;
    }
    if (issuer != NULL) {
        issuer->certificates++;
        report_plus(&issuer->decisions, certificate->refusals);
    }
    if (reason != NULL) {
        reason->certificates++;
        report_plus(&reason->decisions, certificate->refusals);
    }
    return true;
}

static void finish_certificates(struct report_tally *tally, int64_t now_ms)
{
    double scale;
    uint64_t all = tally->decisions -
                   (tally->without_certificate < tally->decisions ? tally->without_certificate : tally->decisions);

    report_sample_settle(&tally->certificates);
    scale = report_sample_scale(&tally->certificates);
    tally->kept = tally->certificates.count;
    tally->sorted = (struct report_certificate **)report_sample_heap(&tally->certificates);
    for (size_t i = 0; i < tally->kept; i++) {
        struct report_certificate *certificate = tally->sorted[i];

        if (finish_certificate(tally, certificate, now_ms)) {
            tally->sorted[i] = tally->sorted[tally->kept_locked_out];
            tally->sorted[tally->kept_locked_out++] = certificate;
        }
    }
    qsort(tally->sorted, tally->kept_locked_out, sizeof tally->sorted[0], worst_certificate);
    tally->beyond = scale != 1.0 && all > tally->beyond ? all - tally->beyond : 0;
    tally->certificate_count = scaled(scale, tally->kept);
    tally->locked_out = scaled(scale, tally->kept_locked_out);
    tally->compliant = scaled(scale, tally->compliant);
    tally->expired = scaled(scale, tally->expired);
    tally->shadow_loses = scaled(scale, tally->shadow_loses);
    tally->shadow_gains = scaled(scale, tally->shadow_gains);
    scale_groups(&tally->issuers, scale);
    scale_groups(&tally->reasons, scale);
}

static void finish_clients(struct report_tally *tally, int64_t now_ms)
{
    uint64_t renewing = 0;
    double scale;

    report_sample_settle(&tally->clients);
    scale = report_sample_scale(&tally->clients);
    tally->kept_clients = tally->clients.count;
    tally->sorted_clients = (struct report_client **)report_sample_heap(&tally->clients);
    for (size_t i = 0; i < tally->kept_clients; i++) {
        struct report_client *client = tally->sorted_clients[i];
        bool renews = client->lowest != client->highest;
        bool comes_back = renews && client->state.at_ms >= ct_time_add(tally->last_ms, -COMES_BACK_MS);

        client->locked_out = client->state.would_refuse && (comes_back || !is_over(&client->state, now_ms));
        renewing += renews;
        if (client->locked_out) {
            tally->sorted_clients[i] = tally->sorted_clients[tally->kept_clients_locked_out];
            tally->sorted_clients[tally->kept_clients_locked_out++] = client;
        }
    }
    qsort(tally->sorted_clients, tally->kept_clients_locked_out, sizeof tally->sorted_clients[0], worst_client);
    tally->client_count = scaled(scale, tally->kept_clients);
    tally->clients_locked_out = scaled(scale, tally->kept_clients_locked_out);
    tally->renewing = scaled(scale, renewing);
}

void report_finish(struct report_tally *tally, int64_t now_ms)
{
    struct report_groups *const groups[] = { &tally->issuers, &tally->reasons, &tally->unknown_logs, &tally->sources,
                                             &tally->reasons_left_out };

    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        report_groups_finish(groups[i]);
    }
    finish_certificates(tally, now_ms);
    finish_clients(tally, now_ms);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        report_groups_sort(groups[i]);
    }
    report_sample_settle(&tally->processes);
    for (size_t i = 0; i < tally->processes.size; i++) {
        if (tally->processes.slots[i].item != NULL) {
            report_plus(&tally->missing, report_missing_lines(tally->processes.slots[i].item));
        }
    }
    tally->missing = scaled(report_sample_scale(&tally->processes), tally->missing);
}
