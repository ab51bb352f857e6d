/* SPDX-License-Identifier: Apache-2.0 */
/* SPADE under masks: what an image hides is not found there, by any gallery, after any way of
 * learning. */
#include "unit/method/spade_plain.h"

/* Each tap's map is of its own grid and its own flags. */
static void the_mean_of_the_taps_maps_honours_each_taps_flags(void **state)
{
    fk_embedding images[5], e = image_of(&SHAPE, 70, MASKED);

    (void)state;
    for (int k = 0; k < 5; k++)
        images[k] = image_of(&SHAPE, 10 + (uint64_t)k, MASKED);
    for (size_t i = 0; i < sizeof RADII / sizeof RADII[0]; i++) {
        const char *const options[] = {"fusion=mean", "kappa=3", RADII[i], NULL};
        float *map = run_images(&SHAPE, MAP, options, images, 5, &e, -1, NULL, NULL);
        double want[SPADE_HEIGHT * SPADE_WIDTH] = {0.0};

        for (int t = 0; t < SHAPE.n_levels; t++) {
            const fk_level *l = &SHAPE.levels[t];
            const fk_embed_shape one = {.n_levels = 1, .levels = {*l}};
            fk_embedding gallery[5], query = {.n_levels = 1, .levels = {e.levels[t]}};
            float grid[48], large[SPADE_HEIGHT * SPADE_WIDTH];
            double plain[48];

            for (int k = 0; k < 5; k++)
                gallery[k] = (fk_embedding){.n_levels = 1, .levels = {images[k].levels[t]}};
            plain_map(plain, &one, (fk_map_size){l->height, l->width}, gallery, 5, &query,
                      (int)strtol(RADII[i] + strlen("radius="), NULL, 10), 3);
            for (int64_t p = 0; p < l->height * l->width; p++)
                grid[p] = (float)plain[p];
            fk_map_resize_bilinear(large, SPADE_HEIGHT, SPADE_WIDTH, grid, l->height, l->width);
            for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
                want[p] += (double)large[p] / SHAPE.n_levels;
        }
        for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
            assert_near(map[p], want[p], 1e-6 * want[p]);
        fk_free(map);
    }
    free_images(images, 5);
    fk_embedding_free(&e);
}

/* On the grid of a single tap: in the corner the map is that of the other images, elsewhere that of
 * all, to the last bit. */
static void a_masked_corner_is_as_if_the_image_were_not_there(void **state)
{
    static const fk_embed_shape shape = {
        .n_levels = 1, .levels = {{10, 12, 20, NULL, NULL}}, .global_dim = 3};
    static const fk_map_size grid = {10, 12};
    const char *const options[] = {"radius=0", NULL};
    fk_embedding images[5], e = make_image(&shape, 70);
    float *masked, *all, *others;
    int differ = 0;

    (void)state;
    make_images(images, &shape, 10, 5);
    /* The query is nearest to what the corner hides. */
    memcpy(e.levels[0].data, images[4].levels[0].data, 10 * 12 * 20 * sizeof(float));
    others = run_images(&shape, grid, options, images, 4, &e, -1, NULL, NULL);
    all = run_images(&shape, grid, options, images, 5, &e, -1, NULL, NULL);
    unmask(&images[4]);
    mask_corner(&images[4], 0.5, 0.5);
    masked = run_images(&shape, grid, options, images, 5, &e, -1, NULL, NULL);
    for (int p = 0; p < 10 * 12; p++) {
        assert_true(masked[p] == (p / 12 < 5 && p % 12 < 6 ? others : all)[p]);
        differ += others[p] != all[p];
    }
    assert_int_equal(differ, 10 * 12);
    fk_free(masked);
    fk_free(all);
    fk_free(others);
    free_images(images, 5);
    fk_embedding_free(&e);
}

