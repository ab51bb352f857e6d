/* SPDX-License-Identifier: Apache-2.0 */
/* Gaussians under masks: each position learns, merges and leaves out as if the images that are
 * masked there did not exist. */
#include "unit/method/gauss_data.h"

static const fk_dtype TYPES[] = {FK_F32, FK_BF16};
enum { N_TYPES = 2 };

typedef struct data {
    float *images[N];
    uint8_t *flags[N]; /* NULL for every fifth image */
    const float *views[N];
    const uint8_t *masks[N];
} data;

/* Of the first n images, how many position p learns before number i. */
static int64_t learned_before(const data *d, int i, int64_t p)
{
    int64_t n = 0;

    while (i-- > 0)
        n += fk_gauss_learns(d->masks[i], p);
    return n;
}

/* Positions 0 to 4 learn that many images and no more, 5 none of the first 80, 6 none of those
 * after, and the rest about two of three.  What is masked is not a number, and must have no say. */
static data make_data(void)
{
    data d = {0};

    for (int i = 0; i < N; i++) {
        d.images[i] = gauss_image(i);
        d.views[i] = d.images[i];
        if (i % 5 == 4)
            continue;
        assert_ok(FK_ALLOC(&d.flags[i], P, err));
        for (int64_t p = 0; p < P; p++) {
            bool learns = hashed(7000 + (uint64_t)i, p) < 0.6f;

            d.flags[i][p] = learns && (p != 5 || i >= 80) && (p != 6 || i < 80);
        }
        d.masks[i] = d.flags[i];
    }
    for (int i = 0; i < N; i++)
        for (int64_t p = 0; p < P; p++) {
            bool few = p < 5 && learned_before(&d, i, p) >= p, late = p == 5 && i < 80,
                 early = p == 6 && i >= 80;

            if ((few || late || early) && d.flags[i] == NULL) {
                assert_ok(FK_ALLOC(&d.flags[i], P, err));
                memset(d.flags[i], 1, P);
                d.masks[i] = d.flags[i];
            }
            if (few)
                d.flags[i][p] = i % 2 ? 0 : 2; /* only 1 is learned */
            if (late || early)
                d.flags[i][p] = 0;
            for (int k = 0; !fk_gauss_learns(d.masks[i], p) && k < D; k++)
                d.images[i][p * D + k] = NAN;
        }
    return d;
}

static void free_data(data *d)
{
    for (int i = 0; i < N; i++) {
        fk_free(d->images[i]);
        fk_free(d->flags[i]);
    }
}

static void add(gaussians *g, const data *d, int begin, int end, fk_pool *pool)
{
    assert_ok(gauss_add(g, d->views + begin, d->masks + begin, end - begin, pool, err));
}

/* A Gaussian of the single position p, from the images begin .. end - 1 that it learns, without any
 * masks. */
static gaussians alone(const data *d, int64_t p, int begin, int end, fk_dtype type)
{
    gaussians g;

    assert_ok(gauss_init(&g, 1, D, 0.01, err));
    g.learner.type = type;
    for (int i = begin; i < end; i++) {
        const float *one = d->images[i] + p * D;

        if (fk_gauss_learns(d->masks[i], p))
            assert_ok(gauss_add(&g, &one, NULL, 1, NULL, err));
    }
    return g;
}

/* That position p of a finished g has the bytes of a finished Gaussian of its own. */
static void assert_position(const fk_gauss *g, int64_t p, const fk_gauss *want)
{
    size_t size = T * fk_dtype_size(g->type);

    assert_memory_equal(g->mean + p * D, want->mean, D * sizeof(float));
    assert_memory_equal((const char *)g->factor + (size_t)p * size, want->factor, size);
}

