/* SPDX-License-Identifier: Apache-2.0 */
/* Input: files and certificates, with messages that say what was expected. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/other_file.h"
#include "evidence/names.h"
#include "tool/tool.h"

static const char *shown(const char *name)
{
    return strcmp(name, "-") == 0 ? "standard input" : name;
}

/* Reads to the end, at most `max` + 1 bytes: pipes have no size to ask for. 0 or an errno. */
static int read_all(int fd, size_t max, struct tool_file *out)
{
    size_t room = out->len;

    for (;;) {
        if (out->len + 1 >= room) {
            room = room < 8192 ? 16384 : room * 2;
            uint8_t *grown = realloc(out->data, room);
            if (grown == NULL) {
                return ENOMEM;
            }
            out->data = grown;
        }
        ssize_t got = read(fd, out->data + out->len, room - out->len - 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return errno;
        }
        out->len += (size_t)got;
        out->data[out->len] = '\0';
        if (out->len > max) {
            return EFBIG;
        }
        if (got == 0) {
            return 0;
        }
    }
}

int tool_open_file(const char *what, const char *name)
{
    static bool stdin_taken;
    int fd;

    if (strcmp(name, "-") == 0) {
        if (stdin_taken) {
            tool_error("%s: standard input (\"-\") can be read only once; name a file", what);
            return -1;
        }
        stdin_taken = true;
        return STDIN_FILENO;
    }
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        tool_error("%s: %s cannot be read: %s", what, shown(name), strerror(errno));
    }
    return fd;
}

bool tool_read_open_file(const char *what, const char *name, int fd, size_t max, struct tool_file *out)
{
    int error = read_all(fd, max, out);

    if (fd != STDIN_FILENO) {
        close(fd);
    }
    if (error == EFBIG) {
        tool_error("%s: %s is larger than %zu KiB, which is not what such a file is", what, shown(name), max / 1024);
    } else if (error != 0) {
        tool_error("%s: %s cannot be read: %s", what, shown(name), strerror(error));
    } else if (out->len == 0) {
        tool_error("%s: %s is empty", what, shown(name));
        error = EINVAL;
    }
    if (error != 0) {
        tool_file_clear(out);
    }
    return error == 0;
}

bool tool_read_file(const char *what, const char *name, size_t max, struct tool_file *out)
{
    int fd = tool_open_file(what, name);

    memset(out, 0, sizeof *out);
    return fd >= 0 && tool_read_open_file(what, name, fd, max, out);
}

void tool_file_clear(struct tool_file *file)
{
    free(file->data);
    memset(file, 0, sizeof *file);
}

static bool append(STACK_OF(X509) *certificates, X509 *certificate)
{
    if (certificate == NULL || sk_X509_push(certificates, certificate) <= 0) {
        X509_free(certificate);
        return false;
    }
    return true;
}

/* PEM without a certificate in it: what is there instead. */
static void complain_of_pem(const char *what, const char *name, const struct tool_file *file)
{
    static const char begin[] = "-----BEGIN ";
    const char *without_lines = ct_pem_without_lines((struct ct_bytes){ file->data, file->len });
    const uint8_t *label = memmem(file->data, file->len, begin, sizeof begin - 1);
    int len = 0;

    if (without_lines != NULL) {
        tool_error("%s: %s is %s", what, shown(name), without_lines);
        return;
    }
    for (label += sizeof begin - 1; label[len] != '\0' && strchr("-\r\n", label[len]) == NULL && len < 40; len++) {}
    tool_error("%s: %s is PEM but has no \"BEGIN CERTIFICATE\" in it; found \"BEGIN %.*s\"%s", what, shown(name), len,
               (const char *)label,
               strncmp((const char *)label, "PKCS7", 5) == 0 || strncmp((const char *)label, "CMS", 3) == 0
                   ? "; `openssl pkcs7 -print_certs` takes the certificates out"
               : strncmp((const char *)label, "CERTIFICATE REQUEST", 19) == 0 ? ", which no CA has signed yet"
                                                                              : "");
}

