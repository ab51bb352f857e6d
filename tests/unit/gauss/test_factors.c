/* SPDX-License-Identifier: Apache-2.0 */
/* Stored factors: the solve against a plain one, and bf16 against floats and its bounds. */
#include "unit/method/gauss_life.h"

enum { P = 37, D = 21, N = 30, T = D * (D + 1) / 2 };

static const fk_dtype TYPES[] = {FK_F32, FK_BF16};
enum { N_TYPES = 2 };

/* Half a unit of the last of bf16's 8 bits, relative to the number rounded. */
#define ROUNDING 0x1p-8

/* Images of correlated features, `scale` times as large as those of test_gauss.c. */
static void make_features(float **images, int64_t n_pos, int64_t dim, float scale)
{
    for (int i = 0; i < N; i++) {
        assert_ok(FK_ALLOC(&images[i], n_pos * dim, err));
        for (int64_t k = 0; k < n_pos * dim; k++)
            images[i][k] = scale * (1.0f + hashed(50 + (uint64_t)i, k) +
                                    0.5f * hashed(900 + (uint64_t)i, k / dim));
    }
}

static void free_features(float **images)
{
    for (int i = 0; i < N; i++)
        fk_free(images[i]);
}

/* Of the first n images. */
static gaussians fitted(fk_dtype type, float *const *images, int n, int64_t n_pos, int64_t dim,
                        fk_pool *pool)
{
    gaussians g;

    assert_ok(gauss_init(&g, n_pos, dim, 0.01, err));
    g.learner.type = type;
    assert_ok(gauss_add(&g, (const float *const *)images, NULL, n, pool, err));
    assert_ok(gauss_finish(&g, pool, err));
    return g;
}

/* Number i of g's factors, one by one. */
static float number_of(const gaussians *g, int64_t i)
{
    if (g->learner.type == FK_BF16)
        return fk_f32_from_bf16(((const uint16_t *)g->made.factor)[i]);
    return ((const float *)g->made.factor)[i];
}

/* v becomes z with L z = v, column by column. */
static double solve_plainly(const gaussians *g, int64_t p, double *v)
{
    int64_t at = p * (g->learner.dim * (g->learner.dim + 1) / 2);
    double d2 = 0.0;

    for (int64_t j = 0; j < g->learner.dim; j++) {
        v[j] /= (double)number_of(g, at++);
        for (int64_t i = j + 1; i < g->learner.dim; i++)
            v[i] -= v[j] * (double)number_of(g, at++);
        d2 += v[j] * v[j];
    }
    return d2;
}

/* Widths with and without columns left over, shorter and longer than any vector. */
static void four_columns_at_a_time_are_the_bytes_of_column_by_column(void **state)
{
    static const int64_t dims[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 21, 39, 64, 101};

    (void)state;
    for (size_t k = 0; k < sizeof dims / sizeof dims[0] * N_TYPES; k++) {
        int64_t dim = dims[k / N_TYPES];
        float *images[N], query[3 * 101], out[3];
        _Alignas(64) double z[3 * 101 + 16];
        double want[101] = {0.0};
        gaussians g;

        make_features(images, 3, dim, 1.0f);
        fill(query, 77, 3 * dim);
        g = fitted(TYPES[k % N_TYPES], images, N, 3, dim, NULL);
        assert_true(fk_gauss_room(&g.made, 0) <= 3 * 101 + 16);
        for (int64_t p = 0; p < 3; p++) {
            double d2;

            for (int64_t i = 0; i < dim; i++)
                want[i] = (double)query[p * dim + i] - (double)g.made.mean[p * dim + i];
            d2 = solve_plainly(&g, p, want);
            fk_gauss_distance(&g.made, query, p, p + 1, false, NULL, z, out);
            assert_memory_equal(z, want, (size_t)dim * sizeof(double));
            assert_true(out[p] == (float)sqrt(d2) && out[p] > 0.0f);
        }
        gauss_free(&g);
        free_features(images);
    }
}

static void numbers_in_bf16_are_the_nearest_to_the_floats(void **state)
{
    float *images[N];
    gaussians exact, g;
    int changed = 0;

    (void)state;
    make_features(images, P, D, 1.0f);
    exact = fitted(FK_F32, images, N, P, D, NULL);
    g = fitted(FK_BF16, images, N, P, D, NULL);
    assert_memory_equal(g.made.mean, exact.made.mean, P * D * sizeof(float));
    for (int64_t i = 0; i < P * T; i++) {
        float x = number_of(&exact, i), y = number_of(&g, i);

        assert_near(y, x, ROUNDING * fabs((double)x));
        changed += x != y;
    }
    assert_true(changed > P * T * 9 / 10);
    gauss_free(&g);
    gauss_free(&exact);
    free_features(images);
}

