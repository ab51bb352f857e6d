/* SPDX-License-Identifier: Apache-2.0 */
/* Gaussians per position: moments, factors, distances, against plain sums in long double. */
#include "unit/method/gauss_life.h"

enum { P = 37, D = 21, N = 30, T = D * (D + 1) / 2 };

typedef struct data {
    float *images[N];
    const float *views[N];
} data;

/* Features far from 0 with correlated deviations, as a network's are. */
static data make_data(float offset)
{
    data d;

    for (int i = 0; i < N; i++) {
        assert_ok(FK_ALLOC(&d.images[i], P * D, err));
        for (int64_t k = 0; k < P * D; k++)
            d.images[i][k] =
                offset + hashed(50 + (uint64_t)i, k) + 0.5f * hashed(900 + (uint64_t)i, k / D);
        d.views[i] = d.images[i];
    }
    return d;
}

static void free_data(data *d)
{
    for (int i = 0; i < N; i++)
        fk_free(d->images[i]);
}

/* Mean and co-moments of images begin .. end - 1 at position p by two passes. */
static void two_passes(const data *d, int begin, int end, int64_t p, long double *mean,
                       long double *moments)
{
    for (int i = 0; i < D; i++) {
        mean[i] = 0.0L;
        for (int k = begin; k < end; k++)
            mean[i] += (long double)d->images[k][p * D + i] / (end - begin);
    }
    for (int i = 0; i < D; i++) {
        for (int j = 0; j <= i; j++) {
            long double sum = 0.0L;

            for (int k = begin; k < end; k++)
                sum += ((long double)d->images[k][p * D + i] - mean[i]) *
                       ((long double)d->images[k][p * D + j] - mean[j]);
            moments[i * (i + 1) / 2 + j] = sum;
        }
    }
}

/* Co-moments about the mean that a learning g holds. */
static double moment_of(const gaussians *g, int64_t p, int i, int j)
{
    const double *triangle =
        g->learner.bands[p / FK_GAUSS_BAND] + p % FK_GAUSS_BAND * fk_moments_room(D);
    const double *sum = g->learner.sum + p * D;

    return triangle[fk_moments_row(i) + j] - sum[i] * sum[j] / (double)gauss_count(g);
}

static void check_moments(const gaussians *g, const data *d, int begin, int end, double tolerance)
{
    long double mean[D], moments[T];

    for (int64_t p = 0; p < P; p++) {
        two_passes(d, begin, end, p, mean, moments);
        for (int i = 0; i < D; i++) {
            double got = (double)g->learner.shift[p * D + i] +
                         g->learner.sum[p * D + i] / (double)gauss_count(g);

            assert_near(got, (double)mean[i], tolerance * (double)mean[i]);
            for (int j = 0; j <= i; j++)
                assert_near(moment_of(g, p, i, j), (double)moments[i * (i + 1) / 2 + j],
                            tolerance * (double)moments[i * (i + 1) / 2 + i]);
        }
    }
}

static void moments_equal_two_passes_even_far_from_zero(void **state)
{
    (void)state;
    for (int far = 0; far < 2; far++) {
        data d = make_data(far ? 1000.0f : 1.0f);
        gaussians g;

        assert_ok(gauss_init(&g, P, D, 0.01, err));
        assert_ok(gauss_add(&g, d.views, NULL, N, NULL, err));
        check_moments(&g, &d, 0, N, 1e-13);
        gauss_free(&g);
        free_data(&d);
    }
}

static void assert_same_moments(const gaussians *a, const gaussians *b)
{
    assert_int_equal(gauss_count(a), gauss_count(b));
    assert_memory_equal(a->learner.sum, b->learner.sum, P * D * sizeof(double));
    for (int64_t p = 0; p < P; p += FK_GAUSS_BAND) {
        int64_t n = p + FK_GAUSS_BAND < P ? FK_GAUSS_BAND : P - p;

        assert_memory_equal(a->learner.bands[p / FK_GAUSS_BAND],
                            b->learner.bands[p / FK_GAUSS_BAND],
                            (size_t)(n * fk_moments_room(D)) * sizeof(double));
    }
}

static void neither_calls_nor_threads_change_a_bit(void **state)
{
    data d = make_data(1.0f);
    gaussians a, b;
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 4, err));
    assert_ok(gauss_init(&a, P, D, 0.01, err));
    assert_ok(gauss_add(&a, d.views, NULL, N, NULL, err));
    for (int block = 1; block <= 11; block += 5) {
        assert_ok(gauss_init(&b, P, D, 0.01, err));
        for (int i = 0; i < N; i += block)
            assert_ok(gauss_add(&b, d.views + i, NULL, i + block < N ? block : N - i, pool, err));
        assert_same_moments(&a, &b);
        gauss_free(&b);
    }
    assert_ok(gauss_init(&b, P, D, 0.01, err));
    assert_ok(gauss_add(&b, d.views, NULL, N, pool, err));
    assert_ok(gauss_finish(&a, NULL, err));
    assert_ok(gauss_finish(&b, pool, err));
    assert_memory_equal(a.made.factor, b.made.factor, P * T * sizeof(float));
    assert_memory_equal(a.made.mean, b.made.mean, P * D * sizeof(float));
    fk_pool_close(&pool);
    gauss_free(&a);
    gauss_free(&b);
    free_data(&d);
}

