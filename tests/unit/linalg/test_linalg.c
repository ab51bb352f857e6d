/* SPDX-License-Identifier: Apache-2.0 */
/* Products, distances, the smallest of many, Cholesky and orthonormal bases, against plain sums. */
#include "unit/linalg/near.h"

#include "base/mem.h"
#include "linalg/linalg.h"

static float value(uint64_t seed, int64_t k)
{
    return (float)((double)(fk_prng_hash((seed << 32) + (uint64_t)k) >> 40) * 0x1.0p-23 - 1.0);
}

static float *values(uint64_t seed, int64_t n)
{
    float *out = NULL;

    assert_ok(FK_ALLOC(&out, n, err));
    for (int64_t k = 0; k < n; k++)
        out[k] = value(seed, k);
    return out;
}

static double plain_dot(const float *a, const float *b, int64_t d)
{
    double sum = 0.0;

    for (int64_t k = 0; k < d; k++)
        sum += (double)a[k] * (double)b[k];
    return sum;
}

static double plain_distance2(const float *a, const float *b, int64_t d)
{
    double sum = 0.0;

    for (int64_t k = 0; k < d; k++)
        sum += ((double)a[k] - (double)b[k]) * ((double)a[k] - (double)b[k]);
    return sum;
}

static void products_equal_plain_sums(void **state)
{
    enum { N = 37, M = 21, D = 45 };
    float *a = values(1, N * D), *b = values(2, M * D), *c = values(3, N * M);
    float *before = values(3, N * M), *at = values(4, N * D), *bt = values(5, M * D);

    (void)state;
    fk_linalg_single_threaded();
    fk_linalg_multiply_nt(c, M, a, D, b, D, N, M, D, -2.0f, 1.0f);
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < M; j++)
            /* 45 products of numbers below 1 in float: 45 x 2^-24 of at most 45. */
            assert_near(c[i * M + j],
                        (double)before[i * M + j] - 2.0 * plain_dot(a + i * D, b + j * D, D), 2e-5);
    for (int64_t k = 0; k < D; k++) {
        for (int64_t i = 0; i < N; i++)
            at[k * N + i] = a[i * D + k];
        for (int64_t j = 0; j < M; j++)
            bt[k * M + j] = b[j * D + k];
    }
    fk_linalg_multiply_tn(c, M, at, N, bt, M, N, M, D, 0.0f);
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < M; j++)
            assert_near(c[i * M + j], plain_dot(a + i * D, b + j * D, D), 2e-5);
    fk_free(a);
    fk_free(b);
    fk_free(c);
    fk_free(before);
    fk_free(at);
    fk_free(bt);
}

static void squared_distances_equal_plain_sums_at_every_width(void **state)
{
    static const int64_t widths[] = {1, 2, 15, 16, 17, 31, 64, 255, 256, 257, 448, 512, 1793};

    (void)state;
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        int64_t d = widths[i];
        float *a = values(6, d), *b = values(7, 3 * d);
        double want = plain_distance2(a, b, d), length = plain_dot(a, a, d), many[3];

        assert_true(fabs(fk_linalg_distance2(a, b, d) - want) <= 1e-6 * want);
        assert_true(fabs(fk_linalg_length2(a, d) - length) <= 1e-6 * length);
        assert_true(fk_linalg_distance2(a, a, d) == 0.0);
        fk_linalg_distances2(many, a, b, 3, d);
        for (int k = 0; k < 3; k++)
            assert_true(many[k] == fk_linalg_distance2(a, b + k * d, d));
        fk_free(a);
        fk_free(b);
    }
}

/* Against mixing the features themselves, at every kind of place: inside, edge, corner. */
static void lengths_of_mixtures_follow_from_products_of_neighbours(void **state)
{
    enum { H = 3, W = 4, D = 35 };
    float *x = values(8, H * W * D);
    double products[H * W * FK_CELL_PRODUCTS];

    (void)state;
    fk_linalg_cell_products(products, x, H, W, D);
    for (int64_t y = 0; y < H; y++) {
        for (int64_t c = 0; c < W; c++) {
            int64_t y1 = y + 1 < H ? y + 1 : y, c1 = c + 1 < W ? c + 1 : c;

            for (int part = 0; part < 16; part++) {
                int quarter = part / 4;
                double fy = 0.25 * (part % 4), fx = 0.25 * quarter, want = 0.0;

                for (int64_t k = 0; k < D; k++) {
                    double v = (1 - fy) * ((1 - fx) * (double)x[(y * W + c) * D + k] +
                                           fx * (double)x[(y * W + c1) * D + k]) +
                               fy * ((1 - fx) * (double)x[(y1 * W + c) * D + k] +
                                     fx * (double)x[(y1 * W + c1) * D + k]);
                    want += v * v;
                }
                /* Float products of up to D terms; mixing cancels less than an order. */
                assert_near(fk_linalg_cell_length2(products, W, y, y1, fy, c, c1, fx), want,
                            1e-6 * D);
            }
        }
    }
    fk_free(x);
}

