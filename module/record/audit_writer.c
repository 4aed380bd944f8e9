/* SPDX-License-Identifier: Apache-2.0 */
#include "record/audit_writer.h"

#include <string.h>

#include "base/clock.h"
#include "base/problems.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define ELLIPSIS "\xE2\x80\xA6"    /* U+2026 */
#define MARK_LEN 3                 /* of either */

void ct_audit_begin(struct ct_audit_writer *w, char *buffer, size_t size)
{
    w->at = buffer;
    w->end = buffer + size;
    w->full = false;
    w->first = true;
    ct_audit_bytes(w, "{", 1);
}

void ct_audit_bytes(struct ct_audit_writer *w, const char *data, size_t len)
{
    if (w->full || len > (size_t)(w->end - w->at)) {
        w->full = true;
        return;
    }
    memcpy(w->at, data, len);
    w->at += len;
}

static void put(struct ct_audit_writer *w, const char *text)
{
    ct_audit_bytes(w, text, strlen(text));
}

void ct_audit_raw(struct ct_audit_writer *w, const char *json)
{
    if (!w->first) {
        ct_audit_bytes(w, ",", 1);
    }
    w->first = false;
    put(w, json);
}

/* `,"key":` and then `quote`, if any: the most frequent thing that is written. */
static void put_key_and(struct ct_audit_writer *w, const char *key, char quote)
{
    size_t len = strlen(key);

    if (w->full || len + 5 > (size_t)(w->end - w->at)) {
        w->full = true;
        return;
    }
    if (!w->first) {
        *w->at++ = ',';
    }
    w->first = false;
    *w->at++ = '"';
    memcpy(w->at, key, len);
    w->at += len;
    *w->at++ = '"';
    *w->at++ = ':';
    if (quote != '\0') {
        *w->at++ = quote;
    }
}

static void put_key(struct ct_audit_writer *w, const char *key)
{
    put_key_and(w, key, '\0');
}

void ct_audit_word(struct ct_audit_writer *w, const char *key, const char *value)
{
    put_key_and(w, key, '"');
    put(w, value);
    ct_audit_bytes(w, "\"", 1);
}

/* A string in the making: what is written stays within `max` bytes, the mark of what was cut included. */
struct string {
    struct ct_audit_writer *w;
    char *limit; /* behind the last byte that may be written */
    char *cut;   /* where the mark still fits: the end of the last whole character before that */
    bool truncated;
};

static struct string string_begin(struct ct_audit_writer *w, size_t max)
{
    struct string s = { .w = w };
    size_t room;

    ct_audit_bytes(w, "\"", 1);
    room = w->full ? 0 : (size_t)(w->end - w->at);
    s.limit = w->at + (max < room ? max : room);
    s.cut = w->at;
    s.truncated = w->full;
    return s;
}

/* One whole character, escaped already. */
static void string_add(struct string *s, const char *data, size_t len)
{
    if (s->truncated || len > (size_t)(s->limit - s->w->at)) {
        s->truncated = true;
        return;
    }
    for (size_t i = 0; i < len; i++) { /* one to three bytes: a call would cost more */
        s->w->at[i] = data[i];
    }
    s->w->at += len;
    if (s->limit - s->w->at >= MARK_LEN) {
        s->cut = s->w->at;
    }
}

static void string_end(struct string *s)
{
    if (s->w->full) {
        return;
    }
    if (s->truncated) {
        s->w->at = s->cut;
        if (s->limit - s->cut >= MARK_LEN) {
            ct_audit_bytes(s->w, ELLIPSIS, MARK_LEN);
        }
    }
    ct_audit_bytes(s->w, "\"", 1);
}

/* The character at the beginning of hostile text, as it may stand in a string; returns how many bytes it took. */
static size_t string_add_character(struct string *s, const char *text, size_t len)
{
    unsigned char c = (unsigned char)text[0];
    size_t step = 1;

    if (c == '"' || c == '\\') {
        string_add(s, c == '"' ? "\\\"" : "\\\\", 2);
    } else if (c >= 0x20 && c < 0x7f) {
        string_add(s, text, 1);
    } else if (c == '\t') {
        string_add(s, "\\t", 2);
    } else if (c < 0x80 || (step = ct_plain_character((struct ct_bytes){ (const uint8_t *)text, len })) == 0) {
        string_add(s, REPLACEMENT, MARK_LEN);
        step = 1;
    } else {
        string_add(s, text, step);
    }
    return step;
}

