/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <string.h>

#include "unit.h"

static const uint8_t some[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x00, 0x02, 0xaa, 0xbb };

static struct ct_reader reader(size_t len)
{
    return ct_reader_of((struct ct_bytes){ some, len });
}

START_TEST(reads_big_endian_numbers_in_order)
{
    struct ct_reader r = reader(12);

    ck_assert_uint_eq(ct_read_u8(&r), 0x01);
    ck_assert_uint_eq(ct_read_u16(&r), 0x0203);
    ck_assert_uint_eq(ct_read_u24(&r), 0x040506);
    ck_assert_uint_eq(r.left, 6);
    r = reader(12);
    ck_assert(ct_read_u64(&r) == 0x0102030405060708u);
    ck_assert(!ct_reader_finished(&r));
    struct ct_bytes v = ct_read_vector16(&r);
    ck_assert_uint_eq(v.len, 2);
    ck_assert_uint_eq(v.data[1], 0xbb);
    ck_assert(ct_reader_finished(&r));
}
END_TEST

START_TEST(fails_for_good_when_a_read_asks_for_too_much)
{
    struct ct_reader r = reader(3);

    ck_assert(ct_read_u64(&r) == 0);
    ck_assert(r.failed);
    ck_assert_uint_eq(ct_read_u8(&r), 0);
    ck_assert_uint_eq(r.left, 3);
    ck_assert(!ct_reader_finished(&r));
}
END_TEST

START_TEST(a_vector_longer_than_the_rest_fails)
{
    struct ct_reader r = ct_reader_of((struct ct_bytes){ (const uint8_t *)"\x00\x05"
                                                                          "abcd",
                                                         6 });

    ck_assert_uint_eq(ct_read_vector16(&r).len, 0);
    ck_assert(r.failed);
}
END_TEST

START_TEST(an_empty_span_reads_as_finished)
{
    struct ct_reader r = ct_reader_of((struct ct_bytes){ NULL, 0 });

    ck_assert(ct_reader_finished(&r));
    ck_assert_ptr_null(ct_read_bytes(&r, 0).data);
    ck_assert(ct_reader_finished(&r));
    ct_read_u8(&r);
    ck_assert(r.failed);
}
END_TEST

START_TEST(writes_what_it_reads)
{
    uint8_t buffer[13];
    uint8_t *end = ct_write_u64(ct_write_u24(ct_write_u16(buffer, 0xbeef), 0x123456), 0xfedcba9876543210u);
    struct ct_reader r = ct_reader_of((struct ct_bytes){ buffer, (size_t)(end - buffer) });

    ck_assert_uint_eq(end - buffer, 13);
    ck_assert_uint_eq(ct_read_u16(&r), 0xbeef);
    ck_assert_uint_eq(ct_read_u24(&r), 0x123456);
    ck_assert(ct_read_u64(&r) == 0xfedcba9876543210u);
}
END_TEST

START_TEST(hex_goes_there_and_back_and_nowhere_else)
{
    static const struct {
        const char *hex;
        bool ok;
    } rows[] = { { "00ffA0", true },  { "00ffa", false }, { "00ffa0b1", false },
                 { "00fg00", false }, { "", false },      { "00 fa0", false } };
    uint8_t out[3];
    char text[7];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(ct_unhex(rows[i].hex, strlen(rows[i].hex), out, 3) == rows[i].ok, "%s", rows[i].hex);
    }
    ck_assert(ct_unhex("00ffA0", 6, out, 3));
    ct_hex(out, 3, text);
    ck_assert_str_eq(text, "00ffa0");
}
END_TEST

START_TEST(spans_are_equal_by_content)
{
    ck_assert(ct_bytes_equal((struct ct_bytes){ some, 2 }, (struct ct_bytes){ (const uint8_t *)"\1\2", 2 }));
    ck_assert(!ct_bytes_equal((struct ct_bytes){ some, 2 }, (struct ct_bytes){ some, 3 }));
    ck_assert(!ct_bytes_equal((struct ct_bytes){ some, 2 }, (struct ct_bytes){ some + 1, 2 }));
    ck_assert(ct_bytes_equal((struct ct_bytes){ NULL, 0 }, (struct ct_bytes){ some, 0 }));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bytes");
    TCase *tc = tcase_create("bytes");

    tcase_add_test(tc, reads_big_endian_numbers_in_order);
    tcase_add_test(tc, fails_for_good_when_a_read_asks_for_too_much);
    tcase_add_test(tc, a_vector_longer_than_the_rest_fails);
    tcase_add_test(tc, an_empty_span_reads_as_finished);
    tcase_add_test(tc, writes_what_it_reads);
    tcase_add_test(tc, hex_goes_there_and_back_and_nowhere_else);
    tcase_add_test(tc, spans_are_equal_by_content);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
