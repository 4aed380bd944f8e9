/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientct: Certificate Transparency (RFC 6962) for TLS client certificates.
 *
 * The door to the verification module: a checker is made from a clientct.cnf,
 * evidence about one client certificate goes in, a verdict comes out. The
 * OpenSSL component and the command-line tool both use this header and nothing
 * else of the module to decide.
 *
 * What is NOT done here: building or verifying the certificate chain, checking
 * host names, CertificateVerify, or anything on the network. The caller hands in
 * a chain that it has already verified.
 *
 * Times are milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored, as in
 * RFC 6962, section 3.2.
 */
#ifndef CLIENTCT_H
#define CLIENTCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Everything else of the library is compiled with hidden visibility. */
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

#define CLIENTCT_DEFAULT_CONFIG "/etc/clientct/clientct.cnf"

#if defined(__GNUC__)
#define CLIENTCT_MUST_USE __attribute__((warn_unused_result))
#else
#define CLIENTCT_MUST_USE
#endif

/*
 * Every reason there is: identifier, stable name, one line for a person.
 * Names are an interface: error queue, audit, metrics and tool show the same ones.
 * So are the numbers: a new reason is appended, whatever it is about.
 * The zero value means that nothing was evaluated, and therefore refuses.
 */
#define CLIENTCT_REASONS(X) \
    X(NOT_EVALUATED, "not-evaluated", "nothing was evaluated") \
    X(COMPLIANT, "compliant", "the certificate satisfies the policy") \
    X(EXEMPT, "exempt", "a rule exempts the certificate") \
    X(NO_SCTS, "no-scts", "no SCT was found in any of the configured sources") \
    X(MALFORMED_SCT_LIST, "malformed-sct-list", "an SCT or a list of SCTs does not decode") \
    X(UNSUPPORTED_VERSION, "unsupported-version", "the SCT is not of version v1") \
    X(UNKNOWN_LOG, "unknown-log", "the SCT is from a log that is not in the log list") \
    X(BAD_SIGNATURE, "bad-signature", "the SCT's signature does not verify with the log's key") \
    X(FUTURE_TIMESTAMP, "future-timestamp", "the SCT's timestamp is in the future") \
    X(LOG_NOT_TRUSTED, "log-not-trusted", "the log's state does not count") \
    X(LOG_RETIRED, "log-retired", "the log was retired before the SCT or the certificate was issued") \
    X(OUTSIDE_INTERVAL, "outside-interval", \
      "the certificate expires, or the SCT was made, outside the interval of time for which the log counts") \
    X(TOO_FEW_SCTS, "too-few-scts", "fewer logs than the policy needs have signed") \
    X(TOO_FEW_OPERATORS, "too-few-operators", "the logs belong to fewer operators than the policy needs") \
    X(REQUIRED_LOG_MISSING, "required-log-missing", "a log that the policy requires has not signed") \
    X(NO_CURRENT_LOG, "no-current-log", "no SCT is from a log that is current now") \
    X(SCT_TOO_OLD, "sct-too-old", "the SCT is older than the policy allows") \
    X(ISSUER_UNKNOWN, "issuer-unknown", "the verified chain has no issuer, so embedded SCTs cannot be checked") \
    X(PRECERTIFICATE, "precertificate", "the certificate is a precertificate (poison extension)") \
    X(NO_CERTIFICATE, "no-certificate", "the client authenticated without a certificate") \
    X(REVOKED, "revoked", "a valid OCSP response says that the certificate is revoked") \
    X(OCSP_UNUSABLE, "ocsp-unusable", "the OCSP response gives no evidence, or cannot be read") \
    X(BAD_EXTENSIONS, "bad-extensions", \
      "extensions are not well-formed, or the SCT of a static-ct log has no leaf_index") \
    X(NOT_CHECKED, "not-checked", "not checked: the limit was reached or the policy was met before") \
    X(LOG_LIST_STALE, "log-list-stale", "the log list is older than log_list_max_age") \
    X(TOO_MANY_NAMES, "too-many-names", "the connection has shown more server names than are looked at") \
    X(CONFIG_ERROR, "config-error", "the configuration or a log list cannot be used") \
    X(INTERNAL_ERROR, "internal-error", "an internal failure, for example of memory") \
    X(VALID, "valid", "the SCT is valid (said of one SCT, never of a certificate)") \
    X(OCSP_MISSING, "ocsp-missing", "an OCSP response is required, and there is none") \
    X(INCLUSION_MISSING, "inclusion-missing", "no kept proof shows that the log has published what the SCT promises") \
    X(INCLUSION_UNUSABLE, "inclusion-unusable", \
      "the kept proofs do not show that the log has published what the SCT promises, or cannot be read")

