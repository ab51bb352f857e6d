/* SPDX-License-Identifier: Apache-2.0 */
/* Held-out scores: the conformal quantile against a plain sort, and the way to a file and back. */
#include "fk_test.h"

#include <math.h>

#include "base/mem.h"
#include "model/calibration.h"

/* ---- The quantile ---- */

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

/* The ceil((n + 1) (1 - p / q))-th smallest, or the largest where there is none; in whole
 * numbers. */
static double plain(const double *scores, int64_t n, int64_t p, int64_t q, bool *supported)
{
    double sorted[64], found;
    int64_t k = ((n + 1) * (q - p) + q - 1) / q;

    memcpy(sorted, scores, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    *supported = k <= n;
    found = sorted[(k < 1 ? 1 : k > n ? n : k) - 1];
    return found;
}

/* Scores 0 to `values` - 1 in no order: few values make many ties. */
static void fill(double *scores, int64_t n, uint32_t seed, uint32_t values)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        scores[i] = (double)((seed >> 8) % values);
    }
}

static void the_quantile_is_that_of_a_plain_sort(void **state)
{
    static const int64_t rates[][2] = {{1, 1000}, {1, 50}, {1, 20}, {1, 10},
                                       {1, 5},    {1, 2},  {9, 10}};
    static const uint32_t values[] = {1, 3, 1u << 20};

    (void)state;
    for (int64_t n = 1; n <= 64; n++)
        for (size_t v = 0; v < 3; v++) {
            double scores[64];

            fill(scores, n, (uint32_t)n, values[v]);
            for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
                bool want, got;
                double wanted = plain(scores, n, rates[r][0], rates[r][1], &want);
                double rate = (double)rates[r][0] / (double)rates[r][1];

                assert_true(fk_conformal(scores, n, rate, &got) == wanted);
                assert_int_equal(got, want);
            }
        }
}

static void the_least_rate_of_n_scores_is_supported_and_no_smaller_one(void **state)
{
    double scores[64];

    (void)state;
    fill(scores, 64, 1, 1000);
    for (int64_t n = 1; n <= 64; n++) {
        double least = 1.0 / (double)(n + 1);
        bool supported;

        assert_true(fk_conformal(scores, n, least, &supported) ==
                    fk_conformal(scores, n, 1e-6, NULL));
        assert_true(supported);
        (void)fk_conformal(scores, n, 0.999 * least, &supported);
        assert_false(supported);
    }
}

/* Of n + 1 exchangeable parts, the share of those above the quantile of the others is at most the
 * rate. */
static void the_promise_holds_whichever_part_is_the_new_one(void **state)
{
    double all[41], others[40];

    (void)state;
    for (uint32_t values = 2; values < 4000; values *= 3) {
        int rejected = 0;

        fill(all, 41, values, values);
        for (int i = 0; i < 41; i++) {
            for (int j = 0, k = 0; j < 41; j++)
                if (j != i)
                    others[k++] = all[j];
            rejected += all[i] > fk_conformal(others, 40, 0.1, NULL);
        }
        assert_true(rejected <= 4); /* 0.1 of 41 */
    }
}

static void counts_leave_out_what_is_equal(void **state)
{
    const double scores[] = {3.0, 1.0, 2.0, 2.0};

    (void)state;
    assert_true(fk_share_below(scores, 4, 2.0) == 0.25);
    assert_true(fk_share_below(scores, 4, 9.0) == 1.0);
}

/* ---- Rules ---- */

static double some[] = {5, 1, 4, 2, 3, 6, 9, 7, 8, 10, 12, 11};

/* A view of the first n of some[]; nothing to free. */
static fk_calibration of_scores(int64_t n)
{
    fk_calibration c;

    fk_calibration_init(&c);
    c.images = n;
    c.alone = some;
    return c;
}

static void the_rule_follows_the_number_of_scores(void **state)
{
    fk_calibration c = of_scores(12);

    (void)state;
    fk_calibration_set_rate(&c, 0.1);
    assert_int_equal(c.rule, FK_THRESHOLD_RATE);
    assert_true(c.threshold == 12.0 && c.rate == 0.1);
    fk_calibration_set_rate(&c, 0.2);
    assert_true(c.threshold == 11.0);
    fk_calibration_set_rate(&c, 0.02);
    assert_int_equal(c.rule, FK_THRESHOLD_MAXIMUM);
    assert_true(c.threshold == 12.0);
    fk_calibration_set(&c, 3.5, FK_THRESHOLD_HOLDOUT);
    assert_true(c.threshold == 3.5 && isnan(c.rate));
    c = of_scores(FK_LEAST_HELD_OUT - 1);
    fk_calibration_set_rate(&c, 0.2);
    assert_int_equal(c.rule, FK_THRESHOLD_NONE);
    assert_true(isnan(c.threshold));
    c = of_scores(FK_LEAST_HELD_OUT);
    fk_calibration_set_rate(&c, 0.2);
    assert_int_equal(c.rule, FK_THRESHOLD_RATE);
}

