/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying the system's openssl.cnf over, read by OpenSSL's own reader. */
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tool/enable/openssl_cnf.h"
#include "tool/tool.h"

#define FIRST_LINE \
    "# Made by `clientct enable` for the services that it puts under clientct. While this line stands it is renewed\n"

struct carried {
    char *init;       /* lines of the section of modules */
    char *algorithms; /* lines of its alg_section, but for default_properties */
    char *properties; /* the default properties that it leaves in force, NULL: none */
};

static void add_line(char **text, const char *name, const char *value)
{
    char *longer = tool_format("%s%s = %s\n", *text, name, value);

    free(*text);
    *text = longer;
}

/* What fips_mode makes of the properties in force: its demand in place of any that names fips. NULL: none are left. */
static char *with_fips_mode(const char *list, int on)
{
    char *out = tool_format("%s", on ? "fips=yes" : "");

    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        const char *name = list + strspn(list, "?-! \t");

        if (strncasecmp(name, "fips", 4) != 0 || strchr("=!, \t", name[4]) == NULL) {
            char *longer = tool_format("%s%s%.*s", out, *out != '\0' ? "," : "", (int)len, list);

            free(out);
            out = longer;
        }
        list += len;
        list += *list == ',';
    }
    if (*out == '\0') {
        free(out);
        out = NULL;
    }
    return out;
}

static void carry_algorithms(const CONF *conf, const char *section, struct carried *carried)
{
    STACK_OF(CONF_VALUE) *values = NCONF_get_section(conf, section);

    for (int i = 0; values != NULL && i < sk_CONF_VALUE_num(values); i++) {
        const CONF_VALUE *value = sk_CONF_VALUE_value(values, i);
        char *before = carried->properties;
        int fips;

        if (strcmp(value->name, "default_properties") == 0) {
            carried->properties = tool_format("%s", value->value);
            free(before);
            continue;
        }
        add_line(&carried->algorithms, value->name, value->value);
        if (strcmp(value->name, "fips_mode") == 0 && X509V3_get_value_bool(value, &fips) == 1) {
            carried->properties = with_fips_mode(before != NULL ? before : "", fips);
            free(before);
        }
    }
}

static void carry(const CONF *conf, struct carried *carried)
{
    const char *init = NCONF_get_string(conf, NULL, "openssl_conf");
    STACK_OF(CONF_VALUE) *values = init != NULL ? NCONF_get_section(conf, init) : NULL;

    for (int i = 0; values != NULL && i < sk_CONF_VALUE_num(values); i++) {
        const CONF_VALUE *value = sk_CONF_VALUE_value(values, i);
        if (strcmp(value->name, "alg_section") == 0) {
            carry_algorithms(conf, value->value, carried);
        } else if (strcmp(value->name, "clientct") != 0) {
            add_line(&carried->init, value->name, value->value);
        }
    }
    ERR_clear_error(); /* what is not there was asked for */
}

bool openssl_cnf_is_ours(const char *text)
{
    return strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) == 0;
}

char *openssl_cnf_make(const char *system, const char *system_name, const char *config)
{
    struct carried carried = { tool_format("%s", ""), tool_format("%s", ""), NULL };
    CONF *conf = system != NULL ? NCONF_new(NULL) : NULL;
    char *properties = NULL, *include = NULL, *text = NULL;
    long line = 0;

    if (system != NULL && (conf == NULL || NCONF_load(conf, system, &line) != 1)) {
        tool_error("%s cannot be read as OpenSSL does (line %ld): %s", system_name, line,
                   ERR_reason_error_string(ERR_peek_last_error()));
        goto out;
    }
    if (conf != NULL) {
        carry(conf, &carried);
        include = tool_format("\n# OPENSSL_CONF replaces the system's file.\n.include %s\n", system_name);
    }
    properties = carried.properties != NULL ? tool_format("default_properties = %s\n", carried.properties) : NULL;
    text = tool_format(
        FIRST_LINE
        "# with every `clientct enable`, and removed with the last `clientct disable`. See provider-clientct(7).\n"
        "# Never make it the system's openssl.cnf: every program that cannot load clientct.so would stop working.\n"
        "openssl_conf = clientct_init\nnginx = clientct_init\nnodejs_conf = clientct_init\n"
        "%s\n[default]\nopenssl_conf = clientct_init\nnginx = clientct_init\nnodejs_conf = clientct_init\n"
        "config_diagnostics = 1\n\n"
        "[clientct_init]\nalg_section = clientct_dead_man_switch\n"
        "random.clientct = clientct_second_switch\nclientct = clientct_sect\n%s\n"
        "[clientct_dead_man_switch]\n%sdefault_properties = clientct=loaded\n\n"
        "[clientct_second_switch]\nproperties = clientct=loaded\n\n"
        "[clientct_sect]\npath = " CLIENTCT_MODULESDIR "/clientct.so\nconfig = %s\n%s",
        include != NULL ? include : "", carried.init, carried.algorithms, config, properties != NULL ? properties : "");
out:
    NCONF_free(conf);
    free(carried.init);
    free(carried.algorithms);
    free(carried.properties);
    free(properties);
    free(include);
    return text;
}