/* clang-format off */
enum clientct_reason {
#define CLIENTCT_REASON_ENUM(id, name, text) CLIENTCT_##id,
    CLIENTCT_REASONS(CLIENTCT_REASON_ENUM)
#undef CLIENTCT_REASON_ENUM
    CLIENTCT_REASON_COUNT
};
/* clang-format on */

/* The stable name and the one-line explanation; "unknown-reason" outside the list. Static strings. */
const char *clientct_reason_name(enum clientct_reason reason);
const char *clientct_reason_text(enum clientct_reason reason);

/* Where an SCT came from, in the order in which signatures are checked. */
enum clientct_source {
    CLIENTCT_SOURCE_EMBEDDED, /* X.509 extension 1.3.6.1.4.1.11129.2.4.2 (RFC 6962, 3.3) */
    CLIENTCT_SOURCE_TLS,      /* extension 18 of the TLS 1.3 Certificate message (RFC 8446, 4.4.2.1) */
    CLIENTCT_SOURCE_OCSP,     /* singleExtension 1.3.6.1.4.1.11129.2.4.5 (RFC 6962, 3.3) */
    CLIENTCT_SOURCE_STORE,    /* a file of the local store */
    CLIENTCT_SOURCE_COUNT
};

/* "embedded", "tls", "ocsp", "store". A static string. */
const char *clientct_source_name(enum clientct_source source);

enum clientct_mode {
    CLIENTCT_MODE_ENFORCE, /* what is not compliant is refused */
    CLIENTCT_MODE_REPORT,  /* decided and recorded, never refused for its evidence */
    CLIENTCT_MODE_OFF      /* not evaluated */
};

/* "enforce", "report", "off". A static string. */
const char *clientct_mode_name(enum clientct_mode mode);

/* How far sessions of clients with certificates may be resumed, which skips every check; the strictest first. */
enum clientct_resumption {
    CLIENTCT_RESUMPTION_REFUSE,  /* never */
    CLIENTCT_RESUMPTION_CHECKED, /* while its verdict holds and is young, and all that it depends on is the same */
    CLIENTCT_RESUMPTION_ALLOW    /* as the application likes */
};

/* "refuse", "checked", "allow". A static string. */
const char *clientct_resumption_name(enum clientct_resumption resumption);

/* What became of the session of a connection whose client has a certificate: the record says it. */
enum clientct_session {
    CLIENTCT_SESSION_UNKNOWN,
    CLIENTCT_SESSION_RESUMABLE, /* made; can be resumed under `checked` */
    CLIENTCT_SESSION_REFUSED,   /* made; cannot be resumed, by the settings or because its verdict will not hold */
    CLIENTCT_SESSION_UNDONE,    /* made; cannot be resumed, because the application undid what `checked` needs */
    CLIENTCT_SESSION_ALLOWED,   /* made; left to the application */
    CLIENTCT_SESSION_RESUMED,   /* an earlier one was resumed: no verdict was made */
    CLIENTCT_SESSION_COUNT
};

/* "unknown", "resumable", "refused", "undone", "allowed", "resumed". A static string. */
const char *clientct_session_name(enum clientct_session session);

/*
 * The terms on which a session can be resumed. Two sessions whose verdicts depend on the same files' contents have
 * the same digest, in every process. All zero means: refuse. This structure does not grow.
 */
struct clientct_terms {
    enum clientct_resumption resumption;
    int64_t window_ms;  /* `resumption_window`: no verdict is taken over that is older */
    uint8_t digest[32]; /* of settings, log lists, and the keys and certificates that they name */
};

/* The verification module's view of the world: configuration, log lists, cache. Opaque. */
struct clientct_checker;

