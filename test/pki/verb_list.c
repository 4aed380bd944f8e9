/* SPDX-License-Identifier: Apache-2.0 */
/* ctpki list */
#include "ctpki.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: ctpki list --out FILE [--format v3|single|sigstore|openssl|pem] [--timestamp T|none] LOGSPEC...\n"
    "LOGSPEC is LOG_PREFIX and, separated by commas:\n"
    "  description=TEXT operator=TEXT url=URL    default: the last part of LOG_PREFIX, Operator, an example URL\n"
    "  state=STATE state-since=T | no-state      default: usable since a year ago\n"
    "  start=T end=T                             temporal interval; default: from a year ago for 3 years; no-interval\n"
    "  tiled  log-type=test  previous=NAME@T\n"
    "T is RFC 3339, ms since 1970, +DURATION or -DURATION (s, m, h, d).\n";

#define MAX_LOGS 10000

static void read_previous(struct pki_listed_log *log, char *value)
{
    char *at = strrchr(value, '@');

    if (at == NULL) {
        pki_die("previous: expected NAME@TIME, found '%s'", value);
    }
    *at = '\0';
    log->previous_operator = value;
    log->previous_until_ms = ctpki_time("previous", at + 1);
}

/* The strings of *log point into `spec`, which is cut up. */
static void read_log(struct pki_listed_log *log, struct pki_log *key, char *spec)
{
    int64_t now = pki_now() / PKI_SECOND * PKI_SECOND;
    char *rest = spec, *prefix = strsep(&rest, ","), *name, *value;
    const char *slash = strrchr(prefix, '/');

    pki_log_read(key, prefix);
    *log = (struct pki_listed_log){
        .log = key,
        .description = slash == NULL ? prefix : slash + 1,
        .log_operator = "Operator",
        .url = "https://log.example.com/",
        .state = "usable",
        .state_since_ms = now - 365 * PKI_DAY,
        .start_ms = now - 365 * PKI_DAY,
        .end_ms = now + 730 * PKI_DAY,
    };
    while (ctpki_next_pair(&rest, &name, &value)) {
        if (strcmp(name, "description") == 0) {
            log->description = value;
        } else if (strcmp(name, "operator") == 0) {
            log->log_operator = value;
        } else if (strcmp(name, "url") == 0) {
            log->url = value;
        } else if (strcmp(name, "state") == 0) {
            log->state = value;
        } else if (strcmp(name, "no-state") == 0) {
            log->state = NULL;
        } else if (strcmp(name, "state-since") == 0) {
            log->state_since_ms = ctpki_time(name, value);
        } else if (strcmp(name, "start") == 0) {
            log->start_ms = ctpki_time(name, value);
        } else if (strcmp(name, "end") == 0) {
            log->end_ms = ctpki_time(name, value);
        } else if (strcmp(name, "no-interval") == 0) {
            log->start_ms = INT64_MIN;
            log->end_ms = INT64_MAX;
        } else if (strcmp(name, "tiled") == 0) {
            log->tiled = true;
        } else if (strcmp(name, "log-type") == 0) {
            log->log_type = value;
        } else if (strcmp(name, "previous") == 0) {
            read_previous(log, value);
        } else {
            pki_die("LOGSPEC: '%s' is not a key", name);
        }
    }
}

static enum pki_list_format format_named(const char *name)
{
    static const char *const names[] = { "v3", "single", "sigstore", "openssl", "pem" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return (enum pki_list_format)i;
        }
    }
    pki_die("--format: '%s' is not a format", name);
}

int ctpki_list(int argc, char **argv)
{
    static const struct option options[] = {
        { "out", required_argument, NULL, 'o' },
        { "format", required_argument, NULL, 'f' },
        { "timestamp", required_argument, NULL, 't' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    enum pki_list_format format = PKI_FORMAT_V3;
    int64_t timestamp = pki_now() / PKI_SECOND * PKI_SECOND;
    const char *out = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            out = optarg;
            break;
        case 'f':
            format = format_named(optarg);
            break;
        case 't':
            timestamp = strcmp(optarg, "none") == 0 ? INT64_MIN : ctpki_time("--timestamp", optarg);
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            ctpki_usage(usage, NULL);
        }
    }
    if (out == NULL || optind == argc || argc - optind > MAX_LOGS) {
        ctpki_usage(usage, out == NULL ? "--out" : "LOGSPEC");
    }
    size_t count = (size_t)(argc - optind);
    struct pki_listed_log *listed = calloc(count, sizeof *listed);
    struct pki_log *logs = calloc(count, sizeof *logs);
    if (listed == NULL || logs == NULL) {
        pki_die("out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        read_log(&listed[i], &logs[i], argv[optind + (int)i]);
    }
    pki_write_log_list(out, format, listed, count, timestamp);
    for (size_t i = 0; i < count; i++) {
        pki_log_clear(&logs[i]);
    }
    free(listed);
    free(logs);
    return 0;
}
