/* SPDX-License-Identifier: Apache-2.0 */
/* ctpki scts and ctpki ocsp: evidence that comes beside the certificate */
#include "ctpki.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ocsp.h>

static X509 *read_leaf(const char *prefix)
{
    char *path = pki_path(prefix, ".pem");
    X509 *certificate = pki_read_certificate(path);

    free(path);
    return certificate;
}

/* `out` and, named as the module looks for it, `store`/<sha256 of the certificate><suffix>; each may be NULL. */
static void write_evidence(const struct pki_bytes *bytes, X509 *certificate, const char *out, const char *store,
                           const char *suffix)
{
    uint8_t *der = NULL;
    char hex[65], *path = NULL;

    if (out != NULL) {
        pki_write_file(out, bytes->data, bytes->len);
    }
    if (store == NULL) {
        return;
    }
    int len = i2d_X509(certificate, &der);
    if (len <= 0) {
        pki_die("cannot encode a certificate");
    }
    pki_sha256_hex(der, (size_t)len, hex);
    if (asprintf(&path, "%s/%s%s", store, hex, suffix) < 0) {
        pki_die("out of memory");
    }
    pki_make_directory(store);
    pki_write_file(path, bytes->data, bytes->len);
    OPENSSL_free(der);
    free(path);
}

static const char scts_usage[] =
    "usage: ctpki scts [--out FILE] [--store DIR] --cert PREFIX --issuer CA_PREFIX [--entry x509|precert]\n"
    "                  [--list-bad FAULT] --sct SPEC...\n"
    "Writes a SignedCertificateTimestampList over PREFIX.pem: to FILE, and to\n"
    "DIR/<sha256 of the certificate>.sct.\n" CTPKI_SCT_USAGE;

int ctpki_scts(int argc, char **argv)
{
    static const struct option options[] = {
        { "out", required_argument, NULL, 'o' },
        { "store", required_argument, NULL, 'd' },
        { "cert", required_argument, NULL, 'c' },
        { "issuer", required_argument, NULL, 'i' },
        { "entry", required_argument, NULL, 'e' },
        { "sct", required_argument, NULL, 'S' },
        { "list-bad", required_argument, NULL, 'l' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const char *out = NULL, *store = NULL;
    enum pki_list_fault fault = PKI_LIST_NONE;
    enum pki_entry_type type = PKI_ENTRY_X509;
    X509 *certificate = NULL;
    struct pki_ca issuer = { 0 };
    struct pki_entry entry = { 0 };
    struct ctpki_scts scts = { 0 };
    struct pki_bytes list = { 0 };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            out = optarg;
            break;
        case 'd':
            store = optarg;
            break;
        case 'c':
            certificate = read_leaf(optarg);
            break;
        case 'i':
            pki_ca_read(&issuer, optarg);
            break;
        case 'e':
            if (strcmp(optarg, "x509") != 0 && strcmp(optarg, "precert") != 0) {
                pki_die("--entry: '%s' is not x509 or precert", optarg);
            }
            type = strcmp(optarg, "precert") == 0 ? PKI_ENTRY_PRECERT : PKI_ENTRY_X509;
            break;
        case 'S':
            ctpki_scts_add(&scts, optarg);
            break;
        case 'l':
            fault = ctpki_list_fault(optarg);
            break;
        case 'h':
            fputs(scts_usage, stdout);
            return 0;
        default:
            ctpki_usage(scts_usage, NULL);
        }
    }
    if (certificate == NULL || issuer.key == NULL || (out == NULL && store == NULL) || optind != argc) {
        ctpki_usage(scts_usage, "--cert, --issuer and --out or --store");
    }
    pki_entry_of(&entry, certificate, issuer.certificate, type);
    pki_add_sct_list(&list, &entry, scts.items, scts.count, fault);
    write_evidence(&list, certificate, out, store, ".sct");
    pki_bytes_clear(&list);
    pki_entry_clear(&entry);
    ctpki_scts_clear(&scts);
    pki_ca_clear(&issuer);
    X509_free(certificate);
    return 0;
}

