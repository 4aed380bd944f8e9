/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of log lists make of each list on standard input, in words that lists_against_models.py compares
 * with its own reading. A list is four bytes of length (big-endian) and its text. The answer ends with a line "end".
 */
#include <openssl/ct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logs/log_list.h"

static void print_text(const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        printf("%02x", (unsigned char)*text);
    }
    printf(text == NULL ? "-" : ".");
}

static void print_log(const struct ct_log *log)
{
    char id[2 * CT_LOG_ID_LEN + 1];

    ct_hex(log->id, CT_LOG_ID_LEN, id);
    printf("log %s %s %s %lld %lld %lld %d ", id, log->unusable == NULL ? "counts" : "not",
           ct_log_state_name(log->state), (long long)log->state_since_ms, (long long)log->interval_start_ms,
           (long long)log->interval_end_ms, log->tiled);
    print_text(log->log_operator);
    if (log->window_count == 0) {
        printf(" %lld..%lld", (long long)log->sct_from_ms, (long long)log->sct_until_ms);
    }
    for (size_t i = 0; i < log->window_count; i++) {
        printf(" %lld..%lld", (long long)log->windows[i].from_ms, (long long)log->windows[i].until_ms);
    }
    printf("\n");
}

/* Whether OpenSSL's own reader of ct_log_list.cnf takes the text, and how many of our logs it knows then. */
static void print_openssl(const char *path, const uint8_t *text, size_t len, const struct ct_log_list *list)
{
    CTLOG_STORE *store = CTLOG_STORE_new();
    FILE *file = fopen(path, "wb");
    size_t known = 0;

    if (file == NULL || fwrite(text, 1, len, file) != len || fclose(file) != 0) {
        exit(2);
    }
    if (CTLOG_STORE_load_file(store, path) == 1) {
        for (size_t i = 0; i < list->logs.count; i++) {
            known += list->logs.logs[i].unusable == NULL &&
                     CTLOG_STORE_get0_log_by_id(store, list->logs.logs[i].id, CT_LOG_ID_LEN) != NULL;
        }
        printf("openssl %zu\n", known);
    } else {
        printf("openssl refuses\n");
    }
    CTLOG_STORE_free(store);
}

int main(int argc, char **argv)
{
    uint8_t header[4];

    while (fread(header, 1, sizeof header, stdin) == sizeof header) {
        size_t len = (size_t)header[0] << 24 | (size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3];
        uint8_t *text = malloc(len + 1);
        struct ct_problems problems = { 0 };
        struct ct_log_list list;

        if (text == NULL || fread(text, 1, len, stdin) != len) {
            return 2;
        }
        if (ct_log_list_parse("list", (struct ct_bytes){ text, len }, &list, &problems)) {
            printf("list %s %zu\n", ct_log_list_format_name(list.format), list.nameless.count);
            for (size_t i = 0; i < list.logs.count; i++) {
                print_log(&list.logs.logs[i]);
            }
        } else {
            printf("refused %s\n", problems.count > 0 ? problems.items[problems.count - 1].text : "");
        }
        if (argc > 1) {
            print_openssl(argv[1], text, len, &list);
        }
        printf("end\n");
        fflush(stdout);
        ct_log_list_clear(&list);
        ct_problems_clear(&problems);
        free(text);
    }
    return 0;
}
