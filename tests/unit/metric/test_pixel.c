/* SPDX-License-Identifier: Apache-2.0 */
/* Pixel metrics: worked examples, properties, a plain version that sorts everything, and the golden
 * figures of scikit-learn and of PRO's definition. */
#include "golden/metric_golden.h"
#include "metric_data.h"

/* scikit-learn and our sum of AP round each of some thousand terms. */
#define GOLDEN_TOLERANCE 1e-12
/* The golden PRO is exact; ours rounds a handful of times for each region. */
#define PRO_TOLERANCE 1e-14

/* ---- The plain version: all pixels in one sorted list, one point a distinct score ------------ */

typedef struct pixel {
    float score;
    double share; /* 1 / (area * regions) of a defective pixel, 0 of a good one */
} pixel;

static int by_falling_score(const void *a, const void *b)
{
    float x = ((const pixel *)a)->score, y = ((const pixel *)b)->score;

    return (x < y) - (x > y);
}

/* Give the defective pixels their share; returns the number of regions. */
static int64_t plain_pixels(const data_set *d, pixel *pixels)
{
    int64_t size = d->height * d->width, regions = 0, n;
    int32_t *labels = data_block(size, sizeof *labels);
    int64_t *areas = data_block(size + 1, sizeof *areas);

    for (int64_t im = 0; im < d->images; im++) {
        assert_ok(fk_components(labels, &n, d->masks + im * size, d->height, d->width, err));
        memset(areas, 0, (size_t)(size + 1) * sizeof *areas);
        for (int64_t i = 0; i < size; i++)
            areas[labels[i]]++;
        for (int64_t i = 0; i < size; i++) {
            pixels[im * size + i].score = d->maps[im * size + i];
            pixels[im * size + i].share = labels[i] ? 1.0 / (double)areas[labels[i]] : 0.0;
        }
        regions += n;
    }
    for (int64_t i = 0; i < d->images * size; i++)
        pixels[i].share /= regions > 0 ? (double)regions : 1.0;
    fk_free(labels);
    fk_free(areas);
    return regions;
}

static fk_pixel_result plain_measure(const data_set *d, double limit)
{
    int64_t count = d->images * d->height * d->width, tp = 0, fp = 0, twice_area = 0;
    double area = 0.0, overlap = 0.0, end, sum = 0.0;
    pixel *pixels = data_block(count, sizeof *pixels);
    fk_pixel_result r = {.pixels = count, .regions = plain_pixels(d, pixels)};

    for (int64_t i = 0; i < count; i++)
        r.defective_pixels += pixels[i].share > 0.0;
    end = limit * (double)(count - r.defective_pixels);
    qsort(pixels, (size_t)count, sizeof *pixels, by_falling_score);
    for (int64_t i = 0; i < count;) {
        int64_t tp_before = tp, fp_before = fp;
        double overlap_before = overlap, f1, x, y;
        float score = pixels[i].score;

        for (; i < count && pixels[i].score == score; i++) {
            tp += pixels[i].share > 0.0;
            fp += pixels[i].share == 0.0;
            overlap += pixels[i].share;
        }
        twice_area += (fp - fp_before) * (tp + tp_before);
        if (tp > tp_before)
            sum += (double)(tp - tp_before) * ((double)tp / (double)(tp + fp));
        f1 = 2.0 * (double)tp / (double)(tp + fp + r.defective_pixels);
        if (f1 > r.ranking.f1max) {
            r.ranking.f1max = f1;
            r.ranking.f1max_threshold = (double)score;
        }
        if ((double)fp_before >= end || fp == fp_before)
            continue;
        x = (double)fp < end ? (double)fp : end;
        y = overlap_before +
            (overlap - overlap_before) * (x - (double)fp_before) / (double)(fp - fp_before);
        area += (x - (double)fp_before) * (overlap_before + y) / 2.0;
    }
    r.ranking.auroc = (double)twice_area /
                      (2.0 * ((double)r.defective_pixels * (double)(count - r.defective_pixels)));
    r.ranking.ap = sum / (double)r.defective_pixels;
    r.pro = area / end;
    fk_free(pixels);
    return r;
}

/* ---- Worked examples ------------------------------------------------------------------------- */

