/* SPDX-License-Identifier: Apache-2.0 */
/* The file of counters: whoever serves clients can write anything into it. */
#include "fuzz.h"
#include "record/metrics_file.h"
#include "base/problems.h"

#include <stdlib.h>
#include <string.h>

static void require_plain(const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    FUZZ_REQUIRE(len < size);
    for (size_t at = 0; at < len;) {
        size_t step = ct_plain_character((struct ct_bytes){ (const uint8_t *)text + at, len - at });

        FUZZ_REQUIRE(step > 0);
        at += step;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_metrics_file *file = malloc(sizeof *file);
    struct ct_metrics_file *sum = calloc(1, sizeof *sum);

    FUZZ_REQUIRE(file != NULL && sum != NULL);
    memset(file, 0xa5, sizeof *file);
    if (ct_metrics_file_parse((struct ct_bytes){ data, size }, file) == CT_METRICS_OK) {
        FUZZ_REQUIRE(file->gauges.mode <= CLIENTCT_MODE_OFF && file->gauges.list_count <= CT_METRICS_LISTS);
        require_plain(file->program, sizeof file->program);
        require_plain(file->gauges.why, sizeof file->gauges.why);
        require_plain(file->gauges.config_file, sizeof file->gauges.config_file);
        for (size_t i = 0; i < CT_METRICS_LISTS; i++) {
            require_plain(file->gauges.lists[i].path, sizeof file->gauges.lists[i].path);
        }
        ct_metrics_file_add(sum, file);
        ct_metrics_file_add(sum, file);
        for (size_t i = 0; i < CT_METRICS_LABELS; i++) {
            FUZZ_REQUIRE(sum->labels[i].reason < CLIENTCT_REASON_COUNT);
            require_plain(sum->labels[i].policy, sizeof sum->labels[i].policy);
        }
    }
    free(file);
    free(sum);
    return 0;
}
