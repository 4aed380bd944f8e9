/* SPDX-License-Identifier: Apache-2.0 */
/* clientct inspect: what is in a file, without judging it. */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/der.h"
#include "base/other_file.h"
#include "tool/inspect/inspect.h"
#include "tool/sct_answer.h"
#include "evidence/sct.h"
#include "tool/tool.h"
#include "tool/verbs.h"

#define INSPECT_MAX_BYTES (1024u * 1024)

static bool is_pem(const struct tool_file *file)
{
    return memmem(file->data, file->len, "-----BEGIN ", 11) != NULL;
}

static bool is_der_certificate(const struct tool_file *file)
{
    const unsigned char *at = file->data;
    X509 *certificate = d2i_X509(NULL, &at, (long)file->len);

    X509_free(certificate);
    ERR_clear_error();
    return certificate != NULL;
}

static json_t *inspect_certificates(const char *name, const struct tool_file *file, const char *issuer_name,
                                    bool *sound)
{
    STACK_OF(X509) *certificates = tool_certificates_of("inspect", name, file);
    STACK_OF(X509) *issuers = NULL;
    json_t *out = NULL;

    if (certificates == NULL) {
        return NULL;
    }
    if (issuer_name != NULL && (issuers = tool_read_certificates("the issuer", issuer_name)) == NULL) {
        goto out;
    }
    int count = sk_X509_num(certificates);
    out = tool_json_object();
    tool_json_set(out, "kind", tool_json_text("certificate"));
    json_t *array = tool_json_array();
    for (int i = 0; i < count; i++) {
        X509 *certificate = sk_X509_value(certificates, i);
        X509 *next = i + 1 < count ? sk_X509_value(certificates, i + 1) : certificate;
        X509 *issuer = i == 0 && issuers != NULL ? sk_X509_value(issuers, 0) : next;
        tool_json_append(array, tool_inspect_certificate(certificate, issuer, sound));
    }
    tool_json_set(out, "certificates", array);
out:
    tool_certificates_free(issuers);
    tool_certificates_free(certificates);
    return out;
}

static json_t *inspect_ocsp(const struct tool_file *file, bool *sound)
{
    const unsigned char *at = file->data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)file->len);
    json_t *out = NULL;

    ERR_clear_error();
    if (response != NULL && at == file->data + file->len) {
        out = tool_json_object();
        tool_json_set(out, "kind", tool_json_text("ocsp-response"));
        tool_json_set(out, "response", tool_inspect_ocsp(response, sound));
    }
    OCSP_RESPONSE_free(response);
    return out;
}

/* As in TLS and in the store; or still in the OCTET STRING of a certificate's extension. */
static bool find_list(struct ct_bytes bytes, struct ct_bytes *list)
{
    struct ct_reader wrapped = ct_reader_of(bytes);
    struct ct_bytes content = ct_der_expect(&wrapped, CT_DER_OCTET_STRING).content;
    struct ct_bytes tries[] = { bytes, ct_reader_finished(&wrapped) ? content : bytes };

    for (size_t i = 0; i < 2; i++) {
        struct ct_reader r = ct_reader_of(tries[i]);
        (void)ct_read_vector16(&r);
        if (ct_reader_finished(&r)) {
            *list = tries[i];
            return true;
        }
    }
    return false;
}

static bool is_json(struct ct_bytes bytes)
{
    json_t *root = json_loadb((const char *)bytes.data, bytes.len, 0, NULL);
    bool good = root != NULL;

    json_decref(root);
    return good;
}

static json_t *inspect_scts(const char *name, const struct tool_file *file, bool *sound)
{
    struct ct_bytes bytes = { file->data, file->len };
    struct ct_bytes list;
    struct ct_sct sct;
    json_t *out = tool_json_object();

    if (tool_may_be_answer(file)) {
        uint8_t *serialized = malloc(TOOL_SCT_MAX_BYTES);
        size_t len = 0;
        const char *trouble;

        if (serialized == NULL) {
            tool_out_of_memory();
        }
        trouble = tool_sct_of_answer(bytes, serialized, &len);
        if (trouble == NULL) {
            tool_json_set(out, "kind", tool_json_text("log-answer"));
            tool_json_set(out, "sct", tool_inspect_sct((struct ct_bytes){ serialized, len }, sound));
            free(serialized);
            return out;
        }
        free(serialized);
        if (is_json(bytes)) {
            tool_error("inspect: %s is JSON, and not a log's answer to add-chain: %s",
                       strcmp(name, "-") == 0 ? "standard input" : name, trouble);
            json_decref(out);
            return NULL;
        }
    }
    ct_sct_decode(bytes, CLIENTCT_SOURCE_TLS, &sct);
    /* First, as of 256 SCTs one has a log id whose first byte makes the SCT look like a list of the right length. */
    if (sct.decoded) {
        tool_json_set(out, "kind", tool_json_text("sct"));
        tool_json_set(out, "sct", tool_inspect_sct(bytes, sound));
    } else if (find_list(bytes, &list)) {
        tool_json_set(out, "kind", tool_json_text("sct-list"));
        tool_json_set(out, "sct_list", tool_inspect_sct_list(list, sound));
    } else {
        struct ct_reader r = ct_reader_of(bytes);
        unsigned announced = ct_read_u16(&r);
        const char *other = ct_other_file(bytes);
        const char *shown = strcmp(name, "-") == 0 ? "standard input" : name;

        if (other != NULL) {
            tool_error(
                "inspect: expected a certificate (PEM or DER), an OCSP response (DER) or an SCT list; %s is %s%s",
                shown, other, other == ct_other_file_certificate ? ", cut off or damaged" : "");
        } else {
            tool_error("inspect: %s is neither a certificate (PEM or DER) nor an OCSP response (DER) nor an SCT list: "
                       "as a list its first two bytes announce %u bytes, and %zu follow",
                       shown, announced, r.left);
        }
        json_decref(out);
        out = NULL;
    }
    return out;
}

