/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_numbers.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

static char digits[1000];

/* What the parser makes of the text once its numbers are small, or "none". */
static const char *parsed(const char *text, bool *changed)
{
    static char out[4096];
    struct ct_bytes bytes = { (const uint8_t *)text, strlen(text) };
    uint8_t *copy = NULL;
    json_t *root;

    ck_assert(ct_json_shrink_numbers(&bytes, &copy));
    *changed = copy != NULL;
    root = json_loadb((const char *)bytes.data, bytes.len, JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY, NULL);
    snprintf(out, sizeof out, "none");
    if (root != NULL) {
        char *dumped = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(3) | JSON_ENCODE_ANY);

        snprintf(out, sizeof out, "%s", dumped);
        free(dumped);
        json_decref(root);
    }
    free(copy);
    return out;
}

START_TEST(huge_numbers_become_small_ones)
{
    static const struct {
        const char *format, *result; /* %1$s: 999 digits */
        bool changed;
    } rows[] = {
        { "{\"a\":1e400,\"b\":2}", "{\"a\":1.0,\"b\":2.0}", true },
        { "[-1.5E+99999999999999999999,7]", "[-1.5,7.0]", true },
        { "[1e-400]", "[0.0]", false },
        { "[%1$s]", "[1.11]", true },
        { "[-%1$s.5e7,\"%1$s\"]", NULL, true },
        { "[%1$se10]", "[1.11]", true },
        { "[1.%1$s]", "[1.11]", false },
        { "[1e300]", "[1e300]", false },
        { "[9e299,12345]", NULL, false },
        { "[\"1e400\",\"a\\\"1e400\"]", "[\"1e400\",\"a\\\"1e400\"]", false },
        /* what is no JSON stays none */
        { "[1e400x]", "none", true },
        { "[1ee400]", "none", false },
        { "[01e400]", "none", true },
        { "[0%1$s]", "none", true },
        { "[1e]", "none", false },
        { "[-]", "none", false },
        { "[-e999]", "none", true },
        { "[%1$s.]", "none", true },
        { "[-%1$s.,1]", "none", true },
        { "[%1$s.e5]", "none", true },
        { "\"1e400\n", "none", false },
        { "1e400", "1.0", true },
        { "-", "none", false },
        { "", "none", false },
    };
    bool changed;
    char text[4096];
    const char *result;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, rows[_i].format, digits);
#pragma GCC diagnostic pop
    result = parsed(text, &changed);
    ck_assert_msg(rows[_i].result == NULL ? strcmp(result, "none") != 0 : strcmp(result, rows[_i].result) == 0,
                  "row %d: %s", _i, result);
    ck_assert_int_eq(changed, rows[_i].changed);
}
END_TEST

/* RFC 8259, section 6. */
static bool is_number(const char *text)
{
    size_t len;

    text += *text == '-';
    len = strspn(text, "0123456789");
    if (len == 0 || (text[0] == '0' && len > 1)) {
        return false;
    }
    text += len;
    if (*text == '.') {
        len = strspn(text + 1, "0123456789");
        if (len == 0) {
            return false;
        }
        text += 1 + len;
    }
    if (*text == 'e' || *text == 'E') {
        text += 1 + (text[1] == '+' || text[1] == '-');
        len = strspn(text, "0123456789");
        if (len == 0) {
            return false;
        }
        text += len;
    }
    return *text == '\0';
}

/* Every sequence of up to five of these: a text is JSON afterwards where it was before. */
START_TEST(what_is_no_number_becomes_none)
{
    const char *const parts[] = { digits, "0", "1", "-", "+", ".", "e" };
    const size_t count = sizeof parts / sizeof parts[0];
    size_t numbers = 0;

    for (size_t length = 1, all = count; length <= 5; length++, all *= count) {
        for (size_t n = 0; n < all; n++) {
            char text[5 * sizeof digits] = "";
            bool changed;

            for (size_t rest = n, i = 0; i < length; i++, rest /= count) {
                strcat(text, parts[rest % count]);
            }
            ck_assert_msg((strcmp(parsed(text, &changed), "none") != 0) == is_number(text), "%s", text);
            numbers += is_number(text);
        }
    }
    ck_assert_uint_gt(numbers, 500);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_numbers");
    TCase *tc = tcase_create("json_numbers");

    memset(digits, '1', sizeof digits - 1);
    tcase_add_loop_test(tc, huge_numbers_become_small_ones, 0, 24);
    tcase_add_test(tc, what_is_no_number_becomes_none);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
