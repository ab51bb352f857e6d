/* SPDX-License-Identifier: Apache-2.0 */
/* Many images scored at once: the bytes of one by one, whatever they are and however many. */
#include "unit/method/fixture.h"

enum { IMAGES = 17, LEARNED = 12, THREADS = 2 };

typedef struct fitted {
    const fk_method *method;
    fk_embed_shape shape;
    fk_map_size map;
    void *state;
    fk_embedding images[IMAGES]; /* the first LEARNED of which are learned */
    fk_pool *pools[THREADS];     /* the first is NULL */
} fitted;

/* Position 0 is in no image, 1 in two; the second image hides every third position, and the last
 * shows some that are not to be learned. */
static void hide(fk_embedding *images, int64_t places)
{
    for (int i = 0; i < IMAGES; i++) {
        uint8_t **valid = &images[i].levels[0].valid;

        assert_ok(FK_ALLOC(valid, places, err));
        for (int64_t p = 0; p < places; p++)
            (*valid)[p] = p == 0 ? 0 : p == 1 ? i < 2 : i == 1 ? p % 3 > 0 : 1;
    }
    images[0].levels[0].valid[places - 1] = FK_SCORED_ONLY;
}

static void open_fitted(fitted *f, int64_t side, int64_t dim, bool masks, int learned,
                        const char *const *pairs)
{
    fk_options o;

    *f = (fitted){.method = fk_method_find("padim"),
                  .shape = {.n_levels = 1, .levels = {{side, side + 1, dim, NULL, NULL}}},
                  .map = {2 * side + 1, 3 * side}};
    o = options_of(f->method, pairs);
    make_images(f->images, &f->shape, 100, IMAGES);
    if (masks)
        hide(f->images, side * (side + 1));
    assert_ok(fk_pool_open(&f->pools[1], 2, err));
    f->state = learn(f->method, &o, &f->shape, f->map, f->images, 0, learned, 5, NULL);
    assert_ok(f->method->finish(f->state, NULL, err));
    fk_options_free(&o);
}

static void close_fitted(fitted *f)
{
    f->method->free(f->state);
    free_images(f->images, IMAGES);
    for (int t = 0; t < THREADS; t++)
        fk_pool_close(&f->pools[t]);
}

/* What is asked for n images: new ones, known ones, and known ones left out, in turn. */
typedef struct asked {
    const fk_embedding *e[IMAGES];
    fk_span exclude[IMAGES];
    float *maps[IMAGES];
} asked;

static asked ask(const fitted *f, int n)
{
    asked a;

    for (int i = 0; i < n; i++) {
        int which = i % 3 == 0 ? LEARNED + i / 3 % (IMAGES - LEARNED) : i % LEARNED;

        a.e[i] = &f->images[which];
        a.exclude[i] = i % 3 == 1 ? (fk_span){.first = which, .count = 1} : FK_NONE;
        assert_ok(FK_ALLOC(&a.maps[i], f->map.height * f->map.width, err));
    }
    return a;
}

static void free_asked(asked *a, int n)
{
    for (int i = 0; i < n; i++)
        fk_free(a->maps[i]);
}

/* Against score, for n images, on every pool. */
static void check_many(const fitted *f, int n)
{
    size_t bytes = (size_t)(f->map.height * f->map.width) * sizeof(float);
    asked a = ask(f, n);

    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < n; i++)
            memset(a.maps[i], 0xff, bytes);
        assert_ok(f->method->score_many(f->state, n, a.e, a.exclude, f->pools[t], a.maps, err));
        for (int i = 0; i < n; i++) {
            int64_t left_out = a.exclude[i].count > 0 ? a.exclude[i].first : -1;
            float *want = score_of(f->method, f->state, f->map, a.e[i], left_out, NULL, NULL);

            assert_memory_equal(a.maps[i], want, bytes);
            fk_free(want);
        }
    }
    free_asked(&a, n);
}

static const char *const F32[] = {"factors=f32", NULL}, *const BF16[] = {"factors=bf16", NULL};
static const char *const *const TYPES[] = {F32, BF16};

/* Widths with and without columns and rows left over, numbers of images with and without images
 * left over. */
static void maps_of_many_images_are_the_bytes_of_one_by_one(void **unused)
{
    static const int64_t dims[] = {1, 2, 3, 4, 5, 7, 8, 9, 39, 100};
    static const int counts[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17};

    (void)unused;
    for (size_t d = 0; d < sizeof dims / sizeof dims[0]; d++) {
        for (int type = 0; type < 2; type++) {
            fitted f;

            open_fitted(&f, 2, dims[d], type == (int)d % 2, LEARNED, TYPES[type]);
            for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++)
                check_many(&f, counts[k]);
            close_fitted(&f);
        }
    }
}

/* So many that threads share them, where masks leave positions out as well. */
static void maps_of_many_positions_are_the_bytes_of_one_by_one(void **unused)
{
    (void)unused;
    for (int masks = 0; masks < 2; masks++) {
        fitted f;

        open_fitted(&f, 13, 7, masks == 1, LEARNED, NULL);
        for (int n = 1; n <= IMAGES; n += 8)
            check_many(&f, n);
        close_fitted(&f);
    }
}

static void a_neighbourhood_is_honoured(void **unused)
{
    static const char *const pairs[] = {"neighbourhood=1", NULL};
    fitted f;

    (void)unused;
    open_fitted(&f, 4, 9, true, LEARNED, pairs);
    check_many(&f, 9);
    close_fitted(&f);
}