static fk_pixel_result measure_one(const float *map, const uint8_t *mask, int64_t height,
                                   int64_t width, double limit)
{
    fk_pixel_metric *m = NULL;
    fk_pixel_result r;

    assert_ok(fk_pixel_metric_open(&m, err));
    assert_ok(fk_pixel_metric_add(m, map, mask, NULL, height, width, err));
    assert_ok(fk_pixel_metric_finish(m, limit, NULL, &r, err));
    fk_pixel_metric_close(&m);
    return r;
}

static void a_small_map_has_the_figures_worked_out_by_hand(void **state)
{
    /* Two regions, of 2 pixels (scores 9, 5) and of 1 (score 7); good: 8, 6, 5, 1.
     * Points (F, PRO): 9: (0, 1/4), 8: (1, 1/4), 7: (1, 3/4), 6: (2, 3/4), 5: (3, 1), 1: (4, 1).
     * Up to F = 2 the area is 1/4 + 3/4; the next strip is 7/8 wide, half of it 13/32. */
    const float map[] = {9, 5, 8, 6, 7, 5, 1};
    const uint8_t mask[] = {1, 1, 0, 0, 255, 0, 0};
    fk_pixel_result r = measure_one(map, mask, 1, 7, 0.5);

    (void)state;
    assert_int_equal(r.regions, 2);
    assert_int_equal(r.pixels, 7);
    assert_int_equal(r.defective_pixels, 3);
    assert_same(r.pro, 0.5);
    assert_same(measure_one(map, mask, 1, 7, 0.625).pro, (1.0 + 13.0 / 32.0) / 2.5);
    assert_same(measure_one(map, mask, 1, 7, 0.75).pro, (1.0 + 7.0 / 8.0) / 3.0);
    assert_same(measure_one(map, mask, 1, 7, 1.0).pro, (1.0 + 7.0 / 8.0 + 1.0) / 4.0);
    assert_same(measure_one(map, mask, 1, 7, 0.125).pro, 0.25);
    assert_same(r.ranking.auroc, (4.0 + 3.0 + 1.5) / 12.0);
    assert_near(r.ranking.ap, (1.0 + 2.0 / 3.0 + 3.0 / 6.0) / 3.0, 1e-16);
    assert_same(r.ranking.f1max, 2.0 / 3.0);
    assert_same(r.ranking.f1max_threshold, 7.0);
}

static void a_small_region_counts_as_much_as_a_large_one(void **state)
{
    /* 8 defective pixels are found above all good ones, the single one below all: half. */
    const float map[] = {9, 9, 9, 9, 9, 9, 9, 9, 5, 0, 5};
    const uint8_t mask[] = {1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0};

    (void)state;
    assert_same(measure_one(map, mask, 1, 11, 0.3).pro, 0.5);
}

static void a_map_that_separates_perfectly_scores_exactly_one(void **state)
{
    data_set d = data_make(&(data_recipe){1, 6, 30, 31, 5000, 9, 5000, 3});
    fk_pixel_result r = data_measure(&d, 0.3, NULL, 0, 1);

    (void)state;
    assert_same(r.pro, 1.0);
    assert_same(r.ranking.auroc, 1.0);
    assert_same(r.ranking.ap, 1.0);
    assert_same(r.ranking.f1max, 1.0);
    data_free(&d);
}

static void a_map_that_is_wrong_everywhere_scores_zero(void **state)
{
    const float map[] = {-1, -2, 3, 4, 5, 6};
    const uint8_t mask[] = {1, 1, 0, 0, 0, 0};
    fk_pixel_result r = measure_one(map, mask, 2, 3, 1.0);

    (void)state;
    assert_same(r.pro, 0.0);
    assert_same(r.ranking.auroc, 0.0);
}

static void a_constant_map_gives_the_diagonal(void **state)
{
    const float map[12] = {0};
    const uint8_t mask[12] = {0, 1, 1, 0, 0, 0, 0, 0, 1};
    fk_pixel_result r = measure_one(map, mask, 3, 4, 0.25);

    (void)state;
    assert_same(r.ranking.auroc, 0.5);
    assert_same(r.ranking.ap, 0.25);
    assert_same(r.pro, 0.125); /* the mean of PRO = FPR over [0, 1/4] */
    assert_same(measure_one(map, mask, 3, 4, 1.0).pro, 0.5);
}

/* ---- Against the plain version and the golden figures -----------------------------------------
 */

