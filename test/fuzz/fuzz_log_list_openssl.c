/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's ct_log_list.cnf, without the search for the format: every input reaches the reader. */
#include <string.h>

#include "fuzz.h"
#include "logs/log_list.h"
#include "logs/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_log_list list = { 0 };
    struct ct_problems problems = { 0 };
    struct ct_list_input in = { .file = "list", .text = { data, size }, .list = &list, .problems = &problems };

    ct_list_read_openssl(&in);
    for (size_t i = 0; i < list.logs.count; i++) {
        const struct ct_log *log = &list.logs.logs[i];

        FUZZ_REQUIRE(log->unusable != NULL || ct_list_text_ok(log->description));
        FUZZ_REQUIRE(log->state == CT_LOG_USABLE && !log->has_state && log->log_operator == NULL);
        FUZZ_REQUIRE(memmem(data, size, "enabled_logs", strlen("enabled_logs")) != NULL);
    }
    ct_log_list_clear(&list);
    ct_problems_clear(&problems);
    return 0;
}