/* --- the tree as text --- */

/* "spki_sha256" becomes "SPKI SHA-256". */
static void put_label(int depth, const char *key)
{
    static const char *const words[][2] = {
        { "ca", "CA" },     { "der", "DER" }, { "id", "ID" },          { "ms", "in ms" },
        { "ocsp", "OCSP" }, { "sct", "SCT" }, { "sha256", "SHA-256" }, { "spki", "SPKI" },
    };

    tool_put(TOOL_PLAIN, "%*s", 2 * depth, "");
    for (const char *at = key; *at != '\0';) {
        size_t len = strcspn(at, "_");
        const char *word = NULL;
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            if (strlen(words[i][0]) == len && strncmp(words[i][0], at, len) == 0) {
                word = words[i][1];
            }
        }
        tool_put(TOOL_PLAIN, "%.*s%s", word != NULL ? (int)strlen(word) : (int)len, word != NULL ? word : at,
                 at[len] == '_' ? " " : "");
        at += len + (at[len] == '_');
    }
}

static void put_scalar(const json_t *value)
{
    if (json_is_string(value)) {
        tool_put(TOOL_PLAIN, "%s", json_string_value(value));
    } else if (json_is_integer(value)) {
        tool_put(TOOL_PLAIN, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_boolean(value)) {
        tool_put(TOOL_PLAIN, "%s", json_is_true(value) ? "yes" : "no");
    } else {
        tool_put(TOOL_DIM, "none");
    }
    tool_end_line();
}

static void show_object(json_t *object, int depth);

/* "scts" becomes "SCT 1", "SCT 2", ... */
static void show_array(const char *key, json_t *array, int depth)
{
    size_t index;
    json_t *item;
    char *singular = tool_format("%.*s", (int)(strlen(key) - (key[strlen(key) - 1] == 's')), key);

    json_array_foreach(array, index, item)
    {
        put_label(depth, singular);
        tool_put(TOOL_BOLD, " %zu", index + 1);
        if (json_is_object(item)) {
            tool_end_line();
            show_object(item, depth + 1);
        } else {
            tool_put(TOOL_PLAIN, ": ");
            put_scalar(item);
        }
    }
    free(singular);
    if (json_array_size(array) == 0) {
        put_label(depth, key);
        tool_put(TOOL_DIM, ": none");
        tool_end_line();
    }
}

/* The depth is that of the trees above, six at most, whatever the input. */
static void show_object(json_t *object, int depth)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        if (json_is_array(value)) {
            show_array(key, value, depth);
        } else if (json_is_object(value)) {
            put_label(depth, key);
            tool_end_line();
            show_object(value, depth + 1);
        } else {
            put_label(depth, key);
            tool_put(TOOL_PLAIN, ": ");
            put_scalar(value);
        }
    }
}

int tool_verb_inspect(int argc, char **argv)
{
    const char *issuer = NULL;
    bool json = false;
    const struct tool_option options[] = {
        { "issuer", "FILE", "the issuer's certificate, to show the hash of its key", &issuer, NULL },
        { "json", NULL, "print JSON", NULL, &json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "inspect",
        "[options] CERT|SCTFILE",
        "Shows what is in a certificate (PEM or DER), an SCT list (as in TLS or in the store), a single SCT, a log's\n"
        "answer to add-chain (JSON) or an OCSP response (DER). Nothing is judged and no signature is verified: that\n"
        "is \"clientct verify\". \"-\" is standard input.\n"
        "Exit status: 0 all of it decodes, 1 a part of it does not, 2 the file cannot be read.\n",
        options,
        1,
        1,
    };
    struct tool_file file;
    bool sound = true;
    int code;

    if (!tool_arguments(&usage, argc, argv, &code)) {
        return code;
    }
    const char *name = argv[optind];
    if (!tool_read_file("inspect", name, INSPECT_MAX_BYTES, &file)) {
        return TOOL_USAGE;
    }
    json_t *tree;
    if (is_pem(&file) || is_der_certificate(&file)) {
        tree = inspect_certificates(name, &file, issuer, &sound);
    } else if ((tree = inspect_ocsp(&file, &sound)) == NULL) {
        tree = inspect_scts(name, &file, &sound);
    }
    tool_file_clear(&file);
    if (tree == NULL) {
        return TOOL_USAGE;
    }
    if (json) {
        tool_json_print(tree);
    } else {
        show_object(tree, 0);
        json_decref(tree);
    }
    return sound ? TOOL_YES : TOOL_NO;
}
