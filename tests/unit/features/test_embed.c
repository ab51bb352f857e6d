/* SPDX-License-Identifier: Apache-2.0 */
/* Taps become embeddings: joining, reducing, the global feature; channel lists; save and load. */
#include "unit/linalg/near.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/prng.h"
#include "features/embed.h"
#include "golden/features_golden.h"

#define N_TAPS 3

static const fk_tap_info TAPS[N_TAPS] = {
    {"layer1", 5, 6, 4}, {"layer2", 3, 3, 2}, {"last", 2, 2, 1}};

typedef struct fixture {
    float *data[N_TAPS];
    const float *taps[N_TAPS];
} fixture;

static fixture make_taps(void)
{
    fixture f;

    for (int t = 0; t < N_TAPS; t++) {
        int64_t n = TAPS[t].channels * TAPS[t].height * TAPS[t].width;

        assert_ok(FK_ALLOC(&f.data[t], n, err));
        for (int64_t k = 0; k < n; k++)
            f.data[t][k] =
                (float)((double)(fk_prng_hash(((uint64_t)(3 + t) << 32) + (uint64_t)k) >> 40) *
                        0x1.0p-24);
        f.taps[t] = f.data[t];
    }
    return f;
}

static void free_taps(fixture *f)
{
    for (int t = 0; t < N_TAPS; t++)
        fk_free(f->data[t]);
}

/* The embedding of the fixture's taps under spec. */
static fk_embedding embed(const fixture *f, const fk_embed_spec *spec, const float *pool,
                          int64_t pool_dim)
{
    fk_embed_shape shape;
    fk_embedding e = {0};

    assert_ok(fk_embed_shape_of(&shape, spec, N_TAPS, TAPS, pool_dim, err));
    assert_ok(fk_embedding_init(&e, &shape, err));
    fk_embed(&e, spec, N_TAPS, TAPS, f->taps, pool);
    assert_ok(fk_embedding_check(&e, &shape, err));
    return e;
}

static fk_embed_spec joined_spec(const char *reduce, int64_t dims)
{
    fk_embed_spec spec = {.mode = FK_EMBED_JOINED, .global = "none"};

    assert_ok(fk_embed_reduce(&spec, reduce, dims, 1024, 10, err));
    return spec;
}

static void joined_taps_equal_torch_nearest(void **state)
{
    fixture f = make_taps();
    fk_embed_spec spec = joined_spec("none", 0);
    fk_embedding e = embed(&f, &spec, NULL, 0);

    (void)state;
    assert_int_equal(e.n_levels, 1);
    assert_int_equal(e.levels[0].height, 6);
    assert_int_equal(e.levels[0].width, 4);
    assert_int_equal(e.levels[0].dim, 10);
    assert_memory_equal(e.levels[0].data, joined, sizeof joined);
    fk_embedding_free(&e);
    free_taps(&f);
}

static void chosen_channels_are_copies_of_the_joined_ones(void **state)
{
    fixture f = make_taps();
    fk_embed_spec spec = joined_spec("random", 4);
    fk_embedding e = embed(&f, &spec, NULL, 0);

    (void)state;
    for (int64_t p = 0; p < 24; p++)
        for (int64_t k = 0; k < 4; k++)
            assert_true(e.levels[0].data[p * 4 + k] == joined[p * 10 + spec.channels[k]]);
    fk_embedding_free(&e);
    fk_embed_spec_free(&spec);
    free_taps(&f);
}

static void projecting_before_or_after_joining_is_the_same(void **state)
{
    fixture f = make_taps();
    fk_embed_spec spec = joined_spec("orthogonal", 7);
    fk_embedding e = embed(&f, &spec, NULL, 0);

    (void)state;
    for (int64_t p = 0; p < 24; p++) {
        for (int64_t k = 0; k < 7; k++) {
            double want = 0.0;

            for (int64_t c = 0; c < 10; c++)
                want += (double)joined[p * 10 + c] * (double)spec.projection[c * 7 + k];
            assert_near(e.levels[0].data[p * 7 + k], want, 1e-6); /* 10 float products */
        }
    }
    fk_embedding_free(&e);
    fk_embed_spec_free(&spec);
    free_taps(&f);
}

