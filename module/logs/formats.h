/* What the readers of the list formats share. Only log_list*.c include this. */
#ifndef CT_LOG_LIST_INTERNAL_H
#define CT_LOG_LIST_INTERNAL_H

#include <jansson.h>

#include "logs/log_list.h"

#define CT_LOG_LIST_MAX_TEXT 1000u /* bytes of a description, operator or URL */
#define CT_LOG_KEY_MAX 2048u       /* bytes of a SubjectPublicKeyInfo; RSA-8192 has 1,062 */

/* One list being read. Readers report errors in `problems` and go on; what an error touches is not added. */
struct ct_list_input {
    const char *file;
    struct ct_bytes text;
    struct ct_log_list *list;
    struct ct_problems *problems;
};

/* One reader a format; each adds its logs to in->list. */
void ct_list_read_v3(struct ct_list_input *in, const json_t *root);
void ct_list_read_single_v3(struct ct_list_input *in, const json_t *root);
void ct_list_read_sigstore(struct ct_list_input *in, const json_t *root);
void ct_list_read_openssl(struct ct_list_input *in);
void ct_list_read_pem(struct ct_list_input *in);

/* A log about which nothing is known yet: usable, no interval. */
struct ct_log ct_list_new_log(void);
/*
 * Moves *log, whose key is set, into the list (it is zeroed in every case), unless errors were reported since
 * `errors_before`. `place` is where it stands, for messages ("" when the line says enough).
 */
void ct_list_add(struct ct_list_input *in, unsigned line, const char *place, struct ct_log *log, size_t errors_before);
/* Sets the log's key from standard base64 of a SubjectPublicKeyInfo; reports errors. */
void ct_list_set_key(struct ct_list_input *in, unsigned line, const char *place, struct ct_log *log,
                     const char *base64);
/* *to becomes a copy of `text`; nothing happens for NULL. Reports a shortage of memory. */
void ct_list_copy(struct ct_list_input *in, char **to, const char *text);

/* Strict base64 (RFC 4648, section 4: padded, canonical, no white space). False also when `out` has no room. */
bool ct_base64_decode(const char *text, uint8_t *out, size_t room, size_t *len) CT_MUST_USE;
/* 1 to CT_LOG_LIST_MAX_TEXT bytes of one line that is fit for logs, terminals and tables. */
bool ct_list_text_ok(const char *text) CT_MUST_USE;

/* --- JSON --- */

enum ct_need { CT_OPTIONAL, CT_REQUIRED };

/* "place.name: expected …, found …", or without the dot when place is "". */
void ct_json_complain(struct ct_list_input *in, const char *place, const char *name, const char *expected,
                      const json_t *found);
/* A member of that type; NULL when it is not there, or is of another type (which is reported). */
const json_t *ct_json_member(struct ct_list_input *in, const char *place, const json_t *object, const char *name,
                             json_type type, enum ct_need need);
/* A printable text, at most CT_LOG_LIST_MAX_TEXT bytes; NULL when there is none or it is empty. */
const char *ct_json_text(struct ct_list_input *in, const char *place, const json_t *object, const char *name,
                         enum ct_need need);
/* Sets *ms from an RFC 3339 time; leaves it alone when there is none. */
void ct_json_time(struct ct_list_input *in, const char *place, const json_t *object, const char *name,
                  enum ct_need need, int64_t *ms);
/* Sets the log's key from `key_name` and checks that `id_name` is its SHA-256 (both base64, both required). */
void ct_json_key_and_id(struct ct_list_input *in, const char *key_place, const json_t *key_object, const char *key_name,
                        const char *id_place, const json_t *id_object, const char *id_name, struct ct_log *log);

#endif