static void a_position_learns_exactly_the_images_that_show_it(void **state)
{
    data d = make_data();
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 3, err));
    for (int k = 0; k < N_TYPES; k++) {
        gaussians g = empty(TYPES[k]);

        for (int i = 0; i < N; i += 7)
            add(&g, &d, i, i + 7 < N ? i + 7 : N, k == 0 ? NULL : pool);
        assert_ok(gauss_finish(&g, pool, err));
        assert_int_equal(gauss_count(&g), N);
        for (int64_t p = 0; p < P; p++) {
            gaussians want = alone(&d, p, 0, N, TYPES[k]);

            assert_int_equal(fk_counts_at(g.made.images, p), gauss_count(&want));
            if (p < 5)
                assert_int_equal(gauss_count(&want), p);
            assert_true(fk_counts_judge(g.made.images, p) == (gauss_count(&want) >= 3));
            if (gauss_count(&want) >= 2) {
                assert_ok(gauss_finish(&want, NULL, err));
                assert_position(&g.made, p, &want.made);
            }
            gauss_free(&want);
        }
        gauss_free(&g);
    }
    fk_pool_close(&pool);
    free_data(&d);
}

/* Image `i` with a number everywhere. */
static void whole_image(float *out, const data *d, int i)
{
    for (int64_t k = 0; k < P * D; k++)
        out[k] = isnan(d->images[i][k]) ? 3.5f : d->images[i][k];
}

/* Bitwise those of the position's own Gaussian, of the images that show it: for a new image, and
 * for one that is left out, which is a new one where it was not learned. */
static void distances_are_those_of_the_images_that_show_the_position(void **state)
{
    enum { I = 11 };
    data d = make_data();
    float image[P * D], out[P];
    double *tmp = NULL;
    int64_t taken_out = 0, left_in = 0;

    (void)state;
    whole_image(image, &d, I);
    for (int k = 0; k < 2 * N_TYPES; k++) {
        bool left_out = k >= N_TYPES;
        gaussians g = empty(TYPES[k % N_TYPES]);

        add(&g, &d, 0, N, NULL);
        assert_ok(gauss_finish(&g, NULL, err));
        fk_free(tmp);
        assert_ok(FK_ALLOC(&tmp, fk_gauss_room(&g.made, 0), err));
        fk_gauss_distance(&g.made, image, 0, P, left_out, d.masks[I], tmp, out);
        for (int64_t p = 0; p < P; p++) {
            gaussians want = alone(&d, p, 0, N, TYPES[k % N_TYPES]);
            bool learned = fk_gauss_learns(d.masks[I], p);
            float distance;

            if (gauss_count(&want) < 3) {
                assert_true(out[p] == 0.0f);
            } else {
                assert_ok(gauss_finish(&want, NULL, err));
                fk_gauss_distance(&want.made, image + p * D, 0, 1, left_out && learned, NULL, tmp,
                                  &distance);
                assert_true(out[p] == distance && distance > 0.0f && isfinite(distance));
                taken_out += learned;
                left_in += !learned;
            }
            gauss_free(&want);
        }
        gauss_free(&g);
    }
    assert_true(taken_out > 60 && left_in > 40);
    fk_free(tmp);
    free_data(&d);
}

/* The entry of the position itself is its plain distance, and Gaussians that are not judged offer
 * none. */
static void neighbourhoods_use_the_gaussians_that_are_judged(void **state)
{
    enum { I = 11 };
    const fk_gauss_window window = {1, P, 1};
    data d = make_data();
    gaussians g = empty(FK_F32);
    float image[P * D], out[P], near_by[P * 9];
    double *tmp = NULL;

    (void)state;
    whole_image(image, &d, I);
    add(&g, &d, 0, N, NULL);
    assert_ok(gauss_finish(&g, NULL, err));
    assert_ok(FK_ALLOC(&tmp, fk_gauss_room(&g.made, 1), err));
    for (int left_out = 0; left_out < 2; left_out++) {
        fk_gauss_distance(&g.made, image, 0, P, left_out == 1, d.masks[I], tmp, out);
        fk_gauss_distance_near(&g.made, image, window, 0, P, left_out == 1, d.masks[I], tmp,
                               near_by);
        for (int64_t p = 0; p < P; p++)
            for (int k = 3; k < 6; k++) /* left, itself, right */
                if (!fk_counts_judge(g.made.images, p) || p + k - 4 < 0 || p + k - 4 >= P)
                    assert_true(near_by[p * 9 + k] == INFINITY);
                else if (k == 4)
                    assert_true(near_by[p * 9 + k] == out[p]);
                else
                    assert_true(isfinite(near_by[p * 9 + k]) && near_by[p * 9 + k] > 0.0f);
    }
    fk_free(tmp);
    gauss_free(&g);
    free_data(&d);
}

