/* SPDX-License-Identifier: Apache-2.0 */
/* Times: milliseconds since 1970 everywhere, as in RFC 6962. */
#ifndef CT_CLOCK_H
#define CT_CLOCK_H

#include <openssl/asn1.h>
#include <time.h>

#include "base/bytes.h"

#define CT_SECOND_MS INT64_C(1000)
#define CT_DAY_MS (INT64_C(86400) * CT_SECOND_MS)

/* 0, and so 1970, when there is no clock: every SCT is then in the future, which refuses. */
int64_t ct_now_ms(void);
/* Since some moment in the past; for intervals. 0 when there is no such clock. */
int64_t ct_monotonic_ns(void);
int64_t ct_monotonic_ms(void);
/* Since the machine was started, its sleep included. 0 when there is no such clock. */
int64_t ct_boot_ms(void);
/* In nanoseconds; INT64_MAX or INT64_MIN where it is after 2262 or before 1677, as files may be dated. */
int64_t ct_time_ns(const struct timespec *at);
/* a + b; INT64_MAX or INT64_MIN where the sum is beyond it. */
int64_t ct_time_add(int64_t a_ms, int64_t b_ms);
/* RFC 3339, upper-case T, a zone of Z or ±hh:mm, fractions cut to milliseconds; the year is 0001-9999. */
bool ct_time_parse(const char *text, int64_t *ms) CT_MUST_USE;
/* "2026-01-02T03:04:05Z", with ".678" before the Z where there are milliseconds; 32 bytes are enough. */
void ct_time_format(int64_t ms, char *out, size_t size);
/* The same, with three digits of milliseconds in any case: for what programs guess a type from. */
void ct_time_format_ms(int64_t ms, char *out, size_t size);
/* A time in Zulu; no timegm, which ends in 2038 where time_t has 32 bits. */
int64_t ct_time_of_tm(const struct tm *tm) CT_MUST_USE;
bool ct_time_of_asn1(const ASN1_TIME *t, int64_t *ms) CT_MUST_USE;
/* "35d", "12h", "5m", "60s", "0"; a number without a unit other than 0 is not a duration. */
bool ct_duration_parse(const char *text, int64_t *ms) CT_MUST_USE;

#endif