/*
 * Makes a checker and reads `config_file` (NULL: CLIENTCT_DEFAULT_CONFIG) and
 * everything it names. A configuration that cannot be used still gives a
 * checker: it refuses everybody with `config-error` until the file is mended.
 * NULL only when memory is short. The name is copied.
 */
struct clientct_checker *clientct_checker_new(const char *config_file) CLIENTCT_MUST_USE;

/* The bytes of a configuration and of the files that it names, as they were. Opaque. */
struct clientct_files;

/*
 * Reads the bytes of `config_file` (NULL: CLIENTCT_DEFAULT_CONFIG) and of what it names, as far as that can be done,
 * decodes nothing and does no cryptography: for a process that will have another root directory, other rights or no
 * descriptors left when it makes its checker. NULL only when memory is short.
 */
struct clientct_files *clientct_files_read(const char *config_file) CLIENTCT_MUST_USE;
/* NULL is fine. Not before the checkers that were made with it. */
void clientct_files_free(struct clientct_files *files);

/*
 * As clientct_checker_new, but where a file cannot be read, and never could be by this checker, its bytes in `early`
 * are taken (NULL: none), which must stay for as long as the checker does.
 */
struct clientct_checker *clientct_checker_new_from(const char *config_file,
                                                   const struct clientct_files *early) CLIENTCT_MUST_USE;

/*
 * From now on every decision refuses with `config-error` and `why` (copied; the first one stays), whatever the
 * configuration says: for a caller whose own settings contradict themselves. Decisions are recorded as ever.
 */
void clientct_checker_deny(struct clientct_checker *checker, const char *why);

/* Frees the checker; verdicts made by it stay readable until they are cleared. NULL is fine. */
void clientct_checker_free(struct clientct_checker *checker);

enum clientct_occasion {
    CLIENTCT_AT_HANDSHAKE, /* a connection; looks at most once a second, not at all with reload = context */
    CLIENTCT_AT_CONTEXT    /* a new SSL_CTX, or the caller insists; always looks */
};

/* Looks whether the files have changed, and takes the new ones if they are good. Never fails: the last good stay. */
void clientct_checker_reload(struct clientct_checker *checker, enum clientct_occasion occasion);

/* Should a server ask its clients for SCTs: has `sources` tls? True where the configuration cannot be read, yet. */
bool clientct_checker_wants_tls_scts(struct clientct_checker *checker);

/*
 * What is in force for a client of whom nothing is known yet. A rule may be stricter, and `allow` at the top is
 * `checked` where one is. Where the configuration cannot be read: refuse.
 */
void clientct_checker_get_terms(struct clientct_checker *checker, struct clientct_terms *terms);
/* Whether the terms are `refuse`: what programs asked before there was more to know. */
bool clientct_checker_refuses_resumption(struct clientct_checker *checker);

/* Called with one object in DER and what it is called; both live for the length of the call. False ends the visit. */
typedef bool (*clientct_visit_fn)(void *arg, const uint8_t *der, size_t len, const char *name);

/*
 * Visits the CA certificates (X.509) that the rules name by file, each once, or
 * the public keys (SubjectPublicKeyInfo) of the logs that can count. False when
 * there is no configuration to take them from, the visitor ended it, or memory
 * was short.
 */
bool clientct_checker_visit_anchors(struct clientct_checker *checker, clientct_visit_fn visit,
                                    void *arg) CLIENTCT_MUST_USE;
bool clientct_checker_visit_logs(struct clientct_checker *checker, clientct_visit_fn visit,
                                 void *arg) CLIENTCT_MUST_USE;

#define CLIENTCT_SERVER_NAMES_MAX 4

/*
 * The structures below may grow at their ends, and only there. The library is told with each call how long its
 * caller knows them to be (the functions whose names end in _sized; programs in C call the ones without), and neither
 * reads nor writes beyond. What a result or condition of a verdict points to is allocated by the library.
 */

/*
 * What there is to know of one client. Nothing is owned; everything must stay
 * for the length of the call. Zero-initialise, then set what is known.
 */