static void every_figure_equals_the_plain_version(void **state)
{
    static const double limits[] = {0.01, 0.05, 0.1, 0.3, 0.5, 0.9, 1.0};

    (void)state;
    for (uint64_t seed = 0; seed < 150; seed++) {
        data_recipe recipe = {
            .seed = 1000 + seed,
            .images = 2 + (int64_t)(data_hash(seed, 0) % 6),
            .height = 1 + (int64_t)(data_hash(seed, 1) % 33),
            .width = 2 + (int64_t)(data_hash(seed, 2) % 33),
            .levels = UINT64_C(1) << data_hash(seed, 3) % 21,
            .percent = 1 + data_hash(seed, 4) % 98,
            .cell = 1 + (int64_t)(data_hash(seed, 6) % 6),
        };
        double limit = limits[seed % 7];
        data_set d;
        fk_pixel_result got, want;

        recipe.shift = data_hash(seed, 5) % (recipe.levels + 1);
        d = data_make(&recipe);
        d.masks[d.height * d.width] = 1; /* at least one pixel of either kind: */
        d.masks[0] = 0;                  /* image 0 is good, image 1 need not be */
        got = data_measure(&d, limit, NULL, 0, 1);
        want = plain_measure(&d, limit);
        /* The plain version adds up to 8000 shares one by one. */
        assert_near(got.pro, want.pro, 1e-12);
        got.pro = want.pro;
        assert_same_result(&got, &want);
        data_free(&d);
    }
}

static void figures_equal_scikit_learn_and_the_definition_of_pro(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden_pixels / sizeof golden_pixels[0]; i++) {
        const struct golden_pixel *c = &golden_pixels[i];
        data_set d = data_make(&(data_recipe){c->seed, c->images, c->height, c->width, c->levels,
                                              c->percent, c->shift, c->cell});
        fk_pixel_result r = data_measure(&d, c->limit, NULL, 0, 1);

        assert_int_equal(r.regions, c->regions);
        assert_int_equal(r.defective_pixels, c->defective);
        assert_near(r.ranking.auroc, c->want.auroc, GOLDEN_TOLERANCE);
        assert_near(r.ranking.ap, c->want.ap, GOLDEN_TOLERANCE);
        assert_near(r.ranking.f1max, c->want.f1max, GOLDEN_TOLERANCE);
        assert_same(r.ranking.f1max_threshold, c->want.f1max_threshold);
        assert_near(r.pro, c->pro, PRO_TOLERANCE);
        data_free(&d);
    }
}

static void values_of_all_magnitudes_equal_the_plain_version(void **state)
{
    data_set d = data_make(&(data_recipe){7, 6, 40, 40, 1000, 12, 200, 5});
    int64_t count = d.images * d.height * d.width;
    fk_pixel_result got, want;

    (void)state;
    for (int64_t i = 0; i < count; i++) {
        int exponent = (int)(data_hash(8, (uint64_t)i) % 240) - 125;

        d.maps[i] = ldexpf(d.maps[i], exponent);
        if (i % 50 == 0)
            d.maps[i] = i % 100 == 0 ? 0.0f : -0.0f;
    }
    got = data_measure(&d, 0.3, NULL, 0, 1);
    want = plain_measure(&d, 0.3);
    assert_near(got.pro, want.pro, 1e-12);
    got.pro = want.pro;
    assert_same_result(&got, &want);
    data_free(&d);
}

/* ---- Properties ------------------------------------------------------------------------------ */

static void threads_and_the_order_of_adds_change_no_bit(void **state)
{
    data_set d = data_make(&(data_recipe){21, 7, 90, 110, 60000, 8, 20000, 6});
    fk_pixel_result want = data_measure(&d, 0.3, NULL, 0, 1);

    (void)state;
    for (int threads = 1; threads <= 8; threads *= 2) {
        fk_pool *pool = NULL;

        assert_ok(fk_pool_open(&pool, threads, err));
        for (int64_t first = 0; first < 4; first++) {
            fk_pixel_result got = data_measure(&d, 0.3, pool, first, 1 + first);

            assert_same_result(&got, &want);
        }
        fk_pool_close(&pool);
    }
    data_free(&d);
}

typedef struct adder {
    fk_pixel_metric *m;
    const data_set *d;
} adder;

static fleck_status add_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    adder *a = ctx;
    int64_t size = a->d->height * a->d->width;

    (void)worker;
    return fk_pixel_metric_add(a->m, a->d->maps + item * size, a->d->masks + item * size, NULL,
                               a->d->height, a->d->width, err);
}

