/* Files that somebody put beside the server: SCTs over the final certificate, found by the certificate's hash. */
#include "evidence/evidence.h"

void ct_evidence_store(const struct ct_certificate *certificate, const char *dir, struct ct_evidence *out)
{
    struct ct_file file = { 0 };

    ct_evidence_init(out);
    if (certificate == NULL || !ct_evidence_read_file(certificate->sha256, dir, ".sct", &file, out)) {
        return;
    }
    out->file = file;
    out->list = (struct ct_bytes){ file.data, file.len };
    out->present = true;
}
