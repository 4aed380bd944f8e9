/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of the list formats: log_list chooses one by content, nobody else calls them. */
#ifndef CT_READERS_H
#define CT_READERS_H

#include <jansson.h>

#include "logs/formats.h"

/* One reader a format; each adds its logs to in->list. */
void ct_list_read_v3(struct ct_list_input *in, const json_t *root);
void ct_list_read_single_v3(struct ct_list_input *in, const json_t *root);
void ct_list_read_sigstore(struct ct_list_input *in, const json_t *root);
void ct_list_read_openssl(struct ct_list_input *in);
void ct_list_read_pem(struct ct_list_input *in);

#endif
