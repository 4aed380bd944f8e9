/* SPDX-License-Identifier: Apache-2.0 */
#include "config/rule_section.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/other_file.h"
#include "config/read_named.h"
#include "config/values.h"

#define OID_MAX_LEN 128u
#define HOST_MAX_LEN 253u

void ct_parse_rules(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    size_t section = ct_conf_find(reader->conf, line->value);

    if (section == CT_CONF_NONE) {
        ct_settings_no_section(reader, line, "setting", false);
    } else if (ct_settings_use_section(reader, line, section, CT_USE_RULES)) {
        reader->rules_section = section;
    }
}

void ct_parse_rule_mode(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    struct ct_rule *rule = value;

    ct_parse_mode(reader, line, &rule->mode);
    rule->has_mode = true;
}

/* `allow` is not among the words: which session a client offers is settled before its certificate chooses a rule. */
void ct_parse_rule_resumption(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    static const char *const words[] = { "refuse", "checked", NULL };
    enum clientct_resumption *resumption = value;
    size_t index;

    if (ct_parse_word(reader, line, line->value, words, &index)) {
        *resumption = (enum clientct_resumption)index;
    }
}

static int no_passphrase(char *buffer, int size, int writing, void *data)
{
    return -1;
}

/* The one certificate of a file, PEM or DER; `*why` says what is wrong with it. */
static X509 *certificate_of_bytes(struct ct_bytes bytes, const char **why)
{
    const unsigned char *at = bytes.data;
    X509 *certificate = NULL, *second = NULL;
    BIO *bio = NULL;

    *why = "memory is short";
    /* A PEM file may begin with anything but the tag of a SEQUENCE and a length of two bytes, which DER has. */
    if (bytes.len > 2 && at[0] == 0x30 && at[1] == 0x82) {
        certificate = d2i_X509(NULL, &at, (long)bytes.len);
        *why = "does not decode as a certificate in DER";
        if (certificate != NULL && at != bytes.data + bytes.len) {
            *why = "has bytes behind the certificate";
            goto refuse;
        }
        return certificate;
    }
    bio = BIO_new_mem_buf(bytes.data, (int)bytes.len);
    if (bio == NULL) {
        return NULL;
    }
    /* Without a callback an encrypted block would make libcrypto ask for a passphrase on the terminal. */
    certificate = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL);
    *why = "has no certificate in PEM or DER";
    if (certificate == NULL) {
        goto out;
    }
    second = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL);
    if (second != NULL || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        *why = second != NULL ? "has more than one certificate; one is expected"
                              : "has something that does not decode behind the certificate";
        goto refuse;
    }
    goto out;

refuse:
    X509_free(certificate);
    certificate = NULL;
out:
    X509_free(second);
    BIO_free(bio);
    return certificate;
}

/* The certificate in the file that the value names; NULL, which is reported, when there is not exactly one. */
static X509 *read_certificate(struct ct_settings_reader *reader, const struct ct_conf_line *line)
{
    const struct ct_loaded_file *loaded = ct_file_set_read(reader->files, line->value, CT_CONFIG_MAX_BYTES);
    X509 *certificate = NULL;
    const char *why = NULL;

    if (loaded == NULL) {
        ct_setting_out_of_memory(reader);
        return NULL;
    }
    if (loaded->error != 0 && !loaded->is_earlier) {
        char text[128];

        ct_setting_error(reader, line->line, "`%s`: cannot read %.200s: %s", line->name, line->value,
                         loaded->error == EINVAL ? "not a regular file" : ct_why_unread(loaded->error, text));
        return NULL;
    }
    /* What libcrypto notes about a wrong file must not be taken for the next handshake's error. */
    ERR_set_mark();
    certificate = certificate_of_bytes((struct ct_bytes){ loaded->file.data, loaded->file.len }, &why);
    ERR_pop_to_mark();
    if (certificate == NULL) {
        const char *other = ct_other_file((struct ct_bytes){ loaded->file.data, loaded->file.len });

        other = other == ct_other_file_certificate ? NULL : other;
        ct_setting_error(reader, line->line, "`%s`: %.200s %s%s%s", line->name, line->value, why,
                         other != NULL ? "; it is " : "", other != NULL ? other : "");
        return NULL;
    }
    return certificate;
}

/* "sha256:" and 64 hex digits. False where it is not a hash at all; reported, and true, where it is a wrong one. */
static bool parse_hash(struct ct_settings_reader *reader, const struct ct_conf_line *line, uint8_t hash[32], bool *good)
{
    const char *hex = line->value + 7;

    *good = false;
    if (strncmp(line->value, "sha256:", 7) != 0) {
        return false;
    }
    if (ct_unhex(hex, strlen(hex), hash, 32)) {
        *good = true;
        return true;
    }
    ct_setting_error(reader, line->line, "`%s`: expected 64 hex digits behind `sha256:`%s, found %zu characters",
                     line->name, strchr(hex, ':') != NULL ? " without colons between them" : "", strlen(hex));
    return true;
}

