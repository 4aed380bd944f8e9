/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/replay/replay.h"

#define ROWS_SHOWN 20

static const enum replay_change shown[] = { REPLAY_LOCKED_OUT, REPLAY_LET_IN, REPLAY_FAILS, REPLAY_PASSES,
                                            REPLAY_OTHER };
#define SHOWN (sizeof shown / sizeof shown[0])

static const char *words_of(enum replay_change change)
{
    static const char *const words[REPLAY_CHANGES] = {
        [REPLAY_LOCKED_OUT] = "locked out",
        [REPLAY_LET_IN] = "let in",
        [REPLAY_FAILS] = "still accepted, but not compliant any more",
        [REPLAY_PASSES] = "accepted as before, and compliant now",
        [REPLAY_OTHER] = "the same outcome in another way (reason, mode, policy or rule)",
        [REPLAY_EXPIRES] = "expired by themselves",
    };

    return words[change];
}

static void show_input(const struct replay_tally *tally)
{
    tool_line("%" PRIu64 " certificate%s, %" PRIu64 " decision%s; %" PRIu64 " record%s, %" PRIu64
              " of them the same again",
              tally->certificates, tool_s(tally->certificates), tally->decisions, tool_s(tally->decisions),
              tally->records, tool_s(tally->records), tally->repeated);
    if (tally->foreign > 0) {
        tool_line("  %" PRIu64 " line%s: no records, or torn", tally->foreign, tool_s(tally->foreign));
    }
    if (tally->newer > 0) {
        tool_put(TOOL_CAUTION, "  %" PRIu64 " record%s of a version that is not known here: use a newer clientct",
                 tally->newer, tool_s(tally->newer));
        tool_end_line();
    }
    if (tally->lost > 0) {
        tool_put(TOOL_CAUTION, "  %" PRIu64 " record%s lost by the servers, as they say: the numbers may be too low",
                 tally->lost, tool_s(tally->lost));
        tool_end_line();
    }
    if (tally->unreadable > 0) {
        tool_put(TOOL_CAUTION, "  %" PRIu64 " certificate%s cannot be decoded: not counted", tally->unreadable,
                 tool_s(tally->unreadable));
        tool_end_line();
    }
    if (tally->precertificates > 0) {
        tool_line("  %" PRIu64 " entr%s of the log %s: passed over, as the certificate is not in the log",
                  tally->precertificates, tally->precertificates == 1 ? "y" : "ies",
                  tally->precertificates == 1 ? "is a precertificate" : "are precertificates");
    }
    if (tally->undecided > 0) {
        tool_put(TOOL_CAUTION, "  %" PRIu64 " could not be decided by these settings; clientct check says why",
                 tally->undecided);
        tool_end_line();
    }
}

static void show_groups(const char *title, const struct replay_groups *groups, enum replay_change change)
{
    size_t rows = 0;

    for (size_t i = 0; i < groups->count; i++) {
        uint64_t count = groups->items[i]->certificates[change];

        if (count == 0) {
            continue;
        }
        if (rows++ == 0) {
            tool_line("  %s", title);
        }
        if (rows > ROWS_SHOWN) {
            tool_line("    ... and more; --json lists all");
            return;
        }
        tool_line("    %6" PRIu64 "  %s", count, groups->items[i]->name);
    }
}

static void show_rows(const struct replay_tally *tally, enum replay_change change)
{
    size_t rows = 0;

    tool_line("  by name");
    for (size_t i = 0; i < tally->row_count; i++) {
        const struct replay_row *row = &tally->rows[i];
        char hex[65];

        if (row->change != change) {
            continue;
        }
        if (rows++ == ROWS_SHOWN) {
            tool_line("    ... and more; --json lists all");
            return;
        }
        ct_hex(row->sha256, sizeof row->sha256, hex);
        tool_line("    %s", row->name);
        tool_line("      sha256:%s", hex);
        if (row->detail[0] != '\0') {
            tool_line("      %s", row->detail);
        }
    }
}

static void in_words(int64_t ms, int64_t now_ms, char *out, size_t size)
{
    char text[40];

    if (ms <= now_ms) {
        snprintf(out, size, "now");
        return;
    }
    tool_duration_format(ms - now_ms, text, sizeof text);
    snprintf(out, size, "in %s", text);
}

static void show_moments(const struct replay_work *work)
{
    const struct replay_tally *tally = &work->tally;

    if (tally->moment_count == 0) {
        return;
    }
    tool_end_line();
    tool_put(TOOL_BOLD, "When");
    tool_end_line();
    for (size_t i = 0; i < tally->moment_count; i++) {
        const struct replay_moment *moment = &tally->moments[i];
        char at[TOOL_TIME_SIZE], when[60];

        ct_time_format(moment->first_ms, at, sizeof at);
        in_words(moment->first_ms, work->now_ms, when, sizeof when);
        tool_line("  %s (%s): %" PRIu64 " certificate%s %s%s%s", at, when, moment->certificates,
                  tool_s(moment->certificates), words_of(moment->change), moment->change == REPLAY_EXPIRES ? "" : ": ",
                  moment->change == REPLAY_EXPIRES ? "" : clientct_reason_name(moment->reason));
        if (moment->change != REPLAY_EXPIRES && moment->detail[0] != '\0') {
            tool_line("    %s", moment->detail);
        }
    }
}

