/* SPDX-License-Identifier: Apache-2.0 */
/* Products with a matrix that is packed once and used many times. */
#include "linalg/linalg.h"
#include "base/clones.h"
#include "linalg/product.h"

#include <assert.h>
#include <string.h>

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t panels_of(int64_t m)
{
    return (m + FK_LANES - 1) / FK_LANES;
}

static bool in_panels(void)
{
    return fk_product_pick() != &fk_product_plain;
}

int64_t fk_linalg_packed_size(int64_t m, int64_t d)
{
    return panels_of(m) * FK_LANES * d;
}

/* Pack n rows into a panel [d][FK_LANES]. */
FK_CLONES static void pack_panel(float *restrict out, const float *b, int64_t ld, int64_t n,
                                 int64_t d)
{
    const float *row[FK_LANES];

    if (n < FK_LANES) {
        memset(out, 0, (size_t)(d * FK_LANES) * sizeof *out);
        for (int64_t r = 0; r < n; r++)
            for (int64_t k = 0; k < d; k++)
                out[k * FK_LANES + r] = b[r * ld + k];
        return;
    }
    for (int r = 0; r < FK_LANES; r++)
        row[r] = b + r * ld;
    for (int64_t k = 0; k < d; k++)
        for (int r = 0; r < FK_LANES; r++)
            out[k * FK_LANES + r] = row[r][k];
}

void fk_linalg_pack(float *packed, const float *b, int64_t ld, int64_t first, int64_t last,
                    int64_t d)
{
    assert(first % FK_LANES == 0);
    if (in_panels())
        for (int64_t r = first; r < last; r += FK_LANES)
            pack_panel(packed + r * d, b + (r - first) * ld, ld, least(FK_LANES, last - r), d);
    else
        for (int64_t r = first; r < last; r++)
            memcpy(packed + r * d, b + (r - first) * ld, (size_t)d * sizeof *b);
}

/* Write one row of a panel's sums, times alpha, to c [n], or add them. */
FK_INLINE void write_row(float *restrict c, const float *restrict sum, int64_t n, float alpha,
                         bool add)
{
    if (add)
        for (int64_t o = 0; o < n; o++)
            c[o] += alpha * sum[o];
    else
        for (int64_t o = 0; o < n; o++)
            c[o] = alpha * sum[o];
}

/* Write sums [panels][rows][FK_LANES], times alpha, to c [rows, m], or add them. */
FK_CLONES static void write_sums(float *c, int64_t ldc, const float *sums, int64_t rows, int64_t m,
                                 float alpha, bool add)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < m; j += FK_LANES) {
            const float *sum = sums + (j / FK_LANES * rows + r) * FK_LANES;

            if (m - j >= FK_LANES)
                write_row(c + r * ldc + j, sum, FK_LANES, alpha, add);
            else
                write_row(c + r * ldc + j, sum, m - j, alpha, add);
        }
}

void fk_linalg_multiply_packed(float *c, int64_t ldc, const float *a, int64_t lda,
                               const float *packed, int64_t n, int64_t m, int64_t d, float alpha,
                               float beta)
{
    const fk_product_kernel *kernel = fk_product_pick();
    const int64_t offset = 0;
    const float *row[FK_ROWS];
    _Alignas(64) float sums[FK_PANELS * FK_ROWS * FK_LANES];
    fk_product p = {.out = sums,
                    .row = row,
                    .offset = &offset,
                    .n_runs = 1,
                    .length = d,
                    .weight_panel = d * FK_LANES,
                    .stride = FK_LANES};

    assert(beta == 0.0f || beta == 1.0f);
    if (kernel == &fk_product_plain) {
        fk_linalg_multiply_nt(c, ldc, a, lda, packed, d, n, m, d, alpha, beta);
        return;
    }
    for (int64_t panel = 0; panel < panels_of(m); panel += p.n_panels) {
        int64_t j = panel * FK_LANES;

        p.n_panels = (int)least(kernel->panels, panels_of(m) - panel);
        p.weight = packed + j * d;
        p.next = p.weight + p.n_panels * p.weight_panel;
        for (int64_t i = 0; i < n; i += p.n_rows) {
            p.n_rows = (int)least(kernel->rows, n - i);
            p.out_panel = (int64_t)p.n_rows * FK_LANES;
            for (int r = 0; r < p.n_rows; r++)
                row[r] = a + (i + r) * lda;
            kernel->run(&p);
            write_sums(c + i * ldc + j, ldc, sums, p.n_rows,
                       least(m - j, (int64_t)p.n_panels * FK_LANES), alpha, beta > 0);
        }
    }
}
