/* SPDX-License-Identifier: Apache-2.0 */
/* Entries as a log publishes them: a bundle of a tiled log, and the answer to get-entries. */
#include "fuzz.h"
#include "logs/answers.h"
#include "logs/entry.h"

static int within(struct ct_bytes inner, const uint8_t *data, size_t size)
{
    return inner.len == 0 || (inner.data >= data && inner.data + inner.len <= data + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_reader bundle = ct_reader_of((struct ct_bytes){ data, size });
    struct ct_log_entry entry;
    struct ct_entries answer;
    size_t left = size;

    while (bundle.left > 0 && ct_log_entry_next(&bundle, &entry)) {
        FUZZ_REQUIRE(bundle.left < left);
        left = bundle.left;
        FUZZ_REQUIRE(within(entry.body, data, size) && within(entry.timestamped, data, size) &&
                     within(entry.extensions, data, size) && within(entry.submitted, data, size) &&
                     within(entry.fingerprints, data, size));
        FUZZ_REQUIRE(entry.body.len > 0 && entry.timestamped.len > entry.body.len);
    }
    if (ct_entries_open((struct ct_bytes){ data, size }, &answer)) {
        while (ct_entries_next(&answer, &entry)) {
            FUZZ_REQUIRE(entry.body.len > 0);
        }
    }
    ct_entries_clear(&answer);
    return 0;
}
