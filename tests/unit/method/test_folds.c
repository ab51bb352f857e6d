/* SPDX-License-Identifier: Apache-2.0 */
/* Scores that leave out an image's fold, against a fit that never saw the fold. */
#include "unit/method/fixture.h"

#include "method/pca/folds.h"

enum { HEIGHT = 4, WIDTH = 5, DIM = 7, CELLS = HEIGHT * WIDTH, MOST = 20, METHODS = 1 };

static const fk_embed_shape SHAPE = {.n_levels = 1, .levels = {{HEIGHT, WIDTH, DIM, NULL, NULL}}};
static const fk_map_size GRID = {HEIGHT, WIDTH};

static const struct {
    const char *name, *options[4];
} CASES[METHODS] = {
    {"subspace", {"variance=0.7", "top=15", NULL}},
};

/* n images of a method, and which of them is of which fold: consecutive ones, or dealt out. */
typedef struct setting {
    const fk_method *method;
    fk_options options;
    fk_embedding images[MOST];
    int n;
    bool dealt;
    fk_pool *pool; /* three threads */
} setting;

static void set_up(setting *s, int which, int n, bool dealt)
{
    *s = (setting){.method = fk_method_find(CASES[which].name), .n = n, .dealt = dealt};
    s->options = options_of(s->method, CASES[which].options);
    make_images(s->images, &SHAPE, 400, n);
    for (int i = 0; i < n; i++) /* folds that differ in mean, for what depends on it */
        for (int k = 0; k < CELLS * DIM; k++)
            s->images[i].levels[0].data[k] += 0.02f * (float)i;
    assert_ok(fk_pool_open(&s->pool, 3, err));
}

static void tear_down(setting *s)
{
    fk_pool_close(&s->pool);
    free_images(s->images, s->n);
    fk_options_free(&s->options);
}

static int fold_of(const setting *s, int i)
{
    return s->dealt ? i % FK_FOLDS : i * FK_FOLDS / s->n;
}

/* Learns images begin .. end - 1 but those of fold `without` (-1: all). */
static void *learn_some(const setting *s, int begin, int end, int without)
{
    void *state = NULL;

    assert_ok(s->method->begin(&state, &s->options, &SHAPE, GRID, err));
    for (int i = begin; i < end; i++) {
        const fk_embedding *one = &s->images[i];

        if (!s->dealt)
            s->method->fold(state, fold_of(s, i), fold_of(s, i));
        if (fold_of(s, i) != without)
            assert_ok(s->method->add(state, &one, 1, NULL, err));
    }
    return state;
}

static void *learn_all(const setting *s)
{
    void *state = learn_some(s, 0, s->n, -1);

    assert_ok(finish_and_prepare(s->method, state, NULL, err));
    return state;
}

/* Maps and scores: a part is rounded to float, and so are components: 6e-8 of numbers of size 1,
 * against scores above 0.05. */
static void check_near(const float *got, const float *want, double score, double wanted,
                       const fk_embedding *e)
{
    for (int p = 0; p < CELLS; p++)
        if (e->levels[0].valid == NULL || e->levels[0].valid[p] != 0)
            assert_near(got[p], want[p], 1e-5 * ((double)want[p] + 0.05));
    assert_near(score, wanted, 1e-5 * (wanted + 0.05));
}

/* What state says of each image when it leaves it out is what a fit without its fold says of it. */
static void check_held_out(const setting *s, const void *state)
{
    for (int i = 0; i < s->n; i++) {
        void *other = learn_some(s, 0, s->n, fold_of(s, i));
        double score, wanted;
        float *got, *want;

        assert_ok(s->method->finish(other, NULL, err));
        got = score_of(s->method, state, GRID, &s->images[i], i, NULL, &score);
        want = score_of(s->method, other, GRID, &s->images[i], -1, NULL, &wanted);
        check_near(got, want, score, wanted, &s->images[i]);
        fk_free(got);
        fk_free(want);
        s->method->free(other);
    }
}

static void check_case(int n, bool dealt)
{
    for (int which = 0; which < METHODS; which++) {
        setting s;
        void *state;

        set_up(&s, which, n, dealt);
        state = learn_all(&s);
        check_held_out(&s, state);
        s.method->free(state);
        tear_down(&s);
    }
}

static void a_left_out_image_scores_as_if_its_fold_had_not_been_learned(void **unused)
{
    (void)unused;
    check_case(MOST, false);
}

static void images_of_no_told_fold_are_dealt_out(void **unused)
{
    (void)unused;
    check_case(MOST, true);
}

