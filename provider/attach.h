/* What both entries of clientct.so share: is this our libcrypto, hook in once, take the dead-man switch off. */
#ifndef CT_ATTACH_H
#define CT_ATTACH_H

#include <stdbool.h>

#include <openssl/types.h>

/*
 * Registers the hooks, at the first call of the process. `caller` is the return
 * address of our entry point: it must lie in the libcrypto that we are linked
 * with. False, and then the entry has to fail: another libcrypto called, which
 * our hooks would never see, or memory is short.
 */
bool ct_attach(const void *caller);

/*
 * The dead-man switch (provider-clientct(7)): an openssl.cnf may set
 * default_properties to what only we take back, so that a process without us
 * can fetch nothing. Sets them in `libctx` to `properties`; NULL: to none,
 * unless they are the administrator's own. False when they cannot be set.
 */
bool ct_release_dead_man_switch(OSSL_LIB_CTX *libctx, const char *properties);

#endif
