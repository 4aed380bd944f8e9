/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
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

#include "tool/doctor/alike.h"
#include "tool/doctor/connect.h"
#include "tool/tool.h"

#define PATIENCE_S 5

/* Behind one address there may be several processes or machines, and one that is not on. */
#define TRIES 5

enum outcome {
    REFUSED_46,    /* the alert that libssl makes of X509_V_ERR_NO_VALID_SCTS */
    REFUSED_LATER, /* the handshake went well, the answer is 400: nginx */
    CLOSED,        /* it asked for the certificate, and hung up without an alert: Node.js */
    REFUSED_OTHER, /* another alert */
    ACCEPTED,
    ENTERED,    /* after the handshake neither an alert, which the other one got, nor an answer to HTTP */
    NOT_ASKED,  /* no CertificateRequest came */
    NO_VERSION, /* the server does not speak this version of TLS */
    NO_ANSWER,  /* no connection, or silence */
    UNUSABLE,   /* the certificate or key given */
};

static bool is_refusal(enum outcome outcome)
{
    return outcome == REFUSED_46 || outcome == REFUSED_LATER || outcome == CLOSED;
}

struct attempt {
    const char *certificate, *key;
    bool asked;
    bool finished; /* the handshake, as far as the client can see */
    enum outcome outcome;
    char seen[200];
    char server[160]; /* what is wrong with the server's own certificate; "": nothing that shows */
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
        bool patient = errno != EAGAIN && errno != EWOULDBLOCK;

        snprintf(attempt->seen, sizeof attempt->seen, "%s",
                 !patient       ? "silence"
                 : text != NULL ? text
                                : "the connection was closed without an alert");
        return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_UNSUPPORTED_PROTOCOL ? NO_VERSION
               : attempt->asked && patient                                                              ? CLOSED
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

static void look_at_server(const SSL *ssl, struct attempt *attempt)
{
    const X509 *certificate = SSL_get0_peer_certificate(ssl);

    if (certificate != NULL && X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0) {
        snprintf(attempt->server, sizeof attempt->server, "has expired");
    } else if (certificate != NULL && X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
        snprintf(attempt->server, sizeof attempt->server, "is not valid yet");
    }
}

/* The first line of the answer, however slowly it comes; what SSL_read said last where there is none. */
static int read_line(SSL *ssl, char *line, size_t size)
{
    size_t len = 0;
    int got = 1;

    while (len < size - 1 && memchr(line, '\n', len) == NULL &&
           (got = SSL_read(ssl, line + len, (int)(size - 1 - len))) > 0) {
        len += (size_t)got;
    }
    line[len] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return len > 0 ? 1 : got;
}

static bool is_400(const char *line)
{
    const char *status = strchr(line, ' ');

    return strncmp(line, "HTTP/", 5) == 0 && status != NULL && strncmp(status, " 400", 4) == 0 &&
           (status[4] == ' ' || status[4] == '\0');
}

static enum outcome talk(SSL *ssl, struct attempt *attempt, const char *host)
{
    char *request = tool_format("GET / HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    char answer[256] = "";
    enum outcome outcome = ACCEPTED;

    errno = 0;
    if (SSL_connect(ssl) != 1) {
        outcome = outcome_of_failure(attempt);
        goto out;
    }
    attempt->finished = true;
    look_at_server(ssl, attempt);
    if (!attempt->asked) {
        outcome = NOT_ASKED;
        goto out;
    }
    /* With TLS 1.3 the client has finished before the server judges: only an answer tells. */
    if (SSL_write(ssl, request, (int)strlen(request)) <= 0 || read_line(ssl, answer, sizeof answer) <= 0) {
        outcome = outcome_of_failure(attempt);
        goto out;
    }
    snprintf(attempt->seen, sizeof attempt->seen, "%.180s", answer);
    if (is_400(answer)) {
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
        SSL_CTX_use_certificate_chain_file(ctx, attempt->certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, attempt->key, SSL_FILETYPE_PEM) != 1) {
        return false;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* the question is what the server does with us */
    SSL_CTX_set_cert_cb(ctx, on_asked, attempt);
    return true;
}

/* Addresses are no server names (RFC 6066, section 3). */
static bool is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return strchr(host, ':') != NULL || inet_pton(AF_INET, host, bytes) == 1;
}

static void try_version(const char *host, const char *port, int version, struct attempt *attempt)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    const char *why = "";
    SSL *ssl = NULL;
    int fd = -1;

