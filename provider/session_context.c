/* SPDX-License-Identifier: Apache-2.0 */
#include "session_context.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/tls1.h>

#include "connection.h"
#include "errors.h"
#include "ex_index.h"
#include "process_checker.h"
#include "sct_extension.h"
#include "status.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_SECOND INT64_C(1000000000)
#define NAME_LEN_MAX TLSEXT_MAXLEN_host_name

_Static_assert(SSL_MAX_SID_CTX_LENGTH == 32, "a session-ID context is a SHA-256");

/* As in connection.c: believed only when magic and owner fit, and beyond the numbers that applications just take. */
#define FIRST_QUIET_INDEX 65
static const char magic[16] = "clientct ctx 1";

struct slot {
    char magic[sizeof magic];
    const SSL_CTX *owner;
    struct ct_origin origin;
    atomic_bool overwritten; /* the application has given a session of ours another context, after its verdict */
};

static int slot_index = -1;

struct window {
    int64_t number;  /* since the SSL_CTX was made */
    int64_t clock_s; /* between the two clocks: another number after the wall clock was set */
    int64_t wall_ms;
    int64_t left_ms; /* at least that much of the window is still to come */
};

static bool read_clock(clockid_t clock, int64_t *ns)
{
    struct timespec now;

    if (clock_gettime(clock, &now) != 0) {
        return false;
    }
    *ns = (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
    return true;
}

/* By a clock that nobody can set, and that goes on while the machine sleeps. */
static bool find_window(const struct ct_origin *origin, const struct clientct_terms *terms, struct window *window)
{
    int64_t boot_ns, wall_ns, age_ms;

    if (terms->window_ms <= 0 || !read_clock(CLOCK_BOOTTIME, &boot_ns) || !read_clock(CLOCK_REALTIME, &wall_ns) ||
        boot_ns < origin->born_ns) {
        return false;
    }
    age_ms = (boot_ns - origin->born_ns) / NS_PER_MS;
    window->number = age_ms / terms->window_ms;
    window->left_ms = terms->window_ms - age_ms % terms->window_ms;
    window->wall_ms = wall_ns / NS_PER_MS;
    window->clock_s = (wall_ns - boot_ns) / NS_PER_SECOND;
    return true;
}

_Static_assert(sizeof(struct ct_ingredients) ==
                   16 + sizeof(struct ct_origin) + 32 + 4 * 8 + CT_NAME_HEAD_LEN + NAME_LEN_MAX + 4,
               "no padding, which has no value");

static void name_as_sent(struct ct_ingredients *to, const uint8_t *name, size_t len)
{
    to->name_len = len;
    memcpy(to->name, name, len);
}

/* The one form in which libssl takes a name, so that it need not be read to be compared. */
static bool name_as_it_would_be_sent(struct ct_ingredients *to, const char *name)
{
    size_t len = name != NULL ? strlen(name) : 0;

    if (name == NULL) {
        to->name_len = UINT64_MAX;
        return true;
    }
    if (len > NAME_LEN_MAX) {
        return false;
    }
    to->name[0] = (uint8_t)((len + 3) >> 8);
    to->name[1] = (uint8_t)(len + 3);
    to->name[2] = TLSEXT_NAMETYPE_host_name;
    to->name[3] = (uint8_t)(len >> 8);
    to->name[4] = (uint8_t)len;
    memcpy(to->name + CT_NAME_HEAD_LEN, name, len);
    to->name_len = CT_NAME_HEAD_LEN + len;
    return true;
}

/* Fetched once, which costs as much as using it; kept for good, where leak checkers find it. */
static const EVP_MD *sha256(void)
{
    static _Atomic(EVP_MD *) fetched;
    EVP_MD *none = NULL;
    EVP_MD *md = atomic_load_explicit(&fetched, memory_order_acquire);

    if (md == NULL && (md = EVP_MD_fetch(NULL, "SHA256", NULL)) != NULL &&
        !atomic_compare_exchange_strong(&fetched, &none, md)) {
        EVP_MD_free(md);
        md = none;
    }
    return md;
}

static void fill(struct ct_ingredients *of, const struct ct_origin *origin, const struct clientct_terms *terms,
                 const struct window *window)
{
    memcpy(of->label, "clientct session", sizeof of->label);
    of->origin = *origin;
    memcpy(of->digest, terms->digest, sizeof of->digest);
    of->window = window->number;
    of->window_ms = terms->window_ms;
    of->clock_s = window->clock_s;
}

static size_t used_len(const struct ct_ingredients *of)
{
    return offsetof(struct ct_ingredients, name) + (of->name_len == UINT64_MAX ? 0 : of->name_len);
}

static struct slot *own_slot(void *pointer, const SSL_CTX *ctx)
{
    struct slot *slot = pointer;

    return slot != NULL && memcmp(slot->magic, magic, sizeof magic) == 0 && slot->owner == ctx ? slot : NULL;
}

static struct slot *slot_of(const SSL *ssl)
{
    SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);

    return own_slot(SSL_CTX_get_ex_data(ctx, slot_index), ctx);
}

