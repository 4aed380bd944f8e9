/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mints what the tests need: CAs, logs, log lists, client certificates with
 * embedded SCTs, SCT lists and OCSP responses; good, and bad in named ways.
 *
 * This is the oracle for the module and shares no code with it: the signed entry
 * of RFC 6962, section 3.2 comes from a TBSCertificate that is encoded before the
 * SCT list is added, never from one that it was taken out of.
 *
 * A test cannot go on without what it asked for, so every failure ends the process
 * with a message. Times are milliseconds since 1970. What a function gives is owned
 * by the caller and released by the matching _clear, which accepts zeroed structs.
 */
#ifndef PKI_H
#define PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#define PKI_SECOND INT64_C(1000)
#define PKI_MINUTE (60 * PKI_SECOND)
#define PKI_HOUR (60 * PKI_MINUTE)
#define PKI_DAY (24 * PKI_HOUR)

#define PKI_OID_SCT_LIST "1.3.6.1.4.1.11129.2.4.2"
#define PKI_OID_POISON "1.3.6.1.4.1.11129.2.4.3"
#define PKI_OID_OCSP_SCT_LIST "1.3.6.1.4.1.11129.2.4.5"
/* Of the enterprise number that RFC 5612 sets aside for examples. */
#define PKI_OID_PADDING "1.3.6.1.4.1.32473.1"

/* Ends the process with status 2; what libcrypto has to say is printed too. */
_Noreturn void pki_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Bytes that grow. Zero-initialise. */
struct pki_bytes {
    uint8_t *data;
    size_t len;
};

void pki_add(struct pki_bytes *to, const void *data, size_t len);
/* `size` bytes, big-endian */
void pki_add_uint(struct pki_bytes *to, uint64_t value, size_t size);
/* a vector of the TLS presentation language with a length of `size` bytes; dies when it does not fit */
void pki_add_vector(struct pki_bytes *to, size_t size, const uint8_t *data, size_t len);
void pki_bytes_clear(struct pki_bytes *bytes);

/* Files. `suffix` is put behind `prefix`. */
char *pki_path(const char *prefix, const char *suffix);
FILE *pki_open(const char *path, const char *mode);
void pki_write_file(const char *path, const uint8_t *data, size_t len);
void pki_read_file(const char *path, struct pki_bytes *out);
void pki_write_key(const char *prefix, EVP_PKEY *key);
EVP_PKEY *pki_read_key(const char *prefix);
X509 *pki_read_certificate(const char *path);
void pki_make_directory(const char *path);
void pki_sha256_hex(const uint8_t *data, size_t len, char out[65]);

/* "now", RFC 3339 in UTC, milliseconds since 1970, or +/-DURATION from `now_ms` (units s, m, h, d). */
bool pki_parse_time(const char *text, int64_t now_ms, int64_t *out);
int64_t pki_now(void);
/* RFC 3339 in UTC, with milliseconds where there are some */
void pki_format_time(int64_t at_ms, char out[32]);

enum pki_key_type { PKI_P256, PKI_P384, PKI_ED25519, PKI_RSA };
/* `bits` for RSA only; 0: 2048 */
EVP_PKEY *pki_new_key(enum pki_key_type type, unsigned bits);

/* A CA: self-signed without issuer. Zero-initialise. */
struct pki_ca {
    X509 *certificate;
    EVP_PKEY *key;
};

/* `key` NULL: a new P-256 key; otherwise shared. `cn` "": an empty name. Valid from a day ago for `days`. */
void pki_ca_new(struct pki_ca *ca, const char *cn, EVP_PKEY *key, const struct pki_ca *issuer, int days);
void pki_ca_write(const struct pki_ca *ca, const char *prefix);
void pki_ca_read(struct pki_ca *ca, const char *prefix);
void pki_ca_clear(struct pki_ca *ca);

struct pki_log {
    EVP_PKEY *key;
    struct pki_bytes spki;
    uint8_t id[32];
    uint8_t signature_algorithm; /* RFC 5246, 7.4.1.4.1: 1 RSA, 3 ECDSA */
};

