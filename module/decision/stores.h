/* SPDX-License-Identifier: Apache-2.0 */
/* What the stores hold for a certificate: files, or what the input says that they held (stores_given). */
#ifndef CT_STORES_H
#define CT_STORES_H

#include <clientct/clientct.h>

#include "evidence/evidence.h"

/* As ct_evidence_ocsp, ct_evidence_store and ct_evidence_proofs, which they ask. `dir` NULL: there is no such store. */
void ct_look_for_ocsp(const struct ct_certificate *certificate, const struct clientct_input *input, const char *dir,
                      int64_t now_ms, struct ct_evidence *out);
void ct_look_for_scts(const struct ct_certificate *certificate, const struct clientct_input *input, const char *dir,
                      struct ct_evidence *out);
void ct_look_for_proofs(const struct ct_certificate *certificate, const struct clientct_input *input, const char *dir,
                        struct ct_evidence *out);

#endif
