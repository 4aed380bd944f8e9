/* SPDX-License-Identifier: Apache-2.0 */
/* What is legal but surely not meant; only for settings without errors. */
#ifndef CT_WARNINGS_H
#define CT_WARNINGS_H

#include "config/reader.h"

void ct_settings_warn(const struct ct_settings_reader *reader, int64_t now_ms);

#endif