/* Takes the key over. */
void pki_log_new(struct pki_log *log, EVP_PKEY *key);
void pki_log_write(const struct pki_log *log, const char *prefix);
void pki_log_read(struct pki_log *log, const char *prefix);
void pki_log_clear(struct pki_log *log);

/* What may be wrong with one SCT: identifier, name on the command line. */
#define PKI_SCT_FAULTS(X) \
    X(NONE, "none") \
    X(SIGNATURE, "signature")   /* the last bit of the signature is flipped */ \
    X(HASH_ALG, "hash-alg")     /* says SHA-384, signed with SHA-256 */ \
    X(SIG_ALG, "sig-alg")       /* says RSA for ECDSA and the other way round */ \
    X(VERSION, "version")       /* v2 */ \
    X(TRAILING, "trailing")     /* a byte behind the signature */ \
    X(DER, "der")               /* the signature is followed by a byte within its own length */ \
    X(BER, "ber")               /* ECDSA: a long-form length where the short one fits */ \
    X(LOG_ID, "log-id")         /* a bit of the log id is flipped */ \
    X(TRUNCATED, "truncated")   /* the last bytes are missing */ \
    X(ENTRY_TYPE, "entry-type") /* the log signed the other type of entry */ \
    X(EXTENSIONS, "extensions") /* CtExtensions differ from the signed ones */

enum pki_sct_fault {
#define PKI_FAULT_ENUM(id, name) PKI_SCT_##id,
    PKI_SCT_FAULTS(PKI_FAULT_ENUM)
#undef PKI_FAULT_ENUM
        PKI_SCT_FAULT_COUNT
};
const char *pki_sct_fault_name(enum pki_sct_fault fault);

/* An SCT to mint. Nothing is owned. */
struct pki_sct {
    const struct pki_log *log;
    int64_t time_ms;
    const uint8_t *extensions; /* CtExtensions as they stand */
    size_t extensions_len;
    enum pki_sct_fault fault;
};

/* The leaf_index extension of static-ct logs. */
void pki_add_leaf_index(struct pki_bytes *extensions, uint64_t index);

#define PKI_LIST_FAULTS(X) \
    X(NONE, "none") \
    X(TRAILING, "trailing")             /* a byte behind the list */ \
    X(SHORT, "short")                   /* the list says that it is longer than it is */ \
    X(EMPTY, "empty")                   /* 00 00; the SCTs are dropped */ \
    X(OCTET_TRAILING, "octet-trailing") /* a byte behind the inner OCTET STRING (certificate and OCSP only) */ \
    X(OCTET_BER, "octet-ber")           /* the inner OCTET STRING in a longer form than DER has (likewise) */ \
    X(ZERO_ENTRY, "zero-entry")         /* a SerializedSCT of length zero behind the others */

enum pki_list_fault {
#define PKI_FAULT_ENUM(id, name) PKI_LIST_##id,
    PKI_LIST_FAULTS(PKI_FAULT_ENUM)
#undef PKI_FAULT_ENUM
        PKI_LIST_FAULT_COUNT
};
const char *pki_list_fault_name(enum pki_list_fault fault);

/* What a log is asked to sign: both forms, since a fault may choose the wrong one. */
enum pki_entry_type { PKI_ENTRY_X509 = 0, PKI_ENTRY_PRECERT = 1 };
struct pki_entry {
    enum pki_entry_type type;
    struct pki_bytes certificate;
    struct pki_bytes precert_tbs;
    uint8_t issuer_key_hash[32];
};
void pki_issuer_key_hash(X509 *issuer, uint8_t out[32]);
/* The entry of a certificate that exists; as precert its SCT list is left out by libcrypto's encoder. */
void pki_entry_of(struct pki_entry *entry, X509 *certificate, X509 *issuer, enum pki_entry_type type);
void pki_entry_clear(struct pki_entry *entry);

/* Appends the SignedCertificateTimestampList of RFC 6962, section 3.3. */
void pki_add_sct_list(struct pki_bytes *to, const struct pki_entry *entry, const struct pki_sct *scts, size_t count,
                      enum pki_list_fault fault);
