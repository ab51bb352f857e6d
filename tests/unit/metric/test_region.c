/* SPDX-License-Identifier: Apache-2.0 */
/* Regions of maps: worked ones, a flood fill as the plain version, and SciPy's. */
#include "metric_data.h"

#include "golden/metric_region.h"
#include "metric/region.h"

static const fleck_region_settings above_0 = {0};

/* ---- A plain version ---- */

static void flood(const float *map, double threshold, int32_t *labels, int64_t *stack, int64_t h,
                  int64_t w, int64_t start, int32_t label)
{
    int64_t depth = 0;

    stack[depth++] = start;
    labels[start] = label;
    while (depth > 0) {
        int64_t at = stack[--depth], y = at / w, x = at % w;

        for (int64_t j = y - 1; j <= y + 1; j++)
            for (int64_t i = x - 1; i <= x + 1; i++)
                if (j >= 0 && j < h && i >= 0 && i < w && labels[j * w + i] == 0 &&
                    (double)map[j * w + i] > threshold) {
                    labels[j * w + i] = label;
                    stack[depth++] = j * w + i;
                }
    }
}

/* What lies under a label. */
static fleck_region plain(const float *map, const int32_t *labels, int64_t h, int64_t w,
                          int32_t label)
{
    fleck_region r = {.x = w, .y = h, .peak = -HUGE_VAL};
    int64_t right = 0, bottom = 0, sum_x = 0, sum_y = 0;
    double sum = 0.0;

    for (int64_t i = 0; i < h * w; i++) {
        int64_t x = i % w, y = i / w;

        if (labels[i] != label)
            continue;
        r.x = x < r.x ? x : r.x;
        r.y = y < r.y ? y : r.y;
        right = x > right ? x : right;
        bottom = y > bottom ? y : bottom;
        if ((double)map[i] > r.peak) {
            r.peak = (double)map[i];
            r.peak_x = x;
            r.peak_y = y;
        }
        r.area++;
        sum_x += x;
        sum_y += y;
        sum += (double)map[i];
    }
    r.width = right - r.x + 1;
    r.height = bottom - r.y + 1;
    r.centroid_x = (double)sum_x / (double)r.area;
    r.centroid_y = (double)sum_y / (double)r.area;
    r.mean = sum / (double)r.area;
    return r;
}

/* Equal but for the outline; means may differ in their last bits. */
static void check_same(const fleck_region *a, const fleck_region *b)
{
    assert_int_equal(a->x, b->x);
    assert_int_equal(a->y, b->y);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->area, b->area);
    assert_near(a->centroid_x, b->centroid_x, 1e-12 * (1.0 + b->centroid_x));
    assert_near(a->centroid_y, b->centroid_y, 1e-12 * (1.0 + b->centroid_y));
    assert_same(a->peak, b->peak);
    assert_int_equal(a->peak_x, b->peak_x);
    assert_int_equal(a->peak_y, b->peak_y);
    assert_near(a->mean, b->mean, 1e-12 * (1.0 + fabs(b->mean)));
}

/* ---- Outlines ---- */

/* Twice the area inside, negative where the corners run anticlockwise on the screen. */
static int64_t doubled_area(const fleck_region *r)
{
    int64_t sum = 0;

    for (int64_t i = 0; i < r->outline_count; i++) {
        fleck_point a = r->outline[i], b = r->outline[(i + 1) % r->outline_count];

        sum += (int64_t)a.x * b.y - (int64_t)b.x * a.y;
    }
    return sum;
}

/* Whether pixel (x, y)'s centre is inside by the even-odd rule. */
static bool inside(const fleck_region *r, int64_t x, int64_t y)
{
    bool in = false;

    for (int64_t i = 0; i < r->outline_count; i++) {
        fleck_point a = r->outline[i], b = r->outline[(i + 1) % r->outline_count];

        if (a.x == b.x && a.x > x && (a.y <= y) != (b.y <= y))
            in = !in;
    }
    return in;
}

