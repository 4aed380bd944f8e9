/* SPDX-License-Identifier: Apache-2.0 */
#include "server_names.h"

#include <string.h>

#include <openssl/crypto.h>

#include "connection.h"

static bool same_name(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_noted(const struct ct_connection *connection, const char *name)
{
    for (size_t i = 0; i < connection->name_count && i < CLIENTCT_SERVER_NAMES_MAX; i++) {
        if (same_name(connection->names[i], name)) {
            return true;
        }
    }
    return false;
}

/*
 * An SSL object may be cleared and used for another connection, and there is no callback for that; but then less has
 * been read than before, or from elsewhere.
 */
static void follow(struct ct_connection *connection, const SSL *ssl)
{
    BIO *bio = SSL_get_rbio(ssl);
    uint64_t read = bio != NULL ? BIO_number_read(bio) : 0;

    if (bio != connection->bio || read < connection->read) {
        for (size_t i = 0; i < CLIENTCT_SERVER_NAMES_MAX; i++) {
            OPENSSL_free(connection->names[i]);
            connection->names[i] = NULL;
        }
        connection->name_count = 0;
    }
    connection->bio = bio;
    connection->read = read;
}

bool ct_server_names_note(SSL *ssl)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    struct ct_connection *connection = ct_connection_make(ssl);

    if (connection == NULL) {
        return false;
    }
    follow(connection, ssl);
    if (connection->name_count > CLIENTCT_SERVER_NAMES_MAX || is_noted(connection, name)) {
        return true;
    }
    if (connection->name_count < CLIENTCT_SERVER_NAMES_MAX && name != NULL &&
        (connection->names[connection->name_count] = OPENSSL_strdup(name)) == NULL) {
        return false;
    }
    connection->name_count++;
    return true;
}

void ct_server_names_get(const SSL *ssl, struct clientct_input *input)
{
    const struct ct_connection *connection = ct_connection_get0(ssl);

    input->server_name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (connection != NULL) {
        input->shown_server_names = (const char *const *)connection->names;
        input->shown_server_name_count = connection->name_count;
    }
}
