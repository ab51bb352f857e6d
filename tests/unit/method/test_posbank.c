/* SPDX-License-Identifier: Apache-2.0 */
/* PosBank: golden distances, a plain loop, and held-out scores that equal a fit without the
 * images. */
#include "unit/method/fixture.h"

#include "golden/method_posbank.h"
#include "linalg/linalg.h"
#include "method/methods.h"

enum { N = 12, H = 4, W = 5, P = H * W, D = 6 };

/* The map has the grid's size, so that it is the distances. */
static const fk_map_size MAP = {H, W};
static const fk_embed_shape SHAPE = {.n_levels = 1, .levels = {{H, W, D, NULL, NULL}}};

/* ---- Golden ---- */

static void check_golden(const char *const *options, const double *fresh, const double *held)
{
    const fk_method *m = &fk_method_posbank;
    const fk_embed_shape shape = {.n_levels = 1,
                                  .levels = {{POSBANK_H, POSBANK_W, POSBANK_D, NULL, NULL}}};
    const fk_map_size size = {POSBANK_H, POSBANK_W};
    int32_t part[POSBANK_N];
    const fk_parts parts = {.images = POSBANK_N, .count = {POSBANK_N, 0}, .part = {part, NULL}};
    fk_options o = options_of(m, options);
    fk_embedding images[POSBANK_N], query = make_image(&shape, 70);
    double score, worst = 0.0;
    void *s;
    float *map;

    make_images(images, &shape, 50, POSBANK_N);
    for (int i = 0; i < POSBANK_N; i++)
        part[i] = i;
    s = learn(m, &o, &shape, size, images, 0, POSBANK_N, 4, NULL);
    m->part(s, &parts);
    assert_ok(m->finish(s, NULL, err));
    map = score_of(m, s, size, &query, -1, NULL, &score);
    for (int p = 0; p < POSBANK_H * POSBANK_W; p++) {
        assert_near(map[p], fresh[p], 1e-6 * fresh[p]); /* a float, of a float's differences */
        worst = fmax(worst, fresh[p]);
    }
    assert_near(score, worst, 1e-6 * worst);
    fk_free(map);
    map = score_of(m, s, size, &images[2], 2, NULL, NULL);
    for (int p = 0; p < POSBANK_H * POSBANK_W; p++)
        assert_near(map[p], held[p], 1e-6 * held[p]);
    fk_free(map);
    m->free(s);
    free_images(images, POSBANK_N);
    fk_embedding_free(&query);
    fk_options_free(&o);
}

static void distances_are_those_of_numpy(void **state)
{
    (void)state;
    check_golden((const char *[]){"coreset=0.000001", "min-bank=4", "radius=0", NULL},
                 posbank_new_1, posbank_held_1);
    check_golden((const char *[]){"coreset=0.000001", "min-bank=4", "radius=1", NULL},
                 posbank_new_2, posbank_held_2);
    check_golden((const char *[]){"coreset=0.7", "min-bank=2", "radius=2", NULL}, posbank_new_3,
                 posbank_held_3);
    check_golden((const char *[]){"coreset=1", "min-bank=1", "radius=9", NULL}, posbank_new_4,
                 posbank_held_4);
}

/* ---- Held out ---- */

/* Images with duplicates: 3 and 7 are equal to 0, and each position looks the same in some. */
static void make_photos(fk_embedding *images, bool masks)
{
    make_images(images, &SHAPE, 900, N);
    for (int i = 3; i < N; i += 4)
        memcpy(images[i].levels[0].data, images[0].levels[0].data, P * D * sizeof(float));
    for (int i = 0; masks && i < N; i++) {
        assert_ok(FK_ALLOC(&images[i].levels[0].valid, P, err));
        for (int p = 0; p < P; p++)
            images[i].levels[0].valid[p] =
                p != 7 && fk_prng_hash((uint64_t)i * P + (uint64_t)p) % 4 != 0;
    }
}

