/* SPDX-License-Identifier: Apache-2.0 */
/* Reading members of JSON objects such that every error says where it is, what was expected and what was found. */
#ifndef CT_JSON_H
#define CT_JSON_H

#include <jansson.h>

#include "logs/formats.h"

enum ct_need { CT_OPTIONAL, CT_REQUIRED };

/* "place.name: expected …, found …", or without the dot when place is "". */
void ct_json_complain(struct ct_list_input *in, const char *place, const char *name, const char *expected,
                      const json_t *found);
/* A member of that type; NULL when it is not there or null, or is of another type (which is complained of). */
const json_t *ct_json_member(struct ct_list_input *in, const char *place, const json_t *object, const char *name,
                             json_type type, enum ct_need need);
/* A printable text, at most CT_LOG_LIST_MAX_TEXT bytes; NULL when there is none or it is empty. */
const char *ct_json_text(struct ct_list_input *in, const char *place, const json_t *object, const char *name,
                         enum ct_need need);
/* The same for what is only shown: a text that cannot be is warned of and left out. */
const char *ct_json_label(struct ct_list_input *in, const char *place, const json_t *object, const char *name);
/* Sets *ms from an RFC 3339 time; leaves it alone when there is none, or "no time", 0001-01-01T00:00:00Z. */
void ct_json_time(struct ct_list_input *in, const char *place, const json_t *object, const char *name,
                  enum ct_need need, int64_t *ms);
/*
 * Sets the log's key from `key_name` and checks that `id_name` is its SHA-256 (both base64, both required). Where it is
 * not, or one of them is missing, the log is not identified.
 */
void ct_json_key_and_id(struct ct_list_input *in, const char *key_place, const json_t *key_object, const char *key_name,
                        const char *id_place, const json_t *id_object, const char *id_name, struct ct_log *log);

#endif