static const char ocsp_usage[] =
    "usage: ctpki ocsp [--out FILE] [--store DIR] --cert PREFIX --ca CA_PREFIX [OPTIONS] [--sct SPEC]...\n"
    "Writes an OCSPResponse in DER: to FILE, and to DIR/<sha256 of the certificate>.ocsp.\n"
    "  --status good|revoked|unknown\n"
    "  --this-update T  --next-update T|none   default -10m and +1d\n"
    "  --signer PREFIX        a delegated responder (see ctpki responder), sent along\n"
    "  --wrong-key            signed by a key that nobody knows\n"
    "  --other-cert           about another serial number\n"
    "  --id-digest NAME       what the certificate is named by: sha1, unless given\n" CTPKI_SCT_USAGE;

static int status_named(const char *name)
{
    if (strcmp(name, "good") == 0) {
        return V_OCSP_CERTSTATUS_GOOD;
    }
    if (strcmp(name, "revoked") == 0) {
        return V_OCSP_CERTSTATUS_REVOKED;
    }
    if (strcmp(name, "unknown") == 0) {
        return V_OCSP_CERTSTATUS_UNKNOWN;
    }
    pki_die("--status: '%s' is not good, revoked or unknown", name);
}

int ctpki_ocsp(int argc, char **argv)
{
    static const struct option options[] = {
        { "out", required_argument, NULL, 'o' },
        { "store", required_argument, NULL, 'd' },
        { "cert", required_argument, NULL, 'c' },
        { "ca", required_argument, NULL, 'C' },
        { "status", required_argument, NULL, 's' },
        { "this-update", required_argument, NULL, 't' },
        { "next-update", required_argument, NULL, 'n' },
        { "signer", required_argument, NULL, 'g' },
        { "wrong-key", no_argument, NULL, 'w' },
        { "other-cert", no_argument, NULL, 'O' },
        { "id-digest", required_argument, NULL, 'i' },
        { "sct", required_argument, NULL, 'S' },
        { "list-bad", required_argument, NULL, 'l' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const char *out = NULL, *store = NULL;
    struct pki_ca ca = { 0 }, signer = { 0 };
    struct ctpki_scts scts = { 0 };
    struct pki_bytes response = { 0 };
    struct pki_ocsp ocsp = {
        .ca = &ca,
        .status = V_OCSP_CERTSTATUS_GOOD,
        .this_update_ms = pki_now() - 10 * PKI_MINUTE,
        .next_update_ms = pki_now() + PKI_DAY,
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            out = optarg;
            break;
        case 'd':
            store = optarg;
            break;
        case 'c':
            ocsp.certificate = read_leaf(optarg);
            break;
        case 'C':
            pki_ca_read(&ca, optarg);
            break;
        case 's':
            ocsp.status = status_named(optarg);
            break;
        case 't':
            ocsp.this_update_ms = ctpki_time("--this-update", optarg);
            break;
        case 'n':
            ocsp.next_update_ms = strcmp(optarg, "none") == 0 ? INT64_MIN : ctpki_time("--next-update", optarg);
            break;
        case 'g':
            pki_ca_read(&signer, optarg);
            ocsp.signer = &signer;
            break;
        case 'w':
            ocsp.wrong_key = true;
            break;
        case 'O':
            ocsp.other_cert = true;
            break;
        case 'i':
            if ((ocsp.id_digest = EVP_get_digestbyname(optarg)) == NULL) {
                pki_die("--id-digest: there is no '%s'", optarg);
            }
            break;
        case 'S':
            ctpki_scts_add(&scts, optarg);
            break;
        case 'l':
            ocsp.list_fault = ctpki_list_fault(optarg);
            break;
        case 'h':
            fputs(ocsp_usage, stdout);
            return 0;
        default:
            ctpki_usage(ocsp_usage, NULL);
        }
    }
    if (ocsp.certificate == NULL || ca.key == NULL || (out == NULL && store == NULL) || optind != argc) {
        ctpki_usage(ocsp_usage, "--cert, --ca and --out or --store");
    }
    ocsp.scts = scts.items;
    ocsp.sct_count = scts.count;
    pki_ocsp_response(&response, &ocsp);
    write_evidence(&response, ocsp.certificate, out, store, ".ocsp");
    pki_bytes_clear(&response);
    ctpki_scts_clear(&scts);
    X509_free(ocsp.certificate);
    pki_ca_clear(&ca);
    pki_ca_clear(&signer);
    return 0;
}
