/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/trust.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tool/tool.h"

#define LINKS_MAX 40 /* as the kernel follows */
#define ACL_SIZE 4096

void tool_trust_begin(struct tool_trust *trust)
{
    memset(trust, 0, sizeof *trust);
    trust->users[trust->user_count++] = 0;
    trust->users[trust->user_count++] = geteuid();
    trust->groups[trust->group_count++] = 0;
}

bool tool_trust_add(struct tool_trust *trust, const char *user)
{
    char *end;
    unsigned long number = strtoul(user, &end, 10);
    const struct passwd *entry =
        *user != '\0' && *end == '\0' && number <= UINT_MAX ? getpwuid((uid_t)number) : getpwnam(user);

    if (entry == NULL || trust->user_count == TOOL_TRUST_MAX || trust->group_count == TOOL_TRUST_MAX) {
        return false;
    }
    trust->users[trust->user_count++] = entry->pw_uid;
    trust->groups[trust->group_count++] = entry->pw_gid;
    return true;
}

static bool trusts_user(const struct tool_trust *trust, uid_t user)
{
    for (size_t i = 0; i < trust->user_count; i++) {
        if (trust->users[i] == user) {
            return true;
        }
    }
    return false;
}

static bool trusts_group(const struct tool_trust *trust, gid_t group)
{
    for (size_t i = 0; i < trust->group_count; i++) {
        if (trust->groups[i] == group) {
            return true;
        }
    }
    return false;
}

/* To be freed. */
static char *name_user(uid_t user)
{
    const struct passwd *entry = getpwuid(user);

    return entry != NULL ? tool_format("%s", entry->pw_name) : tool_format("user %lu", (unsigned long)user);
}

static char *name_group(gid_t group)
{
    const struct group *entry = getgrgid(group);

    return entry != NULL ? tool_format("group %s", entry->gr_name) : tool_format("group %lu", (unsigned long)group);
}

/*
 * POSIX access control lists as Linux stores them: a version, then entries of tag, rights and id in the order of the
 * tags, all little-endian (linux/posix_acl_xattr.h). Where there is one, the mode's group bits are its mask.
 */
struct acl {
    uint8_t bytes[ACL_SIZE];
    size_t len; /* 0: there is none */
    bool unknown;
};

enum { ACL_VERSION = 2, ACL_HEAD = 4, ACL_ENTRY = 8, ACL_USER = 0x02, ACL_GROUP_OBJ = 0x04, ACL_GROUP = 0x08 };

static void read_acl(const char *path, struct acl *acl)
{
    ssize_t got = lgetxattr(path, "system.posix_acl_access", acl->bytes, sizeof acl->bytes);

    acl->unknown = got < 0 && errno != ENODATA && errno != ENOTSUP;
    acl->len = got > 0 ? (size_t)got : 0;
    acl->unknown = acl->unknown || (acl->len > 0 && (acl->len < ACL_HEAD || acl->bytes[0] != ACL_VERSION ||
                                                     (acl->len - ACL_HEAD) % ACL_ENTRY != 0));
}

static uint32_t little_endian(const uint8_t *at, size_t len)
{
    uint32_t value = 0;

    while (len-- > 0) {
        value = value << 8 | at[len];
    }
    return value;
}

/* Who may write by the list, beyond the owner: to be freed; NULL: nobody. The mask allows writing. */
static char *writer_by_acl(const struct tool_trust *trust, const struct acl *acl, const struct stat *st)
{
    for (size_t at = ACL_HEAD; at + ACL_ENTRY <= acl->len; at += ACL_ENTRY) {
        uint32_t tag = little_endian(acl->bytes + at, 2), rights = little_endian(acl->bytes + at + 2, 2);
        uint32_t id = little_endian(acl->bytes + at + 4, 4);

        if ((rights & 2) == 0) {
            continue;
        }
        if (tag == ACL_USER && !trusts_user(trust, (uid_t)id)) {
            return name_user((uid_t)id);
        }
        if (tag == ACL_GROUP && !trusts_group(trust, (gid_t)id)) {
            return name_group((gid_t)id);
        }
        if (tag == ACL_GROUP_OBJ && !trusts_group(trust, st->st_gid)) {
            return name_group(st->st_gid);
        }
    }
    return NULL;
}

