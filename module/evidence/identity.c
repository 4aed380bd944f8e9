/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/identity.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/der.h"

#define UTC_TIME 0x17
#define GENERALIZED_TIME 0x18

static bool two_digits(const uint8_t *at, unsigned *out)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9') {
        return false;
    }
    *out = (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0');
    return true;
}

/* UTCTime and GeneralizedTime in the forms of RFC 5280, section 4.1.2.5: with seconds, in Zulu. */
static bool read_time(struct ct_reader *r, int64_t *ms)
{
    struct ct_der element = ct_der_read(r);
    const uint8_t *at = element.content.data;
    unsigned century = 0, parts[6];
    struct tm tm = { 0 };

    if (element.tag == GENERALIZED_TIME && element.content.len == 15) {
        if (!two_digits(at, &century)) {
            return false;
        }
        at += 2;
    } else if (element.tag != UTC_TIME || element.content.len != 13) {
        return false;
    }
    for (size_t i = 0; i < 6; i++, at += 2) {
        if (!two_digits(at, &parts[i])) {
            return false;
        }
    }
    if (element.tag == UTC_TIME) {
        century = parts[0] < 50 ? 20 : 19;
    }
    if (*at != 'Z' || parts[1] < 1 || parts[1] > 12 || parts[2] < 1 || parts[2] > 31 || parts[3] > 23 ||
        parts[4] > 59 || parts[5] > 59) {
        return false;
    }
    tm.tm_year = (int)(century * 100 + parts[0]) - 1900;
    tm.tm_mon = (int)parts[1] - 1;
    tm.tm_mday = (int)parts[2];
    tm.tm_hour = (int)parts[3];
    tm.tm_min = (int)parts[4];
    tm.tm_sec = (int)parts[5];
    *ms = ct_time_of_tm(&tm);
    return true;
}

static bool is_oid(struct ct_bytes oid, const uint8_t *wanted, size_t len)
{
    return ct_bytes_equal(oid, (struct ct_bytes){ wanted, len });
}

/* The contents of the SEQUENCE that an extension's value consists of. */
static bool sequence_in(struct ct_bytes value, struct ct_bytes *content)
{
    struct ct_reader r = ct_reader_of(value);

    *content = ct_der_expect(&r, CT_DER_SEQUENCE).content;
    return ct_reader_finished(&r);
}

static bool read_extension(struct ct_bytes extension, struct ct_identity *out)
{
    static const uint8_t alternative_names[] = { 0x55, 0x1d, 0x11 }; /* 2.5.29.17 */
    static const uint8_t usages[] = { 0x55, 0x1d, 0x25 };            /* 2.5.29.37 */
    static const uint8_t sct_list[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02 };
    struct ct_reader r = ct_reader_of(extension);
    struct ct_bytes oid = ct_der_expect(&r, CT_DER_OID).content;
    struct ct_bytes value;

    if (ct_der_peek(&r) == CT_DER_BOOLEAN) {
        (void)ct_der_read(&r);
    }
    value = ct_der_expect(&r, CT_DER_OCTET_STRING).content;
    if (!ct_reader_finished(&r)) {
        return false;
    }
    if (is_oid(oid, alternative_names, sizeof alternative_names)) {
        return out->alternative_names.data == NULL && sequence_in(value, &out->alternative_names);
    }
    if (is_oid(oid, usages, sizeof usages)) {
        return out->usages.data == NULL && sequence_in(value, &out->usages);
    }
    out->sct_list |= is_oid(oid, sct_list, sizeof sct_list);
    return true;
}

static bool read_extensions(struct ct_bytes explicit, struct ct_identity *out)
{
    struct ct_reader outer = ct_reader_of(explicit);
    struct ct_reader r = ct_reader_of(ct_der_expect(&outer, CT_DER_SEQUENCE).content);

    while (r.left > 0) {
        struct ct_bytes extension = ct_der_expect(&r, CT_DER_SEQUENCE).content;

        if (r.failed || !read_extension(extension, out)) {
            return false;
        }
    }
    return ct_reader_finished(&outer);
}

