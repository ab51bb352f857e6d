/* SPDX-License-Identifier: Apache-2.0 */
/* Milliseconds of single images through an open model, for perf/peers: MODEL IMAGE THREADS. */
#include "fleck.h"
#include "../tests/defaults.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RUNS 12
#define WARM_UPS 2

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + 1e-6 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    fleck_run_settings settings = test_run_defaults();
    fleck_model *model = NULL;
    fleck_error err = {0};
    fleck_status st;

    if (argc != 4)
        return 2;
    settings.threads = (int)strtol(argv[3], NULL, 10);
    st = fleck_model_open(&model, argv[1], &settings, &err);
    for (int i = 0; i < WARM_UPS + RUNS && st == FLECK_OK; i++) {
        fleck_result *result = NULL;
        double start = now();

        st = fleck_score_file(model, argv[2], false, &result, &err);
        if (i >= WARM_UPS)
            printf("%.3f\n", now() - start);
        fleck_result_free(&result);
    }
    fleck_model_close(&model);
    if (st != FLECK_OK)
        fprintf(stderr, "%s\n", err.message);
    return st == FLECK_OK ? 0 : 1;
}
