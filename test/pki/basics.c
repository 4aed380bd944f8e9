/* SPDX-License-Identifier: Apache-2.0 */
/* Failing, bytes that grow, files and times. */
#include "pki.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

void pki_die(const char *format, ...)
{
    va_list arguments;

    fputs("ctpki: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    ERR_print_errors_fp(stderr);
    exit(2);
}

void pki_add(struct pki_bytes *to, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }
    uint8_t *grown = realloc(to->data, to->len + len);
    if (grown == NULL) {
        pki_die("out of memory");
    }
    memcpy(grown + to->len, data, len);
    to->data = grown;
    to->len += len;
}

void pki_add_uint(struct pki_bytes *to, uint64_t value, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
    pki_add(to, bytes, size);
}

void pki_add_vector(struct pki_bytes *to, size_t size, const uint8_t *data, size_t len)
{
    if ((uint64_t)len >> (8 * size) != 0) {
        pki_die("%zu bytes do not fit into a vector with a length of %zu bytes", len, size);
    }
    pki_add_uint(to, len, size);
    pki_add(to, data, len);
}

void pki_bytes_clear(struct pki_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct pki_bytes){ 0 };
}

char *pki_path(const char *prefix, const char *suffix)
{
    char *path = NULL;

    if (asprintf(&path, "%s%s", prefix, suffix) < 0) {
        pki_die("out of memory");
    }
    return path;
}

FILE *pki_open(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);

    if (file == NULL) {
        pki_die("%s: %s", path, strerror(errno));
    }
    return file;
}

static void close_written(FILE *file, const char *path)
{
    if (fclose(file) != 0) {
        pki_die("%s: %s", path, strerror(errno));
    }
}

void pki_write_file(const char *path, const uint8_t *data, size_t len)
{
    FILE *file = pki_open(path, "wb");

    if (fwrite(data, 1, len, file) != len) {
        pki_die("%s: %s", path, strerror(errno));
    }
    close_written(file, path);
}

void pki_read_file(const char *path, struct pki_bytes *out)
{
    FILE *file = pki_open(path, "rb");
    uint8_t chunk[4096];
    size_t got;

    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        pki_add(out, chunk, got);
    }
    if (ferror(file)) {
        pki_die("%s: %s", path, strerror(errno));
    }
    fclose(file);
}

void pki_write_key(const char *prefix, EVP_PKEY *key)
{
    char *path = pki_path(prefix, ".key");
    mode_t before = umask(077);
    FILE *file = pki_open(path, "w");

    umask(before);
    if (PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1) {
        pki_die("cannot write %s", path);
    }
    close_written(file, path);
    free(path);
}

EVP_PKEY *pki_read_key(const char *prefix)
{
    char *path = pki_path(prefix, ".key");
    FILE *file = pki_open(path, "r");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);

    if (key == NULL) {
        pki_die("%s: no private key in PEM", path);
    }
    fclose(file);
    free(path);
    return key;
}

X509 *pki_read_certificate(const char *path)
{
    FILE *file = pki_open(path, "r");
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);

    if (certificate == NULL) {
        pki_die("%s: no certificate in PEM", path);
    }
    fclose(file);
    return certificate;
}

void pki_make_directory(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        pki_die("%s: %s", path, strerror(errno));
    }
}

void pki_sha256_hex(const uint8_t *data, size_t len, char out[65])
{
    uint8_t digest[32];

    if (EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) != 1) {
        pki_die("cannot compute SHA-256");
    }
    for (size_t i = 0; i < sizeof digest; i++) {
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    }
}

int64_t pki_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * PKI_SECOND + now.tv_nsec / 1000000;
}

static bool parse_duration(const char *text, int64_t *out)
{
    char *end;
    long long count = strtoll(text, &end, 10);
    int64_t unit;

    if (end == text || count < 0 || count > INT32_MAX || strlen(end) != 1) {
        return false;
    }
    switch (*end) {
    case 's':
        unit = PKI_SECOND;
        break;
    case 'm':
        unit = PKI_MINUTE;
        break;
    case 'h':
        unit = PKI_HOUR;
        break;
    case 'd':
        unit = PKI_DAY;
        break;
    default:
        return false;
    }
    *out = count * unit;
    return true;
}

/* libcrypto's arithmetic, since time_t may have 32 bits. */
static const struct tm epoch = { .tm_year = 70, .tm_mday = 1 };

bool pki_parse_time(const char *text, int64_t now_ms, int64_t *out)
{
    struct tm tm = { 0 };
    int64_t duration;
    char *end;

    if (strcmp(text, "now") == 0) {
        *out = now_ms;
        return true;
    }
    if (*text == '+' || *text == '-') {
        if (!parse_duration(text + 1, &duration)) {
            return false;
        }
        *out = *text == '+' ? now_ms + duration : now_ms - duration;
        return true;
    }
    end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end != NULL) {
        int64_t fraction = 0;
        int days, seconds;
        if (*end == '.') {
            int64_t scale = 100;
            for (end++; *end >= '0' && *end <= '9'; end++, scale /= 10) {
                fraction += (*end - '0') * scale;
            }
        }
        if (OPENSSL_gmtime_diff(&days, &seconds, &epoch, &tm) != 1) {
            return false;
        }
        *out = days * PKI_DAY + seconds * PKI_SECOND + fraction;
        return strcmp(end, "Z") == 0;
    }
    if (*text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

void pki_format_time(int64_t at_ms, char out[32])
{
    int fraction = (int)(at_ms % PKI_SECOND);
    struct tm tm = epoch;

    if (OPENSSL_gmtime_adj(&tm, (int)(at_ms / PKI_DAY), (long)(at_ms % PKI_DAY / PKI_SECOND)) != 1) {
        pki_die("cannot write a time");
    }
    size_t len = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    if (fraction == 0) {
        snprintf(out + len, 32 - len, "Z");
    } else {
        snprintf(out + len, 32 - len, ".%03dZ", fraction);
    }
}
