/* SPDX-License-Identifier: Apache-2.0 */
/* Connected components: worked masks, and a flood fill as the plain version. */
#include "metric_data.h"

#define assert_labels(picture, height, width, want)                                                \
    check_labels((picture), (height), (width), (want), sizeof(want) - 1)

/* Label a picture of '#' and '.'; want has a digit for each label. */
static void check_labels(const char *picture, int64_t height, int64_t width, const char *want,
                         size_t size)
{
    uint8_t mask[64];
    int32_t labels[64];
    int64_t n, most = 0;

    assert_int_equal(size, height * width);
    for (size_t i = 0; i < size; i++)
        mask[i] = picture[i] == '#' ? (uint8_t)(i + 1) : 0;
    assert_ok(fk_components(labels, &n, mask, height, width, err));
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(labels[i], want[i] == '.' ? 0 : want[i] - '0');
        most = labels[i] > most ? labels[i] : most;
    }
    assert_int_equal(n, most);
}

static void diagonal_neighbours_belong_together(void **state)
{
    (void)state;
    assert_labels("#..#"
                  ".##."
                  "#..#",
                  3, 4,
                  "1..1"
                  ".11."
                  "1..1");
}

static void branches_that_meet_late_are_one_region(void **state)
{
    (void)state;
    assert_labels("#.#.#"
                  "#.#.#"
                  "#.#.#"
                  ".#.#.",
                  4, 5,
                  "1.1.1"
                  "1.1.1"
                  "1.1.1"
                  ".1.1.");
    assert_labels("..#..."
                  "#...#."
                  ".###..",
                  3, 6,
                  "..1..."
                  "2...2."
                  ".222..");
}

static void labels_count_up_in_the_order_of_first_pixels(void **state)
{
    (void)state;
    assert_labels("....#"
                  "#.#.."
                  "....."
                  "###.#",
                  4, 5,
                  "....1"
                  "2.3.."
                  "....."
                  "444.5");
}

static void the_left_edge_does_not_touch_the_right_edge(void **state)
{
    (void)state;
    assert_labels("..#"
                  "#.."
                  "..#",
                  3, 3,
                  "..1"
                  "2.."
                  "..3");
}

static void single_rows_columns_and_pixels_work(void **state)
{
    (void)state;
    assert_labels("##.#", 1, 4, "11.2");
    assert_labels("##.#", 4, 1, "11.2");
    assert_labels("#", 1, 1, "1");
    assert_labels(".", 1, 1, ".");
    assert_labels("....", 2, 2, "....");
    assert_labels("####", 2, 2, "1111");
}

static void flood(const uint8_t *mask, int32_t *labels, int64_t *stack, int64_t h, int64_t w,
                  int64_t start, int32_t label)
{
    int64_t depth = 0;

    stack[depth++] = start;
    labels[start] = label;
    while (depth > 0) {
        int64_t at = stack[--depth], y = at / w, x = at % w;

        for (int64_t j = y - 1; j <= y + 1; j++)
            for (int64_t i = x - 1; i <= x + 1; i++)
                if (j >= 0 && j < h && i >= 0 && i < w && mask[j * w + i] && !labels[j * w + i]) {
                    labels[j * w + i] = label;
                    stack[depth++] = j * w + i;
                }
    }
}

static void random_masks_equal_a_flood_fill(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        int64_t h = 1 + (int64_t)(data_hash(seed, 0) % 40),
                w = 1 + (int64_t)(data_hash(seed, 1) % 40);
        int64_t count = h * w, n, regions = 0;
        uint8_t *mask = data_block(count, 1);
        int32_t *labels = data_block(count, sizeof *labels);
        int32_t *want = data_block(count, sizeof *want);
        int64_t *stack = data_block(count, sizeof *stack);

        for (int64_t i = 0; i < count; i++)
            mask[i] = data_hash(seed, (uint64_t)i + 2) % 100 < 5 + seed % 90;
        memset(labels, 0xff, (size_t)count * sizeof *labels); /* what lay there does not matter */
        for (int64_t i = 0; i < count; i++)
            if (mask[i] && !want[i])
                flood(mask, want, stack, h, w, i, (int32_t)++regions);
        assert_ok(fk_components(labels, &n, mask, h, w, err));
        assert_int_equal(n, regions);
        assert_memory_equal(labels, want, (size_t)count * sizeof *labels);
        fk_free(mask);
        fk_free(labels);
        fk_free(want);
        fk_free(stack);
    }
}

static void a_mask_too_large_for_its_labels_is_refused(void **state)
{
    int64_t n;

    (void)state;
    assert_refused(fk_components(NULL, &n, NULL, 65536, 65536, err), FLECK_E_LIMIT,
                   "65536 x 65536");
    assert_refused(fk_components(NULL, &n, NULL, INT64_MAX, 2, err), FLECK_E_LIMIT, "limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diagonal_neighbours_belong_together),
        cmocka_unit_test(branches_that_meet_late_are_one_region),
        cmocka_unit_test(labels_count_up_in_the_order_of_first_pixels),
        cmocka_unit_test(the_left_edge_does_not_touch_the_right_edge),
        cmocka_unit_test(single_rows_columns_and_pixels_work),
        cmocka_unit_test(random_masks_equal_a_flood_fill),
        cmocka_unit_test(a_mask_too_large_for_its_labels_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
