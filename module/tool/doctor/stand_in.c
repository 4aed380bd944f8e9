/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in the program that doctor was asked about, in place of its main(): see stand_in.h. It has no OpenSSL of its own
 * and takes every function from what the program has in it, wherever that came from.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>

#include <clientct/process_status.h>

#include "tool/doctor/stand_in.h"

#define PATIENCE_S 20

/* The functions by which the rehearsal is played. */
/* clang-format off */
#define FUNCTIONS(X) \
    X(OPENSSL_init_ssl) \
    X(OPENSSL_INIT_new) \
    X(OPENSSL_INIT_set_config_appname) \
    X(OPENSSL_INIT_set_config_file_flags) \
    X(OpenSSL_version) \
    X(ERR_get_error_all) \
    X(ERR_error_string_n) \
    X(ERR_reason_error_string) \
    X(TLS_server_method) \
    X(SSL_CTX_new) \
    X(SSL_CTX_use_certificate_ASN1) \
    X(SSL_CTX_use_PrivateKey) \
    X(SSL_CTX_get_cert_store) \
    X(SSL_CTX_set_verify) \
    X(SSL_CTX_set_session_id_context) \
    X(d2i_X509) \
    X(d2i_AutoPrivateKey) \
    X(X509_STORE_add_cert) \
    X(X509_STORE_set_flags) \
    X(SSL_new) \
    X(SSL_set_fd) \
    X(SSL_accept) \
    X(SSL_write) \
    X(SSL_CTX_ctrl) \
    X(SSL_CTX_get_options) \
    X(SSL_CTX_get_security_level) \
    X(SSL_CTX_get_ciphers) \
    X(SSL_CIPHER_get_name) \
    X(OPENSSL_sk_num) \
    X(OPENSSL_sk_value) \
    X(OSSL_PROVIDER_do_all) \
    X(OSSL_PROVIDER_get0_name) \
    X(EVP_default_properties_is_fips_enabled) \
    X(CONF_get1_default_config_file)
/* clang-format on */

static struct {
#define DECLARE(name) __typeof__(&name) name;
    FUNCTIONS(DECLARE)
#undef DECLARE
} its;

static int words = -1;
static dev_t away_device;
static ino_t away_inode;
static bool is_away;

/* libc's own name is what is stood in for. NOLINTNEXTLINE(bugprone-reserved-identifier) */
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end);

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    char line[8192];
    va_list list;
    int len;

    va_start(list, format);
    len = vsnprintf(line, sizeof line - 1, format, list);
    va_end(list);
    len = len < 0 ? 0 : len > (int)sizeof line - 2 ? (int)sizeof line - 2 : len;
    for (int i = 0; i < len; i++) {
        line[i] = line[i] == '\n' ? ' ' : line[i];
    }
    line[len++] = '\n';
    for (ssize_t done = 0; done < len;) {
        ssize_t now = write(words, line + done, (size_t)(len - done));
        if (now <= 0) {
            _exit(1);
        }
        done += now;
    }
}

/* libcrypto loads components by this function: where one is to be away, it cannot be found. */
void *dlopen(const char *file, int flags)
{
    static void *(*real)(const char *, int);
    struct stat st;

    if (real == NULL) {
        real = (void *(*)(const char *, int))(uintptr_t)dlsym(RTLD_NEXT, "dlopen");
    }
    if (is_away && file != NULL && stat(file, &st) == 0 && st.st_dev == away_device && st.st_ino == away_inode) {
        char missing[4096];

        snprintf(missing, sizeof missing, "%s (taken away)", file);
        return real(missing, flags);
    }
    return real(file, flags);
}

static void say_errors(void)
{
    const char *data;
    unsigned long error;
    int flags;
    char text[256];

    for (int i = 0; i < 8 && (error = its.ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0; i++) {
        const char *reason = its.ERR_reason_error_string(error);

        its.ERR_error_string_n(error, text, sizeof text);
        say("error %s%s%.300s", reason != NULL ? reason : text,
            (flags & ERR_TXT_STRING) != 0 && data[0] != '\0' ? ": " : "", (flags & ERR_TXT_STRING) != 0 ? data : "");
    }
}

static bool find_functions(void)
{
    bool all = true;

#define FIND(name) \
    its.name = (__typeof__(&name))(uintptr_t)dlsym(RTLD_DEFAULT, #name); \
    all = all && its.name != NULL;
    FUNCTIONS(FIND)
#undef FIND
    return all;
}

/* The status of a component in this process, and the file that it is of. */
struct found {
    struct ct_process_status *status;
    char path[4096];
};

static struct ct_process_status *status_in(const struct dl_phdr_info *info)
{
    static const char magic[] = CT_PROCESS_STATUS_MAGIC;

    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t at = (uintptr_t)info->dlpi_addr + segment->p_vaddr;
        uintptr_t end = at + segment->p_memsz;

        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) == 0 || (segment->p_flags & PF_R) == 0) {
            continue;
        }
        at = (at + CT_PROCESS_STATUS_ALIGN - 1) / CT_PROCESS_STATUS_ALIGN * CT_PROCESS_STATUS_ALIGN;
        for (; at + sizeof(struct ct_process_status) <= end; at += CT_PROCESS_STATUS_ALIGN) {
            if (memcmp((const void *)at, magic, sizeof magic - 1) == 0) {
                return (struct ct_process_status *)at;
            }
        }
    }
    return NULL;
}

