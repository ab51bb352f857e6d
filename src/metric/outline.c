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
#include "metric/keys.h"

/* Share of good pixels above points[k]. */
static double share_at(int64_t k)
{
    return exp2(-0.25 * (double)k);
}

/* S(t): straight lines between the points, points[k] being the last that is <= t, and shares[2]
 * those of k and k + 1. */
static double share_above(const double *points, int64_t n_points, int64_t k, const double *shares,
                          double t)
{
    if (t < points[0])
        return 1.0;
    if (k + 1 == n_points)
        return shares[0];
    return shares[0] + (shares[1] - shares[0]) * (t - points[k]) / (points[k + 1] - points[k]);
}

static double value_of(uint32_t key)
{
    return (double)fk_f32_from_key(key);
}

/* The level of n > 0 sorted values. */
static double find_level(const uint32_t *keys, int64_t n, const double *points, int64_t n_points)
{
    const int64_t middle = (n - 1) / 2;
    const double median = value_of(keys[middle]);
    const double least = median + FK_OUTLINE_HEIGHT * (value_of(keys[n - 1]) - median);
    double shares[2] = {share_at(0), share_at(1)};
    int64_t below = middle, k = 0;

    for (int64_t i = middle; i + 1 < n; i++) {
        const double t = value_of(keys[i]);
        double chance;

        if (keys[i + 1] == keys[i])
            continue;
        while (below > 0 && value_of(keys[below - 1]) >= 2.0 * median - t)
            below--;
        for (; k + 1 < n_points && points[k + 1] <= t; k++) {
            shares[0] = shares[1];
            shares[1] = share_at(k + 2);
        }
        chance = fmax((double)below, (double)n * share_above(points, n_points, k, shares, t));
        if (chance <= FK_OUTLINE_CHANCE * (double)(n - 1 - i))
            return fmax(t, least);
    }
    return NAN;
}

fleck_status fk_outline_level(double *level, const float *map, int64_t n, const double *points,
                              int64_t n_points, fleck_error *err)
{
    uint32_t *keys = NULL, *spare = NULL;
    int64_t count = 0;
    fleck_status st;

    *level = NAN;
    FK_DO(FK_ALLOC(&keys, n, err));
    FK_DO(FK_ALLOC(&spare, n, err));
    for (int64_t i = 0; i < n; i++)
        if (map[i] != 0.0f)
            keys[count++] = fk_key_from_f32(map[i]);
    if (count > 0)
        *level = find_level(fk_keys_sort32(keys, spare, count), count, points, n_points);
done:
    fk_free(keys);
    fk_free(spare);
    return st;
}
