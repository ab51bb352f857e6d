/* SPDX-License-Identifier: Apache-2.0 */
/* Maps back to the image's own pixels, masks forward to the crop. */
#include "fk_test.h"

#include "base/mem.h"
#include "view/place.h"

static fk_preprocess plan(int64_t width, int64_t height, int64_t crop_width, int64_t crop_height)
{
    return (fk_preprocess){
        .width = width, .height = height, .crop_width = crop_width, .crop_height = crop_height};
}

static void a_map_without_crop_at_the_images_size_is_unchanged(void **state)
{
    fk_preprocess p = plan(5, 4, 5, 4);
    float map[20], out[20];

    (void)state;
    for (int i = 0; i < 20; i++)
        map[i] = (float)((i * 7) % 11);
    fk_place_map(out, 4, 5, map, &p);
    assert_memory_equal(out, map, sizeof map);
}

static void outside_the_crop_is_the_lowest_value(void **state)
{
    fk_preprocess p = plan(8, 8, 4, 4); /* crop begins at 2 */
    float map[16], out[64];

    (void)state;
    for (int i = 0; i < 16; i++)
        map[i] = (float)(3 + i);
    fk_place_map(out, 8, 8, map, &p);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++) {
            bool inside = x >= 2 && x < 6 && y >= 2 && y < 6;

            assert_true(out[y * 8 + x] == (inside ? map[(y - 2) * 4 + x - 2] : 3.0f));
        }
}

/* Twice as large: pixel centres fall at quarters, torch's align_corners=False. */
static void enlarging_reads_between_pixel_centres(void **state)
{
    fk_preprocess p = plan(2, 1, 2, 1);
    float map[2] = {0.0f, 4.0f}, out[4];
    const float expected[4] = {0.0f, 1.0f, 3.0f, 4.0f};

    (void)state;
    fk_place_map(out, 1, 4, map, &p);
    assert_memory_equal(out, expected, sizeof expected);
}

static void a_mask_is_resized_nearest_and_cropped(void **state)
{
    fk_preprocess p = plan(4, 4, 2, 2);
    fk_image mask = {0}, out = {0};

    (void)state;
    assert_ok(fk_image_init(&mask, 8, 8, 1, err));
    for (int i = 0; i < 64; i++)
        mask.data[i] = (uint8_t)(i);
    assert_ok(fk_place_mask(&out, &mask, &p, err));
    assert_int_equal(out.width, 2);
    assert_int_equal(out.height, 2);
    /* Output pixel x of 4 lies over source pixel floor((x + 1/2) 2) = 2x + 1; the crop keeps 1
     * and 2. */
    assert_int_equal(out.data[0], 3 * 8 + 3);
    assert_int_equal(out.data[1], 3 * 8 + 5);
    assert_int_equal(out.data[2], 5 * 8 + 3);
    assert_int_equal(out.data[3], 5 * 8 + 5);
    fk_image_free(&mask);
    fk_image_free(&out);
}

static void what_lies_outside_the_crop_is_marked_and_measured(void **state)
{
    fk_preprocess p = {.width = 8, .height = 4, .crop_width = 4, .crop_height = 4};
    uint8_t out[4 * 8] = {0};

    (void)state;
    out[3] = 1;
    fk_place_outside(out, 4, 8, &p);
    for (int i = 0; i < 4 * 8; i++)
        assert_int_equal(out[i], i % 8 < 2 || i % 8 > 5 ? 255 : i == 3 ? 1 : 0);
    assert_true(fk_place_outside_share(&p) == 0.5);
    p.width = 0;
    assert_true(fk_place_outside_share(&p) == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_without_crop_at_the_images_size_is_unchanged),
        cmocka_unit_test(outside_the_crop_is_the_lowest_value),
        cmocka_unit_test(enlarging_reads_between_pixel_centres),
        cmocka_unit_test(a_mask_is_resized_nearest_and_cropped),
        cmocka_unit_test(what_lies_outside_the_crop_is_marked_and_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
