/* SPDX-License-Identifier: Apache-2.0 */
/* Strict base64 (RFC 4648, section 4): padded, canonical, no white space. */
#ifndef CT_BASE64_H
#define CT_BASE64_H

#include "base/bytes.h"

/* An upper bound of what `len` digits decode to. */
#define CT_BASE64_ROOM(len) ((len) / 4 * 3)

/* False when the text is not base64, or `out` has no room for it. The empty text is no bytes. */
bool ct_base64_read(struct ct_bytes text, uint8_t *out, size_t room, size_t *len) CT_MUST_USE;

#endif
