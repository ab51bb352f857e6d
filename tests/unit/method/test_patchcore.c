/* SPDX-License-Identifier: Apache-2.0 */
/* PatchCore against NumPy, and its own options. */
#include "unit/method/fixture.h"

#include "golden/method_patchcore.h"
#include "linalg/linalg.h"
#include "method/patchcore/patchcore.h"

enum { P = CORE_HEIGHT * CORE_WIDTH };

static const fk_embed_shape SHAPE = {.n_levels = 1,
                                     .levels = {{CORE_HEIGHT, CORE_WIDTH, CORE_DIM, NULL}}};

/* The grid itself, so that nothing is enlarged. */
static const fk_map_size GRID = {CORE_HEIGHT, CORE_WIDTH};

/* A finished state of n images from number 100 on. */
static void *learned(const char *const *options, int n, int block)
{
    const fk_method *m = fk_method_find("patchcore");
    fk_options o = options_of(m, options);
    fk_embedding images[32];
    void *state;

    make_images(images, &SHAPE, 100, n);
    state = learn(m, &o, &SHAPE, GRID, images, 0, n, block, NULL);
    assert_ok(m->finish(state, NULL, err));
    free_images(images, n);
    fk_options_free(&o);
    return state;
}

static void check(const char *reweight, uint64_t image, int64_t exclude, const double *want,
                  double want_score)
{
    /* 14 of 72 patches. */
    const char *const options[] = {"coreset=0.195", "min-bank=0", "projection=0",
                                   "seed=3",        reweight,     NULL};
    const fk_method *m = fk_method_find("patchcore");
    void *state = learned(options, CORE_N, 4);
    fk_embedding e = make_image(&SHAPE, image);
    double score = 0.0;
    float *map = score_of(m, state, GRID, &e, exclude, NULL, &score);

    assert_int_equal(((fk_patchcore *)state)->bank.n, CORE_KEEP);
    for (int p = 0; p < P; p++)
        assert_near(map[p], want[p], 2e-7 * want[p]); /* one rounding to float, sums in float */
    assert_near(score, want_score, 1e-6 * want_score);
    fk_free(map);
    fk_embedding_free(&e);
    m->free(state);
}

static void distances_and_scores_equal_numpy(void **unused)
{
    (void)unused;
    check("reweight=0", 200, -1, core_new, core_new_scores[0]);
    check("reweight=5", 200, -1, core_new, core_new_scores[1]);
    check("reweight=0", 101, 1, core_left_out, core_left_out_scores[0]);
    check("reweight=5", 101, 1, core_left_out, core_left_out_scores[1]);
}

static void a_whole_coreset_keeps_all_patches_in_order(void **unused)
{
    const char *const options[] = {"coreset=1", NULL};
    const fk_method *m = fk_method_find("patchcore");
    fk_patchcore *s = learned(options, 5, 2);

    (void)unused;
    assert_int_equal(s->bank.n, 5 * P);
    for (int i = 0; i < 5; i++) {
        fk_embedding e = make_image(&SHAPE, 100 + (uint64_t)i);
        double score = -1.0;
        float *map = score_of(m, s, GRID, &e, -1, NULL, &score);

        assert_memory_equal(s->bank.rows + (ptrdiff_t)i * P * CORE_DIM, e.levels[0].data,
                            (size_t)P * CORE_DIM * sizeof(float));
        assert_int_equal(s->bank.images[i * P], i);
        assert_true(score == 0.0); /* it was learned */
        fk_free(map);
        map = score_of(m, s, GRID, &e, i, NULL, &score);
        assert_true(score > 0.1); /* and is left out here */
        fk_free(map);
        fk_embedding_free(&e);
    }
    m->free(s);
}

/* With a block of 2 images in place of the usual many, so that blocks are reduced and merged; after
 * the state was told of so many images, 0 for nothing. */
