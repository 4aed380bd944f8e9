/* SPDX-License-Identifier: Apache-2.0 */
/* ctpki ca and ctpki log */
#include "ctpki.h"

#include <stdlib.h>

static const char ca_usage[] =
    "usage: ctpki ca --out PREFIX [--cn NAME] [--issuer CA_PREFIX] [--rsa] [--key-from PREFIX] [--days N]\n"
    "Writes PREFIX.pem and PREFIX.key.\n"
    "  --cn NAME          the name; default \"Test CA\"\n"
    "  --issuer CA_PREFIX an intermediate instead of a root\n"
    "  --key-from PREFIX  the key of another CA; with another --issuer and the same --cn: cross-signed\n"
    "  --days N           valid from a day ago for N days; default 3650\n"
    "The same --cn with a new key is an issuer twin.\n";

int ctpki_ca(int argc, char **argv)
{
    static const struct option options[] = {
        { "out", required_argument, NULL, 'o' },      { "cn", required_argument, NULL, 'c' },
        { "issuer", required_argument, NULL, 'i' },   { "rsa", no_argument, NULL, 'r' },
        { "key-from", required_argument, NULL, 'k' }, { "days", required_argument, NULL, 'd' },
        { "help", no_argument, NULL, 'h' },           { 0 },
    };
    const char *out = NULL, *cn = "Test CA";
    struct pki_ca issuer = { 0 }, ca = { 0 };
    EVP_PKEY *key = NULL;
    unsigned long days = 3650;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            out = optarg;
            break;
        case 'c':
            cn = optarg;
            break;
        case 'i':
            pki_ca_read(&issuer, optarg);
            break;
        case 'r':
            key = pki_new_key(PKI_RSA, 0);
            break;
        case 'k':
            key = pki_read_key(optarg);
            break;
        case 'd':
            days = ctpki_number("--days", optarg, 36500);
            break;
        case 'h':
            fputs(ca_usage, stdout);
            return 0;
        default:
            ctpki_usage(ca_usage, NULL);
        }
    }
    if (out == NULL || optind != argc) {
        ctpki_usage(ca_usage, out == NULL ? "--out" : NULL);
    }
    pki_ca_new(&ca, cn, key, issuer.certificate == NULL ? NULL : &issuer, (int)days);
    pki_ca_write(&ca, out);
    EVP_PKEY_free(key);
    pki_ca_clear(&issuer);
    pki_ca_clear(&ca);
    return 0;
}

static const char log_usage[] = "usage: ctpki log --out PREFIX [--rsa BITS | --p384]\n"
                                "Writes PREFIX.key and PREFIX.pub.pem. P-256 unless said otherwise.\n";

int ctpki_log(int argc, char **argv)
{
    static const struct option options[] = {
        { "out", required_argument, NULL, 'o' },
        { "rsa", required_argument, NULL, 'r' },
        { "p384", no_argument, NULL, 'p' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    enum pki_key_type type = PKI_P256;
    struct pki_log log = { 0 };
    const char *out = NULL;
    unsigned bits = 0;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            out = optarg;
            break;
        case 'r':
            type = PKI_RSA;
            bits = (unsigned)ctpki_number("--rsa", optarg, 8192);
            break;
        case 'p':
            type = PKI_P384;
            break;
        case 'h':
            fputs(log_usage, stdout);
            return 0;
        default:
            ctpki_usage(log_usage, NULL);
        }
    }
    if (out == NULL || optind != argc) {
        ctpki_usage(log_usage, out == NULL ? "--out" : NULL);
    }
    pki_log_new(&log, pki_new_key(type, bits));
    pki_log_write(&log, out);
    pki_log_clear(&log);
    return 0;
}
