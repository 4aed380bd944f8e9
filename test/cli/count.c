/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts as a server does: count DIR POLICY ACCEPTED REFUSED. Prints "ready", waits for the end of standard input, and
 * ends without tidying up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/metrics.h"

int main(int argc, char **argv)
{
    struct clientct_verdict verdict = { .decided = true, .signatures_checked = 1 };
    struct ct_metrics *metrics;
    char byte;

    if (argc != 5 || (metrics = ct_metrics_new(argv[1])) == NULL) {
        return EXIT_FAILURE;
    }
    verdict.policy = argv[2];
    verdict.accept = true;
    verdict.reason = CLIENTCT_COMPLIANT;
    for (long i = strtol(argv[3], NULL, 10); i > 0; i--) {
        ct_metrics_decision(metrics, &verdict, (uint64_t)i * 1000);
    }
    verdict.accept = false;
    verdict.reason = CLIENTCT_NO_SCTS;
    for (long i = strtol(argv[4], NULL, 10); i > 0; i--) {
        ct_metrics_decision(metrics, &verdict, (uint64_t)i * 1000);
    }
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {}
    _exit(EXIT_SUCCESS);
}