/* Compare a score of image i without the images of its part with that of a fit without them. */
static void check_without(const fk_method *m, const fk_options *o, const void *all,
                          const fk_embedding *images, const int32_t *part, const int32_t *rank,
                          int i, bool fold)
{
    fk_span span = {.first = N, .rank = rank, .at = i, .fold = fold};
    fk_embedding others[N];
    float want[P], got[P];
    double a = 0.0, b = 0.0;
    char *scratch = NULL;
    int n = 0;
    void *s;

    for (int k = 0; k < N; k++) {
        if (part[k] != part[i])
            others[n++] = images[k];
        else if (rank[k] < span.first)
            span.first = rank[k];
        span.count += part[k] == part[i];
    }
    s = learn(m, o, &SHAPE, MAP, others, 0, n, 5, NULL);
    assert_ok(m->finish(s, NULL, err));
    assert_ok(FK_ALLOC(&scratch, (int64_t)m->scratch_size(all), err));
    assert_ok(m->score(s, &images[i], FK_NONE, scratch, NULL, want, &a, err));
    assert_ok(m->score(all, &images[i], span, scratch, NULL, got, &b, err));
    assert_memory_equal(got, want, sizeof want);
    assert_true(a == b);
    fk_free(scratch);
    m->free(s);
}

static void a_held_out_score_is_that_of_a_fit_without_the_images(void **state)
{
    static const char *const options[][4] = {{"coreset=0.000001", "min-bank=1", "radius=1", NULL},
                                             {"coreset=0.000001", "min-bank=3", "radius=0", NULL},
                                             {"coreset=0.4", "min-bank=1", "radius=1", NULL},
                                             {"coreset=0.9", "min-bank=1", "radius=9", NULL},
                                             {"coreset=1", "min-bank=1", "radius=2", NULL}};
    /* 0, 3, 7 and 11 are twins; folds of three images.  Ranks make folds, and twins, contiguous. */
    static const int32_t alone[N] = {0, 1, 2, 0, 3, 4, 5, 0, 6, 7, 8, 0};
    static const int32_t session[N] = {0, 1, 2, 0, 1, 2, 1, 0, 2, 1, 2, 0};
    static const int32_t rank[N] = {0, 4, 8, 1, 5, 9, 6, 2, 10, 7, 11, 3};
    const fk_parts parts = {.images = N, .count = {9, 3}, .part = {alone, session}};
    const fk_method *m = &fk_method_posbank;

    (void)state;
    for (int masks = 0; masks < 2; masks++)
        for (size_t k = 0; k < sizeof options / sizeof options[0]; k++) {
            fk_options o = options_of(m, options[k]);
            fk_embedding images[N];
            void *s;

            make_photos(images, masks != 0);
            s = learn(m, &o, &SHAPE, MAP, images, 0, N, 5, NULL);
            m->part(s, &parts);
            assert_ok(m->finish(s, NULL, err));
            for (int i = 0; i < N; i++) {
                check_without(m, &o, s, images, alone, rank, i, false);
                check_without(m, &o, s, images, session, rank, i, true);
            }
            m->free(s);
            free_images(images, N);
            fk_options_free(&o);
        }
}

/* ---- Masks ---- */

static void what_no_image_shows_nearby_passes(void **state)
{
    const fk_method *m = &fk_method_posbank;
    fk_options o = options_of(m, (const char *[]){"radius=0", NULL});
    fk_embedding images[N];
    double score = 0.0;
    float *map;
    void *s;

    (void)state;
    make_photos(images, true);
    s = learn(m, &o, &SHAPE, MAP, images, 0, N - 1, 5, NULL);
    assert_ok(m->finish(s, NULL, err));
    fk_embedding_unflag(&images[N - 1]);
    for (int j = 0; j < D; j++)
        images[N - 1].levels[0].data[7 * D + j] = 1e6f;
    map = score_of(m, s, MAP, &images[N - 1], -1, NULL, &score);
    assert_true(map[7] == 0.0f && score < 10.0); /* no image shows position 7 */
    fk_free(map);
    images[N - 1].levels[0].data[8 * D] = 1e6f;
    assert_ok(FK_CALLOC(&images[N - 1].levels[0].valid, P, err));
    images[N - 1].levels[0].valid[0] = 1;
    images[N - 1].levels[0].valid[1] = FK_SCORED_ONLY;
    map = score_of(m, s, MAP, &images[N - 1], -1, NULL, &score);
    assert_true(score == fmax((double)map[0], (double)map[1]));
    fk_free(map);
    m->free(s);
    for (int i = 0; i < N; i++)
        if (images[i].levels[0].valid != NULL)
            memset(images[i].levels[0].valid, 0, P);
    s = learn(m, &o, &SHAPE, MAP, images, 0, N - 1, 5, NULL);
    assert_refused(m->finish(s, NULL, err), FLECK_E_STATE, "at least 1 good image");
    m->free(s);
    free_images(images, N);
    fk_options_free(&o);
}