static void images_may_be_added_by_many_threads_at_once(void **state)
{
    data_set d = data_make(&(data_recipe){22, 40, 30, 30, 3000, 8, 1000, 6});
    fk_pixel_result want = data_measure(&d, 0.3, NULL, 0, 1), got;
    adder a = {.d = &d};
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 4, err));
    assert_ok(fk_pixel_metric_open(&a.m, err));
    assert_ok(fk_pool_run(pool, d.images, add_one, &a, err));
    assert_ok(fk_pixel_metric_finish(a.m, 0.3, pool, &got, err));
    assert_same_result(&got, &want);
    fk_pixel_metric_close(&a.m);
    fk_pool_close(&pool);
    data_free(&d);
}

static void finish_may_be_called_again_with_another_limit_or_more_images(void **state)
{
    data_set d = data_make(&(data_recipe){23, 4, 20, 20, 300, 20, 100, 4});
    fk_pixel_result want[3], got;
    fk_pixel_metric *m = NULL;
    adder a = {.d = &d};

    (void)state;
    want[0] = data_measure(&d, 0.3, NULL, 0, 1);
    want[1] = data_measure(&d, 0.05, NULL, 0, 1);
    d.images = 2;
    want[2] = data_measure(&d, 0.3, NULL, 0, 1);
    assert_ok(fk_pixel_metric_open(&m, err));
    a.m = m;
    for (int64_t n = 0; n < 2; n++)
        assert_ok(add_one(&a, n, 0, err));
    assert_ok(fk_pixel_metric_finish(m, 0.3, NULL, &got, err));
    assert_same_result(&got, &want[2]);
    for (int64_t n = 2; n < 4; n++)
        assert_ok(add_one(&a, n, 0, err));
    assert_ok(fk_pixel_metric_finish(m, 0.3, NULL, &got, err));
    assert_same_result(&got, &want[0]);
    assert_ok(fk_pixel_metric_finish(m, 0.05, NULL, &got, err));
    assert_same_result(&got, &want[1]);
    fk_pixel_metric_close(&m);
    data_free(&d);
}

static void increasing_maps_of_the_scores_change_nothing_but_the_threshold(void **state)
{
    data_set d = data_make(&(data_recipe){24, 4, 25, 20, 200, 20, 60, 4});
    fk_pixel_result a = data_measure(&d, 0.3, NULL, 0, 1), b;

    (void)state;
    for (int64_t i = 0; i < d.images * d.height * d.width; i++)
        d.maps[i] = 8.0f * d.maps[i] + 1.0f; /* exact */
    b = data_measure(&d, 0.3, NULL, 0, 1);
    assert_same(b.ranking.f1max_threshold, 8.0 * a.ranking.f1max_threshold + 1.0);
    b.ranking.f1max_threshold = a.ranking.f1max_threshold;
    assert_same_result(&a, &b);
    data_free(&d);
}

static void images_may_differ_in_size(void **state)
{
    const float first[] = {1, 2, 3, 4, 5, 6}, second[] = {7, 0};
    const float both[] = {1, 2, 3, 4, 5, 6, 0, 7};
    const uint8_t mask[] = {0, 0, 0, 1, 0, 1}, second_mask[] = {1, 0};
    const uint8_t both_mask[] = {0, 0, 0, 1, 0, 1, 0, 1};
    fk_pixel_metric *m = NULL;
    fk_pixel_result got, want = measure_one(both, both_mask, 1, 8, 0.3);

    (void)state;
    assert_ok(fk_pixel_metric_open(&m, err));
    assert_ok(fk_pixel_metric_add(m, first, mask, NULL, 1, 6, err));
    assert_ok(fk_pixel_metric_add(m, second, second_mask, NULL, 2, 1, err));
    assert_ok(fk_pixel_metric_finish(m, 0.3, NULL, &got, err));
    assert_same_result(&got, &want);
    fk_pixel_metric_close(&m);
}

/* ---- Nothing to measure, and bad input --------------------------------------------------------
 */

