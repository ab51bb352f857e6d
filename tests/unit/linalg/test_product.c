/* SPDX-License-Identifier: Apache-2.0 */
/* Products with panels against plain C, and with packed matrices against plain sums. */
#include "unit/linalg/near.h"

#include "base/mem.h"
#include "linalg/linalg.h"
#include "linalg/product.h"

#define UNIT 0x1p-24 /* half a unit in the last place of 1 */

/* Number i of a seed's, -1 to 1. */
static float drawn(uint64_t seed, int64_t i)
{
    return (float)(fk_prng_hash((seed << 32) + (uint64_t)i) >> 40) * 0x1p-23f - 1.0f;
}

static void fill(float *out, int64_t n, uint64_t seed)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = drawn(seed, i);
}

/* ---- The inner loop ---- */

/* A sum of n products in [-1, 1] in float, in whatever order, is off by at most n * n units; both
 * ways are measured from each other, hence twice. */
static void check_product(const fk_product_kernel *k)
{
    enum {
        RUNS = 3,
        LENGTH = 21,
        SIZE = 400,
        PANEL = RUNS * LENGTH * FK_LANES,
        SUMS = FK_ROWS * FK_LANES
    };
    _Alignas(64) float weight[FK_PANELS * PANEL], got[FK_PANELS * SUMS], wanted[FK_PANELS * SUMS],
        all[FK_PANELS * SUMS];
    float in[SIZE];
    const float *row[FK_ROWS];
    const int64_t offset[RUNS] = {0, 100, 37};
    const double most = 2.0 * (RUNS * LENGTH) * (RUNS * LENGTH) * UNIT;
    fk_product p = {.out = wanted,
                    .out_panel = SUMS,
                    .row = row,
                    .n_rows = k->rows,
                    .offset = offset,
                    .n_runs = RUNS,
                    .length = LENGTH,
                    .weight = weight,
                    .weight_panel = PANEL,
                    .n_panels = k->panels,
                    .next = weight};

    assert_in_range(k->rows, 1, FK_ROWS);
    assert_in_range(k->panels, 1, FK_PANELS);
    fill(weight, FK_PANELS * PANEL, 1);
    fill(in, SIZE, 2);
    for (int r = 0; r < FK_ROWS; r++)
        row[r] = in + 31 * r;
    fk_product_plain.run(&p);
    p.out = all;
    k->run(&p);
    for (int i = 0; i < k->panels * SUMS; i++)
        if (i % SUMS < k->rows * FK_LANES)
            assert_true(fabs((double)all[i] - (double)wanted[i]) <= most);
    p.out = got;
    p.stride = 1;
    for (p.n_panels = 1; p.n_panels <= k->panels; p.n_panels++)
        for (p.n_rows = 1; p.n_rows <= k->rows; p.n_rows++) {
            fill(got, FK_PANELS * SUMS, 3);
            k->run(&p);
            for (int i = 0; i < FK_PANELS * SUMS; i++) {
                bool asked = i / SUMS < p.n_panels && i % SUMS < p.n_rows * FK_LANES;

                if (asked)
                    assert_true(got[i] == all[i]);
                else /* what was not asked for stays */
                    assert_true(got[i] == drawn(3, i));
            }
        }
}

static void the_fastest_kernel_agrees_with_plain_c(void **state)
{
    (void)state;
    if (fk_product_pick() == &fk_product_plain) {
        printf("skipped: %s needs AVX2\n", __func__);
        skip();
    }
    check_product(fk_product_pick());
}

/* AVX2's rows are what AVX-512's are: wide and narrow vectors do the same operations on each
 * element. */
static void avx512_gives_the_bytes_of_avx2(void **state)
{
    (void)state;
    if (fk_product_pick() != &fk_product_avx512) {
        printf("skipped: %s needs AVX-512\n", __func__);
        skip();
    }
#ifdef __x86_64__
    enum { LENGTH = 40, SUMS = FK_ROWS * FK_LANES };
    _Alignas(64) float weight[LENGTH * FK_LANES], wide[SUMS], narrow[SUMS];
    float in[FK_ROWS * LENGTH];
    const float *row[FK_ROWS];
    fk_product p = {.out = wide,
                    .row = row,
                    .n_rows = fk_product_avx2.rows,
                    .offset = (const int64_t[]){0},
                    .n_runs = 1,
                    .length = LENGTH,
                    .weight = weight,
                    .n_panels = 1,
                    .next = weight};

    fill(weight, LENGTH * FK_LANES, 11);
    fill(in, FK_ROWS * LENGTH, 12);
    for (int r = 0; r < FK_ROWS; r++)
        row[r] = in + r * LENGTH;
    fk_product_avx512.run(&p);
    p.out = narrow;
    fk_product_avx2.run(&p);
    assert_memory_equal(wide, narrow, (size_t)p.n_rows * FK_LANES * sizeof wide[0]);
#endif
}

/* ---- Packed matrices ---- */

/* a [n, d] and b [m, d] with gaps between their rows, b packed in two parts; c's own gaps stay. */
static void check_packed(int64_t n, int64_t m, int64_t d, float alpha, float beta)
{
    int64_t lda = d + 3, ldb = d + 5, ldc = m + 2, half = m / 2 / FK_LANES * FK_LANES;
    float *a = NULL, *b = NULL, *c = NULL, *packed = NULL;

    assert_ok(FK_ALLOC(&a, n * lda, err));
    assert_ok(FK_ALLOC(&b, m * ldb, err));
    assert_ok(FK_ALLOC(&c, n * ldc, err));
    assert_ok(FK_ALLOC(&packed, fk_linalg_packed_size(m, d), err));
    fill(a, n * lda, 1);
    fill(b, m * ldb, 2);
    fill(c, n * ldc, 3);
    fk_linalg_pack(packed, b + half * ldb, ldb, half, m, d);
    fk_linalg_pack(packed, b, ldb, 0, half, d);
    fk_linalg_multiply_packed(c, ldc, a, lda, packed, n, m, d, alpha, beta);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < ldc; j++) {
            double want = (double)drawn(3, i * ldc + j), sum = 0.0;

            for (int64_t k = 0; j < m && k < d; k++)
                sum += (double)a[i * lda + k] * (double)b[j * ldb + k];
            if (j < m)
                want = (double)alpha * sum + (beta > 0 ? want : 0.0);
            assert_near(c[i * ldc + j], want, (double)(d * d + 2) * fabs((double)alpha) * UNIT);
        }
    fk_free(a);
    fk_free(b);
    fk_free(c);
    fk_free(packed);
}

static void packed_products_equal_plain_sums(void **state)
{
    static const int64_t sizes[][3] = {{1, 1, 1},    {9, 16, 7},   {5, 15, 40},
                                       {17, 33, 21}, {8, 48, 100}, {56, 65, 64}};

    (void)state;
    fk_linalg_single_threaded();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        check_packed(sizes[i][0], sizes[i][1], sizes[i][2], 1.0f, 0.0f);
        check_packed(sizes[i][0], sizes[i][1], sizes[i][2], -2.0f, 1.0f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fastest_kernel_agrees_with_plain_c),
        cmocka_unit_test(avx512_gives_the_bytes_of_avx2),
        cmocka_unit_test(packed_products_equal_plain_sums),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