/* One that has handed on to the build for this OpenSSL is not the one that works here. */
static int look_at_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct found *found = arg;
    struct ct_process_status *status = status_in(info);

    if (status != NULL && (found->status == NULL || found->status->attached == CT_ATTACHED_HANDED_ON)) {
        found->status = status;
        snprintf(found->path, sizeof found->path, "%s", info->dlpi_name);
    }
    return 0;
}

static int look_for_libcryptos(struct dl_phdr_info *info, size_t size, void *arg)
{
    const char *ours = arg;
    const char *name = strrchr(info->dlpi_name, '/') != NULL ? strrchr(info->dlpi_name, '/') + 1 : info->dlpi_name;

    if (strncmp(name, "libcrypto", 9) == 0 && strcmp(info->dlpi_name, ours) != 0) {
        say("second %s", info->dlpi_name);
    }
    return 0;
}

static void say_status(const struct found *found)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * sizeof(struct ct_process_status) + 1];
    const unsigned char *bytes = (const unsigned char *)found->status;

    if (found->status == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof(struct ct_process_status); i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[sizeof hex - 1] = '\0';
    say("status %s", hex);
}

static void say_component(struct found *found)
{
    struct stat st;

    dl_iterate_phdr(look_at_object, found);
    if (found->status == NULL) {
        return;
    }
    memset(&st, 0, sizeof st);
    if (stat(found->path, &st) != 0) {
        st.st_ino = 0;
    }
    say("component %llu:%llu %s", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, found->path);
    if (found->status->version == CT_PROCESS_STATUS_VERSION && found->status->size == sizeof *found->status) {
        atomic_store(&found->status->rehearsal, 1);
    } else {
        found->status = NULL;
    }
}

static bool read_all(int fd, void *to, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t now = read(fd, (char *)to + done, len - done);
        if (now <= 0) {
            return false;
        }
        done += (size_t)now;
    }
    return true;
}

static unsigned char blobs[STAND_IN_MATERIAL_COUNT][STAND_IN_BLOB_MAX];
static long blob_lens[STAND_IN_MATERIAL_COUNT];

static bool read_material(int fd)
{
    for (int i = 0; i < STAND_IN_MATERIAL_COUNT; i++) {
        unsigned char head[4];

        if (!read_all(fd, head, sizeof head)) {
            return false;
        }
        blob_lens[i] = (long)head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3];
        if (blob_lens[i] > (long)STAND_IN_BLOB_MAX || !read_all(fd, blobs[i], (size_t)blob_lens[i])) {
            return false;
        }
    }
    return true;
}

static bool trust(SSL_CTX *ctx, enum stand_in_material which)
{
    const unsigned char *at = blobs[which];
    X509 *ca = NULL;

    return blob_lens[which] == 0 || ((ca = its.d2i_X509(NULL, &at, blob_lens[which])) != NULL &&
                                     its.X509_STORE_add_cert(its.SSL_CTX_get_cert_store(ctx), ca) == 1);
}

