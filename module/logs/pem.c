/* SPDX-License-Identifier: Apache-2.0 */
/* PEM: one or more PUBLIC KEY blocks (RFC 7468, section 13). What stands between blocks is comment. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/other_file.h"
#include "logs/readers.h"

static void read_block(struct ct_list_input *in, unsigned line, const char *name, const char *header,
                       struct ct_bytes der)
{
    struct ct_log log = ct_list_begin_log(in);

    if (strstr(name, "PRIVATE KEY") != NULL) {
        ct_list_complain(in, line,
                         "expected PUBLIC KEY, found %.60s; a log's private key does not belong here: make the public "
                         "one with `openssl pkey -pubout`, and keep the private one secret",
                         name);
    } else if (strcmp(name, PEM_STRING_PUBLIC) != 0 || *header != '\0') {
        ct_list_complain(
            in, line, "expected PUBLIC KEY%s, found %.60s%s", *header != '\0' ? " without headers" : "", name,
            strstr(name, "CERTIFICATE") != NULL ? "; a log is known by its key, not by a certificate" : "");
    } else {
        ct_list_set_key(in, line, "", &log, der);
    }
    ct_list_end_log(in, line, "", &log);
}

void ct_list_read_pem(struct ct_list_input *in)
{
    const char *without_lines = ct_pem_without_lines(in->text);
    BIO *bio = NULL;
    size_t counted = 0;
    unsigned line = 0;

    if (without_lines != NULL) {
        ct_list_complain(in, 0, "expected PEM, found %s", without_lines);
        return;
    }
    if ((bio = BIO_new_mem_buf(in->text.data, (int)in->text.len)) == NULL) {
        ct_list_out_of_memory(in);
        return;
    }
    for (;;) {
        char *name = NULL;
        char *header = NULL;
        unsigned char *der = NULL;
        long len = 0;
        bool read, at_end;
        size_t consumed;

        ERR_set_mark();
        read = PEM_read_bio(bio, &name, &header, &der, &len) == 1;
        at_end = !read && ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_PEM &&
                 ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && BIO_pending(bio) == 0;
        ERR_pop_to_mark();
        /* The line at which the block ends: PEM_read_bio reads no further. */
        consumed = in->text.len - (size_t)BIO_pending(bio);
        for (; counted < consumed; counted++) {
            line += in->text.data[counted] == '\n' || counted + 1 == in->text.len;
        }
        if (read) {
            read_block(in, line, name, header, (struct ct_bytes){ der, (size_t)len });
        } else if (!at_end) {
            ct_problem_add(in->problems, CT_ERROR, in->file, line,
                           "expected a complete PEM block, found one that is cut off or damaged");
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)len);
        if (!read) {
            break;
        }
    }
    BIO_free(bio);
}
