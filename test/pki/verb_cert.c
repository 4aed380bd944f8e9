/* SPDX-License-Identifier: Apache-2.0 */
/* ctpki cert and ctpki responder */
#include "ctpki.h"

#include <string.h>

static const char usage[] =
    "usage: ctpki cert --out PREFIX --ca CA_PREFIX [OPTIONS] [--sct SPEC]...\n"
    "Writes PREFIX.pem (the leaf, then the issuing CA), PREFIX.key and PREFIX.der.\n"
    "  --cn NAME  --san DNS:NAME,IP:ADDRESS  --policy OID  --eku clientAuth,...  --server\n"
    "  --second-policy OID                in a second extension certificatePolicies\n"
    "  --not-before T  --not-after T      default -1h and +90d\n"
    "  --rsa  --ed25519  --key-from PREFIX\n"
    "  --pad N                            a private extension with N bytes\n"
    "  --only-sct                         none of the usual extensions\n"
    "  --sct-position first|middle|last\n"
    "  --no-sct-ext                       SCTs are not embedded\n"
    "  --poison                           a precertificate's poison extension stays in\n"
    "  --two-sct-ext                      the first SCT in one extension, the others in a second one\n"
    "  --sct-from FILE                    the SCT list of another certificate in PEM\n"
    "  --scts-raw FILE                    the file's bytes as SCT list\n" CTPKI_SCT_USAGE;

static enum pki_position position_named(const char *name)
{
    if (strcmp(name, "first") == 0) {
        return PKI_FIRST;
    }
    if (strcmp(name, "middle") == 0) {
        return PKI_MIDDLE;
    }
    if (strcmp(name, "last") == 0) {
        return PKI_LAST;
    }
    pki_die("--sct-position: '%s' is not first, middle or last", name);
}

static void take_list(struct pki_bytes *list, const char *path)
{
    X509 *certificate = pki_read_certificate(path);

    pki_embedded_list(certificate, list);
    X509_free(certificate);
}

int ctpki_cert(int argc, char **argv)
{
    static const struct option options[] = {
        { "out", required_argument, NULL, 'o' },
        { "ca", required_argument, NULL, 'C' },
        { "cn", required_argument, NULL, 'c' },
        { "server", no_argument, NULL, 's' },
        { "not-before", required_argument, NULL, 'b' },
        { "not-after", required_argument, NULL, 'a' },
        { "rsa", no_argument, NULL, 'r' },
        { "ed25519", no_argument, NULL, 'd' },
        { "key-from", required_argument, NULL, 'k' },
        { "san", required_argument, NULL, 'n' },
        { "policy", required_argument, NULL, 'P' },
        { "eku", required_argument, NULL, 'e' },
        { "pad", required_argument, NULL, 'p' },
        { "only-sct", no_argument, NULL, 'O' },
        { "sct-position", required_argument, NULL, 'w' },
        { "no-sct-ext", no_argument, NULL, 'N' },
        { "poison", no_argument, NULL, 'x' },
        { "two-sct-ext", no_argument, NULL, '2' },
        { "sct", required_argument, NULL, 'S' },
        { "list-bad", required_argument, NULL, 'l' },
        { "sct-from", required_argument, NULL, 'f' },
        { "scts-raw", required_argument, NULL, 'R' },
        { "second-policy", required_argument, NULL, 'Q' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const char *out = NULL;
    struct pki_ca ca = { 0 };
    struct pki_leaf leaf = { 0 };
    struct ctpki_scts scts = { 0 };
    struct pki_bytes raw = { 0 };
    struct pki_minted minted = { 0 };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            out = optarg;
            break;
        case 'C':
            pki_ca_read(&ca, optarg);
            break;
        case 'c':
            leaf.cn = optarg;
            break;
        case 's':
            leaf.server = true;
            break;
        case 'b':
            leaf.not_before_ms = ctpki_time("--not-before", optarg);
            break;
        case 'a':
            leaf.not_after_ms = ctpki_time("--not-after", optarg);
            break;
        case 'r':
            leaf.key = pki_new_key(PKI_RSA, 0);
            break;
        case 'd':
            leaf.key = pki_new_key(PKI_ED25519, 0);
            break;
        case 'k':
            leaf.key = pki_read_key(optarg);
            break;
        case 'n':
            leaf.san = optarg;
            break;
        case 'P':
            leaf.policy = optarg;
            break;
        case 'Q':
            leaf.second_policy = optarg;
            break;
        case 'e':
            leaf.eku = optarg;
            break;
        case 'p':
            leaf.padding = ctpki_number("--pad", optarg, 16000000);
            break;
        case 'O':
            leaf.only_sct = true;
            break;
        case 'w':
            leaf.position = position_named(optarg);
            break;
        case 'N':
            leaf.no_sct_extension = true;
            break;
        case 'x':
            leaf.poison = true;
            break;
        case '2':
            leaf.two_sct_extensions = true;
            break;
        case 'S':
            ctpki_scts_add(&scts, optarg);
            break;
        case 'l':
            leaf.list_fault = ctpki_list_fault(optarg);
            break;
        case 'f':
            take_list(&raw, optarg);
            leaf.raw_list = &raw;
            break;
        case 'R':
            pki_read_file(optarg, &raw);
            leaf.raw_list = &raw;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            ctpki_usage(usage, NULL);
        }
    }
    if (out == NULL || ca.key == NULL || optind != argc) {
        ctpki_usage(usage, out == NULL ? "--out" : ca.key == NULL ? "--ca" : NULL);
    }
    leaf.scts = scts.items;
    leaf.sct_count = scts.count;
    pki_mint(&minted, &leaf, &ca);
    pki_minted_write(&minted, &ca, out);
    pki_minted_clear(&minted);
    pki_bytes_clear(&raw);
    ctpki_scts_clear(&scts);
    EVP_PKEY_free(leaf.key);
    pki_ca_clear(&ca);
    return 0;
}

static const char responder_usage[] =
    "usage: ctpki responder --out PREFIX --ca CA_PREFIX [--cn NAME] [--eku USAGE] [--not-after T]\n"
    "Writes PREFIX.pem, PREFIX.key and PREFIX.der: a delegated OCSP responder.\n";

int ctpki_responder(int argc, char **argv)
{
    static const struct option options[] = {
        { "out", required_argument, NULL, 'o' },
        { "ca", required_argument, NULL, 'C' },
        { "cn", required_argument, NULL, 'c' },
        { "eku", required_argument, NULL, 'e' },
        { "not-after", required_argument, NULL, 'a' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    struct pki_leaf leaf = { .cn = "OCSP responder", .delegated_responder = true };
    struct pki_minted minted = { 0 };
    struct pki_ca ca = { 0 };
    const char *out = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            out = optarg;
            break;
        case 'C':
            pki_ca_read(&ca, optarg);
            break;
        case 'c':
            leaf.cn = optarg;
            break;
        case 'e':
            leaf.eku = optarg;
            break;
        case 'a':
            leaf.not_after_ms = ctpki_time("--not-after", optarg);
            leaf.not_before_ms = leaf.not_after_ms - 30 * PKI_DAY;
            break;
        case 'h':
            fputs(responder_usage, stdout);
            return 0;
        default:
            ctpki_usage(responder_usage, NULL);
        }
    }
    if (out == NULL || ca.key == NULL || optind != argc) {
        ctpki_usage(responder_usage, out == NULL ? "--out" : ca.key == NULL ? "--ca" : NULL);
    }
    pki_mint(&minted, &leaf, &ca);
    pki_minted_write(&minted, &ca, out);
    pki_minted_clear(&minted);
    pki_ca_clear(&ca);
    return 0;
}
