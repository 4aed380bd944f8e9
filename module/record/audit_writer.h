/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON object on one line, written into a fixed buffer: what does not fit is left out whole, so that a line is
 * never cut in the middle. No memory is allocated; every byte that leaves here is UTF-8 without control characters.
 */
#ifndef CT_AUDIT_WRITER_H
#define CT_AUDIT_WRITER_H

#include <openssl/x509.h>

#include "base/bytes.h"

/* With its newline. Up to PIPE_BUF and within every daemon's limit for a datagram. */
#define CT_AUDIT_LINE_MAX 4096u
/* Of one string, in bytes as they are written between the quotes; a longer one ends in "…". */
#define CT_AUDIT_STRING_MAX 256u

struct ct_audit_writer {
    char *at, *end; /* the next byte, and the one behind the last that may be written */
    bool full;      /* something did not fit; nothing is written any more */
    bool first;     /* no comma is due */
};

/* Begins an object in `size` bytes at `buffer`. */
void ct_audit_begin(struct ct_audit_writer *w, char *buffer, size_t size);
/* Keys are ours: literals that need no escaping. NULL values write nothing. */
void ct_audit_text(struct ct_audit_writer *w, const char *key, const char *value);
void ct_audit_text_up_to(struct ct_audit_writer *w, const char *key, const char *value, size_t len, size_t max);
/* An element of an array that was begun with ct_audit_raw; NULL is null. */
void ct_audit_element(struct ct_audit_writer *w, const char *value, size_t max);
/* The same from bytes that may be anything, and from a value of a name, which may be of a wide string type. */
void ct_audit_element_of(struct ct_audit_writer *w, const char *value, size_t len, size_t max);
void ct_audit_element_of_name(struct ct_audit_writer *w, const ASN1_STRING *value, size_t max);
/* "key":[ and ] around elements. */
void ct_audit_array(struct ct_audit_writer *w, const char *key);
void ct_audit_array_end(struct ct_audit_writer *w);
/* A word of ours, which needs no escaping. */
void ct_audit_word(struct ct_audit_writer *w, const char *key, const char *value);
void ct_audit_number(struct ct_audit_writer *w, const char *key, uint64_t value);
void ct_audit_bool(struct ct_audit_writer *w, const char *key, bool value);
/*
 * RFC 3339, UTC. Nothing outside the years 1 to 9999. A moment always has its milliseconds, and a date of a
 * certificate, as ct_time_format gives it, never has any: programs guess a type from the first lines that they see.
 */
void ct_audit_moment(struct ct_audit_writer *w, const char *key, int64_t ms);
void ct_audit_date(struct ct_audit_writer *w, const char *key, const char *formatted);
void ct_audit_hex(struct ct_audit_writer *w, const char *key, const uint8_t *data, size_t len, bool upper);
/* The name as RFC 4514 writes it, most specific part first; attributes without a short name are dotted numbers. */
void ct_audit_name(struct ct_audit_writer *w, const char *key, const X509_NAME *name);
/* Bytes that are JSON already, behind a comma where one is due. */
void ct_audit_raw(struct ct_audit_writer *w, const char *json);
/* Without the comma. */
void ct_audit_bytes(struct ct_audit_writer *w, const char *data, size_t len);

#endif
