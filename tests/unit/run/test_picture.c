/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of results. */
#include "fk_test.h"

#include "run/picture.h"
#include "view/place.h"

#include <string.h>

enum { SIDE = 64, CROP = 32 };

/* Heat over a grey image of which the model sees the middle. */
static void heat_is_hatched_outside_the_crop_and_nowhere_else(void **state)
{
    fk_model m = {.pre = {.width = SIDE, .height = SIDE, .crop_width = CROP, .crop_height = CROP}};
    uint8_t grey[3 * SIDE * SIDE], outside[SIDE * SIDE] = {0};
    float map[CROP * CROP] = {0};
    fleck_result r = {.map = map,
                      .map_width = CROP,
                      .map_height = CROP,
                      .image = grey,
                      .image_width = SIDE,
                      .image_height = SIDE};
    fk_image out = {0};

    (void)state;
    memset(grey, 100, sizeof grey);
    fk_place_outside(outside, SIDE, SIDE, &m.pre);
    assert_ok(fk_picture_overlay(&out, &m, &r, err));
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_int_equal(memcmp(out.data + 3 * i, grey, 3) != 0, outside[i] != 0);
    fk_image_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heat_is_hatched_outside_the_crop_and_nowhere_else)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
