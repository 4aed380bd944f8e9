/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of an archive, as clientct replay reads them. */
#include "fuzz.h"
#include "tool/replay/record.h"

#include <string.h>

static void require_within(const struct replay_record *record, struct ct_bytes bytes, size_t size)
{
    /* What was decoded is in the record's own memory, or is no bytes at all. */
    FUZZ_REQUIRE(bytes.len == 0 || (bytes.data >= record->memory && bytes.len <= size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0;

    while (at < size) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end != NULL ? (size_t)(end - data) - at : size - at;
        struct replay_record record;
        enum replay_read result;

        memset(&record, 0xa5, sizeof record);
        result = replay_record_read((struct ct_bytes){ data + at, len }, &record);
        if (result == REPLAY_READ) {
            FUZZ_REQUIRE(record.chain_count > 0 && record.chain_count <= CT_ARCHIVE_CHAIN_MAX);
            FUZZ_REQUIRE(record.shown_count <= 1000000 && record.verdict.reason < CLIENTCT_REASON_COUNT);
            for (size_t i = 0; i < record.chain_count; i++) {
                FUZZ_REQUIRE(record.chain[i].len > 0);
                require_within(&record, record.chain[i], len);
            }
            require_within(&record, record.tls_scts, len);
            require_within(&record, record.ocsp, len);
            require_within(&record, record.store, len);
            require_within(&record, record.proofs, len);
        } else {
            FUZZ_REQUIRE(record.memory == NULL && record.json == NULL);
        }
        replay_record_clear(&record);
        at += len + 1;
    }
    return 0;
}
