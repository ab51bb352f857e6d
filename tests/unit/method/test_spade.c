/* SPADE against NumPy, against plain sums on odd shapes, and its own options. */
#include "unit/method/fixture.h"

#include "features/map.h"
#include "linalg/linalg.h"
#include "golden/method_spade.h"

static const fk_embed_shape SHAPE = {
    .n_levels = 3,
    .levels = {{6, 8, 5, NULL, NULL}, {3, 4, 19, NULL, NULL}, {2, 2, 35, NULL, NULL}},
    .global_dim = SPADE_GLOBAL};
static const fk_map_size MAP = {SPADE_HEIGHT, SPADE_WIDTH};
static const char *const RADII[] = {"radius=0", "radius=1", "radius=-1"};

/* Image number `image`, hashed; with alike its levels differ little from those of all others, so
 * that features at the same position are the nearest. */
static fk_embedding image_of(const fk_embed_shape *shape, uint64_t image, bool alike)
{
    fk_embedding e = make_image(shape, image);

    for (int t = 0; alike && t < shape->n_levels; t++)
        for (int64_t k = 0; k < e.levels[t].height * e.levels[t].width * e.levels[t].dim; k++)
            e.levels[t].data[k] = hashed(5 + (uint64_t)t, k) + 0.3f * e.levels[t].data[k];
    return e;
}

/* Map and score of image `query` after learning n images from 10 on. */
static float *run_alike(const fk_embed_shape *shape, fk_map_size map, const char *const *pairs,
                        int n, uint64_t query, int64_t exclude, bool alike, fk_pool *pool,
                        double *score)
{
    const fk_method *m = fk_method_find("spade");
    fk_options o = options_of(m, pairs);
    fk_embedding images[32], e = image_of(shape, query, alike);
    void *state;
    float *out;

    for (int i = 0; i < n; i++)
        images[i] = image_of(shape, 10 + (uint64_t)i, alike);
    state = learn(m, &o, shape, map, images, 0, n, 4, NULL);
    assert_ok(m->finish(state, NULL, err));
    out = score_of(m, state, map, &e, exclude, pool, score);
    m->free(state);
    free_images(images, n);
    fk_embedding_free(&e);
    fk_options_free(&o);
    return out;
}

