/* SPDX-License-Identifier: Apache-2.0 */
/* Files that somebody put beside the server, found by the certificate's hash: SCTs over it, and proofs of inclusion. */
#include "evidence/evidence.h"

static void read_whole(const struct ct_certificate *certificate, const char *dir, const char *suffix,
                       struct ct_evidence *out)
{
    struct ct_file file = { 0 };

    ct_evidence_init(out);
    if (certificate == NULL || !ct_evidence_read_file(certificate->sha256, dir, suffix, &file, out)) {
        return;
    }
    out->file = file;
    out->list = (struct ct_bytes){ file.data, file.len };
    out->present = true;
}

void ct_evidence_store(const struct ct_certificate *certificate, const char *dir, struct ct_evidence *out)
{
    read_whole(certificate, dir, ".sct", out);
}

void ct_evidence_proofs(const struct ct_certificate *certificate, const char *dir, struct ct_evidence *out)
{
    read_whole(certificate, dir, CT_PROOF_FILE_SUFFIX, out);
}
