#include "evidence/names.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static bool text_of_ip(const ASN1_OCTET_STRING *address, char *out, size_t size)
{
    const unsigned char *bytes = ASN1_STRING_get0_data(address);
    int len = ASN1_STRING_length(address);
    size_t used = 0;

    if (len == 4) {
        snprintf(out, size, "ip:%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
    } else if (len == 16) {
        used = (size_t)snprintf(out, size, "ip:");
        for (size_t i = 0; i < 16; i += 2) {
            used += (size_t)snprintf(out + used, size - used, "%s%x", i > 0 ? ":" : "",
                                     (unsigned)bytes[i] << 8 | bytes[i + 1]);
        }
    }
    return len == 4 || len == 16;
}

static bool text_of_name(const GENERAL_NAME *name, char out[CT_NAME_MAX])
{
    int type = -1;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    const char *kind = type == GEN_URI ? "uri" : type == GEN_DNS ? "dns" : type == GEN_EMAIL ? "email" : NULL;

    if (type == GEN_IPADD) {
        return text_of_ip(value, out, CT_NAME_MAX);
    }
    if (kind != NULL) {
        snprintf(out, CT_NAME_MAX, "%s:%.*s", kind, ASN1_STRING_length(value),
                 (const char *)ASN1_STRING_get0_data(value));
    }
    return kind != NULL;
}

size_t ct_each_alternative_name(const X509 *certificate, size_t most, ct_name_fn each, void *arg)
{
    size_t found = 0;
    GENERAL_NAMES *names;

    ERR_set_mark();
    names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && found < most; i++) {
        char text[CT_NAME_MAX];

        if (text_of_name(sk_GENERAL_NAME_value(names, i), text)) {
            each(arg, text);
            found++;
        }
    }
    GENERAL_NAMES_free(names);
    ERR_pop_to_mark();
    return found;
}
