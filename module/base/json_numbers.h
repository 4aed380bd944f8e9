/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that JSON allows and no number of a computer can hold. */
#ifndef CT_JSON_NUMBERS_H
#define CT_JSON_NUMBERS_H

#include "base/bytes.h"

/*
 * JSON has no largest number, but its parser here refuses a whole text for one above 1.8e308. Such numbers become small
 * ones, in a copy: `*copy`, to be freed, takes the place of `*text`, or is NULL where none is needed. Whether the text
 * is JSON stays as it was. False when memory is short. One pass, no recursion.
 */
bool ct_json_shrink_numbers(struct ct_bytes *text, uint8_t **copy) CT_MUST_USE;

#endif
