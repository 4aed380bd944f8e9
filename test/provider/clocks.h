/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks of this process, which a test can move: for the component and libssl alike. */
#ifndef CT_TEST_CLOCKS_H
#define CT_TEST_CLOCKS_H

#include <stdint.h>

/* Time goes by. */
void clocks_forward(int64_t seconds);
/* Somebody sets the wall clock, to so much more than it says. */
void clocks_set_wall(int64_t seconds);

#endif
