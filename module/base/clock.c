/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t ct_time_ns(const struct timespec *at)
{
    int64_t ns;

    if (__builtin_mul_overflow((int64_t)at->tv_sec, INT64_C(1000000000), &ns) ||
        __builtin_add_overflow(ns, (int64_t)at->tv_nsec, &ns)) {
        return at->tv_sec < 0 ? INT64_MIN : INT64_MAX;
    }
    return ns;
}

static int64_t read_ns(clockid_t clock)
{
    struct timespec now;

    return clock_gettime(clock, &now) != 0 ? 0 : ct_time_ns(&now);
}

int64_t ct_now_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t ct_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t ct_monotonic_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t ct_boot_ms(void)
{
    return read_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t ct_time_add(int64_t a_ms, int64_t b_ms)
{
    int64_t sum;

    return __builtin_add_overflow(a_ms, b_ms, &sum) ? (b_ms < 0 ? INT64_MIN : INT64_MAX) : sum;
}

/* Days since 1970-01-01 of a proleptic Gregorian date; month 1-12. */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    static const unsigned before_month[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    int64_t y = month > 2 ? year : year - 1; /* the leap day belongs to the end of its counting year */
    int64_t leap_days = y / 4 - y / 100 + y / 400;

    return year * 365 + leap_days + before_month[month - 1] + day - 1 -
           (1970 * 365 + 1969 / 4 - 1969 / 100 + 1969 / 400);
}

static unsigned month_length(int64_t year, unsigned month)
{
    static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return lengths[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* `digits` decimal digits, and nothing else; advances. */
static bool read_digits(const char **at, unsigned digits, unsigned *out)
{
    *out = 0;
    for (unsigned i = 0; i < digits; i++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        *out = *out * 10 + (unsigned)(*(*at)++ - '0');
    }
    return true;
}

static bool read_char(const char **at, char c)
{
    if (**at != c) {
        return false;
    }
    (*at)++;
    return true;
}

static bool read_zone(const char **at, int64_t *offset_ms)
{
    unsigned hours, minutes;
    int sign;

    *offset_ms = 0;
    if (read_char(at, 'Z')) {
        return true;
    }
    if (**at != '+' && **at != '-') {
        return false;
    }
    sign = *(*at)++ == '+' ? 1 : -1;
    if (!read_digits(at, 2, &hours) || !read_char(at, ':') || !read_digits(at, 2, &minutes) || hours > 23 ||
        minutes > 59) {
        return false;
    }
    *offset_ms = sign * (int64_t)(hours * 60 + minutes) * 60 * CT_SECOND_MS;
    return true;
}

bool ct_time_parse(const char *text, int64_t *ms)
{
    const char *at = text;
    unsigned year, month, day, hour, minute, second, fraction = 0;
    int64_t offset_ms;

    if (!read_digits(&at, 4, &year) || !read_char(&at, '-') || !read_digits(&at, 2, &month) || !read_char(&at, '-') ||
        !read_digits(&at, 2, &day) || !read_char(&at, 'T') || !read_digits(&at, 2, &hour) || !read_char(&at, ':') ||
        !read_digits(&at, 2, &minute) || !read_char(&at, ':') || !read_digits(&at, 2, &second)) {
        return false;
    }
    if (read_char(&at, '.')) {
        unsigned digits = 0;

        for (; *at >= '0' && *at <= '9'; at++, digits++) {
            if (digits < 3) {
                fraction = fraction * 10 + (unsigned)(*at - '0');
            }
        }
        if (digits == 0) {
            return false;
        }
        for (; digits < 3; digits++) {
            fraction *= 10;
        }
    }
    if (!read_zone(&at, &offset_ms) || *at != '\0') {
        return false;
    }
    /* 60 is a leap second: it counts as the first second of the next minute. */
    if (year == 0 || month < 1 || month > 12 || day < 1 || day > month_length(year, month) || hour > 23 ||
        minute > 59 || second > 60) {
        return false;
    }
    *ms = days_from_date(year, month, day) * CT_DAY_MS + ((int64_t)(hour * 60 + minute) * 60 + second) * CT_SECOND_MS +
          fraction - offset_ms;
    return true;
}

/* Writes `value` with `digits` digits and moves on. */
static void write_digits(char **to, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        (*to)[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    *to += digits;
}

#define DAYS_OF_400_YEARS 146097u

/* No gmtime_r, which takes the time zone's lock: a child forked while another thread held it would wait for ever. */
static void format(int64_t ms, bool with_fraction, char *out, size_t size)
{
    int64_t days = ms / CT_DAY_MS - (ms % CT_DAY_MS < 0 ? 1 : 0);
    unsigned rest = (unsigned)(ms - days * CT_DAY_MS);
    char text[32];
    char *to = text;
    size_t len;
    /* Years begin in March here, and so end with the day that some have more; months are counted from there. */
    unsigned day, of_era, year_of_era, of_year, month, day_of_month, year;

    if (ms < days_from_date(1, 1, 1) * CT_DAY_MS || ms >= days_from_date(10000, 1, 1) * CT_DAY_MS) {
        snprintf(out, size, "%lldms", (long long)ms);
        return;
    }
    day = (unsigned)(days - days_from_date(0, 3, 1));
    of_era = day % DAYS_OF_400_YEARS;
    year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / (DAYS_OF_400_YEARS - 1)) / 365;
    of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    month = (5 * of_year + 2) / 153; /* 31, 30, 31, 30, 31, and again: 153 days in five months */
    day_of_month = of_year - (153 * month + 2) / 5 + 1;
    year = year_of_era + day / DAYS_OF_400_YEARS * 400 + (month >= 10 ? 1 : 0);
    month = month < 10 ? month + 3 : month - 9;
    write_digits(&to, year, 4);
    *to++ = '-';
    write_digits(&to, month, 2);
    *to++ = '-';
    write_digits(&to, day_of_month, 2);
    *to++ = 'T';
    write_digits(&to, rest / 3600000, 2);
    *to++ = ':';
    write_digits(&to, rest / 60000 % 60, 2);
    *to++ = ':';
    write_digits(&to, rest / 1000 % 60, 2);
    if (with_fraction || rest % 1000 != 0) {
        *to++ = '.';
        write_digits(&to, rest % 1000, 3);
    }
    *to++ = 'Z';
    len = (size_t)(to - text);
    if (size > 0) {
        len = len < size ? len : size - 1;
        memcpy(out, text, len);
        out[len] = '\0';
    }
}

void ct_time_format(int64_t ms, char *out, size_t size)
{
    format(ms, false, out, size);
}

void ct_time_format_ms(int64_t ms, char *out, size_t size)
{
    format(ms, true, out, size);
}

int64_t ct_time_of_tm(const struct tm *tm)
{
    return days_from_date(tm->tm_year + 1900, (unsigned)tm->tm_mon + 1, (unsigned)tm->tm_mday) * CT_DAY_MS +
           ((int64_t)(tm->tm_hour * 60 + tm->tm_min) * 60 + tm->tm_sec) * CT_SECOND_MS;
}

bool ct_time_of_asn1(const ASN1_TIME *t, int64_t *ms)
{
    struct tm tm;

    memset(&tm, 0, sizeof tm);
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1) {
        return false;
    }
    *ms = ct_time_of_tm(&tm);
    return true;
}

bool ct_duration_parse(const char *text, int64_t *ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = { { 'd', CT_DAY_MS }, { 'h', 3600 * CT_SECOND_MS }, { 'm', 60 * CT_SECOND_MS }, { 's', CT_SECOND_MS } };
    const char *at = text;
    int64_t n = 0;

    for (; *at >= '0' && *at <= '9'; at++) {
        n = n * 10 + (*at - '0');
        if (n > 1000000000) {
            return false;
        }
    }
    if (at == text) {
        return false;
    }
    if (*at == '\0') {
        *ms = 0;
        return n == 0;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (*at == units[i].unit && at[1] == '\0') {
            *ms = n * units[i].ms;
            return true;
        }
    }
    return false;
}
