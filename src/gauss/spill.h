/* Learning Gaussians whose moments do not fit memory: what gauss.c asks of gauss_spill.c.
 *
 * A g with a spill learns without bands.  Its images wait in a store; what they are added to is
 * nothing, factors or moments in a temporary file.  Bytes are those of learning in memory. */
#ifndef FK_GAUSS_SPILL_H
#define FK_GAUSS_SPILL_H

#include "gauss/gauss.h"
#include "gauss/moments.h"

/* Forget the images; the settings stay. */
void fk_spill_clear(fk_gauss_spill *s);
void fk_spill_free(fk_gauss_spill **s);

/* A factored g goes back to learning, from its factors. */
fleck_status fk_spill_reopen(fk_gauss *g, fleck_error *err) FLECK_MUST_CHECK;

/* As fk_gauss_add, _merge (one of the two has a spill, both learn and have images) and _finish.
 * After a failure g, and other, are fit for nothing but to be emptied. */
fleck_status fk_spill_add(fk_gauss *g, const float *const *images, const uint8_t *const *flags,
                          int64_t n, fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_spill_merge(fk_gauss *g, fk_gauss *other, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_spill_finish(fk_gauss *g, fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;

/* Positions that say how to shrink covariances, and what each says. */
typedef struct fk_gauss_asked {
    int64_t n, *at;     /* [n] */
    double *share, *mu; /* [n] of fk_moments_ask() */
} fk_gauss_asked;

/* Ask them; g has a spill. */
fleck_status fk_spill_ask(fk_gauss *g, const fk_gauss_asked *asked, fk_pool *pool,
                          fleck_error *err) FLECK_MUST_CHECK;

#endif
