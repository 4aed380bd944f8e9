/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the general kinds. */
#ifndef CT_VALUES_H
#define CT_VALUES_H

#include "config/reader.h"

ct_setting_parser ct_parse_mode, ct_parse_on_stale, ct_parse_reload, ct_parse_allowed, ct_parse_yes_no;
ct_setting_parser ct_parse_resumption, ct_parse_resumption_window;
ct_setting_parser ct_parse_revocation;
ct_setting_parser ct_parse_leaf_index;
ct_setting_parser ct_parse_path, ct_parse_duration, ct_parse_time, ct_parse_count;
ct_setting_parser ct_parse_log_list, ct_parse_audit, ct_parse_sources, ct_parse_archive;
bool ct_parse_word(const struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *word,
                   const char *const *words, size_t *index) CT_MUST_USE;
bool ct_parse_number(const char *text, unsigned *number) CT_MUST_USE;
/* "name = value" with a path: absolute, as a server's working directory is not the operator's. */
bool ct_check_path(const struct ct_settings_reader *reader, const struct ct_conf_line *line,
                   const char *path) CT_MUST_USE;
/*
 * Calls `each` with every item of a comma-separated value, trimmed, in a copy. Empty items are reported; false when
 * there was an error.
 */
bool ct_each_item(struct ct_settings_reader *reader, const struct ct_conf_line *line,
                  bool each(struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *item,
                            size_t index, void *value),
                  void *value) CT_MUST_USE;

#endif
