/* SPDX-License-Identifier: Apache-2.0 */
/* PaDiM against NumPy, and its own options. */
#include "unit/method/fixture.h"

#include "map/map.h"
#include "golden/method_padim.h"

#include <sys/stat.h>

static const fk_embed_shape SHAPE = {.n_levels = 1,
                                     .levels = {{PADIM_HEIGHT, PADIM_WIDTH, PADIM_DIM, NULL}}};

/* The grid itself, so that nothing is enlarged. */
static const fk_map_size GRID = {PADIM_HEIGHT, PADIM_WIDTH};

/* What NumPy computed. */
static const char *const PAPER[] = {"covariance=paper", NULL};

static void *learn_golden_with(const fk_method *m, int n, const char *const *options)
{
    fk_options o = options_of(m, options);
    fk_embedding images[PADIM_N];
    void *state;

    make_images(images, &SHAPE, 100, PADIM_N);
    state = learn(m, &o, &SHAPE, GRID, images, 0, n, 4, NULL);
    free_images(images, PADIM_N);
    fk_options_free(&o);
    return state;
}

static void *learn_golden(const fk_method *m, int n)
{
    return learn_golden_with(m, n, PAPER);
}

static void check(const fk_method *m, const void *state, uint64_t image, int64_t exclude,
                  const double *want, double tolerance)
{
    fk_embedding e = make_image(&SHAPE, image);
    float *map = score_of(m, state, GRID, &e, exclude, NULL, NULL);

    for (int p = 0; p < PADIM_HEIGHT * PADIM_WIDTH; p++)
        assert_near(map[p], want[p], tolerance * want[p]);
    fk_free(map);
    fk_embedding_free(&e);
}

static void distances_equal_numpy(void **unused)
{
    const fk_method *m = fk_method_find("padim");
    void *state = learn_golden(m, PADIM_N);

    (void)unused;
    assert_ok(m->finish(state, NULL, err));
    /* Means and factors are floats: 6e-8 each, times the factor's condition of about 10. */
    check(m, state, 200, -1, padim_new, 1e-6);
    check(m, state, 101, -1, padim_known, 1e-6);
    check(m, state, 101, 1, padim_left_out_scaled, 2e-5);
    check(m, state, 101, 1, padim_left_out, 0.5 / (PADIM_N - 2));
    m->free(state);
}

static void least_distances_of_a_neighbourhood_equal_numpy(void **unused)
{
    static const char *const options[] = {"neighbourhood=1", "covariance=paper", NULL};
    const fk_method *m = fk_method_find("padim");
    void *state = learn_golden_with(m, PADIM_N, options);

    (void)unused;
    assert_ok(m->finish(state, NULL, err));
    check(m, state, 200, -1, padim_near_new, 1e-6);
    check(m, state, 101, -1, padim_near_known, 1e-6);
    check(m, state, 101, 1, padim_near_left_out, 2e-5);
    m->free(state);
}

/* Image `number` with everything moved one column to the right; the column that appears is its
 * last. */
static fk_embedding shifted(const fk_embed_shape *shape, uint64_t number)
{
    fk_embedding from = make_image(shape, number), e = make_image(shape, number);
    const fk_level *l = &e.levels[0];

    for (int64_t y = 0; y < l->height; y++)
        for (int64_t x = 0; x < l->width; x++)
            memcpy(l->data + (y * l->width + x) * l->dim,
                   from.levels[0].data + (y * l->width + (x + l->width - 1) % l->width) * l->dim,
                   (size_t)l->dim * sizeof(float));
    fk_embedding_free(&from);
    return e;
}

/* A part that lies one position aside matches its neighbours' Gaussians as it would its own; on any
 * number of threads. */
