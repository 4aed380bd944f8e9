/* SPDX-License-Identifier: Apache-2.0 */
/* The CA's own records, in the forms in which CAs have them. */
#include "tool/monitor/records.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "tool/folder.h"
#include "tool/tool.h"

#define LINE_MAX_BYTES (64u * 1024)

uint64_t ca_identity_key(struct ct_hasher *hasher, const struct ct_identity *identity)
{
    uint8_t times[16], lens[8 * 6];
    uint8_t *at = lens;
    struct ct_bytes parts[] = { { lens, sizeof lens }, identity->serial,       identity->issuer,
                                identity->subject,     identity->spki,         identity->alternative_names,
                                identity->usages,      { times, sizeof times } };
    struct ct_hash hash;
    uint64_t key = 0;

    ct_write_u64(ct_write_u64(times, (uint64_t)identity->not_before_ms), (uint64_t)identity->not_after_ms);
    for (size_t i = 1; i <= 6; i++) {
        at = ct_write_u64(at, parts[i].len); /* no two lists of parts run together to the same bytes */
    }
    ct_hash_parts(hasher, parts, sizeof parts / sizeof parts[0], &hash);
    if (hasher->failed) {
        tool_out_of_memory();
    }
    memcpy(&key, hash.bytes, sizeof key);
    return key == 0 ? 1 : key;
}

static struct ca_record *add(struct ca_records *records)
{
    records->items = tool_grown(records->items, records->count, &records->room, sizeof *records->items);
    records->items[records->count] = (struct ca_record){ .serial_len = 0 };
    return &records->items[records->count++];
}

/* Hexadecimal digits, with colons or without, leading zeros or not. */
static bool set_serial(struct ca_record *record, const char *text, size_t len)
{
    char digits[2 * RECORD_SERIAL_MAX + 2];
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == ':' || (count == 0 && text[i] == '0' && i + 1 < len)) {
            continue;
        }
        if (count == 2 * RECORD_SERIAL_MAX) {
            return false;
        }
        digits[count++] = text[i];
    }
    if (count % 2 == 1) {
        memmove(digits + 1, digits, count++);
        digits[0] = '0';
    }
    record->serial_len = (uint8_t)(count / 2);
    return count > 0 && ct_unhex(digits, count, record->serial, record->serial_len);
}

static bool add_certificates(const char *file, struct ca_records *records)
{
    STACK_OF(X509) *certificates = tool_read_certificates("the CA's record", file);
    struct ct_hasher hasher = { 0 };

    for (int i = 0; certificates != NULL && i < sk_X509_num(certificates); i++) {
        struct ct_identity identity;
        uint8_t *der = NULL;
        int len = i2d_X509(sk_X509_value(certificates, i), &der);

        if (len <= 0) {
            tool_out_of_memory();
        }
        if (!ct_identity_of_certificate((struct ct_bytes){ der, (size_t)len }, &identity) ||
            identity.serial.len > RECORD_SERIAL_MAX) {
            tool_warning("%s: certificate %d is not strict DER, or its serial number is longer than 20 bytes", file,
                         i + 1);
        } else {
            struct ca_record *record = add(records);

            memcpy(record->serial, identity.serial.data, identity.serial.len);
            record->serial_len = (uint8_t)identity.serial.len;
            record->key = ca_identity_key(&hasher, &identity);
            record->name = tool_format("%s", file);
        }
        OPENSSL_free(der);
    }
    ct_hasher_clear(&hasher);
    bool good = certificates != NULL;
    tool_certificates_free(certificates);
    return good;
}

/* YYMMDDHHMMSSZ, or with four digits for the year */
static int64_t index_time(const char *text, size_t len)
{
    char rfc[32];
    int64_t ms = 0;
    const char *year = len == 13 && text[0] >= '5' ? "19" : "20";

    if (len != 13 && len != 15) {
        return 0;
    }
    if (len == 15) {
        year = "";
    }
    const char *at = text + (len == 15 ? 4 : 2);
    snprintf(rfc, sizeof rfc, "%s%.*s-%.2s-%.2sT%.2s:%.2s:%.2sZ", year, len == 15 ? 4 : 2, text, at, at + 2, at + 4,
             at + 6, at + 8);
    return ct_time_parse(rfc, &ms) ? ms : 0;
}

/* Status, expiry, revocation, serial, file, subject, separated by tabs: ca(1) of OpenSSL. */
static bool add_index_line(const char *line, struct ca_records *records)
{
    const char *fields[6];
    size_t lens[6];
    struct ca_record record = { .serial_len = 0 };

    for (size_t i = 0; i < 6; i++) {
        fields[i] = line;
        lens[i] = strcspn(line, i < 5 ? "\t" : "\r\n");
        line += lens[i];
        if (i < 5 && *line++ != '\t') {
            return false;
        }
    }
    if (lens[0] != 1 || strchr("VRE", fields[0][0]) == NULL || !set_serial(&record, fields[3], lens[3])) {
        return false;
    }
    record.not_after_ms = index_time(fields[1], lens[1]);
    record.subject = tool_format("%.*s", (int)lens[5], fields[5]);
    record.name = tool_format("%.*s", (int)lens[5], fields[5]);
    *add(records) = record;
    return true;
}