static void leaving_out_all_is_refused(void **state)
{
    static const int32_t part[2] = {0, 0};
    const fk_parts parts = {.images = 2, .count = {1, 0}, .part = {part, NULL}};
    const fk_method *m = &fk_method_posbank;
    fk_options o = options_of(m, NULL);
    fk_embedding images[2];
    char *scratch = NULL;

    (void)state;
    make_images(images, &SHAPE, 20, 2);
    for (int announced = 0; announced < 2; announced++) {
        void *s = learn(m, &o, &SHAPE, MAP, images, 0, 2, 2, NULL);

        if (announced)
            m->part(s, &parts);
        assert_ok(m->finish(s, NULL, err));
        assert_ok(FK_ALLOC(&scratch, (int64_t)m->scratch_size(s), err));
        assert_refused(m->score(s, &images[0], (fk_span){.first = 0, .count = 2}, scratch, NULL,
                                NULL, NULL, err),
                       FLECK_E_STATE, "there is none");
        fk_free(scratch);
        m->free(s);
    }
    free_images(images, 2);
    fk_options_free(&o);
}

/* ---- Files ---- */

/* Load a saved state with one number of a tensor changed. */
static fleck_status load_damaged(const char *tensor, int64_t at, int64_t value, fleck_error *why)
{
    const fk_method *m = &fk_method_posbank;
    fk_options o = options_of(m, NULL);
    fk_embedding images[3];
    fk_st_reader *r = NULL;
    fk_json *meta = NULL;
    fk_tensor t;
    void *s, *loaded = NULL;
    fleck_status st;

    make_images(images, &SHAPE, 30, 3);
    s = learn(m, &o, &SHAPE, MAP, images, 0, 3, 3, NULL);
    assert_ok(m->finish(s, NULL, err));
    assert_ok(fk_st_open(&r, save_state(m, s, &meta), err));
    assert_ok(fk_st_get(r, tensor, &t, err));
    if (t.dtype == FK_I64)
        ((int64_t *)(uintptr_t)t.data)[at] = value;
    else
        ((int32_t *)(uintptr_t)t.data)[at] = (int32_t)value;
    st = m->load(&loaded, &o, &SHAPE, MAP, r, meta, why);
    assert_null(loaded);
    fk_st_close(&r);
    fk_json_free(&meta);
    m->free(s);
    free_images(images, 3);
    fk_options_free(&o);
    return st;
}

static void damaged_banks_are_refused(void **state)
{
    (void)state;
    assert_refused(load_damaged("method.begin", 0, 1, err), FLECK_E_FORMAT, "method.begin");
    assert_refused(load_damaged("method.begin", P, 3 * P - 1, err), FLECK_E_FORMAT, "method.begin");
    assert_refused(load_damaged("method.begin", 4, 3 * P + 1, err), FLECK_E_FORMAT, "rise");
    assert_refused(load_damaged("method.begin", 4, -1, err), FLECK_E_FORMAT, "rise");
    assert_refused(load_damaged("method.images", 5, 3, err), FLECK_E_FORMAT, "method.images");
    assert_refused(load_damaged("method.images", 5, -1, err), FLECK_E_FORMAT, "method.images");
    assert_refused(load_damaged("method.bank", 5, 0x7f800000, err), FLECK_E_FORMAT, "not finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_those_of_numpy),
        cmocka_unit_test(a_held_out_score_is_that_of_a_fit_without_the_images),
        cmocka_unit_test(what_no_image_shows_nearby_passes),
        cmocka_unit_test(leaving_out_all_is_refused),
        cmocka_unit_test(damaged_banks_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
