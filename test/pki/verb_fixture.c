/* SPDX-License-Identifier: Apache-2.0 */
/* ctpki fixture: the standard set that all tests share */
#include "ctpki.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static const char usage[] =
    "usage: ctpki fixture DIR\n"
    "Writes ca, other-ca, server (localhost, 127.0.0.1), the logs log-a (Alpha), log-b (Beta), log-c (Gamma, RSA) and\n"
    "log-x (in no list), log_list.json and log_list.cnf with a, b and c, and client-NAME for each NAME of\n"
    "fixture.json, which says what the policy `one` has to make of it.\n";

enum { LOG_A, LOG_B, LOG_C, LOG_X, LOG_COUNT };
static const struct {
    const char *name, *description, *log_operator;
} log_table[LOG_COUNT] = {
    { "log-a", "Log A", "Alpha" },
    { "log-b", "Log B", "Beta" },
    { "log-c", "Log C", "Gamma" },
    { "log-x", "Log X", "Nobody" },
};

/* `logs` and `faults` say one SCT a character: the log's letter, and '.' for none, '!' for a flipped signature bit,
   't' for truncated, '+' for a timestamp of tomorrow. */
struct client {
    const char *name, *logs, *faults;
    enum pki_list_fault list_fault;
    enum { PLAIN, RSA_KEY, OTHER_CA, POISON, TWO_EXTENSIONS, REPLAYED } how;
    const char *reason; /* NULL: accepted */
};
static const struct client clients[] = {
    { "good", "ab", "..", PKI_LIST_NONE, PLAIN, NULL }, /* first: `replayed` takes its list */
    { "good-one", "a", ".", PKI_LIST_NONE, PLAIN, NULL },
    { "good-rsa-log", "c", ".", PKI_LIST_NONE, PLAIN, NULL },
    { "good-three", "abc", "...", PKI_LIST_NONE, PLAIN, NULL },
    { "unlogged", "", "", PKI_LIST_NONE, PLAIN, "no-scts" },
    { "tampered", "a", "!", PKI_LIST_NONE, PLAIN, "bad-signature" },
    { "tampered-plus-good", "ab", "!.", PKI_LIST_NONE, PLAIN, NULL },
    { "replayed", "", "", PKI_LIST_NONE, REPLAYED, "bad-signature" },
    { "unknown-log", "x", ".", PKI_LIST_NONE, PLAIN, "unknown-log" },
    { "future", "a", "+", PKI_LIST_NONE, PLAIN, "future-timestamp" },
    { "mixed", "bxa", "t..", PKI_LIST_NONE, PLAIN, NULL },
    { "duplicate-log", "aa", "..", PKI_LIST_NONE, PLAIN, NULL },
    { "empty-list", "", "", PKI_LIST_EMPTY, PLAIN, "malformed-sct-list" },
    { "trailing", "a", ".", PKI_LIST_TRAILING, PLAIN, "malformed-sct-list" },
    { "two-sct-ext", "ab", "..", PKI_LIST_NONE, TWO_EXTENSIONS, "bad-extensions" },
    { "poison", "ab", "..", PKI_LIST_NONE, POISON, "precertificate" },
    { "rsa-key", "ab", "..", PKI_LIST_NONE, RSA_KEY, NULL },
    { "other-ca-good", "ab", "..", PKI_LIST_NONE, OTHER_CA, NULL },
};

struct fixture {
    const char *dir;
    struct pki_ca ca, other_ca;
    struct pki_log logs[LOG_COUNT];
    struct pki_bytes good_list;
    json_t *expected;
};

static char *inside(const struct fixture *fixture, const char *name)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", fixture->dir, name) < 0) {
        pki_die("out of memory");
    }
    return path;
}

static void make_cas(struct fixture *fixture)
{
    struct pki_leaf leaf = { .cn = "localhost", .server = true, .san = "DNS:localhost,IP:127.0.0.1" };
    char *ca = inside(fixture, "ca"), *other = inside(fixture, "other-ca"), *server = inside(fixture, "server");
    struct pki_minted minted = { 0 };

    pki_ca_new(&fixture->ca, "Fixture CA", NULL, NULL, 3650);
    pki_ca_write(&fixture->ca, ca);
    pki_ca_new(&fixture->other_ca, "Other fixture CA", NULL, NULL, 3650);
    pki_ca_write(&fixture->other_ca, other);
    pki_mint(&minted, &leaf, &fixture->ca);
    pki_minted_write(&minted, &fixture->ca, server);
    pki_minted_clear(&minted);
    free(ca);
    free(other);
    free(server);
}