/* Wider than the pieces that projecting works on. */
static void projections_of_large_grids_equal_plain_sums(void **state)
{
    enum { C = 41, H = 3, W = 70, DIMS = 40 };
    fk_tap_info tap = {"only", C, H, W};
    fk_embed_spec spec = {.mode = FK_EMBED_JOINED, .global = "none"};
    fk_embed_shape shape;
    fk_embedding e;
    float *x = NULL;

    (void)state;
    assert_ok(FK_ALLOC(&x, C * H * W, err));
    for (int64_t i = 0; i < C * H * W; i++)
        x[i] = (float)(i % 97) / 97.0f;
    assert_ok(fk_embed_reduce(&spec, "orthogonal", DIMS, 5, C, err));
    assert_ok(fk_embed_shape_of(&shape, &spec, 1, &tap, 0, err));
    assert_ok(fk_embedding_init(&e, &shape, err));
    fk_embed(&e, &spec, 1, &tap, (const float *const[]){x}, NULL);
    for (int64_t p = 0; p < H * W; p++) {
        for (int64_t k = 0; k < DIMS; k++) {
            double want = 0.0;

            for (int64_t c = 0; c < C; c++)
                want += (double)x[c * H * W + p] * (double)spec.projection[c * DIMS + k];
            assert_near(e.levels[0].data[p * DIMS + k], want, 2e-6);
        }
    }
    fk_embedding_free(&e);
    fk_embed_spec_free(&spec);
    fk_free(x);
}

static void separate_levels_are_transposed_taps(void **state)
{
    fixture f = make_taps();
    fk_embed_spec spec = {.mode = FK_EMBED_SEPARATE, .global = "layer2"};
    fk_embedding e = embed(&f, &spec, NULL, 0);

    (void)state;
    assert_int_equal(e.n_levels, N_TAPS);
    for (int t = 0; t < N_TAPS; t++) {
        int64_t plane = TAPS[t].height * TAPS[t].width;

        for (int64_t p = 0; p < plane; p++)
            for (int64_t c = 0; c < TAPS[t].channels; c++)
                assert_true(e.levels[t].data[p * TAPS[t].channels + c] == f.taps[t][c * plane + p]);
    }
    assert_int_equal(e.global_dim, 3);
    for (int64_t c = 0; c < 3; c++) {
        double sum = 0.0;

        for (int64_t p = 0; p < 6; p++)
            sum += (double)f.taps[1][c * 6 + p];
        assert_true(e.global[c] == (float)(sum / 6.0));
    }
    fk_embedding_free(&e);
    free_taps(&f);
}

static void the_pool_is_copied(void **state)
{
    static const float pool[4] = {1.0f, -2.0f, 3.5f, 0.0f};
    fixture f = make_taps();
    fk_embed_spec spec = {.mode = FK_EMBED_SEPARATE, .global = "pool"};
    fk_embedding e = embed(&f, &spec, pool, 4);

    (void)state;
    assert_int_equal(e.global_dim, 4);
    assert_memory_equal(e.global, pool, sizeof pool);
    fk_embedding_free(&e);
    free_taps(&f);
}

static void a_global_feature_that_is_not_there_is_named(void **state)
{
    fk_embed_spec spec = {.mode = FK_EMBED_SEPARATE, .global = "layer9"};
    fk_embed_shape shape;

    (void)state;
    assert_refused(fk_embed_shape_of(&shape, &spec, N_TAPS, TAPS, 0, err), FLECK_E_OPTION,
                   "(layer1, layer2, last), not \"layer9\"");
    snprintf(spec.global, sizeof spec.global, "pool");
    assert_refused(fk_embed_shape_of(&shape, &spec, N_TAPS, TAPS, 0, err), FLECK_E_OPTION,
                   "no pool");
}

/* ---- Reductions ---- */

static void random_channels_are_sorted_distinct_and_seeded(void **state)
{
    fk_embed_spec a = {0}, b = {0};

    (void)state;
    assert_ok(fk_embed_reduce(&a, "random", 100, 1024, 448, err));
    assert_int_equal(a.reduce, FK_REDUCE_CHANNELS);
    assert_int_equal(a.dims, 100);
    for (int64_t i = 0; i < 100; i++) {
        assert_in_range(a.channels[i], 0, 447);
        assert_true(i == 0 || a.channels[i] > a.channels[i - 1]);
    }
    assert_ok(fk_embed_reduce(&b, "random", 100, 1024, 448, err));
    assert_memory_equal(a.channels, b.channels, 100 * sizeof(int64_t));
    assert_ok(fk_embed_reduce(&b, "random", 100, 1, 448, err));
    assert_true(memcmp(a.channels, b.channels, 100 * sizeof(int64_t)) != 0);
    fk_embed_spec_free(&a);
    fk_embed_spec_free(&b);
}

