/* SPDX-License-Identifier: Apache-2.0 */
/* MH-PatchCore against NumPy, and what leaving an image out means. */
#include "unit/method/fixture.h"

#include "golden/method_mhpatchcore.h"

enum { CELLS = MH_HEIGHT * MH_WIDTH };

static const fk_embed_shape SHAPE = {.n_levels = 1,
                                     .levels = {{MH_HEIGHT, MH_WIDTH, MH_DIM, NULL, NULL}}};
static const fk_map_size GRID = {MH_HEIGHT, MH_WIDTH};

static void *learn_golden(const fk_method *m, const char *bank, const char *neighbours)
{
    const char *pairs[] = {"variance=0.7", bank, neighbours, NULL};
    fk_options o = options_of(m, pairs);
    fk_embedding images[MH_N];
    void *state;

    make_images(images, &SHAPE, 100, MH_N);
    state = learn(m, &o, &SHAPE, GRID, images, 0, MH_N, 4, NULL);
    assert_ok(finish_and_prepare(m, state, NULL, err));
    free_images(images, MH_N);
    fk_options_free(&o);
    return state;
}

static void check_score(const char *neighbours, double want)
{
    const fk_method *m = fk_method_find("mhpatchcore");
    fk_embedding e = make_image(&SHAPE, 200);
    void *state = learn_golden(m, "bank=1000", neighbours);
    double score;
    float *map = score_of(m, state, GRID, &e, -1, NULL, &score);

    /* Whitened numbers are floats: 6e-8 of sizes up to 3, against distances above 0.5. */
    for (int p = 0; p < CELLS; p++)
        assert_near(map[p], mh_new[p], 2e-6 * mh_new[p]);
    assert_near(score, want, 4e-6 * want);
    fk_free(map);
    m->free(state);
    fk_embedding_free(&e);
}

static void distances_and_the_weighted_score_equal_numpy(void **unused)
{
    (void)unused;
    check_score("neighbours=4", mh_weighted[0]);
}

static void without_neighbours_the_score_is_the_largest_distance(void **unused)
{
    (void)unused;
    check_score("neighbours=0", mh_largest[0]);
}

static void a_learned_image_is_far_only_when_left_out(void **unused)
{
    const fk_method *m = fk_method_find("mhpatchcore");
    fk_embedding e = make_image(&SHAPE, 101);
    void *state = learn_golden(m, "bank=1000", "neighbours=9");
    float *known = score_of(m, state, GRID, &e, -1, NULL, NULL);
    float *left_out = score_of(m, state, GRID, &e, 1, NULL, NULL);

    (void)unused;
    for (int p = 0; p < CELLS; p++) {
        assert_true(known[p] < 1e-6f);
        assert_true(left_out[p] > 0.1f);
    }
    fk_free(known);
    fk_free(left_out);
    m->free(state);
    fk_embedding_free(&e);
}

/* Components of equal patches do not exist: until others come they are chosen as they are. */
static void first_images_of_one_colour_are_no_trouble(void **unused)
{
    const fk_method *m = fk_method_find("mhpatchcore");
    fk_options o = options_of(m, (const char *[]){"variance=0.7", "bank=17", NULL});
    fk_embedding images[MH_N], query = make_image(&SHAPE, 200);
    double score;
    float *map;
    void *state;

    (void)unused;
    make_images(images, &SHAPE, 100, MH_N);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < CELLS * MH_DIM; k++)
            images[i].levels[0].data[k] = 2.0f;
    state = learn(m, &o, &SHAPE, GRID, images, 0, MH_N, 4, NULL);
    assert_ok(m->finish(state, NULL, err));
    map = score_of(m, state, GRID, &query, -1, NULL, &score);
    for (int p = 0; p < CELLS; p++)
        assert_true(map[p] >= 0.0f && map[p] < 100.0f);
    fk_free(map);
    map = score_of(m, state, GRID, &images[0], -1, NULL, &score);
    assert_true(map[0] < 1e-6f); /* apart from all others, so that the bank has one */
    fk_free(map);
    m->free(state);
    free_images(images, MH_N);
    fk_embedding_free(&query);
    fk_options_free(&o);
}

/* A bank that overflows in both states and once more when they join. */
static void a_merged_bank_is_bounded_and_knows_its_images(void **unused)
{
    const fk_method *m = fk_method_find("mhpatchcore");
    fk_options o = options_of(m, (const char *[]){"variance=0.7", "bank=17", NULL});
    fk_embedding images[MH_N];
    void *first, *second;
    float *map;

    (void)unused;
    make_images(images, &SHAPE, 100, MH_N);
    first = learn(m, &o, &SHAPE, GRID, images, 0, MH_N / 2, 4, NULL);
    second = learn(m, &o, &SHAPE, GRID, images, MH_N / 2, MH_N, 4, NULL);
    assert_ok(m->merge(first, second, err));
    assert_int_equal(m->count(first), MH_N);
    assert_int_equal(m->count(second), 0);
    assert_ok(finish_and_prepare(m, first, NULL, err));
    for (int i = 0; i < MH_N; i++) {
        int in_bank = 0;

        map = score_of(m, first, GRID, &images[i], -1, NULL, NULL);
        for (int p = 0; p < CELLS; p++)
            in_bank += map[p] < 1e-6f;
        fk_free(map);
        assert_true(in_bank <= 17);
        map = score_of(m, first, GRID, &images[i], i, NULL, NULL);
        for (int p = 0; p < CELLS; p++)
            assert_true(map[p] > 0.1f);
        fk_free(map);
    }
    m->free(first);
    m->free(second);
    free_images(images, MH_N);
    fk_options_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_and_the_weighted_score_equal_numpy),
        cmocka_unit_test(without_neighbours_the_score_is_the_largest_distance),
        cmocka_unit_test(a_learned_image_is_far_only_when_left_out),
        cmocka_unit_test(first_images_of_one_colour_are_no_trouble),
        cmocka_unit_test(a_merged_bank_is_bounded_and_knows_its_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