static float *run(const fk_embed_shape *shape, fk_map_size map, const char *const *pairs, int n,
                  uint64_t query, int64_t exclude, fk_pool *pool, double *score)
{
    return run_alike(shape, map, pairs, n, query, exclude, false, pool, score);
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

/* Joined features [H, W, D] of one image on the largest grid, in double. */
static double *join(const fk_embed_shape *shape, const fk_embedding *e, int64_t height,
                    int64_t width, int64_t dim)
{
    double *out = NULL;
    int64_t first = 0;

    assert_ok(FK_ALLOC(&out, height * width * dim, err));
    for (int t = 0; t < shape->n_levels; first += shape->levels[t].dim, t++) {
        const fk_level *l = &e->levels[t];

        for (int64_t p = 0; p < height * width; p++) {
            int64_t y0, y1, x0, x1;
            double fy, fx;

            fk_map_source(p / width, height, l->height, &y0, &y1, &fy);
            fk_map_source(p % width, width, l->width, &x0, &x1, &fx);
            for (int64_t c = 0; c < l->dim; c++) {
                const float *d = l->data + c;
                double top = (1 - fx) * (double)d[(y0 * l->width + x0) * l->dim] +
                             fx * (double)d[(y0 * l->width + x1) * l->dim];
                double bottom = (1 - fx) * (double)d[(y1 * l->width + x0) * l->dim] +
                                fx * (double)d[(y1 * l->width + x1) * l->dim];

                out[p * dim + first + c] = (1 - fy) * top + fy * bottom;
            }
        }
    }
    return out;
}

/* The concat map at grid size with all n images as gallery: every distance, one by one. */
static void plain_map(double *out, const fk_embed_shape *shape, fk_map_size grid, int n,
                      uint64_t query, bool alike, int radius, int kappa)
{
    int64_t cells = grid.height * grid.width, dim = 0, ignored[8];
    fk_embedding e = image_of(shape, query, alike);
    double *q, nearest[400][8];

    assert_true(cells <= 400 && kappa <= 8);
    for (int t = 0; t < shape->n_levels; t++)
        dim += shape->levels[t].dim;
    q = join(shape, &e, grid.height, grid.width, dim);
    for (int64_t p = 0; p < cells; p++)
        for (int k = 0; k < kappa; k++)
            nearest[p][k] = INFINITY;
    for (int i = 0; i < n; i++) {
        fk_embedding image = image_of(shape, 10 + (uint64_t)i, alike);
        double *g = join(shape, &image, grid.height, grid.width, dim);

        for (int64_t p = 0; p < cells; p++) {
            for (int64_t j = 0; j < cells; j++) {
                double sum = 0.0;

                if (radius >= 0 && (llabs(j / grid.width - p / grid.width) > radius ||
                                    llabs(j % grid.width - p % grid.width) > radius))
                    continue;
                for (int64_t c = 0; c < dim; c++)
                    sum += (q[p * dim + c] - g[j * dim + c]) * (q[p * dim + c] - g[j * dim + c]);
                fk_linalg_smallest(nearest[p], ignored, kappa, sum, j);
            }
        }
        fk_free(g);
        fk_embedding_free(&image);
    }
    for (int64_t p = 0; p < cells; p++) {
        out[p] = 0.0;
        for (int k = 0; k < kappa; k++)
            out[p] += nearest[p][k] / kappa;
    }
    fk_free(q);
    fk_embedding_free(&e);
}

/* One thread, three threads and plain sums, with five images. */
static void check_against_plain(const fk_embed_shape *shape, fk_map_size grid, bool alike,
                                int radius, int kappa, fk_pool *pool)
{
    char kappa_option[32], radius_option[32];
    const char *const options[] = {radius_option, kappa_option, NULL};
    int64_t n = grid.height * grid.width;
    double want[400];
    float *one, *many;

    snprintf(kappa_option, sizeof kappa_option, "kappa=%d", kappa);
    snprintf(radius_option, sizeof radius_option, "radius=%d", radius);
    one = run_alike(shape, grid, options, 5, 70, -1, alike, NULL, NULL);
    many = run_alike(shape, grid, options, 5, 70, -1, alike, pool, NULL);
    plain_map(want, shape, grid, 5, 70, alike, radius, kappa);
    for (int64_t p = 0; p < n; p++)
        /* The nearest by products is the nearest but for ties within rounding. */
        assert_near(one[p], want[p], 2e-6 * want[p]);
    assert_memory_equal(one, many, (size_t)n * sizeof(float));
    fk_free(one);
    fk_free(many);
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
        for (int alike = 0; alike < 2; alike++) {
            check_against_plain(&cases[i].shape, cases[i].grid, alike, 0, 1, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, alike, 0, 3, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, alike, 1, 1, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, alike, 3, 8, pool);
            /* Beyond the grid: all positions. */
            check_against_plain(&cases[i].shape, cases[i].grid, alike, 100, 4, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, alike, -1, 1, pool);
            check_against_plain(&cases[i].shape, cases[i].grid, alike, -1, 4, pool);
            /* More than the images that the search starts with. */
            check_against_plain(&cases[i].shape, cases[i].grid, alike, -1, 8, pool);
        }
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

/* Image 15, the last of six, left out equals a gallery of the first five. */
static void leaving_out_equals_not_having_learned(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof RADII / sizeof RADII[0]; i++) {
        const char *const options[] = {"kappa=2", RADII[i], NULL};
        double a, b;
        float *left_out = run(&SHAPE, MAP, options, 6, 15, 5, NULL, &a);
        float *never = run(&SHAPE, MAP, options, 5, 15, -1, NULL, &b);

        assert_true(a == b);
        assert_memory_equal(left_out, never, SPADE_HEIGHT * SPADE_WIDTH * sizeof(float));
        fk_free(left_out);
        fk_free(never);
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
