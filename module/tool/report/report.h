/* clientct report: lines of clientct-audit(5) are read one by one and added up; what is kept is bounded. */
#ifndef CT_TOOL_REPORT_H
#define CT_TOOL_REPORT_H

#include <stdio.h>

#include "tool/report/line.h"
#include "tool/report/tally.h"

/* What people see, of a tally that is finished. */
void report_show_text(const struct report_tally *tally);
void report_show_json(const struct report_tally *tally);
/* A page with everything in it. False when the file could not be written (errno). */
bool report_write_html(const struct report_tally *tally, int64_t now_ms, FILE *to);
/* Sections for clientct.cnf. False: there are more rules than it takes. */
bool report_show_exemptions(const struct report_tally *tally, int64_t until_ms, int64_t now_ms);

/* Whether it was seen with several certificates. */
static inline bool report_renews(const struct report_client *client)
{
    return client->lowest != client->highest;
}
/* The names of groups that certificates remember; never NULL. */
static inline const char *report_issuer_of(const struct report_tally *tally, uint64_t issuer)
{
    const struct report_group *group = report_group_at(&tally->issuers, issuer);

    return group != NULL ? group->name : "(others)";
}
static inline const char *report_reason_of(const struct report_tally *tally, const struct report_state *state)
{
    const struct report_group *group = report_group_at(&tally->reasons, state->reason);

    return group != NULL ? group->name : "(others)";
}

#endif
