/* SPDX-License-Identifier: Apache-2.0 */
/* Embedded SCT lists as evidence. */
#include <check.h>
#include <string.h>

#include "evidence/evidence.h"
#include "pki.h"

static struct pki_ca ca;

static const struct row {
    const char *name;
    struct pki_leaf leaf;
    bool present;
    enum clientct_reason trouble;
} rows[] = {
    { "a list", { .list_fault = PKI_LIST_NONE }, true, CLIENTCT_NOT_EVALUATED },
    { "an empty list is for the decoder to refuse", { .list_fault = PKI_LIST_EMPTY }, true, CLIENTCT_NOT_EVALUATED },
    { "a list that says that it is longer", { .list_fault = PKI_LIST_SHORT }, true, CLIENTCT_NOT_EVALUATED },
    { "no extension", { .no_sct_extension = true }, false, CLIENTCT_NOT_EVALUATED },
    { "byte behind the OCTET STRING", { .list_fault = PKI_LIST_OCTET_TRAILING }, false, CLIENTCT_MALFORMED_SCT_LIST },
    { "nothing in the OCTET STRING",
      { .raw_list = &(const struct pki_bytes){ 0 } },
      false,
      CLIENTCT_MALFORMED_SCT_LIST },
};

START_TEST(gives_the_embedded_list)
{
    const struct row *row = &rows[_i];
    struct pki_log log = { 0 };
    struct pki_leaf plan = row->leaf;
    struct pki_minted minted = { 0 };
    struct ct_certificate certificate;
    struct ct_evidence evidence;

    pki_log_new(&log, pki_new_key(PKI_P256, 0));
    const struct pki_sct sct = { .log = &log, .time_ms = pki_now() };
    if (!plan.no_sct_extension && plan.raw_list == NULL) {
        plan.scts = &sct;
        plan.sct_count = 1;
    }
    pki_mint(&minted, &plan, &ca);
    ck_assert_int_eq(ct_certificate_read(minted.certificate, &certificate), CT_CERTIFICATE_OK);
    ct_evidence_embedded(&certificate, &evidence);
    ck_assert_msg(evidence.trouble == row->trouble, "%s: %s", row->name, clientct_reason_name(evidence.trouble));
    ck_assert_msg(evidence.present == row->present, "%s: present %d", row->name, evidence.present);
    ck_assert_msg((evidence.detail[0] != '\0') == (row->trouble != CLIENTCT_NOT_EVALUATED), "%s: detail", row->name);
    if (row->present) {
        /* Borrowed, not copied. */
        ck_assert_msg(evidence.list.data > certificate.der &&
                          evidence.list.data + evidence.list.len <= certificate.der + certificate.der_len,
                      "%s", row->name);
        ck_assert_ptr_null(evidence.owned);
    }
    ct_evidence_clear(&evidence);
    ck_assert(!evidence.present);
    ct_certificate_clear(&certificate);
    pki_minted_clear(&minted);
    pki_log_clear(&log);
}
END_TEST

START_TEST(clearing_is_safe_on_nothing)
{
    struct ct_evidence evidence = { 0 };

    ct_evidence_clear(NULL);
    ct_evidence_clear(&evidence);
    ct_evidence_clear(&evidence);
    ct_evidence_embedded(NULL, &evidence);
    ck_assert(!evidence.present && evidence.trouble == CLIENTCT_NOT_EVALUATED);
    ck_assert(evidence.from_ms == INT64_MIN && evidence.until_ms == INT64_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evidence");
    TCase *tcase = tcase_create("embedded");
    SRunner *runner = srunner_create(suite);
    int failed;

    pki_ca_new(&ca, "Client CA", NULL, NULL, 30);
    tcase_add_loop_test(tcase, gives_the_embedded_list, 0, sizeof rows / sizeof rows[0]);
    tcase_add_test(tcase, clearing_is_safe_on_nothing);
    suite_add_tcase(suite, tcase);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    pki_ca_clear(&ca);
    return failed == 0 ? 0 : 1;
}
