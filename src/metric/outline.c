/* The level of a map at which a photo's defects are outlined.
 *
 * A defect's pixels are above the photo's own background, but so are some good pixels.  Of n
 * pixels, let A(t) be those above level t.  How many of them chance puts there is estimated in two
 * ways, and the larger counts:
 *
 *   n S(t)              S(t) is the share of pixels above t in good photos;
 *   #{v < 2 m - t}      m is the photo's median.  Defects lie above it, so that what is below
 *                       shows the photo's own unevenness; chance goes as far up as it goes down.
 *
 * The second one knows this photo: its light, its wear, how uneven it is.  The level is the lowest
 * t >= m for which
 *
 *     max(n S(t), #{v < 2 m - t}) <= c A(t).
 *
 * The quotient is an estimate of the share of false discoveries: with the first count as in
 * Benjamini and Hochberg 1995, with the second as in Barber and Candes 2015 (without their added 1:
 * neighbouring pixels depend on each other anyhow).  A large defect has its whole area above a low
 * level; a small one stands out at a high one only.
 *
 * A clear defect's surroundings are above that level as well, since maps are blurred.  The blur of
 * a point falls to a fifth of its height 1.8 standard deviations away; what is lower is its tail,
 * and not outlined. */
#include "metric/outline.h"
#include "base/mem.h"
#include "metric/metric.h"

#include <math.h>

/* Share of good pixels above points[k]. */
static double share_at(int64_t k)
{
    return exp2(-0.25 * (double)k);
}

/* S(t) of t >= points[k]: straight lines between the points, points[k] being the last that is <= t,
 * and shares[2] those of k and k + 1. */
static double share_above(const double *points, int64_t n_points, int64_t k, const double *shares,
                          double t)
{
    if (k + 1 == n_points)
        return shares[0];
    return shares[0] + (shares[1] - shares[0]) * (t - points[k]) / (points[k + 1] - points[k]);
}

/* Copy the values in [least, most) to `to`, which may be where they are; returns their number. */
static int64_t keep(float *to, const float *values, int64_t n, double least, double most)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < n; i++) {
        const double value = (double)values[i];

        to[kept] = values[i];
        kept += value >= least && value < most;
    }
    return kept;
}

/* The first k for which n S(t) <= c A(t) can be at some t >= points[k], n_points where there is
 * none: from points[k] to points[k + 1] S is S(points[k + 1]) at least, and A what is >= points[k]
 * at most, which `high` then holds.  In good photos little is above the first points already, so
 * that few values are looked at again. */
static int64_t first_point(float *high, int64_t *n_high, const float *values, int64_t n,
                           const double *points, int64_t n_points)
{
    const float *from = values;
    int64_t k = 0;

    *n_high = n;
    for (; k < n_points; k++) {
        const double chance = (double)n * share_at(k + 1 < n_points ? k + 1 : k);

        if (chance > FK_OUTLINE_CHANCE * (double)*n_high)
            continue;
        *n_high = keep(high, from, *n_high, points[k], INFINITY);
        from = high;
        if (chance <= FK_OUTLINE_CHANCE * (double)*n_high)
            break;
    }
    return k;
}

/* Walk up high [n_high], the sorted values from the median or points[k] on; low [below] are those
 * that mirror some of them, sorted. */
static double walk(const float *high, int64_t n_high, const float *low, int64_t below,
                   double median, int64_t n, const double *points, int64_t n_points, int64_t k)
{
    const double least = median + FK_OUTLINE_HEIGHT * ((double)high[n_high - 1] - median);
    double shares[2] = {share_at(k), share_at(k + 1)};

    for (int64_t i = 0; i + 1 < n_high; i++) {
        const double t = (double)high[i];
        double chance;

        if (high[i + 1] == high[i])
            continue;
        while (below > 0 && (double)low[below - 1] >= 2.0 * median - t)
            below--;
        for (; k + 1 < n_points && points[k + 1] <= t; k++) {
            shares[0] = shares[1];
            shares[1] = share_at(k + 2);
        }
        chance = fmax((double)below, (double)n * share_above(points, n_points, k, shares, t));
        if (chance <= FK_OUTLINE_CHANCE * (double)(n_high - 1 - i))
            return fmax(t, least);
    }
    return NAN;
}

fleck_status fk_outline_level(double *level, const float *map, int64_t n, const double *points,
                              int64_t n_points, fleck_error *err)
{
    float *values = NULL, *high = NULL;
    int64_t count = 0, n_high, below, k;
    double median, from;
    fleck_status st;

    *level = NAN;
    FK_DO(FK_ALLOC(&values, n, err));
    FK_DO(FK_ALLOC(&high, n, err));
    for (int64_t i = 0; i < n; i++) {
        values[count] = map[i];
        count += map[i] != 0.0f;
    }
    k = first_point(high, &n_high, values, count, points, n_points);
    if (count == 0 || k == n_points)
        goto done;
    median = (double)fk_select(values, count, (count - 1) / 2);
    from = fmax(median, points[k]);
    n_high = keep(high, high, n_high, from, INFINITY);
    below = keep(values, values, count, -INFINITY, 2.0 * median - from);
    if (n_high == 0)
        goto done;
    FK_DO(fk_sort(high, n_high, err));
    FK_DO(fk_sort(values, below, err));
    *level = walk(high, n_high, values, below, median, count, points, n_points, k);
done:
    fk_free(values);
    fk_free(high);
    return st;
}
