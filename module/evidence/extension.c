/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/extension.h"

#include "base/der.h"

static const uint8_t alternative_names[] = { 0x55, 0x1d, 0x11 };
static const uint8_t usages[] = { 0x55, 0x1d, 0x25 };

const struct ct_bytes ct_oid_alternative_names = { alternative_names, sizeof alternative_names };
const struct ct_bytes ct_oid_usages = { usages, sizeof usages };

/* By bytes: libcrypto's own search asks its table of all objects about each extension. */
enum ct_extension_found ct_extension_find(const X509 *certificate, struct ct_bytes oid, struct ct_bytes *value)
{
    const STACK_OF(X509_EXTENSION) *extensions = X509_get0_extensions(certificate);
    enum ct_extension_found found = CT_EXTENSION_NONE;

    *value = (struct ct_bytes){ NULL, 0 };
    for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++) {
        X509_EXTENSION *extension = sk_X509_EXTENSION_value(extensions, i);
        const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
        const ASN1_OCTET_STRING *data;

        if (!ct_bytes_equal((struct ct_bytes){ OBJ_get0_data(object), OBJ_length(object) }, oid)) {
            continue;
        }
        if (found != CT_EXTENSION_NONE) {
            return CT_EXTENSION_TWICE;
        }
        data = X509_EXTENSION_get_data(extension);
        *value = (struct ct_bytes){ ASN1_STRING_get0_data(data), (size_t)ASN1_STRING_length(data) };
        found = CT_EXTENSION_FOUND;
    }
    return found;
}

enum ct_extension_found ct_extension_sequence(const X509 *certificate, struct ct_bytes oid, struct ct_bytes *content)
{
    struct ct_bytes value;
    enum ct_extension_found found = ct_extension_find(certificate, oid, &value);
    struct ct_reader r = ct_reader_of(value);

    *content = (struct ct_bytes){ NULL, 0 };
    if (found != CT_EXTENSION_FOUND) {
        return found;
    }
    *content = ct_der_expect(&r, CT_DER_SEQUENCE).content;
    return ct_reader_finished(&r) ? CT_EXTENSION_FOUND : CT_EXTENSION_TWICE;
}