static void assert_same(const gaussians *a, const gaussians *b)
{
    assert_int_equal(gauss_count(a), gauss_count(b));
    for (int64_t p = 0; p < P; p++)
        assert_int_equal(fk_counts_at(a->made.images, p), fk_counts_at(b->made.images, p));
    assert_memory_equal(a->made.mean, b->made.mean, P * D * sizeof(float));
    assert_memory_equal(a->made.factor, b->made.factor, P * T * fk_dtype_size(a->learner.type));
}

/* Folds and going on from factors included. */
static void bands_give_the_same_bytes_under_masks(void **state)
{
    static const int parts[] = {0, 9, 100, 104, N};
    const char *folder = test_folder();
    data d = make_data();
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 3, err));
    for (int k = 0; k < N_TYPES; k++) {
        gaussians want = empty(TYPES[k]), g = limited(folder, 9000 * k, TYPES[k]);

        for (int i = 0; i < 4; i++) {
            add(&want, &d, parts[i], parts[i + 1], NULL);
            for (int from = parts[i]; from < parts[i + 1]; from += 8)
                add(&g, &d, from, from + 8 < parts[i + 1] ? from + 8 : parts[i + 1], pool);
            assert_ok(gauss_finish(&want, NULL, err));
            assert_ok(gauss_finish(&g, pool, err));
            assert_same(&want, &g);
        }
        gauss_free(&want);
        gauss_free(&g);
    }
    fk_pool_close(&pool);
    free_data(&d);
    assert_nothing_left(folder);
}

static gaussians part(const data *d, int begin, int end, const char *folder, bool masked,
                      bool finished)
{
    gaussians g = limited(folder, 0, FK_F32);

    if (masked)
        add(&g, d, begin, end, NULL);
    for (int i = begin; !masked && i < end; i++) {
        float *image = NULL;
        const float *view;

        assert_ok(FK_ALLOC(&image, P * D, err));
        whole_image(image, d, i);
        view = image;
        assert_ok(gauss_add(&g, &view, NULL, 1, NULL, err));
        fk_free(image);
    }
    if (finished)
        assert_ok(gauss_finish(&g, NULL, err));
    return g;
}

/* Whichever part has a limit, is finished, or has no masks. */
static void merging_in_bands_gives_the_bytes_of_merging_in_memory(void **state)
{
    const char *folder = test_folder();
    data d = make_data();

    (void)state;
    for (int kind = 0; kind < 64; kind++) {
        bool done_a = kind & 4, done_b = kind & 8, mask_a = !(kind & 16), mask_b = !(kind & 32);
        gaussians want, b, g, h;

        if ((kind & 3) == 0)
            continue; /* both are in memory */
        want = part(&d, 0, 80, NULL, mask_a, done_a);
        b = part(&d, 80, 100, NULL, mask_b, done_b);
        g = part(&d, 0, 80, kind & 1 ? folder : NULL, mask_a, done_a);
        h = part(&d, 80, 100, kind & 2 ? folder : NULL, mask_b, done_b);
        assert_ok(gauss_merge(&want, &b, err));
        assert_ok(gauss_merge(&g, &h, err));
        assert_int_equal(gauss_count(&h), 0);
        assert_null(h.learner.images.at);
        add(&want, &d, 100, 107, NULL);
        add(&g, &d, 100, 107, NULL);
        assert_ok(gauss_finish(&want, NULL, err));
        assert_ok(gauss_finish(&g, NULL, err));
        assert_same(&want, &g);
        gauss_free(&want);
        gauss_free(&b);
        gauss_free(&g);
        gauss_free(&h);
    }
    free_data(&d);
    assert_nothing_left(folder);
}

