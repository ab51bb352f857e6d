/* Gaussians of few wide images, which keep the images, against Gaussians with factors and plain sums. */
#include "unit/method/gauss_life.h"

#include "method/gauss_rows.h"

enum {
    HEIGHT = 3,
    WIDTH = 7,
    P = HEIGHT * WIDTH,
    D = 83,
    SIZE = P * D,
    MOST = 29,
    N = 25,
    ALL = 50
};

/* ALL images of P features, about `offset`, with deviations that are correlated. */
static float **make_images_of(float offset)
{
    float **images = NULL;

    assert_ok(FK_ALLOC(&images, ALL, err));
    for (int i = 0; i < ALL; i++) {
        assert_ok(FK_ALLOC(&images[i], SIZE, err));
        for (int64_t k = 0; k < SIZE; k++)
            images[i][k] =
                offset + hashed(50 + (uint64_t)i, k) + 0.5f * hashed(900 + (uint64_t)i, k / D);
    }
    return images;
}

static void free_images_of(float **images)
{
    for (int i = 0; i < ALL; i++)
        fk_free(images[i]);
    fk_free(images);
}

/* One that keeps images from the first number on, or never. */
static fk_gauss made(bool keeps)
{
    fk_gauss g;

    assert_ok(fk_gauss_init(&g, P, D, 0.01, err));
    g.keep_from = keeps ? 0 : INT64_MAX;
    return g;
}

static void add(fk_gauss *g, float **images, int begin, int end, int block, fk_pool *pool)
{
    for (; begin < end; begin += block)
        assert_ok(fk_gauss_add(g, (const float *const *)images + begin, NULL,
                               end - begin < block ? end - begin : block, pool, err));
}

static fk_gauss learned(bool keeps, float **images, int begin, int end)
{
    fk_gauss g = made(keeps);

    add(&g, images, begin, end, 7, NULL);
    assert_ok(fk_gauss_finish(&g, NULL, err));
    return g;
}

/* out [P], or with a radius [P, 9]. */
static void distances(const fk_gauss *g, const float *image, int64_t radius, bool left_out,
                      float *out)
{
    const fk_gauss_window w = {HEIGHT, WIDTH, radius};
    double *tmp = NULL;

    assert_ok(FK_ALLOC(&tmp, fk_gauss_room(g, radius), err));
    memset(tmp, 0xff, (size_t)fk_gauss_room(g, radius) * sizeof *tmp);
    if (radius == 0)
        fk_gauss_distance(g, image, 0, P, left_out, NULL, tmp, out);
    else
        fk_gauss_distance_near(g, image, w, 0, P, left_out, NULL, tmp, out);
    fk_free(tmp);
}

/* Distances of image 0, learned or left out, and of another, near and far, are the same. */
static void assert_alike(const fk_gauss *a, const fk_gauss *b, float **images, double tolerance)
{
    for (int way = 0; way < 6; way++) {
        const float *image = images[way % 3 == 2 ? ALL - 1 : 0];
        int64_t radius = way / 3, n = radius > 0 ? 9 * P : P;
        float got[9 * P], want[9 * P];

        distances(a, image, radius, way % 3 == 1, got);
        distances(b, image, radius, way % 3 == 1, want);
        for (int64_t p = 0; p < n; p++)
            if (isinf(want[p]))
                assert_true(isinf(got[p]));
            else
                assert_near(got[p], want[p], tolerance * (double)want[p]);
    }
}

static void assert_same_state(const fk_gauss *a, const fk_gauss *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->mean, b->mean, SIZE * sizeof(float));
    assert_int_equal(a->inverse != NULL, b->inverse != NULL);
    if (a->inverse == NULL) {
        assert_memory_equal(a->factor, b->factor, P * D * (D + 1) / 2 * sizeof(float));
        return;
    }
    assert_memory_equal(a->inverse, b->inverse,
                        (size_t)(P * fk_rows_inverse_size(a->n)) * sizeof(float));
    for (int64_t p = 0; p < P; p++)
        assert_memory_equal(a->rows + p * a->stride, b->rows + p * b->stride,
                            (size_t)(a->n * fk_rows_width(D)) * sizeof(float));
}

