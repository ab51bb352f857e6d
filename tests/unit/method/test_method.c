/* SPDX-License-Identifier: Apache-2.0 */
/* The table of methods, and what holds for every method in it. */
#include "unit/method/fixture.h"

enum { N = 9, LEVELS = 3 };

static const fk_tap_info TAPS[LEVELS] = {
    {"layer1", 5, 6, 8}, {"layer2", 9, 3, 4}, {"layer3", 17, 2, 2}};
static const fk_map_size MAP = {12, 16};

/* What a method makes of these taps under its default options, or those of SMALL. */
typedef struct setting {
    const fk_method *method;
    fk_options options;
    fk_embed_spec spec;
    fk_embed_shape shape;
    fk_embedding images[N];
} setting;

/* Options where the defaults would leave nothing to test on 29 channels: all of them hold 99 % of
 * the variance of noise; or narrower than usual, for speed. */
static const struct {
    const char *method, *options[4];
} SMALL[] = {{"subspace", {"variance=0.8", NULL}},
             {"patchcore", {"target-dim=24", "block=1", NULL}},
             {"posbank", {"target-dim=24", "min-bank=3", "radius=1", NULL}},
             {"mhpatchcore", {"pretrain-dim=24", "target-dim=31", NULL}}};

static void set_up(setting *s, int i)
{
    const char *const *options = NULL;

    s->method = fk_method_at(i);
    for (size_t k = 0; k < sizeof SMALL / sizeof SMALL[0]; k++)
        if (strcmp(SMALL[k].method, s->method->name) == 0)
            options = SMALL[k].options;
    s->options = options_of(s->method, options);
    assert_ok(s->method->embed(&s->spec, &s->options, LEVELS, TAPS, err));
    assert_ok(fk_embed_shape_of(&s->shape, &s->spec, LEVELS, TAPS, 13, err));
    make_images(s->images, &s->shape, 300, N);
}

static void tear_down(setting *s)
{
    free_images(s->images, N);
    fk_embed_spec_free(&s->spec);
    fk_options_free(&s->options);
}

static void methods_are_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(fk_method_find("padim")->name, fk_method_at(0)->name);
    assert_string_equal(fk_method_find("spade")->name, "spade");
    assert_string_equal(fk_method_find("patchcore")->name, "patchcore");
    assert_null(fk_method_find("nothing"));
    assert_int_equal(fk_method_count(), 6);
}

static void every_option_accepts_its_default_and_has_help(void **state)
{
    (void)state;
    for (int i = 0; i < fk_method_count(); i++) {
        fk_options o = options_of(fk_method_at(i), NULL);

        for (const fk_option *row = fk_method_at(i)->options; row->name != NULL; row++) {
            assert_ok(fk_options_set(&o, row->name, row->initial, err));
            assert_true(strlen(row->help) > 20);
        }
        fk_options_free(&o);
    }
}

static void saving_and_loading_changes_no_bit(void **state)
{
    (void)state;
    for (int i = 0; i < fk_method_count(); i++) {
        setting s;
        void *learned, *loaded = NULL;
        fk_st_reader *r = NULL;
        fk_json *meta = NULL;
        double a = 0.0, b = 0.0;
        float *before, *after;

        set_up(&s, i);
        learned = learn(s.method, &s.options, &s.shape, MAP, s.images, 0, N - 1, 3, NULL);
        assert_ok(s.method->finish(learned, NULL, err));
        assert_ok(fk_st_open(&r, save_state(s.method, learned, &meta), err));
        assert_ok(s.method->load(&loaded, &s.options, &s.shape, MAP, r, meta, err));
        assert_int_equal(s.method->count(loaded), N - 1);
        before = score_of(s.method, learned, MAP, &s.images[N - 1], -1, NULL, &a);
        after = score_of(s.method, loaded, MAP, &s.images[N - 1], -1, NULL, &b);
        assert_memory_equal(before, after, (size_t)(MAP.height * MAP.width) * sizeof(float));
        assert_true(a == b);
        s.method->free(loaded);
        s.method->free(learned);
        fk_st_close(&r);
        fk_json_free(&meta);
        fk_free(before);
        fk_free(after);
        tear_down(&s);
    }
}

