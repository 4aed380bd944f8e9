/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/doctor/confined.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/tool.h"

static bool is_on(void)
{
    FILE *file = fopen("/sys/module/apparmor/parameters/enabled", "re");
    bool on = file != NULL && fgetc(file) == 'Y';

    if (file != NULL) {
        fclose(file);
    }
    return on;
}

char *doctor_profile_of(const char *path)
{
    char *real = is_on() ? realpath(path, NULL) : NULL;
    char *name = real != NULL ? tool_format("%s", real + 1) : NULL;
    char *profile = NULL, *disabled;

    for (char *slash = name; slash != NULL && (slash = strchr(slash, '/')) != NULL;) {
        *slash = '.';
    }
    if (name != NULL) {
        profile = tool_format("/etc/apparmor.d/%s", name);
        disabled = tool_format("/etc/apparmor.d/disable/%s", name);
        if (access(profile, F_OK) != 0 || access(disabled, F_OK) == 0) {
            free(profile);
            profile = NULL;
        }
        free(disabled);
    }
    free(name);
    free(real);
    return profile;
}