static void images_are_kept_where_they_are_less_than_factors(void **state)
{
    fk_gauss g = made(true), off = made(false), halves = made(true);

    (void)state;
    halves.type = FK_F16;
    assert_int_equal(fk_rows_most(&g), MOST);
    assert_true(MOST * fk_rows_width(D) + fk_rows_inverse_size(MOST) < D * (D + 1) / 2);
    assert_false((MOST + 1) * fk_rows_width(D) + fk_rows_inverse_size(MOST + 1) < D * (D + 1) / 2);
    assert_int_equal(fk_rows_most(&off), 0);
    assert_int_equal(fk_rows_most(&halves), 0);
    assert_ok(fk_gauss_init(&g, 56 * 56, 100, 0.01, err));
    assert_int_equal(fk_rows_most(&g), 0); /* ResNet-18's usual Gaussians */
    assert_ok(fk_gauss_init(&g, 56 * 56, 550, 0.01, err));
    assert_int_equal(fk_rows_most(&g), 222);
}

/* Factors' rounding to float is multiplied by 1 / (1 - a d2) where an image is left out, some 100 here. */
static void distances_equal_those_of_factors(void **state)
{
    (void)state;
    for (int far = 0; far < 2; far++) {
        float **images = make_images_of(far ? 100.0f : 1.0f);
        fk_gauss kept = learned(true, images, 0, N), factored = learned(false, images, 0, N);

        assert_non_null(kept.inverse);
        assert_null(kept.factor);
        assert_null(factored.inverse);
        assert_alike(&kept, &factored, images, far ? 2e-4 : 2e-5);
        fk_gauss_free(&kept);
        fk_gauss_free(&factored);
        free_images_of(images);
    }
}

/* d2 by conjugate gradients on S in long double: no factor, no inverse, no images in place of S. */
static double plain_distance(float **images, int n, int64_t p, const float *x)
{
    long double y[N][D], mean[D] = {0}, r[D], q[D], s[D], u[D] = {0}, length = 0, d2 = 0;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < D; j++)
            mean[j] += (long double)images[i][p * D + j] / n;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < D; j++)
            y[i][j] = (long double)images[i][p * D + j] - mean[j];
    for (int j = 0; j < D; j++) {
        r[j] = q[j] = (long double)x[p * D + j] - mean[j];
        length += r[j] * r[j];
    }
    for (int step = 0; step < 4 * D && length > 1e-26L; step++) {
        long double product = 0, next = 0;

        for (int j = 0; j < D; j++)
            s[j] = 0.01L * q[j];
        for (int i = 0; i < n; i++) {
            long double t = 0;

            for (int j = 0; j < D; j++)
                t += y[i][j] * q[j];
            for (int j = 0; j < D; j++)
                s[j] += y[i][j] * t / (n - 1);
        }
        for (int j = 0; j < D; j++)
            product += q[j] * s[j];
        for (int j = 0; j < D; j++) {
            u[j] += length / product * q[j];
            r[j] -= length / product * s[j];
            next += r[j] * r[j];
        }
        for (int j = 0; j < D; j++)
            q[j] = r[j] + next / length * q[j];
        length = next;
    }
    for (int j = 0; j < D; j++)
        d2 += ((long double)x[p * D + j] - mean[j]) * u[j];
    return (double)sqrtl(d2);
}

static void distances_equal_a_plain_solution(void **state)
{
    float **images = make_images_of(1.0f), out[P];
    fk_gauss g = learned(true, images, 0, N);

    (void)state;
    for (int i = 0; i < ALL; i += ALL - 1) { /* one that was learned, one that was not */
        distances(&g, images[i], 0, false, out);
        for (int64_t p = 0; p < P; p++) {
            double want = plain_distance(images, N, p, images[i]);

            assert_near(out[p], want, 3e-7 * want);
        }
    }
    fk_gauss_free(&g);
    free_images_of(images);
}

static void neither_calls_nor_threads_change_a_bit(void **state)
{
    float **images = make_images_of(1.0f);
    fk_gauss one = learned(true, images, 0, N), other = made(true);
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 3, err));
    add(&other, images, 0, N, 1, pool);
    assert_ok(fk_gauss_finish(&other, pool, err));
    assert_same_state(&one, &other);
    fk_gauss_free(&one);
    fk_gauss_free(&other);
    fk_pool_close(&pool);
    free_images_of(images);
}

