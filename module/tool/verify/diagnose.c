/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why embedded SCTs do not verify, where it can be told by trying: the certificate differs from the precertificate
 * that the logs signed, and there are a few ways in which CAs come to that.
 */
#include <stdlib.h>
#include <string.h>

#include "base/der.h"
#include "evidence/certificate.h"
#include "evidence/signed_entry.h"
#include "logs/signature.h"
#include "tool/tool.h"
#include "tool/verify/verify.h"

/* The critical poison extension of a precertificate, RFC 6962, section 3.1. */
static const uint8_t poison[] = {
    0x30, 0x13, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79,
    0x02, 0x04, 0x03, 0x01, 0x01, 0xff, 0x04, 0x02, 0x05, 0x00,
};

static bool verifies(const struct ct_log *log, const struct ct_sct *sct, const struct ct_signed_entry *entry)
{
    uint8_t digest[32];

    return ct_signature_plausible(log, sct) && ct_signed_entry_digest(entry, sct, digest) &&
           ct_signature_check(log, digest, sct->signature) == CT_SIGNATURE_OK;
}

static uint8_t *put(uint8_t *to, const uint8_t *from, size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

/* The TBSCertificate with the poison at `at` bytes into the other extensions. To be freed. */
static struct ct_bytes tbs_with_poison(const struct ct_certificate *certificate, size_t at)
{
    struct ct_bytes all = certificate->extensions, cut = certificate->sct_extension;
    size_t before = (size_t)(cut.data - all.data), after = all.len - before - cut.len;
    size_t extensions = before + after + sizeof poison;
    size_t sequence = 1 + ct_der_length_size(extensions) + extensions;
    size_t content = certificate->before_extensions.len + 1 + ct_der_length_size(sequence) + sequence;
    uint8_t *others = malloc(before + after + 1);
    uint8_t *tbs = malloc(content + 16);
    uint8_t *to;

    if (others == NULL || tbs == NULL) {
        tool_out_of_memory();
    }
    put(put(others, all.data, before), cut.data + cut.len, after);
    to = ct_der_write_header(tbs, CT_DER_SEQUENCE, content);
    to = put(to, certificate->before_extensions.data, certificate->before_extensions.len);
    to = ct_der_write_header(to, CT_DER_CONTEXT(3), sequence);
    to = ct_der_write_header(to, CT_DER_SEQUENCE, extensions);
    to = put(to, others, at);
    to = put(to, poison, sizeof poison);
    to = put(to, others + at, before + after - at);
    free(others);
    return (struct ct_bytes){ tbs, (size_t)(to - tbs) };
}

static bool left_the_poison_in(const struct ct_log *log, const struct ct_sct *sct,
                               const struct ct_certificate *certificate, struct ct_signed_entry entry)
{
    size_t before = (size_t)(certificate->sct_extension.data - certificate->extensions.data);
    const size_t places[] = { before, 0, certificate->extensions.len - certificate->sct_extension.len };
    bool found = false;

    for (size_t i = 0; i < sizeof places / sizeof places[0] && !found; i++) {
        entry.body = tbs_with_poison(certificate, places[i]);
        found = verifies(log, sct, &entry);
        free((void *)entry.body.data);
    }
    return found;
}

/* Which mistake makes this SCT verify; NULL: none that is tried. */
static const char *mistake(const struct tool_verify_answer *answer, const struct ct_log *log, const struct ct_sct *sct,
                           const struct ct_certificate *certificate, const struct ct_signed_entry *right)
{
    struct ct_signed_entry entry = *right;
    unsigned int len = 0;
    uint8_t hash[EVP_MAX_MD_SIZE];

    for (int i = 0; i < sk_X509_num(answer->given); i++) {
        X509 *other = sk_X509_value(answer->given, i);

        if (ct_spki_sha256(other, entry.issuer_key_hash) && verifies(log, sct, &entry)) {
            return X509_cmp(other, answer->leaf) == 0
                       ? "with the hash of the certificate's own key as issuer_key_hash, where the issuer's belongs"
                       : "with the key of another CA as the issuer's (issuer_key_hash)";
        }
        if (X509_digest(other, EVP_sha256(), hash, &len) == 1 && len == sizeof entry.issuer_key_hash) {
            memcpy(entry.issuer_key_hash, hash, len);
            if (verifies(log, sct, &entry)) {
                return "with the hash of the issuer's whole certificate as issuer_key_hash, where that of its key "
                       "belongs";
            }
        }
    }
    memset(entry.issuer_key_hash, 0, sizeof entry.issuer_key_hash);
    if (verifies(log, sct, &entry)) {
        return "with zeros as issuer_key_hash, where the hash of the issuer's key belongs";
    }
    if (left_the_poison_in(log, sct, certificate, *right)) {
        return "with the poison extension left in, which is taken out before a log signs";
    }
    entry = *right;
    entry.type = CT_ENTRY_X509; /* of the same TBSCertificate: no certificate can be signed with its own SCTs in it */
    return verifies(log, sct, &entry) ? "as an x509 entry; what is embedded must be of a precertificate (precert_entry)"
                                      : NULL;
}

char *tool_verify_diagnose(const struct tool_verify_answer *answer)
{
    struct ct_certificate certificate = { 0 };
    struct ct_signed_entry entry = { 0 };
    struct ct_scts scts = { 0 };
    struct ct_bytes list;
    size_t wrong = 0;
    const char *why = NULL;
    const struct ct_log *first = NULL;
    X509 *issuer = sk_X509_num(answer->chain) > 1 ? sk_X509_value(answer->chain, 1) : NULL;

    if (answer->snapshot->book == NULL || issuer == NULL ||
        ct_certificate_read(answer->leaf, &certificate) != CT_CERTIFICATE_OK ||
        !ct_certificate_sct_list(&certificate, &list) ||
        ct_sct_list_decode(list, CLIENTCT_SOURCE_EMBEDDED, &scts) != CT_LIST_OK ||
        ct_signed_entry_build(&certificate, issuer, CT_ENTRY_PRECERT, &entry) != CT_ENTRY_OK) {
        goto out;
    }
    for (size_t i = 0; i < scts.count && i < 8; i++) {
        const struct ct_sct *sct = &scts.items[i];
        const struct ct_log *log = sct->decoded ? ct_log_set_find(&answer->snapshot->book->logs, sct->log_id) : NULL;

        if (log == NULL || log->unusable != NULL) {
            continue;
        }
        if (verifies(log, sct, &entry)) {
            wrong = 0;
            break; /* the entry is right: others were made for something else */
        }
        wrong++;
        first = first == NULL ? log : first;
        why = why == NULL ? mistake(answer, log, sct, &certificate, &entry) : why;
    }
out:
    ct_signed_entry_clear(&entry);
    ct_scts_clear(&scts);
    ct_certificate_clear(&certificate);
    if (wrong == 0 || (why == NULL && wrong < 2)) {
        return NULL;
    }
    return why != NULL ? tool_format("the certificate differs from what was logged: %s signed it %s; have it reissued, "
                                     "and tell the CA",
                                     first->description, why)
                       : tool_format("%zu embedded SCTs of known logs do not verify: the certificate differs from its "
                                     "precertificate (the CA changed something between the two, or the order of "
                                     "extensions); have it reissued, more SCTs do not help",
                                     wrong);
}
