/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates out of records and logs: thousands of clients share a few issuers. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "tool/replay/replay.h"

#define CACHED_ISSUERS 256u

struct replay_issuer {
    uint8_t sha256[32];
    X509 *certificate; /* NULL: the place is free */
};

static X509 *decoded(struct ct_bytes der)
{
    const unsigned char *at = der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.len);

    if (certificate != NULL && at != der.data + der.len) {
        X509_free(certificate);
        certificate = NULL;
    }
    ERR_clear_error();
    return certificate;
}

X509 *replay_certificate(struct replay_work *work, struct ct_bytes der, bool issuer)
{
    struct replay_issuer *place;
    uint8_t sha256[32];

    if (!issuer) {
        return decoded(der);
    }
    if (work->cache == NULL && (work->cache = calloc(CACHED_ISSUERS, sizeof *work->cache)) == NULL) {
        tool_out_of_memory();
    }
    if (EVP_Digest(der.data, der.len, sha256, NULL, EVP_sha256(), NULL) != 1) {
        tool_out_of_memory();
    }
    place = &work->cache[sha256[0] % CACHED_ISSUERS];
    if (place->certificate == NULL || memcmp(place->sha256, sha256, sizeof sha256) != 0) {
        X509 *certificate = decoded(der);

        if (certificate == NULL) {
            return NULL;
        }
        X509_free(place->certificate);
        place->certificate = certificate;
        memcpy(place->sha256, sha256, sizeof sha256);
    }
    if (X509_up_ref(place->certificate) != 1) {
        tool_out_of_memory();
    }
    return place->certificate;
}

void replay_work_clear(struct replay_work *work)
{
    for (size_t i = 0; work->cache != NULL && i < CACHED_ISSUERS; i++) {
        X509_free(work->cache[i].certificate);
    }
    free(work->cache);
    tool_certificates_free(work->issuers);
    replay_tally_clear(&work->tally);
}
