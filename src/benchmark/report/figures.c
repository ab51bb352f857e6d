/* A benchmark's figures of merit, one by one and on average. */
#include "benchmark/report/report.h"

#include <math.h>

double fk_bench_value(const fk_bench_result *r, fk_bench_figure which)
{
    switch (which) {
    case FK_BENCH_PIXEL_AUROC:
        return 100.0 * r->report.pixel.auroc;
    case FK_BENCH_IMAGE_AUROC:
        return 100.0 * r->report.image.auroc;
    case FK_BENCH_PRO:
        return 100.0 * r->report.pro;
    case FK_BENCH_PIXEL_AP:
        return 100.0 * r->report.pixel.ap;
    case FK_BENCH_IMAGE_AP:
        return 100.0 * r->report.image.ap;
    case FK_BENCH_PIXEL_F1:
        return 100.0 * r->report.pixel.f1max;
    default:
        return 100.0 * r->report.image.f1max;
    }
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