/* Who else may write one file or directory, to be freed; NULL: nobody. */
static char *writer_of(const struct tool_trust *trust, const char *path, const struct stat *st)
{
    struct acl acl;

    if (!trusts_user(trust, st->st_uid)) {
        char *name = name_user(st->st_uid);
        char *text = tool_format("belongs to %s", name);
        free(name);
        return text;
    }
    if (S_ISLNK(st->st_mode)) {
        return NULL; /* its mode means nothing */
    }
    if ((st->st_mode & S_IWOTH) != 0) {
        return tool_format("may be written by everybody (mode %04o)", (unsigned)st->st_mode & 07777);
    }
    if ((st->st_mode & S_IWGRP) == 0) {
        return NULL;
    }
    read_acl(path, &acl);
    if (acl.unknown) {
        return tool_format("has an access control list that cannot be read");
    }
    char *by = acl.len > 0                        ? writer_by_acl(trust, &acl, st)
               : !trusts_group(trust, st->st_gid) ? name_group(st->st_gid)
                                                  : NULL;
    if (by == NULL) {
        return NULL;
    }
    char *text = tool_format("may be written by %s (%s %04o)", by, acl.len > 0 ? "access control list, mode" : "mode",
                             (unsigned)st->st_mode & 07777);
    free(by);
    return text;
}

/* In a directory such as /tmp (sticky) only owners rename and remove: what is in it is looked at for itself. */
static char *replacer_of(const struct tool_trust *trust, const char *path, const struct stat *st)
{
    bool sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0 && trusts_user(trust, st->st_uid);

    return sticky ? NULL : writer_of(trust, path, st);
}

/*
 * Goes along an absolute path, one component at a time, into `resolved`, which grows with it. What a link says stands
 * in front of the rest.
 */
static char *walk(const struct tool_trust *trust, const char *path)
{
    char rest[2 * PATH_MAX], resolved[PATH_MAX] = "";
    unsigned links = 0;
    struct stat st;
    char *who = stat("/", &st) == 0 ? replacer_of(trust, "/", &st) : NULL;

    if (who != NULL) {
        char *text = tool_format("the directory / %s", who);
        free(who);
        return text;
    }
    if (path[0] != '/' || (size_t)snprintf(rest, sizeof rest, "%s", path) >= PATH_MAX) {
        return tool_format("%s: a path that cannot be followed", path);
    }
    for (char *at = rest; *(at += strspn(at, "/")) != '\0';) {
        size_t len = strcspn(at, "/"), before = strlen(resolved);
        char link[PATH_MAX];
        ssize_t link_len;

        if (len == 1 && at[0] == '.') {
            at += len;
            continue;
        }
        if (len == 2 && at[0] == '.' && at[1] == '.') {
            char *slash = strrchr(resolved, '/');
            if (slash != NULL) {
                *slash = '\0';
            }
            at += len;
            continue;
        }
        if (before + 1 + len >= sizeof resolved) {
            return tool_format("%s: a path that cannot be followed", path);
        }
        resolved[before] = '/';
        memcpy(resolved + before + 1, at, len);
        resolved[before + 1 + len] = '\0';
        at += len;
        if (lstat(resolved, &st) != 0) {
            return tool_format("%s cannot be looked at: %s", resolved, strerror(errno));
        }
        bool last = at[strspn(at, "/")] == '\0';
        who = replacer_of(trust, resolved, &st);
        if (who != NULL) {
            char *text = tool_format("%s%s %s%s", S_ISDIR(st.st_mode) ? "the directory " : "", resolved, who,
                                     last ? "" : ", who may replace what is in it");
            free(who);
            return text;
        }
        if (!S_ISLNK(st.st_mode)) {
            continue;
        }
        link_len = readlink(resolved, link, sizeof link - 1);
        if (link_len < 0 || ++links > LINKS_MAX || (size_t)link_len + strlen(at) + 2 >= sizeof rest) {
            return tool_format("%s: a link that cannot be followed", resolved);
        }
        memmove(rest + link_len + 1, at, strlen(at) + 1); /* begins with '/' or is empty */
        memcpy(rest, link, (size_t)link_len);
        rest[link_len] = rest[link_len + 1] == '\0' ? '\0' : '/';
        at = rest;
        resolved[link[0] == '/' ? 0 : before] = '\0';
    }
    return NULL;
}

char *tool_who_else_may_write(const struct tool_trust *trust, const char *path)
{
    char *absolute = NULL, *directory = NULL;
    char *who;

    if (path[0] != '/') {
        directory = getcwd(NULL, 0);
        absolute = tool_format("%s/%s", directory != NULL ? directory : "", path);
    }
    who = walk(trust, absolute != NULL ? absolute : path);
    free(directory);
    free(absolute);
    return who;
}
