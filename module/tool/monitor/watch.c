/* SPDX-License-Identifier: Apache-2.0 */
/* clientct monitor: whether an entry is one of those that are watched for. */
#include "tool/monitor/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/der.h"

static char lower(uint8_t c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* Whether `text`, from `from` on, is `wanted`, which is in lower case. */
static bool same_from(struct ct_bytes text, size_t from, const char *wanted)
{
    size_t len = strlen(wanted);

    if (from > text.len || text.len - from != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (lower(text.data[from + i]) != wanted[i]) {
            return false;
        }
    }
    return true;
}

/* `domain` or a name below it. */
static bool is_in_domain(struct ct_bytes text, const char *domain)
{
    size_t len = strlen(domain);

    return same_from(text, 0, domain) ||
           (text.len > len && text.data[text.len - len - 1] == '.' && same_from(text, text.len - len, domain));
}

static bool begins_with(struct ct_bytes text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

/* spiffe://DOMAIN, and nothing or a path behind it; scheme and domain in any case (RFC 3986). */
static bool is_of_trust_domain(struct ct_bytes uri, const char *domain)
{
    static const char scheme[] = "spiffe://";
    size_t head = sizeof scheme - 1, len = strlen(domain);
    struct ct_bytes authority = { uri.data, head + len };

    if (uri.len < head + len || (uri.len > head + len && strchr("/?#", uri.data[head + len]) == NULL)) {
        return false;
    }
    for (size_t i = 0; i < head; i++) {
        if (lower(uri.data[i]) != scheme[i]) {
            return false;
        }
    }
    return same_from(authority, head, domain);
}

static bool is_address(struct ct_bytes address, const char *wanted)
{
    const uint8_t *at = address.len == 0 ? NULL : memrchr(address.data, '@', address.len);

    if (at == NULL) {
        return false;
    }
    struct ct_bytes domain = { at + 1, address.len - (size_t)(at + 1 - address.data) };
    return strchr(wanted, '@') != NULL ? same_from(address, 0, wanted) : is_in_domain(domain, wanted);
}

static bool is_dns(struct ct_bytes name, const char *wanted)
{
    if (name.len > 2 && name.data[0] == '*' && name.data[1] == '.') {
        name = (struct ct_bytes){ name.data + 2, name.len - 2 }; /* a wildcard may be any of the names below */
        return wanted[0] == '.' ? is_in_domain(name, wanted + 1)
                                : strchr(wanted, '.') != NULL &&
                                      (same_from(name, 0, wanted) || same_from(name, 0, strchr(wanted, '.') + 1));
    }
    return wanted[0] == '.' ? is_in_domain(name, wanted + 1) : same_from(name, 0, wanted);
}

/* Text of a DirectoryString as bytes to compare: BMPString's zeros are left out, for what is ASCII there. */
static struct ct_bytes plain(uint8_t tag, struct ct_bytes value, uint8_t room[256])
{
    size_t len = 0;

    if (tag != 0x1e) {
        return value;
    }
    for (size_t i = 0; i + 1 < value.len && len < 256; i += 2) {
        room[len++] = value.data[i] == 0 ? value.data[i + 1] : '?';
    }
    return (struct ct_bytes){ room, len };
}

static const uint8_t oid_common_name[] = { 0x55, 0x04, 0x03 };
static const uint8_t oid_email[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01 };

static bool meets_attribute(struct ct_bytes name, const struct watch_value *wanted)
{
    struct ct_name_walk walk = ct_name_walk_of(name);
    struct ct_bytes oid, value;
    uint8_t tag, room[256];

    while (ct_name_walk_next(&walk, &oid, &tag, &value)) {
        bool kind = wanted->len == 0 || ct_bytes_equal(oid, (struct ct_bytes){ wanted->bytes, wanted->len });

        if (kind && (wanted->any || same_from(plain(tag, value, room), 0, wanted->text))) {
            return true;
        }
    }
    return false;
}

/* Names that are no alternative names but stand in the subject: common name as DNS name, emailAddress. */
static bool meets_subject_name(const struct ct_identity *identity, const struct watch_value *wanted)
{
    struct ct_name_walk walk = ct_name_walk_of(identity->subject);
    struct ct_bytes oid, value;
    uint8_t tag, room[256];

    while (ct_name_walk_next(&walk, &oid, &tag, &value)) {
        value = plain(tag, value, room);
        if (wanted->kind == WATCH_DNS && ct_bytes_equal(oid, (struct ct_bytes){ oid_common_name, 3 }) &&
            is_dns(value, wanted->text)) {
            return true;
        }
        if (wanted->kind == WATCH_EMAIL && ct_bytes_equal(oid, (struct ct_bytes){ oid_email, sizeof oid_email }) &&
            is_address(value, wanted->text)) {
            return true;
        }
    }
    return false;
}

static bool meets_name(const struct ct_identity *identity, const struct watch_value *wanted)
{
    struct ct_reader names = ct_reader_of(identity->alternative_names);
    struct ct_bytes value;
    unsigned kind;

    while (ct_identity_next_name(&names, &kind, &value)) {
        if ((wanted->kind == WATCH_URI && kind == CT_NAME_URI && begins_with(value, wanted->text)) ||
            (wanted->kind == WATCH_TRUST_DOMAIN && kind == CT_NAME_URI && is_of_trust_domain(value, wanted->text)) ||
            (wanted->kind == WATCH_EMAIL && kind == CT_NAME_EMAIL && is_address(value, wanted->text)) ||
            (wanted->kind == WATCH_DNS && kind == CT_NAME_DNS && is_dns(value, wanted->text))) {
            return true;
        }
    }
    return meets_subject_name(identity, wanted);
}

static bool meets_usage(const struct ct_identity *identity, const struct watch_value *wanted)
{
    struct ct_reader usages = ct_reader_of(identity->usages);

    if (wanted->any) {
        return identity->usages.len == 0;
    }
    while (usages.left > 0) {
        struct ct_bytes oid = ct_der_expect(&usages, CT_DER_OID).content;

        if (usages.failed) {
            return false;
        }
        if (ct_bytes_equal(oid, (struct ct_bytes){ wanted->bytes, wanted->len })) {
            return true;
        }
    }
    return false;
}

/* What is asked for at most once an entry. */
struct asking {
    const struct ct_identity *identity;
    const struct ct_log_entry *entry;
    watch_issuer_key issuer_key;
    void *context;
    bool asked, known;
    uint8_t sha256[32];
};

static bool meets_issuer(struct asking *asking, const struct watch_value *wanted)
{
    if (asking->entry->type == CT_ENTRY_PRECERT) {
        return ct_bytes_equal(asking->entry->issuer_key_hash, (struct ct_bytes){ wanted->bytes, 32 });
    }
    if (!asking->asked) {
        asking->asked = true;
        asking->known = asking->issuer_key(asking->context, asking->entry, asking->sha256);
    }
    /* An issuer that is not known may be the one that is watched for. */
    return !asking->known || memcmp(asking->sha256, wanted->bytes, 32) == 0;
}

static bool meets(struct asking *asking, const struct watch_value *wanted)
{
    const struct ct_identity *identity = asking->identity;

    switch (wanted->kind) {
    case WATCH_ISSUER:
        return meets_issuer(asking, wanted);
    case WATCH_ISSUER_NAME:
        return meets_attribute(identity->issuer, wanted);
    case WATCH_SUBJECT:
        return meets_attribute(identity->subject, wanted);
    case WATCH_URI:
    case WATCH_TRUST_DOMAIN:
    case WATCH_EMAIL:
    case WATCH_DNS:
        return meets_name(identity, wanted);
    case WATCH_SERIAL:
        return ct_bytes_equal(identity->serial, (struct ct_bytes){ wanted->bytes, wanted->len });
    case WATCH_EKU:
        return meets_usage(identity, wanted);
    case WATCH_LONGER_THAN:
        return identity->not_after_ms - identity->not_before_ms > wanted->number;
    case WATCH_STARTS_BEFORE:
        return identity->not_before_ms < wanted->number;
    case WATCH_STARTS_AFTER:
        return identity->not_before_ms > wanted->number;
    case WATCH_KIND_COUNT:
        break;
    }
    return false;
}

/* Values of one kind are alternatives; they stand together, in the order of kinds. */
static bool meets_all(struct asking *asking, const struct watch *watch)
{
    for (size_t i = 0; i < watch->count;) {
        enum watch_kind kind = watch->values[i].kind;
        bool met = false;

        for (; i < watch->count && watch->values[i].kind == kind; i++) {
            met = met || meets(asking, &watch->values[i]);
        }
        if (!met) {
            return false;
        }
    }
    return true;
}

uint64_t watches_match(const struct watches *watches, const struct ct_identity *identity,
                       const struct ct_log_entry *entry, watch_issuer_key issuer_key, void *context)
{
    struct asking asking = { .identity = identity, .entry = entry, .issuer_key = issuer_key, .context = context };
    uint64_t met = watches->count == 0 ? 1 : 0;

    for (size_t i = 0; i < watches->count; i++) {
        met |= meets_all(&asking, &watches->items[i]) ? UINT64_C(1) << i : 0;
    }
    return met;
}
