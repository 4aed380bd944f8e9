/* SPDX-License-Identifier: Apache-2.0 */
/* A log list of any format, found by content: the operator's file, or what a mirror made of it. */
#include <string.h>

#include "fuzz.h"
#include "logs/log_list.h"

/* What holds of a list that was accepted, whatever its format. */
static void require_sound(const struct ct_log_list *list)
{
    size_t counting = 0;

    FUZZ_REQUIRE(list->logs.count + list->nameless.count <= CT_LOG_LIST_MAX_LOGS);
    for (size_t i = 0; i < list->nameless.count; i++) {
        const struct ct_log *log = &list->nameless.logs[i];

        FUZZ_REQUIRE(log->description != NULL && log->list != NULL && log->unusable != NULL && !log->identified);
    }
    for (size_t i = 0; i < list->logs.count; i++) {
        const struct ct_log *log = &list->logs.logs[i];

        FUZZ_REQUIRE(log->description != NULL && *log->description != '\0');
        FUZZ_REQUIRE(log->list != NULL && log->identified && log->also == NULL);
        FUZZ_REQUIRE(i == 0 || memcmp(log[-1].id, log->id, CT_LOG_ID_LEN) < 0);
        FUZZ_REQUIRE(ct_log_set_find(&list->logs, log->id) == log);
        if (log->unusable != NULL) {
            FUZZ_REQUIRE(*log->unusable != '\0');
            continue;
        }
        counting++;
        FUZZ_REQUIRE(log->spki.len > 0);
        FUZZ_REQUIRE((unsigned)log->state < CT_LOG_STATE_COUNT);
        FUZZ_REQUIRE(log->interval_start_ms < log->interval_end_ms && log->sct_from_ms <= log->sct_until_ms);
        FUZZ_REQUIRE(log->has_state ? list->format == CT_LIST_V3 || list->format == CT_LIST_SINGLE_V3 : true);
        for (size_t k = 0; k < log->previous_count; k++) {
            FUZZ_REQUIRE(log->previous[k].name != NULL);
            FUZZ_REQUIRE(k == 0 || log->previous[k - 1].until_ms <= log->previous[k].until_ms);
        }
        (void)ct_log_get0_key(log);
    }
    FUZZ_REQUIRE(counting > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_log_list list;
    struct ct_problems problems = { 0 };
    bool ok = ct_log_list_parse("list", (struct ct_bytes){ data, size }, &list, &problems);

    FUZZ_REQUIRE(ok == (problems.errors == 0));
    if (ok) {
        require_sound(&list);
    } else {
        FUZZ_REQUIRE(list.logs.logs == NULL && list.logs.count == 0 && list.version == NULL);
    }
    ct_log_list_clear(&list);
    ct_problems_clear(&problems);
    return 0;
}
