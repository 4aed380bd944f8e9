/* SPDX-License-Identifier: Apache-2.0 */
/* A client's certificate: our own walk over its DER, and the TBSCertificate without the SCT list. */
#include "base/der.h"
#include "fuzz.h"
#include "evidence/signed_entry.h"

#include <string.h>

/* Certificate of RFC 5280, section 4.1, around a TBSCertificate: a signature that is there, and no more. */
static uint8_t *certificate_around(const uint8_t *tbs, size_t tbs_len, size_t *len)
{
    static const uint8_t tail[] = { 0x30, 0x00, 0x03, 0x01, 0x00 };
    size_t content = tbs_len + sizeof tail;
    uint8_t *der = malloc(1 + ct_der_length_size(content) + content);
    uint8_t *at;

    FUZZ_REQUIRE(der != NULL);
    at = ct_der_write_header(der, CT_DER_SEQUENCE, content);
    memcpy(at, tbs, tbs_len);
    memcpy(at + tbs_len, tail, sizeof tail);
    *len = (size_t)(at - der) + content;
    return der;
}

static void check_surgery(const struct ct_certificate *certificate)
{
    struct ct_certificate again = { 0 };
    uint8_t *tbs = NULL, *der;
    size_t tbs_len = 0, len;

    if (ct_tbs_without_sct_list(certificate, &tbs, &tbs_len) != CT_ENTRY_OK) {
        FUZZ_REQUIRE(tbs == NULL);
        return;
    }
    FUZZ_REQUIRE(certificate->well_formed && certificate->has_sct_list);
    FUZZ_REQUIRE(tbs_len + certificate->sct_extension.len <= certificate->tbs.len);
    der = certificate_around(tbs, tbs_len, &len);
    FUZZ_REQUIRE(ct_certificate_read_der((struct ct_bytes){ der, len }, &again) == CT_CERTIFICATE_OK);
    FUZZ_REQUIRE(again.well_formed && !again.has_sct_list && !again.duplicate_extension);
    FUZZ_REQUIRE(again.poison == certificate->poison);
    FUZZ_REQUIRE(ct_bytes_equal(again.before_extensions, certificate->before_extensions));
    FUZZ_REQUIRE(again.extensions.len + certificate->sct_extension.len == certificate->extensions.len);
    ct_certificate_clear(&again);
    free(der);
    free(tbs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_certificate certificate = { 0 };
    struct ct_bytes list;

    if (ct_certificate_read_der((struct ct_bytes){ data, size }, &certificate) != CT_CERTIFICATE_OK) {
        FUZZ_REQUIRE(size == 0); /* the copy of nothing; memory is not short here */
        return 0;
    }
    FUZZ_REQUIRE(certificate.der_len == size);
    if (ct_certificate_sct_list(&certificate, &list)) {
        FUZZ_REQUIRE(certificate.well_formed && list.len < certificate.sct_list_value.len);
    }
    check_surgery(&certificate);
    ct_certificate_clear(&certificate);
    return 0;
}
