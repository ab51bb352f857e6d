/* SPDX-License-Identifier: Apache-2.0 */
/* Shrunk covariances, and images left out of them with their duplicates, against plain sums. */
#include "unit/method/gauss_life.h"

#include <math.h>

enum { P = 11, D = 21, N = 30, TWINS = 3 };

typedef struct data {
    float *images[N];
    const float *views[N];
} data;

/* Images of correlated features; the first TWINS are the same. */
static data make_data(void)
{
    data d;

    for (int i = 0; i < N; i++) {
        int from = i < TWINS ? 0 : i;

        assert_ok(FK_ALLOC(&d.images[i], P * D, err));
        for (int64_t k = 0; k < P * D; k++) {
            const int64_t position = k / D;

            d.images[i][k] =
                (1.0f + (float)position) * (1.0f + hashed(50 + (uint64_t)from, k) +
                                            0.5f * hashed(900 + (uint64_t)from, position));
        }
        d.views[i] = d.images[i];
    }
    return d;
}

static void free_data(data *d)
{
    for (int i = 0; i < N; i++)
        fk_free(d->images[i]);
}

static gaussians empty(bool shrinks)
{
    gaussians g;

    assert_ok(gauss_init(&g, P, D, 0.01, err));
    g.learner.shrinks = shrinks;
    return g;
}

static gaussians learned(const data *d, bool shrinks)
{
    gaussians g = empty(shrinks);

    assert_ok(gauss_add(&g, d->views, NULL, N, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err));
    return g;
}

/* Mean and scatter of images begin .. N - 1 at position p. */
static void scatter(const data *d, int begin, int64_t p, double mean[D], double c[D][D])
{
    memset(c, 0, D * sizeof *c);
    for (int i = 0; i < D; i++) {
        mean[i] = 0.0;
        for (int k = begin; k < N; k++)
            mean[i] += (double)d->images[k][p * D + i] / (N - begin);
    }
    for (int k = begin; k < N; k++)
        for (int i = 0; i < D; i++)
            for (int j = 0; j < D; j++)
                c[i][j] += ((double)d->images[k][p * D + i] - mean[i]) *
                           ((double)d->images[k][p * D + j] - mean[j]);
}

/* sqrt(u' S^-1 u) by elimination; s and u are used up. */
static double plain_distance(double s[D][D], double u[D])
{
    double x[D], sum = 0.0;

    memcpy(x, u, sizeof x);
    for (int j = 0; j < D; j++)
        for (int i = j + 1; i < D; i++) {
            double f = s[i][j] / s[j][j];

            for (int k = j; k < D; k++)
                s[i][k] -= f * s[j][k];
            x[i] -= f * x[j];
        }
    for (int j = D - 1; j >= 0; j--) {
        for (int k = j + 1; k < D; k++)
            x[j] -= s[j][k] * x[k];
        x[j] /= s[j][j];
        sum += x[j] * u[j];
    }
    return sqrt(sum);
}

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

static void the_share_and_the_ridge_equal_plain_sums(void **state)
{
    data d = make_data();
    gaussians g = learned(&d, true);
    double shares[P], mu = 0.0, n = N - 1.0;

    (void)state;
    for (int64_t p = 0; p < P; p++) {
        double mean[D], c[D][D], t = 0.0, q = 0.0;

        scatter(&d, 0, p, mean, c);
        for (int i = 0; i < D; i++) {
            t += c[i][i] / n;
            for (int j = 0; j < D; j++)
                q += c[i][j] / n * (c[i][j] / n);
        }
        shares[p] = ((1.0 - 2.0 / D) * q + t * t) / ((n + 1.0 - 2.0 / D) * (q - t * t / D));
        mu += t / D / P;
    }
    qsort(shares, P, sizeof *shares, ascending);
    assert_true(shares[P / 2] > 0.05 && shares[P / 2] < FK_MOST_SHRUNK);
    assert_near(g.made.shrinkage.share, shares[P / 2], 1e-12);
    assert_near(g.made.shrinkage.ridge, shares[P / 2] * mu + 0.01, 1e-10);
    gauss_free(&g);
    free_data(&d);
}

/* The scatter of the images that stay, with the same share and the same ridge beside the
 * scatter. */
