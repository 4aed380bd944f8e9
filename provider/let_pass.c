/* SPDX-License-Identifier: Apache-2.0 */
#include "let_pass.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certificate_mark.h"
#include "recording.h"

/* Connections between their handshake and their verification; where all are taken, one takes the oldest one's place. */
#define SEATS 256

#define SCTS_LEN_MAX 8192                     /* longer lists than that are as none */
#define RECENT_NS (60 * UINT64_C(1000000000)) /* from a handshake to its verification */

struct ct_let_pass_entry {
    uint64_t noted_ns;
    struct clientct_input input; /* points to the copies below */
    char *names[CLIENTCT_SERVER_NAMES_MAX];
    char *server_name;
    char *address;
    uint8_t *scts;
};

/*
 * Nobody waits for a seat: who looks leaves out one that is being taken, and who takes one goes to the next where
 * somebody looks. What a thread has left in the middle stays as it was then, and is missed by nobody.
 */
#define BEING_TAKEN (-1)

static struct seat {
    _Atomic int users;     /* who look at the entry, or BEING_TAKEN */
    _Atomic uint64_t mark; /* 0: free */
    _Atomic uint64_t number;
    atomic_bool accepted;            /* its names as well */
    struct ct_let_pass_entry *entry; /* to be looked at by users */
} seats[SEATS];

static _Atomic uint64_t noted;
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

static bool take_seat(struct seat *seat, uint64_t number, uint64_t mark, struct ct_let_pass_entry *entry)
{
    int nobody = 0;

    if (!atomic_compare_exchange_strong(&seat->users, &nobody, BEING_TAKEN)) {
        return false;
    }
    entry_free(seat->entry);
    seat->entry = entry;
    atomic_store(&seat->accepted, false);
    atomic_store(&seat->number, number);
    atomic_store(&seat->mark, mark);
    atomic_store(&seat->users, 0);
    return true;
}

bool ct_let_pass_note(X509 *leaf, const struct clientct_input *input)
{
    uint64_t mark = ct_certificate_mark(leaf);
    struct ct_let_pass_entry *entry = mark != 0 ? entry_new(input) : NULL;

    if (entry == NULL) {
        return false;
    }
    entry->noted_ns = ct_recording_now_ns();
    for (int i = 0; i < SEATS; i++) {
        uint64_t number = atomic_fetch_add(&noted, 1) + 1;

        if (take_seat(&seats[number % SEATS], number, mark, entry)) {
            return true;
        }
    }
    entry_free(entry);
    return false;
}

static bool is_known(const struct ct_let_pass *found, const char *name)
{
    for (size_t i = 0; i < found->name_count; i++) {
        const char *known = found->names[i];

        if (known == name || (known != NULL && name != NULL && strcmp(known, name) == 0)) {
            return true;
        }
    }
    return false;
}

/* False: there are too many, or memory is short. */
static bool add_name(struct ct_let_pass *found, const char *name)
{
    if (is_known(found, name)) {
        return true;
    }
    if (found->name_count == CLIENTCT_SERVER_NAMES_MAX || !copy(name, &found->names[found->name_count])) {
        return false;
    }
    found->name_count++;
    return true;
}

static bool add_names(struct ct_let_pass *found, const struct clientct_input *input)
{
    bool all = input->shown_server_name_count > 0 || add_name(found, input->server_name);

    for (size_t i = 0; i < input->shown_server_name_count; i++) {
        all = all && i < CLIENTCT_SERVER_NAMES_MAX && add_name(found, input->shown_server_names[i]);
    }
    return all;
}

static bool begin_to_look(struct seat *seat)
{
    int users = atomic_load(&seat->users);

    while (users != BEING_TAKEN) {
        if (atomic_compare_exchange_weak(&seat->users, &users, users + 1)) {
            return true;
        }
    }
    return false;
}

/* False: not all that the seat has could be had. */
static bool look_at(struct seat *seat, uint64_t mark, bool is_newest, uint64_t now_ns, struct ct_let_pass *found)
{
    bool all = true;

    if (!begin_to_look(seat)) {
        return true;
    }
    if (atomic_load(&seat->mark) == mark && /* it stays while we look */
        (is_newest || (!atomic_load(&seat->accepted) && now_ns - seat->entry->noted_ns < RECENT_NS))) {
        all = add_names(found, &seat->entry->input);
        found->entry = is_newest ? entry_new(&seat->entry->input) : found->entry;
    }
    atomic_fetch_sub(&seat->users, 1);
    return all;
}

/* Refused by every policy: more names than a verdict looks at. */
static void find_too_much(struct ct_let_pass *found)
{
    found->input.shown_server_names = (const char *const *)found->names; /* as many as are looked at */
    found->input.shown_server_name_count = CLIENTCT_SERVER_NAMES_MAX + 1;
}

bool ct_let_pass_find(X509 *leaf, struct ct_let_pass *found)
{
    uint64_t mark;
    uint64_t now_ns = ct_recording_now_ns();
    struct seat *newest = NULL;
    bool all = true;

    if (atomic_load(&noted) == 0) {
        return false;
    }
    memset(found, 0, sizeof *found);
    mark = ct_certificate_mark(leaf);
    if (mark == 0) { /* memory is short: it may be anybody's */
        find_too_much(found);
        return true;
    }
    for (unsigned i = 0; i < SEATS; i++) {
        if (atomic_load(&seats[i].mark) == mark &&
            (newest == NULL || atomic_load(&seats[i].number) > atomic_load(&newest->number))) {
            newest = &seats[i];
        }
    }
    if (newest == NULL) {
        return false;
    }
    atomic_store(&happens, true);
    found->mark = mark;
    found->number = atomic_load(&newest->number);
    for (unsigned i = 0; i < SEATS; i++) {
        if (atomic_load(&seats[i].mark) == mark) {
            all = look_at(&seats[i], mark, &seats[i] == newest, now_ns, found) && all;
        }
    }
    if (found->entry != NULL) {
        found->input = found->entry->input;
        found->input.shown_server_names = (const char *const *)found->names;
        found->input.shown_server_name_count = found->name_count;
    }
    if (found->entry == NULL || !all) {
        find_too_much(found);
    }
    return true;
}

bool ct_let_pass_happens(void)
{
    return atomic_load(&happens);
}

void ct_let_pass_accept(const struct ct_let_pass *found)
{
    for (unsigned i = 0; i < SEATS; i++) {
        if (atomic_load(&seats[i].mark) == found->mark && atomic_load(&seats[i].number) <= found->number) {
            atomic_store(&seats[i].accepted, true);
        }
    }
}

void ct_let_pass_clear(struct ct_let_pass *found)
{
    for (size_t i = 0; i < found->name_count; i++) {
        free(found->names[i]);
    }
    entry_free(found->entry);
    memset(found, 0, sizeof *found);
}