    ERR_clear_error();
    if (!ready_context(ctx, version, attempt) || (ssl = SSL_new(ctx)) == NULL) {
        const char *text = ERR_reason_error_string(ERR_peek_last_error());
        snprintf(attempt->seen, sizeof attempt->seen, "%s", text != NULL ? text : "unknown error");
        attempt->outcome = UNUSABLE;
    } else if ((fd = connect_to(host, port, &why)) < 0 || SSL_set_fd(ssl, fd) != 1) {
        snprintf(attempt->seen, sizeof attempt->seen, "%s", why);
        attempt->outcome = NO_ANSWER;
    } else {
        if (!is_address(host)) {
            (void)SSL_set_tlsext_host_name(ssl, host);
        }
        attempt->outcome = talk(ssl, attempt, host);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    if (fd >= 0) {
        close(fd);
    }
    ERR_clear_error();
}

static const char *const words[] = {
    [REFUSED_46] = "is refused with the alert that clientct's refusals give",
    [REFUSED_LATER] = "is refused after the handshake",
    [CLOSED] = "is refused: the connection is closed without an alert",
    [REFUSED_OTHER] = "is refused, but not as clientct does; is its CA trusted there?",
    [ACCEPTED] = "gets in",
    [ENTERED] = "gets in, though its HTTP is not answered",
    [NOT_ASKED] = "is not asked for",
    [NO_VERSION] = "could not be shown: the server does not speak this version",
    [NO_ANSWER] = "got no answer that says anything",
    [UNUSABLE] = "cannot be used",
};

/* What two clients show where the first does not get in. `difference`: what else may make it; NULL: nothing. */
static enum doctor_status compare(const struct attempt *bad, const struct attempt *good, const char *difference,
                                  const char **meaning)
{
    bool got_in = good->outcome == ACCEPTED || good->outcome == ENTERED;

    if (is_refusal(bad->outcome) && got_in && difference != NULL) {
        *meaning = "but that is not all that tells them apart";
        return DOCTOR_UNKNOWN;
    }
    if (is_refusal(bad->outcome) && got_in) {
        *meaning = bad->outcome == REFUSED_46 ? "so they are told apart"
                                              : "so they are told apart, if the log has error 71 for the first one";
        return DOCTOR_GOOD;
    }
    if (bad->outcome == CLOSED && good->outcome == CLOSED) {
        *meaning = "so nobody gets in, or it does not speak HTTP";
        return DOCTOR_UNKNOWN;
    }
    if (is_refusal(good->outcome) || good->outcome == REFUSED_OTHER) {
        *meaning = "so it is not a log that makes the difference";
        return DOCTOR_DENIES;
    }
    *meaning = "that says nothing";
    return DOCTOR_UNKNOWN;
}

/* The answer is in the difference between the two. */
static void say_version(struct doctor *doctor, const char *version, const struct attempt *bad,
                        const struct attempt *good, const char *difference)
{
    enum doctor_status status = DOCTOR_UNKNOWN;
    const char *meaning;

    if (bad->outcome == NO_VERSION) {
        doctor_say(doctor, DOCTOR_NOTE, version, "the server does not speak it");
        return;
    }
    if (bad->outcome == ACCEPTED || bad->outcome == NOT_ASKED) {
        status = DOCTOR_BAD;
        meaning = bad->outcome == ACCEPTED ? "nothing checks it, or mode is not enforce, or it is logged or exempt"
                                           : "the server does not ask for client certificates";
    } else if (good == NULL) {
        meaning = is_refusal(bad->outcome) ? "whether anybody gets in was not tried: give --good-cert and --good-key"
                                           : "that says nothing";
    } else {
        status = compare(bad, good, difference, &meaning);
    }
    doctor_say(doctor, status, version, "%s %s (%s)%s%s%s%s%s%s; %s", bad->certificate, words[bad->outcome], bad->seen,
               good != NULL ? ", " : "", good != NULL ? good->certificate : "", good != NULL ? " " : "",
               good != NULL ? words[good->outcome] : "", good != NULL && good->seen[0] != '\0' ? ": " : "",
               good != NULL ? good->seen : "", meaning);
}

/* A certificate that is refused for its dates shows nothing. */
static bool is_in_time(struct doctor *doctor, const char *path)
{
    STACK_OF(X509) *certificates = tool_read_certificates("the client's certificate", path);
    const X509 *leaf = certificates != NULL ? sk_X509_value(certificates, 0) : NULL;
    bool in_time = leaf != NULL && X509_cmp_current_time(X509_get0_notAfter(leaf)) > 0 &&
                   X509_cmp_current_time(X509_get0_notBefore(leaf)) < 0;

    if (!in_time) {
        doctor_say(doctor, DOCTOR_UNKNOWN, "connect", "%s %s", path,
                   leaf != NULL ? "has expired or is not valid yet: that is why it would be refused"
                                : "cannot be read");
    }
    tool_certificates_free(certificates);
    return in_time;
}

void doctor_connect(struct doctor *doctor, const struct doctor_connect *connect)
{
    static const char *const names[] = { "TLS 1.2", "TLS 1.3" };
    char *host = tool_format("%s", connect->address[0] == '[' ? connect->address + 1 : connect->address);
    char *colon = strrchr(host, ':');
    char *difference = NULL;
    size_t silent = 0;

    signal(SIGPIPE, SIG_IGN);
    if (colon == NULL || colon == host || colon[1] == '\0') {
        doctor_say(doctor, DOCTOR_UNKNOWN, "connect", "%s is not HOST:PORT", connect->address);
        free(host);
        return;
    }
    *colon = '\0';
    if (colon[-1] == ']') {
        colon[-1] = '\0';
    }
    if (!is_in_time(doctor, connect->cert) || (connect->good_cert != NULL && !is_in_time(doctor, connect->good_cert))) {
        free(host);
        return;
    }
    if (connect->good_cert != NULL && (difference = doctor_difference(connect->cert, connect->good_cert)) != NULL) {
        doctor_say(doctor, DOCTOR_NOTE, "connect", "%s: %s", connect->cert, difference);
    }
    for (int i = 0; i < 2; i++) {
        struct attempt bad, good = { .certificate = connect->good_cert, .key = connect->good_key };
        int tries = 0;

        do {
            bad = (struct attempt){ .certificate = connect->cert, .key = connect->key };
            try_version(host, colon + 1, TLS1_2_VERSION + i, &bad);
        } while (is_refusal(bad.outcome) && ++tries < TRIES);
        if (connect->good_cert != NULL && bad.outcome != NO_VERSION) {
            try_version(host, colon + 1, TLS1_2_VERSION + i, &good);
        }
        if (bad.outcome == REFUSED_46 && good.finished && (good.outcome == CLOSED || good.outcome == NO_ANSWER)) {
            good.outcome = ENTERED;
        }
        silent += bad.outcome == NO_VERSION;
        if (bad.server[0] != '\0' || good.server[0] != '\0') {
            doctor_say(doctor, DOCTOR_NOTE, "server", "the server's own certificate %s: clients will not connect",
                       bad.server[0] != '\0' ? bad.server : good.server);
        }
        say_version(doctor, names[i], &bad, connect->good_cert != NULL ? &good : NULL, difference);
    }
    free(difference);
    if (silent == 2) {
        doctor_say(doctor, DOCTOR_UNKNOWN, "connect", "it speaks neither TLS 1.2 nor TLS 1.3");
    }
    free(host);
}