/* |L^-1 E| in the norm of Frobenius at position p, with E the rounding of the factor. */
static double rounding_norm(const gaussians *exact, const gaussians *g, int64_t p)
{
    double sum = 0.0;

    for (int64_t k = 0, column = p * T; k < D; column += D - k, k++) {
        double e[D] = {0.0};

        for (int64_t i = k; i < D; i++)
            e[i] = (double)number_of(g, column + i - k) - (double)number_of(exact, column + i - k);
        sum += solve_plainly(exact, p, e);
    }
    return sqrt(sum);
}

/* (L + E) z' = L z gives z' - z = -L^-1 E z', so that |z'| lies within 1 / (1 - e) and 1 / (1 +
 * e) of |z| with e = |L^-1 E|. */
static void distances_of_bf16_stay_within_its_rounding(void **state)
{
    float *images[N], query[P * D], want[P], got[P];
    _Alignas(64) double tmp[3 * D + 16];
    double largest = 0.0;
    gaussians exact, g;

    (void)state;
    make_features(images, P, D, 1.0f);
    fill(query, 77, P * D);
    exact = fitted(FK_F32, images, N, P, D, NULL);
    fk_gauss_distance(&exact.made, query, 0, P, false, NULL, tmp, want);
    g = fitted(FK_BF16, images, N, P, D, NULL);
    fk_gauss_distance(&g.made, query, 0, P, false, NULL, tmp, got);
    for (int64_t p = 0; p < P; p++) {
        double e = rounding_norm(&exact, &g, p), ratio = (double)got[p] / (double)want[p];

        assert_true(e < 0.2);
        assert_true(ratio <= 1.0 / (1.0 - e) && ratio >= 1.0 / (1.0 + e));
        largest = fmax(largest, fabs(ratio - 1.0));
    }
    gauss_free(&g);
    assert_true(largest > 1e-4 && largest < 2e-2);
    gauss_free(&exact);
    free_features(images);
}

/* Leaving one out and neighbourhoods included, to the byte. */
static void bf16_scores_as_floats_of_the_same_values(void **state)
{
    const fk_gauss_window window = {1, P, 2};
    float *images[N], *expanded, a[P], b[P], near_a[P * 25], near_b[P * 25];
    gaussians g;
    fk_gauss floats;
    double *tmp;

    (void)state;
    make_features(images, P, D, 1.0f);
    assert_ok(FK_ALLOC(&expanded, P * T, err));
    g = fitted(FK_BF16, images, N, P, D, NULL);
    for (int64_t i = 0; i < P * T; i++)
        expanded[i] = number_of(&g, i);
    floats = (fk_gauss){.n_pos = P,
                        .dim = D,
                        .images.n = N,
                        .shrinkage.ridge = 0.01,
                        .mean = g.made.mean,
                        .factor = expanded};
    assert_ok(FK_ALLOC(&tmp, fk_gauss_room(&g.made, 2), err));
    for (int out = 0; out < 2; out++) {
        fk_gauss_distance(&g.made, images[3], 0, P, out == 1, NULL, tmp, a);
        fk_gauss_distance(&floats, images[3], 0, P, out == 1, NULL, tmp, b);
        assert_memory_equal(a, b, sizeof a);
        fk_gauss_distance_near(&g.made, images[3], window, 0, P, out == 1, NULL, tmp, near_a);
        fk_gauss_distance_near(&floats, images[3], window, 0, P, out == 1, NULL, tmp, near_b);
        assert_memory_equal(near_a, near_b, sizeof near_a);
    }
    fk_free(tmp);
    gauss_free(&g);
    fk_free(expanded);
    free_features(images);
}

static void neither_threads_nor_bands_change_a_bit_of_bf16(void **state)
{
    float *images[N];
    fk_pool *pool = NULL;
    gaussians a;
    gaussians b, c;
    int64_t least, least_of_floats;

    (void)state;
    make_features(images, P, D, 1.0f);
    assert_ok(fk_pool_open(&pool, 3, err));
    a = fitted(FK_BF16, images, N, P, D, NULL);
    b = fitted(FK_BF16, images, N, P, D, pool);
    assert_memory_equal(a.made.factor, b.made.factor, P * T * sizeof(uint16_t));
    assert_ok(gauss_init(&c, P, D, 0.01, err));
    assert_refused(fk_learner_limit(&c.learner, 1, test_folder(), 3, &least_of_floats, err),
                   FLECK_E_LIMIT, "need");
    c.learner.type = FK_BF16;
    assert_refused(fk_learner_limit(&c.learner, 1, test_folder(), 3, &least, err), FLECK_E_LIMIT,
                   "need");
    assert_int_equal(least_of_floats - least, 2 * P * T);
    assert_ok(fk_learner_limit(&c.learner, least, test_folder(), 3, &least, err));
    for (int part = 0; part < 2; part++) { /* from nothing, then from factors */
        assert_ok(gauss_add(&c, (const float *const *)images + part * 20, NULL, 20 - 10 * part,
                            pool, err));
        assert_ok(gauss_finish(&c, pool, err));
        gauss_free(&b);
        b = fitted(FK_BF16, images, 20, P, D, NULL);
        if (part == 1) {
            assert_ok(gauss_add(&b, (const float *const *)images + 20, NULL, 10, NULL, err));
            assert_ok(gauss_finish(&b, NULL, err));
        }
        assert_memory_equal(b.made.factor, c.made.factor, P * T * sizeof(uint16_t));
        assert_memory_equal(b.made.mean, c.made.mean, P * D * sizeof(float));
    }
    gauss_free(&a);
    gauss_free(&b);
    gauss_free(&c);
    fk_pool_close(&pool);
    free_features(images);
}

