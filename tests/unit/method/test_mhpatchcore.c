/* MH-PatchCore against NumPy, its sample, and what leaving an image out means. */
#include "unit/method/fixture.h"

#include "golden/method_mhpatchcore.h"
#include "method/reservoir.h"

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
    void *state = learn_golden(m, "bank=17", neighbours);
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

static void check_same(const fk_reservoir *a, const fk_reservoir *b)
{
    assert_int_equal(a->n, b->n);
    for (int64_t i = 0; i < a->n; i++) {
        assert_int_equal(a->heap[i].image, b->heap[i].image);
        assert_int_equal(a->heap[i].position, b->heap[i].position);
    }
    assert_memory_equal(a->data, b->data, (size_t)(a->n * a->dim) * sizeof(float));
}

/* 6 images of 20 patches, two of the images equal, into room for 33. */
static void samples_that_merge_equal_the_sample_of_everything(void **unused)
{
    fk_embedding images[MH_N];
    fk_reservoir all, first, second;

    (void)unused;
    make_images(images, &SHAPE, 100, MH_N);
    fk_embedding_free(&images[4]);
    images[4] = make_image(&SHAPE, 101);
    fk_reservoir_init(&all, MH_DIM, 33);
    first = second = all;
    for (int i = 0; i < MH_N; i++) {
        assert_ok(fk_reservoir_add(&all, &images[i].levels[0], i, err));
        assert_ok(fk_reservoir_add(i < 3 ? &first : &second, &images[i].levels[0],
                                   i < 3 ? i : i - 3, err));
    }
    assert_ok(fk_reservoir_merge(&first, &second, 3, err));
    assert_int_equal(second.n, 0);
    assert_ok(fk_reservoir_sort(&all, err));
    assert_ok(fk_reservoir_sort(&first, err));
    assert_int_equal(all.n, 33);
    check_same(&all, &first);
    for (int64_t i = 0; i < all.n; i++)
        assert_memory_equal(all.data + i * MH_DIM,
                            images[all.heap[i].image].levels[0].data +
                                all.heap[i].position * MH_DIM,
                            MH_DIM * sizeof(float));
    fk_reservoir_free(&all);
    fk_reservoir_free(&first);
    free_images(images, MH_N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_and_the_weighted_score_equal_numpy),
        cmocka_unit_test(without_neighbours_the_score_is_the_largest_distance),
        cmocka_unit_test(a_learned_image_is_far_only_when_left_out),
        cmocka_unit_test(samples_that_merge_equal_the_sample_of_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
