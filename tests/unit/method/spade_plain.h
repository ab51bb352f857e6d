/* SPDX-License-Identifier: Apache-2.0 */
/* Images for the tests of SPADE, and its map by plain sums: every distance, one by one. */
#ifndef METHOD_SPADE_PLAIN_H
#define METHOD_SPADE_PLAIN_H

#include "unit/method/fixture.h"

#include "map/map.h"
#include "linalg/linalg.h"
#include "golden/method_spade.h"

static const fk_embed_shape SHAPE = {
    .n_levels = 3,
    .levels = {{6, 8, 5, NULL, NULL}, {3, 4, 19, NULL, NULL}, {2, 2, 35, NULL, NULL}},
    .global_dim = SPADE_GLOBAL};
static const fk_map_size MAP = {SPADE_HEIGHT, SPADE_WIDTH};
static const char *const RADII[] = {"radius=0", "radius=1", "radius=-1"};

/* What images of a test are like. */
enum {
    ALIKE = 1,  /* they differ little, so that features at the same position are the nearest */
    MASKED = 2, /* a mask leaves positions out */
    RAISED = 4  /* features are much longer than their distances */
};

/* All positions of an image count. */
static inline void unmask(fk_embedding *e)
{
    fk_embedding_unflag(e);
    for (int t = 0; t < e->n_levels; t++) {
        int64_t n = e->levels[t].height * e->levels[t].width;

        assert_ok(FK_ALLOC(&e->levels[t].valid, n, err));
        memset(e->levels[t].valid, 1, (size_t)n);
    }
}

/* Leave out what lies in the first `down` of an image's height and the first `across` of its
 * width. */
static inline void mask_corner(fk_embedding *e, double down, double across)
{
    for (int t = 0; t < e->n_levels; t++) {
        const fk_level *l = &e->levels[t];

        for (int64_t p = 0; p < l->height * l->width; p++) {
            int64_t y = p / l->width, x = p % l->width;

            if ((double)y < down * (double)l->height && (double)x < across * (double)l->width)
                l->valid[p] = 0;
        }
    }
}

/* Image number `image`, hashed.  Its mask leaves out the top left, as in all images, and a third of
 * the other positions, each level's its own. */
static inline fk_embedding image_of(const fk_embed_shape *shape, uint64_t image, unsigned kind)
{
    fk_embedding e = make_image(shape, image);

    if ((kind & MASKED) != 0) {
        unmask(&e);
        mask_corner(&e, 0.3, 0.5);
    }
    for (int t = 0; t < shape->n_levels; t++) {
        const fk_level *l = &e.levels[t];

        for (int64_t k = 0; (kind & ALIKE) != 0 && k < l->height * l->width * l->dim; k++)
            l->data[k] = hashed(5 + (uint64_t)t, k) + 0.3f * l->data[k];
        for (int64_t k = 0; (kind & RAISED) != 0 && k < l->height * l->width * l->dim; k++)
            l->data[k] += 4;
        for (int64_t p = 0; (kind & MASKED) != 0 && p < l->height * l->width; p++)
            if (hashed(1000 + image * 16 + (uint64_t)t, p) < 0.33f)
                l->valid[p] = 0;
    }
    return e;
}

/* Map and score of an image after learning n others. */
static inline float *run_images(const fk_embed_shape *shape, fk_map_size map,
                                const char *const *pairs, const fk_embedding *images, int n,
                                const fk_embedding *e, int64_t exclude, fk_pool *pool,
                                double *score)
{
    const fk_method *m = fk_method_find("spade");
    fk_options o = options_of(m, pairs);
    void *state = learn(m, &o, shape, map, images, 0, n, 4, NULL);
    float *out;

    assert_ok(m->finish(state, NULL, err));
    out = score_of(m, state, map, e, exclude, pool, score);
    m->free(state);
    fk_options_free(&o);
    return out;
}

