/* SPDX-License-Identifier: Apache-2.0 */
/* Positions of patches: a square table of embeddings is resampled to the grid of an input, and
 * angles of rotary embeddings are made for it. */
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

/* out [2, T, dim] for the T tokens of r and heads of width dim, a multiple of 4: cosines, then
 * sines with a sign, so that a query or key x of token t becomes, with h = dim / 2,
 *
 *   z[j] = out[0][t][j] x[j] + out[1][t][j] x[(j + h) mod dim].
 *
 * Tokens before r->skip are not rotated: cosine 1, sine 0. */
void fk_position_rotate(float *out, const fk_rotary *r, int64_t dim);

#endif