/* A position that only one of two parts shows is taken over bit by bit; of the others moments of
 * both are combined, which rounds otherwise than one sum does. */
static void merged_counts_and_gaussians_are_those_of_all_images(void **state)
{
    data d = make_data();
    gaussians all = empty(FK_F32), a = empty(FK_F32), b = empty(FK_F32);

    (void)state;
    add(&all, &d, 0, N, NULL);
    add(&a, &d, 0, 80, NULL);
    add(&b, &d, 80, N, NULL);
    assert_ok(gauss_merge(&a, &b, err));
    assert_ok(gauss_finish(&a, NULL, err));
    assert_ok(gauss_finish(&all, NULL, err));
    for (int64_t p = 0; p < P; p++) {
        assert_int_equal(fk_counts_at(a.made.images, p), fk_counts_at(all.made.images, p));
        if (p <= 6) { /* 0 to 4: all in the first part */
            fk_gauss at = {.type = FK_F32,
                           .mean = all.made.mean + p * D,
                           .factor = (const float *)all.made.factor + p * T};

            assert_position(&a.made, p, &at);
        }
        for (int64_t k = 0; k < T; k++) /* a unit in the last place of float, of factors below 1 */
            assert_near(((const float *)a.made.factor)[p * T + k],
                        ((const float *)all.made.factor)[p * T + k], 0x1p-23);
    }
    gauss_free(&a);
    gauss_free(&b);
    gauss_free(&all);
    free_data(&d);
}

/* What a factor of none or one image stands for is exact, so that a position goes on as if there
 * had been no finish. */
static void positions_of_no_or_one_image_go_on_after_finish_to_the_bit(void **state)
{
    data d = make_data();
    int64_t seen = 0;

    (void)state;
    for (int k = 0; k < N_TYPES; k++) {
        gaussians g = empty(TYPES[k]), want = empty(TYPES[k]);

        add(&g, &d, 0, 4, NULL);
        assert_ok(gauss_finish(&g, NULL, err));
        add(&g, &d, 4, N, NULL);
        assert_ok(gauss_finish(&g, NULL, err));
        add(&want, &d, 0, N, NULL);
        assert_ok(gauss_finish(&want, NULL, err));
        for (int64_t p = 0; p < P; p++) {
            fk_gauss at = {.type = TYPES[k],
                           .mean = want.made.mean + p * D,
                           .factor = (const char *)want.made.factor +
                                     (size_t)(p * T) * fk_dtype_size(TYPES[k])};

            if (learned_before(&d, 4, p) > 1)
                continue;
            assert_position(&g.made, p, &at);
            seen += p > 6;
        }
        gauss_free(&g);
        gauss_free(&want);
    }
    assert_true(seen >= 3 * N_TYPES);
    free_data(&d);
}

/* Flags that hide nothing leave no counts behind, and masks that leave no position its images are
 * refused, without harm to what was learned. */
static void masks_that_hide_nothing_or_everything(void **state)
{
    uint8_t ones[P], zeros[P] = {0};
    const uint8_t *all[4] = {ones, ones, ones, ones}, *none[4] = {ones, ones, zeros, zeros};
    const char *folder = test_folder();
    data d = make_data();
    float *images[4];

    (void)state;
    memset(ones, 1, sizeof ones);
    for (int i = 0; i < 4; i++) {
        assert_ok(FK_ALLOC(&images[i], P * D, err));
        whole_image(images[i], &d, i);
    }
    for (int with = 0; with < 2; with++) {
        gaussians want = empty(FK_F32), g = limited(with ? folder : NULL, 0, FK_F32);

        assert_ok(gauss_add(&want, (const float *const *)images, NULL, 4, NULL, err));
        assert_ok(gauss_finish(&want, NULL, err));
        assert_ok(gauss_add(&g, (const float *const *)images, all, 4, NULL, err));
        assert_ok(gauss_finish(&g, NULL, err));
        assert_null(g.made.images.at);
        assert_same(&want, &g);
        gauss_free(&g);
        g = limited(with ? folder : NULL, 0, FK_F32);
        assert_ok(gauss_add(&g, (const float *const *)images, none, 4, NULL, err));
        assert_refused(gauss_finish(&g, NULL, err), FLECK_E_STATE,
                       "needs at least 3 good images, and masks leave fewer of the 4");
        assert_ok(gauss_add(&g, (const float *const *)images, all, 4, NULL, err));
        assert_ok(gauss_finish(&g, NULL, err));
        assert_int_equal(fk_counts_at(g.made.images, 0), 6);
        assert_int_equal(gauss_count(&g), 8);
        gauss_free(&g);
        gauss_free(&want);
    }
    for (int i = 0; i < 4; i++)
        fk_free(images[i]);
    free_data(&d);
    assert_nothing_left(folder);
}

