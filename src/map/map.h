/* SPDX-License-Identifier: Apache-2.0 */
/* Maps: enlarging a grid of distances to a map of pixels, and smoothing. */
#ifndef FK_MAP_MAP_H
#define FK_MAP_MAP_H

#include "base/error.h"

/* The source of output i of n among m inputs, with align_corners=False (torch's F.interpolate): the
 * point s = max(0, (i + 1/2) m/n - 1/2) is between the inputs first and second, and the value is
 * (1 - weight) x[first] + weight x[second].  At the last input second is first. */
void fk_map_source(int64_t i, int64_t n, int64_t m, int64_t *first, int64_t *second,
                   double *weight);

/* Resize bilinearly, with align_corners=False (torch's F.interpolate): src [h, w] -> dst [H, W].
 * Weights are computed in double and rounded once, values in float; edges are clamped.  It enlarges
 * and shrinks, without antialiasing. */
void fk_map_resize_bilinear(float *dst, int64_t height, int64_t width, const float *src, int64_t h,
                            int64_t w);

/* The same for one output with channels last: out [C] from src [h, w, C], at rows y0, y1 and
 * columns x0, x1 with the weights of fk_map_source(), rounded to float. */
void fk_grid_sample(float *out, const float *src, int64_t w, int64_t channels, int64_t y0,
                    int64_t y1, double down, int64_t x0, int64_t x1, double right);

/* Index i reflected into [0, n): ... 1 0 | 0 1 ... n-1 | n-1 n-2 ... */
int64_t fk_map_reflect(int64_t i, int64_t n);

/* Largest sigma of fk_map_gaussian(), in pixels. */
#define FK_MAP_MAX_SIGMA 1000

/* Gaussian as scipy.ndimage.gaussian_filter(map, sigma): mode 'reflect' (d c b a | a b c d | d c b
 * a), truncate 4.0, kernel normalised in double, one pass for each axis, sums in double rounded to
 * float after each pass.  In place on [H, W].  sigma in [0, FK_MAP_MAX_SIGMA] (asserted); 0 does
 * nothing.  scratch: fk_map_gaussian_scratch(height, width, sigma) floats from the caller. */
int64_t fk_map_gaussian_scratch(int64_t height, int64_t width, double sigma);
void fk_map_gaussian(float *map, int64_t height, int64_t width, double sigma, float *scratch);

/* Lowest and highest of n > 0 values. */
void fk_map_range(const float *map, int64_t n, float *low, float *high);

#endif
