/* SPDX-License-Identifier: Apache-2.0 */
/* Products of rows with panels of sixteen columns, for each kind of processor: the inner loop of
 * convolutions and of products with a packed matrix. */
#ifndef FK_LINALG_PRODUCT_H
#define FK_LINALG_PRODUCT_H

#include <stdint.h>

/* Columns of a panel: 16 floats are one cache line. */
#define FK_LANES 16
/* Most rows and most panels of one product, for any kind of processor. */
#define FK_ROWS 8
#define FK_PANELS 2

/* For r < n_rows, o < FK_LANES and p < n_panels:
 *
 *   out[p * out_panel + r * FK_LANES + o] = sum over s < n_runs, i < length of
 *       row[r][offset[s] + i] * weight[p * weight_panel + (s * length + i) * FK_LANES + o]
 *
 * A row's inputs lie in runs of length floats; a panel is a block of FK_LANES outputs.  Each output
 * is summed in the order s, i, whatever n_rows and n_panels are, so that the way rows are grouped
 * changes no bit.  weight and out are aligned to 64 bytes.  Each step prefetches the memory at
 * next, next + stride, ..., for the product after this one; next may be any readable address. */
typedef struct fk_product {
    float *out;
    int64_t out_panel;
    const float *const *row;
    int n_rows; /* at most the kernel's rows */
    const int64_t *offset;
    int64_t n_runs, length;
    const float *weight;
    int64_t weight_panel;
    int n_panels; /* at most the kernel's panels */
    const float *next;
    int64_t stride;
} fk_product;

typedef void fk_product_fn(const fk_product *p);

typedef struct fk_product_kernel {
    int rows, panels; /* most rows and panels of one call: as many as fit into registers */
    fk_product_fn *run;
} fk_product_kernel;

/* In plain C, which the others are tested against. */
extern const fk_product_kernel fk_product_plain;
/* With AVX2 and FMA, and with AVX-512F.  Both give the same bytes. */
extern const fk_product_kernel fk_product_avx2, fk_product_avx512;
/* The fastest kernel that this processor runs. */
const fk_product_kernel *fk_product_pick(void);

#endif
