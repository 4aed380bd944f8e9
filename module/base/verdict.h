/* SPDX-License-Identifier: Apache-2.0 */
/* How short the structures of a caller may be; the public part of verdict.c is in clientct.h. */
#ifndef CT_VERDICT_H
#define CT_VERDICT_H

#include <clientct/clientct.h>

#define CT_END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* All that is owned, without which a verdict could not be released. */
#define CT_VERDICT_SIZE_MIN CT_END_OF(struct clientct_verdict, condition_count)
/* All that the first release knew: less would leave out what rules ask for, and so choose a looser policy. */
#define CT_INPUT_SIZE_MIN CT_END_OF(struct clientct_input, shown_server_name_count)

#endif
