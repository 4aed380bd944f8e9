/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dead-man switches, which keep a server from running without us (provider-clientct(7)): openssl.cnf demands of
 * every algorithm, and of the random generator, the property clientct=loaded. No algorithm has it, so that a process
 * that could not load us can do nothing. Once our hooks are in place we take that one demand back, and nothing else:
 * what an administrator has demanded besides stays.
 */
#ifndef CT_SWITCH_H
#define CT_SWITCH_H

#include <stdbool.h>

#include <openssl/conf.h>
#include <openssl/core.h>
#include <openssl/types.h>

/* Where libcrypto tells a provider its context's default properties; from the provider's init function, kept. */
void ct_switch_learn(const OSSL_DISPATCH *in);

/* What the file that is being loaded says of the switches; all of it the CONF's own. */
struct ct_switch_text {
    bool known;                     /* false: our line was found in none of the sections that programs load */
    const char *default_properties; /* of the alg_section in force; "": none */
    const char *random_properties;  /* likewise of the random section */
};
/* What stands before the line that loads us, `name = value`, in the section that the program loads. */
struct ct_switch_text ct_switch_find(const CONF *cnf, const char *name, const char *value);

/*
 * Takes our demand out of the default properties of `libctx`, or sets them to `wanted` (not NULL). `core` is a provider
 * of ours in that context, for libcryptos before 3.5 that tell the properties to nobody else. False when they cannot be
 * read or set: then they are as before, and nothing can be fetched.
 */
bool ct_switch_release(OSSL_LIB_CTX *libctx, const OSSL_CORE_HANDLE *core, const char *wanted,
                       const struct ct_switch_text *text);

#endif
