/* Maps: enlarging a coarse grid of distances to pixels, and smoothing. */
#ifndef FK_FEATURES_MAP_H
#define FK_FEATURES_MAP_H

#include "base/error.h"

/* Bilinear, align_corners=False (torch's F.interpolate): src [h, w] -> dst [H, W].  Computed in
 * float with the weights in double rounded once; edges clamp.  Works in both directions without
 * antialiasing.  Scratch: none. */
void fk_map_resize_bilinear(float *dst, int64_t height, int64_t width, const float *src, int64_t h,
                            int64_t w);

/* Channels-last bilinear: src [h, w, C] -> dst [H, W, C]. */
void fk_grid_resize_bilinear(float *dst, int64_t height, int64_t width, const float *src, int64_t h,
                             int64_t w, int64_t channels);

/* Gaussian as scipy.ndimage.gaussian_filter(map, sigma): mode 'reflect' (d c b a | a b c d | d c b
 * a), truncate 4.0, kernel normalised in double, one pass an axis, sums in double rounded to float
 * between the passes.  In place on [H, W].  sigma 0 does nothing. scratch:
 * fk_map_gaussian_scratch(height, width) floats from the caller. */
int64_t fk_map_gaussian_scratch(int64_t height, int64_t width);
void fk_map_gaussian(float *map, int64_t height, int64_t width, double sigma, float *scratch);

#endif