static void many_images_at_once_give_the_bytes_of_one_by_one(void **state)
{
    float **images = make_images_of(1.0f);
    fk_gauss g = learned(true, images, 0, N);
    static const uint8_t *const flags[FK_GAUSS_IMAGES];
    bool left_out[FK_GAUSS_IMAGES];
    float room[FK_GAUSS_IMAGES][P], alone[P], *out[FK_GAUSS_IMAGES];
    double *tmp = NULL;

    (void)state;
    assert_ok(FK_ALLOC(&tmp, fk_gauss_many_room(&g), err));
    for (int i = 0; i < FK_GAUSS_IMAGES; i++) {
        left_out[i] = i % 3 == 1;
        out[i] = room[i];
    }
    for (int n = 1; n <= FK_GAUSS_IMAGES; n++) {
        fk_gauss_distance_many(&g, n, (const float *const *)images, 0, P, left_out, flags, tmp,
                               out);
        for (int i = 0; i < n; i++) {
            distances(&g, images[i], 0, left_out[i], alone);
            assert_memory_equal(alone, room[i], sizeof alone);
        }
    }
    fk_free(tmp);
    fk_gauss_free(&g);
    free_images_of(images);
}

/* With more images than are kept, or a mask, everything is as if none had been. */
static void what_is_not_kept_on_is_learned_as_usual(void **state)
{
    float **images = make_images_of(1.0f);
    uint8_t mask[P];
    const uint8_t *flags[1] = {mask};

    (void)state;
    for (int64_t p = 0; p < P; p++)
        mask[p] = p % 5 != 0;
    for (int way = 0; way < 2; way++) {
        fk_gauss kept = made(true), usual = made(false);
        fk_gauss *both[2] = {&kept, &usual};

        for (int k = 0; k < 2; k++) {
            add(both[k], images, 0, MOST, 4, NULL);
            assert_int_equal(both[k]->own_rows != NULL, k == 0);
            assert_ok(fk_gauss_add(both[k], (const float *const *)images + MOST,
                                   way == 0 ? NULL : flags, 1, NULL, err));
            assert_null(both[k]->own_rows);
            add(both[k], images, MOST + 1, ALL, 3, NULL);
            assert_ok(fk_gauss_finish(both[k], NULL, err));
        }
        assert_same_state(&kept, &usual);
        fk_gauss_free(&kept);
        fk_gauss_free(&usual);
    }
    free_images_of(images);
}

static void learning_goes_on_after_finish(void **state)
{
    float **images = make_images_of(1.0f);
    fk_gauss some = learned(true, images, 0, 9), all = learned(true, images, 0, N);
    fk_gauss from_file, more = learned(false, images, 0, ALL - 1);

    (void)state;
    /* From arrays of somebody else's first, which stay as they are. */
    assert_ok(fk_gauss_finish(&some, NULL, err));
    for (int64_t p = 1; p < P; p++) /* as a file has them */
        memmove(some.own_rows + p * 9 * fk_rows_width(D), some.own_rows + p * some.stride,
                (size_t)(9 * fk_rows_width(D)) * sizeof(float));
    some.stride = 9 * fk_rows_width(D);
    assert_ok(
        fk_gauss_view_rows(&from_file, P, D, 0.01, 9, some.mean, some.rows, some.inverse, err));
    from_file.keep_from = 0;
    assert_alike(&from_file, &some, images, 0.0);
    add(&from_file, images, 9, N, 5, NULL);
    assert_ok(fk_gauss_finish(&from_file, NULL, err));
    assert_non_null(from_file.inverse);
    assert_alike(&from_file, &all, images, 1e-5);
    /* And until images are not kept any more. */
    add(&from_file, images, N, ALL - 1, 5, NULL);
    assert_ok(fk_gauss_finish(&from_file, NULL, err));
    assert_null(from_file.inverse);
    assert_int_equal(from_file.n, ALL - 1);
    assert_alike(&from_file, &more, images, 1e-5);
    fk_gauss_free(&some);
    fk_gauss_free(&all);
    fk_gauss_free(&from_file);
    fk_gauss_free(&more);
    free_images_of(images);
}

