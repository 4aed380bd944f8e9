/* SPDX-License-Identifier: Apache-2.0 */
/* Rules: which policy, exemption or mode a certificate gets. In order, the first match decides. */
#ifndef CT_RULES_H
#define CT_RULES_H

#include <openssl/x509.h>

#include "evidence/certificate.h"
#include "policy/explanation.h"
#include "policy/terms.h"

struct ct_rule {
    char *name;
    unsigned line;
    /* conditions: those that are given must all hold */
    bool has_issuer;
    uint8_t issuer_spki[32];  /* SHA-256 of the SPKI of any CA in the verified chain */
    X509 *issuer_certificate; /* when the rule names a file: also for clientct:anchors; else NULL */
    bool has_certificate;
    bool by_signed_part;      /* the rule names a file: what `certificate` is the SHA-256 of */
    uint8_t certificate[32];  /* SHA-256 of the leaf's DER, or of its TBSCertificate */
    char *server_name;        /* lower case; leading "*." allowed; NULL: not given */
    int64_t issued_before_ms; /* INT64_MAX: not given */
    int64_t issued_after_ms;  /* INT64_MIN: not given; at this time and later match */
    ASN1_OBJECT *certificate_policy;
    ASN1_OBJECT *extended_key_usage;
    char *uri;   /* of subjectAltName, likewise the two below; a `*` at the end stands for more; NULL: not given */
    char *dns;   /* lower case; leading "*." allowed */
    char *email; /* the host in lower case; leading "*@" allowed */
    /* effects */
    size_t policy; /* index into the settings' policies; SIZE_MAX: the default one */
    bool exempt;
    int64_t expires_ms; /* the exemption ends; INT64_MAX: never */
    bool has_mode;
    enum clientct_mode mode;
    enum clientct_resumption resumption; /* at most; CLIENTCT_RESUMPTION_ALLOW: not given */
    enum ct_revocation revocation;
};

struct ct_rule_subject {
    const struct ct_certificate *certificate;
    X509 *leaf;
    STACK_OF(X509) *chain; /* verified, leaf first */
    const char *server_name;
    int64_t now_ms;
};

/*
 * Who chooses what a rule looks at. The table of conditions is the only way to match a rule: a condition that is not in
 * it has no effect, so that none can be without an owner. `clientct check` warns by it.
 */
enum ct_chooser { CT_CHOSEN_BY_OPERATOR, CT_CHOSEN_BY_CA, CT_CHOSEN_BY_CLIENT };

struct ct_rule_condition {
    const char *name; /* as clientct.cnf has it */
    enum ct_chooser chooser;
    bool one_certificate; /* whatever else is chosen, no more than one certificate comes under such a rule */
    const char *way_in;   /* why a rule that lets in more by it can be entered by others; NULL: it cannot */
    const char *way_out;  /* why a rule that asks for more by it can be left; NULL: it cannot */
    bool (*given)(const struct ct_rule *rule);
};

/* The conditions in the order in which they are asked, the cheap ones first; NULL behind the last. */
const struct ct_rule_condition *ct_rule_condition(size_t index);
const char *ct_chooser_name(enum ct_chooser chooser);

/*
 * The first rule that matches, or NULL. An exemption that has expired still matches as a rule that exempts
 * nobody: the certificate then has to satisfy the rule's policy. With `explanation`, each rule says why it did
 * not match. *failed is CLIENTCT_NOT_EVALUATED, or why a rule could not be judged and the caller has to refuse:
 * bad-extensions (of the certificate) or internal-error (memory).
 */
const struct ct_rule *ct_rules_match(const struct ct_rule *rules, size_t count, const struct ct_rule_subject *subject,
                                     struct ct_explanation *explanation, enum clientct_reason *failed);
/*
 * One bit for each rule: whether its `server_name` is this one. Names with the same bits are the same to the rules.
 * `bits` has room for CT_RULES_MAX; returns how many bytes are used: none where no rule asks for a name.
 */
#define CT_RULES_MAX 4096u /* in a file */
size_t ct_rules_name_bits(const struct ct_rule *rules, size_t count, const char *server_name,
                          uint8_t bits[CT_RULES_MAX / 8]);
void ct_rule_clear(struct ct_rule *rule);

#endif
