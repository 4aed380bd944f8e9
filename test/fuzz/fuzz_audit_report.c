/* Lines of audit files, as clientct report reads them. */
#include "fuzz.h"
#include "tool/report/report.h"

#include <string.h>

#define ENDED(text) (memchr((text), '\0', sizeof text) != NULL)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct report_line line;
    struct report_tally *tally = report_tally_new(INT64_MIN, true);
    size_t lines = 0;
    size_t at = 0;

    while (at < size) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end != NULL ? (size_t)(end - data) - at : size - at;

        memset(&line, 0xa5, sizeof line);
        report_read((struct ct_bytes){ data + at, len }, (enum report_input)(lines % 3), NULL, &line);
        FUZZ_REQUIRE(line.kind <= REPORT_DECISION && line.unknown_log_count <= REPORT_LOGS_MAX);
        FUZZ_REQUIRE(ENDED(line.subject) && ENDED(line.issuer) && ENDED(line.reason) && ENDED(line.shadow_policy));
        report_add(tally, "input", &line);
        lines++;
        at += len + 1;
    }
    report_finish(tally, INT64_C(1764000000000));
    FUZZ_REQUIRE(tally->lines == lines && tally->foreign <= lines);
    FUZZ_REQUIRE(tally->would_accept + tally->would_refuse == tally->decisions);
    FUZZ_REQUIRE(tally->locked_out + tally->compliant + tally->expired == tally->certificate_count);
    for (size_t i = 0; i < tally->certificate_count; i++) {
        const struct report_certificate *c = tally->certificates[i];

        FUZZ_REQUIRE((i < tally->locked_out) == (c->would_refuse && !c->expired));
        FUZZ_REQUIRE(c->first_ms <= c->last_ms && c->issuer != NULL && c->reason != NULL);
    }
    report_tally_free(tally);
    return 0;
}
