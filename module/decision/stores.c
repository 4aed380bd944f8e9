/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/stores.h"

#include <stdio.h>

/* Borrowed from the input, where there is such a store at all. */
static void take(const char *dir, const uint8_t *data, size_t len, const char *unread, struct ct_evidence *out)
{
    ct_evidence_init(out);
    if (dir == NULL) {
        return;
    }
    out->present = data != NULL;
    out->list = (struct ct_bytes){ data, len };
    snprintf(out->detail, sizeof out->detail, "%s", unread != NULL ? unread : "");
}

void ct_look_for_ocsp(const struct ct_certificate *certificate, const struct clientct_input *input, const char *dir,
                      int64_t now_ms, struct ct_evidence *out)
{
    /* Given as what a store held, it is nothing where there is no store. */
    bool none = input->stores_given && dir == NULL;
    struct ct_bytes response = { none ? NULL : input->ocsp_response, none ? 0 : input->ocsp_response_len };

    ct_evidence_ocsp(certificate, input->leaf, input->chain, input->stores_given ? NULL : dir, response, now_ms, out);
    if (input->stores_given && out->missing && input->ocsp_unread != NULL && dir != NULL) {
        out->missing = false;
        snprintf(out->detail, sizeof out->detail, "%s", input->ocsp_unread);
    }
}

void ct_look_for_scts(const struct ct_certificate *certificate, const struct clientct_input *input, const char *dir,
                      struct ct_evidence *out)
{
    if (input->stores_given) {
        take(dir, input->store_scts, input->store_scts_len, NULL, out);
    } else {
        ct_evidence_store(certificate, dir, out);
    }
}

void ct_look_for_proofs(const struct ct_certificate *certificate, const struct clientct_input *input, const char *dir,
                        struct ct_evidence *out)
{
    if (input->stores_given) {
        take(dir, input->proofs, input->proofs_len, input->proofs_unread, out);
    } else {
        ct_evidence_proofs(certificate, dir, out);
    }
}
