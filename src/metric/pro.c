/* SPDX-License-Identifier: Apache-2.0 */
/* PRO: the per-region overlap, averaged over regions and over false-positive rates up to a limit.
 *
 * Regions r = 1..n are the 8-connected components of all masks, with area_r pixels; N is the number
 * of good pixels of all images.  At threshold t, c_r(t) pixels of region r and F(t) good pixels are
 * positive:
 *
 *   PRO(t) = 1/n * sum_r c_r(t) / area_r,       FPR(t) = F(t) / N.
 *
 * The curve has one point for each distinct score.  It begins at (0, 0) (a threshold above all
 * scores) and ends at (1, 1) (the lowest score), with straight lines between the points.  The
 * figure is the area under it for FPR in [0, l], divided by l; since l lies in (0, 1], the curve
 * always reaches it.
 *
 * With L = l * N and x = F this is 1/L * integral over x in [0, L], which is a sum over pixels.  A
 * pixel with `above` good pixels above its score and `equal` good pixels equal to it adds to c_r a
 * function of x that is 0 for x <= above, rises linearly to 1 at x = above + equal, and stays 1.
 * (Scores of good pixels alone lie on flat parts of the curve and need no point.)  Its integral is
 *
 *   inside:  L - (2 * above + equal) / 2      if above + equal <= L
 *   edge:    (L - above)^2 / (2 * equal)      if above < L < above + equal
 *   outside: 0                                otherwise.
 *
 * Only one distinct score can be the edge, so a region needs three counts; its mean overlap is
 *
 *   overlap_r = (inside_r + (edge_r * edge term - twice_late_r / 2) / L) / area_r.
 *
 * Counts are exact, and overlaps are summed in ascending order, so the result does not depend on
 * the number of threads or the order of the images.  A region whose pixels all score higher than
 * every good pixel has overlap 1. */
#include "metric/pro.h"
#include "base/mem.h"
#include "metric/keys.h"

#include <assert.h>
#include <math.h>

fk_pro_place fk_pro_begin_score(fk_pro *pro, int64_t above, int64_t equal)
{
    assert(pro->limit > 0.0);
    if ((double)(above + equal) <= pro->limit)
        return FK_PRO_INSIDE;
    if ((double)above >= pro->limit)
        return FK_PRO_OUTSIDE;
    pro->edge_above = above;
    pro->edge_equal = equal;
    return FK_PRO_EDGE;
}

fleck_status fk_pro_finish(const fk_pro *pro, const fk_pro_region *regions, int64_t n, double *out,
                           fleck_error *err)
{
    uint64_t *keys = NULL, *scratch = NULL;
    const uint64_t *sorted;
    double edge_term = 0.0, sum = 0.0;
    fleck_status st;

    *out = NAN;
    if (n == 0)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&keys, n, err));
    FK_DO(FK_ALLOC(&scratch, n, err));
    if (pro->edge_equal > 0) {
        double rest = pro->limit - (double)pro->edge_above;

        edge_term = rest * rest / (2.0 * (double)pro->edge_equal);
    }
    for (int64_t r = 0; r < n; r++) {
        const fk_pro_region *region = &regions[r];
        double late = 0.5 * (double)region->twice_late - (double)region->edge * edge_term;
        double overlap = ((double)region->inside - late / pro->limit) / (double)region->area;

        /* Clamped, because rounding could leave [0, 1]. */
        keys[r] = fk_key_from_f64(fmin(fmax(overlap, 0.0), 1.0));
    }
    sorted = fk_keys_sort64(keys, scratch, n, 0);
    for (int64_t r = 0; r < n; r++)
        sum += fk_f64_from_key(sorted[r]);
    *out = sum / (double)n;
    st = FLECK_OK;
done:
    fk_free(keys);
    fk_free(scratch);
    return st;
}
