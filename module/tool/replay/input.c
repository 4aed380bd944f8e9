/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/folder.h"
#include "tool/replay/replay.h"
#include "tool/trust.h"

#define ISSUERS_MAX 4096

static void keep_issuer(struct replay_work *work, X509 *certificate)
{
    for (int i = 0; i < sk_X509_num(work->issuers); i++) {
        if (X509_cmp(sk_X509_value(work->issuers, i), certificate) == 0) {
            return;
        }
    }
    if (sk_X509_num(work->issuers) < ISSUERS_MAX &&
        (X509_up_ref(certificate) != 1 || sk_X509_push(work->issuers, certificate) <= 0)) {
        tool_out_of_memory();
    }
}

static void take_certificate(struct replay_work *work, X509 *certificate, bool issuers)
{
    bool is_ca = X509_check_ca(certificate) > 0;
    struct replay_subject subject = { .leaf = certificate, .server_name = work->server_name };

    if (issuers || is_ca) {
        if (issuers && is_ca) {
            keep_issuer(work, certificate);
        }
        return;
    }
    subject.chain = tool_chain_build(certificate, work->issuers);
    replay_judge(work, &subject);
    tool_certificates_free(subject.chain);
}

/* A bundle may have any number of them: one after the other. */
static bool take_pem(struct replay_work *work, const char *name, int fd, bool issuers)
{
    FILE *file = fdopen(dup(fd), "r");
    uint64_t count = 0;
    X509 *certificate;
    unsigned long error;

    if (file == NULL) {
        tool_error("replay: %s cannot be read: %s", name, strerror(errno));
        return false;
    }
    ERR_clear_error();
    while ((certificate = PEM_read_X509_AUX(file, NULL, NULL, NULL)) != NULL) {
        take_certificate(work, certificate, issuers);
        X509_free(certificate);
        ERR_clear_error();
        count++;
    }
    error = ERR_peek_last_error();
    ERR_clear_error();
    fclose(file);
    if (count > 0 && ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE) {
        return true;
    }
    tool_error("replay: certificate %llu of %s does not decode", (unsigned long long)count + 1, name);
    return false;
}

static bool take_der(struct replay_work *work, const char *name, bool issuers)
{
    STACK_OF(X509) *certificates = tool_read_certificates("replay", name);

    for (int i = 0; i < sk_X509_num(certificates); i++) {
        take_certificate(work, sk_X509_value(certificates, i), issuers);
    }
    tool_certificates_free(certificates);
    return certificates != NULL;
}

/* --- what an operand is --- */

/* Who else may write an archive can make the answer. */
static void warn_of_writers(const char *name)
{
    struct tool_trust trust;
    char *who;

    tool_trust_begin(&trust);
    who = tool_who_else_may_write(&trust, name);
    if (who != NULL) {
        tool_warning("replay: %s: %s; what is in it may be made up", name, who);
    }
    free(who);
}

static bool take_file(struct replay_work *work, const char *name, bool issuers)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    uint8_t head[4096];
    ssize_t len = fd >= 0 ? pread(fd, head, sizeof head, 0) : -1;
    bool ok;

    if (len < 0) {
        tool_error("replay: %s cannot be read: %s", name, strerror(errno));
        ok = false;
    } else if (len > 0 && head[0] == 0x30) {
        ok = take_der(work, name, issuers);
    } else if (memmem(head, (size_t)len, "-----BEGIN ", 11) != NULL && head[0] != '{') {
        ok = take_pem(work, name, fd, issuers);
    } else if (issuers) {
        ok = true; /* records have their chains */
    } else {
        warn_of_writers(name);
        ok = replay_archive(work, name, fd);
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool replay_input(struct replay_work *work, const char *operand, bool issuers)
{
    struct tool_names names = { 0 };
    struct stat st;
    bool ok = true;

    if (strcmp(operand, "-") == 0) {
        return issuers || replay_archive(work, "standard input", STDIN_FILENO);
    }
    if (stat(operand, &st) == 0 && S_ISDIR(st.st_mode) && replay_is_log(operand)) {
        return issuers || replay_log(work, operand);
    }
    if (!tool_names_add("replay", operand, &names)) {
        return false;
    }
    if (names.count == 0) {
        tool_error("replay: %s has no file that ends in .pem, .crt, .cer or .der", operand);
        ok = false;
    }
    for (size_t i = 0; i < names.count; i++) {
        ok = take_file(work, names.items[i], issuers) && ok;
    }
    tool_names_clear(&names);
    return ok;
}