/* ---- Files ---- */

/* All fields that a calibration of 12 images can have. */
static void make(fk_calibration *c)
{
    float values[64];

    *c = of_scores(12);
    c->alone = NULL;
    assert_ok(FK_ALLOC(&c->alone, 12, err));
    assert_ok(FK_ALLOC(&c->group, 12, err));
    assert_ok(FK_ALLOC(&c->fold, 12, err));
    assert_ok(FK_CALLOC(&c->names, 12, err));
    assert_ok(fk_strdup(&c->sessions, "day", err));
    c->folds = 3;
    for (int i = 0; i < 12; i++) {
        char name[32];

        c->alone[i] = some[i];
        c->group[i] = some[i] + 0.1;
        c->fold[i] = i / 4;
        snprintf(name, sizeof name, "a/%d \"\t.png", i);
        assert_ok(fk_strdup(&c->names[i], name, err));
    }
    for (int i = 0; i < 64; i++)
        values[i] = (float)i;
    assert_ok(fk_calibration_measure(c, values, 64, err));
    fk_calibration_set_rate(c, 0.1);
}

/* Write c into a file at path, with the description in its metadata. */
static void save(const fk_calibration *c, const char *path)
{
    fk_st_writer *w;
    fk_json *object = fk_json_object();
    char *text;

    assert_ok(fk_st_writer_open(&w, err));
    assert_ok(fk_calibration_save(c, w, object, err));
    assert_ok(fk_json_dump(&text, object, 0, err));
    assert_ok(fk_st_writer_metadata(w, "fleck", text, err));
    assert_ok(fk_st_writer_commit(&w, path, err));
    fk_json_free(&object);
    fk_free(text);
}

/* Load it, with `from` of the description changed to `to` (NULL: nothing is). */
static fleck_status load(fk_calibration *c, const char *path, const char *from, const char *to,
                         fleck_error *err)
{
    fk_st_reader *r;
    fk_json *object = NULL;
    char text[8192];
    const char *found;
    fleck_status st;

    if (fk_st_open(&r, path, err) != FLECK_OK)
        fail();
    found = fk_st_metadata(r, "fleck");
    assert_non_null(found);
    if (from == NULL) {
        snprintf(text, sizeof text, "%s", found);
    } else {
        const char *at = strstr(found, from);

        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - found), found, to, at + strlen(from));
    }
    st = fk_json_parse(&object, text, strlen(text), "text", err);
    if (st == FLECK_OK)
        st = fk_calibration_load(c, r, object, err);
    fk_json_free(&object);
    fk_st_close(&r);
    return st;
}

static const char *in_folder(const char *name)
{
    static char path[4200];

    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    return path;
}

static void assert_same(const fk_calibration *a, const fk_calibration *b)
{
    assert_int_equal(a->images, b->images);
    assert_int_equal(a->folds, b->folds);
    assert_int_equal(a->rule, b->rule);
    assert_true(a->rate == b->rate && a->threshold == b->threshold && a->low == b->low &&
                a->high == b->high && a->pixel_threshold == b->pixel_threshold);
    assert_string_equal(a->sessions, b->sessions);
    assert_memory_equal(a->alone, b->alone, 12 * sizeof *a->alone);
    assert_memory_equal(a->group, b->group, 12 * sizeof *a->group);
    assert_memory_equal(a->fold, b->fold, 12 * sizeof *a->fold);
    assert_memory_equal(a->pixels, b->pixels, FK_PIXEL_POINTS * sizeof *a->pixels);
    assert_non_null(a->names);
    assert_non_null(b->names);
    for (int i = 0; a->names != NULL && b->names != NULL && i < 12; i++)
        assert_string_equal(a->names[i], b->names[i]);
}