static void merged_moments_equal_moments_of_all(void **state)
{
    data d = make_data(1.0f);
    gaussians a, b;

    (void)state;
    for (int cut = 0; cut <= N; cut += 6) { /* nothing on either side, too */
        assert_ok(gauss_init(&a, P, D, 0.01, err));
        assert_ok(gauss_init(&b, P, D, 0.01, err));
        assert_ok(gauss_add(&a, d.views, NULL, cut, NULL, err));
        assert_ok(gauss_add(&b, d.views + cut, NULL, N - cut, NULL, err));
        assert_ok(gauss_merge(&a, &b, err));
        assert_int_equal(gauss_count(&a), N);
        assert_int_equal(gauss_count(&b), 0);
        check_moments(&a, &d, 0, N, 1e-12);
        assert_ok(gauss_add(&b, d.views, NULL, 1, NULL, err)); /* empty, yet of use */
        gauss_free(&a);
        gauss_free(&b);
    }
    free_data(&d);
}

static void factors_multiply_back_to_the_covariance(void **state)
{
    data d = make_data(1.0f);
    gaussians g;
    long double mean[D], moments[T];

    (void)state;
    assert_ok(gauss_init(&g, P, D, 0.25, err));
    assert_ok(gauss_add(&g, d.views, NULL, N, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err));
    assert_null(g.learner.bands);
    for (int64_t p = 0; p < P; p++) {
        double product[D][D] = {{0.0}};
        const float *column = (const float *)g.made.factor + p * T;

        two_passes(&d, 0, N, p, mean, moments);
        for (int k = 0; k < D; column += D - k, k++)
            for (int i = k; i < D; i++)
                for (int j = k; j <= i; j++)
                    product[i][j] += (double)column[i - k] * (double)column[j - k];
        for (int i = 0; i < D; i++)
            for (int j = 0; j <= i; j++)
                /* L is rounded to float: 2^-24 twice, of variances below 1. */
                assert_near(product[i][j],
                            (double)moments[i * (i + 1) / 2 + j] / (N - 1) + (i == j ? 0.25 : 0.0),
                            2e-7);
    }
    gauss_free(&g);
    free_data(&d);
}

static void learning_goes_on_after_finish(void **state)
{
    data d = make_data(1.0f);
    gaussians g;

    (void)state;
    assert_ok(gauss_init(&g, P, D, 0.01, err));
    assert_ok(gauss_add(&g, d.views, NULL, 20, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err)); /* twice is once */
    assert_ok(gauss_add(&g, d.views + 20, NULL, N - 20, NULL, err));
    check_moments(&g, &d, 0, N, 1e-6); /* factors are floats */
    assert_ok(gauss_finish(&g, NULL, err));
    assert_int_equal(gauss_count(&g), N);
    gauss_free(&g);
    free_data(&d);
}

static void finished_gaussians_merge(void **state)
{
    data d = make_data(1.0f);
    gaussians a, b;

    (void)state;
    assert_ok(gauss_init(&a, P, D, 0.01, err));
    assert_ok(gauss_init(&b, P, D, 0.01, err));
    assert_ok(gauss_add(&a, d.views, NULL, 12, NULL, err));
    assert_ok(gauss_add(&b, d.views + 12, NULL, N - 12, NULL, err));
    assert_ok(gauss_finish(&a, NULL, err));
    assert_ok(gauss_finish(&b, NULL, err));
    assert_ok(gauss_merge(&a, &b, err));
    check_moments(&a, &d, 0, N, 1e-6);
    gauss_free(&a);
    gauss_free(&b);
    free_data(&d);
}

/* sqrt(v' S^-1 v) by a plain Cholesky in long double. */
static double plain_distance(const data *d, int begin, int end, double epsilon, int64_t p,
                             const float *x)
{
    long double mean[D], moments[T], l[D][D], z[D], d2 = 0.0L;

    two_passes(d, begin, end, p, mean, moments);
    for (int i = 0; i < D; i++) {
        for (int j = 0; j <= i; j++) {
            long double s = moments[i * (i + 1) / 2 + j] / (end - begin - 1);

            if (i == j)
                s += (long double)epsilon;
            for (int k = 0; k < j; k++)
                s -= l[i][k] * l[j][k];
            l[i][j] = i == j ? sqrtl(s) : s / l[j][j];
        }
        z[i] = (long double)x[p * D + i] - mean[i];
        for (int k = 0; k < i; k++)
            z[i] -= l[i][k] * z[k];
        z[i] /= l[i][i];
        d2 += z[i] * z[i];
    }
    return (double)sqrtl(d2);
}

