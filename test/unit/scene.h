/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory with a CA, logs, a list and a clientct.cnf, for the tests of whole decisions. Everything ends the test
 * when it fails.
 */
#ifndef CT_SCENE_H
#define CT_SCENE_H

#include <clientct/clientct.h>

#include "pki.h"

#define SCENE_LOGS 4

struct scene {
    char dir[64];
    char config[96], list[96];
    struct pki_ca ca;
    struct pki_log logs[SCENE_LOGS]; /* a, b, c are listed; the last one is not */
    /* Log A of Alpha, Log B of Beta, Log C of Gamma: change, then scene_list */
    struct pki_listed_log listed[SCENE_LOGS];
};

/* Mints, writes the list and a configuration with `settings` behind `log_list = …`. */
void scene_set(struct scene *scene, const char *settings);
void scene_configure(struct scene *scene, const char *settings);
void scene_list(struct scene *scene, int64_t timestamp_ms);
void scene_put(struct scene *scene, const char *name, const void *data, size_t len);
void scene_clear(struct scene *scene);

/* One client: what it presents. Zero-initialise; scene_client mints it with an SCT of each log named in `logs`. */
struct scene_client {
    struct pki_minted minted;
    STACK_OF(X509) *chain;
    struct clientct_input input;
};
/* `logs`: a letter for each SCT, 'a' to 'd'; an upper-case letter has a wrong signature. */
void scene_client(struct scene *scene, const char *logs, struct scene_client *client);
/* The same for any leaf; its scts are set from `logs`. */
void scene_client_of(struct scene *scene, struct pki_leaf leaf, const char *logs, struct scene_client *client);
void scene_client_clear(struct scene_client *client);
/* The same certificate, as valid, with another hash: (r, n - s) in place of (r, s). */
X509 *scene_twin(const struct scene *scene, X509 *certificate);
/* A list of x509 SCTs over the client's certificate, as it comes by TLS or from the store. */
void scene_x509_list(struct scene *scene, const struct scene_client *client, const char *logs, struct pki_bytes *list);

#endif
