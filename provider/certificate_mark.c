/* SPDX-License-Identifier: Apache-2.0 */
#include "certificate_mark.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "errors.h"

uint64_t ct_certificate_mark(X509 *certificate)
{
    unsigned char sha1[SHA_DIGEST_LENGTH];
    struct ct_errors_kept kept;
    uint64_t mark = 0;

    if (certificate == NULL) {
        return 0;
    }
    ct_errors_keep(&kept);
    (void)X509_check_purpose(certificate, -1, 0); /* has libcrypto keep the digest */
    if (X509_digest(certificate, EVP_sha1(), sha1, NULL) == 1) {
        memcpy(&mark, sha1, sizeof mark);
    }
    ct_errors_put_back(&kept);
    return mark;
}
