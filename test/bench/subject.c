/* SPDX-License-Identifier: Apache-2.0 */
#include "subject.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "pki.h"

struct clientct_checker *bench_checker(const char *dir, const char *config)
{
    char path[512];
    struct clientct_checker *checker = clientct_checker_new(bench_path(dir, config, path));

    if (checker == NULL) {
        pki_die("no memory for a checker");
    }
    clientct_checker_start_recording(checker);
    return checker;
}

void bench_subject_set(struct bench_subject *subject, const char *dir, struct clientct_checker *checker,
                       const char *client)
{
    struct pki_bytes der = { 0 };
    char path[512], name[64];

    memset(subject, 0, sizeof *subject);
    subject->checker = checker;
    snprintf(name, sizeof name, "%s.der", client);
    pki_read_file(bench_path(dir, name, path), &der);
    subject->der = der.data;
    subject->der_len = der.len;
    subject->ca = pki_read_certificate(bench_path(dir, "ca.pem", path));
    subject->ca_key = pki_read_key(bench_path(dir, "ca", path));
    subject->accept = true;
}

static void forget_chain(struct bench_subject *subject)
{
    X509_free(subject->input.leaf);
    sk_X509_free(subject->chain);
    subject->input.leaf = NULL;
    subject->chain = NULL;
}

void bench_subject_clear(struct bench_subject *subject)
{
    forget_chain(subject);
    X509_free(subject->ca);
    EVP_PKEY_free(subject->ca_key);
    OPENSSL_free(subject->der);
    memset(subject, 0, sizeof *subject);
}

void bench_subject_prepare(void *arg)
{
    struct bench_subject *subject = arg;
    const uint8_t *at = subject->der;

    forget_chain(subject);
    subject->input = (struct clientct_input){
        .leaf = d2i_X509(NULL, &at, (long)subject->der_len),
        .chain = sk_X509_new_null(),
        .server_name = "client.bench.example",
        .client_address = "127.0.0.1",
        .client_port = 4433,
        .tls_version = "TLSv1.3",
    };
    subject->chain = subject->input.chain;
    if (subject->ever_new && subject->input.leaf != NULL) {
        X509 *fresh = bench_signed_again(subject->input.leaf, subject->ca_key);

        X509_free(subject->input.leaf);
        subject->input.leaf = fresh;
    }
    if (subject->input.leaf == NULL || sk_X509_push(subject->chain, subject->input.leaf) <= 0 ||
        sk_X509_push(subject->chain, subject->ca) <= 0) {
        pki_die("cannot make a chain");
    }
    X509_check_purpose(subject->input.leaf, -1, 0);
    clientct_checker_reload(subject->checker, CLIENTCT_AT_HANDSHAKE); /* so that the next look is a second away */
}

void bench_subject_only_decide(void *arg)
{
    struct bench_subject *subject = arg;
    struct clientct_verdict verdict;

    if (clientct_decide(subject->checker, &subject->input, &verdict) != subject->accept) {
        pki_die("the verdict is %s (%s)", clientct_reason_name(verdict.reason), verdict.detail);
    }
    clientct_verdict_clear(&verdict);
}

void bench_subject_decide(void *arg)
{
    struct bench_subject *subject = arg;
    struct clientct_verdict verdict;
    uint64_t start = bench_now_ns();
    bool accept;

    clientct_checker_reload(subject->checker, CLIENTCT_AT_HANDSHAKE);
    accept = clientct_decide(subject->checker, &subject->input, &verdict);
    clientct_record(subject->checker, &subject->input, &verdict, bench_now_ns() - start);
    if (accept != subject->accept || (subject->ever_new && verdict.signatures_checked != subject->signatures)) {
        pki_die("the verdict is %s (%s), %u signatures; expected %s, %u", clientct_reason_name(verdict.reason),
                verdict.detail, verdict.signatures_checked, subject->accept ? "accept" : "refuse", subject->signatures);
    }
    clientct_verdict_clear(&verdict);
}
