#include "connection.h"

#include <string.h>

#include <openssl/crypto.h>

/*
 * ex_data slots are not private: FreeRADIUS uses the indices 10 to 17 of SSL
 * objects without asking for them, and its pointer in our slot once read as
 * "SCTs came". So we ask until we get an index beyond such habits, and believe
 * a slot only when magic and owner fit.
 */
#define LAST_CROWDED_INDEX 64

static const char magic[16] = "clientct slot 1";

struct slot {
    char magic[sizeof magic];
    const SSL *owner;
    unsigned char client_random[SSL3_RANDOM_SIZE]; /* of the handshake that brought the bytes */
    size_t len;
    uint8_t bytes[];
};

static int slot_index = -1;

static struct slot *own_slot(void *pointer, const SSL *ssl)
{
    struct slot *slot = pointer;

    if (slot == NULL || memcmp(slot->magic, magic, sizeof magic) != 0 || slot->owner != ssl) {
        return NULL;
    }
    return slot;
}

static void slot_free(struct slot *slot)
{
    if (slot != NULL) {
        OPENSSL_cleanse(slot, sizeof *slot);
        OPENSSL_free(slot);
    }
}

static void on_ssl_free(void *parent, void *pointer, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    slot_free(own_slot(pointer, parent));
}

/* Without this SSL_dup would leave two connections with one slot, freed twice. */
static int on_ssl_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **from_d, int index, long argl, void *argp)
{
    *from_d = NULL;
    return 1;
}

int ct_connection_new_index(CRYPTO_EX_free *on_free)
{
    static bool crowd_passed;

    while (!crowd_passed) { /* without callbacks: what applications put there is not ours to look at */
        int index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);

        if (index < 0) {
            return -1;
        }
        crowd_passed = index >= LAST_CROWDED_INDEX;
    }
    return SSL_get_ex_new_index(0, NULL, NULL, on_ssl_dup, on_free);
}

bool ct_connection_register(void)
{
    slot_index = ct_connection_new_index(on_ssl_free);
    return slot_index >= 0;
}

bool ct_connection_set1_scts(SSL *ssl, const uint8_t *bytes, size_t len)
{
    struct slot *slot;

    ct_connection_forget(ssl);
    slot = OPENSSL_malloc(sizeof *slot + len);
    if (slot == NULL) {
        return false;
    }
    memcpy(slot->magic, magic, sizeof magic);
    slot->owner = ssl;
    SSL_get_client_random(ssl, slot->client_random, sizeof slot->client_random);
    slot->len = len;
    if (len > 0) {
        memcpy(slot->bytes, bytes, len);
    }
    if (!SSL_set_ex_data(ssl, slot_index, slot)) {
        slot_free(slot);
        return false;
    }
    return true;
}

const uint8_t *ct_connection_get0_scts(const SSL *ssl, size_t *len)
{
    const struct slot *slot = own_slot(SSL_get_ex_data(ssl, slot_index), ssl);
    unsigned char client_random[SSL3_RANDOM_SIZE];

    /* An SSL object may have been cleared and used again since; there is no callback for that. */
    if (slot != NULL && (SSL_get_client_random(ssl, client_random, sizeof client_random) != sizeof client_random ||
                         memcmp(client_random, slot->client_random, sizeof client_random) != 0)) {
        slot = NULL;
    }
    *len = slot != NULL ? slot->len : 0;
    return slot != NULL ? slot->bytes : NULL;
}

void ct_connection_forget(SSL *ssl)
{
    struct slot *slot = own_slot(SSL_get_ex_data(ssl, slot_index), ssl);

    if (slot != NULL) {
        SSL_set_ex_data(ssl, slot_index, NULL);
        slot_free(slot);
    }
}
