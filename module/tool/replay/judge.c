/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "tool/replay/replay.h"

#define STEPS_MAX 64
/* The library asks again after just so long where it could not tell, and not because it knows of a change. */
#define DOUBT_MS (60 * CT_SECOND_MS)

/* Follows the answers of the new settings from now to the time that was asked for, from change to change. */
static void follow(struct replay_work *work, const struct replay_subject *subject, const struct replay_answer *before,
                   struct replay_answer *after)
{
    struct replay_answer last = *before;
    int64_t at_ms = work->now_ms, doubt_ms = DOUBT_MS;

    for (unsigned step = 0; step < STEPS_MAX && at_ms < work->at_ms; step++) {
        int64_t next_ms;

        replay_decide(work->checker, subject, at_ms, after);
        work->tally.decisions++;
        replay_add_moment(&work->tally, subject, &last, after);
        last = *after;
        next_ms = replay_next(after, subject->leaf);
        if (next_ms == at_ms + DOUBT_MS) {
            next_ms = at_ms + doubt_ms; /* asked again at growing distances */
            doubt_ms *= 2;
        }
        at_ms = next_ms;
    }
    replay_decide(work->checker, subject, work->at_ms, after);
    work->tally.decisions++;
    replay_add_moment(&work->tally, subject, &last, after);
}

void replay_judge(struct replay_work *work, const struct replay_subject *subject)
{
    const struct replay_record *record = subject->record;
    int64_t at_ms = work->has_at ? work->at_ms : record != NULL ? record->at_ms : work->now_ms;
    bool ahead = work->has_at && work->at_ms > work->now_ms;
    struct replay_answer before = { 0 }, after;

    if (work->against != NULL) {
        replay_decide(work->against, subject, at_ms, &before);
        work->tally.decisions++;
    } else if (record != NULL) {
        replay_recorded(record, &before);
    } else if (ahead) { /* what the same settings say today */
        replay_decide(work->checker, subject, work->now_ms, &before);
        work->tally.decisions++;
    }
    if (ahead && work->against == NULL) {
        follow(work, subject, &before, &after);
    } else {
        replay_decide(work->checker, subject, at_ms, &after);
        work->tally.decisions++;
    }
    replay_add(&work->tally, subject, &before, &after);
}