static fk_patchcore *told(int expected, int n, int block, int call)
{
    const char *const options[] = {"coreset=0.1", "min-bank=0", "projection=0", NULL};
    const fk_method *m = fk_method_find("patchcore");
    fk_options o = options_of(m, options);
    fk_embedding images[32];
    void *state = NULL;

    make_images(images, &SHAPE, 100, n);
    assert_ok(m->begin(&state, &o, &SHAPE, GRID, err));
    ((fk_patchcore *)state)->block = block;
    ((fk_patchcore *)state)->expected = expected;
    for (int i = 0; i < n; i += call) {
        const fk_embedding *some[32];
        int count = 0;

        for (; count < call && i + count < n; count++)
            some[count] = &images[i + count];
        assert_ok(m->add(state, some, count, NULL, err));
    }
    free_images(images, n);
    fk_options_free(&o);
    return state;
}

static fk_patchcore *in_blocks(int n, int block, int call)
{
    return told(0, n, block, call);
}

/* 5 images in a block of 7: told of fewer, of as many, of more than a block holds. */
static void memory_follows_what_is_expected_and_the_bank_does_not(void **unused)
{
    static const int expected[] = {2, 5, 9}, reserved[] = {7, 5, 7};
    const fk_method *m = fk_method_find("patchcore");
    fk_patchcore *plain = in_blocks(5, 7, 5);

    (void)unused;
    assert_int_equal(plain->reserved, 7);
    assert_ok(m->finish(plain, NULL, err));
    for (int i = 0; i < 3; i++) {
        fk_patchcore *s = told(expected[i], 3, 7, 1), *rest = in_blocks(2, 7, 1);

        assert_int_equal(s->reserved, i == 0 ? 7 : reserved[i]);
        assert_ok(m->merge(s, rest, err));
        m->free(s);
        m->free(rest);
        s = told(expected[i], 5, 7, 1);
        assert_int_equal(s->reserved, reserved[i]);
        assert_ok(m->finish(s, NULL, err));
        assert_int_equal(s->bank.n, plain->bank.n);
        assert_memory_equal(s->bank.rows, plain->bank.rows,
                            (size_t)(s->bank.n * CORE_DIM) * sizeof(float));
        m->free(s);
    }
    m->free(plain);
}

static void blocks_are_reduced_to_the_banks_share(void **unused)
{
    const fk_method *m = fk_method_find("patchcore");
    fk_patchcore *s = in_blocks(9, 2, 3), *other = in_blocks(9, 2, 1);

    (void)unused;
    assert_int_equal(s->n_chunks, 4); /* the ninth image waits */
    for (int i = 0; i < 4; i++)
        assert_int_equal(s->chunks[i].n, 2); /* 0.1 of 24 */
    assert_int_equal(s->n_pending, 1);
    assert_ok(m->finish(s, NULL, err));
    assert_ok(m->finish(other, NULL, err));
    assert_int_equal(s->bank.n, 10); /* 0.1 of 108 */
    assert_memory_equal(s->bank.rows, other->bank.rows,
                        (size_t)(s->bank.n * CORE_DIM) * sizeof(float));
    assert_memory_equal(s->bank.images, other->bank.images, (size_t)s->bank.n * sizeof(int64_t));
    m->free(s);
    m->free(other);
}

/* Each of the bank's patches is one of the image it says. */
static void check_owners(const fk_patchcore *s, int n)
{
    for (int64_t i = 0; i < s->bank.n; i++) {
        fk_embedding e = make_image(&SHAPE, 100 + (uint64_t)(s->bank.images[i] % n));
        bool found = false;

        for (int64_t p = 0; p < P; p++)
            found = found || fk_linalg_distance2(e.levels[0].data + p * CORE_DIM,
                                                 s->bank.rows + i * CORE_DIM, CORE_DIM) == 0.0;
        assert_true(found);
        fk_embedding_free(&e);
    }
}

