/* SPDX-License-Identifier: Apache-2.0 */
/* Subspace against NumPy, and the components underneath. */
#include "unit/method/fixture.h"

#include "golden/method_subspace.h"
#include "method/pca/pca.h"

enum { CELLS = SUBSPACE_HEIGHT * SUBSPACE_WIDTH };

static const fk_embed_shape SHAPE = {
    .n_levels = 1, .levels = {{SUBSPACE_HEIGHT, SUBSPACE_WIDTH, SUBSPACE_DIM, NULL, NULL}}};

/* The grid itself, so that nothing is enlarged. */
static const fk_map_size GRID = {SUBSPACE_HEIGHT, SUBSPACE_WIDTH};

static void *learn_golden(const fk_method *m, const char *variance, const char *top)
{
    const char *pairs[] = {variance, top, NULL};
    fk_options o = options_of(m, pairs);
    fk_embedding images[SUBSPACE_N];
    void *state;

    make_images(images, &SHAPE, 100, SUBSPACE_N);
    state = learn(m, &o, &SHAPE, GRID, images, 0, SUBSPACE_N, 4, NULL);
    assert_ok(m->finish(state, NULL, err));
    free_images(images, SUBSPACE_N);
    fk_options_free(&o);
    return state;
}

static void errors_and_their_top_equal_numpy(void **unused)
{
    const fk_method *m = fk_method_find("subspace");
    fk_embedding e = make_image(&SHAPE, 200);
    void *state = learn_golden(m, "variance=0.7", "top=15");
    double score;
    float *map = score_of(m, state, GRID, &e, -1, NULL, &score);

    (void)unused;
    /* Components and what is left are floats: 6e-8 of numbers below 1 against errors above 0.02. */
    for (int p = 0; p < CELLS; p++)
        assert_near(map[p], subspace_new[p], 1e-6);
    assert_near(score, subspace_top15[0], 1e-6);
    fk_free(map);
    m->free(state);
    fk_embedding_free(&e);
}

static void with_top_0_the_score_is_the_highest_error(void **unused)
{
    const fk_method *m = fk_method_find("subspace");
    fk_embedding e = make_image(&SHAPE, 200);
    void *state = learn_golden(m, "variance=0.7", "top=0");
    double score, highest = 0.0;
    float *map = score_of(m, state, GRID, &e, -1, NULL, &score);

    (void)unused;
    for (int p = 0; p < CELLS; p++)
        highest = fmax(highest, (double)map[p]);
    assert_true(score == highest);
    fk_free(map);
    m->free(state);
    fk_embedding_free(&e);
}

/* The images of learn_golden(), and the moments of their patches. */
static void learn_pca(fk_pca *p, fk_embedding images[SUBSPACE_N])
{
    make_images(images, &SHAPE, 100, SUBSPACE_N);
    assert_ok(fk_pca_init(p, SUBSPACE_DIM, err));
    for (int i = 0; i < SUBSPACE_N; i++)
        assert_ok(fk_pca_add(p, &images[i].levels[0], NULL, err));
}

static void components_are_orthonormal_and_their_variances_equal_numpy(void **unused)
{
    fk_embedding images[SUBSPACE_N];
    double *vectors, *values;
    int64_t count;
    fk_pca p;

    (void)unused;
    learn_pca(&p, images);
    assert_ok(fk_pca_components(&p, 0.7, &vectors, &values, &count, err));
    assert_int_equal(count, SUBSPACE_COUNT);
    for (int i = 0; i < SUBSPACE_COUNT; i++) {
        assert_near(values[i], subspace_values[i], 1e-14);
        for (int j = 0; j <= i; j++) {
            double product = 0.0;

            for (int k = 0; k < SUBSPACE_DIM; k++)
                product += vectors[i * SUBSPACE_DIM + k] * vectors[j * SUBSPACE_DIM + k];
            assert_near(product, i == j ? 1.0 : 0.0, 1e-14);
        }
    }
    fk_free(vectors);
    fk_free(values);
    fk_pca_free(&p);
    free_images(images, SUBSPACE_N);
}

/* |c|^2 - |V c|^2 of a patch c about the mean, in double. */
static double plain_error(const fk_pca *p, const double *vectors, int64_t count, const float *x)
{
    double error = 0.0;

    for (int k = 0; k < SUBSPACE_DIM; k++)
        error += pow((double)x[k] - p->mean[k], 2.0);
    for (int64_t i = 0; i < count; i++) {
        double inside = 0.0;

        for (int k = 0; k < SUBSPACE_DIM; k++)
            inside += vectors[i * SUBSPACE_DIM + k] * ((double)x[k] - p->mean[k]);
        error -= inside * inside;
    }
    return error;
}

