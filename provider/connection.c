/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"

#include <string.h>

#include <openssl/crypto.h>

#include "ex_index.h"
#include "open_contexts.h"

/*
 * ex_data slots are not private: FreeRADIUS uses the indices 10 to 17 of SSL
 * objects without asking for them, and its pointer in our slot once read as
 * "SCTs came". So we ask until we get an index beyond such habits, and believe
 * a slot only when magic and owner fit.
 */
#define FIRST_QUIET_INDEX 65

static const char magic[16] = "clientct slot 2";

static int slot_index = -1;
static ct_connection_end *ended;

static struct ct_connection *own_slot(void *pointer, const SSL *ssl)
{
    struct ct_connection *connection = pointer;

    if (connection == NULL || memcmp(connection->magic, magic, sizeof magic) != 0 || connection->owner != ssl) {
        return NULL;
    }
    return connection;
}

static void on_ssl_free(void *parent, void *pointer, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    struct ct_connection *connection;

    if (index != slot_index) {
        return;
    }
    ct_open_contexts_over();
    if ((connection = own_slot(pointer, parent)) == NULL) {
        return;
    }
    ended(parent, connection);
    for (size_t i = 0; i < CLIENTCT_SERVER_NAMES_MAX; i++) {
        OPENSSL_free(connection->names[i]);
    }
    OPENSSL_free(connection->scts);
    SSL_SESSION_free(connection->promised);
    OPENSSL_cleanse(connection, sizeof *connection);
    OPENSSL_free(connection);
}

/* Without this SSL_dup would leave two connections with one slot, freed twice. */
static int on_ssl_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **from_d, int index, long argl, void *argp)
{
    if (index == slot_index) {
        *from_d = NULL;
    }
    return 1;
}

bool ct_connection_register(ct_connection_end *end)
{
    ended = end;
    return ct_ex_index_take(CRYPTO_EX_INDEX_SSL, &slot_index, FIRST_QUIET_INDEX, NULL, on_ssl_dup, on_ssl_free);
}

struct ct_connection *ct_connection_get0(const SSL *ssl)
{
    return own_slot(SSL_get_ex_data(ssl, slot_index), ssl);
}

struct ct_connection *ct_connection_make(SSL *ssl)
{
    struct ct_connection *connection = ct_connection_get0(ssl);

    if (connection != NULL) {
        return connection;
    }
    connection = OPENSSL_zalloc(sizeof *connection);
    if (connection == NULL) {
        return NULL;
    }
    memcpy(connection->magic, magic, sizeof magic);
    connection->owner = ssl;
    if (!SSL_set_ex_data(ssl, slot_index, connection)) {
        OPENSSL_free(connection);
        return NULL;
    }
    return connection;
}

bool ct_connection_set1_scts(SSL *ssl, const uint8_t *bytes, size_t len)
{
    struct ct_connection *connection = ct_connection_make(ssl);

    if (connection == NULL) {
        return false;
    }
    ct_connection_forget_scts(ssl);
    connection->scts = OPENSSL_malloc(len + 1); /* an empty extension is something, too */
    if (connection->scts == NULL) {
        return false;
    }
    if (len > 0) {
        memcpy(connection->scts, bytes, len);
    }
    connection->scts_len = len;
    SSL_get_client_random(ssl, connection->client_random, sizeof connection->client_random);
    return true;
}

const uint8_t *ct_connection_get0_scts(const SSL *ssl, size_t *len)
{
    const struct ct_connection *connection = ct_connection_get0(ssl);
    unsigned char client_random[SSL3_RANDOM_SIZE];

    *len = 0;
    /* An SSL object may have been cleared and used again since; there is no callback for that. */
    if (connection == NULL || connection->scts == NULL ||
        SSL_get_client_random(ssl, client_random, sizeof client_random) != sizeof client_random ||
        memcmp(client_random, connection->client_random, sizeof client_random) != 0) {
        return NULL;
    }
    *len = connection->scts_len;
    return connection->scts;
}

void ct_connection_forget_scts(SSL *ssl)
{
    struct ct_connection *connection = ct_connection_get0(ssl);

    if (connection != NULL) {
        OPENSSL_free(connection->scts);
        connection->scts = NULL;
        connection->scts_len = 0;
    }
}
