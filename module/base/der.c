/* SPDX-License-Identifier: Apache-2.0 */
#include "base/der.h"

struct ct_der ct_der_read(struct ct_reader *r)
{
    const uint8_t *start = r->at;
    size_t available = r->left;
    struct ct_der element = { .tag = ct_read_u8(r) };
    uint8_t first = ct_read_u8(r);
    size_t len = first;

    if ((element.tag & 0x1f) == 0x1f) {
        r->failed = true; /* a tag of several bytes: nothing that we read has one */
    }
    if (first & 0x80) {
        unsigned octets = first & 0x7f;

        len = 0;
        if (octets == 0 || octets > 4) {
            r->failed = true; /* indefinite, or more than any certificate can hold */
            octets = 0;
        }
        for (unsigned i = 0; i < octets; i++) {
            len = len << 8 | ct_read_u8(r);
        }
        if (!r->failed && ct_der_length_size(len) != octets + 1u) {
            r->failed = true; /* not minimal: BER, not DER */
        }
    }
    element.content = ct_read_bytes(r, len);
    if (r->failed) {
        return (struct ct_der){ 0 };
    }
    element.whole = (struct ct_bytes){ start, available - r->left };
    return element;
}

struct ct_der ct_der_expect(struct ct_reader *r, uint8_t tag)
{
    struct ct_der element = ct_der_read(r);

    if (element.tag != tag) {
        r->failed = true;
        return (struct ct_der){ 0 };
    }
    return element;
}

uint8_t ct_der_peek(const struct ct_reader *r)
{
    return r->failed || r->left == 0 ? 0 : *r->at;
}

size_t ct_der_length_size(size_t len)
{
    size_t size = 1;

    if (len >= 0x80) {
        for (; len != 0; len >>= 8) {
            size++;
        }
    }
    return size;
}

uint8_t *ct_der_write_header(uint8_t *to, uint8_t tag, size_t len)
{
    size_t octets = ct_der_length_size(len) - 1;

    *to++ = tag;
    if (octets == 0) {
        *to++ = (uint8_t)len;
        return to;
    }
    *to++ = (uint8_t)(0x80 | octets);
    for (; octets > 0; octets--) {
        *to++ = (uint8_t)(len >> (8 * (octets - 1)));
    }
    return to;
}
