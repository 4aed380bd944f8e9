/* SPDX-License-Identifier: Apache-2.0 */
#include "record/archive_record.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "record/audit_writer.h"

#define HEAD_MAX 16384u /* all but what is in base64 */
#define TEXT_MAX 1024u  /* a server name has 255 bytes, which JSON may write as three times as many */

static size_t encoded_len(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* Into a writer that has room for it and a NUL behind. */
static void put_base64(struct ct_audit_writer *w, struct ct_bytes bytes)
{
    if (w->full || encoded_len(bytes.len) + 3 > (size_t)(w->end - w->at)) {
        w->full = true;
        return;
    }
    *w->at++ = '"';
    if (bytes.len > 0) {
        w->at += EVP_EncodeBlock((unsigned char *)w->at, bytes.data, (int)bytes.len);
    }
    *w->at++ = '"';
}

static void put_bytes(struct ct_audit_writer *w, const char *key, struct ct_bytes bytes)
{
    ct_audit_raw(w, key);
    put_base64(w, bytes);
}

static void put_text(struct ct_audit_writer *w, const char *key, const char *text)
{
    if (text != NULL) {
        ct_audit_text_up_to(w, key, text, strlen(text), TEXT_MAX);
    }
}

static void put_certificate(struct ct_audit_writer *w, X509 *certificate)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);

    ct_audit_raw(w, "");
    if (len > 0) {
        put_base64(w, (struct ct_bytes){ der, (size_t)len });
    } else {
        w->full = true;
    }
    OPENSSL_free(der);
}

static void put_chain(struct ct_audit_writer *w, const struct clientct_input *input)
{
    ct_audit_array(w, "chain");
    put_certificate(w, input->leaf);
    for (int i = 1; i < sk_X509_num(input->chain); i++) {
        put_certificate(w, sk_X509_value(input->chain, i));
    }
    ct_audit_array_end(w);
}

/* Every name in the order in which it was shown, null for none; only where there were several. */
static void put_names(struct ct_audit_writer *w, const struct clientct_input *input)
{
    if (input->shown_server_name_count == 0) {
        return;
    }
    ct_audit_number(w, "server_name_count", input->shown_server_name_count);
    ct_audit_array(w, "server_names");
    for (size_t i = 0; i < input->shown_server_name_count && i < CLIENTCT_SERVER_NAMES_MAX; i++) {
        ct_audit_element(w, input->shown_server_names[i], TEXT_MAX);
    }
    ct_audit_array_end(w);
}

static void put_file(struct ct_audit_writer *w, const char *key, const char *unread_key,
                     const struct ct_archive_file *file)
{
    if (file->there) {
        put_bytes(w, key, file->bytes);
    } else if (file->unread[0] != '\0') {
        put_text(w, unread_key, file->unread);
    }
}

static void put_verdict(struct ct_audit_writer *w, const struct clientct_verdict *verdict)
{
    ct_audit_raw(w, "\"verdict\":{");
    w->first = true;
    ct_audit_bool(w, "accept", verdict->accept);
    ct_audit_bool(w, "decided", verdict->decided);
    ct_audit_bool(w, "compliant", verdict->compliant);
    ct_audit_word(w, "reason", clientct_reason_name(verdict->reason));
    ct_audit_word(w, "mode", clientct_mode_name(verdict->mode));
    put_text(w, "policy", verdict->policy);
    put_text(w, "rule", verdict->rule);
    if (verdict->shadow_policy != NULL) {
        put_text(w, "shadow_policy", verdict->shadow_policy);
        ct_audit_bool(w, "shadow_compliant", verdict->shadow_compliant);
        ct_audit_word(w, "shadow_reason", clientct_reason_name(verdict->shadow_reason));
    }
    ct_audit_bool(w, "cached", verdict->cached);
    put_text(w, "detail", verdict->detail);
    ct_audit_hex(w, "settings", verdict->terms.digest, sizeof verdict->terms.digest, false);
    ct_audit_bytes(w, "}", 1);
    w->first = false;
}

static size_t size_of(const struct clientct_input *input, const struct ct_archive_stores *stores)
{
    size_t size = HEAD_MAX + encoded_len(input->tls_scts_len) + encoded_len(stores->ocsp.bytes.len) +
                  encoded_len(stores->sct.bytes.len) + encoded_len(stores->proofs.bytes.len);

    for (int i = 0; i < sk_X509_num(input->chain) || i == 0; i++) {
        int len = i2d_X509(i == 0 ? input->leaf : sk_X509_value(input->chain, i), NULL);

        size += len > 0 ? encoded_len((size_t)len) + 4 : 0;
    }
    return size;
}

char *ct_archive_record(const struct ct_archive_origin *origin, const struct clientct_input *input,
                        const struct clientct_verdict *verdict, const struct ct_archive_stores *stores, size_t *len)
{
    size_t size = size_of(input, stores);
    char *buffer = size <= CT_ARCHIVE_RECORD_MAX ? malloc(size) : NULL;
    struct ct_audit_writer w;
    uint8_t id[8];

    if (buffer == NULL) {
        return NULL;
    }
    ct_write_u64(id, origin->id);
    ct_audit_begin(&w, buffer, size);
    ct_audit_number(&w, "clientct_archive", CT_ARCHIVE_VERSION);
    ct_audit_moment(&w, "time", origin->now_ms);
    if (origin->lost > 0) {
        ct_audit_number(&w, "lost", origin->lost);
    }
    put_text(&w, "host", origin->host);
    put_text(&w, "process", origin->process);
    ct_audit_number(&w, "pid", (uint64_t)origin->pid);
    ct_audit_hex(&w, "entity", id, sizeof id, false);
    put_text(&w, "server_name", input->server_name);
    put_names(&w, input);
    put_chain(&w, input);
    if (input->tls_scts != NULL) {
        put_bytes(&w, "\"tls_scts\":", (struct ct_bytes){ input->tls_scts, input->tls_scts_len });
    }
    put_text(&w, "no_tls_scts", input->no_tls_scts);
    put_file(&w, "\"ocsp\":", "ocsp_unread", &stores->ocsp);
    put_file(&w, "\"store\":", "store_unread", &stores->sct);
    put_file(&w, "\"proofs\":", "proofs_unread", &stores->proofs);
    put_verdict(&w, verdict);
    ct_audit_bytes(&w, "}\n", 2);
    if (w.full) {
        free(buffer);
        return NULL;
    }
    *len = (size_t)(w.at - buffer);
    return buffer;
}