static fleck_status score_asked(const fitted *f, const asked *a, int n, fleck_error *err)
{
    return f->method->score_many(f->state, n, a->e, a->exclude, f->pools[1], a->maps, err);
}

static void what_score_refuses_is_refused_wherever_it_stands(void **unused)
{
    const fk_embed_shape wider = {.n_levels = 1, .levels = {{3, 4, 10, NULL, NULL}}};
    fk_embedding other = make_image(&wider, 5);
    void *unfinished = NULL;
    fk_options o = options_of(fk_method_find("padim"), NULL);
    fitted f;
    asked a;

    (void)unused;
    open_fitted(&f, 3, 9, false, LEARNED, NULL);
    for (int at = 0; at < 9; at++) {
        a = ask(&f, 9);
        f.images[16].levels[0].data[7] = (float)INFINITY;
        a.e[at] = &f.images[16];
        assert_refused(score_asked(&f, &a, 9, err), FLECK_E_ENGINE, "finite");
        a.e[at] = &other;
        assert_refused(score_asked(&f, &a, 9, err), FLECK_E_SHAPE, "");
        free_asked(&a, 9);
    }
    assert_ok(f.method->begin(&unfinished, &o, &f.shape, f.map, err));
    a = ask(&f, 2);
    assert_refused(f.method->score_many(unfinished, 2, a.e, a.exclude, NULL, a.maps, err),
                   FLECK_E_STATE, "padim: finish the fit before scoring");
    free_asked(&a, 2);
    f.method->free(unfinished);
    close_fitted(&f);
    fk_options_free(&o);
    fk_embedding_free(&other);
}

static void one_of_two_is_not_left_out_among_many_either(void **unused)
{
    fitted f;
    asked a;

    (void)unused;
    open_fitted(&f, 3, 9, false, 2, NULL);
    a = ask(&f, 3);
    assert_refused(score_asked(&f, &a, 3, err), FLECK_E_STATE, "needs 3 of them, there are 2");
    a.exclude[1] = FK_NONE;
    assert_ok(score_asked(&f, &a, 3, err));
    free_asked(&a, 3);
    close_fitted(&f);
}

/* A file whose diagonals are 0, at the last position only. */
static void numbers_that_are_no_factor_are_an_error(void **unused)
{
    enum { DIM = 3, PLACES = 6, T = 6 };
    static float mean[PLACES * DIM], factor[PLACES * T];
    char path[4200];
    fk_json *meta = fk_json_object();
    fk_options o = options_of(fk_method_find("padim"), NULL);
    fk_st_writer *w = NULL;
    fk_st_reader *r = NULL;
    fitted f;
    asked a;

    (void)unused;
    open_fitted(&f, 2, DIM, false, LEARNED, NULL);
    for (int64_t i = 0; i < (PLACES - 1) * T; i++)
        factor[i] = 1.0f;
    assert_true(fk_json_put_int(meta, "images", LEARNED) && fk_json_put_real(meta, "epsilon", 0.1));
    assert_true(fk_json_put_real(meta, "share", 0.1) && fk_json_put_real(meta, "ridge", 0.2));
    snprintf(path, sizeof path, "%s/no-factor.safetensors", test_folder());
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(
        fk_st_writer_add_data(w, "method.mean", FK_F32, 2, (int64_t[]){PLACES, DIM}, mean, err));
    assert_ok(
        fk_st_writer_add_data(w, "method.factor", FK_F32, 2, (int64_t[]){PLACES, T}, factor, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    f.method->free(f.state);
    assert_ok(fk_st_open(&r, path, err));
    assert_ok(f.method->load(&f.state, &o, &f.shape, f.map, r, meta, err));
    for (int n = 1; n <= 9; n++) {
        a = ask(&f, n);
        assert_refused(score_asked(&f, &a, n, err), FLECK_E_FORMAT, "numbers that are no factor");
        free_asked(&a, n);
    }
    close_fitted(&f);
    fk_st_close(&r);
    fk_json_free(&meta);
    fk_options_free(&o);
}

static void any_allocation_may_fail(void **unused)
{
    static const char *const near_by[] = {"neighbourhood=1", NULL};

    (void)unused;
    for (int with = 0; with < 2; with++) {
        fitted f;
        asked a;
        fleck_status st = FLECK_E_NOMEM;
        int64_t n = 0;

        open_fitted(&f, 3, 9, false, LEARNED, with ? near_by : NULL);
        a = ask(&f, 9);
        while (st != FLECK_OK) {
            assert_int_equal(st, FLECK_E_NOMEM);
            fk_mem_fail_at(++n);
            st = score_asked(&f, &a, 9, NULL);
            fk_mem_fail_at(0);
        }
        assert_true(n > 1);
        free_asked(&a, 9);
        close_fitted(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_of_many_images_are_the_bytes_of_one_by_one),
        cmocka_unit_test(maps_of_many_positions_are_the_bytes_of_one_by_one),
        cmocka_unit_test(a_neighbourhood_is_honoured),
        cmocka_unit_test(what_score_refuses_is_refused_wherever_it_stands),
        cmocka_unit_test(one_of_two_is_not_left_out_among_many_either),
        cmocka_unit_test(numbers_that_are_no_factor_are_an_error),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
