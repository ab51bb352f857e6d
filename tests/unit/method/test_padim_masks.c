/* SPDX-License-Identifier: Apache-2.0 */
/* PaDiM under masks: what the method makes of flags, and of counts in a file. */
#include "unit/method/fixture.h"

#include "base/file.h"

enum { HEIGHT = 4, WIDTH = 5, PLACES = HEIGHT * WIDTH, IMAGES = 8 };

static const fk_embed_shape SHAPE = {.n_levels = 1, .levels = {{HEIGHT, WIDTH, 9, NULL, NULL}}};
static const fk_map_size GRID = {HEIGHT, WIDTH};

static void flag(fk_embedding *e, uint8_t value)
{
    if (e->levels[0].valid == NULL)
        assert_ok(FK_ALLOC(&e->levels[0].valid, PLACES, err));
    memset(e->levels[0].valid, value, PLACES);
}

/* Position 0 is in no image, 1 in two, 2 in three, and 7 in all but the first. */
static void make_masked(fk_embedding *images)
{
    make_images(images, &SHAPE, 100, IMAGES);
    for (int i = 0; i < IMAGES; i++) {
        flag(&images[i], 1);
        images[i].levels[0].valid[0] = 0;
        images[i].levels[0].valid[1] = i < 2;
        images[i].levels[0].valid[2] = i < 3;
        images[i].levels[0].valid[7] = i > 0;
    }
}

static void *masked_state(const fk_method *m, const char *const *options)
{
    fk_options o = options_of(m, options);
    fk_embedding images[IMAGES];
    void *state;

    make_masked(images);
    state = learn(m, &o, &SHAPE, GRID, images, 0, IMAGES, 3, NULL);
    assert_ok(m->finish(state, NULL, err));
    free_images(images, IMAGES);
    fk_options_free(&o);
    return state;
}

/* 0 where too few images show a place, whatever is there; with a neighbourhood as well. */
static void places_that_too_few_images_show_are_not_judged(void **unused)
{
    static const char *const near_by[] = {"neighbourhood=1", "factors=bf16", NULL};
    const fk_method *m = fk_method_find("padim");
    fk_embedding far = make_image(&SHAPE, 5), known = make_image(&SHAPE, 102);

    (void)unused;
    for (int64_t k = 0; k < PLACES * 9; k++)
        far.levels[0].data[k] = 100.0f;
    for (int with = 0; with < 2; with++) {
        void *state = masked_state(m, with ? near_by : NULL);
        float *map = score_of(m, state, GRID, &far, -1, NULL, NULL);
        float *own = score_of(m, state, GRID, &known, 2, NULL, NULL);

        for (int p = 0; p < PLACES; p++) {
            assert_true(p < 2 ? map[p] == 0.0f : map[p] > 100.0f && isfinite(map[p]));
            assert_true(p < 2 ? own[p] == 0.0f : own[p] > 0.0f && isfinite(own[p]));
        }
        fk_free(map);
        fk_free(own);
        m->free(state);
    }
    fk_embedding_free(&far);
    fk_embedding_free(&known);
}

/* Where an image is only scored it is a new one; where it was learned it is left out. */
static void leaving_out_is_for_where_an_image_was_learned(void **unused)
{
    const fk_method *m = fk_method_find("padim");
    void *state = masked_state(m, NULL);
    fk_embedding e = make_image(&SHAPE, 100);
    float *as_new = score_of(m, state, GRID, &e, -1, NULL, NULL), *left_out;
    float *everywhere = score_of(m, state, GRID, &e, 0, NULL, NULL);

    (void)unused;
    flag(&e, 1);
    e.levels[0].valid[7] = FK_SCORED_ONLY;
    left_out = score_of(m, state, GRID, &e, 0, NULL, NULL);
    for (int p = 2; p < PLACES; p++) {
        assert_true(left_out[p] == (p == 7 ? as_new[p] : everywhere[p]));
        assert_true(everywhere[p] > as_new[p]);
    }
    fk_free(as_new);
    fk_free(left_out);
    fk_free(everywhere);
    fk_embedding_free(&e);
    m->free(state);
}

/* r is opened on path. */
static fleck_status load(const fk_method *m, void **state, const char *path, const fk_json *meta,
                         fk_st_reader **r, fleck_error *err)
{
    fk_options o = options_of(m, NULL);
    fleck_status st;

    st = fk_st_open(r, path, err);
    if (st == FLECK_OK)
        st = m->load(state, &o, &SHAPE, GRID, *r, meta, err);
    fk_options_free(&o);
    return st;
}

