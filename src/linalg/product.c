/* SPDX-License-Identifier: Apache-2.0 */
/* Products with panels in plain C, and the choice of the kernel. */
#include "linalg/product.h"

#include <stddef.h>
#include <string.h>

static void product(const fk_product *p)
{
    for (int panel = 0; panel < p->n_panels; panel++)
        for (int r = 0; r < p->n_rows; r++) {
            float sum[FK_LANES] = {0};
            const float *w = p->weight + panel * p->weight_panel;

            for (int64_t s = 0; s < p->n_runs; s++)
                for (int64_t i = 0; i < p->length; i++, w += FK_LANES)
                    for (int o = 0; o < FK_LANES; o++)
                        sum[o] += p->row[r][p->offset[s] + i] * w[o];
            memcpy(p->out + panel * p->out_panel + r * FK_LANES, sum, sizeof sum);
        }
}

const fk_product_kernel fk_product_plain = {FK_ROWS, FK_PANELS, product};

const fk_product_kernel *fk_product_pick(void)
{
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    if (__builtin_cpu_supports("avx512f"))
        return &fk_product_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &fk_product_avx2;
#endif
    return &fk_product_plain;
}
