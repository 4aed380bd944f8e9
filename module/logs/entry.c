/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/entry.h"

#include <string.h>

static struct ct_bytes read_vector24(struct ct_reader *r)
{
    return ct_read_bytes(r, ct_read_u24(r));
}

/* TimestampedEntry of RFC 6962, section 3.4 */
static bool read_timestamped(struct ct_reader *r, struct ct_log_entry *entry)
{
    const uint8_t *start = r->at;
    size_t before = r->left;
    uint16_t type;

    memset(entry, 0, sizeof *entry);
    entry->timestamp_ms = ct_read_u64(r);
    type = ct_read_u16(r);
    if (r->failed || (type != CT_ENTRY_X509 && type != CT_ENTRY_PRECERT)) {
        return false;
    }
    entry->type = (enum ct_entry_type)type;
    if (entry->type == CT_ENTRY_PRECERT) {
        entry->issuer_key_hash = ct_read_bytes(r, CT_HASH_LEN);
    }
    entry->body = read_vector24(r);
    entry->extensions = ct_read_vector16(r);
    entry->timestamped = (struct ct_bytes){ start, before - r->left };
    return !r->failed && entry->body.len > 0;
}

bool ct_log_entry_next(struct ct_reader *bundle, struct ct_log_entry *entry)
{
    if (!read_timestamped(bundle, entry)) {
        return false;
    }
    if (entry->type == CT_ENTRY_PRECERT) {
        entry->submitted = read_vector24(bundle);
    }
    entry->fingerprints = ct_read_vector16(bundle);
    return !bundle->failed && entry->fingerprints.len % CT_HASH_LEN == 0;
}

bool ct_log_entry_of_leaf(struct ct_bytes leaf_input, struct ct_bytes extra_data, struct ct_log_entry *entry)
{
    struct ct_reader leaf = ct_reader_of(leaf_input);
    struct ct_reader extra = ct_reader_of(extra_data);
    struct ct_reader chain;

    /* Version v1, MerkleLeafType timestamped_entry */
    if (ct_read_u8(&leaf) != 0 || ct_read_u8(&leaf) != 0 || !read_timestamped(&leaf, entry) ||
        !ct_reader_finished(&leaf)) {
        return false;
    }
    if (entry->type == CT_ENTRY_PRECERT) {
        entry->submitted = read_vector24(&extra);
    }
    chain = ct_reader_of(read_vector24(&extra));
    if (chain.left > 0) {
        entry->issuer = read_vector24(&chain);
    }
    return ct_reader_finished(&extra) && !chain.failed;
}

void ct_log_entry_hash(struct ct_hasher *hasher, const struct ct_log_entry *entry, struct ct_hash *out)
{
    static const uint8_t head[] = { 0, 0 };

    ct_hash_leaf(hasher, (struct ct_bytes){ head, sizeof head }, entry->timestamped, out);
}
