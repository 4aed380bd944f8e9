/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientct doctor: a program's OpenSSL is set up as the program would, and serves a few clients; the program itself
 * does not run. What was seen, and nothing that follows from it.
 */
#ifndef CT_TOOL_REHEARSAL_H
#define CT_TOOL_REHEARSAL_H

#include "tool/doctor/made_up.h"
#include "tool/doctor/program.h"
#include "tool/doctor/status.h"

#define REHEARSAL_CLIENTS 4
#define REHEARSAL_SETTINGS 32

struct rehearsal_settings {
    const char *config_name;   /* as stand_in.h has it */
    const char *library;       /* NULL: none */
    const char *away;          /* "DEV:INO"; NULL: nothing is taken away */
    bool without_openssl_conf; /* as if OPENSSL_CONF were not set */
};

/* A client: the made-up one, or one of the operator's. */
struct rehearsal_client {
    X509 *certificate;
    EVP_PKEY *key;
    STACK_OF(X509) *chain; /* NULL: none */
    int version;           /* TLS1_2_VERSION or TLS1_3_VERSION */
};

struct rehearsal_seen {
    bool played, in;            /* in: the server let it in, and its answer came */
    bool judged;                /* the component made a verdict about it */
    struct doctor_state status; /* after it, where it was judged */
    char *errors;               /* what the server's error queue had; "" when nothing */
    char client_error[200];
};

/* All strings are owned; NULL where the stand-in did not say it. */
struct rehearsal {
    char *trouble; /* why it could not be played at all; NULL: it was */
    char *library, *second, *absent, *component, *component_id, *file;
    int file_error;
    bool init_failed, context_failed, complete, component_of_other_version;
    char *init_errors, *context_errors;
    bool has_status;
    struct doctor_state status;         /* the last one */
    char *settings[REHEARSAL_SETTINGS]; /* "NAME VALUE" */
    size_t setting_count;
    struct rehearsal_seen seen[REHEARSAL_CLIENTS];
};

/* Plays; never fails, what goes wrong is part of what is seen. `other_ca` may be NULL. Ends within a minute. */
void rehearsal_play(const struct doctor_program *program, const struct doctor_start *start,
                    const struct rehearsal_settings *settings, const struct doctor_made_up *made, X509 *other_ca,
                    const struct rehearsal_client *clients, size_t client_count, struct rehearsal *out);
void rehearsal_clear(struct rehearsal *rehearsal);

#endif
