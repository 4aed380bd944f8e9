/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "unit.h"

START_TEST(reads_rfc_3339)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t ms;
    } rows[] = {
        { "1970-01-01T00:00:00Z", true, 0 },
        { "2000-02-29T12:00:00Z", true, INT64_C(951825600000) },
        { "2024-02-29T00:00:00Z", true, INT64_C(1709164800000) },
        { "2024-03-01T00:00:00+01:30", true, INT64_C(1709245800000) },
        { "1969-12-31T23:59:59.999Z", true, -1 },
        { "2026-01-20T12:54:10.5Z", true, INT64_C(1768913650500) },
        { "2026-01-20T12:54:10.123456789Z", true, INT64_C(1768913650123) },
        { "2016-12-31T23:59:60Z", true, INT64_C(1483228800000) },
        { "9999-12-31T23:59:59Z", true, INT64_C(253402300799000) },
        { "2023-02-29T00:00:00Z", false, 0 },
        { "1900-02-29T00:00:00Z", false, 0 },
        { "2026-13-01T00:00:00Z", false, 0 },
        { "2026-00-01T00:00:00Z", false, 0 },
        { "2026-01-32T00:00:00Z", false, 0 },
        { "2026-01-01T24:00:00Z", false, 0 },
        { "2026-01-01T00:60:00Z", false, 0 },
        { "2026-01-01T00:00:00", false, 0 },
        { "2026-01-01T00:00:00.Z", false, 0 },
        { "2026-01-01 00:00:00Z", false, 0 },
        { "2026-01-01t00:00:00z", false, 0 },
        { "2026-01-01T00:00:00+24:00", false, 0 },
        { "2026-01-01T00:00:00Zx", false, 0 },
        { "2026-01-01", false, 0 },
        { "0000-01-01T00:00:00Z", false, 0 },
        { "", false, 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = 0;

        ck_assert_msg(ct_time_parse(rows[i].text, &ms) == rows[i].ok, "%s", rows[i].text);
        ck_assert_msg(!rows[i].ok || ms == rows[i].ms, "%s gives %lld", rows[i].text, (long long)ms);
    }
}
END_TEST

START_TEST(agrees_with_libc_on_every_day)
{
    for (int64_t day = -20000; day < 60000; day++) {
        char text[32];
        int64_t ms;
        time_t t = (time_t)(day * 86400);
        struct tm tm;

        if (t != day * 86400) { /* a time_t of 32 bits */
            continue;
        }
        gmtime_r(&t, &tm);
        strftime(text, sizeof text, "%Y-%m-%dT00:00:00Z", &tm);
        ck_assert_msg(ct_time_parse(text, &ms) && ms == day * CT_DAY_MS, "%s gives %lld", text, (long long)ms);
    }
}
END_TEST

START_TEST(formats_what_it_reads)
{
    static const char *const rows[] = { "2026-01-20T12:54:10Z", "2026-01-20T12:54:10.007Z",
                                        "1969-12-31T23:59:59.999Z" };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms;
        char text[32];

        ck_assert(ct_time_parse(rows[i], &ms));
        ct_time_format(ms, text, sizeof text);
        ck_assert_str_eq(text, rows[i]);
    }
}
END_TEST

START_TEST(reads_durations)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t ms;
    } rows[] = { { "0", true, 0 },
                 { "60s", true, 60000 },
                 { "5m", true, 300000 },
                 { "12h", true, 43200000 },
                 { "35d", true, INT64_C(3024000000) },
                 { "0d", true, 0 },
                 { "60", false, 0 },
                 { "", false, 0 },
                 { "d", false, 0 },
                 { "-1d", false, 0 },
                 { "1w", false, 0 },
                 { "1dd", false, 0 },
                 { "1 d", false, 0 },
                 { "99999999999d", false, 0 } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;

        ck_assert_msg(ct_duration_parse(rows[i].text, &ms) == rows[i].ok, "%s", rows[i].text);
        ck_assert_msg(!rows[i].ok || ms == rows[i].ms, "%s gives %lld", rows[i].text, (long long)ms);
    }
}
END_TEST

START_TEST(reads_asn1_times)
{
    static const struct {
        const char *asn1, *rfc3339;
    } rows[] = { { "491231235959Z", "2049-12-31T23:59:59Z" },
                 { "500101000000Z", "1950-01-01T00:00:00Z" },
                 { "20500101000000Z", "2050-01-01T00:00:00Z" },
                 { "99991231235959Z", "9999-12-31T23:59:59Z" } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ASN1_TIME *t = ASN1_TIME_new();
        int64_t got, want;

        ck_assert_int_eq(ASN1_TIME_set_string(t, rows[i].asn1), 1);
        ck_assert(ct_time_of_asn1(t, &got) && ct_time_parse(rows[i].rfc3339, &want));
        ck_assert_msg(got == want, "%s", rows[i].asn1);
        ASN1_TIME_free(t);
    }
    int64_t ms;
    ck_assert(!ct_time_of_asn1(NULL, &ms));
}
END_TEST

START_TEST(times_of_the_system_end_where_the_scale_ends)
{
    /* The last that ext4 keeps, what tmpfs keeps, and both around the end of 64 bits of nanoseconds. */
    static const struct {
        int64_t s;
        long more_ns;
        int64_t ns;
    } times[] = {
        { 0, 1, 1 },
        { -1, 5, -999999995 },
        { 9223372036, 854775807, INT64_MAX },
        { 9223372036, 854775808, INT64_MAX },
        { 15032385535, 0, INT64_MAX },
        { INT64_MAX, 999999999, INT64_MAX },
        { -9223372036, 0, INT64_C(-9223372036000000000) },
        { -9223372037, 0, INT64_MIN },
        { INT64_MIN, 0, INT64_MIN },
    };

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const struct timespec at = { (time_t)times[i].s, times[i].more_ns };

        /* Where time_t has 32 bits there are no such times. */
        ck_assert_msg(at.tv_sec != times[i].s || ct_time_ns(&at) == times[i].ns, "time %zu", i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clock");
    TCase *tc = tcase_create("clock");

    tcase_add_test(tc, reads_rfc_3339);
    tcase_add_test(tc, agrees_with_libc_on_every_day);
    tcase_add_test(tc, formats_what_it_reads);
    tcase_add_test(tc, reads_durations);
    tcase_add_test(tc, times_of_the_system_end_where_the_scale_ends);
    tcase_add_test(tc, reads_asn1_times);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
