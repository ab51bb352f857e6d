/* SPDX-License-Identifier: Apache-2.0 */
/* How cost grows: with the number of images, with their size, and with threads.  The plot's
 * data. */
#include "bench.h"
#include "samples.h"
#include "tool.h"

#include "base/file.h"
#include "base/str.h"

#include <stdio.h>

#define DRAWN 40

/* A CSV that names the drawn images over and over, n times in all: a stream that is not stored. */
static const char *list_images(const char *category, int n)
{
    static char path[4200];
    fk_text text = {0};
    fleck_error err = {0};

    bench_must(fk_text_printf(&text, &err, "path,label,split\n"), &err);
    for (int i = 0; i < n; i++)
        bench_must(
            fk_text_printf(&text, &err, "%s/train/good/%03d.png,good,train\n", category, i % DRAWN),
            &err);
    snprintf(path, sizeof path, "%s/images.csv", bench_folder());
    bench_must(fk_file_write(path, text.data, (size_t)text.length, &err), &err);
    fk_text_free(&text);
    return path;
}

static void time_fit(const char *what, const char *category, int n, const char *model,
                     const char *weights, int threads)
{
    bench_usage usage =
        bench_tool_fit(list_images(category, n), model, "resnet18", weights, threads);
    char name[96];

    snprintf(name, sizeof name, "fit %s", what);
    bench_times(&(bench_row){.name = name, .threads = threads}, &usage.run, 1);
    snprintf(name, sizeof name, "fit %s: peak memory", what);
    bench_figure(name, threads, "MiB", usage.peak_mib);
}

int main(void)
{
    static const int counts[] = {50, 100, 200, 400, 800};
    static const int sides[] = {224, 448, 900, 1800};
    const char *weights;
    char model[4200], what[64];
    int threads = bench_threads();

    bench_begin("scale");
    weights = bench_weights("resnet18");
    snprintf(model, sizeof model, "%s/model.fleck", bench_folder());
    for (int i = 0; i < 4; i++) {
        const char *category = bench_category(sides[i], DRAWN, 0, 0);

        for (int k = 0; i == 0 && k < 5; k++) {
            snprintf(what, sizeof what, "N=%d side=%d", counts[k], sides[i]);
            time_fit(what, category, counts[k], model, weights, threads);
        }
        snprintf(what, sizeof what, "side=%d N=80", sides[i]);
        time_fit(what, category, 80, model, weights, threads);
        for (int t = 1; sides[i] == 900 && t <= threads; t *= 2) {
            snprintf(what, sizeof what, "threads=%d side=900 N=80", t);
            time_fit(what, category, 80, model, weights, t);
        }
    }
    return bench_end();
}
