/* clientct doctor --connect: what a server does with a certificate that is in no log. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tool/doctor/doctor.h"
#include "tool/tool.h"

#define PATIENCE_S 10

enum outcome {
    REFUSED_46,    /* the alert that libssl makes of X509_V_ERR_NO_VALID_SCTS */
    REFUSED_LATER, /* the handshake went well, the answer is 400: nginx */
    REFUSED_OTHER,
    ACCEPTED,
    NOT_ASKED,  /* no CertificateRequest came */
    NO_VERSION, /* the server does not speak this version of TLS */
    NO_ANSWER,
};

struct attempt {
    const struct doctor_probe *probe;
    bool asked;
    char seen[200];
};

/* A TCP connection whose reads and writes end after a while; -1: *why says why not. */
static int connect_to(const char *host, const char *port, const char **why)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    struct addrinfo *addresses = NULL;
    int error = getaddrinfo(host, port, &hints, &addresses);
    int fd = -1;

    if (error != 0) {
        *why = gai_strerror(error);
        return -1;
    }
    for (const struct addrinfo *at = addresses; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
                        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
                        connect(fd, at->ai_addr, at->ai_addrlen) != 0)) {
            *why = strerror(errno);
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(addresses);
    return fd;
}

static int on_asked(SSL *ssl, void *argument)
{
    struct attempt *attempt = argument;

    attempt->asked = true;
    return 1; /* with the certificate that is set already */
}

/* What the last failed call says. */
static enum outcome outcome_of_failure(struct attempt *attempt)
{
    unsigned long error = ERR_peek_last_error();
    int alert = ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET
                    ? ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET
                    : -1;

    if (alert < 0) {
        const char *text = ERR_reason_error_string(error);
        snprintf(attempt->seen, sizeof attempt->seen, "%s",
                 text != NULL ? text : "the connection ended without an answer");
        return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_UNSUPPORTED_PROTOCOL ? NO_VERSION
                                                                                                        : NO_ANSWER;
    }
    snprintf(attempt->seen, sizeof attempt->seen, "alert %d, %s", alert, SSL_alert_desc_string_long(alert));
    if (alert == SSL_AD_CERTIFICATE_UNKNOWN) {
        return REFUSED_46;
    }
    if (alert == SSL_AD_PROTOCOL_VERSION || (alert == SSL_AD_HANDSHAKE_FAILURE && !attempt->asked)) {
        return NO_VERSION;
    }
    return REFUSED_OTHER;
}

static enum outcome talk(SSL *ssl, struct attempt *attempt, const char *host)
{
    char *request = tool_format("GET / HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    char answer[256] = "";
    enum outcome outcome = ACCEPTED;
    int got;

    if (SSL_connect(ssl) != 1) {
        outcome = outcome_of_failure(attempt);
        goto out;
    }
    if (!attempt->asked) {
        outcome = NOT_ASKED;
        goto out;
    }
    /* With TLS 1.3 the client has finished before the server judges: only an answer tells. */
    if (SSL_write(ssl, request, (int)strlen(request)) <= 0 || (got = SSL_read(ssl, answer, sizeof answer - 1)) <= 0) {
        outcome = outcome_of_failure(attempt);
        goto out;
    }
    answer[got] = '\0';
    answer[strcspn(answer, "\r\n")] = '\0';
    snprintf(attempt->seen, sizeof attempt->seen, "%.180s", answer);
    if (strncmp(answer, "HTTP/", 5) == 0 && strstr(answer, " 400 ") != NULL) {
        outcome = REFUSED_LATER;
    }
out:
    free(request);
    return outcome;
}

static bool ready_context(SSL_CTX *ctx, int version, struct attempt *attempt)
{
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, version) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, version) != 1 ||
        SSL_CTX_use_certificate_chain_file(ctx, attempt->probe->certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, attempt->probe->key, SSL_FILETYPE_PEM) != 1) {
        return false;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* the question is what the server does with us */
    SSL_CTX_set_cert_cb(ctx, on_asked, attempt);
    return true;
}

static void report(struct doctor *doctor, const char *version, enum outcome outcome, const struct attempt *attempt)
{
    static const struct {
        enum doctor_status status;
        const char *text;
    } rows[] = {
        [REFUSED_46] = { DOCTOR_GOOD, "the certificate is refused with the alert that clientct's refusals give" },
        [REFUSED_LATER] = { DOCTOR_GOOD, "the certificate is refused after the handshake; the server's log should say "
                                         "error 71 (another number: refused for another reason)" },
        [REFUSED_OTHER] = { DOCTOR_UNKNOWN, "the certificate is refused, but not as clientct does; is its CA "
                                            "trusted there?" },
        [ACCEPTED] = { DOCTOR_BAD, "the certificate is accepted: nothing checks it, or mode is not enforce, or "
                                   "it is logged or exempt" },
        [NOT_ASKED] = { DOCTOR_BAD, "the server does not ask for a client certificate" },
        [NO_VERSION] = { DOCTOR_NOTE, "the server does not speak this version" },
        [NO_ANSWER] = { DOCTOR_UNKNOWN, "there was no answer that says anything" },
    };

    doctor_say(doctor, rows[outcome].status, version, "%s: %s%s%s%s", attempt->probe->address, rows[outcome].text,
               attempt->seen[0] != '\0' ? " (" : "", attempt->seen, attempt->seen[0] != '\0' ? ")" : "");
}

static void try_version(struct doctor *doctor, const struct doctor_probe *probe, const char *host, const char *port,
                        const char *name, int version)
{
    struct attempt attempt = { .probe = probe };
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    const char *why = "";
    SSL *ssl = NULL;
    int fd = -1;

    ERR_clear_error();
    if (!ready_context(ctx, version, &attempt) || (ssl = SSL_new(ctx)) == NULL) {
        const char *text = ERR_reason_error_string(ERR_peek_last_error());
        doctor_say(doctor, DOCTOR_UNKNOWN, name, "the certificate %s or the key %s cannot be used: %s",
                   probe->certificate, probe->key, text != NULL ? text : "unknown error");
        goto out;
    }
    fd = connect_to(host, port, &why);
    if (fd < 0 || SSL_set_fd(ssl, fd) != 1) {
        doctor_say(doctor, DOCTOR_UNKNOWN, name, "cannot connect to %s: %s", probe->address, why);
        goto out;
    }
    (void)SSL_set_tlsext_host_name(ssl, host);
    report(doctor, name, talk(ssl, &attempt, host), &attempt);
out:
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    if (fd >= 0) {
        close(fd);
    }
    ERR_clear_error();
}

void doctor_probe(struct doctor *doctor, const struct doctor_probe *probe)
{
    char *host = tool_format("%s", probe->address[0] == '[' ? probe->address + 1 : probe->address);
    char *colon = strrchr(host, ':');

    signal(SIGPIPE, SIG_IGN);
    if (colon == NULL || colon == host || colon[1] == '\0') {
        doctor_say(doctor, DOCTOR_UNKNOWN, "connect", "%s is not HOST:PORT", probe->address);
        free(host);
        return;
    }
    *colon = '\0';
    if (colon[-1] == ']') {
        colon[-1] = '\0';
    }
    try_version(doctor, probe, host, colon + 1, "TLS 1.2", TLS1_2_VERSION);
    try_version(doctor, probe, host, colon + 1, "TLS 1.3", TLS1_3_VERSION);
    free(host);
}
