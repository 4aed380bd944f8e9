/* SPDX-License-Identifier: Apache-2.0 */
/* What a log signs: a checkpoint, a tree head in JSON, and kept proofs around checkpoints. */
#include <string.h>

#include "fuzz.h"
#include "logs/answers.h"
#include "logs/inclusion.h"

/* Any P-256 key: a signature that a fuzzer finds for it would be worth having. */
static const uint8_t spki[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6,
    0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98,
    0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b,
    0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ct_log log;
    const struct ct_bytes bytes = { data, size };
    const struct ct_promised promised = { .log = &log };
    struct ct_reader reader = ct_reader_of(bytes);
    struct ct_bytes one;
    size_t left;
    struct ct_tree_head head;
    struct ct_proof_file file;
    struct ct_proof proof;
    uint64_t index = 0;
    const char *why;

    if (log.spki.data == NULL) {
        FUZZ_REQUIRE(ct_log_set_key(&log, (struct ct_bytes){ spki, sizeof spki }, &why));
    }
    FUZZ_REQUIRE(ct_checkpoint_read(bytes, "log.example/2026", &log, &head) != CT_HEAD_OK || head.size <= CT_TREE_MAX);
    FUZZ_REQUIRE(ct_sth_read(bytes, "log.example/2026", &log, &head, NULL) != CT_HEAD_OK || head.size <= CT_TREE_MAX);
    if (ct_answer_inclusion(bytes, &index, &proof) || ct_answer_consistency(bytes, &proof)) {
        FUZZ_REQUIRE(proof.count <= CT_PROOF_MAX);
    }
    if (ct_proof_file_read(bytes, &file)) {
        size_t len = 0;
        char *again = ct_proof_file_write(&file, &len);
        struct ct_proof_file second;

        FUZZ_REQUIRE(again != NULL && ct_proof_file_read((struct ct_bytes){ (const uint8_t *)again, len }, &second));
        FUZZ_REQUIRE(second.index == file.index && ct_bytes_equal(second.checkpoint, file.checkpoint));
        free(again);
    }
    FUZZ_REQUIRE(ct_inclusion_kept(bytes, NULL, &promised, &file, &head) != CT_INCLUSION_SHOWN || head.size > 0);
    for (left = bytes.len; ct_proof_file_next(&reader, &one); left = reader.left) {
        FUZZ_REQUIRE(one.len > 0 && reader.left + one.len <= left);
    }
    return 0;
}
