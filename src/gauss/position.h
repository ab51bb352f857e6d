/* Single positions of Gaussians, whether their moments are in memory or not: for gauss.c and
 * gauss_spill.c. */
#ifndef FK_GAUSS_POSITION_H
#define FK_GAUSS_POSITION_H

#include "gauss/gauss.h"
#include "gauss/moments.h"

/* Count an image whose moments are yet to be added (where it has flags g has counts), and give its
 * features to the positions that had none as their shift; and add other's counts. */
void fk_gauss_count_image(fk_gauss *g, const float *image, const uint8_t *flags);
void fk_gauss_merge_counts(fk_gauss *g, const fk_gauss *other);

/* Position p of a g that learns in memory, and its mean and factor from m; square [D, D] is
 * scratch. */
fk_moments fk_gauss_position(const fk_gauss *g, int64_t p);
fleck_status fk_gauss_factor(fk_gauss *g, int64_t p, fk_moments m, double *square,
                             fleck_error *err) FLECK_MUST_CHECK;

#endif
