/* SPDX-License-Identifier: Apache-2.0 */
/* The whole work on bottle: fit, evaluation, and one image after the other.  Needs ../shared. */
#include "fleck_tools.h"
#include "../tests/defaults.h"
#include "bench.h"
#include "tool.h"

#include <stdio.h>

#define RUNS 3
#define WEIGHTS "weights/resnet18_imagenet_bnfolded.safetensors"

typedef struct job {
    fleck_model *model;
    const char *image;
} job;

static fleck_status score_one(void *ctx, fleck_error *err)
{
    job *j = ctx;
    fleck_result *r = NULL;
    fleck_status st = fleck_score_file(j->model, j->image, false, &r, err);

    fleck_result_free(&r);
    return st;
}

static void time_whole(const char *data, const char *model, const char *weights)
{
    const char *const argv[] = {bench_tool(), "eval", model, data, NULL};
    bench_run fits[RUNS], evals[RUNS];
    double fit_peak = 0, eval_peak = 0;
    bench_row row = {.threads = bench_threads()};

    for (int i = 0; i < RUNS; i++) {
        bench_usage fit = bench_tool_fit(data, model, "resnet18", weights, 0), eval;
        fleck_error err = {0};

        bench_must(bench_spawn(&eval, argv, &err), &err);
        fits[i] = fit.run;
        evals[i] = eval.run;
        fit_peak = fit.peak_mib > fit_peak ? fit.peak_mib : fit_peak;
        eval_peak = eval.peak_mib > eval_peak ? eval.peak_mib : eval_peak;
    }
    row.name = "fit 209 images of 900x900, PaDiM ResNet-18 d=100";
    bench_times(&row, fits, RUNS);
    bench_figure("the same: peak memory", row.threads, "MiB", fit_peak);
    row.name = "evaluate 83 images, all metrics";
    bench_times(&row, evals, RUNS);
    bench_figure("the same: peak memory", row.threads, "MiB", eval_peak);
}

/* Where the seconds of an evaluation go, summed over threads, for one image. */
static void print_stages(fleck_model *model, const char *data)
{
    fleck_eval_settings s = test_eval_defaults();
    fleck_report *r = NULL;
    fleck_error err = {0};
    double images;

    bench_must(fleck_evaluate(model, data, &s, &r, &err), &err);
    images = (double)(r->good + r->defective);
    bench_figure("evaluate, an image: decode and resize", 1, "ms",
                 r->seconds.decode / images * 1e3);
    bench_figure("evaluate, an image: network", 1, "ms", r->seconds.network / images * 1e3);
    bench_figure("evaluate, an image: score", 1, "ms", r->seconds.score / images * 1e3);
    bench_figure("evaluate, an image: metrics", 1, "ms", r->seconds.metrics / images * 1e3);
    bench_figure("image ROC-AUC", 1, "", r->image.auroc);
    bench_figure("pixel ROC-AUC", 1, "", r->pixel.auroc);
    fleck_free(r);
    s.protocol = FLECK_PROTOCOL_ORIGINAL;
    bench_must(fleck_evaluate(model, data, &s, &r, &err), &err);
    bench_figure("evaluate at original size, in all", r->seconds.threads, "ms",
                 r->seconds.total * 1e3);
    bench_figure("the same, an image: metrics", 1, "ms", r->seconds.metrics / images * 1e3);
    fleck_free(r);
}

int main(void)
{
    const char *data, *weights;
    char model[4200], image[4300];
    int threads = bench_threads();
    fleck_error err = {0};

    bench_begin("bottle");
    data = bench_shared("all of this", "data/bottle");
    weights = data != NULL ? bench_shared("all of this", WEIGHTS) : NULL;
    if (data == NULL || weights == NULL)
        return 77; /* Meson: skipped */
    snprintf(model, sizeof model, "%s/bottle.fleck", bench_folder());
    snprintf(image, sizeof image, "%s/test/broken_large/000.png", data);
    time_whole(data, model, weights);
    for (int t = 1; t <= threads; t = t < threads ? threads : threads + 1) {
        fleck_run_settings s = test_run_defaults();
        job j = {.image = image};
        bench_row row = {.name = "one image, file to map", .threads = t};

        s.threads = t;
        bench_must(fleck_model_open(&j.model, model, &s, &err), &err);
        bench_time(&row, score_one, &j);
        if (t == threads)
            print_stages(j.model, data);
        fleck_model_close(&j.model);
    }
    return bench_end();
}
