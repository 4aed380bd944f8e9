/* SPDX-License-Identifier: Apache-2.0 */
/* Prints, a line of hex for each certificate in DER, the TBSCertificate that the module says the logs signed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "evidence/certificate.h"
#include "base/file.h"
#include "evidence/signed_entry.h"

static bool print_tbs(const char *path)
{
    struct ct_certificate certificate = { 0 };
    struct ct_file file = { 0 };
    uint8_t *tbs = NULL;
    size_t len = 0;
    bool ok = ct_file_read(path, 1 << 20, true, &file) == 0 &&
              ct_certificate_read_der((struct ct_bytes){ file.data, file.len }, &certificate) == CT_CERTIFICATE_OK &&
              ct_tbs_without_sct_list(&certificate, &tbs, &len) == CT_ENTRY_OK;

    for (size_t i = 0; ok && i < len; i++) {
        printf("%02" PRIx8, tbs[i]);
    }
    printf("\n");
    free(tbs);
    ct_certificate_clear(&certificate);
    ct_file_clear(&file);
    return ok;
}

int main(int argc, char **argv)
{
    int status = 0;

    for (int i = 1; i < argc; i++) {
        if (!print_tbs(argv[i])) {
            fprintf(stderr, "%s: nothing can be rebuilt\n", argv[i]);
            status = 1;
        }
    }
    return status;
}
