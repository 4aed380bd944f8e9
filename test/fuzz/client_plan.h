/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client as a fuzzer's bytes describe it: certificate, chain, SCTs from four sources, an OCSP response. Bytes choose
 * among what test/pki mints, so that signatures are good wherever nothing was said to the contrary; then edits change
 * single bytes of what was minted.
 */
#ifndef CLIENT_PLAN_H
#define CLIENT_PLAN_H

#include <clientct/clientct.h>

#include "fuzz.h"
#include "oracle.h"
#include "pki.h"

/* What is left of the fuzzer's input; past its end everything is zero. */
struct fuzz_input {
    const uint8_t *data;
    size_t len;
};
unsigned fuzz_pick(struct fuzz_input *input, unsigned below);

/* A change of one byte of a target. */
enum edit_target {
    EDIT_CERTIFICATE,
    EDIT_EMBEDDED_LIST,
    EDIT_TLS_LIST,
    EDIT_OCSP_LIST,
    EDIT_OCSP_RESPONSE,
    EDIT_STORE_LIST,
    EDIT_LOG_LIST,
    EDIT_SETTINGS,
    EDIT_TARGETS
};
struct edit {
    enum edit_target target;
    unsigned way, at;
    uint8_t value;
};
#define EDITS_MAX 6
struct edits {
    struct edit all[EDITS_MAX];
    size_t count;
};
void edits_read(struct edits *edits, struct fuzz_input *input);
bool edits_have(const struct edits *edits, enum edit_target target);
void edits_apply(const struct edits *edits, enum edit_target target, struct pki_bytes *bytes);

/* The logs that there are: whether a list names them is another matter. */
enum { WORLD_RSA = 4, WORLD_P384, WORLD_STRANGE, WORLD_LOGS };
#define WORLD_LISTED WORLD_STRANGE /* the ones that libcrypto, and lists, may know */
struct fuzz_world {
    int64_t now;
    struct pki_log logs[WORLD_LOGS];
    struct pki_ca ca, twin, responder;
    EVP_PKEY *leaf_keys[2];
    struct pki_oracle oracle;
    char directory[64]; /* for files; removed at exit */
};
extern struct fuzz_world fuzz_world;
/* Makes it at the first call. */
void fuzz_world_need(void);
/* Of a file in the world's directory. */
void fuzz_world_path(char *path, size_t size, const char *name);

enum planned_extensions { NO_EXTENSIONS, LEAF_INDEX, UNKNOWN_EXTENSION, LEAF_INDEX_TWICE };
struct planned_sct {
    unsigned log;
    enum pki_sct_fault fault;
    enum planned_extensions extensions;
    int64_t time_ms;
};
/* With two SCTs from each source no log needs more signature checks than it has. */
#define PLANNED_SCTS 2
struct planned_list {
    struct planned_sct scts[PLANNED_SCTS];
    size_t count;
    enum pki_list_fault fault;
};

enum planned_issuer { ISSUER_TRUE, ISSUER_TWIN, ISSUER_NONE, ISSUER_KINDS };
enum planned_ocsp {
    OCSP_NONE,
    OCSP_GOOD,
    OCSP_BY_RESPONDER,
    OCSP_REVOKED,
    OCSP_REVOKED_AND_OVER,
    OCSP_UNKNOWN,
    OCSP_OVER,
    OCSP_WRONG_KEY,
    OCSP_OTHER_CERTIFICATE,
    OCSP_KINDS
};
struct client_plan {
    struct planned_list lists[CLIENTCT_SOURCE_COUNT];
    enum planned_issuer issuer;
    enum planned_ocsp ocsp;
    bool poison, two_lists, only_scts, has_policy;
    unsigned key, position, padding;
    int64_t lifetime_ms;
    struct edits edits;
};
void client_plan_read(struct client_plan *plan, struct fuzz_input *input);

struct client {
    X509 *certificate; /* NULL: no longer one */
    STACK_OF(X509) *chain;
    struct pki_bytes der, tls, ocsp, store;
};
void client_mint(const struct client_plan *plan, struct client *client);
void client_clear(struct client *client);

/* The bytes of the SCT list in each SCT extension of a certificate or of an OCSP response, one behind the other. */
#define EXTENSION_LISTS_MAX 4
struct extension_lists {
    struct pki_bytes lists[EXTENSION_LISTS_MAX];
    bool exact[EXTENSION_LISTS_MAX]; /* the extension is one DER OCTET STRING and nothing else */
    size_t count;
};
void extension_lists_of_certificate(X509 *certificate, struct extension_lists *out);
void extension_lists_of_response(const struct pki_bytes *response, struct extension_lists *out);
void extension_lists_clear(struct extension_lists *lists);

#endif