static void merged_states_know_their_images(void **unused)
{
    const fk_method *m = fk_method_find("patchcore");

    (void)unused;
    for (int finished = 0; finished < 2; finished++) {
        fk_patchcore *a = in_blocks(7, 2, 7), *b = in_blocks(7, 2, 7);

        if (finished) {
            assert_ok(m->finish(a, NULL, err));
            assert_ok(m->finish(b, NULL, err));
        }
        assert_ok(m->merge(a, b, err));
        assert_int_equal(m->count(a), 14);
        assert_int_equal(m->count(b), 0);
        assert_int_equal(a->seen, 14 * P);
        assert_ok(m->finish(a, NULL, err));
        assert_int_equal(a->bank.n, 16); /* 0.1 of 168 */
        check_owners(a, 7);
        m->free(a);
        m->free(b);
    }
}

static void masked_places_are_neither_learned_nor_scored(void **unused)
{
    const char *const pairs[] = {"coreset=1", NULL};
    const fk_method *m = fk_method_find("patchcore");
    fk_options o = options_of(m, pairs);
    fk_embedding e = make_image(&SHAPE, 100);
    const fk_embedding *one = &e;
    double score = -1.0;
    float *map;
    void *state = NULL;

    (void)unused;
    assert_ok(FK_CALLOC(&e.levels[0].valid, P, err));
    assert_ok(m->begin(&state, &o, &SHAPE, GRID, err));
    assert_ok(m->add(state, &one, 1, NULL, err));
    assert_refused(m->finish(state, NULL, err), FLECK_E_STATE, "a place that is not masked");
    e.levels[0].valid[4] = 1;
    assert_ok(m->add(state, &one, 1, NULL, err));
    assert_ok(m->finish(state, NULL, err));
    assert_int_equal(((fk_patchcore *)state)->bank.n, 1);
    map = score_of(m, state, GRID, &e, -1, NULL, &score);
    assert_true(score == 0.0); /* the only place that counts was learned */
    assert_true(map[0] > 0.0f);
    fk_free(map);
    fk_embedding_free(&e);
    m->free(state);
    fk_options_free(&o);
}

/* Eight images: 2 and 3 are twins, and there are two sessions of four.  One place of image 5 is
 * masked. */
enum { LEARNED = 8, SESSION = 4 };
static const int32_t TWIN[LEARNED] = {0, 1, 2, 2, 3, 4, 5, 6};
static const int32_t DAY[LEARNED] = {0, 0, 0, 0, 1, 1, 1, 1};
static const int32_t RANK[LEARNED] = {0, 1, 2, 3, 4, 5, 6, 7};

static fk_patchcore *learned_in_parts(const fk_method *m, const char *reweight,
                                      fk_embedding *images)
{
    const char *const pairs[] = {"coreset=0.3", "min-bank=0", reweight, NULL};
    fk_options o = options_of(m, pairs);
    fk_parts parts = {.images = LEARNED, .count = {7, 2}, .part = {TWIN, DAY}};
    void *state = learn(m, &o, &SHAPE, GRID, images, 0, LEARNED, 4, NULL);

    m->part(state, &parts);
    assert_ok(m->finish(state, NULL, err));
    fk_options_free(&o);
    return state;
}

static void scores_of_learned_images_are_the_searchs(void **unused)
{
    const fk_method *m = fk_method_find("patchcore");
    fk_embedding images[LEARNED];

    (void)unused;
    make_images(images, &SHAPE, 100, LEARNED);
    assert_ok(FK_ALLOC(&images[5].levels[0].valid, P, err));
    for (int p = 0; p < P; p++)
        images[5].levels[0].valid[p] = p != 4;
    for (int trial = 0; trial < 4 * LEARNED; trial++) {
        int i = trial / 4;
        bool fold = trial % 2 == 1, weighs = trial / 2 % 2 == 1;
        fk_patchcore *s = learned_in_parts(m, weighs ? "reweight=3" : "reweight=0", images);
        fk_span span = {.rank = RANK, .at = i, .first = i, .count = 1, .fold = fold};
        float found[P], kept[P];
        double score[2];
        char *scratch = NULL;

        if (fold || i == 2 || i == 3) {
            span.first = fold ? i / SESSION * SESSION : 2;
            span.count = fold ? SESSION : 2;
        }
        assert_ok(FK_ALLOC(&scratch, (int64_t)m->scratch_size(s), err));
        assert_false(fk_refill_near(&s->refill, span, kept, P));
        assert_ok(m->score(s, &images[i], span, scratch, NULL, found, &score[0], err));
        span.learned = true;
        assert_true(fk_refill_near(&s->refill, span, kept, P) == (i != 5)); /* part was learned */
        assert_false(fk_refill_near(&s->refill, FK_NONE, kept, P));
        assert_ok(m->score(s, &images[i], span, scratch, NULL, kept, &score[1], err));
        assert_memory_equal(found, kept, sizeof found);
        assert_true(score[0] == score[1]);
        fk_free(scratch);
        m->free(s);
    }
    free_images(images, LEARNED);
}

