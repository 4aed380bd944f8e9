/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/doctor/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/snapshot.h"
#include "tool/tool.h"

#define SHOWN_MAX 8

static bool lets_in(const struct ct_rule *rule)
{
    return (rule->exempt && rule->expires_ms > ct_now_ms()) || (rule->has_mode && rule->mode != CLIENTCT_MODE_ENFORCE);
}

void doctor_rules(struct doctor *doctor, const char *config_file)
{
    struct ct_snapshot *snapshot = ct_snapshot_read(config_file, NULL, NULL);
    const struct ct_settings *settings =
        snapshot != NULL && snapshot->config != NULL ? &snapshot->config->settings : NULL;
    char *names = tool_format("%s", "");
    size_t count = 0;

    for (size_t i = 0; settings != NULL && settings->mode == CLIENTCT_MODE_ENFORCE && i < settings->rule_count; i++) {
        if (lets_in(&settings->rules[i]) && count++ < SHOWN_MAX) {
            char *before = names;

            names = tool_format("%s%s%s", before, before[0] != '\0' ? ", " : "", settings->rules[i].name);
            free(before);
        }
    }
    if (count > 0) {
        doctor_say(doctor, DOCTOR_NOTE, "rules",
                   "%zu rule%s (%s%s) let%s clients in without evidence, which the one that was made up may not come "
                   "under: clientct check says whom",
                   count, tool_s(count), names, count > SHOWN_MAX ? ", ..." : "", count == 1 ? "s" : "");
    }
    free(names);
    ct_snapshot_release(snapshot);
}
