/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audit lines of a fleet, made by the code that writes them in servers: mixed programs, issuers, reasons, certificates
 * and times, always the same for the same arguments. To standard output.
 * usage: bench_audit_lines LINES CERTIFICATES [FIRST]   FIRST: the number of the first line, default 0
 */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki.h"
#include "record/audit_record.h"

#define ISSUERS 12
#define PROCESSES 24
#define LOGS 6
#define START_MS INT64_C(1793404800000) /* 2026-10-31 */
#define SPAN_MS (INT64_C(28) * 86400000)

static const char *const programs[] = { "nginx", "haproxy", "postgres" };
static const enum clientct_reason refusals[] = { CLIENTCT_NO_SCTS, CLIENTCT_TOO_FEW_SCTS, CLIENTCT_TOO_FEW_OPERATORS,
                                                 CLIENTCT_UNKNOWN_LOG };

/* A good mixture of the bits of a number: splitmix64. */
static uint64_t mixed(uint64_t n)
{
    n += UINT64_C(0x9e3779b97f4a7c15);
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
}

static X509_NAME *name_of(const char *cn, const char *ou, const char *o)
{
    X509_NAME *name = X509_NAME_new();

    if (name == NULL ||
        X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)o, -1, -1, 0) != 1 ||
        X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_UTF8, (const unsigned char *)ou, -1, -1, 0) != 1 ||
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) != 1) {
        pki_die("cannot make the name %s", cn);
    }
    return name;
}

static void set_extension(X509 *leaf, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    if (extension == NULL || X509_add_ext(leaf, extension, -1) != 1) {
        pki_die("cannot add %s", value);
    }
    X509_EXTENSION_free(extension);
}

/* What lines say of a certificate; nobody verifies it. Every issuer has its own kind of it. */
static X509 *template_of(size_t issuer)
{
    static const char *const usages[] = { "clientAuth", "serverAuth,clientAuth", "serverAuth" };
    X509 *leaf = X509_new();
    char cn[64];
    X509_NAME *name;

    snprintf(cn, sizeof cn, issuer % 3 == 0 ? "Device CA %zu, R&D" : "Device CA %zu", issuer);
    name = name_of(cn, "Machines", "Example House");
    if (leaf == NULL || X509_set_version(leaf, X509_VERSION_3) != 1 || X509_set_issuer_name(leaf, name) != 1) {
        pki_die("no memory for a certificate");
    }
    X509_NAME_free(name);
    set_extension(leaf, NID_ext_key_usage, usages[issuer % 3]);
    set_extension(leaf, NID_subject_alt_name,
                  issuer % 4 == 1 ? "URI:spiffe://td.example/ns/pay/sa/web" : "DNS:device.example");
    return leaf;
}

/* The certificate of that number: subject, serial number and dates are its own. */
static void set_certificate(X509 *leaf, uint64_t certificate, size_t issuer)
{
    uint64_t serial[2] = { mixed(certificate), mixed(~certificate) };
    BIGNUM *number = BN_bin2bn((const unsigned char *)serial, sizeof serial - 1, NULL);
    int64_t from_s = START_MS / 1000 - (int64_t)(mixed(certificate + 7) % 90) * 86400;
    X509_NAME *name;
    char cn[64], ou[64];

    snprintf(cn, sizeof cn, certificate % 50 == 0 ? "gerät \"%llu\", Köln" : "device-%llu.fleet.example",
             (unsigned long long)certificate);
    snprintf(ou, sizeof ou, "Site %llu", (unsigned long long)certificate % 100);
    name = name_of(cn, ou, "Example House");
    if (number == NULL || (issuer % 4 == 1 ? 1 : X509_set_subject_name(leaf, name)) != 1 ||
        BN_to_ASN1_INTEGER(number, X509_get_serialNumber(leaf)) == NULL ||
        ASN1_TIME_set(X509_getm_notBefore(leaf), (time_t)from_s) == NULL ||
        ASN1_TIME_set(X509_getm_notAfter(leaf), (time_t)(from_s + (int64_t)400 * 86400)) == NULL) {
        pki_die("cannot make certificate %llu", (unsigned long long)certificate);
    }
    X509_NAME_free(name);
    BN_free(number);
}

static void set_scts(struct clientct_sct_result *scts, uint64_t certificate, enum clientct_reason reason)
{
    static const char *const names[LOGS] = { "Alpha 2026", "Beta 2026", "Gamma 2026", "Delta 2026", "House", "Old" };

    for (size_t i = 0; i < 2; i++) {
        size_t log = (certificate + i * 3) % LOGS;

        memset(&scts[i], 0, sizeof scts[i]);
        scts[i].source = i == 0 ? CLIENTCT_SOURCE_EMBEDDED : CLIENTCT_SOURCE_TLS;
        scts[i].decoded = true;
        scts[i].status = reason == CLIENTCT_UNKNOWN_LOG ? CLIENTCT_UNKNOWN_LOG : CLIENTCT_VALID;
        scts[i].timestamp_ms = (uint64_t)(START_MS - (int64_t)(mixed(certificate) % 8640000));
        memset(scts[i].log_id, (int)(16 * log + 3), sizeof scts[i].log_id);
        scts[i].log = reason == CLIENTCT_UNKNOWN_LOG ? NULL : names[log];
        scts[i].log_operator = reason == CLIENTCT_UNKNOWN_LOG ? NULL : names[log / 2];
    }
}

