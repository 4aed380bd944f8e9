/* clientct doctor: openssl.cnf, clientct.cnf and programs, as files. */
#include <ctype.h>
#include <errno.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "tool/doctor/doctor.h"
#include "base/file.h"
#include "config/snapshot.h"
#include "tool/tool.h"

#define PROGRAM_MAX_BYTES (512u * 1024 * 1024)

bool doctor_ignores_environment(const char *executable)
{
    struct stat st;

    return (stat(executable, &st) == 0 && (st.st_mode & (S_ISUID | S_ISGID)) != 0) ||
           getxattr(executable, "security.capability", NULL, 0) > 0;
}

void doctor_libcrypto_of(const char *path, char out[32])
{
    static const char wanted[] = "libcrypto.so.";
    struct ct_file file;
    const char *at = NULL;
    size_t len = 0;

    out[0] = '\0';
    if (ct_file_read(path, PROGRAM_MAX_BYTES, true, &file) != 0) {
        return;
    }
    at = memmem(file.data, file.len, wanted, sizeof wanted - 1);
    while (at != NULL && len < 31 && (at[len] == '.' || isalnum((unsigned char)at[len]))) {
        out[len] = at[len];
        out[++len] = '\0';
    }
    ct_file_clear(&file);
}

static const char *section_value(CONF *conf, const char *section, const char *name)
{
    STACK_OF(CONF_VALUE) *values = section != NULL ? NCONF_get_section(conf, section) : NULL;

    for (int i = 0; values != NULL && i < sk_CONF_VALUE_num(values); i++) {
        const CONF_VALUE *value = sk_CONF_VALUE_value(values, i);
        if (strcmp(value->name, name) == 0) {
            return value->value;
        }
    }
    return NULL;
}

/* The first line of a section whose own section names clientct.so with `key`; its section. */
static const char *component_section(CONF *conf, const char *section, const char *key)
{
    STACK_OF(CONF_VALUE) *values = section != NULL ? NCONF_get_section(conf, section) : NULL;

    for (int i = 0; values != NULL && i < sk_CONF_VALUE_num(values); i++) {
        const CONF_VALUE *value = sk_CONF_VALUE_value(values, i);
        const char *path = section_value(conf, value->value, key);
        if (path != NULL && strstr(path, "clientct") != NULL) {
            return value->value;
        }
    }
    return NULL;
}

/* The key under which a program looks for its section. */
static const char *init_section(CONF *conf, const struct doctor_view *view)
{
    const char *section = section_value(conf, "default", "openssl_conf");
    const char *own = NULL;

    if (strcmp(view->program, "nginx") == 0) {
        own = section_value(conf, "default", "nginx"); /* asked for first, from nginx 1.26 */
        return own != NULL ? own : section;
    }
    if (strcmp(view->program, "node") == 0 || strcmp(view->program, "nodejs") == 0) {
        return section_value(conf, "default", "nodejs_conf");
    }
    return section;
}

static void look_at_switch(struct doctor *doctor, CONF *conf, const char *init)
{
    const char *properties = section_value(conf, section_value(conf, init, "alg_section"), "default_properties");

    if (properties != NULL && strstr(properties, "clientct=loaded") != NULL) {
        doctor_say(doctor, DOCTOR_GOOD, "dead-man switch", "is there: without the component the program cannot do TLS");
    } else {
        doctor_say(doctor, DOCTOR_NOTE, "dead-man switch",
                   "is missing: without the component the program would start, "
                   "and not check; see default_properties in the example configuration");
    }
}

/*
 * As a provider the component cannot see what else its section says: OpenSSL only answers questions for a key. As a
 * configuration module it can, and refuses everybody.
 */
