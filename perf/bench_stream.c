/* SPDX-License-Identifier: Apache-2.0 */
/* A fit of many images that are stored nowhere: speed and memory while it goes on.
 *   bench_stream [IMAGES]     2,000 by default; 100,000 for docs/speed/speed_stream.svg */
#include "bench.h"
#include "fit/settings.h"
#include "samples.h"

#include "base/clock.h"
#include "base/prng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SIDE 96
#define USUAL 2000
#define MARKS 4       /* points that are reported */
#define LONG_MARKS 20 /* from LONG images on */
#define LONG 20000

typedef struct stream {
    int64_t n, step, next_mark, told;
    double begun, marked, cpu_begun, cpu_marked; /* seconds, and the processors' */
    uint8_t part[SIDE * SIDE * 3], image[SIDE * SIDE * 3];
} stream;

static double cpu_seconds(void)
{
    return (double)clock() / (double)CLOCKS_PER_SEC;
}

/* One row: milliseconds an image, of the wall and of all threads' processor time. */
static void tell(const char *name, double wall, double cpu, int64_t images)
{
    bench_run run = {wall * 1e3 / (double)images, cpu * 1e3 / (double)images};

    bench_times(&(bench_row){.name = name, .threads = bench_threads()}, &run, 1);
}

/* What all images have in common: smooth waves. */
static void draw_part(stream *s)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++)
                s->part[(y * SIDE + x) * 3 + c] =
                    (uint8_t)lround(112.0 + 56.0 * sin(0.11 * x + c) + 40.0 * cos(0.07 * y - c));
}

/* The part with noise of -16 to 15 from the image's number. */
static fleck_status draw(void *ctx, int64_t i, fleck_pixels *out)
{
    stream *s = ctx;
    fk_prng g;

    if (i == 0) {
        s->begun = s->marked = fk_clock_seconds();
        s->cpu_begun = s->cpu_marked = cpu_seconds();
    }
    fk_prng_seed(&g, (uint64_t)i);
    for (int k = 0; k < SIDE * SIDE * 3; k += 8) {
        uint64_t noise = fk_prng_next(&g);

        for (int b = 0; b < 8; b++)
            s->image[k + b] = (uint8_t)(s->part[k + b] + ((noise >> 8 * b) & 31) - 16);
    }
    *out = (fleck_pixels){s->image, SIDE, SIDE, (size_t)SIDE * 3, FLECK_RGB8};
    return FLECK_OK;
}

static bool watch(void *ctx, const char *stage, int64_t done, int64_t total)
{
    stream *s = ctx;
    double now = fk_clock_seconds(), cpu = cpu_seconds();
    char name[96];

    (void)stage;
    if (done < s->next_mark)
        return true;
    snprintf(name, sizeof name, "%lld of %lld images", (long long)s->next_mark, (long long)total);
    tell(name, now - s->marked, cpu - s->cpu_marked, done - s->told);
    bench_figure(name, bench_threads(), "MiB", bench_resident_mib());
    s->next_mark += s->step;
    s->told = done;
    s->marked = now;
    s->cpu_marked = cpu;
    return true;
}

int main(int argc, char **argv)
{
    static stream s = {.n = USUAL};
    fleck_settings f = fk_fit_defaults();
    fleck_model *model = NULL;
    fleck_times times;
    fleck_error err = {0};
    char name[96];

    if (argc > 1)
        s.n = strtoll(argv[1], NULL, 10);
    if (s.n < LONG_MARKS) {
        fprintf(stderr, "usage: bench_stream [IMAGES], at least %d\n", LONG_MARKS);
        return 2;
    }
    bench_begin("stream");
    s.step = s.next_mark = s.n / (s.n >= LONG ? LONG_MARKS : MARKS);
    draw_part(&s);
    f.backbone = "efficientnet_lite0";
    f.weights = bench_weights(f.backbone);
    f.width = f.height = f.crop_width = f.crop_height = SIDE;
    f.progress = watch;
    f.progress_ctx = &s;
    bench_must(fleck_fit_stream(&model, draw, &s, s.n, &f, &times, &err), &err);
    snprintf(name, sizeof name, "fit %lld images of %dx%d", (long long)s.n, SIDE, SIDE);
    tell(name, fk_clock_seconds() - s.begun, cpu_seconds() - s.cpu_begun, s.n);
    bench_figure(name, bench_threads(), "MiB", bench_peak_mib());
    fleck_model_close(&model);
    return bench_end();
}
