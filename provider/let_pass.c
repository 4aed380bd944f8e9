/* SPDX-License-Identifier: Apache-2.0 */
#include "let_pass.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certificate_mark.h"

/* Connections between their handshake and their verification; where all are taken, one takes the oldest one's place. */
#define SEATS 256

#define SCTS_LEN_MAX 8192 /* longer lists than that are as none */

struct ct_let_pass_entry {
    uint64_t mark;
    struct clientct_input input; /* points to the copies below */
    char *names[CLIENTCT_SERVER_NAMES_MAX];
    char *server_name;
    char *address;
    uint8_t *scts;
};

/* Whoever takes an entry out of its seat is the only one who knows it, so nobody frees what another one reads. */
static struct {
    _Atomic uint64_t mark; /* 0: free; stays while the entry is out */
    _Atomic(struct ct_let_pass_entry *) entry;
} seats[SEATS];

static atomic_uint next_seat;
static atomic_bool happens;

static void entry_free(struct ct_let_pass_entry *entry)
{
    if (entry != NULL) {
        for (size_t i = 0; i < CLIENTCT_SERVER_NAMES_MAX; i++) {
            free(entry->names[i]);
        }
        free(entry->server_name);
        free(entry->address);
        free(entry->scts);
        free(entry);
    }
}

static bool copy(const char *text, char **out)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL;
}

static bool copy_scts(struct ct_let_pass_entry *entry)
{
    if (entry->input.tls_scts != NULL && entry->input.tls_scts_len <= SCTS_LEN_MAX) {
        entry->scts = malloc(entry->input.tls_scts_len + 1);
        if (entry->scts == NULL) {
            return false;
        }
        memcpy(entry->scts, entry->input.tls_scts, entry->input.tls_scts_len);
    }
    entry->input.tls_scts = entry->scts;
    entry->input.tls_scts_len = entry->scts != NULL ? entry->input.tls_scts_len : 0;
    return true;
}

/* NULL: memory is short. */
static struct ct_let_pass_entry *entry_new(const struct clientct_input *input)
{
    struct ct_let_pass_entry *entry = calloc(1, sizeof *entry);
    bool ok = entry != NULL;

    if (ok) {
        entry->input = *input;
        ok = copy_scts(entry) && copy(input->server_name, &entry->server_name) &&
             copy(input->client_address, &entry->address);
    }
    for (size_t i = 0; ok && i < input->shown_server_name_count && i < CLIENTCT_SERVER_NAMES_MAX; i++) {
        ok = copy(input->shown_server_names[i], &entry->names[i]);
    }
    if (!ok) {
        entry_free(entry);
        return NULL;
    }
    entry->input.server_name = entry->server_name;
    entry->input.client_address = entry->address;
    entry->input.shown_server_names = (const char *const *)entry->names;
    return entry;
}

bool ct_let_pass_note(X509 *leaf, const struct clientct_input *input)
{
    uint64_t mark = ct_certificate_mark(leaf);
    struct ct_let_pass_entry *entry = mark != 0 ? entry_new(input) : NULL;
    unsigned seat;

    if (entry == NULL) {
        return false;
    }
    entry->mark = mark;
    seat = atomic_fetch_add(&next_seat, 1) % SEATS;
    entry_free(atomic_exchange(&seats[seat].entry, entry));
    atomic_store(&seats[seat].mark, mark);
    return true;
}

bool ct_let_pass_take(X509 *leaf, struct ct_let_pass *found)
{
    uint64_t mark = atomic_load(&next_seat) > 0 ? ct_certificate_mark(leaf) : 0;
    bool is_there = false;

    memset(found, 0, sizeof *found);
    for (unsigned i = 0; mark != 0 && i < SEATS; i++) {
        if (atomic_load(&seats[i].mark) != mark) {
            continue;
        }
        is_there = true;
        atomic_store(&happens, true);
        found->seat = i;
        found->entry = atomic_exchange(&seats[i].entry, NULL);
        if (found->entry != NULL && found->entry->mark == mark) {
            found->input = found->entry->input;
            break;
        }
        ct_let_pass_give_back(found); /* of a connection that is just taking the seat */
    }
    return is_there;
}

bool ct_let_pass_happens(void)
{
    return atomic_load(&happens);
}

void ct_let_pass_give_back(struct ct_let_pass *found)
{
    struct ct_let_pass_entry *none = NULL;

    if (found->entry != NULL && !atomic_compare_exchange_strong(&seats[found->seat].entry, &none, found->entry)) {
        entry_free(found->entry); /* its seat was taken meanwhile */
    }
    found->entry = NULL;
}