struct clientct_input {
    X509 *leaf;              /* NULL: the client used a raw public key (RFC 7250) */
    STACK_OF(X509) *chain;   /* the verified chain, leaf first; NULL or one: no issuer known */
    const uint8_t *tls_scts; /* SignedCertificateTimestampList as in extension 18; NULL: none came */
    size_t tls_scts_len;
    const uint8_t *ocsp_response; /* an OCSPResponse in DER to use instead of the one in ocsp_store; NULL: none */
    size_t ocsp_response_len;
    const char *server_name; /* SNI host name (RFC 6066, 3); NULL: none */
    int64_t at_ms;           /* decide as of this time; 0: now */
    bool explain;            /* check every SCT, use no cache, fill in the conditions: for people */
    /* for the record only: no verdict depends on these */
    const char *client_address; /* numeric address of the peer, without port; NULL: not known */
    uint16_t client_port;       /* 0: not known */
    const char *tls_version;    /* "TLSv1.3" and the like, as SSL_get_version names them; NULL: not known */
    /*
     * Every name that the connection has shown, server_name among them (NULL: none was given); a server may have
     * acted on any. The strictest of the decisions by each name is the decision. More than
     * CLIENTCT_SERVER_NAMES_MAX, of which only the first are looked at here, are refused.
     */
    const char *const *shown_server_names;
    size_t shown_server_name_count; /* 0: server_name is the only one */
    enum clientct_session session;  /* for the record only */
    /*
     * For the record only: X509_V_ERR_… when the chain did not verify and the application goes on nevertheless; 0: it
     * verified. Anybody can make such a chain, with any names in it.
     */
    long chain_error;
    const char *no_tls_scts; /* why the client could not send any, to be told to people; NULL: it could */
    /*
     * To decide again what was decided elsewhere: ocsp_store, sct_store and proof_store are not looked into. What they
     * held for this certificate is ocsp_response, and store_scts and proofs as in their files; NULL: nothing.
     */
    bool stores_given;
    const uint8_t *store_scts;
    size_t store_scts_len;
    const uint8_t *proofs;
    size_t proofs_len;
    const char *ocsp_unread;   /* why a response in ocsp_store could not be read; NULL: there was no such trouble */
    const char *proofs_unread; /* likewise */
};

/* What became of one SCT. */
struct clientct_sct_result {
    enum clientct_source source;
    enum clientct_reason status; /* CLIENTCT_VALID, or why it does not count */
    bool decoded;                /* log_id and timestamp_ms are meaningful */
    uint8_t log_id[32];
    uint64_t timestamp_ms;    /* as signed by the log */
    const char *log;          /* description of the log; NULL when unknown */
    const char *log_operator; /* its operator when the SCT was issued; NULL when none is known */
};

/* One condition of the policy or one step of the way to it: filled only with `explain`. */
struct clientct_condition {
    const char *name;   /* the setting or step, such as "min_scts" or "rule partner" */
    const char *seen;   /* what was there */
    const char *needed; /* what had to be there */
    bool met;
};

/*
 * The answer. Three questions are kept apart: could we decide (`decided`), is the
 * certificate compliant (`compliant`), and what is to be done (`accept`). All
 * zero, which is what a failure leaves, means: refuse.
 */
struct clientct_verdict {
    bool accept;    /* what to do, after mode and rules */
    bool decided;   /* false: nothing could be evaluated; the reason says why */
    bool compliant; /* the evidence satisfies the policy, or a rule exempts it */
    bool cached;
    enum clientct_reason reason;
    enum clientct_mode mode;                       /* the mode in force for this certificate */
    void *held;                                    /* keeps the strings below alive; private */
    const struct clientct_sct_result *const *scts; /* in the order looked at; not filled for cached verdicts */
    size_t sct_count;
    const struct clientct_condition *const *conditions;
    size_t condition_count;    /* here ends what is owned: what follows, and what is appended, owns nothing */
    const char *policy;        /* name of the policy applied; NULL: none */
    const char *rule;          /* name of the rule that matched; NULL: none did */
    const char *shadow_policy; /* NULL: none configured */
    enum clientct_reason shadow_reason;
    bool shadow_compliant;
    char detail[320]; /* one line: expected, found, what to do */
    char advice[320]; /* the smallest change that would satisfy the policy; "" when there is none (explain) */
    unsigned signatures_checked;
    uint64_t generation;         /* of the configuration in force: counts loads, from 1 */
    uint8_t leaf_sha256[32];     /* of the certificate's DER; zero without certificate */
    struct clientct_terms terms; /* for the session of this client */
    int64_t holds_until_ms;      /* from then on time alone may change the verdict; INT64_MAX: never */
};

