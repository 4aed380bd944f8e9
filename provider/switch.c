/* SPDX-License-Identifier: Apache-2.0 */
#include "switch.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "same_library.h"

#define OURS "clientct"

/* OpenSSL 3.5 and later; the libcrypto we run with may be older than the headers, or newer. */
char *EVP_get1_default_properties(OSSL_LIB_CTX *libctx) __attribute__((weak));

static _Atomic(OSSL_FUNC_provider_register_child_cb_fn *) register_child_cb;
static _Atomic(OSSL_FUNC_provider_deregister_child_cb_fn *) deregister_child_cb;

void ct_switch_learn(const OSSL_DISPATCH *in)
{
    for (; in->function_id != 0; in++) {
        if (in->function_id == OSSL_FUNC_PROVIDER_REGISTER_CHILD_CB) {
            atomic_store(&register_child_cb, OSSL_FUNC_provider_register_child_cb(in));
        } else if (in->function_id == OSSL_FUNC_PROVIDER_DEREGISTER_CHILD_CB) {
            atomic_store(&deregister_child_cb, OSSL_FUNC_provider_deregister_child_cb(in));
        }
    }
}

static int on_provider(const OSSL_CORE_HANDLE *provider, void *arg)
{
    return 1;
}

static int on_properties(const char *properties, void *arg)
{
    char **out = arg;

    free(*out);
    *out = strdup(properties);
    return *out != NULL;
}

/*
 * The default properties in force, to be freed; NULL when they cannot be had. Names that no provider has defined, as
 * ours, are left out of them. Before 3.5 only a provider that says it has a child context of its own is told.
 */
static char *read_properties(OSSL_LIB_CTX *libctx, const OSSL_CORE_HANDLE *core)
{
    OSSL_FUNC_provider_register_child_cb_fn *subscribe = atomic_load(&register_child_cb);
    OSSL_FUNC_provider_deregister_child_cb_fn *unsubscribe = atomic_load(&deregister_child_cb);
    char *found = NULL;

    if (CT_IS_OF_LIBRARY(EVP_get1_default_properties, EVP_set_default_properties)) {
        char *theirs = EVP_get1_default_properties(libctx);

        found = theirs != NULL ? strdup(theirs) : NULL;
        OPENSSL_free(theirs);
    } else if (core != NULL && subscribe != NULL && unsubscribe != NULL &&
               subscribe(core, on_provider, on_provider, on_properties, &found) == 1) {
        unsubscribe(core);
    }
    return found;
}

/* One demand of a list such as "?provider=pkcs11, fips='yes'": where it ends, and its name. */
struct demand {
    const char *begin, *name;
    size_t len, name_len;
};

/* Takes the next one off *at; false at the end. Commas within quotes are part of a value. */
static bool next_demand(const char **at, struct demand *demand)
{
    const char *c = *at;
    char quote = '\0';

    while (*c == ',' || isspace((unsigned char)*c)) {
        c++;
    }
    demand->begin = c;
    for (; *c != '\0' && (quote != '\0' || *c != ','); c++) {
        if (quote == '\0' ? *c == '\'' || *c == '"' : *c == quote) {
            quote = quote == '\0' ? *c : '\0';
        }
    }
    demand->len = (size_t)(c - demand->begin);
    demand->name = demand->begin + strspn(demand->begin, "?-! \t");
    demand->name_len = strcspn(demand->name, "=!, \t");
    *at = c;
    return demand->len > 0;
}

static bool has_name(const struct demand *demand, const char *name, size_t len)
{
    return demand->name_len == len && strncasecmp(demand->name, name, len) == 0;
}

/* `list` but for our demands, to be freed; NULL when memory is short. */
static char *without_ours(const char *list)
{
    char *out = calloc(1, strlen(list) + 1);
    struct demand demand;

    while (out != NULL && next_demand(&list, &demand)) {
        if (!has_name(&demand, OURS, sizeof OURS - 1)) {
            size_t len = strlen(out);

            if (len > 0) {
                out[len] = ','; /* what follows is zero */
            }
            strncat(out, demand.begin, demand.len);
        }
    }
    return out;
}

static bool has_ours(const char *list)
{
    struct demand demand;

    while (next_demand(&list, &demand)) {
        if (has_name(&demand, OURS, sizeof OURS - 1)) {
            return true;
        }
    }
    return false;
}