static void a_shifted_part_is_as_normal_as_an_unshifted_one(void **unused)
{
    const fk_embed_shape shape = {.n_levels = 1, .levels = {{12, 15, 9, NULL}}};
    const fk_map_size grid = {12, 15};
    const fk_method *m = fk_method_find("padim");
    fk_embedding images[20], moved = shifted(&shape, 100), same = make_image(&shape, 100);
    fk_pool *pool = NULL;
    float *own = NULL; /* the distances of the image where it lies */
    bool farther = false;

    (void)unused;
    make_images(images, &shape, 100, 20);
    assert_ok(fk_pool_open(&pool, 3, err));
    for (int r = 0; r < 3; r++) {
        char text[32];
        const char *pairs[2] = {text, NULL};
        fk_options o;
        void *state;
        float *map, *threaded;

        snprintf(text, sizeof text, "neighbourhood=%d", r);
        o = options_of(m, pairs);
        state = learn(m, &o, &shape, grid, images, 0, 20, 5, NULL);
        assert_ok(m->finish(state, NULL, err));
        if (r == 0)
            own = score_of(m, state, grid, &same, -1, NULL, NULL);
        map = score_of(m, state, grid, &moved, -1, NULL, NULL);
        threaded = score_of(m, state, grid, &moved, -1, pool, NULL);
        assert_memory_equal(map, threaded, 180 * sizeof(float));
        for (int p = 0; p < 180; p++) {
            if (p % 15 == 0)
                continue; /* the column that appeared */
            if (r == 0)
                farther = farther || map[p] > own[p - 1];
            else
                assert_true(map[p] <= own[p - 1]);
        }
        fk_free(map);
        fk_free(threaded);
        m->free(state);
        fk_options_free(&o);
    }
    assert_true(farther);
    fk_free(own);
    fk_pool_close(&pool);
    fk_embedding_free(&moved);
    fk_embedding_free(&same);
    free_images(images, 20);
}

static void maps_are_enlarged_grids(void **unused)
{
    const fk_method *m = fk_method_find("padim");
    const fk_map_size size = {7, 11};
    fk_options o = options_of(m, PAPER);
    fk_embedding images[PADIM_N];
    void *state;
    float *map, grid[PADIM_HEIGHT * PADIM_WIDTH], want[77];

    (void)unused;
    make_images(images, &SHAPE, 100, PADIM_N);
    state = learn(m, &o, &SHAPE, size, images, 0, PADIM_N, 4, NULL);
    assert_ok(m->finish(state, NULL, err));
    map = score_of(m, state, size, &images[1], -1, NULL, NULL);
    for (int p = 0; p < PADIM_HEIGHT * PADIM_WIDTH; p++)
        grid[p] = (float)padim_known[p];
    fk_map_resize_bilinear(want, 7, 11, grid, PADIM_HEIGHT, PADIM_WIDTH);
    for (int i = 0; i < 77; i++)
        assert_near(map[i], want[i], 1e-6 * (double)want[i]);
    fk_free(map);
    m->free(state);
    free_images(images, PADIM_N);
    fk_options_free(&o);
}

static void one_image_is_not_enough(void **unused)
{
    const fk_method *m = fk_method_find("padim");
    void *state = learn_golden(m, 1);

    (void)unused;
    assert_refused(m->finish(state, NULL, err), FLECK_E_STATE,
                   "padim: a Gaussian needs at least 2 good images, got 1");
    m->free(state);
}

static void leaving_one_of_two_out_is_refused(void **unused)
{
    const fk_method *m = fk_method_find("padim");
    void *state = learn_golden(m, 2);
    fk_embedding e = make_image(&SHAPE, 100);
    double scratch[192];
    float map[PADIM_HEIGHT * PADIM_WIDTH];

    (void)unused;
    assert_ok(m->finish(state, NULL, err));
    assert_true(m->scratch_size(state) <= sizeof scratch);
    assert_refused(
        m->score(state, &e, ((fk_span){.first = 0, .count = 1}), scratch, NULL, map, NULL, err),
        FLECK_E_STATE, "needs 3 of them, there are 2");
    assert_ok(m->score(state, &e, FK_NONE, scratch, NULL, NULL, NULL, err)); /* nothing asked for */
    fk_embedding_free(&e);
    m->free(state);
}

static int64_t bytes_of(const char *path)
{
    struct stat file;

    assert_int_equal(stat(path, &file), 0);
    return (int64_t)file.st_size;
}

/* Saved, loaded and scored again without a changed bit; a state of floats is not taken for one of
 * bf16. */
