/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <string.h>

bool ct_bytes_equal(struct ct_bytes a, struct ct_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

struct ct_reader ct_reader_of(struct ct_bytes bytes)
{
    return (struct ct_reader){ .at = bytes.data, .left = bytes.len };
}

struct ct_bytes ct_read_bytes(struct ct_reader *r, size_t len)
{
    struct ct_bytes bytes = { NULL, 0 };

    if (r->failed || len > r->left) {
        r->failed = true;
        return bytes;
    }
    if (len == 0) {
        return bytes;
    }
    bytes = (struct ct_bytes){ r->at, len };
    r->at += len;
    r->left -= len;
    return bytes;
}

static uint64_t read_uint(struct ct_reader *r, size_t len)
{
    struct ct_bytes bytes = ct_read_bytes(r, len);
    uint64_t v = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        v = v << 8 | bytes.data[i];
    }
    return v;
}

uint8_t ct_read_u8(struct ct_reader *r)
{
    return (uint8_t)read_uint(r, 1);
}

uint16_t ct_read_u16(struct ct_reader *r)
{
    return (uint16_t)read_uint(r, 2);
}

uint32_t ct_read_u24(struct ct_reader *r)
{
    return (uint32_t)read_uint(r, 3);
}

uint64_t ct_read_u64(struct ct_reader *r)
{
    return read_uint(r, 8);
}

struct ct_bytes ct_read_vector16(struct ct_reader *r)
{
    return ct_read_bytes(r, ct_read_u16(r));
}

bool ct_reader_finished(const struct ct_reader *r)
{
    return !r->failed && r->left == 0;
}

static uint8_t *write_uint(uint8_t *to, uint64_t v, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
    }
    return to + len;
}

uint8_t *ct_write_u16(uint8_t *to, uint16_t v)
{
    return write_uint(to, v, 2);
}

uint8_t *ct_write_u24(uint8_t *to, uint32_t v)
{
    return write_uint(to, v, 3);
}

uint8_t *ct_write_u64(uint8_t *to, uint64_t v)
{
    return write_uint(to, v, 8);
}

void ct_hex(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[data[i] >> 4];
        *out++ = digits[data[i] & 0xf];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool ct_unhex(const char *hex, size_t hex_len, uint8_t *out, size_t len)
{
    if (hex_len / 2 != len || hex_len % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
