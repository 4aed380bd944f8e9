/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what test/oracle/merkle prints and compares each answer with ours. Prints how many there were of each kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logs/tree.h"

static bool read_hash(const char *hex, struct ct_hash *out)
{
    return hex != NULL && ct_unhex(hex, strlen(hex), out->bytes, sizeof out->bytes);
}

int main(void)
{
    struct ct_hasher hasher = { 0 };
    unsigned long yes = 0, no = 0;
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    while ((len = getline(&line, &room, stdin)) > 0) {
        char *rest = NULL;
        const char *kind = strtok_r(line, " \n", &rest);
        const char *a = strtok_r(NULL, " \n", &rest);
        const char *b = strtok_r(NULL, " \n", &rest);
        struct ct_hash first, second;
        struct ct_proof proof = { .count = 0 };
        const char *hash, *verdict;
        bool holds;

        if (b == NULL || !read_hash(strtok_r(NULL, " \n", &rest), &first) ||
            !read_hash(strtok_r(NULL, " \n", &rest), &second) || (verdict = strtok_r(NULL, " \n", &rest)) == NULL) {
            fprintf(stderr, "a line that is not of the oracle's form\n");
            return 2;
        }
        while ((hash = strtok_r(NULL, " \n", &rest)) != NULL) {
            if (proof.count == CT_PROOF_MAX || !read_hash(hash, &proof.hashes[proof.count++])) {
                fprintf(stderr, "a proof that is too long, or no hash\n");
                return 2;
            }
        }
        uint64_t m = strtoull(a, NULL, 10), n = strtoull(b, NULL, 10);
        holds = *kind == 'I' ? ct_inclusion_holds(&hasher, &first, m, n, &proof, &second)
                             : ct_consistency_holds(&hasher, m, &first, n, &second, &proof);
        if (hasher.failed) {
            return 2;
        }
        if (holds != (strcmp(verdict, "yes") == 0)) {
            printf("%s %s %s with %zu hashes: the oracle says %s\n", kind, a, b, proof.count, verdict);
            return 1;
        }
        *(holds ? &yes : &no) += 1;
    }
    free(line);
    ct_hasher_clear(&hasher);
    printf("%lu %lu\n", yes, no);
    return 0;
}
