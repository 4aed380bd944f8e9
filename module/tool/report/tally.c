#include "tool/report/report.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/tool.h"

static void *kept(void *memory)
{
    if (memory == NULL) {
        tool_out_of_memory();
    }
    return memory;
}

/* Room for one more pointer: arrays double at each power of two. */
static void *grown(void *items, size_t count)
{
    if (count != 0 && (count < 8 || (count & (count - 1)) != 0)) {
        return items;
    }
    return kept(realloc(items, (count < 8 ? 8 : 2 * count) * sizeof(void *)));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct report_group *)a)->name, ((const struct report_group *)b)->name);
}

static int by_sha256(const void *a, const void *b)
{
    return memcmp(((const struct report_certificate *)a)->sha256, ((const struct report_certificate *)b)->sha256, 32);
}

/* The group of that name; when there are too many, the one of all others. */
static struct report_group *group_of(struct report_groups *groups, const char *name)
{
    char others[] = "(others)";
    char *wanted = groups->count < REPORT_GROUPS_MAX ? tool_format("%s", name) : NULL;
    struct report_group key = { .name = wanted != NULL ? wanted : (char *)name };
    void *found = tfind(&key, &groups->tree, by_name);
    struct report_group *group;

    if (found == NULL && wanted == NULL) {
        key.name = others;
        found = tfind(&key, &groups->tree, by_name);
        wanted = found == NULL ? tool_format("%s", others) : NULL;
    }
    if (found != NULL) {
        free(wanted);
        return *(struct report_group *const *)found;
    }
    group = kept(calloc(1, sizeof *group));
    group->name = wanted;
    groups->items = grown(groups->items, groups->count);
    groups->items[groups->count++] = group;
    kept(tsearch(group, &groups->tree, by_name));
    return group;
}

static void keep_in_tree(void *node)
{
}

static void groups_clear(struct report_groups *groups)
{
    tdestroy(groups->tree, keep_in_tree);
    for (size_t i = 0; i < groups->count; i++) {
        free(groups->items[i]->name);
        free(groups->items[i]);
    }
    free(groups->items);
}

struct report_tally *report_tally_new(int64_t since_ms, bool believes_anybody)
{
    struct report_tally *tally = kept(calloc(1, sizeof *tally));

    tally->since_ms = since_ms;
    tally->believes_anybody = believes_anybody;
    return tally;
}

void report_tally_free(struct report_tally *tally)
{
    if (tally == NULL) {
        return;
    }
    tdestroy(tally->certificate_tree, keep_in_tree);
    for (size_t i = 0; i < tally->certificate_count; i++) {
        free(tally->certificates[i]->subject);
        free(tally->certificates[i]);
    }
    free(tally->certificates);
    groups_clear(&tally->issuers);
    groups_clear(&tally->reasons);
    groups_clear(&tally->unknown_logs);
    groups_clear(&tally->sources);
    groups_clear(&tally->reasons_left_out);
    tdestroy(tally->process_tree, keep_in_tree);
    for (size_t i = 0; i < tally->process_count; i++) {
        free(tally->processes[i]->name);
        free(tally->processes[i]->entity);
        free(tally->processes[i]);
    }
    free(tally->processes);
    free(tally);
}

/* NULL: there are too many to tell them apart. */
static struct report_certificate *certificate_of(struct report_tally *tally, const struct report_line *line)
{
    struct report_certificate key;
    struct report_certificate *certificate;
    void *found;

    memcpy(key.sha256, line->sha256, sizeof key.sha256);
    found = tfind(&key, &tally->certificate_tree, by_sha256);
    if (found != NULL) {
        return *(struct report_certificate *const *)found;
    }
    if (tally->certificate_count == REPORT_CERTIFICATES_MAX) {
        return NULL;
    }
    certificate = kept(calloc(1, sizeof *certificate));
    memcpy(certificate->sha256, line->sha256, sizeof certificate->sha256);
    certificate->subject = tool_format("%s", line->subject[0] != '\0' ? line->subject : "(no subject)");
    certificate->issuer = group_of(&tally->issuers, line->issuer[0] != '\0' ? line->issuer : "(no issuer)");
    certificate->first_ms = INT64_MAX;
    certificate->last_ms = INT64_MIN;
    tally->certificates = grown(tally->certificates, tally->certificate_count);
    tally->certificates[tally->certificate_count++] = certificate;
    kept(tsearch(certificate, &tally->certificate_tree, by_sha256));
    return certificate;
}

