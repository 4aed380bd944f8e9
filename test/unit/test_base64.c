/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <openssl/evp.h>
#include <string.h>

#include "unit.h"

START_TEST(reads_what_is_canonical_and_nothing_else)
{
    static const struct {
        const char *text;
        bool good;
        size_t len;
    } rows[] = {
        { "", true, 0 },          { "AA==", true, 1 },  { "AAA=", true, 2 },
        { "AAAA", true, 3 },      { "/+8=", true, 2 },  { "A", false, 0 },
        { "AA", false, 0 },       { "AAA", false, 0 },  { "AB==", false, 0 },
        { "AAB=", false, 0 },     { "A===", false, 0 }, { "====", false, 0 },
        { "AA==AAAA", false, 0 }, { "AA=A", false, 0 }, { "AAAA\n", false, 0 },
        { " AAA", false, 0 },     { "AA-_", false, 0 }, { "AAAAAAAAAAAA", false, 0 }, /* nine bytes: no room */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t out[8];
        size_t len;
        bool good = ct_base64_read((struct ct_bytes){ (const uint8_t *)rows[i].text, strlen(rows[i].text) }, out,
                                   sizeof out, &len);

        ck_assert_msg(good == rows[i].good && len == rows[i].len, "%s", rows[i].text);
    }
}
END_TEST

START_TEST(reads_what_libcrypto_writes)
{
    uint8_t bytes[60], text[84], out[60];
    size_t len;

    for (size_t n = 1; n <= sizeof bytes; n++) {
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (uint8_t)(i * 37 + n * 101);
        }
        size_t digits = (size_t)EVP_EncodeBlock(text, bytes, (int)n);
        ck_assert(ct_base64_read((struct ct_bytes){ text, digits }, out, n, &len));
        ck_assert(len == n && memcmp(out, bytes, n) == 0);
        ck_assert_msg(!ct_base64_read((struct ct_bytes){ text, digits }, out, n - 1, &len), "no room");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base64");
    TCase *tcase = tcase_create("base64");

    tcase_add_test(tcase, reads_what_is_canonical_and_nothing_else);
    tcase_add_test(tcase, reads_what_libcrypto_writes);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
