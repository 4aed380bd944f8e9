/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partial tallies of other servers, as clientct report adds them up: what is taken can be written and read again with
 * the same figures, added to itself, and finished.
 */
#include "fuzz.h"
#include "tool/report/partial.h"

#include <string.h>

#define NOW_MS INT64_C(1764000000000)

struct bytes {
    uint8_t *data;
    size_t at, len, size;
};

static ssize_t read_bytes(void *arg, uint8_t *to, size_t size)
{
    struct bytes *from = arg;
    size_t len = from->len - from->at < size ? from->len - from->at : size;

    if (len > 0) {
        memcpy(to, from->data + from->at, len);
    }
    from->at += len;
    return (ssize_t)len;
}

static void write_bytes(void *arg, const void *data, size_t len)
{
    struct bytes *to = arg;

    if (to->size - to->len < len) {
        to->size = 2 * (to->size + len);
        to->data = realloc(to->data, to->size);
        FUZZ_REQUIRE(to->data != NULL);
    }
    if (len > 0) {
        memcpy(to->data + to->len, data, len);
    }
    to->len += len;
}

static struct report_tally *read_again(struct bytes *written)
{
    const char *why = NULL;
    struct report_tally *tally;

    FUZZ_REQUIRE(written->len >= REPORT_PARTIAL_MAGIC_LEN);
    FUZZ_REQUIRE(memcmp(written->data, REPORT_PARTIAL_MAGIC, REPORT_PARTIAL_MAGIC_LEN) == 0);
    written->at = REPORT_PARTIAL_MAGIC_LEN;
    tally = report_partial_read(read_bytes, written, &why);
    FUZZ_REQUIRE(tally != NULL);
    return tally;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = { (uint8_t *)data, 0, size, size }, written = { 0 }, again = { 0 };
    const char *why = NULL;
    struct report_tally *tally = report_partial_read(read_bytes, &input, &why);
    struct report_tally *other, *added;

    if (tally == NULL) {
        FUZZ_REQUIRE(why != NULL);
        input.at = 0;
        tally = report_tally_new(INT64_MIN, true);
        FUZZ_REQUIRE(report_partial_add(tally, read_bytes, &input, &why) != REPORT_PARTIAL_ADDED);
        report_tally_free(tally);
        return 0;
    }
    report_partial_write(tally, write_bytes, &written);
    other = read_again(&written);
    report_partial_write(other, write_bytes, &again);
    FUZZ_REQUIRE(written.len == again.len && memcmp(written.data, again.data, again.len) == 0);
    again.len = 0;
    input.at = 0;
    added = report_tally_new(tally->since_ms, tally->believes_anybody);
    FUZZ_REQUIRE(report_partial_add(added, read_bytes, &input, &why) == REPORT_PARTIAL_ADDED);
    report_partial_write(added, write_bytes, &again);
    FUZZ_REQUIRE(written.len == again.len && memcmp(written.data, again.data, again.len) == 0);
    report_tally_free(added);
    report_merge(tally, other, 2);
    report_merge(tally, read_again(&written), 1);
    report_finish(tally, NOW_MS);
    FUZZ_REQUIRE(tally->kept <= REPORT_CERTIFICATES_MAX && tally->kept_locked_out <= tally->kept);
    FUZZ_REQUIRE(tally->kept_clients_locked_out <= tally->kept_clients);
    report_tally_free(tally);
    free(written.data);
    free(again.data);
    return 0;
}
