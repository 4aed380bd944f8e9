/* SPDX-License-Identifier: Apache-2.0 */
/* What is watched for: the conditions of clientct-monitor(1), and whether an entry of a log meets them. */
#ifndef CT_TOOL_WATCH_H
#define CT_TOOL_WATCH_H

#include "base/problems.h"
#include "evidence/identity.h"
#include "logs/entry.h"

#define WATCH_MAX 64u /* sections: one bit each */

enum watch_kind {
    WATCH_ISSUER,       /* value: a SHA-256 of the issuer's SubjectPublicKeyInfo */
    WATCH_ISSUER_NAME,  /* an attribute of the issuer's name */
    WATCH_URI,          /* a prefix */
    WATCH_TRUST_DOMAIN, /* of SPIFFE */
    WATCH_EMAIL,        /* an address, or a domain with its subdomains */
    WATCH_DNS,          /* a name, or with a leading dot its subdomains as well */
    WATCH_SUBJECT,      /* an attribute of the subject's name */
    WATCH_SERIAL,
    WATCH_EKU,
    WATCH_LONGER_THAN,   /* notAfter - notBefore */
    WATCH_STARTS_BEFORE, /* notBefore */
    WATCH_STARTS_AFTER,
    WATCH_KIND_COUNT
};

struct watch_value {
    enum watch_kind kind;
    char *text;        /* in lower case where case does not matter */
    uint8_t bytes[64]; /* a hash, a serial number or an OID */
    size_t len;
    bool any; /* "none" of an EKU, "*" of an attribute */
    int64_t number;
};

struct watch {
    char *name;
    struct watch_value *values;
    size_t count;
    unsigned kinds; /* bits of the kinds that are asked for: each must be met by one value */
};

/* Zero-initialise. Without a watch every entry matches. */
struct watches {
    struct watch items[WATCH_MAX];
    size_t count;
    bool issuer_keys; /* a watch asks for them */
};

/* Reads the file, in the form of clientct.cnf: a section a watch. False: errors are in `problems`. */
bool watches_read(const char *file, struct watches *watches, struct ct_problems *problems) CT_MUST_USE;
void watches_clear(struct watches *watches);

/* The issuer's key hash of an entry, only asked where a watch needs it; false: not known. */
typedef bool (*watch_issuer_key)(void *context, const struct ct_log_entry *entry, uint8_t sha256[32]);

/* One bit for each watch that the entry meets. Without watches all are met: 1. */
uint64_t watches_match(const struct watches *watches, const struct ct_identity *identity,
                       const struct ct_log_entry *entry, watch_issuer_key issuer_key, void *context);

#endif