static SSL_CTX *make_context(void)
{
    SSL_CTX *ctx = its.SSL_CTX_new(its.TLS_server_method());
    const unsigned char *key_at = blobs[STAND_IN_KEY];
    EVP_PKEY *key = NULL;

    if (ctx == NULL ||
        its.SSL_CTX_use_certificate_ASN1(ctx, (int)blob_lens[STAND_IN_CERTIFICATE], blobs[STAND_IN_CERTIFICATE]) != 1 ||
        (key = its.d2i_AutoPrivateKey(NULL, &key_at, blob_lens[STAND_IN_KEY])) == NULL ||
        its.SSL_CTX_use_PrivateKey(ctx, key) != 1 || !trust(ctx, STAND_IN_CA) || !trust(ctx, STAND_IN_OTHER_CA)) {
        return NULL;
    }
    its.X509_STORE_set_flags(its.SSL_CTX_get_cert_store(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    its.SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    its.SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"doctor", 6);
    return ctx;
}

static int say_provider(OSSL_PROVIDER *provider, void *arg)
{
    const char *name = its.OSSL_PROVIDER_get0_name(provider);

    if (strncmp(name, "clientct", 8) != 0) {
        say("setting provider.%s yes", name);
    }
    return 1;
}

/* What the lines of an openssl.cnf make of a context that nobody has told anything else. */
static void say_settings(SSL_CTX *ctx)
{
    const STACK_OF(SSL_CIPHER) *ciphers = its.SSL_CTX_get_ciphers(ctx);
    char list[6000] = "";
    size_t len = 0;

    say("setting MinProtocol 0x%lx", its.SSL_CTX_ctrl(ctx, SSL_CTRL_GET_MIN_PROTO_VERSION, 0, NULL));
    say("setting MaxProtocol 0x%lx", its.SSL_CTX_ctrl(ctx, SSL_CTRL_GET_MAX_PROTO_VERSION, 0, NULL));
    say("setting Options 0x%llx", (unsigned long long)its.SSL_CTX_get_options(ctx));
    say("setting security-level %d", its.SSL_CTX_get_security_level(ctx));
    for (int i = 0; ciphers != NULL && i < its.OPENSSL_sk_num((const OPENSSL_STACK *)ciphers); i++) {
        const char *name = its.SSL_CIPHER_get_name(its.OPENSSL_sk_value((const OPENSSL_STACK *)ciphers, i));

        if (len + strlen(name) + 2 < sizeof list) {
            len += (size_t)sprintf(list + len, "%s%s", len > 0 ? ":" : "", name);
        }
    }
    say("setting CipherString %s", list);
    say("setting fips %d", its.EVP_default_properties_is_fips_enabled(NULL));
    its.OSSL_PROVIDER_do_all(NULL, say_provider, NULL);
}

static void say_file(void)
{
    char *path = its.CONF_get1_default_config_file();
    int fd = path != NULL ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;

    say("file %d %s", fd >= 0 ? 0 : errno, path != NULL ? path : "?");
    if (fd >= 0) {
        close(fd);
    }
}

static void serve(SSL_CTX *ctx, int number, int fd, const struct found *found)
{
    SSL *ssl = its.SSL_new(ctx);
    bool in = ssl != NULL && its.SSL_set_fd(ssl, fd) == 1 && its.SSL_accept(ssl) == 1 &&
              its.SSL_write(ssl, STAND_IN_ANSWER, sizeof STAND_IN_ANSWER - 1) > 0;

    say("client %d %s", number, in ? "in" : "out");
    say_errors();
    say_status(found);
    shutdown(fd, SHUT_RDWR); /* the connection object stays: the process is about to end */
}

static int play(int argc, char **argv, char **environment)
{
    const char *name = argv[4];
    OPENSSL_INIT_SETTINGS *settings = NULL;
    struct found found = { NULL, "" };
    SSL_CTX *ctx;
    Dl_info info = { 0 };
    int number = 0;

    alarm(PATIENCE_S);
    if (argv[5][0] != '\0' && dlopen(argv[5], RTLD_NOW | RTLD_GLOBAL) == NULL) {
        say("absent %s", dlerror());
        _exit(0);
    }
    if (!find_functions()) {
        say("absent it has no OpenSSL 3 or later in it");
        _exit(0);
    }
    dladdr((const void *)(uintptr_t)its.ERR_get_error_all, &info);
    say("library %s, %s", its.OpenSSL_version(0), info.dli_fname != NULL ? info.dli_fname : "?");
    say_file();
    dl_iterate_phdr(look_for_libcryptos, (void *)(info.dli_fname != NULL ? info.dli_fname : ""));
    if (strcmp(name, STAND_IN_NO_CONFIG) != 0 && name[0] != '\0' && (settings = its.OPENSSL_INIT_new()) != NULL) {
        its.OPENSSL_INIT_set_config_appname(settings, name + (name[0] == '='));
        if (name[0] == '=') {
            its.OPENSSL_INIT_set_config_file_flags(settings, CONF_MFLAGS_IGNORE_MISSING_FILE); /* as Node.js does */
        }
    }
    if (its.OPENSSL_init_ssl(strcmp(name, STAND_IN_NO_CONFIG) == 0 ? OPENSSL_INIT_NO_LOAD_CONFIG
                                                                   : OPENSSL_INIT_LOAD_CONFIG,
                             settings) != 1) {
        say("init-failed");
    }
    say_errors();
    say_component(&found);
    ctx = read_material(atoi(argv[2])) ? make_context() : NULL;
    if (ctx == NULL) {
        say("context-failed");
        say_errors();
        say_status(&found);
        _exit(0);
    }
    say_settings(ctx);
    for (char *at = argv[3], *end; *at != '\0'; at = *end != '\0' ? end + 1 : end) {
        serve(ctx, number++, (int)strtol(at, &end, 10), &found);
    }
    say("end");
    _exit(0);
}

static unsigned long long number_before(const char *text, char stop)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);

    return *end == stop ? value : 0;
}

/* Should the C library start main() in another way than by the function below, the program itself would run. */
__attribute__((constructor)) static void take_over(int argc, char **argv, char **environment)
{
    if (dlsym(RTLD_DEFAULT, "__libc_start_main") != (void *)(uintptr_t)__libc_start_main || argc != 7) {
        _exit(125);
    }
    words = atoi(argv[1]);
    if (strchr(argv[6], ':') != NULL) {
        away_device = (dev_t)number_before(argv[6], ':');
        away_inode = (ino_t)number_before(strchr(argv[6], ':') + 1, '\0');
        is_away = true;
    }
}

/* libc's own name is what is stood in for. NOLINTNEXTLINE(bugprone-reserved-identifier) */
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end)
{
    int (*real)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

    real = (__typeof__(real))(uintptr_t)dlsym(RTLD_NEXT, "__libc_start_main");
    return real != NULL ? real(play, argc, argv, init, fini, rtld_fini, stack_end) : 125;
}
