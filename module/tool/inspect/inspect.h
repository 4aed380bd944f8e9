/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `clientct inspect`: each gives a tree that is printed as text or as JSON. */
#ifndef CT_TOOL_INSPECT_H
#define CT_TOOL_INSPECT_H

#include <jansson.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include "base/bytes.h"

/* These set *sound to false when a part does not decode; they never set it to true. */
json_t *tool_inspect_certificate(X509 *certificate, X509 *issuer, bool *sound);
json_t *tool_inspect_ocsp(OCSP_RESPONSE *response, bool *sound);
/* A SignedCertificateTimestampList with its outer length; and one SerializedSCT. */
json_t *tool_inspect_sct_list(struct ct_bytes list, bool *sound);
json_t *tool_inspect_sct(struct ct_bytes serialized, bool *sound);

#endif