/* Each of 10 channels is in 3 of 10 draws: over 2000 seeds 600 times, give or take 20. */
static void random_channels_are_drawn_evenly(void **state)
{
    int64_t drawn[10] = {0};
    fk_embed_spec spec = {0};

    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        assert_ok(fk_embed_reduce(&spec, "random", 3, seed, 10, err));
        for (int i = 0; i < 3; i++)
            drawn[spec.channels[i]]++;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(drawn[i], 600 - 5 * 20, 600 + 5 * 20);
    fk_embed_spec_free(&spec);
}

static void the_usual_width_depends_on_the_taps(void **state)
{
    static const int64_t cases[][2] = {{448, 100}, {1792, 550}, {1000, 100}, {1001, 550}, {40, 40}};
    fk_embed_spec spec = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(fk_embed_reduce(&spec, "random", 0, 1, cases[i][0], err));
        assert_int_equal(spec.dims, cases[i][1]);
    }
    fk_embed_spec_free(&spec);
}

static void widths_that_do_not_fit_are_refused(void **state)
{
    fk_embed_spec spec = {0};

    (void)state;
    assert_refused(fk_embed_reduce(&spec, "random", 449, 1, 448, err), FLECK_E_OPTION,
                   "--dims: expected 0 to 448");
    assert_refused(fk_embed_reduce(&spec, "none", 100, 1, 448, err), FLECK_E_OPTION,
                   "--reduce none");
    assert_refused(fk_embed_reduce(&spec, "sorted", 0, 1, 448, err), FLECK_E_OPTION, "\"sorted\"");
    assert_ok(fk_embed_reduce(&spec, "none", 448, 1, 448, err));
    assert_int_equal(spec.reduce, FK_REDUCE_NONE);
}

/* "list:PATH" of a fresh file with this text. */
static const char *list_of(const char *text)
{
    static char option[4200];

    snprintf(option, sizeof option, "list:%s/list.txt", test_folder());
    assert_ok(fk_file_write(option + 5, text, strlen(text), err));
    return option;
}

static void channel_lists_keep_their_order(void **state)
{
    fk_embed_spec spec = {0};

    (void)state;
    assert_ok(fk_embed_reduce(&spec, list_of("7\n0\r\n\n  3 \n"), 0, 1, 10, err));
    assert_int_equal(spec.dims, 3);
    assert_memory_equal(spec.channels, ((int64_t[]){7, 0, 3}), 3 * sizeof(int64_t));
    assert_ok(fk_embed_reduce(&spec, list_of("9"), 1, 1, 10, err));
    assert_int_equal(spec.channels[0], 9);
    fk_embed_spec_free(&spec);
}

static void bad_channel_lists_are_refused_with_file_and_line(void **state)
{
    fk_embed_spec spec = {0};

    (void)state;
    assert_refused(fk_embed_reduce(&spec, list_of("1\n2\n10\n"), 0, 1, 10, err), FLECK_E_FORMAT,
                   "list.txt, line 3: expected a channel from 0 to 9");
    assert_refused(fk_embed_reduce(&spec, list_of("1\n99999999999999999999\n"), 0, 1, 10, err),
                   FLECK_E_FORMAT, "line 2");
    assert_refused(fk_embed_reduce(&spec, list_of("1\n-2\n"), 0, 1, 10, err), FLECK_E_FORMAT,
                   "line 2: expected one channel number, found \"-2\"");
    assert_refused(fk_embed_reduce(&spec, list_of("1 2\n"), 0, 1, 10, err), FLECK_E_FORMAT,
                   "line 1: expected one channel number");
    assert_refused(fk_embed_reduce(&spec, list_of("4\n5\n4\n"), 0, 1, 10, err), FLECK_E_FORMAT,
                   "line 3: channel 4 was on line 1 already");
    assert_refused(fk_embed_reduce(&spec, list_of("\n\n"), 0, 1, 10, err), FLECK_E_FORMAT,
                   "found none");
    assert_refused(fk_embed_reduce(&spec, list_of(""), 0, 1, 10, err), FLECK_E_FORMAT,
                   "found none");
    assert_refused(fk_embed_reduce(&spec, list_of("1\n2\n"), 3, 1, 10, err), FLECK_E_OPTION,
                   "--dims 3 does not go with the 2 channels");
    assert_refused(fk_embed_reduce(&spec, "list:/no/such/list", 0, 1, 10, err), FLECK_E_NOTFOUND,
                   "/no/such/list");
    assert_int_equal(spec.reduce, FK_REDUCE_NONE);
    assert_null(spec.channels);
}

