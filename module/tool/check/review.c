/* SPDX-License-Identifier: Apache-2.0 */
/* clientct check: what is legal but surely not meant, seen from the files and the clock. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool/check/check.h"
#include "base/clock.h"
#include "policy/admission.h"
#include "tool/tool.h"
#include "tool/trust.h"

/* How far ahead a shortage of logs is worth a warning: time enough to get a new list. */
#define AHEAD_DAYS 30

struct review {
    const struct ct_snapshot *snapshot;
    const struct ct_settings *settings;
    int64_t now_ms;
    struct ct_problems *problems;
    struct tool_paths *looked_at;
    struct tool_trust trust;
};

/* --- files --- */

/* The same directory above two files is said once. */
static bool is_said(const struct review *review, const char *text)
{
    for (size_t i = 0; i < review->problems->count; i++) {
        if (strstr(review->problems->items[i].text, text) != NULL) {
            return true;
        }
    }
    return false;
}

/* `harm`: what somebody else could do who may write the file, or replace it in a directory above it. */
static void review_writers(struct review *review, const char *path, const char *harm)
{
    char *who = NULL;
    struct stat st;

    if (stat(path, &st) != 0) {
        return; /* a file that is missing where it is needed is an error of its own */
    }
    tool_paths_add(review->looked_at, path);
    who = tool_who_else_may_write(&review->trust, path);
    if (who != NULL && !is_said(review, who)) {
        ct_problem_add(review->problems, CT_WARNING, path, 0,
                       "%s, and so can %s; leave it to root, unless that is meant", who, harm);
    }
    free(who);
}

static void review_directory(struct review *review, const char *setting, const struct ct_setting_path *named,
                             const char *harm)
{
    struct stat st;
    const char *config = review->snapshot->config_file;

    if (named->path == NULL) {
        return;
    }
    if (stat(named->path, &st) != 0) {
        ct_problem_add(review->problems, CT_WARNING, config, named->line, "%s: %s cannot be used: %s", setting,
                       named->path, strerror(errno));
    } else if (!S_ISDIR(st.st_mode)) {
        ct_problem_add(review->problems, CT_WARNING, config, named->line, "%s: %s is no directory", setting,
                       named->path);
    } else {
        review_writers(review, named->path, harm);
    }
}

/* Who may write a sink of the audit can forge what `clientct report` reads; it says the same of the file itself. */
static void review_audit(struct review *review)
{
    for (size_t i = 0; i < review->settings->audit_count; i++) {
        if (review->settings->audit[i].kind == CT_AUDIT_FILE) {
            review_writers(review, review->settings->audit[i].path, "forge what `clientct report` reads");
        }
    }
    if (review->settings->archive.path != NULL) {
        review_writers(review, review->settings->archive.path, "forge what `clientct replay` reads");
    }
}

/* --- logs --- */

/* Whether a certificate that is issued at this time can still get an SCT that counts. */
static bool is_open(const struct ct_log *log, const struct ct_policy *policy, int64_t at_ms)
{
    unsigned states = CT_LOG_STATE_BIT(CT_LOG_QUALIFIED) | CT_LOG_STATE_BIT(CT_LOG_USABLE);

    if (policy->kind == CT_POLICY_CONDITIONS) {
        states &= policy->accept_states;
    }
    bool open = log->unusable == NULL;
    for (; log != NULL && open; log = log->also) {
        open =
            (states & CT_LOG_STATE_BIT(log->state)) != 0 && log->interval_end_ms > at_ms && ct_log_signs_at(log, at_ms);
    }
    return open;
}

static int by_operator(const void *a, const void *b)
{
    const struct ct_log *const *left = a, *const *right = b;
    const char *l = (*left)->log_operator, *r = (*right)->log_operator;

    /* Logs without an operator count together as one. */
    return strcmp(l != NULL ? l : "", r != NULL ? r : "");
}

struct tool_open_logs tool_count_open_logs(const struct ct_log_set *logs, const struct ct_policy *policy, int64_t at_ms)
{
    struct tool_open_logs open = { 0 };
    const struct ct_log **sorted = calloc(logs->count + 1, sizeof *sorted);