static void counts_survive_a_file_and_learning_goes_on_from_it(void **unused)
{
    const fk_method *m = fk_method_find("padim");
    void *state = masked_state(m, NULL), *loaded = NULL;
    fk_embedding more = make_image(&SHAPE, 300);
    const fk_embedding *one = &more;
    fk_st_reader *r = NULL;
    fk_json *meta = NULL;
    const char *path;

    (void)unused;
    path = save_state(m, state, &meta);
    assert_ok(load(m, &loaded, path, meta, &r, err));
    assert_true(fk_st_has(r, "method.counts"));
    for (int round = 0; round < 2; round++) {
        float *a = score_of(m, state, GRID, &more, -1, NULL, NULL);
        float *b = score_of(m, loaded, GRID, &more, -1, NULL, NULL);

        assert_memory_equal(a, b, PLACES * sizeof(float));
        assert_true(a[0] == 0.0f && (a[1] > 0.0f) == (round == 1)); /* 3 images show it then */
        fk_free(a);
        fk_free(b);
        for (int k = 0; k < 2; k++) {
            assert_ok(m->add(k == 0 ? state : loaded, &one, 1, NULL, err));
            assert_ok(m->finish(k == 0 ? state : loaded, NULL, err));
        }
    }
    m->free(state);
    m->free(loaded);
    fk_st_close(&r);
    fk_json_free(&meta);
    fk_embedding_free(&more);
}

/* Bytes of a state's file of images with flags that hide nothing, or without flags; to be freed. */
static char *file_bytes(const fk_method *m, bool flagged, size_t *size)
{
    fk_options o = options_of(m, NULL);
    fk_embedding images[IMAGES];
    fk_contents file = {0};
    fk_json *meta = NULL;
    const char *path;
    char *out = NULL;
    void *state;

    make_images(images, &SHAPE, 100, IMAGES);
    for (int i = 0; flagged && i < IMAGES; i++)
        flag(&images[i], 1);
    state = learn(m, &o, &SHAPE, GRID, images, 0, IMAGES, 3, NULL);
    assert_ok(m->finish(state, NULL, err));
    path = save_state(m, state, &meta);
    assert_ok(fk_contents_read(&file, path, 0, err));
    *size = file.size;
    assert_ok(FK_ALLOC(&out, (int64_t)file.size, err));
    memcpy(out, file.data, file.size);
    fk_contents_free(&file);
    fk_json_free(&meta);
    m->free(state);
    free_images(images, IMAGES);
    fk_options_free(&o);
    return out;
}

static void flags_that_hide_nothing_leave_no_trace_in_a_file(void **unused)
{
    const fk_method *m = fk_method_find("padim");
    size_t size_without = 0, size_with = 0;
    char *without = file_bytes(m, false, &size_without), *with = file_bytes(m, true, &size_with);

    (void)unused;
    assert_int_equal(size_with, size_without);
    assert_memory_equal(with, without, size_with);
    fk_free(with);
    fk_free(without);
}

/* A state's file with other counts. */
static const char *with_counts(const int64_t *counts, int64_t n, fk_json **meta)
{
    static char path[4200];
    static float zeros[PLACES * 45];
    fk_st_writer *w = NULL;

    snprintf(path, sizeof path, "%s/state.safetensors", test_folder());
    *meta = fk_json_object();
    assert_true(fk_json_put_int(*meta, "images", 5) && fk_json_put_real(*meta, "epsilon", 0.01));
    assert_true(fk_json_put_real(*meta, "share", 0.1) && fk_json_put_real(*meta, "ridge", 0.2));
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(
        fk_st_writer_add_data(w, "method.mean", FK_F32, 2, (int64_t[]){PLACES, 9}, zeros, err));
    assert_ok(
        fk_st_writer_add_data(w, "method.factor", FK_F32, 2, (int64_t[]){PLACES, 45}, zeros, err));
    assert_ok(fk_st_writer_add_data(w, "method.counts", FK_I64, 1, &n, counts, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    return path;
}

static void counts_that_cannot_be_are_refused(void **unused)
{
    static const int64_t good[PLACES] = {5, 3}, none[PLACES] = {2, 0, 2}, less[PLACES] = {5, -1},
                         more[PLACES] = {3, 4, 6};
    static const struct {
        const int64_t *counts;
        int64_t n;
        fleck_status st;
        const char *says;
    } cases[] = {{none, PLACES, FLECK_E_FORMAT, "leaves no position"},
                 {less, PLACES, FLECK_E_FORMAT, "found -1 at position 1"},
                 {more, PLACES, FLECK_E_FORMAT, "0 to 5 images, found 6 at position 2"},
                 {good, PLACES - 1, FLECK_E_SHAPE, "method.counts"},
                 {good, PLACES, FLECK_OK, NULL}};
    const fk_method *m = fk_method_find("padim");

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fk_json *meta = NULL;
        fk_st_reader *r = NULL;
        const char *path = with_counts(cases[i].counts, cases[i].n, &meta);
        void *state = NULL;

        if (cases[i].st == FLECK_OK)
            assert_ok(load(m, &state, path, meta, &r, err));
        else
            assert_refused(load(m, &state, path, meta, &r, err), cases[i].st, cases[i].says);
        assert_true((state != NULL) == (cases[i].st == FLECK_OK));
        m->free(state);
        fk_st_close(&r);
        fk_json_free(&meta);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_that_too_few_images_show_are_not_judged),
        cmocka_unit_test(leaving_out_is_for_where_an_image_was_learned),
        cmocka_unit_test(counts_survive_a_file_and_learning_goes_on_from_it),
        cmocka_unit_test(flags_that_hide_nothing_leave_no_trace_in_a_file),
        cmocka_unit_test(counts_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
