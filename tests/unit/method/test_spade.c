/* SPDX-License-Identifier: Apache-2.0 */
/* SPADE against NumPy, against plain sums on odd shapes, and its own options. */
#include "unit/method/spade_plain.h"

/* The same of image number `query`, after learning n images from 10 on. */
static float *run_kind(const fk_embed_shape *shape, fk_map_size map, const char *const *pairs,
                       int n, uint64_t query, int64_t exclude, unsigned kind, fk_pool *pool,
                       double *score)
{
    fk_embedding images[32], e = image_of(shape, query, kind);
    float *out;

    for (int i = 0; i < n; i++)
        images[i] = image_of(shape, 10 + (uint64_t)i, kind);
    out = run_images(shape, map, pairs, images, n, &e, exclude, pool, score);
    free_images(images, n);
    fk_embedding_free(&e);
    return out;
}

static float *run(const fk_embed_shape *shape, fk_map_size map, const char *const *pairs, int n,
                  uint64_t query, int64_t exclude, fk_pool *pool, double *score)
{
    return run_kind(shape, map, pairs, n, query, exclude, 0, pool, score);
}

static void maps_and_scores_equal_numpy(void **state)
{
    static const struct {
        const char *radius, *fusion, *kappa;
        const double *want;
    } cases[] = {{"radius=0", "fusion=concat", "kappa=1", spade_same_concat_1},
                 {"radius=0", "fusion=concat", "kappa=3", spade_same_concat_3},
                 {"radius=0", "fusion=mean", "kappa=1", spade_same_mean_1},
                 {"radius=0", "fusion=mean", "kappa=3", spade_same_mean_3},
                 {"radius=1", "fusion=concat", "kappa=1", spade_near_concat_1},
                 {"radius=1", "fusion=concat", "kappa=3", spade_near_concat_3},
                 {"radius=1", "fusion=mean", "kappa=1", spade_near_mean_1},
                 {"radius=1", "fusion=mean", "kappa=3", spade_near_mean_3},
                 {"radius=-1", "fusion=concat", "kappa=1", spade_all_concat_1},
                 {"radius=-1", "fusion=concat", "kappa=3", spade_all_concat_3},
                 {"radius=-1", "fusion=mean", "kappa=1", spade_all_mean_1},
                 {"radius=-1", "fusion=mean", "kappa=3", spade_all_mean_3}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const options[] = {"k-image=4",     "k-pixel=3",    cases[i].radius,
                                       cases[i].fusion, cases[i].kappa, NULL};
        double score;
        float *map = run(&SHAPE, MAP, options, SPADE_N, 40, -1, NULL, &score);

        assert_near(score, spade_score, 1e-6 * spade_score);
        for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
            /* Enlarged features, distances and the map: a float's rounding each. */
            assert_near(map[p], cases[i].want[p], 1e-6 * cases[i].want[p]);
        fk_free(map);
    }
}

/* ---- Plain sums ---- */

/* One thread, three threads and plain sums, with five images. */
static void check_against_plain(const fk_embed_shape *shape, fk_map_size grid, unsigned kind,
                                int radius, int kappa, fk_pool *pool)
{
    fk_embedding images[5], e = image_of(shape, 70, kind);
    char kappa_option[32], radius_option[32];
    const char *const options[] = {radius_option, kappa_option, NULL};
    int64_t n = grid.height * grid.width;
    double want[400];
    int64_t dim = 0;
    float *one, *many;

    snprintf(kappa_option, sizeof kappa_option, "kappa=%d", kappa);
    snprintf(radius_option, sizeof radius_option, "radius=%d", radius);
    for (int t = 0; t < shape->n_levels; t++)
        dim += shape->levels[t].dim;
    for (int i = 0; i < 5; i++)
        images[i] = image_of(shape, 10 + (uint64_t)i, kind);
    one = run_images(shape, grid, options, images, 5, &e, -1, NULL, NULL);
    many = run_images(shape, grid, options, images, 5, &e, -1, pool, NULL);
    plain_map(want, shape, grid, images, 5, &e, radius, kappa);
    for (int64_t p = 0; p < n; p++)
        /* The nearest by products is the nearest but for ties within rounding, of 5 dim 4^2 if they
         * are raised. */
        assert_near(one[p], want[p],
                    2e-6 * want[p] + ((kind & RAISED) != 0 ? (double)dim * 80 * 0x1p-23 : 0));
    assert_memory_equal(one, many, (size_t)n * sizeof(float));
    fk_free(one);
    fk_free(many);
    free_images(images, 5);
    fk_embedding_free(&e);
}

