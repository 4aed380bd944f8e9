/* SPDX-License-Identifier: Apache-2.0 */
/* A file of the SCT store: read by name, then decoded as the list that it should be. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "evidence/evidence.h"
#include "fuzz.h"

static char dir[] = "/tmp/clientct-fuzz-XXXXXX";
static char path[sizeof dir + 1 + 64 + sizeof(".sct")];

static void remove_store(void)
{
    unlink(path);
    rmdir(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ct_certificate certificate; /* the store looks at nothing but its hash */
    struct ct_evidence evidence;
    struct ct_scts scts = { 0 };
    int fd;

    if (path[0] == '\0') {
        FUZZ_REQUIRE(mkdtemp(dir) != NULL);
        snprintf(path, sizeof path, "%s/%064d.sct", dir, 0);
        atexit(remove_store);
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_REQUIRE(fd >= 0);
    FUZZ_REQUIRE(write(fd, data, size) == (ssize_t)size);
    close(fd);
    ct_evidence_store(&certificate, dir, &evidence);
    FUZZ_REQUIRE(evidence.trouble == CLIENTCT_NOT_EVALUATED);
    FUZZ_REQUIRE(evidence.present == (size <= CT_EVIDENCE_MAX_BYTES));
    if (evidence.present) {
        FUZZ_REQUIRE(ct_bytes_equal(evidence.list, (struct ct_bytes){ data, size }));
        if (ct_sct_list_decode(evidence.list, CLIENTCT_SOURCE_STORE, &scts) != CT_LIST_OK) {
            FUZZ_REQUIRE(scts.count == 0);
        }
    }
    ct_scts_clear(&scts);
    ct_evidence_clear(&evidence);
    return 0;
}
