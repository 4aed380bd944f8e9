/* clientct doctor: findings, and the places where they are made. */
#ifndef CT_TOOL_DOCTOR_H
#define CT_TOOL_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

enum doctor_status {
    DOCTOR_GOOD,
    DOCTOR_NOTE,    /* worth knowing, whatever the answer */
    DOCTOR_UNKNOWN, /* could not be looked at */
    DOCTOR_BAD,     /* clientct is not on because of this */
    DOCTOR_STATUS_COUNT
};

/* What has been found so far. */
struct doctor {
    json_t *findings; /* to be freed */
    bool json;
    size_t counts[DOCTOR_STATUS_COUNT];
};

/* `check` is a stable name. Printed at once, unless JSON is wanted. */
void doctor_say(struct doctor *doctor, enum doctor_status status, const char *check, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A running process, and its children. `config` NULL: as its openssl.cnf says. */
void doctor_process(struct doctor *doctor, pid_t pid, const char *config);
/* A program that is not started yet, with the environment of this process. */
void doctor_command(struct doctor *doctor, const char *command, const char *config);

struct doctor_probe {
    const char *address;           /* HOST:PORT */
    const char *certificate, *key; /* files; no log has the certificate */
};
/* Connects with TLS 1.2 and 1.3 and sees what becomes of the certificate. */
void doctor_probe(struct doctor *doctor, const struct doctor_probe *probe);

/* Where a program finds its OpenSSL configuration, and the prefix ("" or a root directory) where we see its files. */
struct doctor_view {
    const char *program;      /* last part of its name */
    const char *openssl_conf; /* NULL: the system's */
    const char *root;
};
/*
 * Looks at the openssl.cnf and at what it names. *component and *config are set to what it says, to be freed; NULL
 * where it names none.
 */
void doctor_openssl_conf(struct doctor *doctor, const struct doctor_view *view, char **component, char **config);
/* Looks at clientct.cnf as a server would read it; its metrics directory, to be freed, or NULL. */
char *doctor_clientct_conf(struct doctor *doctor, const char *config);
/* Programs that are setuid, setgid or have capabilities of their own ignore OPENSSL_CONF. */
bool doctor_ignores_environment(const char *executable);
/* "libcrypto.so.3", from the bytes of a program or library; "" where it names none. */
void doctor_libcrypto_of(const char *path, char out[32]);

#endif
