/* SPDX-License-Identifier: Apache-2.0 */
/* A ct_metrics with a directory of its own, for the tests of the counters. */
#ifndef CT_METRICS_FIXTURE_H
#define CT_METRICS_FIXTURE_H

#include "record/metrics.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "record/metrics_board.h"
#include "record/metrics_file.h"
#include "unit.h"

static char folder[64] = "/tmp/clientct-metrics-XXXXXX";
static struct ct_metrics *metrics;
static const struct clientct_verdict ACCEPTED = {
    .accept = true,
    .decided = true,
    .compliant = true,
    .reason = CLIENTCT_COMPLIANT,
    .policy = "one",
    .signatures_checked = 2,
};
static const struct clientct_verdict REFUSED = {
    .decided = true,
    .reason = CLIENTCT_NO_SCTS,
    .policy = "one",
    .cached = true,
    .shadow_policy = "chrome",
    .shadow_reason = CLIENTCT_TOO_FEW_SCTS,
    .mode = CLIENTCT_MODE_ENFORCE,
};

static void setup(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    metrics = ct_metrics_new(folder);
    ck_assert_ptr_nonnull(metrics);
}

/* Calls `with` for each file, and gives the number of those that have counts. */
static unsigned each_file(void (*with)(const char *path, const char *name, void *context), void *context)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    unsigned count = 0;

    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL) {
        char path[400];

        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            with(path, entry->d_name, context);
            count += ct_metrics_name_ok(entry->d_name) ? 1 : 0;
        }
    }
    closedir(dir);
    return count;
}

static void remove_it(const char *path, const char *name, void *context)
{
    remove(path);
}

static void teardown(void)
{
    ct_metrics_free(metrics);
    each_file(remove_it, NULL);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void add_it(const char *path, const char *name, void *context)
{
    struct ct_metrics_file *one = calloc(1, sizeof *one);
    struct ct_file file;

    if (!ct_metrics_name_ok(name)) {
        free(one);
        return;
    }
    ck_assert_int_eq(ct_file_read(path, 2 * sizeof *one, false, &file), 0);
    ck_assert_msg(ct_metrics_file_parse((struct ct_bytes){ file.data, file.len }, one) == CT_METRICS_OK, "%s", name);
    ct_metrics_file_add(context, one);
    ct_file_clear(&file);
    free(one);
}

/* The sum over all files. */
static struct ct_metrics_file *sum(unsigned *files)
{
    static struct ct_metrics_file total;
    unsigned count;

    memset(&total, 0, sizeof total);
    count = each_file(add_it, &total);
    if (files != NULL) {
        *files = count;
    }
    return &total;
}

static uint64_t count_of(const struct ct_metrics_file *file, enum ct_metrics_table table, bool accept,
                         enum clientct_reason reason, const char *policy)
{
    uint64_t count = 0;

    for (size_t i = 0; i < CT_METRICS_LABELS; i++) {
        const struct ct_metrics_label *label = &file->labels[i];

        if (atomic_load(&label->state) == CT_METRICS_IN_USE && label->table == (uint8_t)table &&
            (label->accept != 0) == accept && label->reason == (uint8_t)reason && strcmp(label->policy, policy) == 0) {
            count += atomic_load(&label->count);
        }
    }
    return count;
}

static void wait_for(pid_t child)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %x", (unsigned)status);
}

/* `count` children, eight at a time, each with so many verdicts. */
static void run_children(int count, int verdicts, void (*first)(void))
{
    pid_t children[8];

    for (int i = 0; i < count; i += 8) {
        int now = count - i < 8 ? count - i : 8;

        for (int k = 0; k < now; k++) {
            children[k] = fork();
            if (children[k] == 0) {
                if (first != NULL) {
                    first();
                }
                for (int v = 0; v < verdicts; v++) {
                    ct_metrics_decision(metrics, v % 2 == 0 ? &ACCEPTED : &REFUSED, 1);
                }
                _exit(0);
            }
        }
        for (int k = 0; k < now; k++) {
            wait_for(children[k]);
        }
    }
}

#endif