/* Of two images both are needed, and are enough. */
static void of_two_images_a_position_needs_both(void **state)
{
    uint8_t flags[P];
    const uint8_t *masks[2] = {NULL, flags};
    gaussians g = empty(FK_F32);
    float image[P * D], other[P * D], out[P];
    const float *views[2] = {image, other};
    _Alignas(64) double tmp[3 * D + 16];

    (void)state;
    fill(image, 77, P * D);
    fill(other, 78, P * D);
    for (int p = 0; p < P; p++)
        flags[p] = p != 3;
    assert_ok(gauss_add(&g, views, masks, 2, NULL, err));
    assert_ok(gauss_finish(&g, NULL, err));
    fk_gauss_distance(&g.made, other, 0, P, false, NULL, tmp, out);
    for (int p = 0; p < P; p++)
        assert_true(p == 3 ? out[p] == 0.0f : out[p] > 0.0f);
    gauss_free(&g);
}

static fleck_status whole_life(const void *images, const char *folder)
{
    const data *d = images;
    gaussians a = empty(FK_F32), b = empty(FK_F32), c = empty(FK_F32);
    int64_t least;
    fleck_status st;

    st = fk_learner_limit(&a.learner, 1, folder, 1, &least, NULL); /* tells the least */
    if (st == FLECK_E_LIMIT)
        st = fk_learner_limit(&a.learner, least, folder, 1, &least, NULL);
    if (st == FLECK_OK)
        st = gauss_add(&a, d->views, d->masks, 70, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_finish(&a, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_add(&a, d->views + 70, d->masks + 70, 5, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_add(&b, d->views + 75, d->masks + 75, 5, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_merge(&a, &b, NULL);
    if (st == FLECK_OK)
        st = gauss_finish(&a, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_add(&b, d->views + 75, NULL, 0, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_add(&c, d->views + 80, d->masks + 80, 5, NULL, NULL);
    if (st == FLECK_OK)
        st = gauss_merge(&c, &a, NULL);
    if (st == FLECK_OK)
        assert_int_equal(gauss_count(&c), 85);
    gauss_free(&a);
    gauss_free(&b);
    gauss_free(&c);
    return st;
}

static void any_allocation_may_fail(void **state)
{
    data d = make_data();

    (void)state;
    assert_any_allocation_may_fail(whole_life, &d, 50);
    free_data(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_position_learns_exactly_the_images_that_show_it),
        cmocka_unit_test(distances_are_those_of_the_images_that_show_the_position),
        cmocka_unit_test(neighbourhoods_use_the_gaussians_that_are_judged),
        cmocka_unit_test(bands_give_the_same_bytes_under_masks),
        cmocka_unit_test(merging_in_bands_gives_the_bytes_of_merging_in_memory),
        cmocka_unit_test(merged_counts_and_gaussians_are_those_of_all_images),
        cmocka_unit_test(positions_of_no_or_one_image_go_on_after_finish_to_the_bit),
        cmocka_unit_test(masks_that_hide_nothing_or_everything),
        cmocka_unit_test(of_two_images_a_position_needs_both),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