static void look_at_keys(struct doctor *doctor, CONF *conf, const char *section, bool provider)
{
    static const char *const known[] = { "config",   "default_properties", "path",     "module",
                                         "activate", "identity",           "soft_load" };
    size_t last = provider ? sizeof known / sizeof known[0] : 3;
    STACK_OF(CONF_VALUE) *values = NCONF_get_section(conf, section);

    for (int i = 0; values != NULL && i < sk_CONF_VALUE_num(values); i++) {
        const CONF_VALUE *value = sk_CONF_VALUE_value(values, i);
        size_t at = 0;

        while (at < last && strcmp(value->name, known[at]) != 0) {
            at++;
        }
        if (at == last) {
            doctor_say(doctor, provider ? DOCTOR_BAD : DOCTOR_NOTE, "openssl.cnf",
                       "[%s] has \"%s = %s\", %s; its keys "
                       "are config and default_properties",
                       section, value->name, value->value,
                       provider ? "which the component as a provider cannot see" : "for which everybody is refused");
        }
    }
}

/* OpenSSL takes every line of this section for a module, and stops at the first that it does not find. */
static void look_for_diagnostics(struct doctor *doctor, CONF *conf, const char *init)
{
    if (section_value(conf, init, "config_diagnostics") != NULL) {
        doctor_say(doctor, DOCTOR_BAD, "openssl.cnf",
                   "[%s] has config_diagnostics, which OpenSSL takes for a module "
                   "there, and stops; move it to the top of the file, before every section",
                   init);
    }
}

void doctor_openssl_conf(struct doctor *doctor, const struct doctor_view *view, char **component, char **config)
{
    char *name = view->openssl_conf != NULL ? tool_format("%s", view->openssl_conf)
                                            : tool_format("%s/openssl.cnf", X509_get_default_cert_area());
    char *path = tool_format("%s%s", view->root, name);
    CONF *conf = NCONF_new(NULL);
    long line = 0;
    const char *init = NULL, *section = NULL, *module = NULL, *key = "path";

    *component = *config = NULL;
    if (conf == NULL) {
        tool_out_of_memory();
    }
    if (NCONF_load(conf, path, &line) != 1) {
        if (line > 0) {
            doctor_say(doctor, DOCTOR_BAD, "openssl.cnf",
                       "%s:%ld: cannot be parsed, and OpenSSL then goes on "
                       "without it",
                       name, line);
        } else {
            doctor_say(doctor, errno == EACCES ? DOCTOR_UNKNOWN : DOCTOR_BAD, "openssl.cnf", "%s cannot be read: %s",
                       name, strerror(errno));
        }
        ERR_clear_error();
        goto out;
    }
    init = init_section(conf, view);
    section = component_section(conf, init, key);
    if (section == NULL) {
        key = "module";
        section = component_section(conf, section_value(conf, init, "providers"), key);
    }
    if (section == NULL) {
        doctor_say(doctor, DOCTOR_BAD, "openssl.cnf",
                   "%s%s does not name clientct.so in the section that %s reads "
                   "(%s)",
                   name, view->openssl_conf == NULL ? ", the system's, since OPENSSL_CONF is not set," : "",
                   view->program, init != NULL ? init : "there is no openssl_conf line");
        goto out;
    }
    module = section_value(conf, section, key);
    *component = tool_format("%s", module);
    module = section_value(conf, section, "config");
    *config = tool_format("%s", module != NULL ? module : CLIENTCT_DEFAULT_CONFIG);
    doctor_say(doctor, DOCTOR_GOOD, "openssl.cnf", "%s names %s", name, *component);
    look_for_diagnostics(doctor, conf, init);
    look_at_keys(doctor, conf, section, strcmp(key, "module") == 0);
    look_at_switch(doctor, conf, init);
out:
    NCONF_free(conf);
    free(path);
    free(name);
}