static void distances_equal_a_plain_solution(void **state)
{
    data d = make_data(1.0f);
    gaussians g;
    float query[P * D], out[P];
    _Alignas(64) double tmp[3 * D + 16];

    (void)state;
    fill(query, 77, P * D);
    assert_ok(gauss_init(&g, P, D, 0.01, err));
    assert_ok(gauss_add(&g, d.views, NULL, N, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err));
    fk_gauss_distance(&g.made, query, 0, P, false, NULL, tmp, out);
    for (int64_t p = 0; p < P; p++) {
        double want = plain_distance(&d, 0, N, 0.01, p, query);

        /* Rounding L to float costs 6e-8 times the condition of L, which is some 10 here. */
        assert_near(out[p], want, 2e-6 * want);
    }
    gauss_free(&g);
    free_data(&d);
}

/* The closed form takes epsilon (N-1)/(N-2) where a fit without the image takes epsilon. */
static void leaving_one_out_equals_fitting_without_it(void **state)
{
    data d = make_data(1.0f);
    gaussians g;
    float out[P];
    _Alignas(64) double tmp[3 * D + 16];
    double epsilon = 0.01;

    (void)state;
    assert_ok(gauss_init(&g, P, D, epsilon, err));
    assert_ok(gauss_add(&g, d.views, NULL, N, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err));
    fk_gauss_distance(&g.made, d.images[N - 1], 0, P, true, NULL, tmp, out);
    for (int64_t p = 0; p < P; p++) {
        double scaled = epsilon * (N - 1) / (N - 2);
        double exact = plain_distance(&d, 0, N - 1, scaled, p, d.images[N - 1]);
        double usual = plain_distance(&d, 0, N - 1, epsilon, p, d.images[N - 1]);

        /* 1 - a d2 is a few hundredths here and multiplies the factor's rounding. */
        assert_near(out[p], exact, 2e-5 * exact);
        /* A change of epsilon by 1/28 moves d by half of that at most. */
        assert_near(out[p], usual, usual / (N - 2) / 2);
    }
    gauss_free(&g);
    free_data(&d);
}

static void fewer_than_two_images_are_refused(void **state)
{
    data d = make_data(1.0f);
    gaussians g;

    (void)state;
    assert_ok(gauss_init(&g, P, D, 0.01, err));
    assert_refused(gauss_finish(&g, NULL, err), FLECK_E_STATE, "at least 2 good images, got 0");
    assert_ok(gauss_add(&g, d.views, NULL, 1, NULL, err));
    assert_refused(gauss_finish(&g, NULL, err), FLECK_E_STATE, "at least 2 good images, got 1");
    assert_ok(gauss_add(&g, d.views + 1, NULL, 1, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err));
    gauss_free(&g);
    free_data(&d);
}

static void a_covariance_that_rounding_spoils_is_refused(void **state)
{
    data d = make_data(1.0f);
    gaussians g;

    (void)state;
    /* Two images of numbers around 1e18: variances beside which epsilon vanishes. */
    for (int64_t k = 0; k < P * D; k++) {
        d.images[0][k] *= 1e18f;
        d.images[1][k] *= 1e18f;
    }
    assert_ok(gauss_init(&g, P, D, 1e-9, err));
    assert_ok(gauss_add(&g, d.views, NULL, 2, NULL, err));
    assert_refused(gauss_finish(&g, NULL, err), FLECK_E_STATE, "is not positive definite");
    assert_int_equal(gauss_count(&g), 0);
    gauss_free(&g);
    free_data(&d);
}

static void gaussians_of_other_sizes_do_not_merge(void **state)
{
    gaussians a, b;

    (void)state;
    assert_ok(gauss_init(&a, P, D, 0.01, err));
    assert_ok(gauss_init(&b, P, D + 1, 0.01, err));
    assert_refused(gauss_merge(&a, &b, err), FLECK_E_SHAPE, "must agree");
    assert_ok(gauss_init(&b, P, D, 0.02, err));
    assert_refused(gauss_merge(&a, &b, err), FLECK_E_SHAPE, "epsilon");
    assert_refused(gauss_init(&b, INT64_MAX / 4, 1000, 0.01, err), FLECK_E_NOMEM, "do not fit");
}

static fleck_status whole_life(const void *images, const char *folder)
{
    (void)folder;
    return gauss_life(((const data *)images)->views, P, D);
}

static void any_allocation_may_fail(void **state)
{
    data d = make_data(1.0f);

    (void)state;
    assert_any_allocation_may_fail(whole_life, &d, 20);
    free_data(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_equal_two_passes_even_far_from_zero),
        cmocka_unit_test(neither_calls_nor_threads_change_a_bit),
        cmocka_unit_test(merged_moments_equal_moments_of_all),
        cmocka_unit_test(factors_multiply_back_to_the_covariance),
        cmocka_unit_test(learning_goes_on_after_finish),
        cmocka_unit_test(finished_gaussians_merge),
        cmocka_unit_test(distances_equal_a_plain_solution),
        cmocka_unit_test(leaving_one_out_equals_fitting_without_it),
        cmocka_unit_test(fewer_than_two_images_are_refused),
        cmocka_unit_test(a_covariance_that_rounding_spoils_is_refused),
        cmocka_unit_test(gaussians_of_other_sizes_do_not_merge),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
