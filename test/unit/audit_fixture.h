/* SPDX-License-Identifier: Apache-2.0 */
/* A ct_audit with sinks in a directory of its own, for the tests of the audit. */
#ifndef CT_AUDIT_FIXTURE_H
#define CT_AUDIT_FIXTURE_H

#include "record/audit.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "record/audit_sink.h"
#include "base/clock.h"
#include "unit.h"

static char dir[64], file_path[96], journal_path[96], syslog_path[96];
static struct ct_audit *audit;
static struct ct_audit_sink_setting sinks[8];
static struct ct_settings settings;

static inline void setup(void)
{
    snprintf(dir, sizeof dir, "/tmp/clientct-audit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(file_path, sizeof file_path, "%s/audit.json", dir);
    snprintf(journal_path, sizeof journal_path, "%s/journal", dir);
    snprintf(syslog_path, sizeof syslog_path, "%s/log", dir);
    ct_audit_journal_socket = journal_path;
    ct_audit_syslog_socket = syslog_path;
    audit = ct_audit_new();
    ck_assert_ptr_nonnull(audit);
    settings = (struct ct_settings){ .audit = sinks };
}

static inline void teardown(void)
{
    char command[96];

    ct_audit_free(audit);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static inline void add_sink(enum ct_audit_kind kind, char *path)
{
    sinks[settings.audit_count++] = (struct ct_audit_sink_setting){ .kind = kind, .path = path };
}

static inline void apply(void)
{
    ck_assert(ct_audit_apply(audit, &settings));
}

/* Longer than the second in which nothing is tried twice. */
static inline void wait_a_second(void)
{
    struct timespec rest = { .tv_sec = 1, .tv_nsec = 50000000 };

    while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {}
}

static inline void decide_about(bool compliant, int chain_error)
{
    struct clientct_input input = { .server_name = "a.example", .chain_error = chain_error };
    struct clientct_verdict verdict = { .accept = compliant,
                                        .compliant = compliant,
                                        .decided = true,
                                        .reason = compliant ? CLIENTCT_COMPLIANT : CLIENTCT_NO_SCTS };

    ct_audit_decision(audit, &input, &verdict, 1000, ct_now_ms());
}

static inline void decide(bool compliant)
{
    decide_about(compliant, X509_V_OK);
}

/* All lines of a file as an array; a line that is no JSON fails the test. */
static inline json_t *lines_of(const char *path)
{
    json_t *lines = json_array();
    FILE *file = fopen(path, "r");
    char line[8192];

    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file) != NULL) {
        json_t *value = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

        ck_assert_msg(value != NULL && line[strlen(line) - 1] == '\n', "line %zu: %s", json_array_size(lines), line);
        json_array_append_new(lines, value);
    }
    fclose(file);
    return lines;
}

static inline size_t count_lines(const char *path)
{
    json_t *lines = lines_of(path);
    size_t count = json_array_size(lines);

    json_decref(lines);
    return count;
}

static inline int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    ck_assert_msg(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "%s", strerror(errno));
    return fd;
}

/* The next datagram, or "" when there is none. */
static inline const char *receive(int fd)
{
    static char text[16384];
    ssize_t len = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    text[len > 0 ? len : 0] = '\0';
    return text;
}

static inline void expect_counts(const char *when, uint64_t written, uint64_t dropped_rate, uint64_t dropped_sink)
{
    struct ct_audit_counts counts = ct_audit_get_counts(audit);

    ck_assert_msg(counts.written == written && counts.dropped_rate == dropped_rate &&
                      counts.dropped_sink == dropped_sink,
                  "%s: %ju written, %ju and %ju dropped; want %ju, %ju, %ju", when, (uintmax_t)counts.written,
                  (uintmax_t)counts.dropped_rate, (uintmax_t)counts.dropped_sink, (uintmax_t)written,
                  (uintmax_t)dropped_rate, (uintmax_t)dropped_sink);
}

#endif