/* A value that is neither a hash nor an absolute path. */
static bool check_path_or_hash(struct ct_settings_reader *reader, const struct ct_conf_line *line)
{
    if (line->value[0] == '/') {
        return true;
    }
    ct_setting_error(reader, line->line,
                     "`%s`: expected `sha256:` and 64 hex digits, or the absolute path of a certificate, "
                     "found `%.100s`",
                     line->name, line->value);
    return false;
}

void ct_parse_issuer(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    struct ct_rule *rule = value;
    bool good;

    rule->has_issuer = true;
    if (parse_hash(reader, line, rule->issuer_spki, &good) || !check_path_or_hash(reader, line)) {
        return;
    }
    rule->issuer_certificate = read_certificate(reader, line);
    if (rule->issuer_certificate == NULL) {
        return;
    }
    ERR_set_mark();
    if (!ct_spki_sha256(rule->issuer_certificate, rule->issuer_spki)) {
        ct_setting_out_of_memory(reader);
    } else if (X509_check_ca(rule->issuer_certificate) == 0) {
        ct_setting_error(reader, line->line, "`issuer`: %.200s is not the certificate of a CA (basicConstraints)",
                         line->value);
    }
    ERR_pop_to_mark();
}

void ct_parse_certificate(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    struct ct_rule *rule = value;
    struct ct_certificate read = { 0 };
    X509 *certificate;
    bool good;

    rule->has_certificate = true;
    if (parse_hash(reader, line, rule->certificate, &good) || !check_path_or_hash(reader, line)) {
        return;
    }
    rule->by_signed_part = true;
    certificate = read_certificate(reader, line);
    if (certificate != NULL && ct_certificate_read(certificate, &read) != CT_CERTIFICATE_OK) {
        ct_setting_out_of_memory(reader);
    } else if (certificate != NULL && !read.well_formed) {
        ct_setting_error(reader, line->line, "`certificate`: %.200s is not DER as RFC 5280 has it", line->value);
    }
    memcpy(rule->certificate, read.signed_sha256, sizeof rule->certificate);
    ct_certificate_clear(&read);
    X509_free(certificate);
}

static bool is_host_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* What is wrong with a host name in lower case; NULL: nothing. */
static const char *host_trouble(const char *host)
{
    size_t len = strlen(host), label = 0;
    bool digits = true; /* of the last label */

    if (len > HOST_MAX_LEN) {
        return "is longer than a host name can be";
    }
    for (size_t i = 0; i <= len; i++) {
        if (host[i] == '.' || host[i] == '\0') {
            if (label == 0) {
                return i == len && len > 0 ? "ends with a dot, which names in SNI and in certificates do not"
                                           : "has an empty label";
            }
            if (label > 63 || host[i - label] == '-' || host[i - 1] == '-') {
                return "has a label that is no host name's";
            }
            digits = host[i] == '\0' ? digits : true;
            label = 0;
        } else if ((unsigned char)host[i] >= 0x80) {
            return "is not in ASCII; write the form that begins with xn--";
        } else if (host[i] == ':') {
            return "has a colon; a port or an IP address is no host name";
        } else if (host[i] == '*') {
            return "has a `*` elsewhere than in a leading `*.`";
        } else if (!is_host_character(host[i])) {
            return "is not a host name";
        } else {
            digits = (label == 0 || digits) && host[i] >= '0' && host[i] <= '9';
            label++;
        }
    }
    return digits ? "is an IP address and no host name" : NULL;
}

static void to_lower(char *text)
{
    for (char *c = text; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
}

static void parse_host(struct ct_settings_reader *reader, const struct ct_conf_line *line, char **value)
{
    char *host = ct_setting_copy(reader, line->value);
    const char *trouble;

    if (host == NULL) {
        return;
    }
    to_lower(host);
    trouble = host_trouble(strncmp(host, "*.", 2) == 0 ? host + 2 : host);
    if (trouble != NULL) {
        ct_setting_error(reader, line->line, "`%s`: `%.100s` %s", line->name, line->value, trouble);
        free(host);
        return;
    }
    *value = host;
}

void ct_parse_server_name(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    parse_host(reader, line, value);
}

void ct_parse_dns(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    parse_host(reader, line, value);
}

/* What is wrong with a pattern of URIs; NULL: nothing. */
static const char *uri_trouble(const char *uri)
{
    size_t len = strlen(uri), scheme = strspn(uri, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
    const char *path = uri + scheme;

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)uri[i] <= 0x20 || (unsigned char)uri[i] >= 0x7f) {
            return "has a character that no URI has; write it as the certificate does, with `%`";
        }
        if (uri[i] == '*' && i + 1 < len) {
            return "has a `*` elsewhere than at the end";
        }
    }
    if (scheme == 0 || *path != ':') {
        return "does not begin with a scheme in lower case, such as `spiffe://`";
    }
    if (strstr(uri, "/../") != NULL || strstr(uri, "/./") != NULL || strchr(uri, '\\') != NULL) {
        return "has a segment that leads elsewhere (`..`, `.`, a backslash)";
    }
    if (uri[len - 1] != '*') {
        return NULL;
    }
    path = strncmp(path, "://", 3) == 0 ? strchr(path + 3, '/') : NULL;
    return path == NULL || path[-1] == '/' || uri[len - 2] != '/'
               ? "has a `*` that is not behind a `/` of the path: it would stand for part of a name or for other hosts"
               : NULL;
}

