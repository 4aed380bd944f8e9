/* SPDX-License-Identifier: Apache-2.0 */
/* clientct monitor: reading what is watched for. */
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/conf_lines.h"
#include "base/der.h"
#include "base/file.h"
#include "evidence/certificate.h"
#include "tool/monitor/watch.h"
#include "tool/tool.h"

#define FILE_MAX_BYTES (1024u * 1024)

static const struct {
    const char *name;
    bool folds; /* case does not matter */
    const char *what;
} kinds[WATCH_KIND_COUNT] = {
    [WATCH_ISSUER] = { "issuer", true,
                       "sha256: and 64 hexadecimal digits (of a SubjectPublicKeyInfo), or the file of "
                       "a certificate" },
    [WATCH_ISSUER_NAME] = { "issuer_name", true, "the value of an attribute of the issuer's name" },
    [WATCH_URI] = { "uri", false, "the beginning of a URI, such as spiffe://example.org/ns/" },
    [WATCH_TRUST_DOMAIN] = { "trust_domain", true, "a SPIFFE trust domain, such as example.org" },
    [WATCH_EMAIL] = { "email", true, "an address, or a domain with the domains below it" },
    [WATCH_DNS] = { "dns", true, "a DNS name, or with a dot before it also the names below it" },
    [WATCH_SUBJECT] = { "subject", true, "ATTRIBUTE=VALUE, such as OU=Meters or organizationIdentifier=*" },
    [WATCH_SERIAL] = { "serial", true, "a serial number in hexadecimal digits" },
    [WATCH_EKU] = { "extended_key_usage", true, "clientAuth, another short name, an OID, or none" },
    [WATCH_LONGER_THAN] = { "longer_than", true, "a time such as 90d: the certificate is valid for longer" },
    [WATCH_STARTS_BEFORE] = { "starts_before", false, "an RFC 3339 time; notBefore is earlier" },
    [WATCH_STARTS_AFTER] = { "starts_after", false, "an RFC 3339 time; notBefore is later" },
};

/* DER contents of an OID by its short or long name in any case, or in digits. */
static bool read_oid(const char *name, struct watch_value *value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(name, 0);

    for (int nid = 1; object == NULL && nid < OBJ_new_nid(0); nid++) {
        const char *known_short = OBJ_nid2sn(nid), *known_long = OBJ_nid2ln(nid);

        if ((known_short != NULL && strcasecmp(known_short, name) == 0) ||
            (known_long != NULL && strcasecmp(known_long, name) == 0)) {
            object = OBJ_dup(OBJ_nid2obj(nid));
        }
    }
    value->len = object != NULL ? OBJ_length(object) : 0;
    if (value->len > sizeof value->bytes) {
        value->len = 0;
    }
    if (value->len > 0) {
        memcpy(value->bytes, OBJ_get0_data(object), value->len);
    }
    ASN1_OBJECT_free(object);
    return value->len > 0;
}

static bool read_serial(const char *text, struct watch_value *value)
{
    char digits[2 * sizeof value->bytes + 2] = "";
    size_t len = 0;

    for (; *text == '0' && text[1] != '\0'; text++) {}
    for (; *text != '\0'; text++) {
        if (*text != ':' && len < sizeof digits - 2) {
            digits[len++] = *text;
        }
    }
    if (len % 2 == 1) {
        memmove(digits + 1, digits, len++);
        digits[0] = '0';
    }
    value->len = len / 2;
    return len > 0 && ct_unhex(digits, len, value->bytes, value->len);
}

static bool read_issuer(const char *text, struct watch_value *value)
{
    STACK_OF(X509) *certificates;
    bool good;

    value->len = 32;
    if (strncmp(text, "sha256:", strlen("sha256:")) == 0) {
        return ct_unhex(text + strlen("sha256:"), strlen(text) - strlen("sha256:"), value->bytes, 32);
    }
    certificates = tool_read_certificates("the issuer", text);
    good = certificates != NULL && ct_spki_sha256(sk_X509_value(certificates, 0), value->bytes);
    tool_certificates_free(certificates);
    return good;
}

static bool read_subject(struct watch_value *value)
{
    char *split = strchr(value->text, '=');
    char *name;
    bool good;

    if (split == NULL) {
        return false;
    }
    name = tool_format("%.*s", (int)(split - value->text), value->text);
    good = read_oid(name, value) && split[1] != '\0';
    free(name);
    memmove(value->text, split + 1, strlen(split + 1) + 1);
    value->any = strcmp(value->text, "*") == 0;
    return good;
}