    if (sorted == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < logs->count; i++) {
        if (is_open(&logs->logs[i], policy, at_ms)) {
            sorted[open.logs++] = &logs->logs[i];
        }
    }
    qsort(sorted, open.logs, sizeof *sorted, by_operator);
    size_t of_this_operator = 0;
    for (size_t i = 0; i < open.logs; i++) {
        bool another = i == 0 || by_operator(&sorted[i - 1], &sorted[i]) != 0;
        of_this_operator = another ? 1 : of_this_operator + 1;
        open.operators += another;
        open.countable += policy->max_per_operator == 0 || of_this_operator <= policy->max_per_operator;
    }
    free(sorted);
    return open;
}

struct need {
    unsigned scts;
    unsigned operators;
};

/* What the longest-lived certificates need: the presets' rule books ask for two of each at least. */
static struct need need_of(const struct ct_policy *policy)
{
    struct need need = { 2, 2 };

    if (policy->kind == CT_POLICY_CONDITIONS) {
        need = (struct need){ 1, policy->min_operators };
        for (size_t i = 0; i < policy->min_scts_rows; i++) {
            need.scts = policy->min_scts[i].scts > need.scts ? policy->min_scts[i].scts : need.scts;
        }
    }
    return need;
}

static bool is_short(struct tool_open_logs open, struct need need)
{
    return open.countable < need.scts || open.operators < need.operators;
}

static void review_enough_logs(struct review *review, const struct ct_policy *policy)
{
    const struct ct_log_set *logs = &review->snapshot->book->logs;
    const char *config = review->snapshot->config_file;
    struct need need = need_of(policy);
    struct tool_open_logs now = tool_count_open_logs(logs, policy, review->now_ms);
    struct tool_open_logs later = tool_count_open_logs(logs, policy, review->now_ms + AHEAD_DAYS * CT_DAY_MS);

    if (is_short(now, need)) {
        ct_problem_add(review->problems, CT_WARNING, config, policy->line,
                       "policy %s needs up to %u SCT%s from %u operator%s, but only %zu of the %zu log%s, from %zu "
                       "operator%s, can take new certificates%s; add logs or ask for less",
                       policy->name, need.scts, tool_s(need.scts), need.operators, tool_s(need.operators), now.logs,
                       logs->count, tool_s(logs->count), now.operators, tool_s(now.operators),
                       now.countable < now.logs ? " (and max_per_operator leaves out some)" : "");
    } else if (is_short(later, need)) {
        ct_problem_add(
            review->problems, CT_WARNING, config, policy->line,
            "policy %s needs up to %u SCT%s from %u operator%s: in %d days only %zu log%s from %zu operator%s "
            "will be open for new certificates, now it is %zu from %zu; get a newer log list in time",
            policy->name, need.scts, tool_s(need.scts), need.operators, tool_s(need.operators), AHEAD_DAYS, later.logs,
            tool_s(later.logs), later.operators, tool_s(later.operators), now.logs, now.operators);
    }
}

static bool log_is_named(const struct ct_log *log, const char *name)
{
    uint8_t id[CT_LOG_ID_LEN];

    return strcmp(log->description, name) == 0 ||
           (ct_unhex(name, strlen(name), id, sizeof id) && memcmp(id, log->id, sizeof id) == 0);
}

static void review_required_logs(struct review *review, const struct ct_policy *policy)
{
    const struct ct_log_set *logs = &review->snapshot->book->logs;

    for (char **name = policy->required_logs; name != NULL && *name != NULL; name++) {
        size_t i = 0;
        while (i < logs->count && !log_is_named(&logs->logs[i], *name)) {
            i++;
        }
        if (i == logs->count) {
            ct_problem_add(review->problems, CT_WARNING, review->snapshot->config_file, policy->line,
                           "policy %s: require_log = %s: no log in the lists has this description or id, so nothing "
                           "can satisfy it; \"clientct logs\" shows what there is",
                           policy->name, *name);
        } else if (logs->logs[i].unusable != NULL) {
            ct_problem_add(review->problems, CT_WARNING, review->snapshot->config_file, policy->line,
                           "policy %s: require_log = %s: this log does not count, so nothing can satisfy it: %s",
                           policy->name, *name, logs->logs[i].unusable);
        } else if (!is_open(&logs->logs[i], policy, review->now_ms)) {
            ct_problem_add(review->problems, CT_WARNING, review->snapshot->config_file, policy->line,
                           "policy %s: require_log = %s: this log is not open for new certificates (state %s)",
                           policy->name, *name, ct_log_state_name(ct_log_state_at(&logs->logs[i], review->now_ms)));
        }
    }
}