static void make_logs(struct fixture *fixture)
{
    struct pki_listed_log listed[LOG_COUNT - 1];
    char *json = inside(fixture, "log_list.json"), *cnf = inside(fixture, "log_list.cnf");
    int64_t now = pki_now() / PKI_SECOND * PKI_SECOND;

    for (int i = 0; i < LOG_COUNT; i++) {
        char *path = inside(fixture, log_table[i].name);
        pki_log_new(&fixture->logs[i], pki_new_key(i == LOG_C ? PKI_RSA : PKI_P256, 2048));
        pki_log_write(&fixture->logs[i], path);
        free(path);
    }
    for (int i = 0; i < LOG_X; i++) {
        listed[i] = (struct pki_listed_log){
            .log = &fixture->logs[i],
            .description = log_table[i].description,
            .log_operator = log_table[i].log_operator,
            .url = "https://log.example.com/",
            .state = "usable",
            .state_since_ms = now - 365 * PKI_DAY,
            .start_ms = now - 365 * PKI_DAY,
            .end_ms = now + 3650 * PKI_DAY,
        };
    }
    pki_write_log_list(json, PKI_FORMAT_V3, listed, LOG_X, now);
    pki_write_log_list(cnf, PKI_FORMAT_OPENSSL, listed, LOG_X, now);
    free(json);
    free(cnf);
}

static size_t fill_scts(const struct fixture *fixture, const struct client *client, struct pki_sct *scts)
{
    size_t count = strlen(client->logs);

    for (size_t i = 0; i < count; i++) {
        char letter = client->logs[i], fault = client->faults[i];
        scts[i] = (struct pki_sct){
            .log = &fixture->logs[letter == 'x' ? LOG_X : letter - 'a'],
            .time_ms = pki_now() + (fault == '+' ? PKI_DAY : -30 * PKI_MINUTE),
            .fault = fault == '!'   ? PKI_SCT_SIGNATURE
                     : fault == 't' ? PKI_SCT_TRUNCATED
                                    : PKI_SCT_NONE,
        };
    }
    return count;
}

static void expect(struct fixture *fixture, const struct client *client)
{
    json_t *entry = json_pack("{ss, ss, ss}", "expect", client->reason == NULL ? "accept" : "refuse", "reason",
                              client->reason == NULL ? "compliant" : client->reason, "issuer",
                              client->how == OTHER_CA ? "other-ca" : "ca");

    if (json_object_set_new(fixture->expected, client->name, entry) != 0) {
        pki_die("cannot build JSON");
    }
}

static void make_client(struct fixture *fixture, const struct client *client)
{
    const struct pki_ca *ca = client->how == OTHER_CA ? &fixture->other_ca : &fixture->ca;
    struct pki_sct scts[4];
    struct pki_leaf leaf = {
        .cn = client->name,
        .key = client->how == RSA_KEY ? pki_new_key(PKI_RSA, 2048) : NULL,
        .scts = scts,
        .sct_count = fill_scts(fixture, client, scts),
        .list_fault = client->list_fault,
        .poison = client->how == POISON,
        .two_sct_extensions = client->how == TWO_EXTENSIONS,
        .raw_list = client->how == REPLAYED ? &fixture->good_list : NULL,
    };
    struct pki_minted minted = { 0 };
    char *file = pki_path("client-", client->name), *path = inside(fixture, file);

    pki_mint(&minted, &leaf, ca);
    pki_minted_write(&minted, ca, path);
    if (client == &clients[0]) {
        pki_embedded_list(minted.certificate, &fixture->good_list);
    }
    expect(fixture, client);
    pki_minted_clear(&minted);
    EVP_PKEY_free(leaf.key);
    free(file);
    free(path);
}

int ctpki_fixture(int argc, char **argv)
{
    struct fixture fixture = { 0 };

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc != 2 || argv[1][0] == '-') {
        ctpki_usage(usage, "DIR");
    }
    fixture.dir = argv[1];
    fixture.expected = json_object();
    pki_make_directory(fixture.dir);
    make_cas(&fixture);
    make_logs(&fixture);
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        make_client(&fixture, &clients[i]);
    }
    char *path = inside(&fixture, "fixture.json");
    if (json_dump_file(fixture.expected, path, JSON_INDENT(2)) != 0) {
        pki_die("cannot write %s", path);
    }
    free(path);
    json_decref(fixture.expected);
    pki_bytes_clear(&fixture.good_list);
    for (int i = 0; i < LOG_COUNT; i++) {
        pki_log_clear(&fixture.logs[i]);
    }
    pki_ca_clear(&fixture.ca);
    pki_ca_clear(&fixture.other_ca);
    return 0;
}