static void add_day(struct report_tally *tally, const struct report_line *line)
{
    int64_t day = line->at_ms / CT_DAY_MS;
    size_t i = tally->day_count;

    while (i > 0 && tally->days[i - 1].day != day) { /* the last one, nearly always */
        i--;
    }
    if (i == 0) {
        if (tally->day_count == REPORT_DAYS_MAX) {
            return;
        }
        tally->days[tally->day_count] = (struct report_day){ .day = day };
        i = ++tally->day_count;
    }
    tally->days[i - 1].accepted += !line->would_refuse;
    tally->days[i - 1].refused += line->would_refuse;
}

static void add_certificate(struct report_tally *tally, const struct report_line *line)
{
    struct report_certificate *certificate = certificate_of(tally, line);

    if (certificate == NULL) {
        tally->beyond++;
        return;
    }
    certificate->decisions++;
    certificate->refusals += line->would_refuse;
    certificate->issuer->period += line->would_refuse;
    if (line->at_ms < certificate->first_ms) {
        certificate->first_ms = line->at_ms;
    }
    if (line->at_ms < certificate->last_ms) {
        return; /* files may be given in any order: the latest line says how it stands */
    }
    certificate->last_ms = line->at_ms;
    certificate->not_after_ms = line->not_after_ms;
    certificate->would_refuse = line->would_refuse;
    certificate->reason = group_of(&tally->reasons, line->reason);
    certificate->has_shadow = line->shadow_policy[0] != '\0';
    certificate->shadow_compliant = line->shadow_compliant;
}

static int by_process(const void *a, const void *b)
{
    const struct report_process *one = a, *two = b;

    int order = one->pid != two->pid ? (one->pid > two->pid) - (one->pid < two->pid) : strcmp(one->name, two->name);

    return order != 0 ? order : strcmp(one->entity, two->entity);
}

/* A process id that came back: its numbers begin again, later than the last line of the one before. Old lines only. */
static bool is_another(const struct report_process *process, const struct report_line *line)
{
    return line->entity[0] == '\0' && line->sequence <= process->lowest && line->at_ms > process->last_ms + 1000;
}

static void add_sequence(struct report_tally *tally, const struct report_line *line)
{
    struct report_process key = { .pid = line->pid, .name = (char *)line->process, .entity = (char *)line->entity };
    void *found = tfind(&key, &tally->process_tree, by_process);
    struct report_process *process = found != NULL ? *(struct report_process *const *)found : NULL;

    if (line->sequence == 0 || line->pid == 0) {
        return;
    }
    if (process == NULL || is_another(process, line)) {
        if (tally->process_count == REPORT_PROCESSES_MAX) {
            return;
        }
        if (process != NULL) {
            (void)tdelete(process, &tally->process_tree, by_process);
        }
        process = kept(calloc(1, sizeof *process));
        *process = (struct report_process){ .pid = line->pid,
                                            .lowest = UINT64_MAX,
                                            .name = tool_format("%s", line->process),
                                            .entity = tool_format("%s", line->entity) };
        tally->processes = grown(tally->processes, tally->process_count);
        tally->processes[tally->process_count++] = process;
        kept(tsearch(process, &tally->process_tree, by_process));
    }
    process->lowest = line->sequence < process->lowest ? line->sequence : process->lowest;
    process->highest = line->sequence > process->highest ? line->sequence : process->highest;
    process->last_ms = line->at_ms > process->last_ms ? line->at_ms : process->last_ms;
    process->lines++;
}

static void add_source(struct report_tally *tally, const char *input, const struct report_line *line)
{
    char *name = line->unit[0] != '\0' ? tool_format("%s, %s, user %s", line->unit, line->program, line->user)
                                       : tool_format("%s", input);

    group_of(&tally->sources, name)->period++;
    free(name);
}

