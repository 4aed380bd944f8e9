/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of ctpki: one file a verb, and what they share. */
#ifndef CTPKI_H
#define CTPKI_H

#include <getopt.h>

#include "pki.h"

int ctpki_ca(int argc, char **argv);
int ctpki_cert(int argc, char **argv);
int ctpki_fixture(int argc, char **argv);
int ctpki_list(int argc, char **argv);
int ctpki_log(int argc, char **argv);
int ctpki_ocsp(int argc, char **argv);
int ctpki_responder(int argc, char **argv);
int ctpki_scts(int argc, char **argv);

/* Dies with `usage` for an option that getopt_long did not know, or when `missing` names one that must be given. */
_Noreturn void ctpki_usage(const char *usage, const char *missing);

/* The argument of `option`, or death with a message that says what would be right. */
int64_t ctpki_time(const char *option, const char *text);
uint64_t ctpki_number(const char *option, const char *text, uint64_t max);
enum pki_list_fault ctpki_list_fault(const char *text);

/* The --sct options of one command. Zero-initialise. */
struct ctpki_scts {
    struct pki_sct *items;
    size_t count;
    struct pki_log *logs[64];
    struct pki_bytes extensions[64];
    size_t given;
};
void ctpki_scts_add(struct ctpki_scts *scts, const char *spec);
void ctpki_scts_clear(struct ctpki_scts *scts);

/* Takes the next `key[=value]` off a comma-separated SPEC; `value` is "" without "=". False at the end. */
bool ctpki_next_pair(char **rest, char **key, char **value);

#define CTPKI_SCT_USAGE \
    "SPEC is log=LOG_PREFIX and, separated by commas:\n" \
    "  time=T           RFC 3339, ms since 1970, +DURATION or -DURATION (s, m, h, d); default -30m\n" \
    "  ext=HEX          CtExtensions as they stand\n" \
    "  tiled=INDEX      adds the leaf_index extension of static-ct logs\n" \
    "  count=N          N times the same\n" \
    "  bad=FAULT        signature, hash-alg, sig-alg, version, trailing, der, ber, log-id, truncated,\n" \
    "                   entry-type, extensions\n" \
    "--list-bad is one of trailing, short, empty, octet-trailing, octet-ber, zero-entry\n"

#endif