static void copies_are_left_out_as_if_they_had_not_been_learned(void **state)
{
    data d = make_data();

    (void)state;
    for (int shrinks = 0; shrinks < 2; shrinks++) {
        gaussians g = learned(&d, shrinks == 1);
        fk_shrinkage by = g.made.shrinkage;

        for (int copies = 0; copies <= TWINS; copies++) {
            float out[P], near_by[9 * P];
            double *tmp = NULL;
            const fk_gauss_window window = {1, P, 1};

            assert_ok(FK_ALLOC(&tmp, fk_gauss_room(&g.made, 1), err));
            fk_gauss_distance(&g.made, d.images[0], 0, P, copies, NULL, tmp, out);
            fk_gauss_distance_near(&g.made, d.images[0], window, 0, P, copies, NULL, tmp, near_by);
            for (int64_t p = 0; p < P; p++) {
                for (int64_t q = p > 0 ? p - 1 : 0; q <= p + 1 && q < P; q++) {
                    double mean[D], c[D][D], u[D], want;

                    scatter(&d, copies, p, mean, c);
                    for (int i = 0; i < D; i++) {
                        u[i] = (double)d.images[0][q * D + i] - mean[i];
                        for (int j = 0; j < D; j++)
                            c[i][j] *= (1.0 - by.share) / (N - copies - 1.0);
                        c[i][i] += by.ridge * (N - 1.0) / (N - copies - 1.0);
                    }
                    want = plain_distance(c, u);
                    assert_near(near_by[p * 9 + 4 + (q - p)], want, 5e-5 * want);
                    if (q == p)
                        assert_near(out[p], want, 5e-5 * want);
                }
            }
            fk_free(tmp);
        }
        gauss_free(&g);
    }
    free_data(&d);
}

/* Mean and scatter at position p of the images that are not of a fold, FOLD .. FOLD + n - 1. */
enum { FOLD = 4, MOST = 17 };

static void scatter_without(const data *d, int n, int64_t p, double mean[D], double c[D][D])
{
    memset(c, 0, D * sizeof *c);
    memset(mean, 0, D * sizeof *mean);
    for (int k = 0; k < N; k++)
        for (int i = 0; i < D && (k < FOLD || k >= FOLD + n); i++)
            mean[i] += (double)d->images[k][p * D + i] / (N - n);
    for (int k = 0; k < N; k++)
        for (int i = 0; i < D && (k < FOLD || k >= FOLD + n); i++)
            for (int j = 0; j < D; j++)
                c[i][j] += ((double)d->images[k][p * D + i] - mean[i]) *
                           ((double)d->images[k][p * D + j] - mean[j]);
}

/* As fits without the fold are, whose share and ridge beside the scatter are the whole's; image 0
 * was learned elsewhere and is asked about along with them. */
static void folds_are_left_out_as_if_they_had_not_been_learned(void **state)
{
    data d = make_data();
    uint8_t nowhere[P] = {0};

    (void)state;
    for (int shrinks = 0; shrinks < 2; shrinks++) {
        gaussians g = learned(&d, shrinks == 1);
        fk_shrinkage by = g.made.shrinkage;
        const int sizes[] = {1, 2, 9, MOST};

        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            int n = sizes[s];
            float out[MOST + 1][P], *rows[MOST + 1];
            const float *asked[MOST + 1];
            const uint8_t *flags[MOST + 1] = {NULL};
            double *tmp = NULL;

            for (int i = 0; i <= n; i++) {
                rows[i] = out[i];
                asked[i] = i < n ? d.images[FOLD + i] : d.images[0];
            }
            flags[n] = nowhere;
            assert_ok(FK_ALLOC(&tmp, fk_gauss_fold_room(&g.made, n + 1), err));
            fk_gauss_distance_fold(&g.made, n + 1, asked, flags, 0, P, tmp, rows);
            for (int64_t p = 0; p < P; p++) {
                for (int k = 0; k <= n; k++) {
                    double mean[D], c[D][D], u[D], want;

                    scatter_without(&d, n, p, mean, c);
                    for (int i = 0; i < D; i++) {
                        u[i] = (double)asked[k][p * D + i] - mean[i];
                        for (int j = 0; j < D; j++)
                            c[i][j] *= (1.0 - by.share) / (N - n - 1.0);
                        c[i][i] += by.ridge * (N - 1.0) / (N - n - 1.0);
                    }
                    want = plain_distance(c, u);
                    /* I - s H K H is nearly singular where epsilon alone holds up 13 images of
                     * 21 numbers, which multiplies the factor's rounding. */
                    assert_near(out[k][p], want, (shrinks == 1 ? 1e-5 : 1e-3) * want);
                }
            }
            fk_free(tmp);
        }
        gauss_free(&g);
    }
    free_data(&d);
}

