/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_nesting.h"

#include <jansson.h>
#include <string.h>

#include "unit.h"

static bool little(const char *text)
{
    return ct_json_nests_little((struct ct_bytes){ (const uint8_t *)text, strlen(text) });
}

/* `open` so many times, then `middle`, then `close` as often. */
static const char *nested(unsigned depth, const char *open, const char *middle, const char *close)
{
    static char text[4096];

    text[0] = '\0';
    for (unsigned i = 0; i < depth; i++) {
        strcat(text, open);
    }
    strcat(text, middle);
    for (unsigned i = 0; i < depth; i++) {
        strcat(text, close);
    }
    return text;
}

START_TEST(counts_levels_of_arrays_and_objects)
{
    ck_assert(little(""));
    ck_assert(little("[[],[],[[]]]"));
    ck_assert(little(nested(16, "[", "", "]")));
    ck_assert(!little(nested(17, "[", "", "]")));
    ck_assert(little(nested(16, "{\"a\":", "1", "}")));
    ck_assert(!little(nested(17, "{\"a\":", "1", "}")));
    ck_assert(!little(nested(300, "[{\"a\":", "1", "}]")));
    ck_assert(!little(nested(17, "[", "", ""))); /* not closed: a parser is as deep all the same */
}
END_TEST

START_TEST(what_stands_in_strings_does_not_count)
{
    ck_assert(little("\"[[[[[[[[[[[[[[[[[[[[[[[[\""));
    ck_assert(little("[\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[\\\\\", 1]"));
    ck_assert(!little("\"\\\\\"[[[[[[[[[[[[[[[[[[[[[[[["));
    ck_assert(!little("\"\n[[[[[[[[[[[[[[[[[[[[[[[["));
}
END_TEST

/* Every text of a few of the characters that matter: what a parser takes is never deeper than was counted. */
START_TEST(never_less_than_a_parser_finds)
{
    static const char letters[] = "[]{}\"\\\n1:,";
    char text[64];

    for (unsigned number = 0; number < 1000000; number++) {
        unsigned rest = number;
        size_t len = 15;
        json_t *parsed;

        memset(text, '[', len);
        for (int i = 0; i < 6; i++) {
            text[len++] = letters[rest % 10];
            rest /= 10;
        }
        memset(text + len, ']', 15);
        len += 15;
        parsed = json_loadb(text, len, 0, NULL);
        if (parsed != NULL) {
            const json_t *at = parsed;
            unsigned depth = 0;

            while (json_is_array(at)) {
                depth++;
                at = json_array_get(at, 0);
            }
            ck_assert_msg(depth <= CT_JSON_NESTING_MAX ||
                              !ct_json_nests_little((struct ct_bytes){ (uint8_t *)text, len }),
                          "%.*s", (int)len, text);
        }
        json_decref(parsed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_nesting");
    TCase *tc = tcase_create("json_nesting");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, counts_levels_of_arrays_and_objects);
    tcase_add_test(tc, what_stands_in_strings_does_not_count);
    tcase_add_test(tc, never_less_than_a_parser_finds);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
