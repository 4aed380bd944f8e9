/* SPDX-License-Identifier: Apache-2.0 */
/* Files that people give by mistake, told by their first bytes. */
#ifndef CT_OTHER_FILE_H
#define CT_OTHER_FILE_H

#include <stdbool.h>

#include "base/bytes.h"

/*
 * What the file is, and what can be made of it: "a gzip file; unpack it with gunzip". White space at its start does not
 * matter. NULL: nothing that is known here. A static string.
 */
const char *ct_other_file(struct ct_bytes text);
/* What it answers for a certificate in DER, which is no mistake everywhere. */
extern const char ct_other_file_certificate[];

/* PEM without its line breaks, as environment variables and JSON carry it; what to do, or NULL. A static string. */
const char *ct_pem_without_lines(struct ct_bytes text);

#endif