/* Grids that are no multiples, not square, alike, and with none of the levels on the largest. */
static void fast_maps_equal_plain_ones_on_odd_shapes(void **state)
{
    static const struct {
        fk_embed_shape shape;
        fk_map_size grid;
    } cases[] = {
        {{1, {{13, 17, 40, NULL, NULL}}, 3}, {13, 17}},
        {{2, {{19, 5, 8, NULL, NULL}, {7, 3, 33, NULL, NULL}}, 3}, {19, 5}},
        {{3, {{4, 12, 16, NULL, NULL}, {4, 12, 7, NULL, NULL}, {1, 1, 20, NULL, NULL}}, 3},
         {4, 12}},
        {{2, {{3, 20, 9, NULL, NULL}, {11, 6, 17, NULL, NULL}}, 3}, {11, 20}},
        {{2, {{17, 9, 9, NULL, NULL}, {17, 5, 10, NULL, NULL}}, 3}, {17, 9}},
        {{3, {{16, 24, 8, NULL, NULL}, {8, 12, 16, NULL, NULL}, {4, 6, 32, NULL, NULL}}, 3},
         {16, 24}},
    };
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 3, err));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned kind = 0; kind <= (ALIKE | MASKED); kind++) {
            check_against_plain(&cases[i].shape, cases[i].grid, kind, 0, 1, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, kind, 0, 3, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, kind, 1, 1, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, kind, 3, 8, pool);
            /* Beyond the grid: all positions. */
            check_against_plain(&cases[i].shape, cases[i].grid, kind, 100, 4, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, kind, -1, 1, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, kind, -1, 4, pool);
            /* More than the images that the search starts with. */
            check_against_plain(&cases[i].shape, cases[i].grid, kind, -1, 8, pool);
        }
        /* Products lose the digits by which features exceed their distances. */
        check_against_plain(&cases[i].shape, cases[i].grid, RAISED, -1, 1, pool);
        check_against_plain(&cases[i].shape, cases[i].grid, RAISED | MASKED, -1, 4, pool);
    }
    fk_pool_close(&pool);
}

static void a_training_image_is_at_distance_zero_unless_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof RADII / sizeof RADII[0]; i++) {
        const char *const options[] = {"k-image=1", RADII[i], NULL};
        double score;
        float *map = run(&SHAPE, MAP, options, SPADE_N, 12, -1, NULL, &score);

        assert_true(score == 0.0);
        for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
            assert_true(map[p] == 0.0f);
        fk_free(map);
        map = run(&SHAPE, MAP, options, SPADE_N, 12, 2, NULL, &score);
        assert_true(score > 0.0);
        for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
            assert_true(map[p] > 0.0f);
        fk_free(map);
    }
}

/* Image 15, the last of six, left out equals a gallery of the first five: with no masks, with one
 * of its own, with masks of all. */
static void leaving_out_equals_not_having_learned(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3 * sizeof RADII / sizeof RADII[0]; i++) {
        const char *const options[] = {"kappa=2", RADII[i / 3], NULL};
        fk_embedding images[6];
        double a, b;
        float *left_out, *never;

        for (int k = 0; k < 6; k++)
            images[k] = image_of(&SHAPE, 10 + (uint64_t)k,
                                 i % 3 == 2 || (i % 3 == 1 && k == 5) ? MASKED : 0);
        left_out = run_images(&SHAPE, MAP, options, images, 6, &images[5], 5, NULL, &a);
        never = run_images(&SHAPE, MAP, options, images, 5, &images[5], -1, NULL, &b);
        assert_true(a == b);
        assert_memory_equal(left_out, never, SPADE_HEIGHT * SPADE_WIDTH * sizeof(float));
        fk_free(left_out);
        fk_free(never);
        free_images(images, 6);
    }
}

