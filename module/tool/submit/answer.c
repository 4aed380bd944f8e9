/* SPDX-License-Identifier: Apache-2.0 */
/* clientct submit: add-chain's question and answer (RFC 6962, section 4.1); is the SCT what we asked for? */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "evidence/sct.h"
#include "logs/signature.h"
#include "evidence/signed_entry.h"
#include "tool/sct_answer.h"
#include "tool/submit/scts.h"
#include "tool/tool.h"

/* The log's clock may be a little ahead of ours, as much as policies allow by default. */
#define CLOCK_SKEW_MS (60 * CT_SECOND_MS)

char *submit_request_json(STACK_OF(X509) *chain)
{
    json_t *root = tool_json_object();
    json_t *array = tool_json_array();

    for (int i = 0; i < sk_X509_num(chain); i++) {
        uint8_t *der = NULL;
        int len = i2d_X509(sk_X509_value(chain, i), &der);
        char *text = len > 0 ? malloc((size_t)(len + 2) / 3 * 4 + 1) : NULL;

        if (text == NULL) {
            tool_out_of_memory();
        }
        EVP_EncodeBlock((unsigned char *)text, der, len);
        tool_json_append(array, tool_json_text(text));
        free(text);
        OPENSSL_free(der);
    }
    tool_json_set(root, "chain", array);
    char *json = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (json == NULL) {
        tool_out_of_memory();
    }
    return json;
}

bool submit_sct_verifies(struct ct_bytes serialized, const struct ct_log *log, const struct ct_signed_entry *entry,
                         uint64_t *timestamp_ms, char *why, size_t why_size)
{
    struct ct_sct sct = { 0 };
    uint8_t digest[32];
    uint64_t leaf_index;
    const char *trouble = NULL;

    ct_sct_decode(serialized, CLIENTCT_SOURCE_STORE, &sct);
    if (!sct.decoded) {
        trouble = clientct_reason_text(sct.status);
    } else if (memcmp(sct.log_id, log->id, CT_LOG_ID_LEN) != 0) {
        trouble = "the SCT is in the name of another log (log id)";
    } else if (sct.timestamp_ms > (uint64_t)(ct_now_ms() + CLOCK_SKEW_MS)) {
        trouble = clientct_reason_text(CLIENTCT_FUTURE_TIMESTAMP);
    } else if (log->tiled && !ct_sct_leaf_index(sct.extensions, &leaf_index)) {
        trouble = "the log is a tiled one and the SCT has no leaf_index";
    } else if (!ct_signature_plausible(log, &sct)) {
        trouble = "the signature's algorithm or form is not that of the log's key";
    } else if (!ct_signed_entry_digest(entry, &sct, digest)) {
        trouble = "what the log should have signed cannot be built";
    } else if (ct_signature_check(log, digest, sct.signature) != CT_SIGNATURE_OK) {
        trouble = "the signature does not verify with the configured key of the log, for this certificate";
    } else {
        *timestamp_ms = sct.timestamp_ms;
    }
    if (trouble != NULL && why != NULL) {
        snprintf(why, why_size, "%s", trouble);
    }
    return trouble == NULL;
}

bool submit_read_answer(struct ct_bytes json, const struct ct_log *log, const struct ct_signed_entry *entry,
                        struct submit_sct *out, char *why, size_t why_size)
{
    const char *trouble = tool_sct_of_answer(json, out->bytes, &out->len);

    if (trouble != NULL) {
        snprintf(why, why_size, "%s", trouble);
        return false;
    }
    return submit_sct_verifies((struct ct_bytes){ out->bytes, out->len }, log, entry, &out->timestamp_ms, why,
                               why_size);
}
