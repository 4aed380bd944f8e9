/* What both entries of clientct.so share: is this our libcrypto, hook in once. */
#ifndef CT_ATTACH_H
#define CT_ATTACH_H

#include <stdbool.h>

/*
 * Registers the hooks, at the first call of the process. `caller` is the return
 * address of our entry point: it must lie in the libcrypto that we are linked
 * with. False, and then the entry has to fail: another libcrypto called, which
 * our hooks would never see, or memory is short.
 */
bool ct_attach(const void *caller);

#endif
