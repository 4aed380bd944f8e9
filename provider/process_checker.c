/* SPDX-License-Identifier: Apache-2.0 */
#include "process_checker.h"
#include "status.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Written once each, never freed: objects of OpenSSL, and with them our hooks, outlive OPENSSL_cleanup. */
static _Atomic(char *) config_name;
static _Atomic(const char *) denial;
static _Atomic(struct clientct_checker *) checker;
static _Atomic(struct clientct_files *) early;

void ct_process_checker_deny(const char *why)
{
    const char *none = NULL;
    char *copy = strdup(why);
    const char *text = copy != NULL ? copy : "openssl.cnf contradicts itself, and memory is too short to say how";
    struct clientct_checker *made;

    if (!atomic_compare_exchange_strong(&denial, &none, text)) {
        free(copy);
        return;
    }
    made = atomic_load(&checker);
    if (made != NULL) {
        clientct_checker_deny(made, text);
    }
}

const char *ct_process_checker_denied(void)
{
    return atomic_load(&denial);
}

void ct_process_checker_configure(const char *config_file)
{
    const char *wanted = config_file != NULL ? config_file : CLIENTCT_DEFAULT_CONFIG;
    char *first = NULL;
    char *copy = strdup(wanted);
    char why[320];

    if (copy == NULL) {
        ct_process_checker_deny("no memory for the name of the configuration file");
        return;
    }
    if (atomic_compare_exchange_strong(&config_name, &first, copy)) {
        atomic_store(&early, clientct_files_read(copy));
        return;
    }
    if (strcmp(first, wanted) != 0) {
        snprintf(why, sizeof why,
                 "openssl.cnf names two configuration files, \"%.80s\" and \"%.80s\": "
                 "give every clientct section the same config =",
                 first, wanted);
        ct_process_checker_deny(why);
    }
    free(copy);
}

OSSL_LIB_CTX *ct_process_checker_enter(void)
{
    return OSSL_LIB_CTX_set0_default(OSSL_LIB_CTX_get0_global_default());
}

void ct_process_checker_leave(OSSL_LIB_CTX *threads_own)
{
    OSSL_LIB_CTX_set0_default(threads_own);
}

static void deny_as_configured(struct clientct_checker *made)
{
    const char *why = atomic_load(&denial);

    if (why != NULL) {
        clientct_checker_deny(made, why);
    }
}

/* Threads that start together may read the files each: nobody waits for a thread that may never come back. */
static struct clientct_checker *make_checker(void)
{
    struct clientct_checker *made = clientct_checker_new_from(atomic_load(&config_name), atomic_load(&early));
    struct clientct_checker *none = NULL;

    if (made == NULL) {
        return atomic_load(&checker);
    }
    deny_as_configured(made); /* before another thread can ask it */
    if (!atomic_compare_exchange_strong(&checker, &none, made)) {
        clientct_checker_free(made);
        return none;
    }
    deny_as_configured(made); /* a denial that comes from now on sees the checker; one that came meanwhile did not */
    if (!ct_status_is_rehearsal()) {
        clientct_checker_start_recording(made);
    }
    return made;
}

struct clientct_checker *ct_process_checker_get0(void)
{
    struct clientct_checker *made = atomic_load(&checker);

    return made != NULL ? made : make_checker();
}
