/* SPDX-License-Identifier: Apache-2.0 */
/* clientct metrics: the counters of all processes, for Prometheus. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/metrics/read.h"
#include "tool/replace.h"
#include "config/snapshot.h"
#include "tool/tool.h"
#include "tool/verbs.h"

/* The directory that the configuration names, to be freed; NULL: stderr says why. */
static char *configured_directory(const char *config)
{
    struct ct_snapshot *snapshot = ct_snapshot_read(config, NULL, NULL);
    char *directory = NULL;

    if (snapshot == NULL) {
        tool_out_of_memory();
    }
    if (snapshot->config == NULL) {
        tool_error("%s; name the metrics directory itself", snapshot->why);
    } else if (snapshot->config->settings.metrics.path == NULL) {
        tool_error("%s has no line \"metrics = DIRECTORY\", so servers count nothing", config);
    } else {
        directory = tool_format("%s", snapshot->config->settings.metrics.path);
    }
    ct_snapshot_release(snapshot);
    return directory;
}

static int show(const struct tool_metrics *metrics, const char *path)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    int code = TOOL_YES;

    if (to == NULL) {
        tool_out_of_memory();
    }
    tool_metrics_print(metrics, ct_now_ms(), to);
    if (fclose(to) != 0) {
        tool_out_of_memory();
    }
    if (path != NULL) {
        int error = tool_replace_file(path, (struct ct_bytes){ (const uint8_t *)text, len }, 0644);
        if (error != 0) {
            tool_error("cannot write %s: %s", path, strerror(error));
            code = TOOL_USAGE;
        }
    } else {
        char *save = NULL;
        for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
            tool_line("%s", line);
        }
    }
    free(text);
    return code;
}

int tool_verb_metrics(int argc, char **argv)
{
    const char *config = NULL, *path = NULL;
    bool json = false, keep = false;
    const struct tool_option options[] = {
        { "config", "FILE", "take DIR from this configuration (default " CLIENTCT_DEFAULT_CONFIG ")", &config, NULL },
        { "write", "FILE", "write there, atomically, as a textfile collector wants it", &path, NULL },
        { "no-fold", NULL, "leave the files of processes that are gone where they are", NULL, &keep },
        { "json", NULL, "print JSON", NULL, &json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "metrics",
        "[options] [DIR]",
        "Adds up what all processes have counted in the metrics directory, and prints it for Prometheus. Files of\n"
        "processes that are gone are added to the file \"folded\" there and removed, if this user may; sums stay.\n"
        "Exit status: 0, or 2 when the directory cannot be read or FILE not be written.\n",
        options,
        0,
        1,
    };
    struct tool_metrics *metrics = NULL;
    char *directory = NULL;
    int code;

    if (!tool_arguments(&usage, argc, argv, &code)) {
        return code;
    }
    if ((optind < argc && config != NULL) || (json && path != NULL)) {
        tool_error("metrics: %s; give only one of them", json && path != NULL
                                                             ? "--json prints, --write writes the text format"
                                                             : "DIR and --config both say where to look");
        return TOOL_USAGE;
    }
    directory = optind < argc ? tool_format("%s", argv[optind])
                              : configured_directory(config != NULL ? config : CLIENTCT_DEFAULT_CONFIG);
    metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL) {
        tool_out_of_memory();
    }
    code = TOOL_USAGE;
    if (directory == NULL || !tool_metrics_read(directory, !keep, metrics)) {
        goto out;
    }
    if (json) {
        tool_json_print(tool_metrics_json(metrics, ct_now_ms()));
        code = TOOL_YES;
    } else {
        code = show(metrics, path);
    }
out:
    tool_metrics_clear(metrics);
    free(metrics);
    free(directory);
    return code;
}
