/* SPDX-License-Identifier: Apache-2.0 */
#include "errors.h"

#include <stdbool.h>

#include <openssl/err.h>

/* OpenSSL takes a reason code of 0 for the end of a table, and our first reason is 0. */
#define REASON_CODE(reason) (100 + (int)(reason))
#define STORE_CODE 1
#define MARKS_MAX 64 /* more than the queue has entries */

/* libcrypto keeps pointers into these tables for good and writes the library number into them. */
static ERR_STRING_DATA library_strings[] = {
    { 0, "clientct" },
    { 0, NULL },
};

/* Many servers show the reason string alone, so it names us and says all of it. */
/* clang-format off */
static ERR_STRING_DATA reason_strings[] = {
    { STORE_CODE, "clientct: store cannot be opened" },
#define REASON_STRING(id, name, text) \
    { (unsigned long)REASON_CODE(CLIENTCT_##id), "clientct: refused client certificate: " name },
    CLIENTCT_REASONS(REASON_STRING)
#undef REASON_STRING
    { 0, NULL },
};
/* clang-format on */

static int library;

void ct_errors_register(void)
{
    library = ERR_get_next_error_library();
    library_strings[0].error = ERR_PACK(library, 0, 0);
    ERR_load_strings(0, library_strings);
    ERR_load_strings(library, reason_strings);
}

static bool is_last(const struct ct_errors_kept *kept)
{
    const char *file;
    int line;

    return ERR_peek_last_error_all(&file, &line, NULL, NULL, NULL) == kept->last && file == kept->file &&
           line == kept->line;
}

void ct_errors_keep(struct ct_errors_kept *kept)
{
    kept->last = ERR_peek_last_error_all(&kept->file, &kept->line, NULL, NULL, NULL);
    if (kept->last != 0) {
        ERR_set_mark();
    }
}

void ct_errors_put_back(const struct ct_errors_kept *kept)
{
    if (kept->last == 0) {
        ERR_clear_error();
        return;
    }
    ERR_pop_to_mark();
    for (int marks = 0; marks < MARKS_MAX && ERR_peek_last_error() != 0 && !is_last(kept); marks++) {
        ERR_pop_to_mark();
    }
}

void ct_errors_push_refusal(enum clientct_reason reason, const char *detail)
{
    if ((unsigned)reason >= CLIENTCT_REASON_COUNT) {
        reason = CLIENTCT_INTERNAL_ERROR;
    }
    if (detail != NULL && detail[0] != '\0') {
        ERR_raise_data(library, REASON_CODE(reason), "%s", detail);
    } else {
        ERR_raise(library, REASON_CODE(reason));
    }
}

void ct_errors_push_store(const char *uri, const char *why)
{
    ERR_raise_data(library, STORE_CODE, "%.80s: %s", uri, why);
}