/* Each corner is a turn, the box is reached, all pixels are inside, and what is inside but not the
 * region's is enclosed: no way of sides leads from it out of the box. */
static void check_outline(const fleck_region *r, const int32_t *labels, int64_t h, int64_t w,
                          int32_t label)
{
    int64_t n = r->outline_count, enclosed = 0;
    int64_t left = w, top = h, right = 0, bottom = 0;

    assert_true(n >= 4 && n % 2 == 0);
    for (int64_t i = 0; i < n; i++) {
        fleck_point a = r->outline[i], b = r->outline[(i + 1) % n], c = r->outline[(i + 2) % n];

        assert_true((a.x == b.x) != (a.y == b.y));
        assert_true((a.x == b.x) == (b.y == c.y));
        left = a.x < left ? a.x : left;
        right = a.x > right ? a.x : right;
        top = a.y < top ? a.y : top;
        bottom = a.y > bottom ? a.y : bottom;
    }
    assert_true(left == r->x && right == r->x + r->width);
    assert_true(top == r->y && bottom == r->y + r->height);
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) {
            bool in = inside(r, x, y), own = labels[y * w + x] == label;

            assert_true(in || !own);
            enclosed += in;
            if (in && !own) { /* its neighbours at the sides are inside as well */
                assert_true(x > 0 && y > 0 && x + 1 < w && y + 1 < h);
                assert_true(inside(r, x - 1, y) && inside(r, x + 1, y));
                assert_true(inside(r, x, y - 1) && inside(r, x, y + 1));
            }
        }
    assert_int_equal(doubled_area(r), 2 * enclosed);
}

/* ---- Maps ---- */

/* Find regions of a picture: '.' is 0, digits are values. */
static fleck_regions of(const char *picture, int64_t height, int64_t width,
                        const fleck_region_settings *settings)
{
    float map[256];
    fleck_regions r;

    assert_int_equal(strlen(picture), height * width);
    for (int64_t i = 0; i < height * width; i++)
        map[i] = picture[i] == '.' ? 0.0F : (float)(picture[i] - '0');
    assert_ok(fk_regions_find(&r, NULL, map, height, width, settings, err));
    return r;
}

static void check_points(const fleck_region *r, const int32_t (*want)[2], int64_t n)
{
    assert_int_equal(r->outline_count, n);
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(r->outline[i].x, want[i][0]);
        assert_int_equal(r->outline[i].y, want[i][1]);
    }
}

static void a_region_is_measured_and_outlined(void **state)
{
    const int32_t want[6][2] = {{1, 1}, {4, 1}, {4, 2}, {2, 2}, {2, 3}, {1, 3}};
    fleck_regions r = of("....."
                         ".123."
                         ".3..."
                         ".....",
                         4, 5, &above_0);

    (void)state;
    assert_int_equal(r.count, 1);
    assert_int_equal(r.width, 5);
    assert_int_equal(r.height, 4);
    check_same(&r.list[0], &(fleck_region){.x = 1,
                                           .y = 1,
                                           .width = 3,
                                           .height = 2,
                                           .area = 4,
                                           .centroid_x = 1.75,
                                           .centroid_y = 1.25,
                                           .peak = 3,
                                           .peak_x = 3,
                                           .peak_y = 1,
                                           .mean = 2.25});
    check_points(&r.list[0], want, 6);
    fk_regions_free(&r);
    assert_null(r.list);
    fk_regions_free(&r);
}

static void pixels_that_touch_at_corners_have_one_outline(void **state)
{
    const int32_t want[12][2] = {{1, 0}, {2, 0}, {2, 1}, {3, 1}, {3, 2}, {2, 2},
                                 {2, 3}, {1, 3}, {1, 2}, {0, 2}, {0, 1}, {1, 1}};
    fleck_regions r = of(".1."
                         "1.1"
                         ".1.",
                         3, 3, &above_0);

    (void)state;
    assert_int_equal(r.count, 1);
    assert_int_equal(r.list[0].area, 4);
    check_points(&r.list[0], want, 12); /* the hole in the middle is inside */
    fk_regions_free(&r);
}

