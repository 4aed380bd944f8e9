/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <string.h>

bool ct_digest_add(EVP_MD_CTX *md, const void *data, size_t len)
{
    uint8_t head[9] = { data != NULL };

    ct_write_u64(head + 1, len);
    return EVP_DigestUpdate(md, head, sizeof head) == 1 && (len == 0 || EVP_DigestUpdate(md, data, len) == 1);
}

bool ct_digest_add_text(EVP_MD_CTX *md, const char *text)
{
    return ct_digest_add(md, text, text != NULL ? strlen(text) : 0);
}
