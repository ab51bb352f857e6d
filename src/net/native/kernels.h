/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loops of the native engine, for each kind of processor. */
#ifndef FK_NET_NATIVE_KERNELS_H
#define FK_NET_NATIVE_KERNELS_H

#include "linalg/product.h"

#include <stdbool.h>

/* Minimal filtering in tiles, see kernels.c: a tile has 6 x 6 inputs, as many products for each
 * channel, and 4 x 4 outputs with a kernel of 3, or 3 x 3 with a kernel of 4. */
#define FK_TILE_IN 6     /* inputs each way */
#define FK_TILE_OUT 4    /* most outputs each way */
#define FK_TILE_KERNEL 4 /* greatest kernel */
#define FK_TILE_POINTS (FK_TILE_IN * FK_TILE_IN)

/* The points of interpolation are 0, +-FK_POINT_A, +-FK_POINT_B and infinity. */
#define FK_POINT_A 0.70710678118654752440
#define FK_POINT_B 1.41421356237309504880

/* out[r][o] = sum[r * FK_LANES + o] + bias[o] + other[r][o], at least 0 where relu; other may be
 * NULL. */
typedef void fk_finish_fn(float *const *out, const float *sum, int64_t n_rows, const float *bias,
                          const float *const *other, bool relu);

/* B' d B of FK_LANES channels at once: d[y][x] = in[y * line + x * FK_LANES + channel], and element
 * [i][j] is written to out[(i * FK_TILE_IN + j) * point + channel]. */
typedef void fk_tile_in_fn(float *out, int64_t point, const float *in, int64_t line);

/* A' m A of FK_LANES channels at once: m[i][j] = in[(i * FK_TILE_IN + j) * point + channel], and
 * element [y][x] is written to out[y * line + x * FK_LANES + channel].  With a bias, then as
 * fk_finish_fn, with other's element at y * other_line + x * FK_LANES. */
typedef struct fk_tile {
    int size; /* outputs each way */
    float *out;
    int64_t line;
    const float *in;
    int64_t point;
    const float *bias; /* [FK_LANES]; NULL: nothing follows */
    const float *other;
    int64_t other_line;
    bool relu;
} fk_tile;

typedef void fk_tile_out_fn(const fk_tile *t);

/* Maximum of a window of height x width positions, for FK_LANES channels. */
typedef void fk_window_max_fn(float *out, const float *in, int64_t line, int64_t height,
                              int64_t width);

typedef struct fk_kernels {
    const char *name;
    const fk_product_kernel *product;
    fk_finish_fn *finish;
    fk_tile_in_fn *tile_in;
    fk_tile_out_fn *tile_out;
    fk_window_max_fn *window_max;
} fk_kernels;

/* In plain C, which the others are tested against. */
extern const fk_kernels fk_kernels_plain;
/* With AVX2 and FMA; NULL if the compiler or the processor lacks them. */
const fk_kernels *fk_kernels_avx2(void);
/* With AVX-512F, or NULL.  The bytes are those with AVX2. */
const fk_kernels *fk_kernels_avx512(void);
/* The fastest that this processor runs. */
const fk_kernels *fk_kernels_pick(void);

/* G g G' of FK_LANES filters of kernel x kernel at once, each rounded once: g[tap * FK_LANES + o]
 * with tap = kernel * row + column, and element [i][j] is written to out[(i * FK_TILE_IN + j) *
 * point + o]. */
void fk_tile_weight(float *out, int64_t point, const float *g, int kernel);

#endif
