/* SPDX-License-Identifier: Apache-2.0 */
#include "case.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "pair.h"

void load(void)
{
    ck_assert_int_eq(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL), 1);
}

void configure(const char *settings)
{
    FILE *out = fopen(getenv("CLIENTCT_CNF"), "w");

    ck_assert_ptr_nonnull(out);
    fprintf(out, "log_list = %s\npolicy = one\n%s", file("log_list", "", ".json"), settings);
    ck_assert_int_eq(fclose(out), 0);
}

void judges(const char *when, SSL_CTX *server)
{
    ck_assert_msg(admits_with(server, "good", NULL), "%s: a logged client is admitted", when);
    ck_assert_msg(!admits_with(server, "unlogged", NULL), "%s: an unlogged client is refused", when);
    ERR_clear_error();
}

void enforces(const char *when)
{
    SSL_CTX *server = server_context();

    judges(when, server);
    SSL_CTX_free(server);
}

const char *reason_in_queue(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    return reason != NULL ? reason : "";
}

int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