/* L L' moves by (2 u + u^2) |L| |L|', and (|L| |L|')_ij is at most the root of S_ii S_jj. */
static void learning_goes_on_from_bf16_but_for_its_rounding(void **state)
{
    float *images[N];
    gaussians exact;
    const double bound = (2.0 * ROUNDING + ROUNDING * ROUNDING) * (N - 1);
    gaussians g;

    (void)state;
    make_features(images, P, D, 1.0f);
    assert_ok(gauss_init(&exact, P, D, 0.01, err));
    assert_ok(gauss_add(&exact, (const float *const *)images, NULL, N, NULL, err));
    g = fitted(FK_BF16, images, N, P, D, NULL);
    assert_ok(gauss_reopen(&g, err));
    for (int64_t p = 0; p < P; p++) {
        const double *got =
            g.learner.bands[p / FK_GAUSS_BAND] + p % FK_GAUSS_BAND * fk_moments_room(D);
        const double *about_first =
            exact.learner.bands[p / FK_GAUSS_BAND] + p % FK_GAUSS_BAND * fk_moments_room(D);
        const double *sum = exact.learner.sum + p * D;
        double want[T], s[D];

        for (int i = 0; i < D; i++) {
            for (int j = 0; j <= i; j++)
                want[i * (i + 1) / 2 + j] =
                    about_first[fk_moments_row(i) + j] - sum[i] * sum[j] / N;
            s[i] = want[i * (i + 1) / 2 + i] / (N - 1) + 0.01;
            for (int j = 0; j <= i; j++)
                assert_near(got[fk_moments_row(i) + j], want[i * (i + 1) / 2 + j],
                            bound * sqrt(s[i] * s[j]));
        }
    }
    assert_ok(gauss_add(&g, (const float *const *)images, NULL, 3, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err)); /* whatever was rounded, it has a factor */
    assert_int_equal(gauss_count(&g), N + 3);
    gauss_free(&g);
    gauss_free(&exact);
    free_features(images);
}

/* With fewer images than numbers, 1 - a d2 is far below the rounding; what is left then lies
 * between the distance itself and the one of a part that differs from all others in every
 * number. */
static void leaving_one_of_few_out_stays_within_what_it_can_be(void **state)
{
    enum { FEW = 6 };
    float *images[N], got[P];
    _Alignas(64) double tmp[3 * D + 16];

    (void)state;
    make_features(images, P, D, 1.0f);
    for (int t = 0; t < N_TYPES; t++) {
        gaussians g = fitted(TYPES[t], images, FEW, P, D, NULL);

        fk_gauss_distance(&g.made, images[3], 0, P, true, NULL, tmp, got);
        for (int64_t p = 0; p < P; p++) {
            double length = 0.0, d;

            for (int i = 0; i < D; i++)
                length += pow((double)images[3][p * D + i] - (double)g.made.mean[p * D + i], 2.0);
            d = FEW / (FEW - 1.0) * sqrt(length / (0.01 * (FEW - 1.0) / (FEW - 2.0)));
            assert_true((double)got[p] <= d * 1.02 && (double)got[p] > d / 20.0);
        }
        gauss_free(&g);
    }
    free_features(images);
}

static void gaussians_of_other_factors_do_not_merge(void **state)
{
    gaussians a, b;

    (void)state;
    assert_ok(gauss_init(&a, P, D, 0.01, err));
    assert_ok(gauss_init(&b, P, D, 0.01, err));
    b.learner.type = FK_BF16;
    assert_refused(gauss_merge(&a, &b, err), FLECK_E_SHAPE,
                   "F32, paper and 37, 21, 0.01, BF16, paper do not");
    gauss_free(&a);
    gauss_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_columns_at_a_time_are_the_bytes_of_column_by_column),
        cmocka_unit_test(numbers_in_bf16_are_the_nearest_to_the_floats),
        cmocka_unit_test(distances_of_bf16_stay_within_its_rounding),
        cmocka_unit_test(bf16_scores_as_floats_of_the_same_values),
        cmocka_unit_test(neither_threads_nor_bands_change_a_bit_of_bf16),
        cmocka_unit_test(learning_goes_on_from_bf16_but_for_its_rounding),
        cmocka_unit_test(leaving_one_of_few_out_stays_within_what_it_can_be),
        cmocka_unit_test(gaussians_of_other_factors_do_not_merge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
