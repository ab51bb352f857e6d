/* SPDX-License-Identifier: Apache-2.0 */
/* Position embeddings: a square table is resampled to the grid of an input. */
#ifndef FK_NET_POSITION_H
#define FK_NET_POSITION_H

#include "graph/graph.h"

/* Resample table [grid * grid, dim] to out [height * width, dim].  If height and width are grid,
 * out is a copy.  Sums run in double and are rounded once.  Cost: about 16 * height * width * dim
 * multiply-adds, more if FK_CUBIC_SMOOTH shrinks the grid.
 *
 * The three ways are those of the networks' own code (docs/internals/numerics.md).
 * FLECK_E_NOMEM. */
fleck_status fk_position_resample(float *out, int64_t height, int64_t width, const float *table,
                                  int64_t grid, int64_t dim, fk_resample how,
                                  fleck_error *err) FLECK_MUST_CHECK;

#endif