static void leaving_the_only_image_out_is_refused(void **unused)
{
    const fk_method *m = fk_method_find("patchcore");
    void *state = learned(NULL, 1, 1);
    fk_embedding e = make_image(&SHAPE, 100);
    char *scratch = NULL;
    float map[P];
    double score;

    (void)unused;
    assert_ok(FK_ALLOC(&scratch, (int64_t)m->scratch_size(state), err));
    assert_refused(
        m->score(state, &e, ((fk_span){.first = 0, .count = 1}), scratch, NULL, map, &score, err),
        FLECK_E_STATE, "leaving one image out needs another");
    fk_free(scratch);
    fk_embedding_free(&e);
    m->free(state);
}

/* 9 images in blocks of 2 with 12 patches of CORE_DIM numbers each: a full block waits (24), four
 * blocks have left 2 patches each, and the bank of 10 is chosen from those 8 and the last image's
 * 12. */
static void a_limit_below_what_learning_takes_is_refused(void **unused)
{
    const fk_method *m = fk_method_find("patchcore");
    fk_patchcore *s = in_blocks(0, 2, 1);
    int64_t row = CORE_DIM * 4 + 8, least, kept = (24 + 4 * 2) * row;
    fk_memory memory = {.bytes = 0, .images = 9, .threads = 2};

    (void)unused;
    assert_int_equal(P, 12);
    assert_ok(m->limit(s, &memory, &least, err));
    assert_true(least > kept + 20 * CORE_DIM * 4);              /* points of the choice */
    assert_true(least < kept + 20 * CORE_DIM * 4 + (80 << 10)); /* a tile of products is 64 KiB */
    memory.bytes = least;
    assert_ok(m->limit(s, &memory, &least, err));
    memory.bytes = least - 1;
    assert_refused(m->limit(s, &memory, &least, err), FLECK_E_LIMIT, "the bank of 9 images take");
    m->free(s);
}

static void options_out_of_range_are_refused(void **unused)
{
    const fk_method *m = fk_method_find("patchcore");
    fk_options o = options_of(m, (const char *const[]){"patch=2", NULL});
    fk_embed_spec spec;

    (void)unused;
    assert_refused(fk_options_set(&o, "coreset", "0", err), FLECK_E_OPTION, "--coreset");
    assert_refused(fk_options_set(&o, "coreset", "1.5", err), FLECK_E_OPTION, "--coreset");
    assert_refused(m->embed(&spec, &o, 1, NULL, err), FLECK_E_OPTION, "--patch");
    fk_options_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_and_scores_equal_numpy),
        cmocka_unit_test(a_whole_coreset_keeps_all_patches_in_order),
        cmocka_unit_test(memory_follows_what_is_expected_and_the_bank_does_not),
        cmocka_unit_test(blocks_are_reduced_to_the_banks_share),
        cmocka_unit_test(merged_states_know_their_images),
        cmocka_unit_test(masked_places_are_neither_learned_nor_scored),
        cmocka_unit_test(scores_of_learned_images_are_the_searchs),
        cmocka_unit_test(leaving_the_only_image_out_is_refused),
        cmocka_unit_test(a_limit_below_what_learning_takes_is_refused),
        cmocka_unit_test(options_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
