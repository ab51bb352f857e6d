/* SPDX-License-Identifier: Apache-2.0 */
/* PatchCore's score: the largest distance of a patch to the bank, re-weighted or not.
 *
 * With m(x) the bank's feature nearest to patch x and x* the patch with the largest |x - m(x)|,
 * m* = m(x*), the authors' code takes s* = |x* - m*| as the image's score.  The paper's equation 7
 * weighs it,
 *
 *     s = (1 - exp(|x* - m*|) / sum over m in N_b(m*) of exp(|x* - m|)) s*
 *
 * N_b(m*) being the b features of the bank nearest to m*, itself included.  The quotient is
 * computed as 1 / sum of exp(|x* - m| - |x* - m*|), whose exponents are not negative where b = all;
 * they are so up to ties anyway, since m* is the nearest to x*. */
#include "map/map.h"
#include "linalg/linalg.h"
#include "method/patchcore/patchcore.h"

#include <assert.h>
#include <math.h>

/* One call's memory, laid out in the caller's scratch. */
typedef struct layout {
    void *search;
    double *values, *nearest; /* [bank.n], [reweight] */
    int64_t *index, *indices; /* [P], [reweight] */
    float *distance;          /* [P] */
} layout;

static int64_t positions(const fk_patchcore *s)
{
    return s->shape.levels[0].height * s->shape.levels[0].width;
}

/* Take count elements from base at *used, aligned to 64 bytes; with base NULL only *used grows. */
static void *carve(char *base, size_t *used, int64_t count, size_t size)
{
    size_t at = *used;

    *used += ((size_t)count * size + 63) / 64 * 64;
    return base != NULL ? base + at : NULL;
}

static size_t lay_out(layout *l, const fk_patchcore *s, char *base)
{
    size_t used = 0;
    int64_t n = positions(s), b = s->reweight;

    l->search = carve(base, &used, (int64_t)fk_bank_scratch_size(&s->bank, n), 1);
    l->values = carve(base, &used, b > 0 ? s->bank.n : 0, sizeof *l->values);
    l->nearest = carve(base, &used, b, sizeof *l->nearest);
    l->index = carve(base, &used, n, sizeof *l->index);
    l->indices = carve(base, &used, b, sizeof *l->indices);
    l->distance = carve(base, &used, n, sizeof *l->distance);
    return used;
}

size_t fk_patchcore_scratch_size(const void *state)
{
    layout l;

    return lay_out(&l, state, NULL);
}

/* The weight of equation 7 for patch x [D], whose nearest is row m. */
static double weigh(const fk_patchcore *s, const layout *l, const float *x, int64_t m,
                    fk_span exclude)
{
    const fk_bank *b = &s->bank;
    int64_t n_more;
    const float *more = fk_refill_rows(&s->refill, exclude, &n_more);
    const float *at = fk_refill_row(b, more, m);
    double nearest = sqrt(fk_linalg_distance2(x, at, b->dim)), sum = 0.0;

    fk_linalg_distances2(l->values, at, b->rows, b->n, b->dim);
    for (int64_t i = 0; i < s->reweight; i++) {
        l->nearest[i] = INFINITY;
        l->indices[i] = -1;
    }
    for (int64_t i = 0; i < b->n; i++)
        if (!fk_span_has(exclude, b->images[i]))
            fk_linalg_smallest(l->nearest, l->indices, s->reweight, l->values[i], i);
    for (int64_t i = 0; i < n_more; i++)
        fk_linalg_smallest(l->nearest, l->indices, s->reweight,
                           fk_linalg_distance2(at, more + i * b->dim, b->dim), b->n + i);
    for (int64_t i = 0; i < s->reweight && l->indices[i] >= 0; i++)
        sum += exp(sqrt(fk_linalg_distance2(x, fk_refill_row(b, more, l->indices[i]), b->dim)) -
                   nearest);
    return 1.0 - 1.0 / sum;
}

/* Where nothing was found: is it that all was left out? */
static bool all_left_out(const fk_bank *b, fk_span exclude)
{
    for (int64_t i = 0; i < b->n; i++)
        if (!fk_span_has(exclude, b->images[i]))
            return false;
    return true;
}

/* The largest distance of a patch that is not masked; 0 where all are. */
static double image_score(const fk_patchcore *s, const layout *l, const fk_level *level,
                          fk_span exclude)
{
    int64_t worst = -1;
    double score;

    for (int64_t p = 0; p < positions(s); p++)
        if ((level->valid == NULL || level->valid[p] != 0) &&
            (worst < 0 || l->distance[p] > l->distance[worst]))
            worst = p;
    if (worst < 0)
        return 0.0;
    score = (double)l->distance[worst];
    if (s->reweight > 0)
        score *= weigh(s, l, level->data + worst * level->dim, l->index[worst], exclude);
    return score;
}

fleck_status fk_patchcore_score(const void *state, const fk_embedding *e, fk_span exclude,
                                void *scratch, fk_pool *pool, float *map, double *score,
                                fleck_error *err)
{
    const fk_patchcore *s = state;
    const fk_level *grid = &s->shape.levels[0];
    layout l;
    fleck_status st;

    if (!s->finished)
        FK_FAIL(err, FLECK_E_STATE, "patchcore: finish the fit before scoring");
    assert(exclude.first + exclude.count <= s->n);
    FK_DO(fk_embedding_check(e, &s->shape, err));
    lay_out(&l, s, scratch);
    /* Weights ask which feature is the nearest, which was not kept. */
    if (s->reweight > 0 || !fk_refill_near(&s->refill, exclude, l.distance, positions(s)))
        FK_DO(fk_bank_nearest(&s->bank, e->levels[0].data, positions(s), exclude, l.search, pool,
                              l.distance, l.index, err));
    FK_DO(fk_refill_nearer(&s->refill, exclude, e->levels[0].data, positions(s), s->bank.n,
                           l.search, pool, l.distance, l.index, err));
    if (!fk_embed_finite(l.distance, positions(s))) {
        if (all_left_out(&s->bank, exclude))
            FK_FAIL(err, FLECK_E_STATE,
                    "patchcore: leaving one image out needs another, there is none");
        FK_FAIL(err, FLECK_E_ENGINE, "patchcore: distances are too large for float numbers");
    }
    if (score != NULL)
        *score = image_score(s, &l, &e->levels[0], exclude);
    if (map != NULL)
        fk_map_resize_bilinear(map, s->map.height, s->map.width, l.distance, grid->height,
                               grid->width);
done:
    return st;
}