/* Other PEM blocks, such as a private key beside the certificate, are passed over. */
static bool take_pem(const char *what, const char *name, const struct tool_file *file, STACK_OF(X509) *certificates)
{
    BIO *bio = BIO_new_mem_buf(file->data, (int)file->len);
    X509 *certificate;

    if (bio == NULL) {
        tool_out_of_memory();
    }
    /* _AUX: also "TRUSTED CERTIFICATE", of which only the certificate is used. */
    while ((certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
        if (!append(certificates, certificate)) {
            tool_out_of_memory();
        }
    }
    unsigned long error = ERR_peek_last_error();
    BIO_free(bio);
    if ((ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) &&
        ct_pem_without_lines((struct ct_bytes){ file->data, file->len }) == NULL) {
        const char *reason = ERR_reason_error_string(error);
        tool_error("%s: certificate %d of %s does not decode (%s)", what, sk_X509_num(certificates) + 1, shown(name),
                   reason != NULL ? reason : "no reason given");
        return false;
    }
    if (sk_X509_num(certificates) == 0) {
        complain_of_pem(what, name, file);
        return false;
    }
    return true;
}

static bool take_der(const char *what, const char *name, const struct tool_file *file, STACK_OF(X509) *certificates)
{
    const unsigned char *at = file->data;
    X509 *certificate = d2i_X509(NULL, &at, (long)file->len);

    if (certificate == NULL) {
        const char *other = ct_other_file((struct ct_bytes){ file->data, file->len });

        tool_error("%s: %s is no certificate: expected PEM (\"BEGIN CERTIFICATE\") or DER%s%s%s", what, shown(name),
                   other != NULL ? ", found " : "", other != NULL ? other : "",
                   other == ct_other_file_certificate ? ", cut off or damaged" : "");
        return false;
    }
    size_t left = file->len - (size_t)(at - file->data);
    if (left != 0) {
        tool_error("%s: %s has %zu bytes behind the DER certificate; a chain of several must be PEM", what, shown(name),
                   left);
        X509_free(certificate);
        return false;
    }
    if (!append(certificates, certificate)) {
        tool_out_of_memory();
    }
    return true;
}

STACK_OF(X509) *tool_certificates_of(const char *what, const char *name, const struct tool_file *file)
{
    STACK_OF(X509) *certificates = sk_X509_new_null();

    if (certificates == NULL) {
        tool_out_of_memory();
    }
    ERR_clear_error();
    bool pem = memmem(file->data, file->len, "-----BEGIN ", 11) != NULL;
    bool ok = pem ? take_pem(what, name, file, certificates) : take_der(what, name, file, certificates);
    ERR_clear_error();
    if (!ok) {
        tool_certificates_free(certificates);
        certificates = NULL;
    }
    return certificates;
}

STACK_OF(X509) *tool_read_certificates(const char *what, const char *name)
{
    struct tool_file file;
    STACK_OF(X509) *certificates = NULL;

    if (tool_read_file(what, name, TOOL_CERTIFICATES_MAX_BYTES, &file)) {
        certificates = tool_certificates_of(what, name, &file);
        tool_file_clear(&file);
    }
    return certificates;
}

void tool_certificates_free(STACK_OF(X509) *certificates)
{
    sk_X509_pop_free(certificates, X509_free);
}

#define NAME_MAX_BYTES 240

char *tool_alternative_name(const char *name, size_t len)
{
    return memchr(name, '\0', len) != NULL ? tool_escaped(name, len) : tool_format("%.*s", (int)len, name);
}

static void take_name(void *arg, const char *name, size_t len)
{
    char **text = arg;

    *text = *text == NULL ? tool_alternative_name(name, len) : *text;
}

char *tool_subject(const X509 *certificate)
{
    char *text = NULL;

    if (X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0 &&
        ct_each_alternative_name(certificate, 1, take_name, &text) > 0) {
        return text;
    }
    return tool_name(X509_get_subject_name(certificate));
}

char *tool_name(const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const char *data = NULL;
    char *text;

    /* UTF-8 as it is: whatever could harm a terminal is escaped where it is printed. */
    if (bio == NULL || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) {
        BIO_free(bio);
        return tool_format("(a name that does not decode)");
    }
    long len = BIO_get_mem_data(bio, &data);
    if (len <= 0) {
        text = tool_format("(empty name)");
    } else {
        text = tool_format("%.*s%s", (int)(len < NAME_MAX_BYTES ? len : NAME_MAX_BYTES), data,
                           len > NAME_MAX_BYTES ? "..." : "");
    }
    BIO_free(bio);
    return text;
}