static void what_equals_the_threshold_is_no_region(void **state)
{
    const fleck_region_settings above_4 = {.threshold = 4};
    fleck_regions r = of("4454", 1, 4, &above_4);
    const int32_t want[4][2] = {{2, 0}, {3, 0}, {3, 1}, {2, 1}};

    (void)state;
    assert_int_equal(r.count, 1);
    assert_int_equal(r.list[0].x, 2);
    check_points(&r.list[0], want, 4);
    fk_regions_free(&r);
}

static void peaks_fall_and_equal_ones_keep_the_order_of_first_pixels(void **state)
{
    fleck_regions r = of("2.5.4.5.1", 1, 9, &above_0);
    const int64_t want[5] = {2, 6, 4, 0, 8};

    (void)state;
    assert_int_equal(r.count, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(r.list[i].x, want[i]);
    fk_regions_free(&r);
}

static void small_regions_are_left_out_and_counted(void **state)
{
    const char *picture = "9.88.777..";
    const fleck_region_settings two = {.min_area = 2}, fifth = {.min_percent = 20},
                                third = {.min_percent = 30}, most = {.min_area = 1000};
    const fleck_region_settings *settings[] = {&two, &fifth, &third, &most};
    const int64_t want[] = {2, 2, 1, 0};

    (void)state;
    for (int i = 0; i < 4; i++) {
        fleck_regions r = of(picture, 1, 10, settings[i]);

        assert_int_equal(r.count, want[i]);
        assert_int_equal(r.smaller, 3 - want[i]);
        if (r.count > 0)
            assert_int_equal(r.list[0].peak, r.count == 2 ? 8 : 7);
        fk_regions_free(&r);
    }
}

static void nan_and_infinity_have_their_side(void **state)
{
    const float map[5] = {NAN, (float)INFINITY, NAN, -(float)INFINITY, 2};
    fleck_regions r;

    (void)state;
    assert_ok(fk_regions_find(&r, NULL, map, 1, 5, &above_0, err));
    assert_int_equal(r.count, 2);
    assert_true(isinf(r.list[0].peak));
    assert_int_equal(r.list[1].x, 4);
    fk_regions_free(&r);
}

/* One map against the flood fill; kept marks the regions in the list. */
static void check_map(const float *map, int64_t h, int64_t w, double threshold, int64_t min_area)
{
    const fleck_region_settings settings = {.threshold = threshold, .min_area = min_area};
    int32_t *labels = data_block(h * w, sizeof *labels);
    int64_t *stack = data_block(h * w, sizeof *stack), n = 0, large = 0, pixels = 0;
    uint8_t *kept = data_block(h * w, 1);
    fleck_regions r;

    memset(kept, 7, (size_t)(h * w));
    for (int64_t i = 0; i < h * w; i++)
        if (labels[i] == 0 && (double)map[i] > threshold)
            flood(map, threshold, labels, stack, h, w, i, (int32_t)++n);
    assert_ok(fk_regions_find(&r, kept, map, h, w, &settings, err));
    for (int64_t k = 0; k < r.count; k++) {
        int32_t label = labels[r.list[k].peak_y * w + r.list[k].peak_x];
        fleck_region want = plain(map, labels, h, w, label);

        check_same(&r.list[k], &want);
        check_outline(&r.list[k], labels, h, w, label);
        assert_true(k == 0 || r.list[k].peak <= r.list[k - 1].peak);
        assert_true(r.list[k].area >= min_area);
        pixels += r.list[k].area;
    }
    for (int32_t label = 1; label <= n; label++)
        large += plain(map, labels, h, w, label).area >= min_area;
    assert_int_equal(r.count, large);
    assert_int_equal(r.smaller, n - large);
    for (int64_t i = 0; i < h * w; i++) {
        assert_true(kept[i] == 0 || (kept[i] == 1 && labels[i] != 0));
        pixels -= kept[i];
    }
    assert_int_equal(pixels, 0);
    fk_regions_free(&r);
    fk_free(labels);
    fk_free(stack);
    fk_free(kept);
}

static void random_maps_equal_a_flood_fill(void **state)
{
    const int64_t sizes[][2] = {{1, 1}, {1, 50}, {50, 1}, {2, 2}, {2, 31}, {17, 23}, {40, 30}};

    (void)state;
    for (uint64_t seed = 100; seed < 200; seed++) {
        const int64_t *size = sizes[seed % 7];
        int64_t h = size[0], w = size[1];
        float *map = data_block(h * w, sizeof *map);

        for (int64_t i = 0; i < h * w; i++)
            map[i] = (float)(data_hash(seed, (uint64_t)i) % 100);
        check_map(map, h, w, (double)(seed * 37 % 100), (int64_t)(seed % 3) * 2);
        check_map(map, h, w, -1.0, 0); /* all above */
        check_map(map, h, w, 99.0, 0); /* none */
        fk_free(map);
    }
}

static void rings_within_rings_are_regions_of_their_own(void **state)
{
    enum { SIDE = 31 };
    float map[SIDE * SIDE];

    (void)state;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int a = abs(x - SIDE / 2), b = abs(y - SIDE / 2), ring = a > b ? a : b;

            map[y * SIDE + x] = ring % 2 == 1 ? (float)ring : 0.0F;
        }
    check_map(map, SIDE, SIDE, 0.5, 0);
    check_map(map, SIDE, SIDE, 0.5, 20);
}