bool ct_identity_of_tbs(struct ct_bytes tbs, struct ct_identity *out)
{
    struct ct_reader r = ct_reader_of(tbs);
    struct ct_reader fields = ct_reader_of(ct_der_expect(&r, CT_DER_SEQUENCE).content);
    struct ct_reader validity;

    memset(out, 0, sizeof *out);
    if (ct_der_peek(&fields) == CT_DER_CONTEXT(0)) {
        (void)ct_der_read(&fields); /* version */
    }
    out->serial = ct_der_expect(&fields, CT_DER_INTEGER).content;
    (void)ct_der_expect(&fields, CT_DER_SEQUENCE); /* signature algorithm */
    out->issuer = ct_der_expect(&fields, CT_DER_SEQUENCE).whole;
    validity = ct_reader_of(ct_der_expect(&fields, CT_DER_SEQUENCE).content);
    out->subject = ct_der_expect(&fields, CT_DER_SEQUENCE).whole;
    out->spki = ct_der_expect(&fields, CT_DER_SEQUENCE).whole;
    if (!ct_reader_finished(&r) || fields.failed || out->serial.len == 0 ||
        !read_time(&validity, &out->not_before_ms) || !read_time(&validity, &out->not_after_ms) ||
        !ct_reader_finished(&validity)) {
        return false;
    }
    if (out->serial.len > 1 && out->serial.data[0] == 0) {
        out->serial = (struct ct_bytes){ out->serial.data + 1, out->serial.len - 1 };
    }
    while (fields.left > 0) {
        struct ct_der field = ct_der_read(&fields); /* unique identifiers, extensions */

        if (fields.failed || (field.tag == CT_DER_CONTEXT(3) && !read_extensions(field.content, out))) {
            return false;
        }
    }
    return true;
}

bool ct_identity_of_certificate(struct ct_bytes der, struct ct_identity *out)
{
    struct ct_reader r = ct_reader_of(der);
    struct ct_reader certificate = ct_reader_of(ct_der_expect(&r, CT_DER_SEQUENCE).content);
    struct ct_bytes tbs = ct_der_expect(&certificate, CT_DER_SEQUENCE).whole;

    memset(out, 0, sizeof *out);
    return ct_reader_finished(&r) && !certificate.failed && ct_identity_of_tbs(tbs, out);
}

bool ct_identity_next_name(struct ct_reader *names, unsigned *kind, struct ct_bytes *value)
{
    struct ct_der name;

    if (names->left == 0) {
        return false;
    }
    name = ct_der_read(names);
    *kind = name.tag & 0x1f;
    *value = name.content;
    return !names->failed;
}

struct ct_name_walk ct_name_walk_of(struct ct_bytes name)
{
    struct ct_reader r = ct_reader_of(name);

    return (struct ct_name_walk){ .sets = ct_reader_of(ct_der_expect(&r, CT_DER_SEQUENCE).content) };
}

bool ct_name_walk_next(struct ct_name_walk *walk, struct ct_bytes *oid, uint8_t *tag, struct ct_bytes *value)
{
    struct ct_reader attribute;
    struct ct_der element;

    if (walk->set.left == 0 && walk->sets.left > 0) {
        walk->set = ct_reader_of(ct_der_expect(&walk->sets, 0x31).content); /* RelativeDistinguishedName */
    }
    if (walk->set.left == 0) {
        return false;
    }
    attribute = ct_reader_of(ct_der_expect(&walk->set, CT_DER_SEQUENCE).content);
    *oid = ct_der_expect(&attribute, CT_DER_OID).content;
    element = ct_der_read(&attribute);
    *tag = element.tag;
    *value = element.content;
    return !walk->set.failed && ct_reader_finished(&attribute);
}