void report_add(struct report_tally *tally, const char *source, const struct report_line *line)
{
    tally->lines++;
    if (line->kind == REPORT_FOREIGN) {
        tally->foreign++;
        return;
    }
    if (line->at_ms < tally->since_ms) {
        tally->older++;
        return;
    }
    if (line->unvouched != NULL) {
        group_of(&tally->reasons_left_out, line->unvouched)->period++;
        tally->left_out++;
        if (!tally->believes_anybody) {
            return;
        }
    } else {
        tally->vouched++;
        add_source(tally, source, line);
        add_sequence(tally, line);
    }
    tally->dropped += line->dropped;
    if (line->kind == REPORT_EVENT) {
        tally->events++;
        return;
    }
    if (line->stranger) {
        tally->strangers++; /* no CA that the server trusts has vouched for it: nobody who could be locked out */
        return;
    }
    if (!line->judged) {
        tally->not_judged++;
        return;
    }
    if (tally->decisions == 0 || line->at_ms < tally->first_ms) {
        tally->first_ms = line->at_ms;
    }
    if (tally->decisions == 0 || line->at_ms >= tally->last_ms) {
        tally->last_ms = line->at_ms;
        if (line->shadow_policy[0] != '\0') {
            memcpy(tally->shadow_policy, line->shadow_policy, sizeof tally->shadow_policy);
        }
    }
    tally->decisions++;
    tally->would_accept += !line->would_refuse;
    tally->would_refuse += line->would_refuse;
    tally->refused += line->refused;
    add_day(tally, line);
    group_of(&tally->reasons, line->reason)->period += line->would_refuse;
    for (size_t i = 0; i < line->unknown_log_count; i++) {
        group_of(&tally->unknown_logs, line->unknown_logs[i])->period++;
    }
    if (line->has_certificate) {
        add_certificate(tally, line);
    } else {
        tally->without_certificate++;
    }
}

static int worst_first(const void *a, const void *b)
{
    const struct report_certificate *one = *(const struct report_certificate *const *)a;
    const struct report_certificate *two = *(const struct report_certificate *const *)b;
    bool one_out = one->would_refuse && !one->expired;
    bool two_out = two->would_refuse && !two->expired;

    if (one_out != two_out) {
        return one_out ? -1 : 1;
    }
    if (one->decisions != two->decisions) {
        return one->decisions > two->decisions ? -1 : 1;
    }
    return by_sha256(one, two);
}

static int largest_first(const void *a, const void *b)
{
    const struct report_group *one = *(const struct report_group *const *)a;
    const struct report_group *two = *(const struct report_group *const *)b;

    if (one->certificates != two->certificates) {
        return one->certificates > two->certificates ? -1 : 1;
    }
    if (one->period != two->period) {
        return one->period > two->period ? -1 : 1;
    }
    return by_name(one, two);
}

static int by_day(const void *a, const void *b)
{
    int64_t one = ((const struct report_day *)a)->day;
    int64_t two = ((const struct report_day *)b)->day;

    return one < two ? -1 : one > two;
}

static void sort_groups(struct report_groups *groups)
{
    if (groups->count > 0) {
        qsort(groups->items, groups->count, sizeof groups->items[0], largest_first);
    }
}

void report_finish(struct report_tally *tally, int64_t now_ms)
{
    for (size_t i = 0; i < tally->certificate_count; i++) {
        struct report_certificate *certificate = tally->certificates[i];
        bool accepted = !certificate->would_refuse;

        certificate->expired = certificate->not_after_ms != REPORT_UNKNOWN_TIME && certificate->not_after_ms < now_ms;
        tally->shadow_loses += certificate->has_shadow && accepted && !certificate->shadow_compliant;
        tally->shadow_gains += certificate->has_shadow && !accepted && certificate->shadow_compliant;
        tally->compliant += accepted;
        certificate->issuer->others += accepted;
        tally->expired += !accepted && certificate->expired;
        if (!accepted && !certificate->expired) {
            tally->locked_out++;
            certificate->issuer->certificates++;
            certificate->issuer->decisions += certificate->refusals;
            certificate->reason->certificates++;
            certificate->reason->decisions += certificate->refusals;
        }
    }
    if (tally->certificate_count > 0) {
        qsort(tally->certificates, tally->certificate_count, sizeof tally->certificates[0], worst_first);
    }
    qsort(tally->days, tally->day_count, sizeof tally->days[0], by_day);
    sort_groups(&tally->issuers);
    sort_groups(&tally->reasons);
    sort_groups(&tally->unknown_logs);
    sort_groups(&tally->sources);
    sort_groups(&tally->reasons_left_out);
    for (size_t i = 0; i < tally->process_count; i++) {
        const struct report_process *process = tally->processes[i];
        uint64_t expected = process->highest - process->lowest + 1;

        tally->missing += expected > process->lines ? expected - process->lines : 0;
    }
}
