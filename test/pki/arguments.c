/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments that several verbs share: times, numbers, faults and SCT SPECs. */
#include "ctpki.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ctpki_usage(const char *usage, const char *missing)
{
    if (missing != NULL) {
        fprintf(stderr, "ctpki: %s is needed\n", missing);
    }
    fputs(usage, stderr);
    exit(2);
}

int64_t ctpki_time(const char *option, const char *text)
{
    int64_t at_ms;

    if (!pki_parse_time(text, pki_now(), &at_ms)) {
        pki_die("%s: '%s' is not a time: expected RFC 3339 in UTC, ms since 1970, or +/-DURATION such as -30m", option,
                text);
    }
    return at_ms;
}

uint64_t ctpki_number(const char *option, const char *text, uint64_t max)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || number > max) {
        pki_die("%s: '%s' is not a number up to %llu", option, text, (unsigned long long)max);
    }
    return number;
}

enum pki_list_fault ctpki_list_fault(const char *text)
{
    for (enum pki_list_fault fault = PKI_LIST_NONE; fault < PKI_LIST_FAULT_COUNT; fault++) {
        if (strcmp(text, pki_list_fault_name(fault)) == 0) {
            return fault;
        }
    }
    pki_die("--list-bad: '%s' is not a fault of a list", text);
}

static enum pki_sct_fault sct_fault(const char *text)
{
    for (enum pki_sct_fault fault = PKI_SCT_NONE; fault < PKI_SCT_FAULT_COUNT; fault++) {
        if (strcmp(text, pki_sct_fault_name(fault)) == 0) {
            return fault;
        }
    }
    pki_die("--sct: '%s' is not a fault of an SCT", text);
}

bool ctpki_next_pair(char **rest, char **key, char **value)
{
    *key = strsep(rest, ",");
    if (*key == NULL) {
        return false;
    }
    char *equals = strchr(*key, '=');
    if (equals == NULL) {
        *value = *key + strlen(*key);
    } else {
        *equals = '\0';
        *value = equals + 1;
    }
    return true;
}

static void add_hex(struct pki_bytes *to, const char *text)
{
    long len = 0;
    uint8_t *bytes = OPENSSL_hexstr2buf(text, &len);

    if (bytes == NULL) {
        pki_die("ext: '%s' is not hex", text);
    }
    pki_add(to, bytes, (size_t)len);
    OPENSSL_free(bytes);
}

void ctpki_scts_add(struct ctpki_scts *scts, const char *spec)
{
    char *copy = strdup(spec), *rest = copy, *key, *value;
    struct pki_log *log = calloc(1, sizeof *log);
    struct pki_sct sct = { .log = log, .time_ms = pki_now() - 30 * PKI_MINUTE };
    unsigned long count = 1;

    if (copy == NULL || log == NULL || scts->given == sizeof scts->logs / sizeof scts->logs[0]) {
        pki_die("too many --sct; use count=N");
    }
    struct pki_bytes *extensions = &scts->extensions[scts->given];
    while (ctpki_next_pair(&rest, &key, &value)) {
        if (strcmp(key, "log") == 0 && log->key == NULL) {
            pki_log_read(log, value);
        } else if (strcmp(key, "time") == 0) {
            sct.time_ms = ctpki_time("time", value);
        } else if (strcmp(key, "ext") == 0) {
            add_hex(extensions, value);
        } else if (strcmp(key, "tiled") == 0) {
            pki_add_leaf_index(extensions, ctpki_number("tiled", value, (UINT64_C(1) << 40) - 1));
        } else if (strcmp(key, "count") == 0) {
            count = ctpki_number("count", value, 2000);
        } else if (strcmp(key, "bad") == 0) {
            sct.fault = sct_fault(value);
        } else {
            pki_die("--sct: '%s' is not a key: expected log, time, ext, tiled, count or bad", key);
        }
    }
    if (log->key == NULL) {
        pki_die("--sct %s: log=LOG_PREFIX is needed", spec);
    }
    sct.extensions = extensions->data;
    sct.extensions_len = extensions->len;
    scts->items = realloc(scts->items, (scts->count + count) * sizeof sct);
    if (scts->items == NULL) {
        pki_die("out of memory");
    }
    for (unsigned long i = 0; i < count; i++) {
        scts->items[scts->count++] = sct;
    }
    scts->logs[scts->given++] = log;
    free(copy);
}

void ctpki_scts_clear(struct ctpki_scts *scts)
{
    for (size_t i = 0; i < scts->given; i++) {
        pki_log_clear(scts->logs[i]);
        free(scts->logs[i]);
        pki_bytes_clear(&scts->extensions[i]);
    }
    free(scts->items);
    *scts = (struct ctpki_scts){ 0 };
}
