/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_numbers.h"

#include <stdlib.h>
#include <string.h>

#define SAFE_DIGITS 308u /* a number of so many digits and tens can be held */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The bytes at `at` that can belong to a number. */
static size_t number_len(struct ct_bytes text, size_t at)
{
    size_t end = at;

    while (end < text.len && (is_digit(text.data[end]) || memchr("+-.eE", text.data[end], 5) != NULL)) {
        end++;
    }
    return end - at;
}

/* Where the exponent's digits begin; `len` when there are none. */
static size_t exponent_of(const uint8_t *number, size_t len)
{
    size_t at = 0;

    while (at < len && number[at] != 'e' && number[at] != 'E') {
        at++;
    }
    at += at < len;
    return at + (at < len && (number[at] == '+' || number[at] == '-'));
}

static bool is_huge(const uint8_t *number, size_t len)
{
    size_t exponent = exponent_of(number, len), tens = 0, digits = 0;

    for (size_t i = exponent; i < len && is_digit(number[i]) && number[exponent - 1] != '-'; i++) {
        tens = tens < SAFE_DIGITS ? tens * 10 + (size_t)(number[i] - '0') : tens;
    }
    while (digits < len && is_digit(number[digits + (number[0] == '-' && digits + 1 < len)])) {
        digits++;
    }
    return digits + tens > SAFE_DIGITS;
}

/* 123e999 becomes 123e000, and 1234 (with more digits) 1.34: as much a number as before, or as little. */
static void shrink(uint8_t *number, size_t len)
{
    size_t exponent = exponent_of(number, len), first = number[0] == '-', end = first;

    for (size_t i = exponent; i < len; i++) {
        number[i] = is_digit(number[i]) ? '0' : number[i];
    }
    while (end < len && is_digit(number[end])) {
        end++;
    }
    if (end - first > SAFE_DIGITS && number[first] != '0') {
        if (end + 1 < len && number[end] == '.' && is_digit(number[end + 1])) {
            number[end] = '0'; /* where no digit follows, it is no number, and stays none */
        }
        number[first + 1] = '.';
    }
}

bool ct_json_shrink_numbers(struct ct_bytes *text, uint8_t **copy)
{
    bool in_string = false;
    size_t len = 1;

    *copy = NULL;
    for (size_t i = 0; i < text->len; i += len) {
        uint8_t c = text->data[i];

        len = 1;
        if (in_string) {
            len += c == '\\';
            in_string = c != '"' && c != '\n'; /* no string goes over a line */
        } else if (c == '"') {
            in_string = true;
        } else if (c == '-' || is_digit(c)) {
            len = number_len(*text, i);
            if (!is_huge(text->data + i, len)) {
                continue;
            }
            if (*copy == NULL) {
                if ((*copy = malloc(text->len)) == NULL) {
                    return false;
                }
                memcpy(*copy, text->data, text->len);
                text->data = *copy;
            }
            shrink(*copy + i, len);
        }
    }
    return true;
}
