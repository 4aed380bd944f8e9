/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/doctor/sockets.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKETS_MAX 65536u
#define ESTABLISHED 1u /* as /proc/net/tcp numbers states */
#define LISTENS 10u

struct sockets {
    unsigned long *inodes;
    size_t count;
};

static int by_number(const void *a, const void *b)
{
    unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

    return (x > y) - (x < y);
}

/* False: its descriptors cannot be seen. */
static bool find_sockets(pid_t pid, struct sockets *found)
{
    char name[320], target[64];
    struct dirent *entry;
    DIR *open;

    snprintf(name, sizeof name, "/proc/%ld/fd", (long)pid);
    open = opendir(name);
    found->count = 0;
    found->inodes = open != NULL ? calloc(SOCKETS_MAX, sizeof *found->inodes) : NULL;
    while (found->inodes != NULL && found->count < SOCKETS_MAX && (entry = readdir(open)) != NULL) {
        snprintf(name, sizeof name, "/proc/%ld/fd/%s", (long)pid, entry->d_name);
        ssize_t len = readlink(name, target, sizeof target - 1);

        target[len > 0 ? len : 0] = '\0';
        if (sscanf(target, "socket:[%lu]", &found->inodes[found->count]) == 1) {
            found->count++;
        }
    }
    if (open != NULL) {
        closedir(open);
    }
    if (found->inodes != NULL) {
        qsort(found->inodes, found->count, sizeof found->inodes[0], by_number);
    }
    return found->inodes != NULL;
}

static bool is_in(pid_t pid, const char *table, const struct sockets *found)
{
    char name[64], line[512];
    unsigned long inode;
    unsigned state;
    bool is = false;
    FILE *file;

    snprintf(name, sizeof name, "/proc/%ld/net/%s", (long)pid, table);
    file = fopen(name, "re");
    while (!is && file != NULL && fgets(line, sizeof line, file) != NULL) {
        is = sscanf(line, "%*s %*s %*s %x %*s %*s %*s %*s %*s %lu", &state, &inode) == 2 &&
             (state == ESTABLISHED || state == LISTENS) &&
             bsearch(&inode, found->inodes, found->count, sizeof inode, by_number) != NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    return is;
}

bool doctor_has_tcp(pid_t pid)
{
    struct sockets found;
    bool has = !find_sockets(pid, &found) || is_in(pid, "tcp", &found) || is_in(pid, "tcp6", &found);

    free(found.inodes);
    return has;
}