static void an_image_that_is_masked_everywhere_adds_nothing_to_a_map(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof RADII / sizeof RADII[0]; i++) {
        const char *const options[] = {RADII[i / 2], i % 2 == 0 ? "fusion=concat" : "fusion=mean",
                                       "kappa=2", NULL};
        fk_embedding images[5], e = image_of(&SHAPE, 10, 0);
        float *with, *without;

        for (int k = 0; k < 5; k++)
            images[k] = image_of(&SHAPE, 14 - (uint64_t)k, k == 3 ? MASKED : 0);
        unmask(&images[4]); /* what the query shows, hidden */
        mask_corner(&images[4], 1.0, 1.0);
        with = run_images(&SHAPE, MAP, options, images, 5, &e, -1, NULL, NULL);
        without = run_images(&SHAPE, MAP, options, images, 4, &e, -1, NULL, NULL);
        assert_memory_equal(with, without, SPADE_HEIGHT * SPADE_WIDTH * sizeof(float));
        fk_free(with);
        fk_free(without);
        free_images(images, 5);
        fk_embedding_free(&e);
    }
}

/* Right of what all images hide, though smaller taps' cells are mixed across the edge there. */
static void a_mask_of_all_images_changes_nothing_beside_it(void **state)
{
    static const fk_map_size grid = {6, 8};
    const char *const options[] = {"radius=0", "kappa=2", NULL};
    fk_embedding images[4], e = image_of(&SHAPE, 70, 0);
    float *masked, *whole;

    (void)state;
    make_images(images, &SHAPE, 10, 4);
    whole = run_images(&SHAPE, grid, options, images, 4, &e, -1, NULL, NULL);
    for (int k = 0; k < 4; k++) {
        unmask(&images[k]);
        mask_corner(&images[k], 1.0, 0.5);
    }
    masked = run_images(&SHAPE, grid, options, images, 4, &e, -1, NULL, NULL);
    for (int p = 0; p < 6 * 8; p++)
        assert_true(masked[p] == (p % 8 < 4 ? 0.0f : whole[p]));
    fk_free(masked);
    fk_free(whole);
    free_images(images, 4);
    fk_embedding_free(&e);
}

/* Nothing is known of a place that every image hides, so it is not called a defect. */
static void what_every_image_hides_has_the_value_zero(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof RADII / sizeof RADII[0]; i++) {
        const char *const options[] = {RADII[i / 2], i % 2 == 0 ? "fusion=concat" : "fusion=mean",
                                       "kappa=2", NULL};
        fk_embedding images[3], e = image_of(&SHAPE, 70, 0);
        double score;
        float *map;

        make_images(images, &SHAPE, 10, 3);
        for (int k = 0; k < 3; k++) {
            unmask(&images[k]);
            mask_corner(&images[k], 1.0, 0.5);
        }
        map = run_images(&SHAPE, MAP, options, images, 3, &e, -1, NULL, NULL);
        for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++) {
            bool hidden = i < 2 && p % SPADE_WIDTH < SPADE_WIDTH / 4; /* radius 0, far inside */

            assert_true(isfinite(map[p]) && map[p] >= 0.0f && (!hidden || map[p] == 0.0f));
            assert_true(map[p] > 0.0f || p % SPADE_WIDTH < SPADE_WIDTH / 2);
        }
        fk_free(map);
        for (int k = 0; k < 3; k++)
            mask_corner(&images[k], 1.0, 1.0);
        map = run_images(&SHAPE, MAP, options, images, 3, &e, -1, NULL, &score);
        for (int p = 0; p < SPADE_HEIGHT * SPADE_WIDTH; p++)
            assert_true(map[p] == 0.0f);
        assert_true(score > 0.0 && isfinite(score));
        fk_free(map);
        free_images(images, 3);
        fk_embedding_free(&e);
    }
}

/* Learn images[0 .. n - 1] in two states that are merged, the second in a model that was saved and
 * loaded, or (merged false) a loaded model that learns on.  Returns the map of e. */
static float *in_two_parts(const fk_embedding *images, int n, int first, bool merged,
                           const fk_embedding *e)
{
    const fk_method *m = fk_method_find("spade");
    const char *const pairs[] = {"radius=0", "kappa=2", NULL};
    fk_options o = options_of(m, pairs);
    void *a = learn(m, &o, &SHAPE, MAP, images, 0, first, 9, NULL), *loaded = NULL, *b = NULL;
    fk_st_reader *r = NULL;
    fk_json *meta = NULL;
    float *map;

    assert_ok(m->finish(a, NULL, err));
    assert_ok(fk_st_open(&r, save_state(m, a, &meta), err));
    assert_ok(m->load(&loaded, &o, &SHAPE, MAP, r, meta, err));
    if (merged) {
        b = learn(m, &o, &SHAPE, MAP, images, first, n, 9, NULL);
        assert_ok(m->merge(loaded, b, err));
        assert_int_equal(m->count(b), 0);
    }
    for (int k = first; !merged && k < n; k++)
        assert_ok(m->add(loaded, (const fk_embedding *[]){&images[k]}, 1, NULL, err));
    assert_ok(m->finish(loaded, NULL, err));
    map = score_of(m, loaded, MAP, e, -1, NULL, NULL);
    m->free(a);
    m->free(b);
    m->free(loaded);
    fk_st_close(&r);
    fk_json_free(&meta);
    fk_options_free(&o);
    return map;
}