void ct_parse_uri(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    char **uri = value;
    const char *trouble = uri_trouble(line->value);

    if (trouble != NULL) {
        ct_setting_error(reader, line->line, "`uri`: `%.100s` %s", line->value, trouble);
        return;
    }
    *uri = ct_setting_copy(reader, line->value);
}

/* What is wrong with a pattern of addresses, its host in lower case; NULL: nothing. */
static const char *email_trouble(const char *email)
{
    const char *at = strrchr(email, '@');

    if (at == NULL || at == email || strchr(email, '@') != at) {
        return "is no NAME@HOST";
    }
    for (const char *c = email; c < at; c++) {
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f) {
            return "is not in ASCII, or has a blank";
        }
        if (*c == '*' && at - email > 1) {
            return "has a `*` beside something else; `*@HOST` stands for every name at that host";
        }
    }
    return host_trouble(at + 1);
}

void ct_parse_email(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    char **email = value;
    char *copy = ct_setting_copy(reader, line->value);
    const char *trouble;

    if (copy == NULL) {
        return;
    }
    if (strrchr(copy, '@') != NULL) {
        to_lower(strrchr(copy, '@'));
    }
    trouble = email_trouble(copy);
    if (trouble != NULL) {
        ct_setting_error(reader, line->line, "`email`: `%.100s` %s", line->value, trouble);
        free(copy);
        return;
    }
    *email = copy;
}

bool ct_rule_name_ok(const char *setting, const char *name)
{
    char *copy = strpbrk(name, "*$#\\\"' ") == NULL ? strdup(name) : NULL;
    const char *trouble = "cannot stand in a file of settings as it is, or memory is short";

    if (copy == NULL) {
        return false;
    }
    if (strcmp(setting, "uri") == 0) {
        trouble = uri_trouble(copy);
    } else if (strcmp(setting, "dns") == 0) {
        to_lower(copy);
        trouble = host_trouble(copy);
    } else if (strcmp(setting, "email") == 0) {
        to_lower(strchr(copy, '@') != NULL ? strchr(copy, '@') : copy);
        trouble = email_trouble(copy);
    }
    free(copy);
    return trouble == NULL;
}

/*
 * An object by dotted form, or by one of `names`. Only those, although libcrypto knows more: an application may add
 * names of its own, and the same file would mean another thing in another server.
 */
static void parse_object(struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *const *names,
                         ASN1_OBJECT **object)
{
    const char *text = line->value;
    bool dotted = text[0] >= '0' && text[0] <= '9';
    const char *nearest = ct_nearest_word(text, names);

    /* The cost of a number grows with the square of its length. */
    if (dotted && strlen(text) <= OID_MAX_LEN) {
        ERR_set_mark();
        *object = OBJ_txt2obj(text, 1);
        ERR_pop_to_mark();
    } else if (nearest != NULL && strcmp(nearest, text) == 0) {
        *object = OBJ_txt2obj(text, 0);
    }
    if (*object == NULL) {
        nearest = nearest != NULL ? nearest : names[0];
        ct_setting_error(reader, line->line,
                         "`%s`: expected an OID such as 1.3.6.1.4.1.99999.1, or a name such as `%s`, found `%.100s`",
                         line->name, nearest, text);
    }
}

void ct_parse_certificate_policy(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    static const char *const names[] = { SN_any_policy, NULL };

    parse_object(reader, line, names, value);
}

void ct_parse_extended_key_usage(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    static const char *const names[] = { SN_client_auth,        SN_server_auth,         SN_code_sign,
                                         SN_email_protect,      SN_time_stamp,          SN_OCSP_sign,
                                         SN_ms_smartcard_login, SN_anyExtendedKeyUsage, NULL };

    parse_object(reader, line, names, value);
}

