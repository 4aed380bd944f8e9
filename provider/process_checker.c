#include "process_checker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Written once each, never freed: objects of OpenSSL, and with them our hooks, outlive OPENSSL_cleanup. */
static _Atomic(char *) config_name;
static _Atomic(const char *) denial;
static struct clientct_checker *checker;
static pthread_once_t checker_once = PTHREAD_ONCE_INIT;

void ct_process_checker_deny(const char *why)
{
    const char *none = NULL;
    char *copy = strdup(why);
    const char *text = copy != NULL ? copy : "openssl.cnf contradicts itself, and memory is too short to say how";

    if (!atomic_compare_exchange_strong(&denial, &none, text)) {
        free(copy);
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
        return;
    }
    if (strcmp(first, wanted) != 0) {
        snprintf(why, sizeof(why), "openssl.cnf names two configuration files, \"%.80s\" and \"%.80s\": "
                 "give every clientct section the same config =", first, wanted);
        ct_process_checker_deny(why);
    }
    free(copy);
}

static void make_checker(void)
{
    checker = clientct_checker_new(atomic_load(&config_name));
    if (checker != NULL) {
        clientct_checker_start_recording(checker);
    }
}

struct clientct_checker *ct_process_checker_get0(void)
{
    if (pthread_once(&checker_once, make_checker) != 0) {
        return NULL;
    }
    return checker;
}