static bool read_value(struct watch_value *value)
{
    switch (value->kind) {
    case WATCH_ISSUER:
        return read_issuer(value->text, value);
    case WATCH_SUBJECT:
        return read_subject(value);
    case WATCH_SERIAL:
        return read_serial(value->text, value);
    case WATCH_EKU:
        value->any = strcasecmp(value->text, "none") == 0;
        return value->any || read_oid(value->text, value);
    case WATCH_LONGER_THAN:
        return ct_duration_parse(value->text, &value->number);
    case WATCH_STARTS_BEFORE:
    case WATCH_STARTS_AFTER:
        return ct_time_parse(value->text, &value->number);
    default:
        return true;
    }
}

static void fold(struct watch_value *value)
{
    for (char *at = value->text; kinds[value->kind].folds && *at != '\0'; at++) {
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    }
}

static void add_line(const char *file, const struct ct_conf_line *line, struct watch *watch,
                     struct ct_problems *problems)
{
    const char *words[WATCH_KIND_COUNT + 1] = { NULL };
    struct watch_value value = { .kind = WATCH_KIND_COUNT };

    for (unsigned i = 0; i < WATCH_KIND_COUNT; i++) {
        words[i] = kinds[i].name;
        if (strcmp(kinds[i].name, line->name) == 0) {
            value.kind = (enum watch_kind)i;
        }
    }
    if (value.kind == WATCH_KIND_COUNT) {
        const char *nearest = ct_nearest_word(line->name, words);

        ct_problem_add(problems, CT_ERROR, file, line->line, "`%s` is no condition of a watch%s%s%s", line->name,
                       nearest != NULL ? "; did you mean `" : "", nearest != NULL ? nearest : "",
                       nearest != NULL ? "`?" : "");
        return;
    }
    value.text = tool_format("%s", line->value);
    if (!read_value(&value)) {
        ct_problem_add(problems, CT_ERROR, file, line->line, "%s: expected %s, found `%.100s`", line->name,
                       kinds[value.kind].what, line->value);
        free(value.text);
        return;
    }
    fold(&value);
    watch->values = reallocarray(watch->values, watch->count + 1, sizeof *watch->values);
    if (watch->values == NULL) {
        tool_out_of_memory();
    }
    watch->values[watch->count++] = value;
}

static int compare_kinds(const void *a, const void *b)
{
    return (int)((const struct watch_value *)a)->kind - (int)((const struct watch_value *)b)->kind;
}

static void add_section(const char *file, const struct ct_conf *conf, size_t index, struct watches *watches,
                        struct ct_problems *problems)
{
    const struct ct_conf_section *section = &conf->sections[index];
    struct watch *watch = &watches->items[watches->count];

    if (watches->count == WATCH_MAX) {
        ct_problem_add(problems, CT_ERROR, file, section->line, "more than %u watches, which is the limit", WATCH_MAX);
        return;
    }
    watch->name = tool_format("%s", section->name);
    watches->count++;
    for (size_t i = section->first; i != CT_CONF_NONE; i = conf->lines[i].next) {
        add_line(file, &conf->lines[i], watch, problems);
    }
    if (watch->count > 0) {
        qsort(watch->values, watch->count, sizeof *watch->values, compare_kinds);
    }
    for (size_t i = 0; i < watch->count; i++) {
        watches->issuer_keys |= watch->values[i].kind == WATCH_ISSUER;
    }
    if (watch->count == 0 && problems->errors == 0) {
        ct_problem_add(problems, CT_ERROR, file, section->line, "[%s] has no condition: it would match every entry",
                       section->name);
    }
}

bool watches_read(const char *file, struct watches *watches, struct ct_problems *problems)
{
    struct ct_file content = { 0 };
    struct ct_conf conf = { 0 };
    int error = ct_file_read(file, FILE_MAX_BYTES, true, &content);

    memset(watches, 0, sizeof *watches);
    if (error != 0) {
        ct_problem_add(problems, CT_ERROR, file, 0, "cannot be read: %s", strerror(error));
        return false;
    }
    if (ct_conf_read(file, (struct ct_bytes){ content.data, content.len }, &conf, problems)) {
        for (size_t i = conf.sections[0].first; i != CT_CONF_NONE; i = conf.lines[i].next) {
            ct_problem_add(problems, CT_ERROR, file, conf.lines[i].line,
                           "a condition before the first [watch]; sections are watches, with a name for each");
        }
        for (size_t i = 1; i < conf.section_count; i++) {
            add_section(file, &conf, i, watches, problems);
        }
        if (watches->count == 0 && problems->errors == 0) {
            ct_problem_add(problems, CT_ERROR, file, 0, "there is no section, so nothing would be watched for");
        }
    }
    ct_conf_clear(&conf);
    ct_file_clear(&content);
    return problems->errors == 0;
}

void watches_clear(struct watches *watches)
{
    for (size_t i = 0; i < watches->count; i++) {
        for (size_t j = 0; j < watches->items[i].count; j++) {
            free(watches->items[i].values[j].text);
        }
        free(watches->items[i].values);
        free(watches->items[i].name);
    }
    memset(watches, 0, sizeof *watches);
}