/* A fold of one is an image that is left out, in bf16 as well, where rounding may spoil the matrix
 * of larger ones. */
static void a_fold_of_one_is_an_image_left_out(void **state)
{
    data d = make_data();

    (void)state;
    for (int k = 0; k < 2; k++) {
        gaussians g = empty(k == 1);
        const uint8_t *flags[N] = {NULL};
        float alone[P], out[N][P], *rows[N];
        double *tmp = NULL;

        g.learner.type = k == 0 ? FK_BF16 : FK_F32;
        assert_ok(gauss_add(&g, d.views, NULL, N, NULL, err));
        assert_ok(gauss_finish(&g, NULL, err));
        for (int i = 0; i < N; i++)
            rows[i] = out[i];
        assert_ok(FK_ALLOC(&tmp, fk_gauss_fold_room(&g.made, N), err));
        fk_gauss_distance(&g.made, d.images[9], 0, P, 1, NULL, tmp, alone);
        fk_gauss_distance_fold(&g.made, 1, d.views + 9, flags, 0, P, tmp, rows);
        for (int p = 0; k == 1 && p < P; p++)
            assert_near(out[0][p], alone[p], 1e-5 * (double)alone[p]);
        fk_gauss_distance_fold(&g.made, N - 2, d.views, flags, 0, P, tmp, rows);
        for (int p = 0; p < P; p++)
            assert_true(isfinite(out[0][p]) && out[0][p] >= 0.0f);
        fk_gauss_distance_fold(&g.made, N - 1, d.views, flags, 0, P, tmp, rows);
        for (int p = 0; p < P; p++)
            assert_true(out[0][p] == 0.0f); /* one image is no Gaussian */
        fk_free(tmp);
        gauss_free(&g);
    }
    free_data(&d);
}

/* However many are said to be alike, two images stay, and the distance is finite. */
static void two_images_stay_at_least(void **state)
{
    data d = make_data();
    gaussians g = learned(&d, true);
    float most[P], more[P];
    double *tmp = NULL;

    (void)state;
    assert_ok(FK_ALLOC(&tmp, fk_gauss_room(&g.made, 0), err));
    fk_gauss_distance(&g.made, d.images[5], 0, P, N - 2, NULL, tmp, most);
    fk_gauss_distance(&g.made, d.images[5], 0, P, 1000, NULL, tmp, more);
    for (int p = 0; p < P; p++) {
        assert_true(isfinite(most[p]) && most[p] > 0.0f);
        assert_true(isfinite(more[p]) && more[p] == most[p]);
    }
    fk_free(tmp);
    gauss_free(&g);
    free_data(&d);
}

static void assert_alike(const gaussians *a, const gaussians *b, double tolerance)
{
    const float *x = a->made.factor, *y = b->made.factor;

    assert_near(a->made.shrinkage.share, b->made.shrinkage.share, tolerance);
    assert_near(a->made.shrinkage.ridge, b->made.shrinkage.ridge,
                tolerance * b->made.shrinkage.ridge);
    for (int64_t i = 0; i < P * D * (D + 1) / 2; i++)
        assert_near(x[i], y[i], tolerance * P);
}

/* Their factors are undone with the share and the ridge that they were made with. */
static void learning_goes_on_and_merges(void **state)
{
    const int first = 12;
    data d = make_data();
    gaussians all = learned(&d, true), g = empty(true), other = empty(true), paper = empty(false);

    (void)state;
    assert_ok(gauss_add(&g, d.views, NULL, first, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err));
    assert_ok(gauss_add(&other, d.views + first, NULL, N - first, NULL, err));
    assert_ok(gauss_finish(&other, NULL, err));
    assert_refused(gauss_merge(&paper, &g, err), FLECK_E_SHAPE, "F32, shrunk do not");
    assert_ok(gauss_merge(&g, &other, err));
    assert_ok(gauss_finish(&g, NULL, err));
    assert_alike(&g, &all, 1e-5);
    gauss_free(&all);
    gauss_free(&g);
    gauss_free(&other);
    gauss_free(&paper);
    free_data(&d);
}

/* In bands from temporary files, with more positions than are asked, on threads, and from
 * factors. */