/* A part one row and one column further: its features are found again, but for those cut off. */
static void a_shifted_part_is_found_within_the_radius(void **state)
{
    static const fk_embed_shape shape = {
        .n_levels = 1, .levels = {{9, 10, 12, NULL, NULL}}, .global_dim = 3};
    static const fk_map_size grid = {9, 10};
    static const char *const near[] = {"radius=1", NULL}, *const same[] = {"radius=0", NULL};
    const fk_method *m = fk_method_find("spade");
    fk_options a = options_of(m, near), b = options_of(m, same);
    fk_embedding part = make_image(&shape, 10), shifted = make_image(&shape, 11);
    void *s, *t;
    float *found, *missed;

    (void)state;
    for (int64_t y = 1; y < 9; y++)
        memcpy(shifted.levels[0].data + (y * 10 + 1) * 12, part.levels[0].data + (y - 1) * 10 * 12,
               9 * 12 * sizeof(float));
    s = learn(m, &a, &shape, grid, &part, 0, 1, 1, NULL);
    t = learn(m, &b, &shape, grid, &part, 0, 1, 1, NULL);
    assert_ok(m->finish(s, NULL, err));
    assert_ok(m->finish(t, NULL, err));
    found = score_of(m, s, grid, &shifted, -1, NULL, NULL);
    missed = score_of(m, t, grid, &shifted, -1, NULL, NULL);
    for (int64_t y = 1; y < 9; y++)
        for (int64_t x = 1; x < 10; x++) {
            assert_true(found[y * 10 + x] == 0.0f);
            assert_true(missed[y * 10 + x] > 0.0f);
        }
    fk_free(found);
    fk_free(missed);
    m->free(s);
    m->free(t);
    fk_embedding_free(&part);
    fk_embedding_free(&shifted);
    fk_options_free(&a);
    fk_options_free(&b);
}

/* More than one block of images, and K left open. */
static void the_usual_neighbourhood_is_fifty_images_or_all(void **state)
{
    const char *const open[] = {"radius=0", NULL};
    const char *const given[] = {"radius=0", "k-image=23", "k-pixel=23", NULL};
    double a, b;
    float *x = run(&SHAPE, MAP, open, 23, 70, -1, NULL, &a);
    float *y = run(&SHAPE, MAP, given, 23, 70, -1, NULL, &b);

    (void)state;
    assert_true(a == b);
    assert_memory_equal(x, y, SPADE_HEIGHT * SPADE_WIDTH * sizeof(float));
    fk_free(x);
    fk_free(y);
}

static void asking_for_more_neighbours_than_there_are_is_refused(void **state)
{
    static const struct {
        const char *options[4], *message;
    } cases[] = {{{"k-image=7", NULL}, "--k-image 7 asks for more than the 6 good images"},
                 {{"k-pixel=9", NULL}, "--k-pixel 9 asks for more than the 6 good images"},
                 {{"radius=0", "k-pixel=3", "kappa=4"}, "--kappa 4 asks for more than the 3"},
                 {{"radius=1", "k-pixel=2", "kappa=9"}, "--kappa 9 asks for more than the 8"},
                 {{"fusion=mean", "k-pixel=2", "kappa=9"}, "--kappa 9 asks for more than the 8"}};
    const fk_method *m = fk_method_find("spade");
    fk_embedding images[SPADE_N];

    (void)state;
    make_images(images, &SHAPE, 10, SPADE_N);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fk_options o = options_of(m, cases[i].options);
        void *s = learn(m, &o, &SHAPE, MAP, images, 0, SPADE_N, 9, NULL);

        assert_refused(m->finish(s, NULL, err), FLECK_E_OPTION, cases[i].message);
        m->free(s);
        fk_options_free(&o);
    }
    free_images(images, SPADE_N);
}

