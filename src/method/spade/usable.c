/* SPDX-License-Identifier: Apache-2.0 */
/* SPADE with masks: which features of the gallery may be found.
 *
 * An image has flags for the cells of its levels' own grids.  A joined feature is a linear
 * combination of up to four cells of each level that is smaller than the common grid, so an ignored
 * cell influences features outside the mask too.  A feature is usable if, at every level of the
 * group,
 *
 *     at least one of its cells (with a weight above 0) is valid, and
 *     all others are valid, or are valid in no image of the gallery.
 *
 * A level on the common grid has one cell for each feature, so the flag decides.  Cells that are
 * valid in no image belong to a mask that all images share.  It is painted in all of them and in
 * the query, so the query's features at the mask's border are influenced by painted cells too.
 * Without the exception they would find nothing similar, or with radius 0 nothing at all. */
#include "method/spade/spade.h"

#include <string.h>

/* Flags of level t of the query's group in a learned image. */
static const uint8_t *image_flags(const fk_spade_query *q, int t, int64_t image)
{
    const fk_spade *s = q->spade;

    return s->flags + image * fk_spade_positions(s, s->shape.n_levels) +
           fk_spade_positions(s, q->first + t);
}

/* Mark the cells of level t that are valid in no image of the gallery. */
static void find_bare(uint8_t *bare, const fk_spade_query *q, int t)
{
    int64_t n = fk_spade_level(q, t)->height * fk_spade_level(q, t)->width;

    memset(bare, 1, (size_t)n);
    for (int64_t k = 0; k < q->n_gallery; k++) {
        const uint8_t *flags = image_flags(q, t, q->gallery[k]);

        for (int64_t c = 0; c < n; c++)
            if (flags[c] != 0)
                bare[c] = 0;
    }
}

/* Whether the feature with these source rows and columns is usable, on a grid of width w. */
static bool may_be_found(const uint8_t *flags, const uint8_t *bare, int64_t w,
                         const fk_spade_axis *row, const fk_spade_axis *column)
{
    bool one = false, none_lost = true;

    for (int i = 0; i < (row->weight > 0.0 ? 2 : 1); i++)
        for (int j = 0; j < (column->weight > 0.0 ? 2 : 1); j++) {
            int64_t at =
                (i == 0 ? row->first : row->second) * w + (j == 0 ? column->first : column->second);

            one = one || flags[at] != 0;
            none_lost = none_lost && (flags[at] != 0 || bare[at] != 0);
        }
    return one && none_lost;
}

static void leave_out(const fk_spade_query *q, int t, const uint8_t *bare)
{
    int64_t w = fk_spade_level(q, t)->width;
    uint8_t *usable = q->usable;

    for (int64_t k = 0; k < q->n_gallery; k++) {
        const uint8_t *flags = image_flags(q, t, q->gallery[k]);

        for (int64_t y = 0; y < q->height; y++)
            for (int64_t x = 0; x < q->width; x++, usable++)
                if (!may_be_found(flags, bare, w, &q->rows[t][y], &q->columns[t][x]))
                    *usable = 0;
    }
}

/* Number of usable features within the radius of row y and column x, at most kappa. */
static int64_t count_near(const fk_spade_query *q, int64_t y, int64_t x)
{
    bool all = fk_spade_reaches_all(q->spade, q->height, q->width);
    int64_t radius = all ? fk_spade_most(q->height, q->width) : q->spade->radius;
    int64_t top = fk_spade_most(0, y - radius), bottom = fk_spade_least(q->height, y + radius + 1);
    int64_t left = fk_spade_most(0, x - radius), right = fk_spade_least(q->width, x + radius + 1);
    int64_t count = 0;

    for (int64_t k = 0; k < q->n_gallery; k++)
        for (int64_t j = top; j < bottom; j++)
            for (int64_t i = left; i < right && count < q->kappa; i++)
                count += fk_spade_usable(q, k, j * q->width + i);
    return count;
}

void fk_spade_find_usable(const fk_spade_query *q, uint8_t *bare)
{
    int64_t n = q->height * q->width;
    bool all = fk_spade_reaches_all(q->spade, q->height, q->width);

    memset(q->usable, 1, (size_t)(q->n_gallery * n));
    for (int t = 0; t < q->count; t++) {
        find_bare(bare, q, t);
        leave_out(q, t, bare);
    }
    for (int64_t p = 0; p < n; p++) /* if all positions are searched, all counts are the same */
        q->available[p] =
            all && p > 0 ? q->available[0] : count_near(q, p / q->width, p % q->width);
}