static void bands_give_the_bytes_of_learning_in_memory(void **state)
{
    enum { POSITIONS = 900, DIM = 5, IMAGES = 150 };
    const char *folder = test_folder();
    float *images[IMAGES];
    gaussians g[2];
    fk_pool *pool = NULL;
    int64_t least;

    (void)state;
    assert_ok(fk_pool_open(&pool, 3, err));
    for (int i = 0; i < IMAGES; i++) {
        assert_ok(FK_ALLOC(&images[i], POSITIONS * DIM, err));
        for (int64_t k = 0; k < POSITIONS * DIM; k++)
            images[i][k] = hashed((uint64_t)i, k) + hashed(900 + (uint64_t)i, k / DIM);
    }
    for (int k = 0; k < 2; k++) {
        assert_ok(gauss_init(&g[k], POSITIONS, DIM, 0.01, err));
        g[k].learner.shrinks = true;
        if (k == 1) {
            assert_refused(fk_learner_limit(&g[k].learner, 1, folder, 4, &least, err),
                           FLECK_E_LIMIT, "are");
            assert_ok(fk_learner_limit(&g[k].learner, least, folder, 4, &least, err));
            assert_true(g[k].learner.spills);
        }
        for (int i = 0; i < IMAGES; i += 75) {
            assert_ok(gauss_add(&g[k], (const float *const *)images + i, NULL, 75, pool, err));
            assert_ok(gauss_finish(&g[k], k == 0 ? NULL : pool, err));
        }
    }
    assert_true(g[0].made.shrinkage.share > 0.0);
    assert_memory_equal(&g[0].made.shrinkage, &g[1].made.shrinkage, sizeof g[0].made.shrinkage);
    assert_memory_equal(g[0].made.factor, g[1].made.factor,
                        POSITIONS * DIM * (DIM + 1) / 2 * sizeof(float));
    for (int k = 0; k < 2; k++)
        gauss_free(&g[k]);
    for (int i = 0; i < IMAGES; i++)
        fk_free(images[i]);
    fk_pool_close(&pool);
    assert_nothing_left(folder);
}

/* Two images ask for all there is, and learning can still go on; what never varies asks for
 * none. */
static void shares_stay_within_bounds(void **state)
{
    data d = make_data();
    const float *same[] = {d.images[0], d.images[1], d.images[2]};
    gaussians g = empty(true);

    (void)state;
    assert_ok(gauss_add(&g, d.views + 8, NULL, 2, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err));
    assert_near(g.made.shrinkage.share, FK_MOST_SHRUNK, 0.0);
    gauss_free(&g);
    g = empty(true);
    assert_ok(gauss_add(&g, same, NULL, 3, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err));
    assert_near(g.made.shrinkage.share, 0.0, 0.0);
    assert_near(g.made.shrinkage.ridge, 0.01, 0.0);
    gauss_free(&g);
    free_data(&d);
}

static fleck_status life(const void *images, const char *folder)
{
    const data *d = images;
    gaussians g = {0};
    int64_t least = 1 << 20;
    fleck_status st = gauss_init(&g, P, D, 0.01, NULL);

    g.learner.shrinks = true;
    for (int k = 0; k < 2 && st == FLECK_OK; k++) {
        if (k == 1 && fk_learner_limit(&g.learner, 1, folder, 1, &least, NULL) == FLECK_E_LIMIT)
            st = fk_learner_limit(&g.learner, least, folder, 1, &least, NULL);
        if (st == FLECK_OK)
            st = gauss_add(&g, d->views, NULL, N, NULL, NULL);
        if (st == FLECK_OK)
            st = gauss_finish(&g, NULL, NULL);
        gauss_free(&g);
        if (k == 0 && st == FLECK_OK)
            st = gauss_init(&g, P, D, 0.01, NULL);
        g.learner.shrinks = true;
    }
    return st;
}

static void any_allocation_may_fail(void **state)
{
    data d = make_data();

    (void)state;
    assert_any_allocation_may_fail(life, &d, 20);
    free_data(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_share_and_the_ridge_equal_plain_sums),
        cmocka_unit_test(copies_are_left_out_as_if_they_had_not_been_learned),
        cmocka_unit_test(folds_are_left_out_as_if_they_had_not_been_learned),
        cmocka_unit_test(a_fold_of_one_is_an_image_left_out),
        cmocka_unit_test(two_images_stay_at_least),
        cmocka_unit_test(learning_goes_on_and_merges),
        cmocka_unit_test(bands_give_the_bytes_of_learning_in_memory),
        cmocka_unit_test(shares_stay_within_bounds),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
