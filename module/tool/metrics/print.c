/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics in the text format of Prometheus (version 0.0.4), and as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tool/metrics/read.h"
#include "tool/tool.h"

struct counter_row {
    const char *family, *labels, *help;
};

static const struct counter_row counter_rows[] = {
#define ROW(id, family, labels, help) { family, labels, help },
    CT_METRICS_COUNTERS(ROW)
#undef ROW
};

static void head(FILE *to, const char *family, const char *type, const char *help)
{
    fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

/* name="value"; the value is plain text already (ct_metrics_file_parse), so two characters are left to escape. */
static void put_label(FILE *to, const char *name, const char *value)
{
    fprintf(to, "%s=\"", name);
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"') {
            fputc('\\', to);
        }
        fputc(*value, to);
    }
    fputc('"', to);
}

static void put_verdict(FILE *to, const char *family, const char *policy, bool accept, const char *reason,
                        uint64_t count)
{
    fprintf(to, "%s{", family);
    put_label(to, "policy", policy);
    fprintf(to, ",verdict=\"%s\",reason=\"%s\"} %" PRIu64 "\n", accept ? "accept" : "refuse", reason, count);
}

static void print_verdicts(const struct ct_metrics_file *sum, enum ct_metrics_table table, const char *family,
                           const char *help, FILE *to)
{
    head(to, family, "counter", help);
    for (size_t i = 0; i < CT_METRICS_LABELS; i++) {
        const struct ct_metrics_label *label = &sum->labels[i];

        if (atomic_load(&label->state) == CT_METRICS_IN_USE && label->table == (uint8_t)table) {
            put_verdict(to, family, label->policy, label->accept != 0,
                        clientct_reason_name((enum clientct_reason)label->reason), atomic_load(&label->count));
        }
    }
    for (int accept = 0; accept < 2; accept++) {
        if (atomic_load(&sum->unlabelled[table][accept]) > 0) {
            put_verdict(to, family, "other", accept == 1, "other", atomic_load(&sum->unlabelled[table][accept]));
        }
    }
}

