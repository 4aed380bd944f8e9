/* SPDX-License-Identifier: Apache-2.0 */
#include "config/settings.h"

#include <stdlib.h>

static void clear_paths(struct ct_setting_path *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(paths[i].path);
    }
    free(paths);
}

void ct_settings_clear(struct ct_settings *settings)
{
    if (settings == NULL) {
        return;
    }
    clear_paths(settings->log_lists, settings->log_list_count);
    free(settings->log_list_key.path);
    free(settings->sct_store.path);
    free(settings->ocsp_store.path);
    free(settings->proof_store.path);
    free(settings->metrics.path);
    free(settings->archive.path);
    for (size_t i = 0; i < settings->policy_count; i++) {
        ct_policy_clear(&settings->policies[i]);
    }
    free(settings->policies);
    for (size_t i = 0; i < settings->rule_count; i++) {
        ct_rule_clear(&settings->rules[i]);
    }
    free(settings->rules);
    for (size_t i = 0; i < settings->audit_count; i++) {
        free(settings->audit[i].path);
    }
    free(settings->audit);
    *settings = (struct ct_settings){ 0 };
}
