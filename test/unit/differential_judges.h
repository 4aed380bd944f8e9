/* SPDX-License-Identifier: Apache-2.0 */
/* The two judges of the differential test, libcrypto and the module, and the plans that both are given. */
#ifndef CT_DIFFERENTIAL_JUDGES_H
#define CT_DIFFERENTIAL_JUDGES_H

#include <clientct/clientct.h>

#include "oracle.h"
#include "pki.h"

enum log {
    P256_A,
    P256_B,
    RSA_A,
    TILED,    /* static-ct: SCTs need leaf_index */
    REJECTED, /* by its state */
    NARROW,   /* its temporal interval has passed */
    KNOWN_TO_US,
    P384 = KNOWN_TO_US, /* from here on libcrypto alone knows the log */
    RSA_1024,
    KNOWN_TO_LIBCRYPTO,
    STRANGE = KNOWN_TO_LIBCRYPTO,
    LOG_COUNT
};

enum extensions { NO_EXTENSIONS, LEAF_INDEX, UNKNOWN_EXTENSION, LEAF_INDEX_TWICE };

struct planned_sct {
    enum log log;
    enum pki_sct_fault fault;
    enum extensions extensions;
    int64_t offset_ms; /* from now; 0: half an hour ago */
};

#define PLANNED_MAX 12
struct plan {
    const char *name;
    enum clientct_source source;
    struct pki_leaf leaf;
    struct planned_sct scts[PLANNED_MAX];
    size_t count;
    enum pki_list_fault list_fault;
    bool rsa_ca;      /* issued by world.rsa_ca */
    bool no_issuer;   /* the judges are not told the issuer */
    bool twin_issuer; /* they are given one of the same name with another key */
};

/* Everything that one certificate needs for both judges. */
struct evidence {
    struct pki_minted minted;
    struct pki_bytes bytes; /* of TLS, OCSP or the store */
};

struct world {
    int64_t now;
    struct pki_log logs[LOG_COUNT];
    struct pki_ca ec_ca, rsa_ca, twin_ca;
    EVP_PKEY *leaf_keys[4];
    struct pki_oracle oracle;
    struct clientct_checker *checker;
};
extern struct world world;

/* Keys, CAs, the log list and a clientct.cnf with the policy `one`, or two SCTs for the certificate policy 1.2.3.4. */
void world_make(void);
void world_free(void);

void mint_evidence(const struct plan *plan, struct evidence *out);
void clear_evidence(struct evidence *evidence);
void ask_libcrypto(const struct plan *plan, const struct evidence *evidence, struct pki_opinion *opinion);
/* The verdict with all SCTs checked; the ordinary one, which stops early, has to come to the same end. */
void ask_module(const struct plan *plan, const struct evidence *evidence, struct clientct_verdict *verdict);

#endif
