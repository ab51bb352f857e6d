/* SPDX-License-Identifier: Apache-2.0 */
/* The level of a map at which a photo's defects are outlined.
 *
 * A defect's pixels are above the photo's background, but so are some good pixels.  Of n pixels,
 * let A(t) be the number at or above level t.  Two estimates say how many of them are good; the
 * larger one is used:
 *
 *   n S(t)              S(t) is the fraction of pixels above t in good photos;
 *   #{v < 2 m - t}      m is the photo's median.  Defects lie above it, so the values below show
 *                       the photo's own variation, which is taken to be as large upward.
 *
 * The second estimate accounts for the light, wear and unevenness of this photo.  The level is the
 * lowest t >= m for which
 *
 *     max(n S(t), #{v < 2 m - t}) <= c A(t).
 *
 * The quotient of the two sides without c estimates the false discovery rate: with the first count
 * as in Benjamini and Hochberg 1995, with the second as in Barber and Candes 2015 (without the 1
 * that they add, because neighbouring pixels depend on each other anyway).  A large defect is above
 * a low level as a whole; a small one is found at a high level only.
 *
 * The surroundings of a clear defect are above that level as well, because maps are blurred.  The
 * blur of a point falls to a fifth of its height at 1.8 standard deviations; lower values are its
 * tail and are not outlined.
 *
 * Pixels are counted in bins, whose keys (keys.h) share their upper half.  The inequality holds for
 * no t of a bin [a, b) if max(n S(b), #{v < 2 m - b}) > c #{v >= a}.  The few other bins are
 * searched pixel by pixel. */
#include "metric/outline.h"
#include "base/mem.h"
#include "metric/keys.h"

#include <math.h>
#include <string.h>

/* The pixels of a map that are not 0, as keys. */
typedef struct pixels {
    const double *points;
    int64_t n_points, n;
    uint32_t *keys;                      /* [n] */
    uint32_t *some, *mirrored, *scratch; /* [n] room for the keys of a bin, of its mirror image, and
                                          for sorting */
    uint32_t lowest;                     /* the lowest bin */
    int64_t bins;
    uint32_t *below; /* [bins + 1] pixels below each bin, bins counted from the lowest */
    double median, peak;
} pixels;

/* The lowest key of a bin; bins are counted from the lowest. */
static uint32_t first_key(const pixels *p, int64_t bin)
{
    return (p->lowest + (uint32_t)bin) << 16;
}

static double value_of(uint32_t key)
{
    return (double)fk_f32_from_key(key);
}

/* The lowest key whose value is not below t. */
static uint32_t key_from(double t)
{
    float value = (float)t;

    return fk_key_from_f32((double)value < t ? nextafterf(value, INFINITY) : value);
}

/* S(t), interpolated linearly between the points. */
static double share_above(const pixels *p, double t)
{
    int64_t k = 0;
    double share;

    if (t < p->points[0])
        return 1.0;
    while (k + 1 < p->n_points && p->points[k + 1] <= t)
        k++;
    share = exp2(-0.25 * (double)k);
    if (k + 1 == p->n_points)
        return share;
    return share + (exp2(-0.25 * (double)(k + 1)) - share) * (t - p->points[k]) /
                       (p->points[k + 1] - p->points[k]);
}

static bool is_low_enough(const pixels *p, int64_t below, double t, int64_t above)
{
    return fmax((double)below, (double)p->n * share_above(p, t)) <=
           FK_OUTLINE_CHANCE * (double)above;
}

/* Copy the keys from `from` to `to` - 1, sorted, and return their number. */
static int64_t sort_some(const pixels *p, uint32_t *some, uint32_t from, uint32_t to)
{
    const uint32_t span = to > from ? to - from : 0, *sorted;
    int64_t n = 0;

    for (int64_t i = 0; i < p->n; i++)
        if (p->keys[i] - from < span) /* a single comparison, rarely true */
            some[n++] = p->keys[i];
    sorted = fk_keys_sort32(some, p->scratch, n);
    if (sorted != some)
        memcpy(some, sorted, (size_t)n * sizeof *some);
    return n;
}