static void regions_equal_scipys(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof golden_regions / sizeof golden_regions[0]; c++) {
        const struct golden_regions *g = &golden_regions[c];
        const fleck_region_settings settings = {.threshold = g->threshold};
        float *map = data_block(g->height * g->width, sizeof *map);
        fleck_regions r;

        for (int64_t i = 0; i < g->height * g->width; i++)
            map[i] = (float)data_score(data_hash(g->seed, (uint64_t)i) % g->levels);
        assert_ok(fk_regions_find(&r, NULL, map, g->height, g->width, &settings, err));
        assert_int_equal(r.count, g->count);
        for (int64_t k = 0; k < r.count && k < 6; k++)
            check_same(&r.list[k], &g->first[k]);
        fk_regions_free(&r);
        fk_free(map);
    }
}

static void a_map_too_large_for_its_labels_is_refused(void **state)
{
    fleck_regions r;

    (void)state;
    assert_refused(fk_regions_find(&r, NULL, NULL, 65536, 65536, &above_0, err), FLECK_E_LIMIT,
                   "65536 x 65536");
    assert_null(r.list);
}

static void running_out_of_memory_leaves_no_list(void **state)
{
    const float map[4] = {1, 0, 1, 0};
    fleck_regions r;
    int n = 0;

    (void)state;
    do {
        fk_mem_fail_at(++n);
        r = (fleck_regions){.count = 9};
        if (fk_regions_find(&r, NULL, map, 2, 2, &above_0, NULL) == FLECK_OK)
            break;
        assert_null(r.list);
        assert_null(r.points);
        assert_int_equal(r.count, 0);
    } while (n < 100);
    fk_mem_fail_at(0);
    assert_int_equal(n, 7); /* six blocks */
    assert_int_equal(r.count, 1);
    fk_regions_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_region_is_measured_and_outlined),
        cmocka_unit_test(pixels_that_touch_at_corners_have_one_outline),
        cmocka_unit_test(what_equals_the_threshold_is_no_region),
        cmocka_unit_test(peaks_fall_and_equal_ones_keep_the_order_of_first_pixels),
        cmocka_unit_test(small_regions_are_left_out_and_counted),
        cmocka_unit_test(nan_and_infinity_have_their_side),
        cmocka_unit_test(random_maps_equal_a_flood_fill),
        cmocka_unit_test(rings_within_rings_are_regions_of_their_own),
        cmocka_unit_test(regions_equal_scipys),
        cmocka_unit_test(a_map_too_large_for_its_labels_is_refused),
        cmocka_unit_test(running_out_of_memory_leaves_no_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