/* Bit k of `masked` masks image k: none, some of the first or of the second part, or both. */
static void flags_survive_merging_saving_and_learning_on(void **state)
{
    static const unsigned masked[] = {0x00, 0x02, 0x08, 0x0a, 0x1f};
    const char *const options[] = {"radius=0", "kappa=2", NULL};
    fk_embedding e = image_of(&SHAPE, 70, 0);

    (void)state;
    for (size_t i = 0; i < 2 * sizeof masked / sizeof masked[0]; i++) {
        fk_embedding images[5];
        float *whole, *parts;

        for (int k = 0; k < 5; k++)
            images[k] = image_of(&SHAPE, 10 + (uint64_t)k, (masked[i / 2] >> k) & 1 ? MASKED : 0);
        whole = run_images(&SHAPE, MAP, options, images, 5, &e, -1, NULL, NULL);
        parts = in_two_parts(images, 5, 3, i % 2 == 0, &e);
        assert_memory_equal(whole, parts, SPADE_HEIGHT * SPADE_WIDTH * sizeof(float));
        fk_free(whole);
        fk_free(parts);
        free_images(images, 5);
    }
    fk_embedding_free(&e);
}

enum { POSITIONS = 6 * 8 + 3 * 4 + 2 * 2 }; /* of SHAPE */

/* Save a model of three images, the second masked as `down` says (0: nowhere), and open it. */
static void save_masked(double down, fk_st_reader **r, fk_json **meta)
{
    const fk_method *m = fk_method_find("spade");
    fk_options o = options_of(m, NULL);
    fk_embedding images[3];
    void *s;

    make_images(images, &SHAPE, 10, 3);
    unmask(&images[1]);
    mask_corner(&images[1], down, 1.0);
    s = learn(m, &o, &SHAPE, MAP, images, 0, 3, 1, NULL);
    assert_ok(m->finish(s, NULL, err));
    assert_ok(fk_st_open(r, save_state(m, s, meta), err));
    m->free(s);
    free_images(images, 3);
    fk_options_free(&o);
}

static void only_models_of_masked_images_hold_flags(void **state)
{
    fk_st_reader *r = NULL;
    fk_json *meta = NULL;
    fk_tensor t;

    (void)state;
    save_masked(0.0, &r, &meta);
    assert_false(fk_st_has(r, "method.valid"));
    assert_int_equal(fk_st_count(r), 4);
    fk_st_close(&r);
    fk_json_free(&meta);
    save_masked(0.5, &r, &meta);
    assert_ok(fk_st_get_checked(r, "method.valid", FK_U8, 2, (int64_t[]){3, POSITIONS}, &t, err));
    for (int i = 0; i < 3 * POSITIONS; i++) {
        int p = i - POSITIONS;
        /* Three rows of six, two of three, one of two. */
        bool hidden = (p >= 0 && p < 24) || (p >= 48 && p < 56) || (p >= 60 && p < 62);

        assert_int_equal(((const uint8_t *)t.data)[i], !hidden);
    }
    fk_st_close(&r);
    fk_json_free(&meta);
}