static void of_fewer_images_than_folds_each_is_its_own(void **unused)
{
    (void)unused;
    check_case(3, false);
    check_case(3, true);
    check_case(7, false);
}

static void positions_that_masks_leave_out_have_no_part_in_a_fold(void **unused)
{
    uint8_t flags[3][CELLS];

    (void)unused;
    for (int p = 0; p < CELLS; p++) {
        flags[0][p] = p % 3 != 0;
        flags[1][p] = 0;
        flags[2][p] = p > 4;
    }
    for (int which = 0; which < METHODS; which++) {
        setting s;
        void *state;

        set_up(&s, which, MOST, false);
        for (int i = 0; i < 5; i++) { /* a fold with a hidden image, and one of nothing but such */
            uint8_t **valid = &s.images[i].levels[0].valid;

            assert_ok(FK_ALLOC(valid, CELLS, err));
            memcpy(*valid, flags[i < 2 ? i : i < 3 ? 2 : 1], CELLS);
        }
        state = learn_all(&s);
        check_held_out(&s, state);
        s.method->free(state);
        tear_down(&s);
    }
}

static void states_that_merge_keep_their_folds(void **unused)
{
    (void)unused;
    for (int which = 0; which < METHODS; which++)
        for (int cut = 0; cut <= MOST; cut += 4) { /* also within a fold, and with nothing */
            setting s;
            void *first, *second;

            set_up(&s, which, MOST, false);
            first = learn_some(&s, 0, cut, -1);
            second = learn_some(&s, cut, MOST, -1);
            assert_ok(s.method->merge(first, second, err));
            assert_ok(finish_and_prepare(s.method, first, s.pool, err));
            check_held_out(&s, first);
            s.method->free(first);
            s.method->free(second);
            tear_down(&s);
        }
}

static void check_same_bytes(const setting *s, const void *a, const void *b, int64_t exclude)
{
    double first, second;
    float *one = score_of(s->method, a, GRID, &s->images[2], exclude, NULL, &first);
    float *three = score_of(s->method, b, GRID, &s->images[2], exclude, s->pool, &second);

    assert_memory_equal(one, three, CELLS * sizeof(float));
    assert_true(first == second);
    fk_free(one);
    fk_free(three);
}

static void neither_threads_nor_memory_change_a_bit_of_held_out_scores(void **unused)
{
    (void)unused;
    for (int which = 0; which < METHODS; which++) {
        setting s;
        fk_memory memory = {.images = MOST, .threads = 3};
        int64_t least = 0;
        void *one, *three;

        set_up(&s, which, MOST, false);
        one = learn_all(&s);
        three = learn_some(&s, 0, MOST, -1);
        assert_ok(s.method->limit(three, &memory, &least, err));
        memory.bytes = least; /* one fold at a time */
        assert_ok(s.method->limit(three, &memory, &least, err));
        assert_int_equal(least, memory.bytes);
        memory.bytes = least - 1;
        assert_refused(s.method->limit(three, &memory, &least, err), FLECK_E_LIMIT, "are allowed");
        assert_ok(finish_and_prepare(s.method, three, s.pool, err));
        check_same_bytes(&s, one, three, 2);
        s.method->free(three);
        three = learn_some(&s, 0, MOST, -1);
        assert_ok(finish_and_prepare(s.method, three, s.pool, err));
        check_same_bytes(&s, one, three, 2);
        s.method->free(one);
        s.method->free(three);
        tear_down(&s);
    }
}

static void folds_and_preparing_change_no_bit_of_other_scores(void **unused)
{
    (void)unused;
    for (int which = 0; which < METHODS; which++) {
        setting s;
        void *prepared, *plain;

        set_up(&s, which, MOST, false);
        prepared = learn_all(&s);
        s.dealt = true;
        plain = learn_some(&s, 0, MOST, -1);
        assert_ok(s.method->finish(plain, NULL, err));
        check_same_bytes(&s, prepared, plain, -1);
        s.method->free(prepared);
        s.method->free(plain);
        tear_down(&s);
    }
}

static void refuse_to_exclude(const setting *s, const void *state, int64_t image)
{
    char *scratch = NULL;
    float map[CELLS];

    assert_ok(FK_ALLOC(&scratch, (int64_t)s->method->scratch_size(state), err));
    assert_refused(s->method->score(state, &s->images[0], (fk_span){.first = image, .count = 1},
                                    scratch, NULL, map, NULL, err),
                   FLECK_E_STATE, "can be left out");
    fk_free(scratch);
}

/* Refused: not prepared, prepared and then more learned, loaded.  What a loaded state learns on can
 * be left out. */