static bool in_use(const struct ct_settings *settings, size_t policy)
{
    bool used = policy == settings->policy || policy == settings->shadow_policy;

    for (size_t i = 0; i < settings->rule_count; i++) {
        used = used || settings->rules[i].policy == policy;
    }
    return used;
}

static void review_list_ages(struct review *review)
{
    const struct ct_log_book *book = review->snapshot->book;
    int64_t max_ms = review->settings->log_list_max_age_ms;

    for (size_t i = 0; i < book->list_count; i++) {
        int64_t age_ms = review->now_ms - book->lists[i].timestamp_ms;
        char age[40], limit[40];
        tool_duration_format(age_ms < 0 ? -age_ms : age_ms, age, sizeof age);
        tool_duration_format(max_ms, limit, sizeof limit);
        if (age_ms < -CT_DAY_MS) {
            ct_problem_add(review->problems, CT_WARNING, book->lists[i].path, 0,
                           "the list's timestamp is %s in the future; is this machine's clock right?", age);
        } else if (max_ms > 0 && age_ms > max_ms) {
            bool refuses = review->settings->on_stale == CT_STALE_REFUSE;
            ct_problem_add(review->problems, refuses ? CT_ERROR : CT_WARNING, book->lists[i].path, 0,
                           "the list is %s old and log_list_max_age is %s%s; put a fresh one in its place", age, limit,
                           refuses ? ": with on_stale = refuse every client certificate is refused" : "");
        }
    }
}

void tool_paths_add(struct tool_paths *paths, const char *path)
{
    for (size_t i = 0; i < paths->count; i++) {
        if (strcmp(paths->items[i], path) == 0) {
            return;
        }
    }
    paths->items = reallocarray(paths->items, paths->count + 1, sizeof *paths->items);
    if (paths->items == NULL) {
        tool_out_of_memory();
    }
    paths->items[paths->count++] = tool_format("%s", path);
}

void tool_paths_clear(struct tool_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        free(paths->items[i]);
    }
    free(paths->items);
    *paths = (struct tool_paths){ 0 };
}

void tool_review(const struct ct_snapshot *snapshot, int64_t now_ms, struct ct_problems *problems,
                 struct tool_paths *looked_at)
{
    struct review review = { .snapshot = snapshot,
                             .settings = &snapshot->config->settings,
                             .now_ms = now_ms,
                             .problems = problems,
                             .looked_at = looked_at };

    tool_trust_begin(&review.trust);
    for (size_t i = 0; i < snapshot->reading.files.count; i++) {
        review_writers(&review, snapshot->reading.files.files[i]->path, "change who is let in");
    }
    review_directory(&review, "sct_store", &review.settings->sct_store,
                     "take evidence away, so that clients are refused");
    review_directory(&review, "ocsp_store", &review.settings->ocsp_store,
                     "take evidence away, so that clients are refused");
    review_directory(&review, "proof_store", &review.settings->proof_store,
                     "take evidence away, so that clients are refused");
    review_directory(&review, "metrics", &review.settings->metrics, "make the numbers wrong");
    review_audit(&review);
    if (snapshot->book == NULL) {
        return;
    }
    review_list_ages(&review);
    for (size_t i = 0; i < review.settings->policy_count; i++) {
        if (in_use(review.settings, i)) {
            review_enough_logs(&review, &review.settings->policies[i]);
            review_required_logs(&review, &review.settings->policies[i]);
        }
    }
}
