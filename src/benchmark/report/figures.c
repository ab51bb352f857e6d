/* SPDX-License-Identifier: Apache-2.0 */
/* A benchmark's figures of merit, one by one and on average. */
#include "benchmark/report/report.h"

#include <math.h>

double fk_bench_value(const fk_bench_result *r, fk_bench_figure which)
{
    const fleck_ranking *pixel = &r->report.pixel, *image = &r->report.image;
    const double values[FK_BENCH_FIGURES] = {
        [FK_BENCH_PIXEL_AUROC] = pixel->auroc, [FK_BENCH_IMAGE_AUROC] = image->auroc,
        [FK_BENCH_PRO] = r->report.pro,        [FK_BENCH_PIXEL_AP] = pixel->ap,
        [FK_BENCH_IMAGE_AP] = image->ap,       [FK_BENCH_PIXEL_F1] = pixel->f1max,
        [FK_BENCH_IMAGE_F1] = image->f1max};

    return 100.0 * values[which];
}

bool fk_bench_as_good(double v, double best)
{
    return floor(100.0 * v + 0.5) >= floor(100.0 * best + 0.5); /* false for NaN */
}

bool fk_bench_interval(const fk_bench_result *r, fk_bench_figure which, double *low, double *high)
{
    bool pixel = which == FK_BENCH_PIXEL_AUROC;

    *low = 100.0 * (pixel ? r->pixel_low : r->low);
    *high = 100.0 * (pixel ? r->pixel_high : r->high);
    return (pixel || which == FK_BENCH_IMAGE_AUROC) && !isnan(*low) && !isnan(*high);
}

void fk_bench_mean_add(fk_bench_mean *m, double v)
{
    if (isnan(v))
        return;
    m->sum += v;
    m->n++;
}

double fk_bench_mean_of(const fk_bench_mean *m)
{
    return m->n > 0 ? m->sum / (double)m->n : NAN;
}

fk_bench_mean fk_bench_average(const fk_bench_book *book, int run, fk_bench_figure which)
{
    fk_bench_mean m = {0};

    for (int64_t c = 0; c < book->n; c++)
        fk_bench_mean_add(&m, fk_bench_value(&book->categories[c].runs[run], which));
    return m;
}