/*
 * Decides. Always fills `verdict` (initialised or not) and returns
 * verdict->accept. Thread-safe. Bounded: at most 32 signature checks a call, 8 a
 * log. Call clientct_verdict_clear when done with the verdict.
 *
 * A size that no release ever had, or an input that is longer than this library knows and not zero there, is refused
 * with `internal-error`; with a verdict too short to hold even that, nothing is written.
 */
bool clientct_decide_sized(struct clientct_checker *checker, const struct clientct_input *input, size_t input_size,
                           struct clientct_verdict *verdict, size_t verdict_size) CLIENTCT_MUST_USE;

static inline CLIENTCT_MUST_USE bool clientct_decide(struct clientct_checker *checker,
                                                     const struct clientct_input *input,
                                                     struct clientct_verdict *verdict)
{
    return clientct_decide_sized(checker, input, sizeof *input, verdict, sizeof *verdict);
}

/* Releases what a verdict holds and zeroes it. NULL and zeroed verdicts are fine. */
void clientct_verdict_clear_sized(struct clientct_verdict *verdict, size_t verdict_size);

static inline void clientct_verdict_clear(struct clientct_verdict *verdict)
{
    clientct_verdict_clear_sized(verdict, sizeof *verdict);
}

/*
 * From now on decisions can be recorded: opens what `audit` and `metrics` name. For servers, early, while they may
 * still open files; the tool never calls it. Calling it again (a new SSL_CTX, another process after a fork) opens
 * what is missing. Never fails: what cannot be opened is counted and tried again.
 */
void clientct_checker_start_recording(struct clientct_checker *checker);

/*
 * Records a decision: one audit line to each sink, and the counters. Never blocks, never changes a decision, does
 * nothing before clientct_checker_start_recording. `elapsed_ns` is what the decision took.
 */
void clientct_record_sized(struct clientct_checker *checker, const struct clientct_input *input, size_t input_size,
                           const struct clientct_verdict *verdict, size_t verdict_size, uint64_t elapsed_ns);

static inline void clientct_record(struct clientct_checker *checker, const struct clientct_input *input,
                                   const struct clientct_verdict *verdict, uint64_t elapsed_ns)
{
    clientct_record_sized(checker, input, sizeof *input, verdict, sizeof *verdict, elapsed_ns);
}

/* Counts a connection that resumed the session of a client with a certificate. Like clientct_record. */
void clientct_record_resumption(struct clientct_checker *checker);

/* What is in force in a checker, for those who ask whether it really is. */
struct clientct_state {
    uint64_t generation;     /* counts loads, from 1 */
    uint8_t digest[32];      /* SHA-256 over the contents of every file in force; zero where there are none */
    enum clientct_mode mode; /* of the settings in force; ENFORCE where there are none */
    bool denying;            /* every certificate is refused, whatever its evidence; `why` says why */
    bool settings_failed;    /* the last load of clientct.cnf failed: what was before it stays */
    bool lists_failed;       /* likewise for the log lists */
    bool wants_tls_scts;     /* `sources` has tls */
    size_t logs;             /* in the log lists in force */
    char config_file[256];   /* cut where it is longer */
    char why[320];           /* the first trouble; "": none */
    bool kept;               /* files are out of this process's reach by now, and what they had said stays */
};

/* Fills in `state`. Reads no files. */
void clientct_checker_get_state_sized(struct clientct_checker *checker, struct clientct_state *state,
                                      size_t state_size);

static inline void clientct_checker_get_state(struct clientct_checker *checker, struct clientct_state *state)
{
    clientct_checker_get_state_sized(checker, state, sizeof *state);
}

/* "MAJOR.MINOR.PATCH" of the library. A static string. */
const char *clientct_version(void);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif
#endif
