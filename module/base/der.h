/* SPDX-License-Identifier: Apache-2.0 */
/* DER (X.690) as far as we need it: definite, minimal lengths; one-byte tags; nothing is recursive. */
#ifndef CT_DER_H
#define CT_DER_H

#include "base/bytes.h"

#define CT_DER_BOOLEAN 0x01
#define CT_DER_INTEGER 0x02
#define CT_DER_BIT_STRING 0x03
#define CT_DER_OCTET_STRING 0x04
#define CT_DER_OID 0x06
#define CT_DER_SEQUENCE 0x30
#define CT_DER_CONTEXT(n) (0xa0 | (n))

struct ct_der {
    uint8_t tag;
    struct ct_bytes whole; /* tag, length and contents */
    struct ct_bytes content;
};

/* The next element; an indefinite, non-minimal or overlong length, or a tag of several bytes, sets `failed`. */
struct ct_der ct_der_read(struct ct_reader *r);
/* The same, and `failed` when the tag is another one. */
struct ct_der ct_der_expect(struct ct_reader *r, uint8_t tag);
/* The next tag without moving; 0 at the end. */
uint8_t ct_der_peek(const struct ct_reader *r);
/* How many bytes the length field for `len` content bytes takes, and writing it. */
size_t ct_der_length_size(size_t len);
uint8_t *ct_der_write_header(uint8_t *to, uint8_t tag, size_t len);

#endif
