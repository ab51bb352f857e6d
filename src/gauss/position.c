/* Single positions of Gaussians, whether their moments are in memory or not. */
#include "gauss/position.h"
#include "gauss/factor.h"

#include <string.h>

fk_moments fk_gauss_position(const fk_gauss *g, int64_t p)
{
    return (fk_moments){.dim = g->dim,
                        .n = fk_gauss_count(g, p),
                        .shift = g->shift + p * g->dim,
                        .sum = g->sum + p * g->dim,
                        .triangle = g->bands[p / FK_GAUSS_BAND] +
                                    p % FK_GAUSS_BAND * fk_moments_room(g->dim)};
}

void fk_gauss_count_image(fk_gauss *g, const float *image, const uint8_t *flags)
{
    if (g->counts == NULL && g->n == 0)
        memcpy(g->shift, image, (size_t)(g->n_pos * g->dim) * sizeof *image);
    for (int64_t p = 0; g->counts != NULL && p < g->n_pos; p++)
        if (fk_gauss_learns(flags, p) && g->counts[p]++ == 0)
            memcpy(g->shift + p * g->dim, image + p * g->dim, (size_t)g->dim * sizeof *image);
    g->n++;
}

void fk_gauss_merge_counts(fk_gauss *g, const fk_gauss *other)
{
    for (int64_t p = 0; g->counts != NULL && p < g->n_pos; p++)
        g->counts[p] += fk_gauss_count(other, p);
    g->n += other->n;
}

fleck_status fk_gauss_factor(fk_gauss *g, int64_t p, fk_moments m, double *square, fleck_error *err)
{
    void *factor = (char *)g->own_factor + fk_factor_offset(g->type, fk_moments_size(g->dim), p);

    if (!fk_moments_factor(m, g->next, square, g->own_mean + p * g->dim, g->type, factor))
        return fk_error_set(err, FLECK_E_STATE,
                            "the covariance of position %lld of %lld is not positive definite; a "
                            "larger epsilon than %g would make it so",
                            (long long)p, (long long)g->n_pos, g->epsilon);
    return FLECK_OK;
}
