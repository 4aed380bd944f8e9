#include "server_names.h"

#include <stdatomic.h>
#include <string.h>

#include <openssl/crypto.h>

#include "connection.h"

static const char magic[16] = "clientct names1";

/* As `struct slot` of connection.c: believed only when magic and owner fit. */
struct names {
    char magic[sizeof magic];
    const SSL *owner;
    const BIO *bio; /* where the ClientHello came from, */
    uint64_t read;  /* and how much had come by then: less of it, or another one, is a new connection */
    size_t count;   /* one more than there is room for: there were too many */
    char *names[CLIENTCT_SERVER_NAMES_MAX]; /* in the order of their first appearance; NULL: no name was given */
};

typedef int (*security_callback)(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex);

static int names_index = -1;
static _Atomic(security_callback) wrapped;

static struct names *own_names(void *pointer, const SSL *ssl)
{
    struct names *names = pointer;

    return names != NULL && memcmp(names->magic, magic, sizeof magic) == 0 && names->owner == ssl ? names : NULL;
}

static void forget_all(struct names *names)
{
    for (size_t i = 0; i < CLIENTCT_SERVER_NAMES_MAX; i++) {
        OPENSSL_free(names->names[i]);
        names->names[i] = NULL;
    }
    names->count = 0;
}

static void on_ssl_free(void *parent, void *pointer, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    struct names *names = own_names(pointer, parent);

    if (names != NULL) {
        forget_all(names);
        OPENSSL_cleanse(names, sizeof *names);
        OPENSSL_free(names);
    }
}

static struct names *names_of(SSL *ssl)
{
    struct names *names = own_names(SSL_get_ex_data(ssl, names_index), ssl);

    if (names != NULL) {
        return names;
    }
    names = OPENSSL_zalloc(sizeof *names);
    if (names == NULL) {
        return NULL;
    }
    memcpy(names->magic, magic, sizeof magic);
    names->owner = ssl;
    if (!SSL_set_ex_data(ssl, names_index, names)) {
        OPENSSL_free(names);
        return NULL;
    }
    return names;
}

static bool same_name(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_noted(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count && i < CLIENTCT_SERVER_NAMES_MAX; i++) {
        if (same_name(names->names[i], name)) {
            return true;
        }
    }
    return false;
}

/* An SSL object may be cleared and used for another connection, and there is no callback for that. */
static void follow_connection(struct names *names, const SSL *ssl)
{
    BIO *bio = SSL_get_rbio(ssl);
    uint64_t read = bio != NULL ? BIO_number_read(bio) : 0;

    if (bio != names->bio || read < names->read) {
        forget_all(names);
    }
    names->bio = bio;
    names->read = read;
}

/* False when memory is short. */
static bool note(SSL *ssl)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    struct names *names = names_of(ssl);

    if (names == NULL) {
        return false;
    }
    follow_connection(names, ssl);
    if (names->count > CLIENTCT_SERVER_NAMES_MAX || is_noted(names, name)) {
        return true;
    }
    if (names->count < CLIENTCT_SERVER_NAMES_MAX && name != NULL &&
        (names->names[names->count] = OPENSSL_strdup(name)) == NULL) {
        return false;
    }
    names->count++;
    return true;
}

static int on_security_question(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex)
{
    security_callback previous = atomic_load_explicit(&wrapped, memory_order_relaxed);

    if (ssl != NULL && SSL_is_server(ssl)) {
        /* Asked in every full handshake, when the ClientHello's extensions are read: in TLS 1.3, and up to TLS 1.2. */
        if (((op & SSL_SECOP_OTHER_TYPE) == SSL_SECOP_OTHER_CURVE || op == SSL_SECOP_CIPHER_SHARED) &&
            !note((SSL *)ssl)) {
            return 0; /* what cannot be noted is not let in */
        }
        if (op == SSL_SECOP_SIGALG_CHECK) {
            /* CertificateVerify: the chain is judged, and an application has had its chance to judge it again. */
            ct_connection_forget((SSL *)ssl);
        }
    }
    return previous(ssl, ctx, op, bits, nid, other, ex);
}

bool ct_server_names_register(void)
{
    names_index = ct_connection_new_index(on_ssl_free);
    return names_index >= 0;
}

void ct_server_names_watch(SSL_CTX *ctx)
{
    security_callback found = SSL_CTX_get_security_callback(ctx);
    security_callback first = NULL;

    /* libssl's own, always the same one: nobody else can have been here before us. */
    if (found != NULL && found != on_security_question &&
        (atomic_compare_exchange_strong(&wrapped, &first, found) || first == found)) {
        SSL_CTX_set_security_callback(ctx, on_security_question);
    }
}

void ct_server_names_get(SSL *ssl, struct clientct_input *input)
{
    struct names *names = own_names(SSL_get_ex_data(ssl, names_index), ssl);

    input->server_name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (names != NULL) {
        input->shown_server_names = (const char *const *)names->names;
        input->shown_server_name_count = names->count;
    }
}