static void factors_in_bf16_halve_the_state_and_survive_a_file(void **unused)
{
    static const char *const f32[] = {"factors=f32", NULL}, *const bf16[] = {"factors=bf16", NULL};
    static const char *const *const all[] = {f32, bf16};
    static const int64_t size[] = {4, 2};
    const int64_t numbers = PADIM_HEIGHT * PADIM_WIDTH * PADIM_DIM * (PADIM_DIM + 1) / 2;
    const fk_method *m = fk_method_find("padim");
    fk_embedding e = make_image(&SHAPE, 200);
    int64_t of_floats = 0;

    (void)unused;
    for (int k = 0; k < 2; k++) {
        void *learned = learn_golden_with(m, PADIM_N, all[k]), *loaded = NULL;
        fk_options o = options_of(m, all[k]), other = options_of(m, k == 0 ? bf16 : NULL);
        fk_st_reader *r = NULL;
        fk_json *meta = NULL;
        float *before, *after;
        const char *path;

        assert_ok(m->finish(learned, NULL, err));
        path = save_state(m, learned, &meta);
        if (k == 0)
            of_floats = bytes_of(path);
        /* The header names the type, and is padded to 64 bytes. */
        assert_in_range(of_floats - bytes_of(path) + 64, (4 - size[k]) * numbers,
                        (4 - size[k]) * numbers + 128);
        assert_ok(fk_st_open(&r, path, err));
        assert_ok(m->load(&loaded, &o, &SHAPE, GRID, r, meta, err));
        before = score_of(m, learned, GRID, &e, -1, NULL, NULL);
        after = score_of(m, loaded, GRID, &e, -1, NULL, NULL);
        assert_memory_equal(before, after, PADIM_HEIGHT * PADIM_WIDTH * sizeof(float));
        m->free(loaded);
        assert_refused(m->load(&loaded, &other, &SHAPE, GRID, r, meta, err), FLECK_E_SHAPE,
                       "method.factor");
        assert_null(loaded);
        m->free(learned);
        fk_st_close(&r);
        fk_json_free(&meta);
        fk_free(before);
        fk_free(after);
        fk_options_free(&o);
        fk_options_free(&other);
    }
    fk_embedding_free(&e);
}

/* Models of before there was a choice do not name it. */
static void options_of_earlier_versions_mean_what_they_did(void **unused)
{
    fk_options o = options_of(fk_method_find("padim"), NULL);
    fk_json *object = fk_json_object();

    (void)unused;
    assert_true(fk_json_put_int(object, "dims", 30));
    assert_ok(fk_options_from_json(&o, object, err));
    assert_string_equal(fk_options_text(&o, "factors"), "f32");
    assert_string_equal(fk_options_text(&o, "covariance"), "paper");
    assert_refused(fk_options_set_pair(&o, "factors=bf16", true, err), FLECK_E_OPTION, "factors");
    fk_json_free(&object);
    fk_options_free(&o);
}

static void embeddings_have_the_width_asked_for(void **unused)
{
    static const fk_tap_info taps[2] = {{"layer1", 64, 56, 56}, {"layer2", 128, 28, 28}};
    static const struct {
        const char *options[4];
        int64_t dim;
    } cases[] = {{{NULL}, 100},
                 {{"dims=150", NULL}, 150},
                 {{"reduce=none", NULL}, 192},
                 {{"reduce=orthogonal", "dims=7", NULL}, 7}};
    const fk_method *m = fk_method_find("padim");

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fk_options o = options_of(m, cases[i].options);
        fk_embed_spec spec;
        fk_embed_shape shape;

        assert_ok(m->embed(&spec, &o, 2, taps, err));
        assert_ok(fk_embed_shape_of(&shape, &spec, 2, taps, 0, err));
        assert_int_equal(shape.n_levels, 1);
        assert_int_equal(shape.global_dim, 0);
        assert_int_equal(shape.levels[0].height, 56);
        assert_int_equal(shape.levels[0].dim, cases[i].dim);
        fk_embed_spec_free(&spec);
        fk_options_free(&o);
    }
}

static void options_out_of_range_are_refused(void **unused)
{
    const fk_method *m = fk_method_find("padim");
    fk_options o = options_of(m, NULL);

    (void)unused;
    assert_refused(fk_options_set(&o, "reduce", "list:", err), FLECK_E_OPTION, "--reduce");
    assert_refused(fk_options_set(&o, "factors", "f64", err), FLECK_E_OPTION, "--factors");
    assert_refused(fk_options_set(&o, "epsilon", "0", err), FLECK_E_OPTION, "--epsilon");
    assert_refused(fk_options_set(&o, "seed", "-1", err), FLECK_E_OPTION, "--seed");
    fk_options_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_equal_numpy),
        cmocka_unit_test(least_distances_of_a_neighbourhood_equal_numpy),
        cmocka_unit_test(a_shifted_part_is_as_normal_as_an_unshifted_one),
        cmocka_unit_test(maps_are_enlarged_grids),
        cmocka_unit_test(one_image_is_not_enough),
        cmocka_unit_test(leaving_one_of_two_out_is_refused),
        cmocka_unit_test(factors_in_bf16_halve_the_state_and_survive_a_file),
        cmocka_unit_test(options_of_earlier_versions_mean_what_they_did),
        cmocka_unit_test(embeddings_have_the_width_asked_for),
        cmocka_unit_test(options_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
