/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/sct.h"

#include <string.h>

#include "unit.h"

/* version, log id, timestamp, extensions, algorithms, signature */
#define HEAD(version) \
    version "IDIDIDIDIDIDIDIDIDIDIDIDIDIDIDID" \
            "\x00\x00\x01\x90\x00\x00\x00\x05"
#define SCT_BYTES \
    HEAD("\x00") \
    "\x00\x02\xee\xff" \
    "\x04\x03" \
    "\x00\x03sig"
#define SCT_LEN (1 + 32 + 8 + 4 + 2 + 5)

static struct ct_bytes of(const char *bytes, size_t len)
{
    return (struct ct_bytes){ (const uint8_t *)bytes, len };
}

START_TEST(decodes_every_field)
{
    struct ct_sct sct;

    ct_sct_decode(of(SCT_BYTES, SCT_LEN), CLIENTCT_SOURCE_TLS, &sct);
    ck_assert(sct.decoded);
    ck_assert_int_eq(sct.status, CLIENTCT_NOT_CHECKED);
    ck_assert_int_eq(sct.source, CLIENTCT_SOURCE_TLS);
    ck_assert_int_eq(memcmp(sct.log_id, "IDIDIDIDIDIDIDIDIDIDIDIDIDIDIDID", 32), 0);
    ck_assert(sct.timestamp_ms == 0x19000000005u);
    ck_assert_uint_eq(sct.extensions.len, 2);
    ck_assert_uint_eq(sct.hash_algorithm, 4);
    ck_assert_uint_eq(sct.signature_algorithm, 3);
    ck_assert_uint_eq(sct.signature.len, 3);
    ck_assert_int_eq(memcmp(sct.signature.data, "sig", 3), 0);
}
END_TEST

START_TEST(rejects_every_truncation_and_a_trailing_byte)
{
    char longer[SCT_LEN + 1] = SCT_BYTES;
    struct ct_sct sct;

    for (size_t len = 0; len < SCT_LEN; len++) {
        ct_sct_decode(of(SCT_BYTES, len), CLIENTCT_SOURCE_TLS, &sct);
        ck_assert_msg(!sct.decoded && sct.status == CLIENTCT_MALFORMED_SCT_LIST, "cut to %zu", len);
    }
    ct_sct_decode(of(longer, SCT_LEN + 1), CLIENTCT_SOURCE_TLS, &sct);
    ck_assert(!sct.decoded);
    ck_assert_int_eq(sct.status, CLIENTCT_MALFORMED_SCT_LIST);
}
END_TEST

START_TEST(says_that_a_version_is_not_supported)
{
    struct ct_sct sct;

    ct_sct_decode(of("\x01whatever", 9), CLIENTCT_SOURCE_STORE, &sct);
    ck_assert(!sct.decoded);
    ck_assert_int_eq(sct.status, CLIENTCT_UNSUPPORTED_VERSION);
}
END_TEST

START_TEST(a_list_must_add_up)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
        enum ct_list_result want;
        size_t count;
    } rows[] = {
        { "two undecodable", "\x00\x06\x00\x01\x01\x00\x01\x02", 8, CT_LIST_OK, 2 },
        { "nothing", "", 0, CT_LIST_MALFORMED, 0 },
        { "empty list", "\x00\x00", 2, CT_LIST_MALFORMED, 0 },
        { "half a length", "\x00", 1, CT_LIST_MALFORMED, 0 },
        { "trailing byte", "\x00\x03\x00\x01\x01\x00", 6, CT_LIST_MALFORMED, 0 },
        { "outer too long", "\x00\x05\x00\x01\x01", 5, CT_LIST_MALFORMED, 0 },
        { "inner too long", "\x00\x03\x00\x02\x01", 5, CT_LIST_MALFORMED, 0 },
        { "empty item", "\x00\x02\x00\x00", 4, CT_LIST_MALFORMED, 0 },
        { "empty item behind a good one", "\x00\x05\x00\x01\x01\x00\x00", 7, CT_LIST_MALFORMED, 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_scts scts = { 0 };

        ck_assert_msg(ct_sct_list_decode(of(rows[i].bytes, rows[i].len), CLIENTCT_SOURCE_TLS, &scts) == rows[i].want,
                      "%s", rows[i].name);
        ck_assert_msg(scts.count == rows[i].count, "%s: %zu", rows[i].name, scts.count);
        ct_scts_clear(&scts);
    }
}
END_TEST