static const struct ct_origin *origin_of(const SSL *ssl)
{
    const struct slot *slot = slot_of(ssl);

    return slot != NULL ? &slot->origin : NULL;
}

/* For the connection, and for the session that it may make. */
static void give(SSL *ssl, struct ct_connection *connection, const uint8_t *context, size_t len)
{
    SSL_set_session_id_context(ssl, context, (unsigned)len);
    if (connection != NULL) {
        memcpy(connection->given_context, context, len);
        connection->given_context_len = (unsigned)len;
        memcpy(connection->kept_context, context, len);
        connection->kept_context_len = (unsigned)len;
    }
}

/*
 * What the client will say is not known: no session with a verdict has this context. Where nothing opens the door
 * before libssl looks for the session (a renegotiation, a method of one version only), none is resumed. Clients
 * without certificates, of whom no verdict was made, may resume sessions of each other's kind.
 */
static void close_door(SSL *ssl, struct ct_connection *connection, const struct ct_origin *origin)
{
    uint8_t nobodys[SSL_MAX_SID_CTX_LENGTH] = { 0 };

    if (connection != NULL) {
        connection->of.label[0] = '\0'; /* as no context of ours has it */
    }
    if (origin != NULL) {
        give(ssl, connection, origin->id, sizeof origin->id);
    } else {
        (void)RAND_bytes(nobodys, sizeof nobodys); /* if not, they are all alike, and the verdict parts them */
        give(ssl, connection, nobodys, sizeof nobodys);
    }
}

/* The ClientHello is there, and the session that it offers has not been looked for. False: the door is to be closed. */
static bool open_door(SSL *ssl, struct ct_connection *connection, const struct ct_origin *origin,
                      const struct clientct_terms *terms)
{
    struct ct_ingredients of = { .name_len = UINT64_MAX };
    uint8_t context[SSL_MAX_SID_CTX_LENGTH];
    struct window window;
    const uint8_t *name;
    size_t len;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &name, &len)) {
        if (len > CT_NAME_HEAD_LEN + NAME_LEN_MAX) {
            return false; /* libssl will not take it either */
        }
        name_as_sent(&of, name, len);
    }
    if (!find_window(origin, terms, &window)) {
        return false;
    }
    fill(&of, origin, terms, &window);
    if (EVP_Digest(&of, used_len(&of), context, NULL, sha256(), NULL) != 1) {
        return false;
    }
    /* Another name after a HelloRetryRequest: a server may have acted on the first one. */
    if (connection->opened && memcmp(context, connection->given_context, sizeof context) != 0) {
        return false;
    }
    connection->of = of;
    connection->opened = true;
    give(ssl, connection, context, sizeof context);
    return true;
}

/* There has been a handshake on the connection. */
static bool has_been_shaken(const SSL *ssl)
{
    uint8_t byte;

    return SSL_get_peer_finished(ssl, &byte, 1) > 0;
}

/* TLS 1.3: no ClientHello comes any more, and what the session has is to stay. */
static bool is_after_handshake(const SSL *ssl)
{
    return SSL_version(ssl) == TLS1_3_VERSION && has_been_shaken(ssl);
}

static void on_client_hello(SSL *ssl, struct clientct_checker *checker)
{
    struct ct_connection *connection = ct_connection_make(ssl);
    const struct ct_origin *origin = origin_of(ssl);
    struct clientct_terms terms = { 0 }; /* which refuse */

    if (checker != NULL) {
        clientct_checker_reload(checker, CLIENTCT_AT_HANDSHAKE);
        clientct_checker_get_terms(checker, &terms);
    }
    if (terms.resumption != CLIENTCT_RESUMPTION_ALLOW &&
        (terms.resumption != CLIENTCT_RESUMPTION_CHECKED || origin == NULL || connection == NULL ||
         !open_door(ssl, connection, origin, &terms))) {
        close_door(ssl, connection, origin);
    }
}

static void forget_promise(struct ct_connection *connection)
{
    SSL_SESSION_free(connection->promised);
    connection->promised = NULL;
}

