/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/names.h"

#include <stdio.h>
#include <string.h>

#include "evidence/extension.h"
#include "evidence/identity.h"

static size_t text_of_ip(struct ct_bytes address, char *out, size_t size)
{
    const uint8_t *at = address.data;
    size_t used = 0;

    if (address.len == 4) {
        return (size_t)snprintf(out, size, "ip:%u.%u.%u.%u", at[0], at[1], at[2], at[3]);
    }
    if (address.len == 16) {
        used = (size_t)snprintf(out, size, "ip:");
        for (size_t i = 0; i < 16; i += 2) {
            used +=
                (size_t)snprintf(out + used, size - used, "%s%x", i > 0 ? ":" : "", (unsigned)at[i] << 8 | at[i + 1]);
        }
    }
    return used;
}

/* 0: of a kind that has no text. */
static size_t text_of_name(unsigned kind, struct ct_bytes value, char out[CT_NAME_MAX])
{
    const char *word = kind == CT_NAME_URI     ? "uri:"
                       : kind == CT_NAME_DNS   ? "dns:"
                       : kind == CT_NAME_EMAIL ? "email:"
                                               : NULL;
    size_t head, len;

    if (kind == CT_NAME_IP) {
        return text_of_ip(value, out, CT_NAME_MAX);
    }
    if (word == NULL) {
        return 0;
    }
    head = strlen(word);
    len = value.len < CT_NAME_MAX - head ? value.len : CT_NAME_MAX - head;
    memcpy(out, word, head);
    if (len > 0) {
        memcpy(out + head, value.data, len);
    }
    return head + len;
}

size_t ct_each_alternative_name(const X509 *certificate, size_t most, ct_name_fn each, void *arg)
{
    size_t found = 0;
    struct ct_bytes content, value;
    struct ct_reader names;
    unsigned kind;

    if (ct_extension_sequence(certificate, ct_oid_alternative_names, &content) != CT_EXTENSION_FOUND) {
        return 0;
    }
    names = ct_reader_of(content);
    while (found < most && ct_identity_next_name(&names, &kind, &value)) {
        char text[CT_NAME_MAX];
        size_t len = text_of_name(kind, value, text);

        if (len > 0) {
            each(arg, text, len);
            found++;
        }
    }
    return found;
}