static bool add_lines(const char *verb, const char *path, FILE *from, struct ca_records *records)
{
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t len;
    bool good = true;

    while (good && (len = getline(&line, &room, from)) > 0) {
        size_t end = strcspn(line, "\r\n");
        struct ca_record record = { .serial_len = 0 };

        number++;
        if (end == 0 || line[0] == '#') {
            continue;
        }
        if (strchr(line, '\t') != NULL) {
            good = add_index_line(line, records);
        } else if ((good = set_serial(&record, line, end))) {
            *add(records) = record;
        }
        if (!good || len > (ssize_t)LINE_MAX_BYTES) {
            tool_error("%s: %s:%zu: expected a line of OpenSSL's index.txt or a serial number in hexadecimal digits",
                       verb, path, number);
            good = false;
        }
    }
    free(line);
    return good;
}

bool ca_records_add(const char *verb, const char *path, struct ca_records *records)
{
    struct tool_names names = { 0 };
    struct stat stat_of;
    bool good = true;
    char head[4096];
    FILE *file;
    size_t len;

    if (stat(path, &stat_of) != 0) {
        tool_error("%s: the CA's records %s cannot be read: %s", verb, path, strerror(errno));
        return false;
    }
    if (S_ISDIR(stat_of.st_mode)) {
        good = tool_names_add(verb, path, &names);
        for (size_t i = 0; i < names.count; i++) {
            good = add_certificates(names.items[i], records) && good;
        }
        tool_names_clear(&names);
        return good;
    }
    file = fopen(path, "re");
    if (file == NULL) {
        tool_error("%s: the CA's records %s cannot be read: %s", verb, path, strerror(errno));
        return false;
    }
    len = fread(head, 1, sizeof head - 1, file);
    head[len] = '\0';
    rewind(file);
    /* DER of more than 127 bytes; a serial number may begin with "0" as well. */
    if ((len > 1 && head[0] == '\x30' && (head[1] & 0x80) != 0) || strstr(head, "-----BEGIN ") != NULL) {
        good = add_certificates(path, records);
    } else {
        good = add_lines(verb, path, file, records);
    }
    fclose(file);
    return good;
}

static int compare_serials(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return a_len != b_len ? (a_len > b_len) - (a_len < b_len) : memcmp(a, b, a_len);
}

static int compare(const void *a, const void *b)
{
    const struct ca_record *x = a, *y = b;

    return compare_serials(x->serial, x->serial_len, y->serial, y->serial_len);
}

void ca_records_sort(struct ca_records *records)
{
    if (records->count > 0) {
        qsort(records->items, records->count, sizeof *records->items, compare);
    }
}

void ca_records_clear(struct ca_records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        free(records->items[i].subject);
        free(records->items[i].name);
    }
    free(records->items);
    memset(records, 0, sizeof *records);
}

/* The first of those with this serial number, or `count`. */
static size_t first_of(const struct ca_records *records, const uint8_t *serial, size_t len)
{
    size_t low = 0, high = records->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct ca_record *record = &records->items[middle];

        if (compare_serials(record->serial, record->serial_len, serial, len) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool has_serial(const struct ca_record *record, const uint8_t *serial, size_t len)
{
    return compare_serials(record->serial, record->serial_len, serial, len) == 0;
}

static bool has_subject(const char *wanted, struct ct_bytes name)
{
    const uint8_t *at = name.data;
    X509_NAME *read = d2i_X509_NAME(NULL, &at, (long)name.len);
    char *text = read != NULL ? X509_NAME_oneline(read, NULL, 0) : NULL;
    bool same = text != NULL && strcmp(text, wanted) == 0;

    OPENSSL_free(text);
    X509_NAME_free(read);
    return same;
}

enum record_match ca_records_find(const struct ca_records *records, const struct ct_identity *identity, uint64_t key,
                                  struct ca_record **found)
{
    const struct ct_bytes serial = identity->serial;
    enum record_match match = RECORD_NONE;

    *found = NULL;
    for (size_t i = first_of(records, serial.data, serial.len);
         i < records->count && has_serial(&records->items[i], serial.data, serial.len); i++) {
        struct ca_record *record = &records->items[i];

        match = RECORD_OTHER;
        if ((record->key == 0 || record->key == key) &&
            (record->not_after_ms == 0 || record->not_after_ms == identity->not_after_ms) &&
            (record->subject == NULL || has_subject(record->subject, identity->subject))) {
            *found = record;
            return RECORD_SAME;
        }
    }
    return match;
}

struct ca_record *ca_records_by_serial(const struct ca_records *records, const uint8_t *serial, size_t len)
{
    size_t at = first_of(records, serial, len);

    return at < records->count && has_serial(&records->items[at], serial, len) ? &records->items[at] : NULL;
}