static void numbers_may_be_changed_when_a_model_is_opened(void **state)
{
    static const char *const fitted[] = {"radius=-1", NULL};
    static const char *const opened[] = {"radius=0", "kappa=3", "k-pixel=3", "k-image=4", NULL};
    static const char *const wrong[] = {"k-pixel=7", NULL};
    const fk_method *m = fk_method_find("spade");
    fk_options a = options_of(m, fitted), b = options_of(m, opened), c = options_of(m, wrong);
    fk_embedding images[SPADE_N], query = make_image(&SHAPE, 40);
    fk_st_reader *r = NULL;
    fk_json *meta = NULL;
    void *s, *loaded = NULL;
    double score;
    float *map;

    (void)state;
    make_images(images, &SHAPE, 10, SPADE_N);
    s = learn(m, &a, &SHAPE, MAP, images, 0, SPADE_N, 9, NULL);
    assert_ok(m->finish(s, NULL, err));
    assert_ok(fk_st_open(&r, save_state(m, s, &meta), err));
    assert_refused(m->load(&loaded, &c, &SHAPE, MAP, r, meta, err), FLECK_E_OPTION,
                   "state.safetensors: --k-pixel 7 asks for more than the 6");
    assert_ok(m->load(&loaded, &b, &SHAPE, MAP, r, meta, err));
    map = score_of(m, loaded, MAP, &query, -1, NULL, &score);
    assert_near(score, spade_score, 1e-6 * spade_score);
    for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
        assert_near(map[p], spade_same_concat_3[p], 1e-6 * spade_same_concat_3[p]);
    fk_free(map);
    m->free(s);
    m->free(loaded);
    fk_st_close(&r);
    fk_json_free(&meta);
    fk_embedding_free(&query);
    free_images(images, SPADE_N);
    fk_options_free(&a);
    fk_options_free(&b);
    fk_options_free(&c);
}

static void the_global_feature_is_the_pool_or_a_tap(void **state)
{
    static const fk_tap_info taps[2] = {{"layer1", 64, 56, 56}, {"layer2", 128, 28, 28}};
    static const char *const tap[] = {"global=layer2", NULL}, *const none[] = {"global=none", NULL};
    const fk_method *m = fk_method_find("spade");
    fk_options a = options_of(m, NULL), b = options_of(m, tap), c = options_of(m, none);
    fk_embed_spec spec;

    (void)state;
    assert_ok(m->embed(&spec, &a, 2, taps, err));
    assert_string_equal(spec.global, "pool");
    assert_int_equal(spec.mode, FK_EMBED_SEPARATE);
    assert_ok(m->embed(&spec, &b, 2, taps, err));
    assert_string_equal(spec.global, "layer2");
    assert_refused(m->embed(&spec, &c, 2, taps, err), FLECK_E_OPTION,
                   "--global: expected pool or layer1 or layer2, got \"none\"");
    fk_options_free(&a);
    fk_options_free(&b);
    fk_options_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_and_scores_equal_numpy),
        cmocka_unit_test(fast_maps_equal_plain_ones_on_odd_shapes),
        cmocka_unit_test(a_training_image_is_at_distance_zero_unless_left_out),
        cmocka_unit_test(leaving_out_equals_not_having_learned),
        cmocka_unit_test(a_shifted_part_is_found_within_the_radius),
        cmocka_unit_test(the_usual_neighbourhood_is_fifty_images_or_all),
        cmocka_unit_test(asking_for_more_neighbours_than_there_are_is_refused),
        cmocka_unit_test(numbers_may_be_changed_when_a_model_is_opened),
        cmocka_unit_test(the_global_feature_is_the_pool_or_a_tap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
