/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The straight path. It may refuse any line, for the library reads it then; it must never say of a line what the
 * library would not say: what it accepts is JSON to the last byte, without a key twice.
 */
#include <string.h>

#include "tool/report/fields.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)
#define STRANGE_KEYS_MAX 48 /* in one object, that are not in the table; each is compared with all before it */

struct known {
    const char *text; /* with what follows it: `"key":` */
    unsigned len;
    enum report_field_name field;
};

#define KEY(name, field) \
    { \
        "\"" name "\":", sizeof "\"" name "\":" - 1, field \
    }
/* Every key that is written, in the order in which it is: the one behind it is tried first. */
static const struct known keys[] = {
    KEY("@timestamp", FIELD_TIMESTAMP),
    KEY("ecs.version", FIELD_NONE),
    KEY("event.module", FIELD_MODULE),
    KEY("event.dataset", FIELD_NONE),
    KEY("event.kind", FIELD_NONE),
    KEY("event.sequence", FIELD_SEQUENCE),
    KEY("event.category", FIELD_NONE),
    KEY("event.type", FIELD_NONE),
    KEY("event.action", FIELD_ACTION),
    KEY("event.outcome", FIELD_NONE),
    KEY("event.reason", FIELD_NONE),
    KEY("event.duration", FIELD_NONE),
    KEY("process.pid", FIELD_PID),
    KEY("process.entity_id", FIELD_ENTITY),
    KEY("process.name", FIELD_PROCESS),
    KEY("host.name", FIELD_NONE),
    KEY("clientct.dropped", FIELD_DROPPED),
    KEY("client.ip", FIELD_NONE),
    KEY("client.port", FIELD_NONE),
    KEY("tls.version_protocol", FIELD_NONE),
    KEY("tls.version", FIELD_NONE),
    KEY("tls.client.server_name", FIELD_NONE),
    KEY("clientct.server_names", FIELD_NONE),
    KEY("tls.client.hash.sha256", FIELD_HASH),
    KEY("tls.client.subject", FIELD_SUBJECT),
    KEY("tls.client.issuer", FIELD_ISSUER),
    KEY("tls.client.x509.serial_number", FIELD_SERIAL),
    KEY("tls.client.not_before", FIELD_NONE),
    KEY("tls.client.x509.not_before", FIELD_NONE),
    KEY("tls.client.not_after", FIELD_NOT_AFTER),
    KEY("tls.client.x509.not_after", FIELD_NOT_AFTER_9),
    KEY("clientct.chain", FIELD_CHAIN),
    KEY("clientct.chain_error", FIELD_NONE),
    KEY("clientct.verdict", FIELD_VERDICT),
    KEY("clientct.would_be", FIELD_WOULD_BE),
    KEY("clientct.reason", FIELD_REASON),
    KEY("clientct.mode", FIELD_NONE),
    KEY("clientct.policy", FIELD_NONE),
    KEY("clientct.rule", FIELD_NONE),
    KEY("clientct.shadow.policy", FIELD_SHADOW_POLICY),
    KEY("clientct.shadow.compliant", FIELD_SHADOW_COMPLIANT),
    KEY("clientct.shadow.reason", FIELD_NONE),
    KEY("clientct.generation", FIELD_NONE),
    KEY("clientct.cached", FIELD_NONE),
    KEY("clientct.detail", FIELD_NONE),
    KEY("clientct.session", FIELD_NONE),
    KEY("tls.client.x509.alternative_names", FIELD_FIRST_NAME),
    KEY("clientct.extended_key_usage", FIELD_USAGES),
    KEY("tls.client.x509.subject.common_name", FIELD_NONE),
    KEY("tls.client.x509.subject.country", FIELD_NONE),
    KEY("tls.client.x509.subject.locality", FIELD_NONE),
    KEY("tls.client.x509.subject.state_or_province", FIELD_NONE),
    KEY("tls.client.x509.subject.organization", FIELD_NONE),
    KEY("tls.client.x509.subject.organizational_unit", FIELD_NONE),
    KEY("tls.client.x509.issuer.common_name", FIELD_NONE),
    KEY("tls.client.x509.issuer.country", FIELD_NONE),
    KEY("tls.client.x509.issuer.locality", FIELD_NONE),
    KEY("tls.client.x509.issuer.state_or_province", FIELD_NONE),
    KEY("tls.client.x509.issuer.organization", FIELD_NONE),
    KEY("tls.client.x509.issuer.organizational_unit", FIELD_NONE),
    KEY("tls.client.x509.public_key_algorithm", FIELD_NONE),
    KEY("tls.client.x509.public_key_size", FIELD_NONE),
    KEY("tls.client.x509.public_key_exponent", FIELD_NONE),
    KEY("tls.client.x509.public_key_curve", FIELD_NONE),
    KEY("clientct.sct_count", FIELD_NONE),
    KEY("clientct.scts", FIELD_SCTS),
    KEY("message", FIELD_NONE),
    KEY("MESSAGE", FIELD_MESSAGE),
    KEY("__CURSOR", FIELD_CURSOR),
    KEY("_SYSTEMD_UNIT", FIELD_UNIT),
    KEY("_PID", FIELD_JOURNAL_PID),
    KEY("_EXE", FIELD_EXE),
    KEY("_UID", FIELD_UID),
};
#define KEYS (sizeof keys / sizeof keys[0])
_Static_assert(KEYS <= 128, "the keys that were seen are the bits of two numbers");