static void on_beginning(SSL *ssl, struct clientct_checker *checker)
{
    struct ct_connection *connection = ct_connection_make(ssl);
    struct clientct_terms terms = { 0 };

    if (checker != NULL) {
        clientct_checker_get_terms(checker, &terms);
    }
    if (connection != NULL) {
        forget_promise(connection);
        connection->judged = 0;
        connection->opened = false;
        connection->given_context_len = 0;
        connection->kept_context_len = 0;
    }
    if (terms.resumption != CLIENTCT_RESUMPTION_ALLOW) {
        /* Apache renegotiates with a context of its own to have a full handshake: that it must be with ours, too. */
        close_door(ssl, connection, has_been_shaken(ssl) ? NULL : origin_of(ssl));
    }
}

static void look(SSL *ssl, int op, int nid)
{
    const uint8_t *random;

    if (SSL_client_hello_get0_random(ssl, &random) != 0) {
        /* In TLS 1.3 it is asked for the cipher, too. */
        if (op != SSL_SECOP_VERSION || nid != TLS1_3_VERSION) {
            on_client_hello(ssl, ct_process_checker_get0());
        }
    } else if (op == SSL_SECOP_VERSION && !is_after_handshake(ssl)) {
        on_beginning(ssl, ct_process_checker_get0());
    }
}

void ct_session_context_asked(SSL *ssl, int op, int nid)
{
    int saved_errno = errno;
    OSSL_LIB_CTX *threads_own = ct_process_checker_enter();
    struct ct_errors_kept kept;

    ct_errors_keep(&kept);
    look(ssl, op, nid);
    ct_errors_put_back(&kept);
    ct_process_checker_leave(threads_own);
    errno = saved_errno;
}

/* A resumed connection is not verified; it is seen only here, where the application has no such callback of its own. */
static void on_message(int writing, int version, int type, const void *message, size_t len, SSL *ssl, void *arg)
{
    if (writing && type == SSL3_RT_HANDSHAKE && len > 0 && *(const uint8_t *)message == SSL3_MT_FINISHED &&
        SSL_is_server(ssl) && SSL_session_reused(ssl) && SSL_SESSION_get0_peer(SSL_get_session(ssl)) != NULL) {
        int saved_errno = errno;
        OSSL_LIB_CTX *threads_own = ct_process_checker_enter();
        struct ct_errors_kept kept;
        struct clientct_checker *checker;

        ct_errors_keep(&kept);
        checker = ct_process_checker_get0();
        ct_status_session(CLIENTCT_SESSION_RESUMED);
        if (checker != NULL) {
            clientct_record_resumption(checker);
        }
        ct_errors_put_back(&kept);
        ct_process_checker_leave(threads_own);
        errno = saved_errno;
    }
}

/*
 * A ticket is about to be made. HAProxy writes its own context into a session that it has put into its cache, and
 * libssl makes the second ticket of a TLS 1.3 handshake from that one: by a copy, which nobody else has yet.
 */
static int on_ticket(SSL *ssl, void *arg)
{
    const struct ct_connection *connection = ct_connection_get0(ssl);

    if (connection != NULL && connection->kept_context_len > 0 && SSL_version(ssl) == TLS1_3_VERSION) {
        return SSL_SESSION_set1_id_context(SSL_get_session(ssl), connection->kept_context,
                                           connection->kept_context_len);
    }
    return 1;
}

/* The session goes into a cache of the server, and not to the client in a ticket. */
static bool is_for_a_cache(const SSL *ssl, const SSL_SESSION *session)
{
    uint64_t options = SSL_get_options(ssl);
    unsigned len = 0;

    if ((options & SSL_OP_NO_TICKET) != 0 ||
        (SSL_get_max_early_data(ssl) > 0 && (options & SSL_OP_NO_ANTI_REPLAY) == 0)) {
        return true;
    }
    (void)SSL_SESSION_get_id(session, &len);
    return SSL_version(ssl) != TLS1_3_VERSION && len > 0;
}

static bool is_overwritten(const SSL *ssl, const SSL_SESSION *session)
{
    const struct slot *slot = slot_of(ssl);

    return slot != NULL && atomic_load_explicit(&slot->overwritten, memory_order_relaxed) &&
           is_for_a_cache(ssl, session);
}

