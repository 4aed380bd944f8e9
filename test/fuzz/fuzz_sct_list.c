/* SPDX-License-Identifier: Apache-2.0 */
/* A SignedCertificateTimestampList from a certificate, a TLS message, an OCSP response or the store. */
#include "fuzz.h"
#include "evidence/sct.h"

static int within(struct ct_bytes inner, const uint8_t *data, size_t size)
{
    return inner.len == 0 || (inner.data >= data && inner.data + inner.len <= data + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_scts scts = { 0 };
    enum ct_list_result result = ct_sct_list_decode((struct ct_bytes){ data, size }, CLIENTCT_SOURCE_TLS, &scts);

    FUZZ_REQUIRE(scts.count <= CT_SCTS_MAX);
    if (result == CT_LIST_MALFORMED) {
        FUZZ_REQUIRE(scts.count == 0 && scts.beyond == 0);
    }
    for (size_t i = 0; i < scts.count; i++) {
        const struct ct_sct *sct = &scts.items[i];
        uint64_t index = 0;

        FUZZ_REQUIRE(sct->source == CLIENTCT_SOURCE_TLS);
        FUZZ_REQUIRE(sct->status != CLIENTCT_VALID && sct->status != CLIENTCT_NOT_EVALUATED);
        FUZZ_REQUIRE(sct->decoded || sct->status != CLIENTCT_NOT_CHECKED);
        if (sct->decoded) {
            FUZZ_REQUIRE(within((struct ct_bytes){ sct->log_id, CT_LOG_ID_LEN }, data, size));
            FUZZ_REQUIRE(within(sct->extensions, data, size));
            FUZZ_REQUIRE(within(sct->signature, data, size));
            if (ct_sct_leaf_index(sct->extensions, &index)) {
                FUZZ_REQUIRE(index < (uint64_t)1 << 40); /* five bytes */
            }
        }
    }
    ct_scts_clear(&scts);
    return 0;
}