void replay_show_text(const struct replay_work *work)
{
    const struct replay_tally *tally = &work->tally;
    uint64_t all = 0;

    show_input(tally);
    for (size_t i = 0; i < SHOWN; i++) {
        uint64_t count = tally->changed[shown[i]];

        all += count;
        if (count == 0) {
            continue;
        }
        tool_end_line();
        tool_put(shown[i] == REPLAY_LOCKED_OUT ? TOOL_BAD
                 : shown[i] == REPLAY_LET_IN   ? TOOL_CAUTION
                                               : TOOL_BOLD,
                 "%" PRIu64 " certificate%s %s", count, tool_s(count), words_of(shown[i]));
        tool_end_line();
        show_groups("by issuer", &tally->issuers, shown[i]);
        show_groups("by reason", &tally->reasons, shown[i]);
        show_rows(tally, shown[i]);
    }
    if (tally->changed[REPLAY_EXPIRES] > 0) {
        tool_end_line();
        tool_line("%" PRIu64 " certificate%s expired by then: whatever the settings, not counted above",
                  tally->changed[REPLAY_EXPIRES], tool_s(tally->changed[REPLAY_EXPIRES]));
    }
    show_moments(work);
    if (all == 0) {
        tool_end_line();
        tool_put(TOOL_GOOD, "No difference.");
        tool_end_line();
    }
}

static json_t *json_of_groups(const struct replay_groups *groups)
{
    json_t *out = tool_json_array();

    for (size_t i = 0; i < groups->count; i++) {
        json_t *row = tool_json_object();

        tool_json_set(row, "name", tool_json_text(groups->items[i]->name));
        for (size_t k = 0; k < SHOWN; k++) {
            tool_json_set(row, replay_change_names[shown[k]],
                          tool_json_count(groups->items[i]->certificates[shown[k]]));
        }
        tool_json_append(out, row);
    }
    return out;
}

static json_t *json_of_moments(const struct replay_work *work)
{
    json_t *out = tool_json_array();

    for (size_t i = 0; i < work->tally.moment_count; i++) {
        const struct replay_moment *moment = &work->tally.moments[i];
        json_t *row = tool_json_object();

        tool_json_set(row, "time", tool_json_time(moment->first_ms));
        tool_json_set(row, "change", tool_json_text(replay_change_names[moment->change]));
        tool_json_set(row, "reason", tool_json_text(clientct_reason_name(moment->reason)));
        tool_json_set(row, "certificates", tool_json_count(moment->certificates));
        tool_json_set(row, "detail", tool_json_text(moment->detail));
        tool_json_append(out, row);
    }
    return out;
}

static json_t *json_of_rows(const struct replay_tally *tally)
{
    json_t *out = tool_json_array();

    for (size_t i = 0; i < tally->row_count; i++) {
        const struct replay_row *row = &tally->rows[i];
        json_t *one = tool_json_object();

        tool_json_set(one, "sha256", tool_json_hex(row->sha256, sizeof row->sha256));
        tool_json_set(one, "name", tool_json_text(row->name));
        tool_json_set(one, "issuer", tool_json_text(row->issuer));
        tool_json_set(one, "change", tool_json_text(replay_change_names[row->change]));
        tool_json_set(one, "before",
                      row->before_known ? tool_json_text(clientct_reason_name(row->before)) : json_null());
        tool_json_set(one, "after", tool_json_text(clientct_reason_name(row->after)));
        tool_json_set(one, "detail", tool_json_text(row->detail));
        tool_json_append(out, one);
    }
    return out;
}

void replay_show_json(const struct replay_work *work)
{
    const struct replay_tally *tally = &work->tally;
    json_t *out = tool_json_object();

    tool_json_set(out, "certificates", tool_json_count(tally->certificates));
    tool_json_set(out, "decisions", tool_json_count(tally->decisions));
    tool_json_set(out, "identical", tool_json_count(tally->identical));
    tool_json_set(out, "records", tool_json_count(tally->records));
    tool_json_set(out, "repeated_records", tool_json_count(tally->repeated));
    tool_json_set(out, "foreign_lines", tool_json_count(tally->foreign));
    tool_json_set(out, "newer_records", tool_json_count(tally->newer));
    tool_json_set(out, "lost_records", tool_json_count(tally->lost));
    tool_json_set(out, "unreadable_certificates", tool_json_count(tally->unreadable));
    tool_json_set(out, "precertificates", tool_json_count(tally->precertificates));
    tool_json_set(out, "undecided", tool_json_count(tally->undecided));
    for (size_t i = 0; i < SHOWN; i++) {
        char *key = tool_format("%s", replay_change_names[shown[i]]);

        for (char *at = key; *at != '\0'; at++) {
            *at = *at == '-' ? '_' : *at;
        }
        tool_json_set(out, key, tool_json_count(tally->changed[shown[i]]));
        free(key);
    }
    tool_json_set(out, "expires", tool_json_count(tally->changed[REPLAY_EXPIRES]));
    tool_json_set(out, "at", work->has_at ? tool_json_time(work->at_ms) : json_null());
    tool_json_set(out, "issuers", json_of_groups(&tally->issuers));
    tool_json_set(out, "reasons", json_of_groups(&tally->reasons));
    tool_json_set(out, "moments", json_of_moments(work));
    tool_json_set(out, "differences", json_of_rows(tally));
    tool_json_set(out, "differences_left_out", tool_json_count(tally->rows_beyond));
    tool_json_print(out);
}