static void print_histogram(const struct ct_metrics_file *sum, FILE *to)
{
    static const char family[] = "clientct_verdict_duration_seconds";
    uint64_t count = 0;

    head(to, family, "histogram", "Time that a verdict took.");
    for (size_t i = 0; i < CT_METRICS_BUCKETS; i++) {
        count += atomic_load(&sum->buckets[i]);
        if (i < CT_METRICS_BUCKETS - 1) {
            fprintf(to, "%s_bucket{le=\"%.6f\"} %" PRIu64 "\n", family, (double)ct_metrics_bounds_ns[i] / 1e9, count);
        } else {
            fprintf(to, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", family, count);
        }
    }
    fprintf(to, "%s_sum %.9f\n%s_count %" PRIu64 "\n", family, (double)atomic_load(&sum->duration_ns) / 1e9, family,
            count);
}

static void print_counters(const struct ct_metrics_file *sum, FILE *to)
{
    for (size_t i = 0; i < CT_METRICS_COUNTER_COUNT; i++) {
        const struct counter_row *row = &counter_rows[i];
        bool labels = row->labels[0] != '\0';

        if (i == 0 || strcmp(row->family, counter_rows[i - 1].family) != 0) {
            head(to, row->family, "counter", row->help);
        }
        fprintf(to, "%s%s%s%s %" PRIu64 "\n", row->family, labels ? "{" : "", row->labels, labels ? "}" : "",
                atomic_load(&sum->counters[i]));
    }
    head(to, "clientct_decisions_total", "counter", "Verdicts by the mode in force for the certificate.");
    for (int mode = CLIENTCT_MODE_ENFORCE; mode <= CLIENTCT_MODE_OFF; mode++) {
        fprintf(to, "clientct_decisions_total{mode=\"%s\"} %" PRIu64 "\n", clientct_mode_name((enum clientct_mode)mode),
                atomic_load(&sum->modes[mode]));
    }
}

/* A list in force somewhere, with the oldest timestamp that a process has of it. */
struct list_age {
    const char *path;
    int64_t timestamp_ms;
};

static int compare_lists(const void *a, const void *b)
{
    const struct list_age *x = a, *y = b;
    int order = strcmp(x->path, y->path);

    return order != 0 ? order : (x->timestamp_ms > y->timestamp_ms) - (x->timestamp_ms < y->timestamp_ms);
}

/* Each list once, to be freed. */
static struct list_age *collect_lists(const struct tool_metrics *metrics, size_t *count)
{
    struct list_age *lists = calloc(metrics->count * CT_METRICS_LISTS + 1, sizeof *lists);
    size_t found = 0;

    if (lists == NULL) {
        tool_out_of_memory();
    }
    for (size_t p = 0; p < metrics->count; p++) {
        const struct ct_metrics_gauges *gauges = &metrics->processes[p].gauges;

        for (size_t i = 0; i < gauges->list_count; i++) {
            if (gauges->lists[i].path[0] != '\0') {
                lists[found++] = (struct list_age){ gauges->lists[i].path, gauges->lists[i].timestamp_ms };
            }
        }
    }
    qsort(lists, found, sizeof *lists, compare_lists);
    *count = 0;
    for (size_t i = 0; i < found; i++) {
        if (i == 0 || strcmp(lists[i].path, lists[*count - 1].path) != 0) {
            lists[(*count)++] = lists[i];
        }
    }
    return lists;
}

static int program_length(const char *name)
{
    const char *last = strrchr(name, '.');
    int len = (int)strlen(name);

    for (int dots = 0; dots < 2 && last != NULL; dots++) {
        len = (int)(last - name);
        last = memrchr(name, '.', (size_t)len);
    }
    return len;
}

static void print_processes(const struct tool_metrics *metrics, FILE *to)
{
    size_t in_mode[3] = { 0 }, denying = 0, config_failed = 0, lists_failed = 0;

    head(to, "clientct_processes", "gauge", "Processes that count, by program.");
    for (size_t i = 0; i < metrics->count;) { /* sorted by name: those of one program stand together */
        const char *name = metrics->processes[i].name;
        int len = program_length(name);
        size_t next = i + 1;

        while (next < metrics->count && program_length(metrics->processes[next].name) == len &&
               strncmp(name, metrics->processes[next].name, (size_t)len) == 0) {
            next++;
        }
        fprintf(to, "clientct_processes{program=\"%.*s\"} %zu\n", len, name, next - i);
        i = next;
    }
    for (size_t i = 0; i < metrics->count; i++) {
        const struct ct_metrics_gauges *gauges = &metrics->processes[i].gauges;

        in_mode[gauges->mode]++;
        denying += gauges->denies_all != 0;
        config_failed += gauges->config_failed != 0;
        lists_failed += gauges->lists_failed != 0;
    }
    head(to, "clientct_processes_in_mode", "gauge", "Processes by the mode in force.");
    for (int mode = CLIENTCT_MODE_ENFORCE; mode <= CLIENTCT_MODE_OFF; mode++) {
        fprintf(to, "clientct_processes_in_mode{mode=\"%s\"} %zu\n", clientct_mode_name((enum clientct_mode)mode),
                in_mode[mode]);
    }
    head(to, "clientct_processes_denying_all", "gauge",
         "Processes that refuse every client certificate, whatever its evidence.");
    fprintf(to, "clientct_processes_denying_all %zu\n", denying);
    head(to, "clientct_processes_config_failed", "gauge", "Processes whose last reading of the configuration failed.");
    fprintf(to, "clientct_processes_config_failed %zu\n", config_failed);
    head(to, "clientct_processes_log_lists_failed", "gauge", "Processes whose last reading of the log lists failed.");
    fprintf(to, "clientct_processes_log_lists_failed %zu\n", lists_failed);
    head(to, "clientct_config_generation", "gauge", "How often a process has read its configuration, from 1.");
    for (size_t i = 0; i < metrics->count; i++) {
        fprintf(to, "clientct_config_generation{process=\"%s\"} %" PRIu64 "\n", metrics->processes[i].name,
                metrics->processes[i].gauges.generation);
    }
    head(to, "clientct_process_start_time_seconds", "gauge", "When a process began to count, since 1970.");
    for (size_t i = 0; i < metrics->count; i++) {
        fprintf(to, "clientct_process_start_time_seconds{process=\"%s\"} %.3f\n", metrics->processes[i].name,
                (double)metrics->processes[i].started_ms / 1e3);
    }
}

void tool_metrics_print(const struct tool_metrics *metrics, int64_t now_ms, FILE *to)
{
    size_t count;
    struct list_age *lists = collect_lists(metrics, &count);

    print_verdicts(&metrics->sum, CT_METRICS_ENFORCED, "clientct_verdicts_total",
                   "Verdicts on client certificates; in report mode what is not compliant is accepted.", to);
    print_verdicts(&metrics->sum, CT_METRICS_SHADOW, "clientct_shadow_verdicts_total",
                   "What the shadow policy would have said.", to);
    print_histogram(&metrics->sum, to);
    print_counters(&metrics->sum, to);
    print_processes(metrics, to);
    head(to, "clientct_log_list_age_seconds", "gauge",
         "Age of a log list in force, in the process that has the oldest.");
    for (size_t i = 0; i < count; i++) {
        fprintf(to, "clientct_log_list_age_seconds{");
        put_label(to, "list", lists[i].path);
        fprintf(to, "} %.3f\n", (double)(now_ms - lists[i].timestamp_ms) / 1e3);
    }
    head(to, "clientct_metrics_files_unusable", "gauge",
         "Metrics files that are damaged, unreadable or of another version.");
    fprintf(to, "clientct_metrics_files_unusable %zu\n", metrics->unusable);
    free(lists);
}

static json_t *json_verdicts(const struct ct_metrics_file *sum, enum ct_metrics_table table)
{
    json_t *out = tool_json_array();

    for (size_t i = 0; i < CT_METRICS_LABELS; i++) {
        const struct ct_metrics_label *label = &sum->labels[i];

        if (atomic_load(&label->state) == CT_METRICS_IN_USE && label->table == (uint8_t)table) {
            json_t *one = tool_json_object();
            tool_json_set(one, "policy", label->policy[0] != '\0' ? tool_json_text(label->policy) : json_null());
            tool_json_set(one, "verdict", tool_json_text(label->accept != 0 ? "accept" : "refuse"));
            tool_json_set(one, "reason", tool_json_text(clientct_reason_name((enum clientct_reason)label->reason)));
            tool_json_set(one, "count", tool_json_count(atomic_load(&label->count)));
            tool_json_append(out, one);
        }
    }
    return out;
}

static json_t *json_process(const struct tool_metrics_process *process)
{
    const struct ct_metrics_gauges *gauges = &process->gauges;
    json_t *out = tool_json_object();

    tool_json_set(out, "process", tool_json_text(process->name));
    tool_json_set(out, "started", tool_json_time(process->started_ms));
    tool_json_set(out, "config", tool_json_text(gauges->config_file));
    tool_json_set(out, "generation", tool_json_count(gauges->generation));
    tool_json_set(out, "mode", tool_json_text(clientct_mode_name((enum clientct_mode)gauges->mode)));
    tool_json_set(out, "denies_all", tool_json_bool(gauges->denies_all != 0));
    tool_json_set(out, "config_failed", tool_json_bool(gauges->config_failed != 0));
    tool_json_set(out, "log_lists_failed", tool_json_bool(gauges->lists_failed != 0));
    tool_json_set(out, "why", gauges->why[0] != '\0' ? tool_json_text(gauges->why) : json_null());
    return out;
}

json_t *tool_metrics_json(const struct tool_metrics *metrics, int64_t now_ms)
{
    json_t *out = tool_json_object(), *counters = tool_json_object();
    json_t *processes = tool_json_array(), *ages = tool_json_object();
    size_t count;
    struct list_age *lists = collect_lists(metrics, &count);

    for (size_t i = 0; i < CT_METRICS_COUNTER_COUNT; i++) {
        char *name = tool_format("%s%s%s%s", counter_rows[i].family, counter_rows[i].labels[0] != '\0' ? "{" : "",
                                 counter_rows[i].labels, counter_rows[i].labels[0] != '\0' ? "}" : "");
        tool_json_set(counters, name, tool_json_count(atomic_load(&metrics->sum.counters[i])));
        free(name);
    }
    for (size_t i = 0; i < metrics->count; i++) {
        tool_json_append(processes, json_process(&metrics->processes[i]));
    }
    for (size_t i = 0; i < count; i++) {
        tool_json_set(ages, lists[i].path, json_integer((now_ms - lists[i].timestamp_ms) / 1000));
    }
    free(lists);
    tool_json_set(out, "verdicts", json_verdicts(&metrics->sum, CT_METRICS_ENFORCED));
    tool_json_set(out, "shadow_verdicts", json_verdicts(&metrics->sum, CT_METRICS_SHADOW));
    tool_json_set(out, "counters", counters);
    tool_json_set(out, "processes", processes);
    tool_json_set(out, "log_list_age_seconds", ages);
    tool_json_set(out, "files_folded", tool_json_count(metrics->folded));
    tool_json_set(out, "files_unusable", tool_json_count(metrics->unusable));
    return out;
}