static void leaving_out_needs_a_state_that_was_prepared(void **unused)
{
    (void)unused;
    for (int which = 0; which < METHODS; which++) {
        setting s;
        void *state, *loaded = NULL;
        const fk_embedding *more[2];
        fk_st_reader *r = NULL;
        fk_json *meta = NULL;
        float *known, *left_out;

        set_up(&s, which, MOST, true);
        more[0] = &s.images[MOST - 2];
        more[1] = &s.images[MOST - 1];
        state = learn_some(&s, 0, MOST - 2, -1);
        assert_refused(s.method->prepare_exclude(state, NULL, err), FLECK_E_STATE, "finish");
        assert_ok(s.method->finish(state, NULL, err));
        refuse_to_exclude(&s, state, 0);
        assert_ok(s.method->prepare_exclude(state, NULL, err));
        refuse_to_exclude(&s, state, MOST - 2);
        assert_ok(s.method->add(state, more, 1, NULL, err));
        assert_ok(s.method->finish(state, NULL, err));
        refuse_to_exclude(&s, state, 0);

        assert_ok(fk_st_open(&r, save_state(s.method, state, &meta), err));
        assert_ok(s.method->load(&loaded, &s.options, &SHAPE, GRID, r, meta, err));
        assert_ok(s.method->prepare_exclude(loaded, NULL, err));
        refuse_to_exclude(&s, loaded, 0);
        assert_ok(s.method->add(loaded, more + 1, 1, NULL, err));
        assert_ok(finish_and_prepare(s.method, loaded, NULL, err));
        refuse_to_exclude(&s, loaded, 0);
        /* Without the last image the loaded state is what was saved. */
        left_out = score_of(s.method, loaded, GRID, more[1], MOST - 1, NULL, NULL);
        known = score_of(s.method, state, GRID, more[1], -1, NULL, NULL);
        for (int p = 0; p < CELLS; p++)
            assert_near(left_out[p], known[p], 1e-5 * ((double)known[p] + 0.05));
        fk_free(left_out);
        fk_free(known);
        s.method->free(loaded);
        s.method->free(state);
        fk_st_close(&r);
        fk_json_free(&meta);
        tear_down(&s);
    }
}

static void a_fold_that_has_everything_is_refused(void **unused)
{
    (void)unused;
    for (int which = 0; which < METHODS; which++) {
        setting s;
        void *state;

        set_up(&s, which, 1, true);
        state = learn_some(&s, 0, 1, -1);
        assert_refused(finish_and_prepare(s.method, state, NULL, err), FLECK_E_STATE,
                       "leaving out 1 of 1 images leaves 0 patches");
        s.method->free(state);
        tear_down(&s);
    }
}

/* Preparing fails, whichever allocation does, and leaves the scores of new images as they were. */
static void any_allocation_of_preparing_may_fail(void **unused)
{
    (void)unused;
    for (int which = 0; which < METHODS; which++) {
        setting s;
        void *state, *plain;
        int64_t n = 0;
        fleck_status st;

        set_up(&s, which, MOST, false);
        plain = learn_some(&s, 0, MOST, -1);
        state = learn_some(&s, 0, MOST, -1);
        assert_ok(s.method->finish(plain, NULL, err));
        assert_ok(s.method->finish(state, NULL, err));
        do {
            fk_mem_fail_at(++n);
            st = s.method->prepare_exclude(state, n % 2 == 0 ? s.pool : NULL, NULL);
            fk_mem_fail_at(0);
            if (st != FLECK_OK) {
                assert_int_equal(st, FLECK_E_NOMEM);
                refuse_to_exclude(&s, state, 2);
            }
            check_same_bytes(&s, plain, state, -1);
        } while (st != FLECK_OK);
        assert_true(n > 40);
        check_held_out(&s, state);
        s.method->free(state);
        s.method->free(plain);
        tear_down(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_left_out_image_scores_as_if_its_fold_had_not_been_learned),
        cmocka_unit_test(images_of_no_told_fold_are_dealt_out),
        cmocka_unit_test(of_fewer_images_than_folds_each_is_its_own),
        cmocka_unit_test(positions_that_masks_leave_out_have_no_part_in_a_fold),
        cmocka_unit_test(states_that_merge_keep_their_folds),
        cmocka_unit_test(neither_threads_nor_memory_change_a_bit_of_held_out_scores),
        cmocka_unit_test(folds_and_preparing_change_no_bit_of_other_scores),
        cmocka_unit_test(leaving_out_needs_a_state_that_was_prepared),
        cmocka_unit_test(a_fold_that_has_everything_is_refused),
        cmocka_unit_test(any_allocation_of_preparing_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
