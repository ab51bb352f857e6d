/* SPDX-License-Identifier: Apache-2.0 */
/* From the start of the process to the first verdict: `fleck predict MODEL ONE.png`. */
#include "bench.h"
#include "samples.h"
#include "tool.h"

#include <stdio.h>

#define RUNS 12 /* the first 2 are not counted */

static void time_predict(const char *name, const char *model, const char *image,
                         const char *precision)
{
    const char *const argv[] = {bench_tool(),  "predict", model, image,
                                "--precision", precision, NULL};
    bench_row row = {.name = name, .threads = bench_threads()};
    bench_run runs[RUNS];
    double peak = 0;
    char memory[128];

    for (int i = 0; i < RUNS; i++) {
        bench_usage usage;
        fleck_error err = {0};

        bench_must(bench_spawn(&usage, argv, &err), &err);
        runs[i] = usage.run;
        peak = usage.peak_mib > peak ? usage.peak_mib : peak;
    }
    bench_times(&row, runs + 2, RUNS - 2);
    snprintf(memory, sizeof memory, "%s: peak memory", name);
    bench_figure(memory, row.threads, "MiB", peak);
}

int main(void)
{
    static const char *const names[] = {"efficientnet_lite0", "resnet18"};
    char model[4200], image[4300], row[96];
    const char *category;

    bench_begin("start");
    category = bench_category(900, 6, 1, 0);
    snprintf(image, sizeof image, "%s/test/good/000.png", category);
    snprintf(model, sizeof model, "%s/model.fleck", bench_folder());
    for (int i = 0; i < 2; i++) {
        bench_tool_fit(category, model, names[i], bench_weights(names[i]), 0);
        snprintf(row, sizeof row, "process to verdict, PaDiM d=100 %s f32", names[i]);
        time_predict(row, model, image, "f32");
    }
    return bench_end();
}