/* Of 9 components, 3 and then 6 are the first: scores are by these, and then by the 3 others. */
static void few_components_and_many_give_the_plain_errors(void **unused)
{
    const fk_method *m = fk_method_find("subspace");
    fk_embedding images[SUBSPACE_N], e = make_image(&SHAPE, 200);
    const char *text[] = {"variance=0.3", "variance=0.7"};
    double variance[] = {0.3, 0.7};
    int64_t counts[] = {3, 6};
    fk_pca p;

    (void)unused;
    learn_pca(&p, images);
    for (int k = 0; k < 2; k++) {
        void *state = learn_golden(m, text[k], "top=0");
        double *vectors, *values, score;
        float *map = score_of(m, state, GRID, &e, -1, NULL, &score);
        int64_t count;

        assert_ok(fk_pca_components(&p, variance[k], &vectors, &values, &count, err));
        assert_int_equal(count, counts[k]);
        for (int i = 0; i < CELLS; i++)
            assert_near(map[i],
                        plain_error(&p, vectors, count, e.levels[0].data + i * SUBSPACE_DIM), 1e-6);
        fk_free(vectors);
        fk_free(values);
        fk_free(map);
        m->free(state);
    }
    fk_pca_free(&p);
    free_images(images, SUBSPACE_N);
    fk_embedding_free(&e);
}

/* The same patches once flagged out and once not there at all. */
static void patches_that_are_left_out_are_not_learned(void **unused)
{
    fk_level whole = {SUBSPACE_HEIGHT, SUBSPACE_WIDTH, SUBSPACE_DIM, NULL, NULL}, half = whole;
    float data[CELLS * SUBSPACE_DIM];
    uint8_t valid[CELLS];
    fk_pca a, b;

    (void)unused;
    fill(data, 7, CELLS * SUBSPACE_DIM);
    for (int p = 0; p < CELLS; p++)
        valid[p] = p < SUBSPACE_WIDTH * 2;
    whole.data = half.data = data;
    whole.valid = valid;
    half.height = 2;
    assert_ok(fk_pca_init(&a, SUBSPACE_DIM, err));
    assert_ok(fk_pca_init(&b, SUBSPACE_DIM, err));
    assert_ok(fk_pca_add(&a, &whole, NULL, err));
    assert_ok(fk_pca_add(&b, &half, NULL, err));
    assert_int_equal(a.n, SUBSPACE_WIDTH * 2);
    assert_memory_equal(a.mean, b.mean, sizeof(double) * SUBSPACE_DIM);
    assert_memory_equal(a.moment, b.moment, sizeof(double) * SUBSPACE_DIM * SUBSPACE_DIM);
    for (int p = 0; p < CELLS; p++)
        valid[p] = 0;
    assert_ok(fk_pca_add(&a, &whole, NULL, err));
    assert_int_equal(a.n, SUBSPACE_WIDTH * 2);
    fk_pca_free(&a);
    fk_pca_free(&b);
}

/* Sums of x and x x' would have lost everything here: 1e6 squared has no room for 1e-6. */
static void features_far_from_zero_keep_their_variance(void **unused)
{
    float data[8] = {1e6f, 3.0f, 1e6f + 0.5f, 3.0f, 1e6f, 5.0f, 1e6f + 0.5f, 5.0f};
    fk_level level = {2, 2, 2, data, NULL};
    double *vectors, *values;
    int64_t count;
    fk_pca p;

    (void)unused;
    assert_ok(fk_pca_init(&p, 2, err));
    assert_ok(fk_pca_add(&p, &level, NULL, err));
    assert_ok(fk_pca_add(&p, &level, NULL, err));
    assert_ok(fk_pca_components(&p, 1.0, &vectors, &values, &count, err));
    assert_int_equal(count, 2);
    assert_near(values[0], 8.0 / 7.0, 1e-14);
    assert_near(values[1], 0.5 / 7.0, 1e-14);
    assert_near(vectors[1], 1.0, 1e-14);
    fk_free(vectors);
    fk_free(values);
    fk_pca_free(&p);
}

static void equal_patches_are_refused(void **unused)
{
    const fk_method *m = fk_method_find("subspace");
    fk_options o = options_of(m, NULL);
    fk_embedding e = make_image(&SHAPE, 1);
    const fk_embedding *one = &e;
    void *state = NULL;

    (void)unused;
    assert_ok(m->begin(&state, &o, &SHAPE, GRID, err));
    assert_refused(m->finish(state, NULL, err), FLECK_E_STATE, "at least 2 patches, got 0");
    for (int k = 0; k < CELLS * SUBSPACE_DIM; k++)
        e.levels[0].data[k] = 0.25f;
    assert_ok(m->add(state, &one, 1, NULL, err));
    assert_refused(m->finish(state, NULL, err), FLECK_E_STATE, "all patches are equal");
    m->free(state);
    fk_embedding_free(&e);
    fk_options_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_and_their_top_equal_numpy),
        cmocka_unit_test(with_top_0_the_score_is_the_highest_error),
        cmocka_unit_test(components_are_orthonormal_and_their_variances_equal_numpy),
        cmocka_unit_test(few_components_and_many_give_the_plain_errors),
        cmocka_unit_test(patches_that_are_left_out_are_not_learned),
        cmocka_unit_test(features_far_from_zero_keep_their_variance),
        cmocka_unit_test(equal_patches_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