char *doctor_clientct_conf(struct doctor *doctor, const char *config)
{
    struct ct_snapshot *snapshot = ct_snapshot_read(config, NULL);
    char *metrics = NULL;

    if (snapshot == NULL) {
        tool_out_of_memory();
    }
    if (snapshot->config == NULL || (snapshot->book == NULL && snapshot->config->settings.mode != CLIENTCT_MODE_OFF)) {
        /* It refuses then, which is on; but nobody wants that. */
        doctor_say(doctor, DOCTOR_NOTE, "clientct.cnf", "a server that starts now refuses every client certificate: %s",
                   snapshot->why);
    } else if (snapshot->config->settings.mode == CLIENTCT_MODE_OFF) {
        doctor_say(doctor, DOCTOR_BAD, "clientct.cnf", "%s says mode = off: nothing is checked", config);
    } else if (snapshot->config->settings.mode == CLIENTCT_MODE_REPORT) {
        doctor_say(doctor, DOCTOR_NOTE, "clientct.cnf", "%s says mode = report: everything is checked, nothing refused",
                   config);
    } else {
        doctor_say(doctor, DOCTOR_GOOD, "clientct.cnf", "%s is usable; mode = enforce", config);
    }
    if (snapshot->config != NULL && snapshot->config->settings.metrics.path != NULL) {
        metrics = tool_format("%s", snapshot->config->settings.metrics.path);
    }
    ct_snapshot_release(snapshot);
    return metrics;
}

/* Where the shell would find it, to be freed; NULL: nowhere. */
static char *find_command(const char *command)
{
    const char *path = getenv("PATH");
    char *copy = tool_format("%s", path != NULL ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
    char *save = NULL, *found = NULL;
    struct stat st;

    if (strchr(command, '/') != NULL) {
        found = stat(command, &st) == 0 ? tool_format("%s", command) : NULL;
    } else {
        for (char *dir = strtok_r(copy, ":", &save); dir != NULL && found == NULL; dir = strtok_r(NULL, ":", &save)) {
            found = tool_format("%s/%s", dir, command);
            if (stat(found, &st) != 0 || !S_ISREG(st.st_mode)) {
                free(found);
                found = NULL;
            }
        }
    }
    free(copy);
    return found;
}

static void look_at_component(struct doctor *doctor, const char *component, const char *libcrypto)
{
    struct ct_file_stamp stamp = ct_file_stamp_of(component);
    char needed[32];

    if (stamp.error != 0) {
        doctor_say(doctor, DOCTOR_BAD, "component", "%s cannot be found: %s", component, strerror(stamp.error));
        return;
    }
    doctor_libcrypto_of(component, needed);
    if (libcrypto[0] != '\0' && needed[0] != '\0' && strcmp(libcrypto, needed) != 0) {
        doctor_say(doctor, DOCTOR_BAD, "component", "%s is built for %s, the program uses %s", component, needed,
                   libcrypto);
    } else {
        doctor_say(doctor, DOCTOR_GOOD, "component", "%s is there (%s)", component, needed);
    }
}

void doctor_command(struct doctor *doctor, const char *command, const char *config)
{
    char *path = find_command(command);
    const char *name = strrchr(command, '/') != NULL ? strrchr(command, '/') + 1 : command;
    struct doctor_view view = { name, getenv("OPENSSL_CONF"), "" };
    char *component = NULL, *named = NULL;
    char libcrypto[32];

    if (path == NULL) {
        doctor_say(doctor, DOCTOR_BAD, "program", "%s cannot be found", command);
        return;
    }
    doctor_libcrypto_of(path, libcrypto);
    if (libcrypto[0] != '\0') {
        doctor_say(doctor, DOCTOR_NOTE, "program", "%s uses %s", path, libcrypto);
    } else {
        doctor_say(doctor, DOCTOR_NOTE, "program",
                   "%s does not name libcrypto itself: it loads it with a module, has "
                   "an OpenSSL of its own, or none",
                   path);
    }
    if (doctor_ignores_environment(path)) {
        doctor_say(doctor, view.openssl_conf != NULL ? DOCTOR_BAD : DOCTOR_NOTE, "privileges",
                   "%s is setuid, setgid or has file capabilities, so it ignores OPENSSL_CONF", path);
        view.openssl_conf = NULL;
    }
    doctor_openssl_conf(doctor, &view, &component, &named);
    if (component != NULL) {
        look_at_component(doctor, component, libcrypto);
    }
    if (config != NULL && named != NULL && strcmp(config, named) != 0) {
        doctor_say(doctor, DOCTOR_BAD, "clientct.cnf", "openssl.cnf names %s, not %s", named, config);
    }
    if (named != NULL || config != NULL) {
        free(doctor_clientct_conf(doctor, config != NULL ? config : named));
    }
    free(component);
    free(named);
    free(path);
}
