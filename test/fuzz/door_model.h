/* SPDX-License-Identifier: Apache-2.0 */
/* What the manual says of a door that a fuzzer has put together: from the pages, sharing nothing with module/. */
#ifndef DOOR_MODEL_H
#define DOOR_MODEL_H

#include "client_plan.h"

enum door_mode { DOOR_ENFORCE, DOOR_REPORT, DOOR_OFF };
enum door_preset { DOOR_SECTION, DOOR_CHROME, DOOR_APPLE };
enum door_rule { DOOR_NO_RULE, DOOR_BY_NAME, DOOR_BY_POLICY, DOOR_RULES };
enum door_effect { DOOR_OTHER_POLICY, DOOR_EXEMPT, DOOR_REPORTS, DOOR_EFFECTS };
enum door_name { DOOR_NAMELESS, DOOR_NAME, DOOR_NAME_SHOUTED, DOOR_OTHER_NAME, DOOR_NAMES };
enum door_state {
    DOOR_STATELESS,
    DOOR_USABLE,
    DOOR_QUALIFIED,
    DOOR_READONLY,
    DOOR_RETIRED,
    DOOR_PENDING,
    DOOR_REJECTED,
    DOOR_STATES
};
enum door_interval { DOOR_OPEN, DOOR_WIDE, DOOR_PASSED, DOOR_INTERVALS };

struct door_log {
    bool listed, tiled;
    bool recent; /* in its state since ten days ago; otherwise 400 */
    enum door_state state;
    enum door_interval interval;
    unsigned log_operator;
};

struct door_plan {
    struct client_plan client;
    enum door_mode mode;
    enum door_preset preset;
    unsigned sources; /* bits */
    unsigned min_scts, min_operators, max_per_operator;
    bool ocsp_is_stored, leaf_index_ignored, revocation_required, needs_current, only_usable, max_age, shadow;
    enum door_rule rule;
    enum door_effect effect;
    enum door_name server_name;
    enum pki_list_format format;
    struct door_log logs[WORLD_LOGS];
    int64_t at_ms;
};

int64_t door_state_since(const struct door_log *log);
/* INT64_MIN and INT64_MAX: open */
int64_t door_interval_start(const struct door_log *log);
int64_t door_interval_end(const struct door_log *log);

struct door_answer {
    bool accept, compliant;
    const char *why;
};
/* False where the model does not know: something was edited, or a rule book holds that it does not have. */
bool door_model(const struct door_plan *plan, struct door_answer *answer);

/* May somebody be compliant without one good SCT, by what the settings say or could have been made to say? */
bool door_may_let_in_without_scts(const struct door_plan *plan);
/* How many logs have to have signed at the least. */
size_t door_least_logs(const struct door_plan *plan);
/* How many logs have signed, in libcrypto's opinion, whatever lists and states say. */
size_t door_good_logs(const struct door_plan *plan, const struct client *client);

#endif
