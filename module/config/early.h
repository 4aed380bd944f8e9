/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of the configuration as they are when the component is loaded, which is before a server changes its root
 * directory, its user or its supply of descriptors. Nothing is decoded and nothing is judged: for that the time has
 * not come.
 */
#ifndef CT_EARLY_H
#define CT_EARLY_H

#include "base/file_set.h"

/* Reads config_file and what it names, as far as that can be read; `set` is for ct_snapshot_read. Never fails. */
void ct_early_read(const char *config_file, struct ct_file_set *set);

#endif
