#include "recorder.h"

#include <stdlib.h>

#include "metrics.h"

/* A process has one recorder for as long as it lives; decisions go on without it where memory is short. */
struct ct_recorder {
    struct ct_metrics *metrics; /* NULL: memory was short */
};

struct ct_recorder *ct_recorder_new(void)
{
    struct ct_recorder *recorder = calloc(1, sizeof *recorder);

    if (recorder != NULL) {
        recorder->metrics = ct_metrics_new(NULL);
    }
    return recorder;
}

void ct_recorder_free(struct ct_recorder *recorder)
{
    if (recorder != NULL) {
        ct_metrics_free(recorder->metrics);
        free(recorder);
    }
}

void ct_recorder_apply(struct ct_recorder *recorder, struct ct_snapshot *snapshot)
{
    if (recorder->metrics != NULL) {
        if (snapshot->config != NULL) {
            ct_metrics_set_directory(recorder->metrics, snapshot->config->settings.metrics.path);
        }
        ct_metrics_snapshot(recorder->metrics, snapshot);
    }
}

void ct_recorder_decision(struct ct_recorder *recorder, const struct clientct_input *input,
                          const struct clientct_verdict *verdict, uint64_t elapsed_ns)
{
    if (recorder->metrics != NULL) {
        ct_metrics_decision(recorder->metrics, verdict, elapsed_ns);
    }
}
