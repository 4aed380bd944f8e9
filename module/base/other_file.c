/* SPDX-License-Identifier: Apache-2.0 */
#include "base/other_file.h"

#include <string.h>

const char ct_other_file_certificate[] = "a certificate in binary form (DER)";

struct beginning {
    const char *bytes;
    size_t len;
    const char *what;
};
#define ROW(bytes, what) \
    { \
        bytes, sizeof bytes - 1, what \
    }

static const struct beginning of_files[] = {
    ROW("\x1f\x8b", "a gzip file; unpack it with gunzip"),
    ROW("PK\x03\x04", "a ZIP file; unpack it with unzip"),
    ROW("BZh", "a bzip2 file; unpack it with bunzip2"),
    ROW("\xfd"
        "7zXZ",
        "an xz file; unpack it with unxz"),
    ROW("\x28\xb5\x2f\xfd", "a Zstandard file; unpack it with unzstd"),
    ROW("\xff\xfe", "UTF-16; save it as UTF-8"),
    ROW("\xfe\xff", "UTF-16; save it as UTF-8"),
    ROW("<", "an HTML or XML page, perhaps an error message or a login page; look at it, and fetch the file again"),
    ROW("ssh-", "an SSH key; `ssh-keygen -e -m PKCS8` makes a PEM key of it"),
    ROW("ecdsa-sha2-", "an SSH key; `ssh-keygen -e -m PKCS8` makes a PEM key of it"),
    ROW("\xfe\xed\xfe\xed", "a Java key store; `keytool -exportcert -rfc` writes a certificate of it"),
};

/* What stands in the outer SEQUENCE; with a header of a second SEQUENCE skipped where the row begins with it. */
static const struct beginning of_der[] = {
    ROW("\x02\x01\x03\x30",
        "PKCS #12, a key with its certificates; `openssl pkcs12 -nokeys` takes the certificates out"),
    ROW("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07",
        "PKCS #7; `openssl pkcs7 -inform DER -print_certs` takes the certificates out"),
    ROW("\x02\x01\x00", "a private key in binary form; keep it secret, nothing here needs it"),
    ROW("\x02\x01\x01\x04", "a private key in binary form; keep it secret, nothing here needs it"),
};
static const struct beginning of_inner_der[] = {
    ROW("\x06", "a public key in binary form; `openssl pkey -pubin -inform DER` makes PEM of it"),
    ROW("\xa0\x03\x02\x01", ct_other_file_certificate),
    ROW("\x02\x01\x00\x30", "a certificate request, which no CA has signed yet"),
};
#undef ROW

static bool begins(struct ct_bytes text, const char *with, size_t len)
{
    return text.len >= len && memcmp(text.data, with, len) == 0;
}

#define FIND(text, rows) find(text, rows, sizeof rows / sizeof rows[0])
static const char *find(struct ct_bytes text, const struct beginning *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (begins(text, rows[i].bytes, rows[i].len)) {
            return rows[i].what;
        }
    }
    return NULL;
}

/* Steps behind the header of a SEQUENCE of any form, BER's without a length too. */
static bool enter_sequence(struct ct_bytes *text)
{
    size_t header = 2;

    if (text->len < 2 || text->data[0] != 0x30) {
        return false;
    }
    if (text->data[1] > 0x80) {
        header += text->data[1] & 0x7fu;
    }
    if (header > 6 || text->len < header) {
        return false;
    }
    *text = (struct ct_bytes){ text->data + header, text->len - header };
    return true;
}

static const char *binary(struct ct_bytes text)
{
    const char *what;

    if (!enter_sequence(&text)) {
        return NULL;
    }
    what = FIND(text, of_der);
    return what == NULL && enter_sequence(&text) ? FIND(text, of_inner_der) : what;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The first letters of a SEQUENCE of 16 bytes or more in base64, and nothing else than base64 from there to the end. */
static bool is_bare_base64(struct ct_bytes text)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

    if (text.len < 24 || text.data[0] != 'M' || text.data[1] < 'A' || text.data[1] > 'I') {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_blank(text.data[i]) && memchr(alphabet, text.data[i], sizeof alphabet - 1) == NULL) {
            return false;
        }
    }
    return true;
}

const char *ct_other_file(struct ct_bytes text)
{
    const char *what;

    while (text.len > 0 && is_blank(text.data[0])) {
        text.data++;
        text.len--;
    }
    if ((what = FIND(text, of_files)) != NULL || (what = binary(text)) != NULL ||
        (what = ct_pem_without_lines(text)) != NULL) {
        return what;
    }
    return is_bare_base64(text) ? "base64 without PEM's lines around it; put \"-----BEGIN PUBLIC KEY-----\" (or "
                                  "CERTIFICATE) on a line before it and \"-----END PUBLIC KEY-----\" behind"
                                : NULL;
}

const char *ct_pem_without_lines(struct ct_bytes text)
{
    static const char begin[] = "-----BEGIN ", end[] = "-----END ", newline[] = "\\n";
    const uint8_t *found = text.len == 0 ? NULL : memmem(text.data, text.len, begin, sizeof begin - 1);
    const uint8_t *feed;
    size_t len;

    if (found == NULL) {
        return NULL;
    }
    len = text.len - (size_t)(found - text.data);
    feed = memchr(found, '\n', len);
    len = feed == NULL ? len : (size_t)(feed - found);
    if (memmem(found, len, end, sizeof end - 1) == NULL) {
        return NULL;
    }
    return memmem(found, len, newline, sizeof newline - 1) != NULL
               ? "PEM whose line breaks are written as \\n; `printf %b \"$(cat FILE)\"` makes lines of it"
               : "PEM on one line; its BEGIN and END are to stand on lines of their own";
}
