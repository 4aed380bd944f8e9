/* SPDX-License-Identifier: Apache-2.0 */
/* ctpki: mints the certificates, logs and lists of the tests. A table of verbs and nothing else. */
#include "ctpki.h"

#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} verbs[] = {
    { "ca", ctpki_ca, "a CA, an intermediate, an issuer twin or a cross-signed CA" },
    { "log", ctpki_log, "the key of a CT log" },
    { "list", ctpki_list, "a log list in any format" },
    { "cert", ctpki_cert, "a certificate with embedded SCTs, good or bad in named ways" },
    { "scts", ctpki_scts, "an SCT list over a certificate, for TLS or a store" },
    { "ocsp", ctpki_ocsp, "an OCSP response with an SCT list" },
    { "responder", ctpki_responder, "a delegated OCSP-signing certificate" },
    { "fixture", ctpki_fixture, "the standard set that all tests share" },
};

static void print_usage(FILE *to)
{
    fputs("usage: ctpki VERB [OPTIONS]\n\n", to);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].help);
    }
    fputs("\nctpki VERB --help says more. Keys are not protected: for tests only.\n", to);
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return 0;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    print_usage(stderr);
    return 2;
}
