/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ATTEMPTS 3
/* A file changed within a tick of the clock after it was read can have the same stamp. */
#define STAMP_DOUBT_MS 2000

struct ct_root ct_root_now(void)
{
    struct stat st;

    if (stat("/", &st) != 0) {
        return (struct ct_root){ 0 };
    }
    return (struct ct_root){ .dev = st.st_dev, .ino = st.st_ino };
}

bool ct_root_equal(const struct ct_root *a, const struct ct_root *b)
{
    return a->dev == b->dev && a->ino == b->ino;
}

static bool is_known(const struct ct_root *root)
{
    return root->dev != 0 || root->ino != 0;
}

/* 0: this process has the set's root directory. What cannot be told now may be told soon, as where memory is short. */
static int has_left(const struct ct_file_set *set)
{
    struct ct_root now = ct_root_now();

    if (!is_known(&set->root)) {
        return 0;
    }
    return !is_known(&now) ? ENOMEM : ct_root_equal(&now, &set->root) ? 0 : EXDEV;
}

static struct ct_loaded_file *find(const struct ct_file_set *set, const char *path)
{
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        if (strcmp(set->files[i]->path, path) == 0) {
            return set->files[i];
        }
    }
    return NULL;
}

static struct ct_loaded_file *add(struct ct_file_set *set, const char *path, size_t max)
{
    struct ct_loaded_file **files = reallocarray(set->files, set->count + 1, sizeof *files);
    struct ct_loaded_file *loaded;

    if (files == NULL) {
        return NULL;
    }
    set->files = files;
    loaded = calloc(1, sizeof *loaded);
    if (loaded == NULL || (loaded->path = strdup(path)) == NULL) {
        free(loaded);
        return NULL;
    }
    loaded->max = max;
    if (set->count == 0 && !is_known(&set->root)) {
        set->root = ct_root_now();
    }
    files[set->count++] = loaded;
    return loaded;
}

/* Reads until the file has held still, or has twice said the same: one that is only touched all the time may be. */
static int read_still(struct ct_loaded_file *loaded)
{
    uint8_t sha256[sizeof loaded->file.sha256];
    bool have_earlier = false;
    int error = EAGAIN;

    for (int attempt = 0; attempt < ATTEMPTS && error == EAGAIN; attempt++) {
        error = ct_file_read(loaded->path, loaded->max, true, &loaded->file);
        if (error == 0) {
            struct ct_file_stamp after = ct_file_stamp_of(loaded->path, true);

            if (!ct_file_stamp_equal(&loaded->file.stamp, &after) &&
                !(have_earlier && memcmp(sha256, loaded->file.sha256, sizeof sha256) == 0)) {
                memcpy(sha256, loaded->file.sha256, sizeof sha256);
                have_earlier = true;
                ct_file_clear(&loaded->file);
                error = EAGAIN;
            }
        }
    }
    return error;
}

static bool copy_earlier(const struct ct_file_set *set, struct ct_loaded_file *loaded)
{
    const struct ct_loaded_file *from = find(set->earlier, loaded->path);
    const struct ct_loaded_file *in_force = find(set->in_force, loaded->path);
    struct ct_file *to = &loaded->file;

    if (from == NULL || from->file.data == NULL || from->file.len > loaded->max ||
        (to->data = malloc(from->file.len + 1)) == NULL) {
        return false;
    }
    memcpy(to->data, from->file.data, from->file.len + 1);
    to->len = from->file.len;
    to->stamp = from->file.stamp;
    if (ct_file_digest(to) != 0 ||
        (set->in_force != NULL &&
         (in_force == NULL || memcmp(to->sha256, in_force->file.sha256, sizeof to->sha256) != 0))) {
        ct_file_clear(to);
        return false;
    }
    return true;
}

const struct ct_loaded_file *ct_file_set_read(struct ct_file_set *set, const char *path, size_t max)
{
    struct ct_loaded_file *loaded = find(set, path);
    struct ct_file_stamp before;
    int left;

    if (loaded != NULL || (loaded = add(set, path, max)) == NULL) {
        return loaded;
    }
    before = ct_file_stamp_of(path, true);
    loaded->error = read_still(loaded);
    left = has_left(set); /* asked afterwards: another thread may have changed it meanwhile */
    if (left != 0) {
        ct_file_clear(&loaded->file);
        loaded->error = left;
    }
    if (loaded->error == 0) {
        int64_t age_ms = ct_now_ms() - loaded->file.stamp.ctime_ns / 1000000;

        loaded->stamp = loaded->file.stamp;
        set->in_doubt = set->in_doubt || (age_ms > -STAMP_DOUBT_MS && age_ms < STAMP_DOUBT_MS);
    } else {
        /* What could not be read is watched as stat sees it: a changed mode or owner is a reason to try again. */
        loaded->stamp = before;
        loaded->is_earlier = copy_earlier(set, loaded);
    }
    return loaded;
}

void ct_file_set_read_bytes(struct ct_file_set *set, const char *path, size_t max)
{
    struct ct_loaded_file *loaded = find(set, path);

    if (loaded == NULL && (loaded = add(set, path, max)) != NULL) {
        loaded->error = ct_file_read_bytes(path, max, true, &loaded->file);
        loaded->stamp = loaded->file.stamp;
    }
}

bool ct_file_set_changed(const struct ct_file_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct ct_file_stamp now = ct_file_stamp_of(set->files[i]->path, true);

        if (!ct_file_stamp_equal(&now, &set->files[i]->stamp)) {
            return true;
        }
    }
    return false;
}

bool ct_file_set_is_changing(const struct ct_file_set *set, int64_t ms)
{
    int64_t now_ms = ct_now_ms();
    bool changing = false;

    for (size_t i = 0; i < set->count; i++) {
        struct ct_file_stamp stamp = ct_file_stamp_of(set->files[i]->path, true);
        int64_t age_ms = now_ms - stamp.ctime_ns / 1000000;

        if (stamp.error != 0 || ct_file_stamp_equal(&stamp, &set->files[i]->stamp)) {
            continue;
        }
        if (age_ms < 0 || age_ms >= ms) {
            return false;
        }
        changing = true;
    }
    return changing;
}

void ct_file_set_drop_bytes(struct ct_file_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        ct_file_drop_bytes(&set->files[i]->file);
    }
    set->earlier = NULL;
    set->in_force = NULL;
}

void ct_file_set_clear(struct ct_file_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        ct_file_clear(&set->files[i]->file);
        free(set->files[i]->path);
        free(set->files[i]);
    }
    free(set->files);
    *set = (struct ct_file_set){ 0 };
}