/* The model in r with other flags. */
static fleck_status load_with_flags(const fk_st_reader *r, const fk_json *meta,
                                    const uint8_t *flags, int64_t positions, fleck_error *error)
{
    const fk_method *m = fk_method_find("spade");
    fk_options o = options_of(m, NULL);
    fk_st_writer *w = NULL;
    fk_st_reader *changed = NULL;
    char path[4200];
    void *loaded = NULL;
    fleck_status st;

    snprintf(path, sizeof path, "%s/changed.safetensors", test_folder());
    assert_ok(fk_st_writer_open(&w, err));
    for (int64_t i = 0; i < fk_st_count(r); i++) {
        fk_tensor t;

        if (strcmp(fk_st_tensor_name(r, i), "method.valid") == 0)
            continue;
        assert_ok(fk_st_get(r, fk_st_tensor_name(r, i), &t, err));
        assert_ok(fk_st_writer_add(w, fk_st_tensor_name(r, i), &t, err));
    }
    assert_ok(
        fk_st_writer_add_data(w, "method.valid", FK_U8, 2, (int64_t[]){3, positions}, flags, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    assert_ok(fk_st_open(&changed, path, err));
    st = m->load(&loaded, &o, &SHAPE, MAP, changed, meta, error);
    assert_true((loaded != NULL) == (st == FLECK_OK));
    m->free(loaded);
    fk_st_close(&changed);
    fk_options_free(&o);
    return st;
}

static void flags_of_another_shape_or_value_are_refused(void **state)
{
    uint8_t flags[3 * POSITIONS] = {0};
    fk_st_reader *r = NULL;
    fk_json *meta = NULL;

    (void)state;
    save_masked(0.5, &r, &meta);
    assert_ok(load_with_flags(r, meta, flags, POSITIONS, err));
    assert_refused(load_with_flags(r, meta, flags, POSITIONS - 1, err), FLECK_E_SHAPE,
                   "method.valid");
    flags[2 * POSITIONS + 7] = 2;
    assert_refused(load_with_flags(r, meta, flags, POSITIONS, err), FLECK_E_FORMAT,
                   "changed.safetensors: spade: expected 0 or 1 in method.valid, got 2 at image 2, "
                   "position 7");
    fk_st_close(&r);
    fk_json_free(&meta);
}

/* A state that meets its first mask while it learns, and one that meets it in a merge. */
static fleck_status learn_masked(const fk_options *o, const fk_embedding *images,
                                 fleck_error *error)
{
    const fk_method *m = fk_method_find("spade");
    void *a = NULL, *b = NULL;
    fleck_status st;

    FK_DO(m->begin(&a, o, &SHAPE, MAP, error));
    FK_DO(m->begin(&b, o, &SHAPE, MAP, error));
    FK_DO(m->add(a, (const fk_embedding *[]){&images[0]}, 1, NULL, error));
    FK_DO(m->add(b, (const fk_embedding *[]){&images[1]}, 1, NULL, error));
    FK_DO(m->add(b, (const fk_embedding *[]){&images[2]}, 1, NULL, error));
    FK_DO(m->merge(a, b, error));
    FK_DO(m->finish(a, NULL, error));
done:
    m->free(a);
    m->free(b);
    return st;
}

static void any_allocation_for_flags_may_fail(void **state)
{
    fk_options o = options_of(fk_method_find("spade"), NULL);
    fk_embedding images[3];
    fleck_status st = FLECK_E_NOMEM;

    (void)state;
    for (int k = 0; k < 3; k++)
        images[k] = image_of(&SHAPE, 10 + (uint64_t)k, k == 2 ? MASKED : 0);
    for (int64_t n = 1; st != FLECK_OK; n++) {
        fk_mem_fail_at(n);
        st = learn_masked(&o, images, NULL);
        /* Two states, three times four arrays and once two flags, then four and one. */
        assert_true(st == FLECK_E_NOMEM || (st == FLECK_OK && n > 18));
        fk_mem_fail_at(0);
    }
    free_images(images, 3);
    fk_options_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_of_the_taps_maps_honours_each_taps_flags),
        cmocka_unit_test(a_masked_corner_is_as_if_the_image_were_not_there),
        cmocka_unit_test(an_image_that_is_masked_everywhere_adds_nothing_to_a_map),
        cmocka_unit_test(a_mask_of_all_images_changes_nothing_beside_it),
        cmocka_unit_test(what_every_image_hides_has_the_value_zero),
        cmocka_unit_test(flags_survive_merging_saving_and_learning_on),
        cmocka_unit_test(only_models_of_masked_images_hold_flags),
        cmocka_unit_test(flags_of_another_shape_or_value_are_refused),
        cmocka_unit_test(any_allocation_for_flags_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
