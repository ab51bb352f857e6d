/* SPDX-License-Identifier: Apache-2.0 */
/* Products with vectors of any width.  The file of each kind of processor includes this once and
 * defines
 *
 *   FK_VECTOR        the type of a vector of FK_VECTOR_WIDTH floats
 *   FK_VECTOR_OP(f)  the compiler's function f for it: fmadd, load, ...
 *   ROWS, PANELS     as many as fit into registers, at most FK_ROWS and FK_PANELS
 *   TARGET, INLINE   attributes of functions, and of inlined functions
 *
 * product.h says what is computed.  Each sum has the same operations in the same order, whatever
 * the width. */
#ifdef FK_VECTOR

#include "linalg/product.h"

#define V FK_VECTOR_OP
#define WIDTH FK_VECTOR_WIDTH
#define PARTS (FK_LANES / WIDTH) /* vectors of a panel's columns */

/* rows and panels are constants in each call, so that sums stay in registers. */
INLINE void product_rows(const fk_product *p, const int rows, const int panels)
{
    const float *w = p->weight, *next = p->next;
    int64_t length = p->length, stride = p->stride, panel = p->weight_panel;
    FK_VECTOR sum[ROWS][PANELS * PARTS];

#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int k = 0; k < panels * PARTS; k++)
            sum[r][k] = V(setzero)();
    for (int64_t s = 0; s < p->n_runs; s++) {
        const float *in[ROWS];

#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
            in[r] = p->row[r] + p->offset[s];
        for (int64_t i = 0; i < length; i++, w += FK_LANES, next += stride) {
            FK_VECTOR weight[PANELS * PARTS];

#pragma GCC unroll 4
            for (int k = 0; k < panels * PARTS; k++)
                weight[k] = V(load)(w + k / PARTS * panel + k % PARTS * WIDTH);
#pragma GCC unroll 2
            for (int k = 0; k < panels; k++)
                __builtin_prefetch(next + k * panel, 0, 2);
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                FK_VECTOR x = V(set1)(in[r][i]);

#pragma GCC unroll 4
                for (int k = 0; k < panels * PARTS; k++)
                    sum[r][k] = V(fmadd)(x, weight[k], sum[r][k]);
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int k = 0; k < panels * PARTS; k++) {
            float *out = p->out + k / PARTS * p->out_panel + r * FK_LANES;

            V(store)(out + k % PARTS * WIDTH, sum[r][k]);
        }
}

/* ROWS is 6 or 8. */
INLINE void product_of(const fk_product *p, const int panels)
{
    switch (p->n_rows) {
    case 1:
        product_rows(p, 1, panels);
        break;
    case 2:
        product_rows(p, 2, panels);
        break;
    case 3:
        product_rows(p, 3, panels);
        break;
    case 4:
        product_rows(p, 4, panels);
        break;
    case 5:
        product_rows(p, 5, panels);
        break;
#if ROWS > 6
    case 6:
        product_rows(p, 6, panels);
        break;
    case 7:
        product_rows(p, 7, panels);
        break;
#endif
    default:
        product_rows(p, ROWS, panels);
    }
}

TARGET static void product(const fk_product *p)
{
#if PANELS > 1
    if (p->n_panels == PANELS) {
        product_of(p, PANELS);
        return;
    }
#endif
    product_of(p, 1);
}

#endif