/* The random generator's own properties cannot be set by a function, only by lines of an openssl.cnf. */
static bool set_random_properties(OSSL_LIB_CTX *libctx, const char *properties)
{
    CONF *conf = NCONF_new_ex(libctx, NULL);
    BIO *lines = BIO_new(BIO_s_mem());
    long line;
    bool set = conf != NULL && lines != NULL &&
               BIO_printf(lines, "openssl_conf = i\n[i]\nrandom = r\n[r]\nproperties = %s\n", properties) > 0 &&
               NCONF_load_bio(conf, lines, &line) == 1 && CONF_modules_load(conf, NULL, 0) == 1;

    BIO_free(lines);
    NCONF_free(conf);
    return set;
}

static bool release_properties(OSSL_LIB_CTX *libctx, const OSSL_CORE_HANDLE *core, const char *wanted)
{
    char *in_force = wanted != NULL ? strdup(wanted) : read_properties(libctx, core);
    char *stay = in_force != NULL ? without_ours(in_force) : NULL;
    bool done = stay != NULL && EVP_set_default_properties(libctx, stay) == 1;

    free(in_force);
    free(stay);
    return done;
}

static bool release_random(OSSL_LIB_CTX *libctx, const char *properties)
{
    char *stay = without_ours(properties);
    bool done = stay != NULL && set_random_properties(libctx, stay);

    free(stay);
    return done;
}

bool ct_switch_release(OSSL_LIB_CTX *libctx, const OSSL_CORE_HANDLE *core, const char *wanted,
                       const struct ct_switch_text *text)
{
    /* Without a demand of ours nothing is touched: other names that no provider has would be lost. */
    bool properties = wanted != NULL || !text->known || has_ours(text->default_properties);
    bool random = text->known && has_ours(text->random_properties);

    return (!properties || release_properties(libctx, core, wanted)) &&
           (!random || release_random(libctx, text->random_properties));
}

/* OpenSSL takes a module's name up to its last full stop, so that a section can name it more than once. */
static bool is_module(const char *name, const char *module)
{
    const char *stop = strrchr(name, '.');
    size_t len = stop != NULL ? (size_t)(stop - name) : strlen(name);

    return len == strlen(module) && strncmp(name, module, len) == 0;
}

/* The last value of a key in a section; NULL: none. NCONF_get_string would look in the default section, too. */
static const char *last_value(const CONF *cnf, const char *section, const char *key)
{
    STACK_OF(CONF_VALUE) *values = section != NULL ? NCONF_get_section(cnf, section) : NULL;
    const char *found = NULL;

    for (int i = 0; values != NULL && i < sk_CONF_VALUE_num(values); i++) {
        const CONF_VALUE *value = sk_CONF_VALUE_value(values, i);

        if (strcmp(value->name, key) == 0) {
            found = value->value;
        }
    }
    return found;
}

/* Reads a section up to our line; false when that is not in it. */
static bool read_section(const CONF *cnf, const char *section, const char *name, const char *value,
                         struct ct_switch_text *text)
{
    STACK_OF(CONF_VALUE) *values = NCONF_get_section(cnf, section);

    *text = (struct ct_switch_text){ true, "", "" };
    for (int i = 0; values != NULL && i < sk_CONF_VALUE_num(values); i++) {
        const CONF_VALUE *line = sk_CONF_VALUE_value(values, i);
        const char *found;

        if (strcmp(line->name, name) == 0 && strcmp(line->value, value) == 0) {
            return true;
        }
        if (is_module(line->name, "alg_section") &&
            (found = last_value(cnf, line->value, "default_properties")) != NULL) {
            text->default_properties = found;
        } else if (is_module(line->name, "random") && (found = last_value(cnf, line->value, "properties")) != NULL) {
            text->random_properties = found;
        }
    }
    return false;
}

struct ct_switch_text ct_switch_find(const CONF *cnf, const char *name, const char *value)
{
    STACK_OF(CONF_VALUE) *programs = NCONF_get_section(cnf, "default");
    struct ct_switch_text text;

    for (int i = 0; programs != NULL && i < sk_CONF_VALUE_num(programs); i++) {
        if (read_section(cnf, sk_CONF_VALUE_value(programs, i)->value, name, value, &text)) {
            return text;
        }
    }
    return (struct ct_switch_text){ false, "", "" };
}
