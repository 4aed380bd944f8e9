/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against certificates and golden bytes from the world outside, where the folder with them is at hand
 * (CLIENTCT_SHARED_VECTORS); without it nothing is claimed and the test says so.
 */
#include <check.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "evidence/signed_entry.h"

static char *vector_path(const char *name)
{
    const char *root = getenv("CLIENTCT_SHARED_VECTORS");
    char *path = NULL;

    ck_assert_ptr_nonnull(root);
    ck_assert_int_gt(asprintf(&path, "%s/%s", root, name), 0);
    return path;
}

static X509 *read_certificate(const char *name)
{
    char *path = vector_path(name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);

    ck_assert_msg(certificate != NULL, "%s", path);
    fclose(file);
    free(path);
    return certificate;
}

START_TEST(rebuilds_the_golden_tbs_certificate)
{
    X509 *x509 = read_certificate("real-2025/cloudflare.pem");
    char *golden_path = vector_path("real-2025/cloudflare-tbs-without-sct.der");
    struct ct_certificate certificate = { 0 };
    struct ct_file golden;
    uint8_t *tbs = NULL;
    size_t len = 0;

    ck_assert_int_eq(ct_file_read(golden_path, 65536, true, &golden), 0);
    ck_assert_int_eq(ct_certificate_read(x509, &certificate), CT_CERTIFICATE_OK);
    ck_assert(certificate.well_formed && certificate.has_sct_list);
    ck_assert_int_eq(ct_tbs_without_sct_list(&certificate, &tbs, &len), CT_ENTRY_OK);
    ck_assert_uint_eq(len, golden.len);
    ck_assert_mem_eq(tbs, golden.data, len);
    free(tbs);
    ct_certificate_clear(&certificate);
    ct_file_clear(&golden);
    free(golden_path);
    X509_free(x509);
}
END_TEST

int main(void)
{
    const char *root = getenv("CLIENTCT_SHARED_VECTORS");

    if (root == NULL || access(root, R_OK) != 0) {
        printf("1..0 # SKIP the vectors are not here (CLIENTCT_SHARED_VECTORS)\n");
        return 0;
    }
    Suite *suite = suite_create("real vectors");
    TCase *golden = tcase_create("golden bytes");
    tcase_add_test(golden, rebuilds_the_golden_tbs_certificate);
    suite_add_tcase(suite, golden);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
