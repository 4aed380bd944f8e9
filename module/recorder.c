#include "recorder.h"

#include <stdlib.h>

/* A process has one recorder for as long as it lives; decisions go on without it where memory is short. */
struct ct_recorder {
    uint64_t generation; /* applied last */
};

struct ct_recorder *ct_recorder_new(void)
{
    return calloc(1, sizeof(struct ct_recorder));
}

void ct_recorder_free(struct ct_recorder *recorder)
{
    free(recorder);
}

void ct_recorder_apply(struct ct_recorder *recorder, struct ct_snapshot *snapshot)
{
    recorder->generation = snapshot->generation;
}

void ct_recorder_decision(struct ct_recorder *recorder, const struct clientct_input *input,
                          const struct clientct_verdict *verdict, uint64_t elapsed_ns)
{
}
