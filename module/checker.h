/* SPDX-License-Identifier: Apache-2.0 */
/* The checker's inside, for the module's other rooms and the tool; programs use clientct.h. */
#ifndef CT_CHECKER_H
#define CT_CHECKER_H

#include <clientct/clientct.h>

#include "config/snapshot.h"

/* The snapshot in force, retained: release it. Never NULL. */
struct ct_snapshot *ct_checker_get1_snapshot(struct clientct_checker *checker);

#endif