static void the_published_channel_lists_are_read(void **state)
{
    shared_or_skip(small, "reference/padim_idx_r18_100_seed1024.txt");
    shared_or_skip(large, "reference/padim_idx_wr50_550_seed1024.txt");
    char option[4200];
    fk_embed_spec spec = {0};

    (void)state;
    snprintf(option, sizeof option, "list:%s", small);
    assert_ok(fk_embed_reduce(&spec, option, 0, 1, 448, err));
    assert_int_equal(spec.dims, 100);
    assert_int_equal(spec.channels[0], 408);
    snprintf(option, sizeof option, "list:%s", large);
    assert_ok(fk_embed_reduce(&spec, option, 550, 1, 1792, err));
    assert_int_equal(spec.channels[0], 1632);
    assert_refused(fk_embed_reduce(&spec, option, 0, 1, 448, err), FLECK_E_FORMAT, "line 1");
    fk_embed_spec_free(&spec);
}

/* ---- Checking ---- */

static void embeddings_of_another_shape_or_not_finite_are_refused(void **state)
{
    fixture f = make_taps();
    fk_embed_spec spec = {.mode = FK_EMBED_SEPARATE, .global = "last"};
    fk_embedding e = embed(&f, &spec, NULL, 0);
    fk_embed_shape shape, other;

    (void)state;
    assert_ok(fk_embed_shape_of(&shape, &spec, N_TAPS, TAPS, 0, err));
    other = shape;
    other.levels[1].dim = 4;
    assert_refused(fk_embedding_check(&e, &other, err), FLECK_E_SHAPE,
                   "level 1 of an embedding must be [3, 2, 4], got [3, 2, 3]");
    other = shape;
    other.global_dim = 9;
    assert_refused(fk_embedding_check(&e, &other, err), FLECK_E_SHAPE, "global feature of 9");
    e.levels[2].data[3] = INFINITY;
    assert_refused(fk_embedding_check(&e, &shape, err), FLECK_E_ENGINE, "level 2");
    e.levels[2].data[3] = 0.0f;
    e.global[1] = NAN;
    assert_refused(fk_embedding_check(&e, &shape, err), FLECK_E_ENGINE, "global");
    fk_embedding_free(&e);
    free_taps(&f);
}

/* ---- Saving and loading ---- */

static const char *save(const fk_embed_spec *spec, fk_json *meta)
{
    static char path[4200];
    fk_st_writer *w = NULL;

    snprintf(path, sizeof path, "%s/spec.safetensors", test_folder());
    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_embed_spec_save(spec, w, meta, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    return path;
}

static void a_saved_spec_loads_as_it_was(void **state)
{
    static const char *const reductions[] = {"none", "random", "orthogonal"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        fk_embed_spec spec = joined_spec(reductions[i], i > 0 ? 6 : 0), back;
        fk_json *meta = fk_json_object();
        fk_st_reader *r = NULL;

        snprintf(spec.global, sizeof spec.global, "layer2");
        assert_ok(fk_st_open(&r, save(&spec, meta), err));
        assert_ok(fk_embed_spec_load(&back, r, meta, err));
        assert_int_equal(back.mode, spec.mode);
        assert_int_equal(back.reduce, spec.reduce);
        assert_int_equal(back.dims, spec.dims);
        assert_int_equal(back.width, spec.width);
        assert_string_equal(back.global, "layer2");
        if (spec.channels != NULL)
            assert_memory_equal(back.channels, spec.channels, 6 * sizeof(int64_t));
        if (spec.projection != NULL)
            assert_memory_equal(back.projection, spec.projection, 60 * sizeof(float));
        fk_st_close(&r);
        fk_json_free(&meta);
        fk_embed_spec_free(&spec);
        fk_embed_spec_free(&back);
    }
}

static void a_damaged_spec_is_refused(void **state)
{
    fk_embed_spec spec = joined_spec("random", 6), back;
    fk_json *meta = fk_json_object(), *other = NULL;
    fk_st_reader *r = NULL;
    const char *bad[][2] = {
        {"{}", "mode"},
        {"{\"mode\":\"joined\",\"reduce\":\"half\",\"width\":10,\"global\":\"none\"}", "\"half\""},
        {"{\"mode\":\"joined\",\"reduce\":\"channels\",\"width\":10}", "global"},
        {"{\"mode\":\"joined\",\"reduce\":\"channels\",\"width\":-1,\"global\":\"none\"}", "width"},
        {"{\"mode\":\"joined\",\"reduce\":\"channels\",\"width\":5,\"global\":\"none\"}",
         "expected 1 to 5, found 6"},
        {"{\"mode\":\"joined\",\"reduce\":\"orthogonal\",\"width\":10,\"global\":\"none\"}",
         "embed.projection"},
    };

    (void)state;
    spec.channels[2] = 10;
    assert_ok(fk_st_open(&r, save(&spec, meta), err));
    assert_refused(fk_embed_spec_load(&back, r, meta, err), FLECK_E_FORMAT,
                   "expected 0 to 9, found 10");
    assert_refused(fk_embed_spec_load(&back, r, NULL, err), FLECK_E_FORMAT, "spec.safetensors");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fleck_error error = {0};

        assert_ok(fk_json_parse(&other, bad[i][0], strlen(bad[i][0]), "test", err));
        assert_true(fk_embed_spec_load(&back, r, other, &error) != FLECK_OK);
        if (strstr(error.message, bad[i][1]) == NULL)
            fail_msg("\"%s\" is not in \"%s\"", bad[i][1], error.message);
        assert_null(back.channels);
        fk_json_free(&other);
    }
    fk_st_close(&r);
    fk_json_free(&meta);
    fk_embed_spec_free(&spec);
}