/* The bin of t, or the nearest one if t lies outside of all. */
static int64_t bin_of(const pixels *p, double t)
{
    const int64_t bin = (int64_t)(key_from(t) >> 16) - p->lowest;

    return bin < 0 ? 0 : bin < p->bins ? bin : p->bins - 1;
}

/* The level if it lies in this bin, else NaN. */
static double search_bin(const pixels *p, int64_t bin)
{
    const double m = p->median, to = value_of(first_key(p, bin + 1));
    const double from = fmax(m, value_of(first_key(p, bin)));
    const int64_t lowest = bin_of(p, 2.0 * m - to), above = p->n - p->below[bin + 1];
    int64_t n, n_mirrored;

    n = sort_some(p, p->some, key_from(from), key_from(to));
    n_mirrored = sort_some(p, p->mirrored, first_key(p, lowest), key_from(2.0 * m - from));
    for (int64_t i = 0; i < n; i++) {
        const double t = value_of(p->some[i]);

        if (i + 1 < n && p->some[i + 1] == p->some[i])
            continue;
        while (n_mirrored > 0 && value_of(p->mirrored[n_mirrored - 1]) >= 2.0 * m - t)
            n_mirrored--;
        if (is_low_enough(p, p->below[lowest] + n_mirrored, t, above + n - 1 - i))
            return fmax(t, m + FK_OUTLINE_HEIGHT * (p->peak - m));
    }
    return NAN;
}

static double find_level(pixels *p)
{
    const int64_t rank = (p->n - 1) / 2;
    double level = NAN;
    int64_t bin = 0;

    while (p->below[bin + 1] <= rank)
        bin++;
    sort_some(p, p->some, first_key(p, bin), first_key(p, bin + 1));
    p->median = value_of(p->some[rank - p->below[bin]]);
    for (; bin < p->bins && isnan(level); bin++) {
        const double to = value_of(first_key(p, bin + 1));
        const int64_t below = p->below[bin_of(p, 2.0 * p->median - to)];

        if (p->below[bin] < p->below[bin + 1] && is_low_enough(p, below, to, p->n - p->below[bin]))
            level = search_bin(p, bin);
    }
    return level;
}

/* Make keys of the map's pixels and count them in bins. */
static fleck_status count_pixels(pixels *p, const float *map, int64_t n, fleck_error *err)
{
    const uint32_t none = fk_key_from_f32(0.0f);
    uint32_t lowest = UINT32_MAX, highest = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&p->keys, n, err));
    FK_DO(FK_ALLOC(&p->some, n, err));
    FK_DO(FK_ALLOC(&p->mirrored, n, err));
    FK_DO(FK_ALLOC(&p->scratch, n, err));
    for (int64_t i = 0; i < n; i++) {
        p->keys[p->n] = fk_key_from_f32(map[i]);
        p->n += p->keys[p->n] != none;
    }
    for (int64_t i = 0; i < p->n; i++) {
        lowest = p->keys[i] < lowest ? p->keys[i] : lowest;
        highest = p->keys[i] > highest ? p->keys[i] : highest;
    }
    if (p->n == 0)
        return FLECK_OK;
    p->peak = value_of(highest);
    p->lowest = lowest >> 16;
    p->bins = (int64_t)(highest >> 16) - p->lowest + 1;
    FK_DO(FK_CALLOC(&p->below, p->bins + 1, err));
    for (int64_t i = 0; i < p->n; i++)
        p->below[(p->keys[i] >> 16) - p->lowest + 1]++;
    for (int64_t k = 0; k < p->bins; k++)
        p->below[k + 1] += p->below[k];
done:
    return st;
}

fleck_status fk_outline_level(double *level, const float *map, int64_t n, const double *points,
                              int64_t n_points, fleck_error *err)
{
    pixels p = {.points = points, .n_points = n_points};
    fleck_status st;

    *level = NAN;
    FK_DO(count_pixels(&p, map, n, err));
    if (p.n > 0)
        *level = find_level(&p);
done:
    fk_free(p.keys);
    fk_free(p.some);
    fk_free(p.mirrored);
    fk_free(p.scratch);
    fk_free(p.below);
    return st;
}
