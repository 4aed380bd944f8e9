/* SPDX-License-Identifier: Apache-2.0 */
/* A span of bytes that somebody else owns, and the one reader that every parser of ours uses. */
#ifndef CT_BYTES_H
#define CT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CT_MUST_USE __attribute__((warn_unused_result))

struct ct_bytes {
    const uint8_t *data;
    size_t len;
};

bool ct_bytes_equal(struct ct_bytes a, struct ct_bytes b) CT_MUST_USE;

/*
 * A cursor with sticky failure: once a read asks for more than there is, this and
 * every later read gives zero (or an empty span) and `failed` stays set. A parser
 * can therefore read straight through and ask once at the end.
 */
struct ct_reader {
    const uint8_t *at;
    size_t left;
    bool failed;
};

struct ct_reader ct_reader_of(struct ct_bytes bytes);
uint8_t ct_read_u8(struct ct_reader *r);
uint16_t ct_read_u16(struct ct_reader *r);
uint32_t ct_read_u24(struct ct_reader *r);
uint64_t ct_read_u64(struct ct_reader *r);
struct ct_bytes ct_read_bytes(struct ct_reader *r, size_t len);
/* opaque<0..2^16-1> of RFC 8446, section 3.4 */
struct ct_bytes ct_read_vector16(struct ct_reader *r);
/* Nothing failed and nothing is left over. */
bool ct_reader_finished(const struct ct_reader *r) CT_MUST_USE;

/* Big-endian writers for what we build; `to` must have room. They return the place behind. */
uint8_t *ct_write_u16(uint8_t *to, uint16_t v);
uint8_t *ct_write_u24(uint8_t *to, uint32_t v);
uint8_t *ct_write_u64(uint8_t *to, uint64_t v);

/* Lower-case hex, 2 * len + 1 bytes with the NUL. */
void ct_hex(const uint8_t *data, size_t len, char *out);
/* Exactly `len` bytes from 2 * len hex digits of either case; false for anything else. */
bool ct_unhex(const char *hex, size_t hex_len, uint8_t *out, size_t len) CT_MUST_USE;

#endif
