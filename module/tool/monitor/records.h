/* SPDX-License-Identifier: Apache-2.0 */
/* What a CA says it issued: a folder of certificates, the index.txt of `openssl ca`, or a list of serial numbers. */
#ifndef CT_TOOL_RECORDS_H
#define CT_TOOL_RECORDS_H

#include "evidence/identity.h"
#include "logs/tree.h"

#define RECORD_SERIAL_MAX 20 /* RFC 5280, section 4.1.2.2 */

struct ca_record {
    uint8_t serial[RECORD_SERIAL_MAX];
    uint8_t serial_len;
    uint64_t key;         /* ca_identity_key of a certificate; 0: not known */
    int64_t not_after_ms; /* of index.txt; 0: not known */
    char *subject;        /* of index.txt, as X509_NAME_oneline writes it; NULL: not known */
    char *name;           /* for people: the file, or the subject; may be NULL */
    bool logged, served;  /* for whoever goes through them */
};

/* What identifies a certificate as well as its precertificate: everything but what differs between the two. */
uint64_t ca_identity_key(struct ct_hasher *hasher, const struct ct_identity *identity);

/* Zero-initialise. Sorted by serial once all are added. */
struct ca_records {
    struct ca_record *items;
    size_t count, room;
};

/* False: it cannot be read, and standard error says why. */
bool ca_records_add(const char *verb, const char *path, struct ca_records *records) CT_MUST_USE;
void ca_records_sort(struct ca_records *records);
void ca_records_clear(struct ca_records *records);

enum record_match {
    RECORD_NONE,  /* no such serial number */
    RECORD_OTHER, /* the serial number is of another certificate */
    RECORD_SAME
};
/* The record of a certificate; `key` is its ca_identity_key. */
enum record_match ca_records_find(const struct ca_records *records, const struct ct_identity *identity, uint64_t key,
                                  struct ca_record **found);
/* All that is known is a serial number. NULL: none. */
struct ca_record *ca_records_by_serial(const struct ca_records *records, const uint8_t *serial, size_t len);

#endif