/* Joined features [H, W, D] of one image on the largest grid, in double. */
static inline double *join(const fk_embed_shape *shape, const fk_embedding *e, int64_t height,
                           int64_t width, int64_t dim)
{
    double *out = NULL;
    int64_t first = 0;

    assert_ok(FK_ALLOC(&out, height * width * dim, err));
    for (int t = 0; t < shape->n_levels; first += shape->levels[t].dim, t++) {
        const fk_level *l = &e->levels[t];

        for (int64_t p = 0; p < height * width; p++) {
            int64_t y0, y1, x0, x1;
            double fy, fx;

            fk_map_source(p / width, height, l->height, &y0, &y1, &fy);
            fk_map_source(p % width, width, l->width, &x0, &x1, &fx);
            for (int64_t c = 0; c < l->dim; c++) {
                const float *d = l->data + c;
                double top = (1 - fx) * (double)d[(y0 * l->width + x0) * l->dim] +
                             fx * (double)d[(y0 * l->width + x1) * l->dim];
                double bottom = (1 - fx) * (double)d[(y1 * l->width + x0) * l->dim] +
                                fx * (double)d[(y1 * l->width + x1) * l->dim];

                out[p * dim + first + c] = (1 - fy) * top + fy * bottom;
            }
        }
    }
    return out;
}

/* Weight of cell c of m in output i of n. */
static inline double weight_of(int64_t c, int64_t m, int64_t i, int64_t n)
{
    double at = ((double)i + 0.5) * (double)m / (double)n - 0.5;

    at = fmin(fmax(at, 0.0), (double)(m - 1));
    return fmax(0.0, 1.0 - fabs(at - (double)c));
}

/* Whether image k's joined feature at p may be found: at every level it has a part in a valid cell,
 * and in no other cell that is valid in some image of the n. */
static inline bool usable(const fk_embed_shape *shape, fk_map_size grid, const fk_embedding *images,
                          int n, int k, int64_t p)
{
    for (int t = 0; t < shape->n_levels; t++) {
        const fk_level *l = &images[k].levels[t];
        bool one = false;

        for (int64_t c = 0; c < l->height * l->width; c++) {
            if (weight_of(c / l->width, l->height, p / grid.width, grid.height) *
                    weight_of(c % l->width, l->width, p % grid.width, grid.width) ==
                0.0)
                continue;
            if (l->valid == NULL || l->valid[c] != 0) {
                one = true;
                continue;
            }
            for (int i = 0; i < n; i++)
                if (images[i].levels[t].valid == NULL || images[i].levels[t].valid[c] != 0)
                    return false;
        }
        if (!one)
            return false;
    }
    return true;
}

/* The concat map at grid size with all n images as gallery: every distance, one by one. */
static inline void plain_map(double *out, const fk_embed_shape *shape, fk_map_size grid,
                             const fk_embedding *images, int n, const fk_embedding *e, int radius,
                             int kappa)
{
    int64_t cells = grid.height * grid.width, dim = 0, ignored[8];
    double *q, nearest[400][8];

    assert_true(cells <= 400 && kappa <= 8);
    for (int t = 0; t < shape->n_levels; t++)
        dim += shape->levels[t].dim;
    q = join(shape, e, grid.height, grid.width, dim);
    for (int64_t p = 0; p < cells; p++)
        for (int k = 0; k < kappa; k++)
            nearest[p][k] = INFINITY;
    for (int i = 0; i < n; i++) {
        double *g = join(shape, &images[i], grid.height, grid.width, dim);

        for (int64_t j = 0; j < cells; j++) {
            if (!usable(shape, grid, images, n, i, j))
                continue;
            for (int64_t p = 0; p < cells; p++) {
                double sum = 0.0;

                if (radius >= 0 && (llabs(j / grid.width - p / grid.width) > radius ||
                                    llabs(j % grid.width - p % grid.width) > radius))
                    continue;
                for (int64_t c = 0; c < dim; c++)
                    sum += (q[p * dim + c] - g[j * dim + c]) * (q[p * dim + c] - g[j * dim + c]);
                fk_linalg_smallest(nearest[p], ignored, kappa, sum, j);
            }
        }
        fk_free(g);
    }
    for (int64_t p = 0; p < cells; p++) {
        int found = 0;

        out[p] = 0.0;
        for (; found < kappa && isfinite(nearest[p][found]); found++)
            out[p] += nearest[p][found];
        out[p] /= found > 0 ? found : 1;
    }
    fk_free(q);
}

#endif