enum { SCT_SOURCE, SCT_LOG_ID, SCT_LOG, SCT_OPERATOR, SCT_TIMESTAMP, SCT_STATUS, SCT_KEYS };
static const struct known sct_keys[SCT_KEYS] = {
    KEY("source", FIELD_NONE),   KEY("log_id", FIELD_NONE),    KEY("log", FIELD_NONE),
    KEY("operator", FIELD_NONE), KEY("timestamp", FIELD_NONE), KEY("status", FIELD_NONE),
};

/* Which key came behind each the last time, plus one: lines of one server look alike. It only ever saves time. */
static _Thread_local unsigned char follower[KEYS + 1];

struct scan {
    const uint8_t *at, *end;
    struct report_fields *fields;
    uint64_t seen[2]; /* of `keys` */
    size_t strange_count;
    struct report_text strange[STRANGE_KEYS_MAX];
};

static uint64_t load(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

/* Nothing of 8 bytes ends a string, begins an escape, is a control character or is not ASCII. */
static bool plain(uint64_t word)
{
    uint64_t quote = word ^ ONES * '"';
    uint64_t backslash = word ^ ONES * '\\';

    return (((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash) | (word - ONES * 0x20) | word) & HIGH ? false
                                                                                                                : true;
}

/* The bytes of one character beyond ASCII as RFC 3629 allows it; 0: none. */
static size_t wide(const uint8_t *at, size_t left)
{
    uint8_t c = at[0];
    size_t len = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
    uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;

    if (len == 0 || left < len || at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

/* Behind the opening quote; moves behind the closing one. */
static bool scan_text(struct scan *s, struct report_text *text, bool *escaped)
{
    const uint8_t *at = s->at;

    *escaped = false;
    for (;;) {
        while (s->end - at >= 8 && plain(load(at))) {
            at += 8;
        }
        if (at == s->end || *at < 0x20) {
            return false;
        }
        if (*at == '"') {
            *text = (struct report_text){ (const char *)s->at, (size_t)(at - s->at) };
            s->at = at + 1;
            return true;
        }
        if (*at == '\\') {
            if (s->end - at < 2 || at[1] == '\0' || strchr("\"\\/bfnrt", at[1]) == NULL) {
                return false;
            }
            *escaped = true;
            at += 2;
        } else if (*at < 0x80) {
            at++;
        } else {
            size_t len = wide(at, (size_t)(s->end - at));

            if (len == 0) {
                return false;
            }
            at += len;
        }
    }
}

static bool take(struct scan *s, char c)
{
    bool there = s->at < s->end && *s->at == (uint8_t)c;

    s->at += there;
    return there;
}

static bool take_word(struct scan *s, const char *word, size_t len)
{
    bool there = (size_t)(s->end - s->at) >= len && memcmp(s->at, word, len) == 0;

    s->at += there ? len : 0;
    return there;
}

static bool scan_number(struct scan *s, uint64_t *number)
{
    const uint8_t *first = s->at;

    *number = 0;
    while (s->at < s->end && (uint8_t)(*s->at - '0') < 10 && s->at - first < 18) {
        *number = *number * 10 + (uint64_t)(*s->at++ - '0');
    }
    /* No fraction, exponent or more digits, and no zero before others. */
    return s->at > first && (s->at - first == 1 || *first != '0') && s->at < s->end &&
           (*s->at == ',' || *s->at == '}' || *s->at == ']');
}

/* A value that is neither an array nor an object. */
static bool scan_scalar(struct scan *s, struct report_field *field)
{
    field->type = FIELD_OTHER;
    if (take(s, '"')) {
        field->type = FIELD_TEXT;
        return scan_text(s, &field->text, &field->escaped);
    }
    if (s->at < s->end && (uint8_t)(*s->at - '0') < 10) {
        field->type = FIELD_NUMBER;
        return scan_number(s, &field->number);
    }
    if (take_word(s, "true", 4)) {
        field->type = FIELD_TRUE;
        return true;
    }
    return take_word(s, "false", 5) || take_word(s, "null", 4);
}

static bool is_at(const struct scan *s, const struct known *key)
{
    return (size_t)(s->end - s->at) >= key->len && memcmp(s->at, key->text, key->len) == 0;
}

/* The key in a table, looked for from `first` on; -1: it is not there. */
static int known_at(const struct scan *s, const struct known *table, size_t count, size_t first)
{
    for (size_t i = 0; i < count; i++) {
        size_t k = first + i < count ? first + i : first + i - count;

        if (is_at(s, &table[k])) {
            return (int)k;
        }
    }
    return -1;
}

static struct report_text unescaped_word(const struct report_field *field)
{
    return field->type == FIELD_TEXT && !field->escaped ? field->text : (struct report_text){ NULL, 0 };
}

static bool scan_sct(struct scan *s)
{
    struct report_field of[SCT_KEYS] = { 0 };
    unsigned seen = 0;
    size_t next = 0;

    if (take(s, '}')) {
        return true;
    }
    do {
        int key = known_at(s, sct_keys, SCT_KEYS, next);

        if (key < 0 || (seen & 1u << key) != 0) {
            return false;
        }
        seen |= 1u << key;
        next = (size_t)key + 1 < SCT_KEYS ? (size_t)key + 1 : 0;
        s->at += sct_keys[key].len;
        if (!scan_scalar(s, &of[key])) {
            return false;
        }
    } while (take(s, ','));
    report_add_sct(s->fields, unescaped_word(&of[SCT_STATUS]), unescaped_word(&of[SCT_LOG_ID]));
    return take(s, '}');
}

static bool scan_array(struct scan *s, enum report_field_name name)
{
    bool first = true;

    if (take(s, ']')) {
        return true;
    }
    do {
        struct report_field field = { 0 };

        if (name == FIELD_SCTS && take(s, '{')) {
            if (!scan_sct(s)) {
                return false;
            }
        } else if (!scan_scalar(s, &field)) {
            return false;
        } else if (name == FIELD_FIRST_NAME && first && field.type == FIELD_TEXT) {
            s->fields->of[FIELD_FIRST_NAME] = field;
        } else if (name == FIELD_USAGES && field.type == FIELD_TEXT) {
            report_add_usage(s->fields, unescaped_word(&field));
        }
        first = false;
    } while (take(s, ','));
    return take(s, ']');
}

static bool scan_value(struct scan *s, enum report_field_name name)
{
    struct report_field ignored;

    if (take(s, '[')) {
        if (name < FIELD_COUNT && name != FIELD_FIRST_NAME) {
            s->fields->of[name].type = FIELD_OTHER;
        }
        if (name == FIELD_USAGES) {
            s->fields->usages |= REPORT_USAGE_SAID;
        }
        return scan_array(s, name);
    }
    return scan_scalar(s, name < FIELD_COUNT && name != FIELD_FIRST_NAME ? &s->fields->of[name] : &ignored);
}

/* A key that is not in the table: what is new in a later version, or the journal's. */
static bool take_strange_key(struct scan *s)
{
    struct report_text key;
    bool escaped;

    if (!take(s, '"') || !scan_text(s, &key, &escaped) || escaped || !take(s, ':') ||
        s->strange_count == STRANGE_KEYS_MAX) {
        return false;
    }
    for (size_t i = 0; i < s->strange_count; i++) {
        if (report_text_is(s->strange[i], key.data, key.len)) {
            return false;
        }
    }
    s->strange[s->strange_count++] = key;
    return true;
}

bool report_scan(struct ct_bytes text, struct report_fields *fields)
{
    struct scan s = { .at = text.data, .end = text.data + text.len, .fields = fields };
    size_t last = KEYS;

    if (!take(&s, '{')) {
        return false;
    }
    if (take(&s, '}')) {
        return s.at == s.end;
    }
    do {
        size_t likely = follower[last];
        int key = likely > 0 && is_at(&s, &keys[likely - 1]) ? (int)likely - 1
                                                             : known_at(&s, keys, KEYS, last < KEYS - 1 ? last + 1 : 0);

        if (key < 0) {
            if (!take_strange_key(&s) || !scan_value(&s, FIELD_NONE)) {
                return false;
            }
            continue;
        }
        follower[last] = (unsigned char)(key + 1);
        last = (size_t)key;
        if ((s.seen[key / 64] >> key % 64 & 1) != 0) {
            return false;
        }
        s.seen[key / 64] |= UINT64_C(1) << key % 64;
        s.at += keys[key].len;
        if (!scan_value(&s, keys[key].field)) {
            return false;
        }
    } while (take(&s, ','));
    return take(&s, '}') && s.at == s.end;
}
