/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs of inclusion as `clientct prove --keep` would leave them, for a tree of a few entries that the test makes. */
#ifndef KEPT_PROOF_H
#define KEPT_PROOF_H

#include <check.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/sct.h"
#include "scene.h"

#define KEPT_ORIGIN "log.example/test"
#define KEPT_PLACE 5 /* of the entry; the tree has 8 */

/* What can be wrong with a proof. */
enum kept_fault { KEPT_GOOD, KEPT_OTHER_ENTRY, KEPT_OTHER_ROOT, KEPT_HASH, KEPT_SIGNATURE, KEPT_KEY_ID, KEPT_INDEX };

static inline void kept_sha256(const void *data, size_t len, uint8_t out[32])
{
    ck_assert_int_eq(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL), 1);
}

static inline void kept_node(const uint8_t left[32], const uint8_t right[32], uint8_t out[32])
{
    uint8_t node[65] = { 1 };

    memcpy(node + 1, left, 32);
    memcpy(node + 33, right, 32);
    kept_sha256(node, sizeof node, out);
}

/* MerkleTreeLeaf of RFC 6962, section 3.4, hashed as a leaf. */
static inline void kept_leaf(const struct pki_entry *entry, uint64_t timestamp_ms, uint8_t out[32])
{
    struct pki_bytes leaf = { 0 };
    const struct pki_bytes *body = entry->type == PKI_ENTRY_X509 ? &entry->certificate : &entry->precert_tbs;

    pki_add_uint(&leaf, 0, 3);
    pki_add_uint(&leaf, timestamp_ms, 8);
    pki_add_uint(&leaf, entry->type, 2);
    if (entry->type == PKI_ENTRY_PRECERT) {
        pki_add(&leaf, entry->issuer_key_hash, sizeof entry->issuer_key_hash);
    }
    pki_add_vector(&leaf, 3, body->data, body->len);
    pki_add_uint(&leaf, 0, 2);
    kept_sha256(leaf.data, leaf.len, out);
    pki_bytes_clear(&leaf);
}

static inline void kept_base64(const uint8_t *data, size_t len, struct pki_bytes *out)
{
    uint8_t text[1024];

    pki_add(out, text, (size_t)EVP_EncodeBlock(text, data, (int)len));
}

static inline void kept_checkpoint(const struct pki_log *log, const uint8_t root[32], enum kept_fault fault,
                                   struct pki_bytes *out)
{
    struct pki_bytes tree = { 0 }, line = { 0 }, id = { 0 };
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t signature[128], hash[32];
    size_t len = sizeof signature;

    pki_add_uint(&tree, 1, 2);
    pki_add_uint(&tree, (uint64_t)pki_now(), 8);
    pki_add_uint(&tree, 8, 8);
    pki_add(&tree, root, 32);
    ck_assert_int_eq(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, log->key), 1);
    ck_assert_int_eq(EVP_DigestSign(md, signature, &len, tree.data, tree.len), 1);
    EVP_MD_CTX_free(md);
    signature[len - 1] ^= fault == KEPT_SIGNATURE;

    pki_add(&id, KEPT_ORIGIN "\n\x05", strlen(KEPT_ORIGIN) + 2);
    pki_add(&id, log->id, 32);
    kept_sha256(id.data, id.len, hash);
    hash[0] ^= fault == KEPT_KEY_ID;
    pki_add(&line, hash, 4);
    pki_add(&line, tree.data + 2, 8);
    pki_add_uint(&line, 0x0403, 2);
    pki_add_vector(&line, 2, signature, len);

    pki_add(out, KEPT_ORIGIN "\n8\n", strlen(KEPT_ORIGIN) + 3);
    kept_base64(root, 32, out);
    pki_add(out, "\n\n\xe2\x80\x94 " KEPT_ORIGIN " ", strlen(KEPT_ORIGIN) + 7);
    kept_base64(line.data, line.len, out);
    pki_add(out, "\n", 1);
    pki_bytes_clear(&tree);
    pki_bytes_clear(&line);
    pki_bytes_clear(&id);
}

/* The proof of one entry, at the end of `out`; `seed` is about the other entries of the tree. */
static inline void kept_add(const struct pki_log *log, const uint8_t leaf[32], char seed, enum kept_fault fault,
                            struct pki_bytes *out)
{
    uint8_t hashes[15][32]; /* a heap: the root is 0, the leaves are 7 to 14 */
    uint8_t root[32];
    char index[32];

    for (int i = 0; i < 8; i++) {
        const char other[2] = { seed, (char)i };

        kept_sha256(other, sizeof other, hashes[7 + i]);
    }
    if (fault != KEPT_OTHER_ENTRY) {
        memcpy(hashes[7 + KEPT_PLACE], leaf, 32);
    }
    for (int i = 6; i >= 0; i--) {
        kept_node(hashes[2 * i + 1], hashes[2 * i + 2], hashes[i]);
    }
    memcpy(root, hashes[0], 32);
    root[0] ^= fault == KEPT_OTHER_ROOT;
    snprintf(index, sizeof index, "index %d\n", KEPT_PLACE + (fault == KEPT_INDEX));
    pki_add(out, "c2sp.org/tlog-proof@v1\n", strlen("c2sp.org/tlog-proof@v1\n"));
    pki_add(out, index, strlen(index));
    for (int at = 7 + KEPT_PLACE; at > 0; at = (at - 1) / 2) {
        uint8_t *sibling = hashes[at % 2 == 0 ? at - 1 : at + 1];

        sibling[3] ^= fault == KEPT_HASH && at == 7 + KEPT_PLACE;
        kept_base64(sibling, 32, out);
        pki_add(out, "\n", 1);
    }
    pki_add(out, "\n", 1);
    kept_checkpoint(log, root, fault, out);
}

/* The same for the `nth` SCT of a list over this entry. */
static inline void kept_for_sct(const struct pki_log *log, const struct pki_entry *entry, const struct pki_bytes *list,
                                size_t nth, enum kept_fault fault, struct pki_bytes *out)
{
    struct ct_scts scts = { 0 };
    uint8_t leaf[32];

    ck_assert_int_eq(ct_sct_list_decode((struct ct_bytes){ list->data, list->len }, CLIENTCT_SOURCE_EMBEDDED, &scts),
                     CT_LIST_OK);
    ck_assert_uint_lt(nth, scts.count);
    kept_leaf(entry, scts.items[nth].timestamp_ms, leaf);
    kept_add(log, leaf, 'a', fault, out);
    ct_scts_clear(&scts);
}

/* For an embedded SCT of a client. */
static inline void kept_for_client(const struct scene *scene, const struct scene_client *client, size_t log, size_t nth,
                                   enum kept_fault fault, struct pki_bytes *out)
{
    struct pki_bytes list = { 0 };
    struct pki_entry entry;

    memset(&entry, 0, sizeof entry);
    pki_embedded_list(client->minted.certificate, &list);
    pki_entry_of(&entry, client->minted.certificate, scene->ca.certificate, PKI_ENTRY_PRECERT);
    kept_for_sct(&scene->logs[log], &entry, &list, nth, fault, out);
    pki_entry_clear(&entry);
    pki_bytes_clear(&list);
}

/* Where a server looks for the proofs of a client, in the scene's own folder. */
static inline void kept_put(struct scene *scene, const struct scene_client *client, const struct pki_bytes *proofs)
{
    char name[96];

    pki_sha256_hex(client->minted.der.data, client->minted.der.len, name);
    strcat(name, ".tlog-proof");
    scene_put(scene, name, proofs->data, proofs->len);
}

#endif