static void set_verdict(struct clientct_verdict *verdict, uint64_t n, uint64_t certificate,
                        struct clientct_sct_result *scts, const struct clientct_sct_result **pointers)
{
    uint64_t kind = mixed(certificate + 11) % 100; /* of the certificate: it is refused each time, or never */
    bool refused = kind < 12;

    memset(verdict, 0, sizeof *verdict);
    verdict->decided = true;
    verdict->accept = true;
    verdict->compliant = !refused;
    verdict->mode = CLIENTCT_MODE_REPORT;
    verdict->reason = refused ? refusals[kind % 4] : CLIENTCT_COMPLIANT;
    verdict->policy = "two_logs";
    verdict->generation = 3;
    verdict->cached = mixed(n) % 100 < 85;
    if (kind % 5 == 0) {
        verdict->shadow_policy = "chrome";
        verdict->shadow_reason = kind % 2 == 0 ? CLIENTCT_COMPLIANT : CLIENTCT_TOO_FEW_OPERATORS;
        verdict->shadow_compliant = kind % 2 == 0;
    }
    if (refused) {
        snprintf(verdict->detail, sizeof verdict->detail, "needs 2 SCTs of 2 operators, has %llu: ask the CA",
                 (unsigned long long)kind % 2);
    }
    for (size_t i = 0; i < 4; i++) {
        uint64_t part = mixed(4 * certificate + i);

        memcpy(verdict->leaf_sha256 + 8 * i, &part, sizeof part);
    }
    if (!verdict->cached && verdict->reason != CLIENTCT_NO_SCTS) {
        set_scts(scts, certificate, verdict->reason);
        pointers[0] = &scts[0];
        pointers[1] = &scts[1];
        verdict->scts = pointers;
        verdict->sct_count = 2;
    }
}

static void write_line(uint64_t n, uint64_t certificates, uint64_t count, X509 *const *templates)
{
    static uint64_t sequences[PROCESSES];
    uint64_t process = mixed(n + 3) % PROCESSES;
    uint64_t certificate = mixed(n + 5) % certificates;
    size_t issuer = (size_t)(mixed(certificate + 13) % ISSUERS);
    struct ct_audit_origin origin = {
        .now_ms = START_MS + (int64_t)(SPAN_MS / (int64_t)count * (int64_t)(n % count)),
        .sequence = ++sequences[process],
        .pid = (pid_t)(800 + process),
        .id = mixed(process),
        .host = process < PROCESSES / 2 ? "edge-1.example" : "edge-2.example",
        .process = programs[process % 3],
    };
    char address[32];
    struct clientct_input input = {
        .leaf = templates[issuer],
        .server_name = "api.example.com",
        .client_address = address,
        .client_port = (uint16_t)(1024 + n % 60000),
        .tls_version = "TLSv1.3",
        .session = CLIENTCT_SESSION_RESUMABLE,
        .chain_error = mixed(n + 17) % 200 == 0 ? X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY : X509_V_OK,
    };
    struct clientct_sct_result scts[2];
    const struct clientct_sct_result *pointers[2];
    static struct ct_audit_line line;
    struct clientct_verdict verdict;

    if (mixed(n + 19) % 1000 == 0) { /* a line that is lost; every other time the process says so */
        sequences[process]++;
        origin.sequence++;
        origin.dropped = n % 2;
    }
    snprintf(address, sizeof address, "192.0.2.%u", (unsigned)(mixed(certificate) % 254 + 1));
    set_certificate(templates[issuer], certificate, issuer);
    set_verdict(&verdict, n, certificate, scts, pointers);
    if (n % 10000 == 9999) {
        ct_audit_event_line(&origin, "configuration-loaded", true, "taken, with 6 logs", 3, &line);
    } else {
        ct_audit_decision_line(&origin, &input, &verdict, 20000 + mixed(n) % 400000, &line);
    }
    if (line.len == 0 || fwrite(line.text, 1, line.len, stdout) != line.len) {
        pki_die("line %llu cannot be written", (unsigned long long)n);
    }
}

int main(int argc, char **argv)
{
    unsigned long long lines = argc >= 3 ? strtoull(argv[1], NULL, 10) : 0;
    unsigned long long certificates = argc >= 3 ? strtoull(argv[2], NULL, 10) : 0;
    unsigned long long first = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
    X509 *templates[ISSUERS];

    if (argc < 3 || argc > 4 || lines == 0 || certificates == 0 || lines > 1000000000) {
        pki_die("usage: bench_audit_lines LINES CERTIFICATES [FIRST]");
    }
    for (size_t i = 0; i < ISSUERS; i++) {
        templates[i] = template_of(i);
    }
    for (uint64_t n = 0; n < lines; n++) {
        write_line(first + n, certificates, lines, templates);
    }
    for (size_t i = 0; i < ISSUERS; i++) {
        X509_free(templates[i]);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
