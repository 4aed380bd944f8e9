/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

/* Not EVP_DecodeBlock: it skips white space, takes stray bits and counts the padding in. */
static int digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool ct_base64_read(struct ct_bytes text, uint8_t *out, size_t room, size_t *len)
{
    size_t padding = 0;
    uint8_t *at = out;

    *len = 0;
    while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=') {
        padding++;
    }
    if (text.len % 4 != 0 || text.len / 4 * 3 - padding > room) {
        return false;
    }
    for (size_t i = 0; i < text.len; i += 4) {
        size_t digits = i + 4 == text.len ? 4 - padding : 4;
        uint32_t bits = 0;

        for (size_t j = 0; j < 4; j++) {
            int digit = j < digits ? digit_of(text.data[i + j]) : 0;

            if (digit < 0) {
                return false;
            }
            bits = bits << 6 | (uint32_t)digit;
        }
        if ((digits == 3 && (bits & 0xff) != 0) || (digits == 2 && (bits & 0xffff) != 0)) {
            return false; /* bits of the last digit that belong to no byte: zero in the one correct encoding */
        }
        for (size_t j = 0; j + 1 < digits; j++) {
            *at++ = (uint8_t)(bits >> (16 - 8 * j));
        }
    }
    *len = text.len / 4 * 3 - padding;
    return true;
}