static void without_defective_or_without_good_pixels_the_figures_are_nan(void **state)
{
    const float map[] = {1, 2, 3, 4};
    const uint8_t all[] = {1, 1, 1, 1}, none[] = {0, 0, 0, 0};
    const fk_ranking nothing = {NAN, NAN, NAN, NAN};
    const uint8_t *masks[] = {all, none, NULL};

    (void)state;
    for (int i = 0; i < 3; i++) {
        fk_pixel_result r = measure_one(map, masks[i], 2, 2, 0.3);

        assert_same_ranking(&r.ranking, &nothing);
        assert_true(isnan(r.pro));
        assert_int_equal(r.pixels, 4);
        assert_int_equal(r.defective_pixels, i == 0 ? 4 : 0);
        assert_int_equal(r.regions, i == 0);
    }
}

static void without_images_the_figures_are_nan(void **state)
{
    fk_pixel_metric *m = NULL;
    fk_pixel_result r;

    (void)state;
    assert_ok(fk_pixel_metric_open(&m, err));
    assert_ok(fk_pixel_metric_finish(m, 0.3, NULL, &r, err));
    assert_true(isnan(r.pro) && isnan(r.ranking.auroc));
    assert_int_equal(r.pixels, 0);
    fk_pixel_metric_close(&m);
    fk_pixel_metric_close(&m);
    fk_pixel_metric_close(NULL);
}

static void maps_and_limits_without_meaning_are_refused(void **state)
{
    float map[] = {1, 2, 3, 4, 5, 6};
    static const double limits[] = {0.0, -0.1, 1.5, NAN};
    fk_pixel_metric *m = NULL;
    fk_pixel_result r;

    (void)state;
    assert_ok(fk_pixel_metric_open(&m, err));
    assert_refused(fk_pixel_metric_add(m, map, NULL, NULL, 0, 5, err), FLECK_E_SHAPE, "5 x 0");
    assert_refused(fk_pixel_metric_add(m, map, NULL, NULL, 1 << 20, 1 << 20, err), FLECK_E_LIMIT,
                   "1048576");
    map[4] = NAN;
    assert_refused(fk_pixel_metric_add(m, map, NULL, NULL, 2, 3, err), FLECK_E_FORMAT,
                   "NaN at row 1, column 1");
    map[4] = -INFINITY;
    assert_refused(fk_pixel_metric_add(m, map, NULL, NULL, 3, 2, err), FLECK_E_FORMAT,
                   "infinity at row 2, column 0");
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        assert_refused(fk_pixel_metric_finish(m, limits[i], NULL, &r, err), FLECK_E_OPTION,
                       "pro limit");
        assert_true(isnan(r.pro) && isnan(r.ranking.ap));
    }
    fk_pixel_metric_close(&m);
}

static fleck_status add_and_finish(const data_set *d, fk_pixel_result *r, fleck_error *err)
{
    adder a = {.d = d};
    fleck_status st = fk_pixel_metric_open(&a.m, err);

    for (int64_t n = 0; n < d->images && st == FLECK_OK; n++)
        st = add_one(&a, n, 0, err);
    if (st == FLECK_OK)
        st = fk_pixel_metric_finish(a.m, 0.3, NULL, r, err);
    fk_pixel_metric_close(&a.m);
    return st;
}

static void a_failed_allocation_is_reported_wherever_it_happens(void **state)
{
    data_set d = data_make(&(data_recipe){25, 3, 9, 9, 50, 20, 10, 2});
    fk_pixel_result r;
    int64_t asked;

    (void)state;
    fk_mem_fail_at(0);
    assert_ok(add_and_finish(&d, &r, err));
    asked = fk_mem_fail_at(0);
    assert_true(asked > 20);
    for (int64_t n = 1; n <= asked; n++) {
        fk_mem_fail_at(n);
        assert_refused(add_and_finish(&d, &r, err), FLECK_E_NOMEM, "memory");
    }
    fk_mem_fail_at(0);
    data_free(&d);
}

/* A set whose images go to a file beyond `budget` bytes. */
static fk_pixel_result measure_spilled(const data_set *d, int64_t budget, fk_pool *pool)
{
    int64_t size = d->height * d->width;
    fk_pixel_metric *m = NULL;
    fk_pixel_result first, result;

    assert_ok(fk_pixel_metric_open(&m, err));
    assert_ok(fk_pixel_metric_spill(m, ".", budget, err));
    for (int64_t n = 0; n < d->images; n++)
        assert_ok(fk_pixel_metric_add(m, d->maps + n * size, d->masks + n * size, NULL, d->height,
                                      d->width, err));
    assert_ok(fk_pixel_metric_finish(m, 0.3, pool, &first, err));
    assert_ok(fk_pixel_metric_finish(m, 0.3, pool, &result, err));
    assert_same_result(&first, &result);
    fk_pixel_metric_close(&m);
    return result;
}

