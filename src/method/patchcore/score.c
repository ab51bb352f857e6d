/* SPDX-License-Identifier: Apache-2.0 */
/* PatchCore's score: the largest distance of a patch to the bank, re-weighted or not.
 *
 * With m(x) the bank's feature nearest to patch x and x* the patch with the largest |x - m(x)|, the
 * authors' code takes s* = |x* - m(x*)| as the image's score.  The paper's equation 7 weighs it by
 * how many of the bank's features lie near m(x*), see fk_refill_score(). */
#include "base/carve.h"
#include "map/map.h"
#include "method/patchcore/patchcore.h"

#include <assert.h>
#include <math.h>

/* One call's memory, laid out in the caller's scratch. */
typedef struct layout {
    char *search, *weigh;
    int64_t *index;  /* [P] */
    float *distance; /* [P] */
} layout;

static int64_t positions(const fk_patchcore *s)
{
    return s->shape.levels[0].height * s->shape.levels[0].width;
}

static size_t lay_out(layout *l, const fk_patchcore *s, void *base)
{
    fk_carver c = {.base = base};
    int64_t n = positions(s);

    FK_CARVE(&c, l->search, (int64_t)fk_bank_scratch_size(&s->bank, n));
    FK_CARVE(&c, l->weigh, (int64_t)fk_refill_score_scratch_size(&s->bank, s->reweight));
    FK_CARVE(&c, l->index, n);
    FK_CARVE(&c, l->distance, n);
    return c.used;
}

size_t fk_patchcore_scratch_size(const void *state)
{
    layout l;

    return lay_out(&l, state, NULL);
}

/* Where nothing was found: is it that all was left out? */
static bool all_left_out(const fk_bank *b, fk_span exclude)
{
    for (int64_t i = 0; i < b->n; i++)
        if (!fk_span_has(exclude, b->images[i]))
            return false;
    return true;
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
    if (s->reweight > 1 || !fk_refill_near(&s->refill, exclude, l.distance, positions(s)))
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
        *score = fk_refill_score(&s->refill, &s->bank, exclude, e->levels[0].data, l.distance,
                                 l.index, e->levels[0].valid, positions(s), s->reweight, l.weigh);
    if (map != NULL)
        fk_map_resize_bilinear(map, s->map.height, s->map.width, l.distance, grid->height,
                               grid->width);
done:
    return st;
}
