/* SPDX-License-Identifier: Apache-2.0 */
#include "base/other_file.h"

#include <string.h>

#include "unit.h"

#define BYTES(text) (const uint8_t *)(text), sizeof text - 1
static const struct {
    const uint8_t *data;
    size_t len;
    const char *what; /* part of the answer; NULL: nothing known */
} rows[] = {
    { BYTES("\x1f\x8b\x08"), "gunzip" },
    { BYTES("PK\x03\x04"), "unzip" },
    { BYTES("\xff\xfe{\0"), "UTF-16" },
    { BYTES("\xfe\xff\0{"), "UTF-16" },
    { BYTES("<!DOCTYPE html>"), "HTML" },
    { BYTES("\n <html>"), "HTML" },
    { BYTES("ssh-ed25519 AAAA"), "SSH key" },
    { BYTES("ecdsa-sha2-nistp256 AAAA"), "SSH key" },
    /* PKCS #12 and PKCS #7, with and without a length */
    { BYTES("\x30\x82\x03\xf4\x02\x01\x03\x30\x82"), "PKCS #12" },
    { BYTES("\x30\x80\x02\x01\x03\x30\x80"), "PKCS #12" },
    { BYTES("\x30\x82\x01\x9a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"), "PKCS #7" },
    { BYTES("\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"), "PKCS #7" },
    { BYTES("\x30\x81\x87\x02\x01\x00\x30"), "private key" },
    { BYTES("\x30\x77\x02\x01\x01\x04\x20"), "private key" },
    { BYTES("\x30\x59\x30\x13\x06\x07"), "public key in binary" },
    { BYTES("\x30\x82\x01\x22\x30\x0d\x06\x09"), "public key in binary" },
    { BYTES("\x30\x82\x01\x68\x30\x82\x01\x0d\xa0\x03\x02\x01\x02"), "certificate in binary" },
    { BYTES("\x30\x81\xc5\x30\x6c\x02\x01\x00\x30"), "certificate request" },
    { BYTES("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEr\nx1N2bVI=\n"), "base64 without" },
    { BYTES("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEr!"), NULL },
    { BYTES("Mountains and hills and dales"), NULL },
    { BYTES("# keys\n-----BEGIN PUBLIC KEY-----MFkw-----END PUBLIC KEY-----\n"), "on one line" },
    { BYTES("-----BEGIN PUBLIC KEY-----\\nMFkw\\n-----END PUBLIC KEY-----\\n"), "written as \\n" },
    { BYTES("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"), NULL },
    { BYTES("{}"), NULL },
    { BYTES(""), NULL },
    { BYTES("\x30"), NULL },
    { BYTES("\x30\x84\x01"), NULL },
    { BYTES("\x30\xff\x30\x30\x30\x30\x30\x30\x30\x30\x30"), NULL },
};

START_TEST(files_are_told_by_their_first_bytes)
{
    const char *what = ct_other_file((struct ct_bytes){ rows[_i].data, rows[_i].len });

    ck_assert_msg(rows[_i].what == NULL ? what == NULL : what != NULL && strstr(what, rows[_i].what) != NULL,
                  "row %d, expected %s, found %s", _i, rows[_i].what != NULL ? rows[_i].what : "nothing",
                  what != NULL ? what : "nothing");
}
END_TEST

/* Whatever is cut off anywhere is told as before, or not known: nothing is read behind its end. */
START_TEST(what_is_cut_off_is_safe)
{
    for (size_t len = 0; len < rows[_i].len; len++) {
        uint8_t *copy = malloc(len + 1);

        memcpy(copy, rows[_i].data, len);
        (void)ct_other_file((struct ct_bytes){ copy, len });
        free(copy);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("other_file");
    TCase *tc = tcase_create("other_file");

    tcase_add_loop_test(tc, files_are_told_by_their_first_bytes, 0, sizeof rows / sizeof rows[0]);
    tcase_add_loop_test(tc, what_is_cut_off_is_safe, 0, sizeof rows / sizeof rows[0]);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