/* How many bytes at the beginning of the text are ASCII that needs no escape. */
static size_t plain_run(const char *text, size_t len)
{
    size_t i = 0;

    while (i < len && (unsigned char)(text[i] - 0x20) < 0x5f && text[i] != '"' && text[i] != '\\') {
        i++;
    }
    return i;
}

static void string_add_text(struct string *s, const char *text, size_t len)
{
    while (len > 0 && !s->truncated) {
        size_t step = plain_run(text, len);

        if (step > 0 && s->limit - s->w->at >= (ptrdiff_t)step + MARK_LEN) {
            memcpy(s->w->at, text, step);
            s->w->at += step;
            s->cut = s->w->at;
        } else {
            step = string_add_character(s, text, len);
        }
        text += step;
        len -= step;
    }
}

void ct_audit_text_up_to(struct ct_audit_writer *w, const char *key, const char *value, size_t len, size_t max)
{
    struct string s;

    put_key(w, key);
    s = string_begin(w, max);
    string_add_text(&s, value, len);
    string_end(&s);
}

void ct_audit_text(struct ct_audit_writer *w, const char *key, const char *value)
{
    if (value != NULL) {
        ct_audit_text_up_to(w, key, value, strlen(value), CT_AUDIT_STRING_MAX);
    }
}

void ct_audit_element_of(struct ct_audit_writer *w, const char *value, size_t len, size_t max)
{
    struct string s;

    ct_audit_raw(w, "");
    s = string_begin(w, max);
    string_add_text(&s, value, len);
    string_end(&s);
}

void ct_audit_element(struct ct_audit_writer *w, const char *value, size_t max)
{
    if (value == NULL) {
        ct_audit_raw(w, "null");
        return;
    }
    ct_audit_element_of(w, value, strlen(value), max);
}

void ct_audit_array(struct ct_audit_writer *w, const char *key)
{
    put_key_and(w, key, '[');
    w->first = true;
}

void ct_audit_array_end(struct ct_audit_writer *w)
{
    ct_audit_bytes(w, "]", 1);
    w->first = false;
}

void ct_audit_number(struct ct_audit_writer *w, const char *key, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put_key(w, key);
    ct_audit_bytes(w, digits + at, sizeof digits - at);
}

void ct_audit_bool(struct ct_audit_writer *w, const char *key, bool value)
{
    put_key(w, key);
    put(w, value ? "true" : "false");
}

void ct_audit_date(struct ct_audit_writer *w, const char *key, const char *formatted)
{
    if (strchr(formatted, 'Z') == NULL) {
        return; /* no calendar reaches there, and a log index that expects a date would refuse the whole line */
    }
    ct_audit_word(w, key, formatted);
}

void ct_audit_moment(struct ct_audit_writer *w, const char *key, int64_t ms)
{
    char text[32];

    ct_time_format_ms(ms, text, sizeof text);
    ct_audit_date(w, key, text);
}

void ct_audit_hex(struct ct_audit_writer *w, const char *key, const uint8_t *data, size_t len, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[64];

    if (len > sizeof text / 2) {
        w->full = true;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[data[i] >> 4];
        text[2 * i + 1] = digits[data[i] & 15];
    }
    put_key(w, key);
    ct_audit_bytes(w, "\"", 1);
    ct_audit_bytes(w, text, 2 * len);
    ct_audit_bytes(w, "\"", 1);
}

/* A character of a value, with RFC 4514's backslash where it needs one: no value can pass for two attributes. */
static size_t string_add_value_character(struct string *s, const char *text, size_t len, bool first, bool last)
{
    bool special = *text == ' ' ? first || last : *text == '#' ? first : memchr(",+\"\\<>;", *text, 7) != NULL;

    if (special) {
        string_add(s, "\\\\", 2);
    }
    return string_add_character(s, text, len);
}

/* Whether nothing in it needs a backslash: letters, digits, and blanks within. */
static bool is_simple(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool letter = (unsigned char)((c | 0x20) - 'a') < 26 || (unsigned char)(c - '0') < 10;

        if (!letter && c != '-' && c != '.' && (c != ' ' || i == 0 || i + 1 == len)) {
            return false;
        }
    }
    return true;
}