static void what_is_saved_is_loaded_and_copied(void **state)
{
    const char *path = in_folder("all.safetensors");
    fk_calibration c = {0}, loaded = {0};

    (void)state;
    make(&c);
    save(&c, path);
    assert_ok(load(&loaded, path, NULL, NULL, err));
    assert_same(&c, &loaded);
    fk_calibration_free(&loaded);
    fk_calibration_free(&c);
}

/* Without groups, names and a verdict; and without anything. */
static void what_is_not_known_is_not_loaded(void **state)
{
    const char *path = in_folder("few.safetensors");
    fk_calibration c = of_scores(4), loaded = {0};

    (void)state;
    c.pixel_threshold = c.low = c.high = 1.0;
    fk_calibration_set_rate(&c, 0.02);
    save(&c, path);
    assert_ok(load(&loaded, path, NULL, NULL, err));
    assert_int_equal(loaded.rule, FK_THRESHOLD_NONE);
    assert_true(isnan(loaded.threshold) && loaded.rate == 0.02);
    assert_null(loaded.group);
    assert_null(loaded.names);
    assert_null(loaded.pixels);
    fk_calibration_free(&loaded);
    c.images = 0;
    save(&c, path);
    assert_ok(load(&loaded, path, NULL, NULL, err));
    assert_int_equal(loaded.images, 0);
    assert_true(isnan(loaded.threshold));
}

static void a_threshold_of_an_earlier_version_has_no_scores(void **state)
{
    const char *path = in_folder("old.safetensors");
    fk_calibration c = {0}, loaded = {0};

    (void)state;
    make(&c);
    save(&c, path);
    assert_ok(load(&loaded, path, "\"rule\":\"rate\",\"rate\":0.10000000000000001,", "", err));
    assert_int_equal(loaded.rule, FK_THRESHOLD_MAXIMUM);
    assert_true(isnan(loaded.rate) && loaded.threshold == 12.0);
    fk_calibration_free(&loaded);
    fk_calibration_free(&c);
}

static void damage_is_refused(void **state)
{
    static const char *const cases[][3] = {
        {"\"images\":12", "\"images\":0", "\"images\" is missing or not a positive"},
        {"\"rule\":\"rate\"", "\"rule\":\"luck\"", "rate, maximum, set, labels, holdout or none"},
        {"\"threshold\":12.0,", "", "\"threshold\" is missing"},
        {"\"threshold\":12.0", "\"threshold\":\"12\"", "\"threshold\" is missing"},
        {"\"rate\":0.1", "\"rate\":\"0.1", NULL},
        {"\"sessions\":\"day\",", "", "\"sessions\" is missing"},
        {"\"folds\":3", "\"folds\":2", "calibration.fold names fold 2 of 2"},
        {"\"folds\":3", "\"folds\":0", "\"sessions\" is missing"},
        {"\"names\":[", "\"names\":[\"one more\",", "\"names\" is missing"},
        {"\"names\":[\"", "\"names\":[1,\"", "\"names\" is missing"},
        {"\"low\":", "\"lower\":", "\"low\" is missing"}};
    const char *path = in_folder("damaged.safetensors");
    fk_calibration c = {0}, loaded = {0};

    (void)state;
    make(&c);
    save(&c, path);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refused(load(&loaded, path, cases[i][0], cases[i][1], err), FLECK_E_FORMAT,
                       cases[i][2] != NULL ? cases[i][2] : "text");
        assert_null(loaded.alone);
        assert_null(loaded.names);
    }
    assert_refused(load(&loaded, path, "\"images\":12", "\"images\":11", err), FLECK_E_SHAPE,
                   "calibration.alone");
    c.group[3] = NAN;
    save(&c, path);
    assert_refused(load(&loaded, path, NULL, NULL, err), FLECK_E_FORMAT,
                   "calibration.group: number 3 is not finite");
    fk_calibration_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_quantile_is_that_of_a_plain_sort),
        cmocka_unit_test(the_least_rate_of_n_scores_is_supported_and_no_smaller_one),
        cmocka_unit_test(the_promise_holds_whichever_part_is_the_new_one),
        cmocka_unit_test(counts_leave_out_what_is_equal),
        cmocka_unit_test(the_rule_follows_the_number_of_scores),
        cmocka_unit_test(what_is_saved_is_loaded_and_copied),
        cmocka_unit_test(what_is_not_known_is_not_loaded),
        cmocka_unit_test(a_threshold_of_an_earlier_version_has_no_scores),
        cmocka_unit_test(damage_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