static void spilling_changes_no_bit(void **state)
{
    static const data_recipe recipes[] = {
        {31, 7, 190, 310, 60000, 30, 20000, 6}, /* many distinct scores */
        {32, 5, 90, 110, 4, 50, 1, 3},          /* few, so that a bin is read in several blocks */
        {33, 6, 64, 64, 1, 40, 0, 5},           /* a single one */
    };
    static const int64_t budgets[] = {0, 100000, INT64_MAX};

    (void)state;
    for (size_t k = 0; k < sizeof recipes / sizeof recipes[0]; k++) {
        data_set d = data_make(&recipes[k]);
        fk_pixel_result want = data_measure(&d, 0.3, NULL, 0, 1);
        fk_pool *pool = NULL;

        assert_ok(fk_pool_open(&pool, 3, err));
        for (int b = 0; b < 3; b++) {
            fk_pixel_result got = measure_spilled(&d, budgets[b], pool);

            assert_same_result(&got, &want);
        }
        fk_pool_close(&pool);
        data_free(&d);
    }
}

static void a_folder_that_takes_no_file_is_named(void **state)
{
    const float map[] = {1, 2};
    fk_pixel_metric *m = NULL;

    (void)state;
    assert_ok(fk_pixel_metric_open(&m, err));
    assert_ok(fk_pixel_metric_spill(m, "no/such/folder", 0, err));
    assert_refused(fk_pixel_metric_add(m, map, NULL, NULL, 1, 2, err), FLECK_E_NOTFOUND,
                   "no/such/folder");
    fk_pixel_metric_close(&m);
}

/* The left half holds the only mistakes: without it the ranking is perfect, and its region is
 * none. */
static void pixels_left_out_are_neither_good_nor_defective(void **state)
{
    const float map[] = {9, 0, 1, 2, 9, 0, 1, 3};
    const uint8_t mask[] = {0, 255, 0, 255, 0, 255, 0, 255};
    const uint8_t left_out[] = {255, 255, 0, 0, 255, 255, 0, 0};
    fk_pixel_metric *m = NULL;
    fk_pixel_result r;

    (void)state;
    assert_ok(fk_pixel_metric_open(&m, err));
    assert_ok(fk_pixel_metric_add(m, map, mask, left_out, 2, 4, err));
    assert_ok(fk_pixel_metric_finish(m, 0.3, NULL, &r, err));
    assert_int_equal(r.pixels, 4);
    assert_int_equal(r.defective_pixels, 2);
    assert_int_equal(r.regions, 1);
    assert_true(r.ranking.auroc == 1.0 && r.pro == 1.0);
    fk_pixel_metric_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_left_out_are_neither_good_nor_defective),
        cmocka_unit_test(a_small_map_has_the_figures_worked_out_by_hand),
        cmocka_unit_test(a_small_region_counts_as_much_as_a_large_one),
        cmocka_unit_test(a_map_that_separates_perfectly_scores_exactly_one),
        cmocka_unit_test(a_map_that_is_wrong_everywhere_scores_zero),
        cmocka_unit_test(a_constant_map_gives_the_diagonal),
        cmocka_unit_test(every_figure_equals_the_plain_version),
        cmocka_unit_test(figures_equal_scikit_learn_and_the_definition_of_pro),
        cmocka_unit_test(values_of_all_magnitudes_equal_the_plain_version),
        cmocka_unit_test(threads_and_the_order_of_adds_change_no_bit),
        cmocka_unit_test(images_may_be_added_by_many_threads_at_once),
        cmocka_unit_test(finish_may_be_called_again_with_another_limit_or_more_images),
        cmocka_unit_test(increasing_maps_of_the_scores_change_nothing_but_the_threshold),
        cmocka_unit_test(images_may_differ_in_size),
        cmocka_unit_test(without_defective_or_without_good_pixels_the_figures_are_nan),
        cmocka_unit_test(without_images_the_figures_are_nan),
        cmocka_unit_test(maps_and_limits_without_meaning_are_refused),
        cmocka_unit_test(a_failed_allocation_is_reported_wherever_it_happens),
        cmocka_unit_test(spilling_changes_no_bit),
        cmocka_unit_test(a_folder_that_takes_no_file_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