static void a_loaded_state_learns_on(void **state)
{
    (void)state;
    for (int i = 0; i < fk_method_count(); i++) {
        setting s;
        void *learned, *loaded = NULL, *all;
        const fk_embedding *more[2];
        fk_st_reader *r = NULL;
        fk_json *meta = NULL;
        float *got, *want;

        set_up(&s, i);
        /* Choosing again among what was chosen once is not choosing once. */
        if (fk_option_find(s.method->options, "coreset") >= 0)
            assert_ok(fk_options_set(&s.options, "coreset", "1", err));
        learned = learn(s.method, &s.options, &s.shape, MAP, s.images, 0, N - 3, 9, NULL);
        all = learn(s.method, &s.options, &s.shape, MAP, s.images, 0, N - 1, 9, NULL);
        assert_ok(s.method->finish(learned, NULL, err));
        assert_ok(s.method->finish(all, NULL, err));
        assert_ok(fk_st_open(&r, save_state(s.method, learned, &meta), err));
        assert_ok(s.method->load(&loaded, &s.options, &s.shape, MAP, r, meta, err));
        more[0] = &s.images[N - 3];
        more[1] = &s.images[N - 2];
        assert_ok(s.method->add(loaded, more, 2, NULL, err));
        assert_ok(s.method->finish(loaded, NULL, err));
        assert_int_equal(s.method->count(loaded), N - 1);
        got = score_of(s.method, loaded, MAP, &s.images[N - 1], -1, NULL, NULL);
        want = score_of(s.method, all, MAP, &s.images[N - 1], -1, NULL, NULL);
        for (int64_t p = 0; p < MAP.height * MAP.width; p++)
            /* PaDiM goes on from factors in float; with 6 images of 31 numbers epsilon alone holds
             * the smallest variances up, which multiplies the rounding. */
            assert_near(got[p], want[p], 1e-4 * (double)want[p]);
        s.method->free(loaded);
        s.method->free(learned);
        s.method->free(all);
        fk_st_close(&r);
        fk_json_free(&meta);
        fk_free(got);
        fk_free(want);
        tear_down(&s);
    }
}

static void neither_threads_nor_calls_change_a_bit(void **state)
{
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 4, err));
    for (int i = 0; i < fk_method_count(); i++) {
        setting s;
        void *one, *many;
        double a = 0.0, b = 0.0;
        float *before, *after;

        set_up(&s, i);
        one = learn(s.method, &s.options, &s.shape, MAP, s.images, 0, N - 1, 8, NULL);
        many = learn(s.method, &s.options, &s.shape, MAP, s.images, 0, N - 1, 3, pool);
        assert_ok(s.method->finish(one, NULL, err));
        assert_ok(s.method->finish(many, pool, err));
        before = score_of(s.method, one, MAP, &s.images[N - 1], -1, NULL, &a);
        after = score_of(s.method, many, MAP, &s.images[N - 1], -1, pool, &b);
        assert_memory_equal(before, after, (size_t)(MAP.height * MAP.width) * sizeof(float));
        assert_true(a == b);
        s.method->free(one);
        s.method->free(many);
        fk_free(before);
        fk_free(after);
        tear_down(&s);
    }
    fk_pool_close(&pool);
}

static void merging_equals_learning_everything(void **state)
{
    (void)state;
    for (int i = 0; i < fk_method_count(); i++) {
        setting s;
        void *all, *first, *second;
        double a = 0.0, b = 0.0;
        float *want, *got;

        set_up(&s, i);
        all = learn(s.method, &s.options, &s.shape, MAP, s.images, 0, N - 1, 8, NULL);
        first = learn(s.method, &s.options, &s.shape, MAP, s.images, 0, 3, 8, NULL);
        second = learn(s.method, &s.options, &s.shape, MAP, s.images, 3, N - 1, 8, NULL);
        assert_ok(s.method->merge(first, second, err));
        assert_int_equal(s.method->count(first), N - 1);
        assert_int_equal(s.method->count(second), 0);
        assert_ok(s.method->finish(all, NULL, err));
        assert_ok(s.method->finish(first, NULL, err));
        want = score_of(s.method, all, MAP, &s.images[N - 1], -1, NULL, &a);
        got = score_of(s.method, first, MAP, &s.images[N - 1], -1, NULL, &b);
        for (int64_t p = 0; p < MAP.height * MAP.width; p++)
            assert_near(got[p], want[p], 2e-6 * (double)want[p]); /* factors are floats */
        assert_near(b, a, 2e-6 * a);
        s.method->free(all);
        s.method->free(first);
        s.method->free(second);
        fk_free(want);
        fk_free(got);
        tear_down(&s);
    }
}

static void scoring_and_saving_need_a_finished_state(void **state)
{
    (void)state;
    for (int i = 0; i < fk_method_count(); i++) {
        setting s;
        void *learned;
        fk_st_writer *w = NULL;
        fk_json *meta = fk_json_object();
        float map[12 * 16];

        set_up(&s, i);
        learned = learn(s.method, &s.options, &s.shape, MAP, s.images, 0, N, 8, NULL);
        assert_refused(s.method->score(learned, &s.images[0], FK_NONE, NULL, NULL, map, NULL, err),
                       FLECK_E_STATE, "finish the fit");
        assert_ok(fk_st_writer_open(&w, err));
        assert_refused(s.method->save(learned, w, meta, err), FLECK_E_STATE, "finish the fit");
        fk_st_writer_abort(&w);
        fk_json_free(&meta);
        s.method->free(learned);
        s.method->free(NULL);
        tear_down(&s);
    }
}