static void the_smallest_are_sorted_and_ties_keep_their_order(void **state)
{
    double v[3] = {INFINITY, INFINITY, INFINITY};
    int64_t at[3] = {-1, -1, -1};

    (void)state;
    fk_linalg_smallest(v, at, 3, 2.0, 10);
    assert_true(v[0] == 2.0 && v[1] == INFINITY && at[0] == 10 && at[1] == -1);
    fk_linalg_smallest(v, at, 3, (double)NAN, 11);
    fk_linalg_smallest(v, at, 3, 2.0, 12);
    fk_linalg_smallest(v, at, 3, 1.0, 13);
    fk_linalg_smallest(v, at, 3, 2.0, 14);
    fk_linalg_smallest(v, at, 3, INFINITY, 15);
    assert_true(v[0] == 1.0 && v[1] == 2.0 && v[2] == 2.0);
    assert_true(at[0] == 13 && at[1] == 10 && at[2] == 12);
}

static void cholesky_gives_back_the_matrix(void **state)
{
    enum { N = 53 };
    double a[N * N], l[N * N];
    float *x = values(9, 2 * N * N);

    (void)state;
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < N; j++)
            a[j * N + i] = plain_dot(x + i * 2 * N, x + j * 2 * N, 2 * N);
    memcpy(l, a, sizeof a);
    assert_true(fk_linalg_cholesky(l, N));
    for (int64_t i = 0; i < N; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double sum = 0.0;

            for (int64_t k = 0; k <= j; k++)
                sum += l[k * N + i] * l[k * N + j];
            assert_near(sum, a[j * N + i], 1e-12 * 2 * N);
            assert_true(i == j || l[i * N + j] == a[i * N + j]); /* above the diagonal: as it was */
        }
    }
    fk_free(x);
}

static void cholesky_refuses_what_is_not_positive_definite(void **state)
{
    double negative[4] = {1.0, 2.0, 2.0, 1.0}, nan[1] = {(double)NAN}, inf[1] = {INFINITY};

    (void)state;
    assert_false(fk_linalg_cholesky(negative, 2));
    assert_false(fk_linalg_cholesky(nan, 1));
    assert_false(fk_linalg_cholesky(inf, 1));
}

static void orthonormal_columns_are_orthonormal_and_seeded(void **state)
{
    enum { N = 60, K = 25 };
    float *a = values(0, N * K), *b = values(0, N * K);

    (void)state;
    assert_ok(fk_linalg_orthonormal(a, N, K, 1024, err));
    for (int64_t i = 0; i < K; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double dot = 0.0;

            for (int64_t k = 0; k < N; k++)
                dot += (double)a[k * K + i] * (double)a[k * K + j];
            assert_near(dot, i == j ? 1.0 : 0.0, 1e-6); /* entries are floats */
        }
    }
    assert_ok(fk_linalg_orthonormal(b, N, K, 1024, err));
    assert_memory_equal(a, b, N * K * sizeof(float));
    assert_ok(fk_linalg_orthonormal(b, N, K, 1025, err));
    assert_memory_not_equal(a, b, N * K * sizeof(float));
    fk_free(a);
    fk_free(b);
}

static void the_first_column_of_a_projection_is_the_first_random_column(void **state)
{
    enum { N = 9 };
    float a[N];
    double want[N], length = 0.0;
    fk_prng g;

    (void)state;
    fk_prng_seed(&g, 7);
    for (int i = 0; i < N; i++) {
        want[i] = fk_prng_normal(&g);
        length += want[i] * want[i];
    }
    assert_ok(fk_linalg_orthonormal(a, N, 1, 7, err));
    for (int i = 0; i < N; i++)
        assert_near(a[i], want[i] / sqrt(length), 1e-7);
}

static void a_projection_survives_any_allocation_failing(void **state)
{
    float a[12];

    (void)state;
    for (int64_t n = 1;; n++) {
        fleck_status st;

        fk_mem_fail_at(n);
        st = fk_linalg_orthonormal(a, 4, 3, 1, NULL);
        fk_mem_fail_at(0);
        if (st == FLECK_OK) {
            assert_true(n > 4);
            break;
        }
        assert_int_equal(st, FLECK_E_NOMEM);
    }
}

/* Every value there is, at lengths on both sides of a vector's; NaN stays NaN. */
static void expanded_bf16_is_the_plain_conversion(void **state)
{
    static uint16_t in[65536];
    static float out[65536 + 1];

    (void)state;
    for (int i = 0; i < 65536; i++)
        in[i] = (uint16_t)i;
    for (int64_t n = 0; n < 40; n++) {
        out[n] = 7.0f;
        fk_linalg_expand(out, in + 1000, n);
        assert_true(out[n] == 7.0f);
        for (int64_t i = 0; i < n; i++)
            assert_true(out[i] == fk_f32_from_bf16(in[1000 + i]));
    }
    fk_linalg_expand(out, in, 65536);
    for (int i = 0; i < 65536; i++) {
        float want = fk_f32_from_bf16(in[i]);

        if (isnan(want))
            assert_true(isnan(out[i]));
        else
            assert_memory_equal(out + i, &want, sizeof want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_equal_plain_sums),
        cmocka_unit_test(squared_distances_equal_plain_sums_at_every_width),
        cmocka_unit_test(lengths_of_mixtures_follow_from_products_of_neighbours),
        cmocka_unit_test(the_smallest_are_sorted_and_ties_keep_their_order),
        cmocka_unit_test(cholesky_gives_back_the_matrix),
        cmocka_unit_test(cholesky_refuses_what_is_not_positive_definite),
        cmocka_unit_test(orthonormal_columns_are_orthonormal_and_seeded),
        cmocka_unit_test(the_first_column_of_a_projection_is_the_first_random_column),
        cmocka_unit_test(a_projection_survives_any_allocation_failing),
        cmocka_unit_test(expanded_bf16_is_the_plain_conversion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