static fleck_status reduce_load_and_fill(const char *list)
{
    static const char *const texts[] = {"random", "orthogonal"};
    fk_embed_spec spec = {.global = "none"};
    fk_embed_shape shape;
    fk_embedding e = {0};
    fleck_status st = FLECK_OK;

    for (int i = 0; i < 3 && st == FLECK_OK; i++)
        st = fk_embed_reduce(&spec, i < 2 ? texts[i] : list, 0, 1, 10, NULL);
    if (st == FLECK_OK)
        st = fk_embed_shape_of(&shape, &spec, N_TAPS, TAPS, 0, NULL);
    if (st == FLECK_OK)
        st = fk_embedding_init(&e, &shape, NULL);
    fk_embedding_free(&e);
    fk_embed_spec_free(&spec);
    return st;
}

/* Six channels, of which a list takes 1 and 4. */
static void what_is_read_is_told(void **state)
{
    int64_t channels[] = {4, 1};
    fk_embed_spec spec = {.mode = FK_EMBED_JOINED,
                          .reduce = FK_REDUCE_CHANNELS,
                          .dims = 2,
                          .channels = channels,
                          .width = 6,
                          .global = "none"};
    bool reads[6];

    (void)state;
    assert_true(fk_embed_reads(&spec, reads));
    for (int c = 0; c < 6; c++)
        assert_int_equal(reads[c], c == 1 || c == 4);
    for (int way = 0; way < 3; way++) {
        fk_embed_spec other = spec;

        other.mode = way == 0 ? FK_EMBED_SEPARATE : FK_EMBED_JOINED;
        other.reduce = way == 1 ? FK_REDUCE_ORTHOGONAL : FK_REDUCE_CHANNELS;
        if (way == 2)
            snprintf(other.global, sizeof other.global, "layer1"); /* its mean */
        assert_false(fk_embed_reads(&other, reads));
        for (int c = 0; c < 6; c++)
            assert_true(reads[c]);
    }
}

static void any_allocation_may_fail(void **state)
{
    const char *list = list_of("1\n2\n");

    (void)state;
    for (int64_t n = 1;; n++) {
        fleck_status st;

        fk_mem_fail_at(n);
        st = reduce_load_and_fill(list);
        fk_mem_fail_at(0);
        if (st == FLECK_OK) {
            assert_true(n > 9);
            break;
        }
        assert_int_equal(st, FLECK_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_taps_equal_torch_nearest),
        cmocka_unit_test(chosen_channels_are_copies_of_the_joined_ones),
        cmocka_unit_test(projecting_before_or_after_joining_is_the_same),
        cmocka_unit_test(projections_of_large_grids_equal_plain_sums),
        cmocka_unit_test(separate_levels_are_transposed_taps),
        cmocka_unit_test(the_pool_is_copied),
        cmocka_unit_test(a_global_feature_that_is_not_there_is_named),
        cmocka_unit_test(random_channels_are_sorted_distinct_and_seeded),
        cmocka_unit_test(random_channels_are_drawn_evenly),
        cmocka_unit_test(the_usual_width_depends_on_the_taps),
        cmocka_unit_test(widths_that_do_not_fit_are_refused),
        cmocka_unit_test(channel_lists_keep_their_order),
        cmocka_unit_test(bad_channel_lists_are_refused_with_file_and_line),
        cmocka_unit_test(the_published_channel_lists_are_read),
        cmocka_unit_test(embeddings_of_another_shape_or_not_finite_are_refused),
        cmocka_unit_test(a_saved_spec_loads_as_it_was),
        cmocka_unit_test(a_damaged_spec_is_refused),
        cmocka_unit_test(what_is_read_is_told),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
