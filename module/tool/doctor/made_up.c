/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tool/doctor/made_up.h"

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool added;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static X509 *make(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *usage)
{
    X509 *made = X509_new();
    BIGNUM *serial = BN_new();
    X509_NAME *subject = X509_NAME_new();
    bool done = made != NULL && serial != NULL && subject != NULL && X509_set_version(made, X509_VERSION_3) == 1 &&
                BN_rand(serial, 120, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(made)) != NULL &&
                X509_gmtime_adj(X509_getm_notBefore(made), -3600) != NULL &&
                X509_gmtime_adj(X509_getm_notAfter(made), 86400) != NULL &&
                X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1 &&
                X509_set_subject_name(made, subject) == 1 &&
                X509_set_issuer_name(made, issuer != NULL ? X509_get_subject_name(issuer) : subject) == 1 &&
                X509_set_pubkey(made, key) == 1 &&
                add_extension(made, issuer != NULL ? issuer : made, NID_subject_key_identifier, "hash") &&
                add_extension(made, issuer != NULL ? issuer : made, NID_basic_constraints,
                              usage == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
                (usage == NULL || add_extension(made, issuer, NID_ext_key_usage, usage)) &&
                add_extension(made, issuer != NULL ? issuer : made, NID_key_usage,
                              usage == NULL ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
                X509_sign(made, issuer_key, EVP_sha256()) > 0;

    BN_free(serial);
    X509_NAME_free(subject);
    if (!done) {
        X509_free(made);
        return NULL;
    }
    return made;
}

bool doctor_make_up(struct doctor_made_up *made)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");

    memset(made, 0, sizeof *made);
    made->server_key = EVP_EC_gen("P-256");
    made->client_key = EVP_EC_gen("P-256");
    if (ca_key != NULL && made->server_key != NULL && made->client_key != NULL) {
        made->ca = make("clientct doctor: a CA made up on the spot", ca_key, NULL, ca_key, NULL);
        if (made->ca != NULL) {
            made->server = make("localhost", made->server_key, made->ca, ca_key, "serverAuth");
            made->client = make("clientct doctor: in no log", made->client_key, made->ca, ca_key, "clientAuth");
        }
    }
    EVP_PKEY_free(ca_key);
    if (made->server == NULL || made->client == NULL) {
        doctor_made_up_clear(made);
        return false;
    }
    return true;
}

void doctor_made_up_clear(struct doctor_made_up *made)
{
    X509_free(made->ca);
    X509_free(made->server);
    X509_free(made->client);
    EVP_PKEY_free(made->server_key);
    EVP_PKEY_free(made->client_key);
    memset(made, 0, sizeof *made);
}
