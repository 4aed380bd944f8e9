/* SPDX-License-Identifier: Apache-2.0 */
/* OCSP responses with an SCT list in the singleExtension of RFC 6962, section 3.3. */
#include "pki.h"
#include "x509_parts.h"

#include <openssl/ocsp.h>

static ASN1_GENERALIZEDTIME *new_time(int64_t at_ms)
{
    ASN1_GENERALIZEDTIME *time =
        ASN1_GENERALIZEDTIME_adj(NULL, 0, (int)(at_ms / PKI_DAY), (long)(at_ms % PKI_DAY / PKI_SECOND));

    if (time == NULL) {
        pki_die("cannot set a time");
    }
    return time;
}

static void add_list(OCSP_SINGLERESP *single, const struct pki_ocsp *ocsp)
{
    struct pki_entry entry = { 0 };
    struct pki_bytes list = { 0 };

    pki_entry_of(&entry, ocsp->certificate, ocsp->ca->certificate, PKI_ENTRY_X509);
    pki_add_sct_list(&list, &entry, ocsp->scts, ocsp->sct_count, ocsp->list_fault);
    if (ocsp->change_list != NULL) {
        ocsp->change_list(ocsp->change_arg, &list);
    }
    X509_EXTENSION *extension = pki_sct_list_extension(PKI_OID_OCSP_SCT_LIST, &list, ocsp->list_fault);
    if (OCSP_SINGLERESP_add_ext(single, extension, -1) != 1) {
        pki_die("cannot add an SCT list to an OCSP response");
    }
    X509_EXTENSION_free(extension);
    pki_bytes_clear(&list);
    pki_entry_clear(&entry);
}

static OCSP_CERTID *certificate_id(const struct pki_ocsp *ocsp)
{
    ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(ocsp->certificate));
    uint64_t number = 0;
    OCSP_CERTID *id;

    if (serial == NULL || (ocsp->other_cert && (ASN1_INTEGER_get_uint64(&number, serial) != 1 ||
                                                ASN1_INTEGER_set_uint64(serial, number ^ 1) != 1))) {
        pki_die("cannot take the serial number for an OCSP response");
    }
    id = OCSP_cert_id_new(ocsp->id_digest != NULL ? ocsp->id_digest : EVP_sha1(),
                          X509_get_subject_name(ocsp->ca->certificate), X509_get0_pubkey_bitstr(ocsp->ca->certificate),
                          serial);
    if (id == NULL) {
        pki_die("cannot name the certificate of an OCSP response");
    }
    ASN1_INTEGER_free(serial);
    return id;
}

void pki_ocsp_response(struct pki_bytes *out, const struct pki_ocsp *ocsp)
{
    const struct pki_ca *signer = ocsp->signer == NULL ? ocsp->ca : ocsp->signer;
    ASN1_GENERALIZEDTIME *this_update = new_time(ocsp->this_update_ms), *next_update = NULL, *revoked = NULL;
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = certificate_id(ocsp);
    X509 *named = signer->certificate;
    EVP_PKEY *key = signer->key;
    uint8_t *der = NULL;

    if (ocsp->next_update_ms != INT64_MIN) {
        next_update = new_time(ocsp->next_update_ms);
    }
    if (ocsp->status == V_OCSP_CERTSTATUS_REVOKED) {
        revoked = new_time(ocsp->this_update_ms - PKI_HOUR);
    }
    OCSP_SINGLERESP *single = OCSP_basic_add1_status(basic, id, ocsp->status, OCSP_REVOKED_STATUS_UNSPECIFIED, revoked,
                                                     this_update, next_update);
    if (single == NULL) {
        pki_die("cannot make an OCSP response");
    }
    if (ocsp->sct_count > 0 || ocsp->list_fault != PKI_LIST_NONE) {
        add_list(single, ocsp);
    }
    if (ocsp->wrong_key) {
        /* libcrypto signs only for the certificate whose key it is given, so a twin of the signer lends its name. */
        key = pki_new_key(PKI_P256, 0);
        named = X509_dup(signer->certificate);
        if (named == NULL || X509_set_pubkey(named, key) != 1) {
            pki_die("cannot make a twin of the responder");
        }
    }
    if (OCSP_basic_sign(basic, named, key, EVP_sha256(), NULL, ocsp->signer == NULL ? OCSP_NOCERTS : 0) != 1) {
        pki_die("cannot sign an OCSP response");
    }
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    int len = i2d_OCSP_RESPONSE(response, &der);
    if (len <= 0) {
        pki_die("cannot encode an OCSP response");
    }
    pki_add(out, der, (size_t)len);
    OPENSSL_free(der);
    if (ocsp->wrong_key) {
        X509_free(named);
        EVP_PKEY_free(key);
    }
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_GENERALIZEDTIME_free(this_update);
    ASN1_GENERALIZEDTIME_free(next_update);
    ASN1_GENERALIZEDTIME_free(revoked);
}
