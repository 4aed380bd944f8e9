/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rule_names.h"

#include <openssl/crypto.h>
#include <string.h>

#include "evidence/identity.h"

/* Whether `text` is the pattern, or begins with what stands before a `*` at its end and goes on. */
static bool uri_matches(const char *pattern, struct ct_bytes text)
{
    size_t len = strlen(pattern);

    if (pattern[len - 1] == '*') {
        return text.len > len - 1 && memcmp(text.data, pattern, len - 1) == 0;
    }
    return text.len == len && memcmp(text.data, pattern, len) == 0;
}

bool ct_host_name_matches(const char *pattern, struct ct_bytes host)
{
    if (pattern[0] == '*' && pattern[1] == '.') {
        const uint8_t *rest = host.len > 0 ? memchr(host.data, '.', host.len) : NULL;

        if (rest == NULL || rest == host.data) {
            return false;
        }
        host.len -= (size_t)(rest - host.data);
        host.data = rest;
        pattern++;
    }
    return strlen(pattern) == host.len && OPENSSL_strncasecmp(pattern, (const char *)host.data, host.len) == 0;
}

/* No memrchr: one more symbol is looked up at the start of every process that loads us. */
static const uint8_t *last_at(struct ct_bytes text)
{
    for (size_t i = text.len; i > 0; i--) {
        if (text.data[i - 1] == '@') {
            return text.data + i - 1;
        }
    }
    return NULL;
}

/* The case of the host does not matter; that of what is before it does (RFC 5280, section 7.5). */
static bool email_matches(const char *pattern, struct ct_bytes text)
{
    const char *host = strchr(pattern, '@');
    const uint8_t *at = last_at(text);
    size_t before = at != NULL ? (size_t)(at - text.data) : 0;

    return host != NULL && at != NULL && before > 0 && strlen(host) == text.len - before &&
           OPENSSL_strncasecmp(host, (const char *)at, text.len - before) == 0 &&
           (pattern[0] == '*' || ((size_t)(host - pattern) == before && memcmp(pattern, text.data, before) == 0));
}

/* Segments that lead elsewhere than they seem to, also in disguise: "..", ".", a backslash, "%2e", "%2f", "%5c". */
static bool is_crooked(struct ct_bytes uri)
{
    const char *text = (const char *)uri.data;

    for (size_t i = 0; i < uri.len; i++) {
        const char *at = text + i;
        size_t left = uri.len - i;

        if (*at == '\\' ||
            (left >= 3 && (OPENSSL_strncasecmp(at, "%2e", 3) == 0 || OPENSSL_strncasecmp(at, "%2f", 3) == 0 ||
                           OPENSSL_strncasecmp(at, "%5c", 3) == 0))) {
            return true;
        }
        if (*at == '/' && left >= 2 && at[1] == '.' &&
            (left == 2 || at[2] == '/' || (at[2] == '.' && (left == 3 || at[3] == '/')))) {
            return true;
        }
    }
    return false;
}

/* Bytes that programs read in different ways: a NUL, blanks, anything beyond ASCII. */
static bool is_odd(struct ct_bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] <= 0x20 || name.data[i] >= 0x7f) {
            return true;
        }
    }
    return name.len == 0;
}

static bool matches(unsigned kind, const char *pattern, struct ct_bytes name)
{
    return kind == CT_NAME_URI   ? uri_matches(pattern, name)
           : kind == CT_NAME_DNS ? ct_host_name_matches(pattern, name)
                                 : email_matches(pattern, name);
}

enum ct_name_match ct_rule_names_match(struct ct_bytes names, unsigned kind, const char *pattern,
                                       struct ct_bytes *first)
{
    enum ct_name_match match = CT_NAME_DIFFERS;
    struct ct_reader r = ct_reader_of(names);
    struct ct_bytes name;
    unsigned found, count = 0;

    *first = (struct ct_bytes){ NULL, 0 };
    while (r.left > 0) {
        if (++count > CT_RULE_NAMES_MAX || !ct_identity_next_name(&r, &found, &name)) {
            return CT_NAME_UNREADABLE;
        }
        if (found != kind) {
            continue;
        }
        if (is_odd(name) || (kind == CT_NAME_URI && is_crooked(name))) {
            return CT_NAME_UNREADABLE;
        }
        *first = first->data == NULL ? name : *first;
        match = matches(kind, pattern, name) ? CT_NAME_MATCHES : match;
    }
    return match;
}
