/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a static-ct log (c2sp.org/static-ct-api): entries as a monitor reads them, without asking anybody. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "evidence/certificate.h"
#include "logs/entry.h"
#include "logs/tile.h"
#include "tool/replay/replay.h"

#define BUNDLE_MAX_BYTES ((size_t)32 * 1024 * 1024)

static bool exists(const char *folder, const char *name)
{
    char *path = tool_format("%s/%s", folder, name);
    struct stat st;
    bool there = stat(path, &st) == 0;

    free(path);
    return there;
}

bool replay_is_log(const char *folder)
{
    return exists(folder, "tile/data");
}

/* The chain behind a certificate, from the folder's issuer/. */
static void push_issuers(struct replay_work *work, const char *folder, struct ct_bytes fingerprints,
                         STACK_OF(X509) *chain)
{
    for (size_t i = 0; i + 32 <= fingerprints.len && sk_X509_num(chain) < CT_ARCHIVE_CHAIN_MAX; i += 32) {
        struct tool_file file = { 0 };
        X509 *issuer = NULL;
        char hex[65];
        char *path;

        ct_hex(fingerprints.data + i, 32, hex);
        path = tool_format("%s/issuer/%s", folder, hex);
        if (tool_read_file("replay: an issuer", path, TOOL_CERTIFICATES_MAX_BYTES, &file)) {
            issuer = replay_certificate(work, (struct ct_bytes){ file.data, file.len }, true);
            tool_file_clear(&file);
        }
        free(path);
        if (issuer == NULL) {
            return;
        }
        if (sk_X509_push(chain, issuer) <= 0) {
            tool_out_of_memory();
        }
    }
}

static void take_entry(struct replay_work *work, const char *folder, const struct ct_log_entry *entry)
{
    struct replay_subject subject = { .server_name = work->server_name };

    if (entry->type == CT_ENTRY_PRECERT) {
        work->tally.precertificates++; /* what the CA signed in the end is not in the log */
        return;
    }
    subject.leaf = replay_certificate(work, entry->body, false);
    subject.chain = sk_X509_new_null();
    if (subject.leaf == NULL) {
        work->tally.unreadable++;
        sk_X509_free(subject.chain);
        return;
    }
    if (subject.chain == NULL || sk_X509_push(subject.chain, subject.leaf) <= 0) {
        tool_out_of_memory();
    }
    push_issuers(work, folder, entry->fingerprints, subject.chain);
    replay_judge(work, &subject);
    tool_certificates_free(subject.chain);
}

/* The bundle, or as much of it as there is; false: there is none. */
static bool read_bundle(const char *folder, uint64_t index, struct tool_file *file, unsigned *width)
{
    for (*width = CT_TILE_WIDTH; *width > 0; (*width)--) {
        struct ct_tile tile = { .level = CT_TILE_DATA, .index = index, .width = *width };
        char name[CT_TILE_PATH_SIZE];
        char *path;
        bool there;

        ct_tile_path(&tile, name);
        there = exists(folder, name);
        path = there ? tool_format("%s/%s", folder, name) : NULL;
        there = there && tool_read_file("replay: entries", path, BUNDLE_MAX_BYTES, file);
        free(path);
        if (there) {
            return true;
        }
    }
    return false;
}

bool replay_log(struct replay_work *work, const char *folder)
{
    unsigned width = CT_TILE_WIDTH;

    for (uint64_t index = 0; width == CT_TILE_WIDTH; index++) {
        struct tool_file file = { 0 };
        struct ct_reader reader;

        if (!read_bundle(folder, index, &file, &width)) {
            break;
        }
        reader = ct_reader_of((struct ct_bytes){ file.data, file.len });
        while (reader.left > 0) {
            struct ct_log_entry entry;

            if (!ct_log_entry_next(&reader, &entry)) {
                tool_error("replay: bundle %llu of %s is cut, or is none", (unsigned long long)index, folder);
                tool_file_clear(&file);
                return false;
            }
            take_entry(work, folder, &entry);
        }
        tool_file_clear(&file);
    }
    return true;
}
