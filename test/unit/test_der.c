/* SPDX-License-Identifier: Apache-2.0 */
#include "base/der.h"

#include <string.h>

#include "unit.h"

START_TEST(accepts_der_and_nothing_else)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t len;
        bool ok;
        size_t content;
    } rows[] = {
        { "short form", "\x04\x02\xaa\xbb", 4, true, 2 },
        { "empty", "\x30\x00", 2, true, 0 },
        { "nothing", "", 0, false, 0 },
        { "tag only", "\x30", 1, false, 0 },
        { "content cut", "\x04\x03\xaa\xbb", 4, false, 0 },
        { "indefinite", "\x30\x80\x00\x00", 4, false, 0 },
        { "long form where short would do", "\x04\x81\x02\xaa\xbb", 5, false, 0 },
        { "leading zero in the length", "\x04\x82\x00\x80", 4, false, 0 },
        { "five length octets", "\x04\x85\x00\x00\x00\x00\x01\xaa", 8, false, 0 },
        { "length beyond everything", "\x04\x84\xff\xff\xff\xff\xaa", 7, false, 0 },
        { "reserved ff", "\x04\xff\xaa", 3, false, 0 },
        { "tag of several bytes", "\x1f\x81\x01\x00", 4, false, 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_reader r = ct_reader_of((struct ct_bytes){ (const uint8_t *)rows[i].bytes, rows[i].len });
        struct ct_der element = ct_der_read(&r);

        ck_assert_msg(r.failed == !rows[i].ok, "%s", rows[i].name);
        ck_assert_msg(element.content.len == rows[i].content, "%s: content %zu", rows[i].name, element.content.len);
        ck_assert_msg(!rows[i].ok || element.whole.len == rows[i].len, "%s: whole", rows[i].name);
    }
}
END_TEST

START_TEST(lengths_are_minimal_at_every_boundary)
{
    static const struct {
        size_t len, size;
    } rows[] = { { 0, 1 },     { 127, 1 },   { 128, 2 },      { 255, 2 },      { 256, 3 },
                 { 65535, 3 }, { 65536, 4 }, { 0xffffff, 4 }, { 0x1000000, 5 } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t header[8];
        uint8_t *end = ct_der_write_header(header, CT_DER_SEQUENCE, rows[i].len);

        ck_assert_msg(ct_der_length_size(rows[i].len) == rows[i].size, "%zu", rows[i].len);
        ck_assert_msg((size_t)(end - header) == rows[i].size + 1, "%zu", rows[i].len);
    }
    for (size_t len = 0; len < 70000; len = len < 300 ? len + 1 : len + 977) {
        uint8_t *buffer = calloc(1, len + 8);
        uint8_t *end = ct_der_write_header(buffer, CT_DER_OCTET_STRING, len);
        struct ct_reader r = ct_reader_of((struct ct_bytes){ buffer, (size_t)(end - buffer) + len });

        ck_assert_msg(ct_der_expect(&r, CT_DER_OCTET_STRING).content.len == len, "%zu", len);
        ck_assert(ct_reader_finished(&r));
        free(buffer);
    }
}
END_TEST

START_TEST(another_tag_fails)
{
    struct ct_reader r = ct_reader_of((struct ct_bytes){ (const uint8_t *)"\x04\x00", 2 });

    ck_assert_uint_eq(ct_der_peek(&r), 0x04);
    (void)ct_der_expect(&r, CT_DER_SEQUENCE);
    ck_assert(r.failed);
    ck_assert_uint_eq(ct_der_peek(&r), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("der");
    TCase *tc = tcase_create("der");

    tcase_add_test(tc, accepts_der_and_nothing_else);
    tcase_add_test(tc, lengths_are_minimal_at_every_boundary);
    tcase_add_test(tc, another_tag_fails);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
