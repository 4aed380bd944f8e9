/* SPDX-License-Identifier: Apache-2.0 */
/* An OCSP response about a fixed certificate, from a file of the OCSP store or the command line. */
#include "evidence/evidence.h"
#include "fuzz.h"
#include "ocsp_pair.h"

static X509 *certificate_of(const uint8_t *der, size_t len)
{
    const unsigned char *at = der;
    X509 *x509 = d2i_X509(NULL, &at, (long)len);

    FUZZ_REQUIRE(x509 != NULL);
    return x509;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ct_certificate certificate;
    static STACK_OF(X509) *chain;
    struct ct_evidence evidence;

    if (chain == NULL) {
        chain = sk_X509_new_null();
        FUZZ_REQUIRE(chain != NULL);
        sk_X509_push(chain, certificate_of(ocsp_pair_leaf, sizeof ocsp_pair_leaf));
        sk_X509_push(chain, certificate_of(ocsp_pair_issuer, sizeof ocsp_pair_issuer));
        FUZZ_REQUIRE(ct_certificate_read(sk_X509_value(chain, 0), &certificate) == CT_CERTIFICATE_OK);
    }
    ct_evidence_ocsp(&certificate, sk_X509_value(chain, 0), chain, NULL, (struct ct_bytes){ data, size },
                     OCSP_PAIR_NOW_MS, &evidence);
    FUZZ_REQUIRE(evidence.present == (size > 0 && evidence.trouble == CLIENTCT_NOT_EVALUATED));
    FUZZ_REQUIRE(evidence.revoked == (evidence.trouble == CLIENTCT_REVOKED));
    FUZZ_REQUIRE(evidence.trouble == CLIENTCT_NOT_EVALUATED || evidence.detail[0] != '\0');
    FUZZ_REQUIRE(evidence.from_ms <= OCSP_PAIR_NOW_MS && OCSP_PAIR_NOW_MS < evidence.until_ms);
    FUZZ_REQUIRE(!evidence.present || (evidence.list.len > 0 && evidence.list.len < size));
    ct_evidence_clear(&evidence);
    return 0;
}