static void string_add_value(struct string *s, const char *text, size_t len)
{
    if (is_simple(text, len)) {
        string_add_text(s, text, len);
        return;
    }
    for (size_t i = 0; i < len && !s->truncated;) {
        i += string_add_value_character(s, text + i, len - i, i == 0, i + 1 == len);
    }
}

/* Of BMPString and UniversalString code points of two and four bytes; others are bytes that should be UTF-8. */
static size_t width_of(const ASN1_STRING *value)
{
    int type = ASN1_STRING_type(value);

    return type == V_ASN1_BMPSTRING ? 2 : type == V_ASN1_UNIVERSALSTRING ? 4 : 1;
}

/* `escaped`: as a value in RFC 4514's form. */
static void string_add_wide(struct string *s, const uint8_t *data, size_t len, size_t width, bool escaped)
{
    for (size_t i = 0; len - i >= width && !s->truncated; i += width) {
        unsigned char utf8[6];
        unsigned long c = 0;
        int got;

        for (size_t k = 0; k < width; k++) {
            c = c << 8 | data[i + k];
        }
        got = UTF8_putc(utf8, sizeof utf8, c);
        if (got <= 0 || got > 4) {
            string_add(s, REPLACEMENT, MARK_LEN);
        } else if (escaped) {
            string_add_value_character(s, (const char *)utf8, (size_t)got, i == 0, len - i < 2 * width);
        } else {
            string_add_character(s, (const char *)utf8, (size_t)got);
        }
    }
}

void ct_audit_element_of_name(struct ct_audit_writer *w, const ASN1_STRING *value, size_t max)
{
    const char *data = (const char *)ASN1_STRING_get0_data(value);
    size_t len = data != NULL ? (size_t)ASN1_STRING_length(value) : 0;
    struct string s;

    ct_audit_raw(w, "");
    s = string_begin(w, max);
    if (width_of(value) == 1) {
        string_add_text(&s, data, len);
    } else {
        string_add_wide(&s, (const uint8_t *)data, len, width_of(value), false);
    }
    string_end(&s);
}

/* The types that nearly all names are made of, 2.5.4.n: OpenSSL's search takes longer than all the rest of a name. */
static const char *common_type(const ASN1_OBJECT *type)
{
    static const char *const names[] = { [3] = "CN", [6] = "C", [7] = "L", [8] = "ST", [10] = "O", [11] = "OU" };
    const unsigned char *der = OBJ_get0_data(type);

    return OBJ_length(type) == 3 && der[0] == 0x55 && der[1] == 4 && der[2] < sizeof names / sizeof names[0]
               ? names[der[2]]
               : NULL;
}

static void string_add_attribute(struct string *s, const X509_NAME_ENTRY *entry)
{
    const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(entry);
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
    const char *data = (const char *)ASN1_STRING_get0_data(value);
    int len = ASN1_STRING_length(value);
    const char *known = common_type(type);
    char dotted[80];

    if (known == NULL && OBJ_obj2nid(type) != NID_undef) {
        known = OBJ_nid2sn(OBJ_obj2nid(type));
    }
    if (known == NULL && OBJ_obj2txt(dotted, sizeof dotted, type, 1) > 0) {
        known = dotted;
    }
    if (known != NULL) {
        string_add_text(s, known, strlen(known));
    }
    string_add(s, "=", 1);
    if (data == NULL || len <= 0) {
        return;
    }
    if (width_of(value) == 1) {
        string_add_value(s, data, (size_t)len);
    } else {
        string_add_wide(s, (const uint8_t *)data, (size_t)len, width_of(value), true);
    }
}

void ct_audit_name(struct ct_audit_writer *w, const char *key, const X509_NAME *name)
{
    struct string s;
    int set = -1;

    put_key(w, key);
    s = string_begin(w, CT_AUDIT_STRING_MAX);
    for (int i = X509_NAME_entry_count(name) - 1; i >= 0 && !s.truncated; i--) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);

        if (set != -1) {
            string_add(&s, X509_NAME_ENTRY_set(entry) == set ? "+" : ",", 1);
        }
        set = X509_NAME_ENTRY_set(entry);
        string_add_attribute(&s, entry);
    }
    string_end(&s);
}
