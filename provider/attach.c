#include "attach.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "connection.h"
#include "errors.h"
#include "sct_extension.h"
#include "verify_hook.h"

/* OpenSSL 3.5 and later; the libcrypto we run with may be older than the headers, or newer. */
char *EVP_get1_default_properties(OSSL_LIB_CTX *libctx) __attribute__((weak));

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
    hooked = ct_connection_register() && ct_sct_extension_register() && ct_verify_hook_register();
    OSSL_LIB_CTX_set0_default(threads_own);
}

bool ct_attach(const void *caller)
{
    /* Twice would have our verify function call itself, so both entries meet here. */
    return is_our_libcrypto(caller) && pthread_once(&hooks_once, hook_in) == 0 && hooked;
}

/* Whether default_properties are something that an administrator chose, which must not be lost silently. */
static bool are_the_administrators(OSSL_LIB_CTX *libctx)
{
    char *properties = NULL;
    bool own;

    if (EVP_get1_default_properties == NULL) {
        /* Before 3.5 there is no way to read them all; this is the choice that would hurt. */
        return EVP_default_properties_is_fips_enabled(libctx) == 1;
    }
    properties = EVP_get1_default_properties(libctx);
    /* Names that no provider has defined are left out: the switch alone reads as nothing. */
    own = properties != NULL && properties[0] != '\0' && strstr(properties, "clientct") == NULL;
    OPENSSL_free(properties);
    return own;
}

bool ct_release_dead_man_switch(OSSL_LIB_CTX *libctx, const char *properties)
{
    if (properties == NULL && are_the_administrators(libctx)) {
        return true;
    }
    return EVP_set_default_properties(libctx, properties != NULL ? properties : "") == 1;
}