static void check_rule(struct ct_settings_reader *reader, const struct ct_rule *rule, const struct ct_given *given)
{
    unsigned expires = ct_settings_given(reader, given, CT_SETTING_RULE, "expires");
    unsigned before = ct_settings_given(reader, given, CT_SETTING_RULE, "issued_before");
    unsigned after = ct_settings_given(reader, given, CT_SETTING_RULE, "issued_after");
    unsigned resumption = ct_settings_given(reader, given, CT_SETTING_RULE, "resumption");

    if (rule->policy == SIZE_MAX && !rule->has_mode && !rule->exempt && resumption == 0 &&
        rule->revocation == CT_REVOCATION_UNSET) {
        ct_setting_error(reader, rule->line,
                         "rule `%s` does nothing; it needs `policy`, `exempt = yes`, `mode`, `resumption` or "
                         "`revocation`",
                         rule->name);
    }
    if (resumption != 0 && rule->resumption > reader->settings->resumption) {
        ct_setting_error(reader, resumption,
                         "rule `%s` is looser than the top, which has `resumption = %s`; a rule may only be stricter",
                         rule->name, clientct_resumption_name(reader->settings->resumption));
    }
    if (expires != 0 && !rule->exempt) {
        ct_setting_error(reader, expires, "`expires` ends an exemption; rule `%s` has no `exempt = yes`", rule->name);
    }
    if (rule->issued_after_ms >= rule->issued_before_ms) {
        ct_setting_error(reader, before > after ? before : after,
                         "rule `%s` can never match: `issued_after` is not before `issued_before`", rule->name);
    }
}

static void read_rule(struct ct_settings_reader *reader, const struct ct_conf_line *line)
{
    struct ct_settings *settings = reader->settings;
    size_t section = ct_conf_find(reader->conf, line->value);
    struct ct_rule *rule = &settings->rules[settings->rule_count];
    struct ct_given given = { 0 };
    size_t errors;

    if (section == CT_CONF_NONE) {
        ct_settings_no_section(reader, line, "rule", false);
        return;
    }
    if (!ct_settings_use_section(reader, line, section, CT_USE_RULE)) {
        return;
    }
    *rule = (struct ct_rule){ .line = reader->conf->sections[section].line,
                              .issued_before_ms = INT64_MAX,
                              .issued_after_ms = INT64_MIN,
                              .policy = SIZE_MAX,
                              .resumption = CLIENTCT_RESUMPTION_ALLOW,
                              .expires_ms = INT64_MAX };
    settings->rule_count++;
    rule->name = ct_setting_copy(reader, line->name);
    if (rule->name == NULL) {
        return;
    }
    errors = reader->problems->errors;
    ct_settings_read_section(reader, section, CT_SETTING_RULE, rule, &given);
    /* What a wrong line should have said is not known: no further complaint is made from its absence. */
    if (reader->problems->errors == errors) {
        check_rule(reader, rule, &given);
    }
}

static int compare_lines_by_name(const void *a, const void *b)
{
    const struct ct_conf_line *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);

    return order != 0 ? order : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

/* Two rules of one name could not be told apart in a record. */
static void report_repeated_names(struct ct_settings_reader *reader, const struct ct_conf_line **lines, size_t count)
{
    qsort(lines, count, sizeof *lines, compare_lines_by_name);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(lines[i]->name, lines[i - 1]->name) == 0) {
            ct_setting_error(reader, lines[i]->line, "a rule `%s` was listed on line %u already", lines[i]->name,
                             lines[i - 1]->line);
        }
    }
}

void ct_settings_read_rules(struct ct_settings_reader *reader)
{
    const struct ct_conf *conf = reader->conf;
    const struct ct_conf_line **lines = NULL;
    size_t first, count = 0;

    if (reader->rules_section == CT_CONF_NONE) {
        return;
    }
    first = conf->sections[reader->rules_section].first;
    for (size_t i = first; i != CT_CONF_NONE; i = conf->lines[i].next) {
        count++;
    }
    if (count > CT_RULES_MAX) {
        ct_setting_error(reader, conf->sections[reader->rules_section].line,
                         "%zu rules are listed; at most %u are read", count, CT_RULES_MAX);
        count = CT_RULES_MAX;
    }
    if (count == 0) {
        return;
    }
    lines = calloc(count, sizeof *lines);
    reader->settings->rules = calloc(count, sizeof *reader->settings->rules);
    if (lines == NULL || reader->settings->rules == NULL) {
        ct_setting_out_of_memory(reader);
        goto out;
    }
    for (size_t i = first, n = 0; n < count; i = conf->lines[i].next, n++) {
        lines[n] = &conf->lines[i];
        if (!conf->lines[i].unusable) {
            read_rule(reader, &conf->lines[i]);
        }
    }
    report_repeated_names(reader, lines, count);

out:
    free(lines);
}
