/* SPDX-License-Identifier: Apache-2.0 */
/* A store has SCTs and no certificates; a static-ct log publishes them in the place that the SCT names. */
#include <stdlib.h>
#include <string.h>

#include "logs/entry.h"
#include "tool/prove/work.h"

#define BUNDLE_MAX_BYTES (32u * 1024 * 1024) /* 256 entries of 128 KiB; logs take less */

static void ask(struct prover *prover, struct prove_bundle *bundle)
{
    struct ct_tile tile = { CT_TILE_DATA, bundle->index, bundle->width };
    char path[CT_TILE_PATH_SIZE];
    char *url;

    ct_tile_path(&tile, path);
    url = source_url(bundle->source, path);
    fetch_start(prover->fetch, url, bundle->source->log->description, NULL, BUNDLE_MAX_BYTES, &bundle->reply);
    fetch_wait(prover->fetch, &bundle->reply);
    free(url);
}

/* Why there is none; NULL: `bundle` has it. */
static char *read_bundle(struct prover *prover, struct source *source, uint64_t index, unsigned width,
                         struct prove_bundle *bundle)
{
    if (bundle->source == source && bundle->index == index && bundle->reply.kind == FETCH_ANSWERED &&
        bundle->reply.status == 200) {
        return NULL;
    }
    bundle->source = source;
    bundle->index = index;
    bundle->width = width;
    ask(prover, bundle);
    if (bundle->reply.kind == FETCH_ANSWERED && bundle->reply.status == 404 && width < CT_TILE_WIDTH) {
        bundle->width = CT_TILE_WIDTH; /* a log may drop a partial tile once the full one is there */
        ask(prover, bundle);
    }
    return fetch_trouble(&bundle->reply);
}

static bool entry_at(const struct prove_bundle *bundle, unsigned place, struct ct_log_entry *entry)
{
    struct ct_reader reader = ct_reader_of((struct ct_bytes){ bundle->reply.body, bundle->reply.len });

    for (unsigned i = 0; i <= place; i++) {
        if (reader.left == 0 || !ct_log_entry_next(&reader, entry)) {
            return false;
        }
    }
    return true;
}

static X509 *decoded(struct ct_bytes der, const uint8_t sha256[32])
{
    const unsigned char *at = der.data;
    uint8_t digest[32];

    if (EVP_Digest(der.data, der.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        tool_out_of_memory();
    }
    return memcmp(digest, sha256, sizeof digest) == 0 ? d2i_X509(NULL, &at, (long)der.len) : NULL;
}

X509 *prove_certificate_of(struct prover *prover, struct source *source, uint64_t index, const uint8_t sha256[32],
                           struct prove_bundle *bundle, enum prove_verdict *verdict, char **why)
{
    const struct prover_log *log = prover_log_of(prover, source);
    unsigned width = ct_tile_width(CT_TILE_DATA, index / CT_TILE_WIDTH, log->head.size);
    struct ct_log_entry entry;
    X509 *certificate = NULL;

    *verdict = PROVE_NO_CERTIFICATE;
    if (log->result != SOURCE_OK) {
        *verdict = log->result == SOURCE_UNREACHABLE ? PROVE_UNREACHABLE : PROVE_MISBEHAVES;
        *why = tool_format("%s", log->why);
    } else if (index >= log->head.size) {
        *why = tool_format("the log has %llu entries, and the certificate is to be number %llu",
                           (unsigned long long)log->head.size, (unsigned long long)index);
    } else if ((*why = read_bundle(prover, source, index / CT_TILE_WIDTH, width, bundle)) != NULL) {
        /* Its checkpoint says that the entry is there. */
        *verdict = bundle->reply.kind == FETCH_OVERSIZED ||
                           (bundle->reply.kind == FETCH_ANSWERED && bundle->reply.status == 404)
                       ? PROVE_MISBEHAVES
                       : PROVE_UNREACHABLE;
    } else if (!entry_at(bundle, (unsigned)(index % CT_TILE_WIDTH), &entry) || entry.type != CT_ENTRY_X509 ||
               (certificate = decoded(entry.body, sha256)) == NULL) {
        *why = tool_format("entry %llu of the log is not the certificate that the file is named by",
                           (unsigned long long)index);
    }
    return certificate;
}