START_TEST(an_undecodable_sct_does_not_spoil_its_neighbours)
{
    uint8_t list[2 + 2 + 1 + 2 + SCT_LEN];
    uint8_t *at = ct_write_u16(list, sizeof list - 2);
    struct ct_scts scts = { 0 };

    at = ct_write_u16(at, 1);
    *at++ = 0x00;
    at = ct_write_u16(at, SCT_LEN);
    memcpy(at, SCT_BYTES, SCT_LEN);
    ck_assert_int_eq(ct_sct_list_decode((struct ct_bytes){ list, sizeof list }, CLIENTCT_SOURCE_EMBEDDED, &scts),
                     CT_LIST_OK);
    ck_assert_uint_eq(scts.count, 2);
    ck_assert(!scts.items[0].decoded);
    ck_assert(scts.items[1].decoded);
    ct_scts_clear(&scts);
}
END_TEST

START_TEST(what_is_beyond_the_limit_is_counted_not_kept)
{
    size_t items = CT_SCTS_MAX + 3;
    uint8_t *list = malloc(2 + 3 * items);
    uint8_t *at = ct_write_u16(list, (uint16_t)(3 * items));
    struct ct_scts scts = { 0 };

    for (size_t i = 0; i < items; i++) {
        at = ct_write_u16(at, 1);
        *at++ = 7;
    }
    ck_assert_int_eq(ct_sct_list_decode((struct ct_bytes){ list, 2 + 3 * items }, CLIENTCT_SOURCE_TLS, &scts),
                     CT_LIST_OK);
    ck_assert_uint_eq(scts.count, CT_SCTS_MAX);
    ck_assert_uint_eq(scts.beyond, 3);
    ct_scts_clear(&scts);
    free(list);
}
END_TEST

START_TEST(reads_leaf_index)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
        bool ok;
        uint64_t index;
    } rows[] = {
        { "alone", "\x00\x00\x05\x00\x00\x00\x01\x02", 8, true, 0x102 },
        { "forty bits", "\x00\x00\x05\xff\xff\xff\xff\xff", 8, true, 0xffffffffffu },
        { "behind another type", "\x07\x00\x01\xaa\x00\x00\x05\x00\x00\x00\x00\x09", 12, true, 9 },
        { "before another type", "\x00\x00\x05\x00\x00\x00\x00\x09\x07\x00\x00", 11, true, 9 },
        { "none", "", 0, false, 0 },
        { "another type only", "\x07\x00\x01\xaa", 4, false, 0 },
        { "twice", "\x00\x00\x05\x00\x00\x00\x01\x02\x00\x00\x05\x00\x00\x00\x01\x02", 16, false, 0 },
        { "four bytes", "\x00\x00\x04\x00\x00\x01\x02", 7, false, 0 },
        { "six bytes", "\x00\x00\x06\x00\x00\x00\x00\x01\x02", 9, false, 0 },
        { "trailing byte", "\x00\x00\x05\x00\x00\x00\x01\x02\x00", 9, false, 0 },
        { "cut", "\x00\x00\x05\x00\x00\x00\x01", 7, false, 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t index = 0;

        ck_assert_msg(ct_sct_leaf_index(of(rows[i].bytes, rows[i].len), &index) == rows[i].ok, "%s", rows[i].name);
        ck_assert_msg(!rows[i].ok || index == rows[i].index, "%s", rows[i].name);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sct");
    TCase *tc = tcase_create("sct");

    tcase_add_test(tc, decodes_every_field);
    tcase_add_test(tc, rejects_every_truncation_and_a_trailing_byte);
    tcase_add_test(tc, says_that_a_version_is_not_supported);
    tcase_add_test(tc, a_list_must_add_up);
    tcase_add_test(tc, an_undecodable_sct_does_not_spoil_its_neighbours);
    tcase_add_test(tc, what_is_beyond_the_limit_is_counted_not_kept);
    tcase_add_test(tc, reads_leaf_index);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
