/* SPDX-License-Identifier: Apache-2.0 */
#include "attach.h"

#include <pthread.h>
#include <stdint.h>

#include <openssl/crypto.h>

#include "connection.h"
#include "errors.h"
#include "resumption.h"
#include "same_library.h"
#include "sct_extension.h"
#include "session_context.h"
#include "status.h"
#include "verify_hook.h"

static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;
static bool hooked;

/* The verify hook comes last: where it is, the others are. */
static bool hook_into_threads_default(void)
{
    return ct_verify_hook_is_registered() ||
           (ct_connection_register(ct_session_context_ended) && ct_session_context_register() &&
            ct_sct_extension_register() && ct_verify_hook_register()) ||
           ct_verify_hook_is_registered(); /* another thread was faster */
}

static bool hook_into(OSSL_LIB_CTX *libctx)
{
    OSSL_LIB_CTX *threads_own = OSSL_LIB_CTX_set0_default(libctx);
    bool done = hook_into_threads_default();

    OSSL_LIB_CTX_set0_default(threads_own);
    return done;
}

static void hook_into_global_default(void)
{
    ct_errors_register();
    hooked = ct_resumption_prepare() && hook_into(OSSL_LIB_CTX_get0_global_default());
}

bool ct_attach_is_ours(const void *caller)
{
    return ct_same_library(caller, (const void *)(uintptr_t)CRYPTO_get_ex_new_index);
}

bool ct_attach(OSSL_LIB_CTX *libctx)
{
    /* ex_data callbacks belong to a library context: they are registered in the one that is the thread's default. */
    if (pthread_once(&hooks_once, hook_into_global_default) != 0 || !hooked || !hook_into_threads_default() ||
        (libctx != NULL && !hook_into(libctx))) {
        ct_status_attached(CT_ATTACHED_FAILED);
        return false;
    }
    ct_status_attached(CT_ATTACHED);
    return true;
}