static void a_state_of_another_shape_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < fk_method_count(); i++) {
        setting s;
        fk_embed_shape other;
        void *learned, *loaded = NULL;
        fk_st_reader *r = NULL;
        fk_json *meta = NULL, *empty = fk_json_object();

        set_up(&s, i);
        learned = learn(s.method, &s.options, &s.shape, MAP, s.images, 0, N, 8, NULL);
        assert_ok(s.method->finish(learned, NULL, err));
        assert_ok(fk_st_open(&r, save_state(s.method, learned, &meta), err));
        other = s.shape;
        other.levels[0].dim++;
        assert_refused(s.method->load(&loaded, &s.options, &other, MAP, r, meta, err),
                       FLECK_E_SHAPE, "state.safetensors");
        assert_null(loaded);
        assert_refused(s.method->load(&loaded, &s.options, &s.shape, MAP, r, empty, err),
                       FLECK_E_FORMAT, "images");
        s.method->free(learned);
        fk_st_close(&r);
        fk_json_free(&meta);
        fk_json_free(&empty);
        tear_down(&s);
    }
}

static void images_with_infinite_features_are_refused_and_not_learned(void **state)
{
    (void)state;
    for (int i = 0; i < fk_method_count(); i++) {
        setting s;
        void *learned = NULL;
        const fk_embedding *two[2];

        set_up(&s, i);
        two[0] = &s.images[0];
        two[1] = &s.images[1];
        s.images[1].levels[0].data[7] = 1e30f * 1e30f;
        assert_ok(s.method->begin(&learned, &s.options, &s.shape, MAP, err));
        assert_refused(s.method->add(learned, two, 2, NULL, err), FLECK_E_ENGINE, "not finite");
        assert_int_equal(s.method->count(learned), 0);
        s.method->free(learned);
        tear_down(&s);
    }
}

/* begin, add, merge, finish and score: everything that allocates. */
static fleck_status whole_life(const setting *s, fk_pool *pool, float *map)
{
    const fk_embedding *images[N];
    void *a = NULL, *b = NULL;
    char *scratch = NULL;
    double score;
    fleck_status st;

    for (int i = 0; i < N; i++)
        images[i] = &s->images[i];
    FK_DO(s->method->begin(&a, &s->options, &s->shape, MAP, NULL));
    FK_DO(s->method->begin(&b, &s->options, &s->shape, MAP, NULL));
    FK_DO(s->method->add(a, images, 4, NULL, NULL));
    FK_DO(s->method->add(b, images + 4, N - 4, NULL, NULL));
    FK_DO(s->method->merge(a, b, NULL));
    FK_DO(finish_and_prepare(s->method, a, pool, NULL));
    FK_DO(FK_ALLOC(&scratch, (int64_t)s->method->scratch_size(a), NULL));
    FK_DO(s->method->score(a, images[0], ((fk_span){.first = 0, .count = 1}), scratch, pool, map,
                           &score, NULL));
done:
    fk_free(scratch);
    if (a != NULL)
        s->method->free(a);
    if (b != NULL)
        s->method->free(b);
    return st;
}

static void any_allocation_may_fail(void **state)
{
    fk_pool *pool = NULL;
    float map[12 * 16];

    (void)state;
    assert_ok(fk_pool_open(&pool, 2, err));
    for (int i = 0; i < fk_method_count(); i++) {
        setting s;

        set_up(&s, i);
        for (int64_t n = 1;; n++) {
            fleck_status st;

            fk_mem_fail_at(n);
            st = whole_life(&s, pool, map);
            fk_mem_fail_at(0);
            if (st == FLECK_OK) {
                assert_true(n > 8);
                break;
            }
            assert_int_equal(st, FLECK_E_NOMEM);
        }
        tear_down(&s);
    }
    fk_pool_close(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_are_found_by_name),
        cmocka_unit_test(every_option_accepts_its_default_and_has_help),
        cmocka_unit_test(saving_and_loading_changes_no_bit),
        cmocka_unit_test(a_loaded_state_learns_on),
        cmocka_unit_test(neither_threads_nor_calls_change_a_bit),
        cmocka_unit_test(merging_equals_learning_everything),
        cmocka_unit_test(scoring_and_saving_need_a_finished_state),
        cmocka_unit_test(a_state_of_another_shape_is_refused),
        cmocka_unit_test(images_with_infinite_features_are_refused_and_not_learned),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