/* An Extension whose value is the list in an OCTET STRING. */
X509_EXTENSION *pki_sct_list_extension(const char *oid, const struct pki_bytes *list, enum pki_list_fault fault);
/* The embedded list of another certificate, as it stands. Dies when there is none. */
void pki_embedded_list(X509 *certificate, struct pki_bytes *list);

/* Spoils, for a fuzzer's sake, the bytes of a list of SCTs that are about to be signed over. */
typedef void (*pki_change_fn)(void *arg, struct pki_bytes *list);

enum pki_position { PKI_LAST, PKI_FIRST, PKI_MIDDLE };

/* A leaf to mint. Zero is a client certificate from an hour ago to 90 days ahead with a P-256 key and no SCTs. */
struct pki_leaf {
    const char *cn;           /* NULL: "client"; "": an empty name */
    bool server;              /* extendedKeyUsage serverAuth and not clientAuth */
    bool delegated_responder; /* extendedKeyUsage OCSPSigning (RFC 6960, 4.2.2.2) */
    int64_t not_before_ms, not_after_ms;
    EVP_PKEY *key;                  /* shared */
    const char *san, *policy, *eku; /* in the notation of x509v3_config(5) */
    const char *second_policy;      /* in an extension of its own, which RFC 5280, 4.2 forbids */
    size_t padding;                 /* contents of a private extension; 0: none */
    bool only_sct;                  /* none of the usual extensions */
    bool poison;
    bool no_sct_extension;
    bool two_sct_extensions; /* the first one has the first SCT, the second one the rest */
    enum pki_position position;
    const struct pki_sct *scts;
    size_t sct_count;
    enum pki_list_fault list_fault;
    const struct pki_bytes *raw_list; /* embedded as it stands in place of SCTs */
    pki_change_fn change_list;        /* NULL, or called with the list before it is embedded */
    void *change_arg;
};

/* Zero-initialise. */
struct pki_minted {
    X509 *certificate;
    EVP_PKEY *key;
    struct pki_bytes der;
    struct pki_bytes precert_tbs; /* what logs signed: the TBSCertificate before SCTs were added */
};
void pki_mint(struct pki_minted *out, const struct pki_leaf *leaf, const struct pki_ca *ca);
/* PREFIX.pem (the leaf, then the issuing CA), PREFIX.key, PREFIX.der */
void pki_minted_write(const struct pki_minted *minted, const struct pki_ca *ca, const char *prefix);
void pki_minted_clear(struct pki_minted *minted);

/* A log as a list describes it. Nothing is owned. */
struct pki_listed_log {
    const struct pki_log *log;
    const char *description, *log_operator, *url;
    const char *state; /* NULL: none */
    int64_t state_since_ms;
    int64_t start_ms, end_ms; /* INT64_MIN, INT64_MAX: open; in the sigstore format of the SCTs' timestamps */
    bool tiled;
    const char *log_type;
    const char *previous_operator;
    int64_t previous_until_ms;
};

enum pki_list_format { PKI_FORMAT_V3, PKI_FORMAT_SINGLE, PKI_FORMAT_SIGSTORE, PKI_FORMAT_OPENSSL, PKI_FORMAT_PEM };
/* `timestamp_ms` INT64_MIN: none */
void pki_write_log_list(const char *path, enum pki_list_format format, const struct pki_listed_log *logs, size_t count,
                        int64_t timestamp_ms);

/* An OCSPResponse to mint. Nothing is owned. */
struct pki_ocsp {
    X509 *certificate;
    const struct pki_ca *ca;
    int status;                             /* V_OCSP_CERTSTATUS_GOOD and so on */
    int64_t this_update_ms, next_update_ms; /* next: INT64_MIN for none */
    const struct pki_ca *signer;            /* NULL: the CA itself; its certificate is then sent along */
    bool wrong_key;                         /* signed by a key that nobody knows, in the signer's name */
    bool other_cert;                        /* speaks of another serial number */
    const EVP_MD *id_digest;                /* names the certificate; NULL: SHA-1 */
    const struct pki_sct *scts;
    size_t sct_count;
    enum pki_list_fault list_fault;
    pki_change_fn change_list; /* NULL, or called with the list before it is put in */
    void *change_arg;
};
void pki_ocsp_response(struct pki_bytes *out, const struct pki_ocsp *ocsp);

#endif