static void what_was_kept_merges(void **state)
{
    float **images = make_images_of(1.0f);
    fk_gauss all = learned(false, images, 0, N);

    (void)state;
    for (int way = 0; way < 3; way++) { /* learning, finished, and with factors */
        fk_gauss a = made(true), b = made(way < 2), empty = made(true);

        add(&a, images, 0, 10, 10, NULL);
        add(&b, images, 10, N, 4, NULL);
        if (way > 0) {
            assert_ok(fk_gauss_finish(&a, NULL, err));
            assert_ok(fk_gauss_finish(&b, NULL, err));
        }
        assert_ok(fk_gauss_merge(&empty, &a, err));
        assert_int_equal(a.n, 0);
        assert_ok(fk_gauss_merge(&empty, &b, err));
        assert_int_equal(empty.n, N);
        assert_int_equal(b.n, 0);
        assert_ok(fk_gauss_finish(&empty, NULL, err));
        assert_alike(&empty, &all, images, way > 0 ? 1e-4 : 2e-5);
        fk_gauss_free(&a);
        fk_gauss_free(&b);
        fk_gauss_free(&empty);
    }
    fk_gauss_free(&all);
    free_images_of(images);
}

/* Deviations so long beside epsilon that floats would not do: learned as usual, with the same bytes. */
static void images_too_far_apart_are_not_kept(void **state)
{
    float **images = make_images_of(1.0f);
    fk_gauss kept, usual;

    (void)state;
    for (int64_t k = 0; k < D; k++)
        images[3][(P - 1) * D + k] += k % 2 == 0 ? 6.0f : -6.0f;
    kept = learned(true, images, 0, N);
    usual = learned(false, images, 0, N);
    assert_null(kept.inverse);
    assert_same_state(&kept, &usual);
    fk_gauss_free(&kept);
    fk_gauss_free(&usual);
    free_images_of(images);
}

/* Few images need less memory than factors would: so much is allowed, and not what needs more. */
static void few_images_keep_to_a_lower_limit(void **state)
{
    float **images = make_images_of(1.0f);
    fk_gauss free = learned(true, images, 0, 9), g = made(true);
    uint8_t mask[P] = {1};
    const uint8_t *flags[1] = {mask};
    const float *const *views = (const float *const *)images;
    int64_t needed = fk_rows_bytes(&g, 9, 2), least, many;

    (void)state;
    assert_refused(fk_gauss_limit(&g, needed - 1, 9, NULL, 2, &least, err), FLECK_E_LIMIT,
                   "9 images of 21 positions of 83 numbers need");
    assert_int_equal(least, needed);
    assert_refused(fk_gauss_limit(&g, needed, MOST + 1, NULL, 2, &many, err), FLECK_E_LIMIT,
                   "Gaussians");
    assert_true(many > needed);
    assert_ok(fk_gauss_limit(&g, needed, 9, NULL, 2, &least, err));
    assert_refused(fk_gauss_add(&g, views, flags, 1, NULL, err), FLECK_E_LIMIT, "without masks");
    add(&g, images, 0, 9, 4, NULL);
    assert_ok(fk_gauss_finish(&g, NULL, err));
    assert_same_state(&g, &free);
    assert_refused(fk_gauss_add(&g, views, NULL, MOST, NULL, err), FLECK_E_LIMIT, "few images");
    fk_gauss_free(&g);
    fk_gauss_free(&free);
    free_images_of(images);
}

static fleck_status whole_life(const void *images, const char *folder)
{
    (void)folder;
    return gauss_life((const float *const *)images, P, D, 0);
}

static void any_allocation_may_fail(void **state)
{
    float **images = make_images_of(1.0f);

    (void)state;
    assert_any_allocation_may_fail(whole_life, images, 20);
    free_images_of(images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_kept_where_they_are_less_than_factors),
        cmocka_unit_test(distances_equal_those_of_factors),
        cmocka_unit_test(distances_equal_a_plain_solution),
        cmocka_unit_test(neither_calls_nor_threads_change_a_bit),
        cmocka_unit_test(many_images_at_once_give_the_bytes_of_one_by_one),
        cmocka_unit_test(what_is_not_kept_on_is_learned_as_usual),
        cmocka_unit_test(learning_goes_on_after_finish),
        cmocka_unit_test(what_was_kept_merges),
        cmocka_unit_test(images_too_far_apart_are_not_kept),
        cmocka_unit_test(few_images_keep_to_a_lower_limit),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
