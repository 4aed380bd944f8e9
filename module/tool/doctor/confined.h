/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor: what decides, beside users and modes, which files a program may read. */
#ifndef CT_TOOL_CONFINED_H
#define CT_TOOL_CONFINED_H

#include "base/bytes.h"

/*
 * The profile by which AppArmor confines the program at `path`, to be freed; NULL: none that shows. By its file's name,
 * as profiles are named that go with a path: the kernel's own list is for root.
 */
char *doctor_profile_of(const char *path) CT_MUST_USE;

#endif
