#include "attach.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>

#include <openssl/crypto.h>

#include "connection.h"
#include "errors.h"
#include "sct_extension.h"
#include "status.h"
#include "server_names.h"
#include "verify_hook.h"

static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;
static bool hooked;

/* Two OpenSSLs share one openssl.cnf where both are installed; the other one would load us and enforce nothing. */
static bool is_our_libcrypto(const void *caller)
{
    Dl_info theirs;
    Dl_info ours;

    return dladdr(caller, &theirs) != 0 && dladdr((const void *)(uintptr_t)CRYPTO_get_ex_new_index, &ours) != 0 &&
           theirs.dli_fbase == ours.dli_fbase;
}

static void hook_in(void)
{
    /* ex_data indices belong to a library context: a thread's own would keep the hooks from everybody else. */
    OSSL_LIB_CTX *threads_own = OSSL_LIB_CTX_set0_default(OSSL_LIB_CTX_get0_global_default());

    ct_errors_register();
    hooked = ct_connection_register() && ct_server_names_register() && ct_sct_extension_register() &&
             ct_verify_hook_register();
    OSSL_LIB_CTX_set0_default(threads_own);
}

bool ct_attach(const void *caller)
{
    if (!is_our_libcrypto(caller)) {
        ct_status_attached(CT_ATTACHED_OTHER_LIBCRYPTO);
        return false;
    }
    /* Twice would have our verify function call itself, so both entries meet here. */
    if (pthread_once(&hooks_once, hook_in) != 0 || !hooked) {
        ct_status_attached(CT_ATTACHED_FAILED);
        return false;
    }
    ct_status_attached(CT_ATTACHED);
    return true;
}
