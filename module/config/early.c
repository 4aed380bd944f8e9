/* SPDX-License-Identifier: Apache-2.0 */
#include "config/early.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_lines.h"
#include "config/read_named.h"
#include "logs/log_list.h"

/* Of all files together; beyond it a server has to be able to read them later. */
#define EARLY_MAX_BYTES (16u * 1024 * 1024)

static size_t bytes_of(const struct ct_file_set *set)
{
    size_t bytes = 0;

    for (size_t i = 0; i < set->count; i++) {
        bytes += set->files[i]->file.len;
    }
    return bytes;
}

static void read_file(struct ct_file_set *set, const char *path, size_t max)
{
    size_t read = bytes_of(set);

    if (path[0] == '/' && read < EARLY_MAX_BYTES) {
        ct_file_set_read_bytes(set, path, max < EARLY_MAX_BYTES - read ? max : EARLY_MAX_BYTES - read);
    }
}

static void read_line(struct ct_file_set *set, const struct ct_conf_line *line)
{
    char *signature = NULL;

    if (line->unusable) {
        return;
    }
    if (strcmp(line->name, "log_list") == 0) {
        read_file(set, line->value, CT_LOG_LIST_MAX_BYTES);
        if (asprintf(&signature, "%s.sig", line->value) >= 0) {
            read_file(set, signature, CT_SIGNATURE_MAX_BYTES);
            free(signature);
        }
    } else if (strcmp(line->name, "log_list_key") == 0) {
        read_file(set, line->value, CT_KEY_MAX_BYTES);
    } else if (strcmp(line->name, "issuer") == 0 || strcmp(line->name, "certificate") == 0) {
        read_file(set, line->value, CT_CONFIG_MAX_BYTES);
    }
}

void ct_early_read(const char *config_file, struct ct_file_set *set)
{
    struct ct_problems problems = { 0 };
    struct ct_conf conf = { 0 };
    const struct ct_file *file;

    ct_file_set_read_bytes(set, config_file, CT_CONFIG_MAX_BYTES);
    file = set->count > 0 ? &set->files[0]->file : NULL;
    if (file == NULL || file->data == NULL) {
        return;
    }
    /* Only for the names: what is wrong with the lines is told when they are read as settings. */
    (void)!ct_conf_read(config_file, (struct ct_bytes){ file->data, file->len }, &conf, &problems);
    for (size_t i = 0; i < conf.line_count; i++) {
        read_line(set, &conf.lines[i]);
    }
    ct_conf_clear(&conf);
    ct_problems_clear(&problems);
}