enum ct_session_context ct_session_context_judge(const SSL *ssl, const struct clientct_terms *terms,
                                                 const char *server_name, int64_t holds_until_ms)
{
    const struct ct_connection *connection = ct_connection_get0(ssl);
    const SSL_SESSION *session = SSL_get_session(ssl);
    struct ct_ingredients of = { 0 };
    struct window window;
    const uint8_t *got;
    unsigned len = 0;

    if (connection == NULL || session == NULL) {
        return CT_SESSION_CONTEXT_UNDONE;
    }
    got = SSL_SESSION_get0_id_context(session, &len);
    if (len != connection->given_context_len || memcmp(got, connection->given_context, len) != 0 ||
        is_overwritten(ssl, session)) {
        return CT_SESSION_CONTEXT_UNDONE;
    }
    /* The verdict may be by newer settings than the ClientHello met, or for a name that has changed. */
    if (!connection->opened || !find_window(&connection->of.origin, terms, &window) ||
        !name_as_it_would_be_sent(&of, server_name)) {
        return CT_SESSION_CONTEXT_PASSED;
    }
    fill(&of, &connection->of.origin, terms, &window);
    if (memcmp(&of, &connection->of, used_len(&of)) != 0 || holds_until_ms - window.left_ms < window.wall_ms) {
        return CT_SESSION_CONTEXT_PASSED;
    }
    return CT_SESSION_CONTEXT_HOLDS;
}

void ct_session_context_promise(SSL *ssl)
{
    struct ct_connection *connection = ct_connection_get0(ssl);

    if (connection != NULL && SSL_CTX_sess_get_new_cb(SSL_get_SSL_CTX(ssl)) != NULL) {
        forget_promise(connection);
        connection->promised = SSL_get1_session(ssl);
    }
}

void ct_session_context_ended(const SSL *ssl, const struct ct_connection *connection)
{
    struct slot *slot = connection->promised != NULL ? slot_of(ssl) : NULL;

    if (slot != NULL) {
        unsigned len = 0;
        const uint8_t *has = SSL_SESSION_get0_id_context(connection->promised, &len);

        if (len != connection->given_context_len || memcmp(has, connection->given_context, len) != 0) {
            atomic_store_explicit(&slot->overwritten, true, memory_order_relaxed);
        }
    }
}

bool ct_session_context_part(SSL *ssl)
{
    SSL_SESSION *session = SSL_get_session(ssl);
    struct ct_connection *connection = ct_connection_make(ssl);
    uint8_t nobodys[SSL_MAX_SID_CTX_LENGTH];
    OSSL_LIB_CTX *threads_own = ct_process_checker_enter();
    bool random = RAND_bytes(nobodys, sizeof nobodys) == 1;

    ct_process_checker_leave(threads_own);
    if (session == NULL || connection == NULL || !random) {
        return false;
    }
    forget_promise(connection);
    memcpy(connection->kept_context, nobodys, sizeof nobodys);
    connection->kept_context_len = sizeof nobodys;
    return SSL_SESSION_set1_id_context(session, nobodys, sizeof nobodys) == 1;
}

static void on_ssl_ctx_new(void *parent, void *pointer, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    SSL_CTX *ctx = parent;
    OSSL_LIB_CTX *threads_own;
    struct ct_errors_kept kept;
    struct slot *slot;

    if (index != slot_index || ct_is_for_clients_only(ctx)) {
        return;
    }
    ct_errors_keep(&kept);
    threads_own = ct_process_checker_enter();
    slot = OPENSSL_zalloc(sizeof *slot);
    if (slot != NULL) {
        memcpy(slot->magic, magic, sizeof magic);
        slot->owner = ctx;
    }
    /* Without a slot every door stays closed. */
    if (slot != NULL && (RAND_bytes(slot->origin.id, sizeof slot->origin.id) != 1 ||
                         !read_clock(CLOCK_BOOTTIME, &slot->origin.born_ns) || !CRYPTO_set_ex_data(ad, index, slot))) {
        OPENSSL_free(slot);
    }
    ct_process_checker_leave(threads_own);
    SSL_CTX_set_msg_callback(ctx, on_message);
    SSL_CTX_set_session_ticket_cb(ctx, on_ticket, NULL, NULL);
    ct_errors_put_back(&kept);
}

static void on_ssl_ctx_free(void *parent, void *pointer, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    if (index == slot_index) {
        OPENSSL_free(own_slot(pointer, parent));
    }
}

bool ct_session_context_register(void)
{
    return ct_ex_index_take(CRYPTO_EX_INDEX_SSL_CTX, &slot_index, FIRST_QUIET_INDEX, on_ssl_ctx_new, NULL,
                            on_ssl_ctx_free);
}
