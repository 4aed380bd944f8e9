/* SPDX-License-Identifier: Apache-2.0 */
#include "other_build.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "attach.h"
#include "status.h"

#define NAME "clientct_entries"

/* What is exported may be found elsewhere by its name; we use it by its other one. */
static const struct ct_entries ours = { CT_ENTRIES_VERSION, ct_attach_is_ours, ct_module_enter, ct_provider_enter };
extern const struct ct_entries clientct_entries __attribute__((alias("ours")));

/* Of the OpenSSL that has this address in its libcrypto; 0: that cannot be told, as in a program that it is part of. */
static unsigned major_of(const void *address)
{
    Dl_info info;
    void *library = dladdr(address, &info) != 0 ? dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    unsigned (*version_major)(void);
    unsigned major = 0;

    if (library != NULL) {
        version_major = (unsigned (*)(void))(uintptr_t)dlsym(library, "OPENSSL_version_major");
        major = version_major != NULL ? version_major() : 0;
        dlclose(library);
    }
    return major;
}

/* The file of that build beside ours; false: no name can be made. */
static bool name_build(unsigned major, char *path, size_t size)
{
    Dl_info info;
    const char *slash;
    int len = -1;

    if (major != 0 && dladdr(&ours, &info) != 0 && (slash = strrchr(info.dli_fname, '/')) != NULL) {
        len = snprintf(path, size, "%.*s/clientct-%u.so", (int)(slash - info.dli_fname), info.dli_fname, major);
    }
    return len > 0 && (size_t)len < size;
}

static const struct ct_entries *of_other_build(const void *caller)
{
    char path[PATH_MAX];
    void *build = name_build(major_of(caller), path, sizeof path) ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    const struct ct_entries *entries = build != NULL ? dlsym(build, NAME) : NULL;

    if (entries == NULL || entries->version != CT_ENTRIES_VERSION || !entries->is_ours(caller)) {
        ct_status_attached(CT_ATTACHED_OTHER_LIBCRYPTO);
        return NULL;
    }
    ct_status_attached(CT_ATTACHED_HANDED_ON);
    return entries;
}

const struct ct_entries *ct_entries_for(const void *caller)
{
    return ct_attach_is_ours(caller) ? &ours : of_other_build(caller);
}
